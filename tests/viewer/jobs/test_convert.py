"""HU and geometry leave the program as they are in the files."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from model.errors import PterionError
from viewer.dicom.write import write_series
from viewer.jobs.convert import convert


def test_npz_holds_everything(
    tmp_path: Path, phantom_series: Path, phantom_hu: npt.NDArray[np.int16]
) -> None:
    report = convert(phantom_series, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        content = dict(file)
    assert (content["hu"] == phantom_hu).all()
    assert content["hu"].dtype == np.int16
    assert content["positions_mm"].tolist() == [[-83.125, -111.125, 5.0 * index] for index in range(8)]
    assert content["orientation"].tolist() == [1, 0, 0, 0, 1, 0]
    assert content["spacing_mm"].tolist() == [1.75, 1.75]
    assert content["gaps_mm"].tolist() == [5] * 7
    assert content["z_mm"].tolist() == [5 * index for index in range(8)]
    assert float(content["tilt_deg"]) == 0
    assert str(content["series_uid"]) == report["series_uid"]
    assert len(set(content["sop_uids"].tolist())) == 8
    assert (report["slices"], report["rows"], report["columns"], report["warnings"]) == (8, 128, 96, [])


def test_nifti_is_read_back_by_itk(
    tmp_path: Path, phantom_series: Path, phantom_hu: npt.NDArray[np.int16]
) -> None:
    import SimpleITK

    convert(phantom_series, tmp_path / "a.nii.gz")
    image = SimpleITK.ReadImage(str(tmp_path / "a.nii.gz"))
    assert (SimpleITK.GetArrayFromImage(image) == phantom_hu).all()
    assert image.GetSpacing() == pytest.approx((1.75, 1.75, 5))
    assert image.TransformIndexToPhysicalPoint((95, 127, 7)) == pytest.approx((83.125, 111.125, 35))


def test_several_series_need_a_choice(tmp_path: Path, phantom_series: Path) -> None:
    hu = np.zeros((3, 4, 4), np.int16)
    places = [(0, 0, index) for index in range(3)]
    write_series(
        tmp_path / "d", hu, spacing_mm=(1, 1), positions_mm=places, seed="a", series_description="thin"
    )
    write_series(tmp_path / "e", hu, spacing_mm=(1, 1), positions_mm=places, seed="b", series_number=2)
    with pytest.raises(PterionError, match=r"holds 2 series. Choose one by its UID: .* \(thin\)") as caught:
        convert(tmp_path, tmp_path / "a.npz")
    assert caught.value.code == "SEVERAL_SERIES"
    uid = str(caught.value).split(": ")[1].split(" ")[0]
    assert convert(tmp_path, tmp_path / "a.npz", series_uid=uid)["series_uid"] == uid


def test_a_uid_that_is_not_there(tmp_path: Path, phantom_series: Path) -> None:
    with pytest.raises(PterionError, match=r"holds no series 1\.2\.3"):
        convert(phantom_series, tmp_path / "a.npz", series_uid="1.2.3")


def test_an_unknown_ending(tmp_path: Path, phantom_series: Path) -> None:
    with pytest.raises(PterionError, match=r"a.mha ends in neither .nii.gz, .nii nor .npz"):
        convert(phantom_series, tmp_path / "a.mha")


def test_a_folder_that_does_not_exist(tmp_path: Path, phantom_series: Path) -> None:
    with pytest.raises(PterionError, match=r"The folder for a.npz does not exist"):
        convert(phantom_series, tmp_path / "gone" / "a.npz")


def test_uneven_gaps_go_to_npz_only(tmp_path: Path) -> None:
    places = [(0, 0, z) for z in (0, 4, 8, 12, 19, 26, 33)]
    write_series(tmp_path / "d", np.zeros((7, 4, 4), np.int16), spacing_mm=(1, 1), positions_mm=places)
    with pytest.raises(PterionError, match=r"Write .npz instead, which keeps the position of every slice"):
        convert(tmp_path / "d", tmp_path / "a.nii.gz")
    assert not (tmp_path / "a.nii.gz").exists()
    convert(tmp_path / "d", tmp_path / "a.npz")
    assert np.load(tmp_path / "a.npz")["gaps_mm"].tolist() == [4, 4, 4, 7, 7, 7]


def test_a_slice_that_cannot_be_read_is_marked_or_refused(
    tmp_path: Path, write_series_copy: Callable[..., Path]
) -> None:
    folder = write_series_copy()
    os.truncate(folder / "IM0003.dcm", 9000)
    with pytest.raises(PterionError, match="1 of 8 slices cannot be read, and NIfTI cannot leave them out"):
        convert(folder, tmp_path / "a.nii.gz")
    report = convert(folder, tmp_path / "a.npz")
    assert report["unreadable_slices"] == 1
    assert "IM0003.dcm: it is cut short" in report["warnings"][0]
    assert np.load(tmp_path / "a.npz")["failed"].tolist() == [False, False, True] + [False] * 5


def test_without_positions_npz_says_nan(tmp_path: Path) -> None:
    write_series(
        tmp_path / "d", np.zeros((3, 4, 4), np.int16), spacing_mm=(1, 1), positions_mm=[(0, 0, 0)] * 3
    )
    convert(tmp_path / "d", tmp_path / "a.npz")
    assert np.isnan(np.load(tmp_path / "a.npz")["z_mm"]).all()
    assert np.isnan(np.load(tmp_path / "a.npz")["gaps_mm"]).tolist() == [True, True]


@pytest.mark.parametrize("name", ["a.npz", "a.nii.gz", "a.nii"])
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, phantom_series: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / name).write_text("old")
    monkeypatch.setattr("viewer.dicom.files.os.fsync", full)
    with pytest.raises(PterionError, match=f"Writing {name} failed: the disk is full") as caught:
        convert(phantom_series, tmp_path / name)
    assert caught.value.code == "DISK_FULL"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "old"
