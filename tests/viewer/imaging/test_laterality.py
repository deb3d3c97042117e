"""A marker at the patient's right stays at the patient's right, whichever way the patient lay in the scanner.

A scanner's rows and columns run along its gantry: to the right and down as one looks from its foot end. Where these
point in the patient follows from how the patient lies (PS3.3 C.7.3.1.1.2): for a prone patient the picture's right is
the patient's right, feet first is mirrored once more, decubitus is turned by a quarter. Each series is written to files
as a scanner would, then scanned and loaded as the window does it.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
import pydicom
import pytest

from viewer.dicom.load import load_all
from viewer.dicom.orientation import orientation_letters
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series
from viewer.imaging.orientation import Edges, edge_letters
from viewer.imaging.placement import Placement
from viewer.imaging.reformat import Cut, Plane, Stack, cut

GANTRY = {
    "HFS": ("L", "P"),
    "HFP": ("R", "A"),
    "FFS": ("R", "P"),
    "FFP": ("L", "A"),
    "HFDR": ("P", "R"),
    "HFDL": ("A", "L"),
    "FFDR": ("A", "R"),
    "FFDL": ("P", "L"),
}
"""Where the gantry's right and down point in the patient."""
TOWARDS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
OPPOSITE = dict(zip("LRPAHF", "RLAPFH", strict=True))
SIDE, STEP_MM, GAP_MM = 32, 2.0, 4.0
MARKERS = {"R": (-20.0, 0.0, 0.0), "A": (0.0, -16.0, 0.0), "H": (0.0, 0.0, 14.0)}
"""Places of the markers (mm, LPS), each named after the side that it lies on."""
MARKER_HU = {"R": 900, "A": 600, "H": 2000}
Edge = Callable[[Edges], str]


