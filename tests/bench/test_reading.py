"""The rows of reading: a ratio that is promised, series in every syntax, and a folder of many files."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from viewer.bench import reading, run
from viewer.bench.rows import Promise, row
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan


@pytest.mark.parametrize(
    ("value", "peer", "within"),
    [([1.0], [4.0], True), ([1.0], [3.9], False), ([1.0], [], False), ([], [4.0], False)],
)
def test_a_promised_ratio_is_judged_against_the_peer(
    value: list[float], peer: list[float], within: bool
) -> None:
    answer = row(Promise("B.x", "s", None, "a thing", "a peer", 4.0), value, peer)
    assert answer["within"] is within
    assert answer["times_as_fast"] == 4.0


@pytest.mark.parametrize("name", reading.SYNTAXES)
def test_every_syntax_holds_the_same_head(tmp_path: Path, name: str) -> None:
    row_, column = np.mgrid[:40, :48]
    hu = np.stack([row_ * 70 - 1024 + column, row_ * 30 + column]).astype(np.int16)
    folder = tmp_path / name
    reading.write(folder, reading.SYNTAXES[name][0], 4, hu)
    (series,) = scan(folder).studies[0].series
    assert series.transfer_syntax == reading.SYNTAXES[name][0]
    assert (load_all(series).hu == hu[[0, 0, 1, 1]]).all()
    assert reading.load(folder)[f"B.load_{name}"] > 0
    assert reading.load_simpleitk(folder)["peer"] > 0
    assert min(reading.headers(folder).values()) > 0
    assert set(reading.headers(folder)) == {"B.scan", "peer"}


def test_every_syntax_is_written_for_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SLICES", 2)
    monkeypatch.setattr(reading, "head_hu", lambda: np.zeros((1, 16, 16), np.int16))
    assert reading.prepare(reading.EVERY_SYNTAX, tmp_path) == tmp_path
    assert {len(list((tmp_path / name).iterdir())) for name in reading.SYNTAXES} == {2}


def test_the_window_ticks_while_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hu = np.full((1, 16, 16), 30, np.int16)
    for name, (syntax, _) in reading.SYNTAXES.items():
        reading.write(tmp_path / name, syntax, 6, hu)
    reading.write_indexed(tmp_path / "indexed", 40, 10)
    monkeypatch.setattr(reading, "prepare", lambda name, work: work / name.replace(reading.EVERY_SYNTAX, "."))
    for probe, (row_name,), folder in [each for each in reading.PROBES if each[0].endswith("_late")]:
        assert run.run_probe(probe, tmp_path, folder)[row_name] >= 0


def test_a_known_study_is_opened_from_the_library(phantom_series: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(phantom_series, folder)
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    assert 0 < reading.library_open(folder)["B.library_open"] < 10_000


def test_many_files_fall_into_their_series_and_studies(tmp_path: Path) -> None:
    reading.write_indexed(tmp_path / "many", 60, 5)
    found = scan(tmp_path / "many")
    assert len(found.studies) == 3
    series = [one for study in found.studies for one in study.series]
    assert [len(one.slices) for one in series] == [5] * 12
    assert all(one.z_mm == (0, 1, 2, 3, 4) for one in series)
    assert len({place.sop_uid for one in series for place in one.slices}) == 60


def test_the_head_has_the_noise_of_a_thin_slice() -> None:
    grain = reading._grain(np.random.default_rng(0))
    assert grain.std() == pytest.approx(5.0)
    assert 0.4 < np.corrcoef(grain[:, 1:].ravel(), grain[:, :-1].ravel())[0, 1] < 0.6
