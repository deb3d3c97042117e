"""Pixels to patient and back to the reader: exact, and never faked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from model.errors import Cancelled
from viewer.dicom.load import allocate, load_all, load_slice
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series

TILT = np.radians(18.5)
TILTED = (1.0, 0.0, 0.0, 0.0, float(np.cos(TILT)), float(-np.sin(TILT)))


def volume_of(folder: Path, positions: list[tuple[float, float, float]], **more: object) -> Volume:
    hu = np.zeros((len(positions), 4, 5), np.int16)
    arguments: dict[str, object] = {"spacing_mm": (0.4, 0.5), "positions_mm": positions}
    write_series(folder, hu, **(arguments | more))  # type: ignore[arg-type]
    (study,) = scan(folder).studies
    return load_all(study.series[0])


def test_the_centre_of_the_first_pixel_is_the_position(tmp_path: Path) -> None:
    volume = volume_of(tmp_path, [(-100, -50, 7), (-100, -50, 12)])
    assert volume.patient_mm(0, 0.5, 0.5) == (-100, -50, 7)
    assert volume.patient_mm(1, 0.5, 0.5) == (-100, -50, 12)


def test_rows_and_columns_have_their_own_spacing(tmp_path: Path) -> None:
    """3 columns of 0.5 mm to the left of the patient, 2 rows of 0.4 mm to the back."""
    volume = volume_of(tmp_path, [(-100, -50, 7)])
    assert volume.patient_mm(0, 3.5, 2.5) == pytest.approx((-98.5, -49.2, 7))


def test_a_tilted_slice_runs_down_as_it_runs_back(tmp_path: Path) -> None:
    volume = volume_of(tmp_path, [(0, 0, 0), (0, 0, 5)], orientation=TILTED)
    assert volume.patient_mm(1, 0.5, 10.5) == pytest.approx((0, 4 * np.cos(TILT), 5 - 4 * np.sin(TILT)))


def test_without_position_there_is_no_place(tmp_path: Path) -> None:
    volume = volume_of(tmp_path, [(0, 0, 0)] * 3)
    assert volume.patient_mm(0, 1, 1) == (0.5 * 0.5, 0.5 * 0.4, 0)
    for path in tmp_path.iterdir():
        data = pydicom.dcmread(path)
        del data.ImagePositionPatient
        data.save_as(path)
    (study,) = scan(tmp_path).studies
    assert allocate(study.series[0]).patient_mm(0, 1, 1) is None


@pytest.mark.parametrize(
    "orientation", [(1, 0, 0, 0, 1, 0), TILTED, (0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, -1, 0)]
)
def test_places_lead_back_to_their_pixels(tmp_path: Path, orientation: tuple[float, ...]) -> None:
    """Tilted, sagittal, prone; gaps that differ; slices that are shifted."""
    normal = np.cross(orientation[:3], orientation[3:])
    shifts = [np.array(orientation[:3]) * (i % 2) for i in range(5)]
    positions = [tuple(normal * z + shift) for z, shift in zip((0, 4, 8, 15, 22), shifts, strict=True)]
    volume = volume_of(tmp_path, positions, orientation=orientation)
    for index in range(5):
        for column, row in ((0.5, 0.5), (4.25, 1.75), (-7.0, 30.0)):
            place = volume.patient_mm(index, column, row)
            assert place is not None
            assert volume.image_point(place) == pytest.approx((index, column, row), abs=1e-9)


def test_between_slices_the_gap_is_divided(tmp_path: Path) -> None:
    volume = volume_of(tmp_path, [(0, 0, z) for z in (0, 4, 8, 15)])
    assert volume.image_point((1, 0.8, 9.75)) == pytest.approx((2.25, 2.5, 2.5))
    assert volume.image_point((0, 0, 22)) == pytest.approx((4, 0.5, 0.5))
    assert volume.image_point((0, 0, -2)) == pytest.approx((-0.5, 0.5, 0.5))


def test_a_single_slice_has_its_own_places_only(tmp_path: Path) -> None:
    assert volume_of(tmp_path, [(0, 0, 3)]).image_point((1, 0.8, 99)) == pytest.approx((0, 2.5, 2.5))


def test_a_slice_stands_for_half_of_each_gap(tmp_path: Path) -> None:
    volume = volume_of(tmp_path, [(0, 0, z) for z in (0, 4, 8, 15)])
    assert volume.thickness_weights_mm() == pytest.approx([4, 4, 5.5, 7])


def test_a_single_slice_stands_for_its_thickness(tmp_path: Path) -> None:
    assert volume_of(tmp_path, [(0, 0, 0)], thickness_mm=6.0).thickness_weights_mm() == pytest.approx([6])


@pytest.mark.parametrize(
    ("positions", "more", "why"),
    [
        ([(0, 0, 5 * i) for i in range(4)], {}, None),
        ([(0, 0, 5 * i) for i in range(2)], {}, "need at least three slices"),
        ([(0, 0, 5 * i) for i in range(4)], {"orientation": TILTED}, None),
        ([(0, 0, z) for z in (0, 4, 8, 15)], {}, None),
        ([(0, 0, 0)] * 4, {}, "positions of the slices are unknown"),
        ([(0, 3 * (i % 2), 5 * i) for i in range(6)], {}, None),
    ],
)
def test_what_cannot_be_cut_across_says_why(
    tmp_path: Path, positions: list[tuple[float, float, float]], more: dict[str, object], why: str | None
) -> None:
    volume = volume_of(tmp_path, positions, **more)
    assert volume.reformattable == (why is None)
    text = volume.not_reformattable_because
    assert (text is None) if why is None else (text is not None and why in text)


def test_slices_are_loaded_in_the_order_asked_for(phantom_series: Path) -> None:
    (study,) = scan(phantom_series).studies
    volume = allocate(study.series[0])
    assert not volume.loaded.any()
    assert load_slice(volume, 5) is None
    assert volume.loaded.tolist() == [False] * 5 + [True, False, False]
    assert volume.hu[5, 60, 30] == 70
    assert volume.hu[4, 60, 30] == 0


def test_loading_can_be_cancelled(phantom_series: Path) -> None:
    (study,) = scan(phantom_series).studies
    with pytest.raises(Cancelled):
        load_all(study.series[0], cancelled=lambda: True)


def test_a_part_can_be_loaded(phantom_series: Path) -> None:
    (study,) = scan(phantom_series).studies
    assert load_all(study.series[0], order=[2, 0]).loaded.tolist() == [True, False, True] + [False] * 5


def test_series_whose_files_were_shuffled_load_alike(
    write_series_copy: Callable[..., Path], phantom_hu: np.ndarray
) -> None:
    folder = write_series_copy()
    for index, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"{(5 * index) % 8}")
    (study,) = scan(folder).studies
    assert (load_all(study.series[0]).hu == phantom_hu).all()
