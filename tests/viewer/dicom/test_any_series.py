"""Any series, however it lies and whatever became of its files, gives the same HU at the same places.

The patient is a field of HU that rises along each axis, so that a pixel tells where it was taken. Slices are
written to files from it, then shuffled, copied, dropped; what is read back must agree with the field where
`Volume.patient_mm` says that it lies. Nothing of the code under test is used to compute what is expected.
"""

import runpy
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series
from viewer.dicom.volume import Volume
from viewer.imaging.reformat import Stack, cut

ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("ugly.py"))))
ROWS, COLUMNS = 5, 7
RISE = np.array([3.0, -2.0, 5.0])
F64 = npt.NDArray[np.float64]
LYING = settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


def field(points: npt.ArrayLike) -> F64:
    """HU of places (…, 3) in mm."""
    return np.asarray(100 + np.asarray(points) @ RISE, np.float64)


def turned(angles: tuple[float, float, float]) -> F64:
    """Rows: directions of the slice's rows, its columns and its normal, after turns about x, y, z in degrees."""
    x, y, z = np.radians(angles)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray((about_z @ about_y @ about_x).T)


def write_slice(
    path: Path, number: int, position: F64, axes: F64, spacing: tuple[float, float], **elements: object
) -> None:
    """One file of the field. position: centre of the first pixel; spacing: (between rows, between columns)."""
    position, axes = position.round(6), axes.round(8)
    row, column = np.mgrid[:ROWS, :COLUMNS]
    points = position + column[..., None] * spacing[1] * axes[0] + row[..., None] * spacing[0] * axes[1]
    stored = np.rint(field(points) + 1024).astype("<u2")
    made = ugly.slice_of(
        number,
        ImagePositionPatient=[f"{value:.10g}" for value in position],
        ImageOrientationPatient=[f"{value:.8f}" for value in axes[:2].reshape(-1)],
        PixelSpacing=[f"{value:.10g}" for value in spacing],
        Rows=ROWS,
        Columns=COLUMNS,
        PixelData=stored.tobytes(),
        **elements,
    )
    ugly.save(made, path)


def only(folder: Path) -> Series:
    (study,) = scan(folder).studies
    (series,) = study.series
    return series


def assert_true(volume: Volume) -> None:
    """Every pixel holds the HU of the place where the volume says that it lies."""
    for index in range(len(volume.hu)):
        for row, column in ((0, 0), (0, COLUMNS - 1), (ROWS - 1, 0), (ROWS - 1, COLUMNS - 1), (2, 3)):
            place = volume.patient_mm(index, column + 0.5, row + 0.5)
            assert place is not None
            assert volume.hu[index, row, column] == pytest.approx(field(place), abs=0.51)