@pytest.fixture(scope="module", params=GANTRY)
def volume(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Volume:
    """A head with three markers, scanned with the patient in one of the eight positions."""
    right, down = (np.array(TOWARDS[letter], float) for letter in GANTRY[request.param])
    folder = tmp_path_factory.mktemp(request.param) / "series"
    corner = -(SIDE - 1) / 2 * STEP_MM
    heights = GAP_MM * (np.arange(11) - 5)
    if request.param.startswith("FF"):
        heights = heights[::-1]
    positions = [corner * (right + down) + (0, 0, z) for z in heights]
    hu = np.stack([_slice(np.array(position), right, down) for position in positions])
    paths = write_series(
        folder, hu, spacing_mm=(STEP_MM, STEP_MM), positions_mm=positions, orientation=(*right, *down)
    )
    for path in paths:
        data = pydicom.dcmread(path)
        data.PatientPosition = request.param
        data.save_as(path)
    return load_all(scan(folder).studies[0].series[0])


def _slice(
    position: npt.NDArray[np.float64], right: npt.NDArray[np.float64], down: npt.NDArray[np.float64]
) -> npt.NDArray[np.int16]:
    """A slice of a round head, 40 mm in radius, with the markers as balls of 5 mm."""
    row, column = np.mgrid[:SIDE, :SIDE] * STEP_MM
    points = position + column[..., None] * right + row[..., None] * down
    hu = np.where(np.linalg.norm(points[..., :2], axis=-1) < 28, 40, -1000)
    for name, place in MARKERS.items():
        hu[np.linalg.norm(points - place, axis=-1) <= 5] = MARKER_HU[name]
    return hu.astype(np.int16)


def centre(picture: npt.NDArray[np.int16], marker: str) -> tuple[float, float]:
    """Image-relative (column, row) of a marker in a picture that shows it."""
    rows, columns = np.nonzero(np.abs(picture - MARKER_HU[marker]) < 12)
    assert rows.size >= 3
    return float(np.median(columns)) + 0.5, float(np.median(rows)) + 0.5


def shown_at(point: tuple[float, float], placement: Placement) -> dict[str, bool]:
    """At which edges of the screen a point of the picture lies."""
    x, y = placement.to_screen(point)
    width, height = placement.size_px
    return {
        "left": x < width / 2 - 5,
        "right": x > width / 2 + 5,
        "top": y < height / 2 - 5,
        "bottom": y > height / 2 + 5,
    }


def test_places_of_markers_are_those_of_the_patient(volume: Volume) -> None:
    """The slice, the column and the row of a marker lead to its place, and back."""
    for name, place in MARKERS.items():
        index = max(range(len(volume.hu)), key=lambda i: int((volume.hu[i] == MARKER_HU[name]).sum()))
        column, row = centre(volume.hu[index], name)
        assert volume.patient_mm(index, column, row) == pytest.approx(place, abs=GAP_MM / 2 + 0.01)
        assert volume.image_point(place) == pytest.approx((index, column, row), abs=0.51)


def test_slices_run_from_the_feet_to_the_head(volume: Volume) -> None:
    assert list(volume.series.z_mm) == sorted(volume.series.z_mm)
    assert int((volume.hu[-3:] == MARKER_HU["H"]).sum()) > 0 == int((volume.hu[:5] == MARKER_HU["H"]).sum())


def test_letters_of_an_unturned_slice_name_the_side_of_each_marker(volume: Volume) -> None:
    letters = dict(
        zip(
            ("left", "right", "top", "bottom"),
            orientation_letters(volume.series.slices[5].orientation),
            strict=True,
        )
    )
    placement = Placement(SIDE, SIDE, volume.spacing_mm, (320, 320))
    for name in ("R", "A"):
        where = shown_at(centre(volume.hu[5], name), placement)
        (edge,) = [edge for edge, there in where.items() if there]
        assert letters[edge] == name


def test_letters_follow_the_marker_under_flips_and_turns(volume: Volume) -> None:
    orientation = volume.series.slices[5].orientation
    assert orientation is not None
    places = {name: centre(volume.hu[5], name) for name in ("R", "A")}
    for horizontal, vertical, turns in product([False, True], [False, True], range(4)):
        placement = Placement(
            *(SIDE, SIDE, volume.spacing_mm, (400, 300)),
            flip_horizontal=horizontal,
            flip_vertical=vertical,
            quarter_turns=turns,
        )
        edges = edge_letters(orientation, placement)
        for name, place in places.items():
            (edge,) = [edge for edge, there in shown_at(place, placement).items() if there]
            assert getattr(edges, edge) == name, (horizontal, vertical, turns)


@pytest.mark.parametrize(
    ("plane", "seen"),
    [
        ("axial", {"R": "left", "A": "top"}),
        ("coronal", {"R": "left", "H": "top"}),
        ("sagittal", {"A": "left", "H": "top"}),
    ],
)
def test_reformats_lie_as_radiologists_look_at_them(
    volume: Volume, plane: Plane, seen: dict[str, str]
) -> None:
    """The patient's right at the left, the nose at the left or the top, the head at the top; and the letters say so."""
    for marker, edge in seen.items():
        picture = _cut(volume, plane, MARKERS[marker])
        rows, columns = picture.hu.shape
        placement = Placement(rows, columns, (picture.step_mm, picture.step_mm), (500, 400))
        assert shown_at(centre(picture.hu, marker), placement)[edge]
        letters = edge_letters((*picture.right, *picture.down), placement)
        assert getattr(letters, edge) == marker
        opposite = {"left": "right", "top": "bottom"}[edge]
        assert getattr(letters, opposite) == OPPOSITE[marker]


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_places_in_reformats_are_those_of_the_patient(volume: Volume, plane: Plane) -> None:
    for marker, place in MARKERS.items():
        picture = _cut(volume, plane, place)
        found = picture.patient_mm(*centre(picture.hu, marker))
        assert found == pytest.approx(place, abs=1.5)


def _cut(volume: Volume, plane: Plane, place: tuple[float, float, float]) -> Cut:
    """The picture through a place."""
    orientation, positions = volume.series.slices[0].orientation, volume.positions_mm
    assert orientation is not None
    assert positions is not None
    return cut(Stack(volume.hu, positions, orientation, volume.spacing_mm), plane, place)
