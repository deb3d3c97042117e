"""A series that Pterion writes is valid, exact and whole."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from model.errors import PterionError
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series
from viewer.dicom.write import write_series

HU = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5) * 50 - 1024
POSITIONS = [(-10.0, -20.0, 5.0 * index) for index in range(3)]


def only(folder: Path) -> Series:
    (study,) = scan(folder).studies
    (series,) = study.series
    return series


def test_hu_and_geometry_come_back(tmp_path: Path) -> None:
    write_series(tmp_path / "a", HU, spacing_mm=(0.4, 0.5), positions_mm=POSITIONS, thickness_mm=5.0)
    series = only(tmp_path / "a")
    volume = load_all(series)
    assert (volume.hu == HU).all()
    assert volume.spacing_mm == (0.4, 0.5)
    assert series.gaps_mm == pytest.approx((5.0, 5.0))
    assert [one.position_mm for one in series.slices] == POSITIONS
    assert (series.thickness_mm, series.notes) == (5.0, ())


@pytest.mark.parametrize("intercept", [-1024, 0, -8192])
def test_any_intercept_gives_the_same_hu(tmp_path: Path, intercept: int) -> None:
    write_series(tmp_path / "a", HU, spacing_mm=(1, 1), positions_mm=POSITIONS, rescale_intercept=intercept)
    assert pydicom.dcmread(tmp_path / "a" / "IM0001.dcm").RescaleIntercept == intercept
    assert (load_all(only(tmp_path / "a")).hu == HU).all()


def test_the_whole_range_of_int16_is_kept(tmp_path: Path) -> None:
    hu = np.array([[[-32768, 32767]]], np.int16)
    write_series(tmp_path / "a", hu, spacing_mm=(1, 1), positions_mm=[(0, 0, 0)])
    assert (load_all(only(tmp_path / "a")).hu == hu).all()


def test_an_estimated_spacing_is_said(tmp_path: Path) -> None:
    write_series(tmp_path / "a", HU, spacing_mm=(1, 1), positions_mm=POSITIONS, spacing_estimated=True)
    assert only(tmp_path / "a").problems == {Problem.SPACING_ESTIMATED}


def test_a_lossy_source_is_said(tmp_path: Path) -> None:
    write_series(tmp_path / "a", HU, spacing_mm=(1, 1), positions_mm=POSITIONS, lossy_source=True)
    assert only(tmp_path / "a").problems == {Problem.LOSSY_SOURCE}


def test_a_seed_gives_the_same_uids_and_none_gives_new_ones(tmp_path: Path) -> None:
    uids = {}
    for name, seed in (("a", "x"), ("b", "x"), ("c", "y"), ("d", None), ("e", None)):
        write_series(tmp_path / name, HU, spacing_mm=(1, 1), positions_mm=POSITIONS, seed=seed)
        series = only(tmp_path / name)
        uids[name] = (series.study_uid, series.series_uid, *(one.sop_uid for one in series.slices))
    assert uids["a"] == uids["b"]
    assert len({uids[name] for name in "acde"}) == 4


def test_names_in_any_script_come_back(tmp_path: Path) -> None:
    write_series(
        tmp_path / "a",
        HU,
        spacing_mm=(1, 1),
        positions_mm=POSITIONS,
        patient_name="Grüße^Ωμέγα",
        series_description="Kopf – 5 mm",
        study_description="x" * 80,
    )
    (study,) = scan(tmp_path / "a").studies
    assert study.patient_name == "Grüße^Ωμέγα"
    assert study.series[0].description == "Kopf – 5 mm"
    assert study.description == "x" * 64


def test_derived_pictures_are_marked(tmp_path: Path) -> None:
    write_series(tmp_path / "a", HU, spacing_mm=(1, 1), positions_mm=POSITIONS, derived_notes="Recovered")
    assert not only(tmp_path / "a").original
    assert pydicom.dcmread(tmp_path / "a" / "IM0001.dcm").DerivationDescription == "Recovered"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("estimated", [False, True])
def test_the_files_are_valid_ct_images(tmp_path: Path, estimated: bool) -> None:
    paths = write_series(
        tmp_path / "a",
        HU,
        spacing_mm=(1 / 3, 0.1 + 0.2),
        positions_mm=[(1e-17, -100 / 3, index * 10 / 3) for index in range(3)],
        orientation=(1, 0, 0, 0, np.cos(0.3), -np.sin(0.3)),
        patient_name="Test^Name",
        patient_sex="F",
        patient_age="063Y",
        thickness_mm=10 / 3,
        kernel="H30s",
        kvp=120,
        spacing_estimated=estimated,
        lossy_source=estimated,
        derived_notes="Simulated",
    )
    for path in paths:
        answer = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in answer.stderr + answer.stdout
        assert "CTImage" in answer.stderr + answer.stdout


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def full(_descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        PterionError, match=r"Writing IM0003.dcm in b failed: the disk is full. Free some space"
    ):
        write_series(tmp_path / "a" / "b", HU, spacing_mm=(1, 1), positions_mm=POSITIONS)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_move_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    replace = os.replace

    def refuse(source: Path, goal: Path) -> None:
        if Path(goal).name == "IM0002.dcm":
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        replace(source, goal)

    monkeypatch.setattr("viewer.dicom.write.os.replace", refuse)
    with pytest.raises(PterionError, match="permission is denied"):
        write_series(tmp_path, HU, spacing_mm=(1, 1), positions_mm=POSITIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_files_are_never_overwritten(tmp_path: Path) -> None:
    write_series(tmp_path, HU, spacing_mm=(1, 1), positions_mm=POSITIONS, seed="a")
    with pytest.raises(PterionError, match=r"already holds IM0001.dcm. Choose an empty folder"):
        write_series(tmp_path, HU, spacing_mm=(1, 1), positions_mm=POSITIONS, seed="b")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(PterionError, match="Making the folder b failed"):
        write_series(tmp_path / "a" / "b", HU, spacing_mm=(1, 1), positions_mm=POSITIONS)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"hu": HU.astype(np.float32)}, "hu must be int16"),
        ({"hu": HU[0]}, "hu must be int16"),
        ({"positions_mm": POSITIONS[:2]}, "3 finite points"),
        ({"positions_mm": [(0, 0, np.nan)] * 3}, "3 finite points"),
        ({"spacing_mm": (0, 1)}, "two positive lengths"),
        ({"orientation": (1, 0, 0, 1, 0, 0)}, "perpendicular"),
        ({"orientation": (2, 0, 0, 0, 1, 0)}, "unit vectors"),
        ({"rescale_intercept": 40000}, "do not fit"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, object], text: str) -> None:
    arguments = {"hu": HU, "spacing_mm": (1, 1), "positions_mm": POSITIONS} | change
    with pytest.raises(ValueError, match=text):
        write_series(tmp_path / "a", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "a").exists()