def assert_reformats_true(volume: Volume) -> None:
    """So do pictures cut across the stack, where both slices around the place reach."""
    series = volume.series
    assert series.slices[0].orientation is not None
    assert volume.positions_mm is not None
    stack = Stack(volume.hu, volume.positions_mm, series.slices[0].orientation, volume.spacing_mm)
    middle = volume.patient_mm(len(volume.hu) // 2, COLUMNS / 2, ROWS / 2)
    assert middle is not None
    for plane in ("axial", "coronal", "sagittal"):
        picture = cut(stack, plane, middle)  # type: ignore[arg-type]
        column, row, behind = picture.picture_point(middle)
        assert behind == pytest.approx(0, abs=1e-6)
        at = (int(row), int(column))
        shown = picture.patient_mm(at[1] + 0.5, at[0] + 0.5)
        if reached(volume, np.array(shown)):
            assert picture.hu[at] == pytest.approx(field(shown), abs=1.1)


def reached(volume: Volume, place: F64) -> bool:
    """Whether a place lies between pixel centres of the slice below it and of the one above."""
    orientation = np.array(volume.series.slices[0].orientation)
    right, down = orientation[:3], orientation[3:]
    offsets = place - np.array(volume.positions_mm)
    heights = offsets @ np.cross(right, down)
    near = [np.where(side, np.abs(heights), np.inf).argmin() for side in (heights >= 0, heights <= 0)]
    columns = offsets[near] @ right / volume.spacing_mm[1]
    rows = offsets[near] @ down / volume.spacing_mm[0]
    inside = (columns >= 0) & (columns <= COLUMNS - 1) & (rows >= 0) & (rows <= ROWS - 1)
    return bool(inside.all() and (heights >= 0).any() and (heights <= 0).any())


angles = st.tuples(*[st.floats(-180, 180)] * 3)
spacings = st.tuples(st.floats(0.3, 2.5), st.floats(0.3, 2.5)).map(lambda pair: tuple(np.round(pair, 4)))


@LYING
@given(
    angles=angles,
    flips=st.tuples(*[st.sampled_from([1, -1])] * 2),
    spacing=spacings,
    gaps=st.lists(st.floats(0.4, 9), min_size=3, max_size=7),
    tilt=st.tuples(st.floats(-35, 35), st.floats(-35, 35)),
    order=st.randoms(use_true_random=False),
)
def test_orientation_flips_tilt_gaps_and_order_of_files(
    angles: tuple[float, float, float],
    flips: tuple[int, int],
    spacing: tuple[float, float],
    gaps: list[float],
    tilt: tuple[float, float],
    order: object,
) -> None:
    """Slices lie along a line that leaves their normal by `tilt`; numbers and names say nothing about their order."""
    axes = turned(angles)
    axes[0] *= flips[0]
    axes[1] *= flips[1]
    line = axes[2] + np.tan(np.radians(tilt[0])) * axes[0] + np.tan(np.radians(tilt[1])) * axes[1]
    heights = np.concatenate([[0], np.cumsum(np.round(gaps, 3))])
    numbers = list(range(len(heights)))
    order.shuffle(numbers)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, height in zip(numbers, heights, strict=True):
            write_slice(folder / f"{number}", number + 1, height * line, axes, spacing)
        volume = load_all(only(folder))
        series = volume.series
        assert len(series.slices) == len(heights)
        normal = np.cross(axes[0], axes[1])
        expected = normal @ line * np.diff(heights)
        expected = np.abs(
            expected if normal[np.argmax(np.abs(normal))] * (normal @ line) > 0 else expected[::-1]
        )
        assert series.gaps_mm == pytest.approx(expected, abs=1e-4)
        lean = np.degrees(np.arctan(np.hypot(*np.tan(np.radians(tilt)))))
        assert series.tilt_deg == pytest.approx(lean, abs=0.01)
        assert_true(volume)
        assert_reformats_true(volume)
        assert_agrees_with_itk(volume)


def assert_agrees_with_itk(volume: Volume) -> None:
    """SimpleITK reads one slice and places a pixel of it as we do."""
    place = volume.series.slices[1]
    image = SimpleITK.ReadImage(str(place.path))
    assert SimpleITK.GetArrayFromImage(image)[0, 2, 4] == volume.hu[1, 2, 4]
    if not np.allclose(np.array(image.GetDirection()).reshape(3, 3)[:, 0], place.orientation[:3], atol=1e-3):
        return  # ITK gives up directions that it finds degenerate
    there = image.TransformIndexToPhysicalPoint((4, 2, 0))
    assert volume.patient_mm(1, 4.5, 2.5) == pytest.approx(there, abs=1e-4)


@LYING
@given(
    angles=angles,
    spacing=spacings,
    gap=st.floats(0.5, 8).map(lambda value: round(value, 2)),
    count=st.integers(7, 10),
    data=st.data(),
)
def test_missing_and_doubled_files(
    angles: tuple[float, float, float],
    spacing: tuple[float, float],
    gap: float,
    count: int,
    data: st.DataObject,
) -> None:
    """What is there stays where it is; how many are missing, and how many were left out, is said."""
    axes = turned(angles)
    gone = data.draw(st.integers(2, count - 3), "missing")
    kept = [index for index in range(count) if index != gone]
    twice = data.draw(st.lists(st.sampled_from(kept), unique=True, max_size=3), "doubled")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index in kept:
            write_slice(folder / f"a{index}", index + 1, gap * index * axes[2], axes, spacing)
        for index in twice:
            (folder / f"b{index}").write_bytes((folder / f"a{index}").read_bytes())
        volume = load_all(only(folder))
        series = volume.series
        assert len(series.slices) == len(kept)
        texts = {note.problem: note.text for note in series.notes}
        assert "1 slice seems to be missing" in texts.pop(Problem.MISSING_SLICES)
        said = texts.pop(Problem.DUPLICATE_POSITIONS, "")
        assert (f"{len(twice)} file" in said) == bool(twice)
        assert texts == {}
        assert max(series.gaps_mm) == pytest.approx(2 * gap, abs=1e-4)
        assert_true(volume)


@LYING
@given(angles=angles, spacing=spacings, other=st.sampled_from(["turned", "finer", "smaller"]))
def test_two_geometries_under_one_series_uid_stay_apart(
    angles: tuple[float, float, float], spacing: tuple[float, float], other: str
) -> None:
    """Three slices of one kind and four of another: each stack is true on its own."""
    axes = turned(angles)
    second, fine = axes, spacing
    if other == "turned":
        second = np.stack([axes[1], axes[2], axes[0]])
    elif other == "finer":
        fine = (spacing[0] / 2, spacing[1] / 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index in range(3):
            write_slice(folder / f"a{index}", 10 + index, 5 * index * axes[2], axes, spacing)
        for index in range(4):
            path = folder / f"b{index}"
            write_slice(path, 20 + index, 5 * index * second[2], second, fine)
            if other == "smaller":
                smaller(path)
        (study,) = scan(folder).studies
        assert sorted(len(series.slices) for series in study.series) == [3, 4]
        for series in study.series:
            assert series.problems & {Problem.MIXED_ORIENTATIONS, Problem.MIXED_SIZES}
            volume = load_all(series)
            places = [volume.patient_mm(index, 0.5, 0.5) for index in range(len(volume.hu))]
            assert [volume.hu[index, 0, 0] for index in range(len(places))] == pytest.approx(
                field(places), abs=0.51
            )


def smaller(path: Path) -> None:
    """Cut the last row off a slice."""
    import pydicom

    data = pydicom.dcmread(path)
    data.Rows = ROWS - 1
    data.PixelData = data.PixelData[: 2 * (ROWS - 1) * COLUMNS]
    data.save_as(path)
