"""NIfTI files say where every pixel lies, or are refused."""

import gzip
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import PterionError
from viewer.dicom.load import load_all
from viewer.dicom.nifti import write_nifti
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series

TILT = np.radians(18.5)
TILTED = (1.0, 0.0, 0.0, 0.0, float(np.cos(TILT)), float(-np.sin(TILT)))


def volume_of(folder: Path, positions: list[tuple[float, ...]], **more: object) -> Volume:
    hu = np.arange(len(positions) * 20, dtype=np.int16).reshape(-1, 4, 5)
    arguments: dict[str, object] = {"spacing_mm": (0.4, 0.5), "positions_mm": positions}
    write_series(folder, hu, **(arguments | more))  # type: ignore[arg-type]
    (study,) = scan(folder).studies
    return load_all(study.series[0])


def read(path: Path) -> tuple[npt.NDArray[np.float64], int, int, tuple[int, ...]]:
    """(sform, qform_code, sform_code, dim) as nifti1.h lays them out."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dim = struct.unpack_from("<8h", data, 40)
    qform, sform = struct.unpack_from("<hh", data, 252)
    return np.array(struct.unpack_from("<12f", data, 280)).reshape(3, 4), qform, sform, dim


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    ("orientation", "step"),
    [
        ((1, 0, 0, 0, 1, 0), (0, 0, 5)),
        ((1, 0, 0, 0, -1, 0), (0, 0, 5)),
        ((-1, 0, 0, 0, 1, 0), (0, 0, 5)),
        ((1, 0, 0, 0, 0, -1), (0, 5, 0)),
        ((0, 1, 0, 0, 0, -1), (5, 0, 0)),
        (TILTED, (0, 5 * np.sin(TILT), 5 * np.cos(TILT))),
    ],
)
def test_itk_reads_every_pixel_at_its_place(
    tmp_path: Path, name: str, orientation: tuple[float, ...], step: tuple[float, ...]
) -> None:
    import SimpleITK

    positions = [tuple(np.array([-100.0, -50.0, 7.0]) + i * np.array(step)) for i in range(3)]
    volume = volume_of(tmp_path / "d", positions, orientation=orientation)
    write_nifti(tmp_path / name, volume.hu, volume.series, volume.spacing_mm)
    image = SimpleITK.ReadImage(str(tmp_path / name))
    assert (SimpleITK.GetArrayFromImage(image) == volume.hu).all()
    for index in range(3):
        for row, column in ((0, 0), (3, 0), (0, 4), (2, 3)):
            theirs = image.TransformIndexToPhysicalPoint((column, row, index))
            assert theirs == pytest.approx(volume.patient_mm(index, column + 0.5, row + 0.5), abs=1e-4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3), flip=st.booleans())
def test_the_quaternion_turns_as_the_matrix_does(
    tmp_path_factory: pytest.TempPathFactory, angles: tuple[float, ...], flip: bool
) -> None:
    import SimpleITK

    a, b, c = angles
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    turn = turn @ np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    orientation = [*turn[:, 0], *(-turn[:, 1] if flip else turn[:, 1])]
    folder = tmp_path_factory.mktemp("turned")
    volume = volume_of(folder / "d", [tuple(turn[:, 2] * 5 * i) for i in range(3)], orientation=orientation)
    write_nifti(folder / "a.nii", volume.hu, volume.series, volume.spacing_mm)
    data = bytearray((folder / "a.nii").read_bytes())
    struct.pack_into("<h", data, 254, 0)  # leave only the quaternion
    (folder / "q.nii").write_bytes(data)
    image = SimpleITK.ReadImage(str(folder / "q.nii"))
    theirs = image.TransformIndexToPhysicalPoint((4, 3, 2))
    assert theirs == pytest.approx(volume.patient_mm(2, 4.5, 3.5), abs=1e-3)


def test_a_tilted_gantry_gives_a_sheared_matrix_and_no_quaternion(tmp_path: Path) -> None:
    """Columns run (0, cos, -sin)·0.4 in LPS, slices (0, 0, 5): in RAS the y of the columns turns over."""
    volume = volume_of(tmp_path / "d", [(0, 0, 5 * i) for i in range(3)], orientation=TILTED)
    write_nifti(tmp_path / "a.nii.gz", volume.hu, volume.series, volume.spacing_mm)
    matrix, qform, sform, dim = read(tmp_path / "a.nii.gz")
    assert (qform, sform, dim[:4]) == (0, 1, (3, 5, 4, 3))
    expected = [[-0.5, 0, 0, 0], [0, -0.4 * np.cos(TILT), 0, 0], [0, -0.4 * np.sin(TILT), 5, 0]]
    assert matrix == pytest.approx(np.array(expected), abs=1e-6)


def test_masks_are_bytes(tmp_path: Path) -> None:
    import SimpleITK

    volume = volume_of(tmp_path / "d", [(0, 0, 5 * i) for i in range(3)])
    mask = (volume.hu % 6).astype(np.uint8)
    write_nifti(tmp_path / "m.nii.gz", mask, volume.series, volume.spacing_mm)
    image = SimpleITK.ReadImage(str(tmp_path / "m.nii.gz"))
    assert image.GetPixelID() == SimpleITK.sitkUInt8
    assert (SimpleITK.GetArrayFromImage(image) == mask).all()


def test_a_single_slice_is_as_thick_as_it_says(tmp_path: Path) -> None:
    volume = volume_of(tmp_path / "d", [(0, 0, 3)], thickness_mm=6.0)
    write_nifti(tmp_path / "a.nii", volume.hu, volume.series, volume.spacing_mm)
    assert read(tmp_path / "a.nii")[0][2].tolist() == [0, 0, 6, 3]


@pytest.mark.parametrize(
    ("z_mm", "code", "text"),
    [
        ((0, 4, 8, 15), "UNEVEN_SPACING", "these lie up to 2.0 mm off it. Write .npz instead"),
        ((0, 0, 0), "NO_POSITION", "positions, which are unknown. Write .npz instead"),
    ],
)
def test_what_one_matrix_cannot_say_is_refused(
    tmp_path: Path, z_mm: tuple[float, ...], code: str, text: str
) -> None:
    volume = volume_of(tmp_path / "d", [(0, 0, z) for z in z_mm])
    with pytest.raises(PterionError) as caught:
        write_nifti(tmp_path / "a.nii", volume.hu, volume.series, volume.spacing_mm)
    assert caught.value.code == code
    assert text in str(caught.value)
    assert not (tmp_path / "a.nii").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    volume = volume_of(tmp_path / "d", [(0, 0, 5 * i) for i in range(3)])
    with pytest.raises(PterionError, match=r"Writing a.nii failed: it does not exist"):
        write_nifti(tmp_path / "gone" / "a.nii", volume.hu, volume.series, volume.spacing_mm)
