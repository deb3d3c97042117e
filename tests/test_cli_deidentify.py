"""`pterion deidentify`: its choices, its report, and what it refuses."""

import json
from pathlib import Path

import pydicom
import pytest

from viewer import cli


def run(*words: object) -> int:
    return cli.main(["deidentify", *map(str, words)])


def test_report_is_printed(phantom_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(phantom_series, tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert said.startswith("8 files of 1 patient copied without the names (1 study, 1 series).")
    assert "Basic Application Confidentiality Profile" in said
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 8


def test_options_reach_the_files(
    phantom_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text("secret\n")
    words = ("--retain", "uids", "dates", "--key-file", tmp_path / "key", "--json")
    assert run(phantom_series, tmp_path / "a.zip", *words) == 0
    report = json.loads(capsys.readouterr().out)
    assert [option["code"] for option in report["options"]] == ["113107", "113110"]
    assert run(phantom_series, tmp_path / "b", *words) == 0
    assert run(phantom_series, tmp_path / "c", *words) == 0
    first, second = (pydicom.dcmread(next((tmp_path / name).rglob("*.dcm"))) for name in "bc")
    assert first.PatientID == second.PatientID


def test_place_that_is_taken_is_an_error(phantom_series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(phantom_series, phantom_series) == 1
    assert "exists already" in capsys.readouterr().err


def test_key_file_that_is_missing_is_an_error(
    phantom_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(phantom_series, tmp_path / "out", "--key-file", tmp_path / "gone") == 1
    assert "Reading gone failed: it does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--retain", "name"], ["--blackout", "1,2,3"], ["--burned-in", "blackout"]]
)
def test_wrong_words_are_refused(phantom_series: Path, tmp_path: Path, words: list[str]) -> None:
    assert run(phantom_series, tmp_path / "out", *words) == 2
    assert not (tmp_path / "out").exists()
