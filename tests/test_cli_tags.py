"""`pterion tags`: one file's header for people and for machines."""

import json
from pathlib import Path

import pytest

from viewer import cli


def first(folder: Path) -> str:
    return str(min(folder.glob("*")))


def test_every_element_is_a_line(phantom_series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tags", first(phantom_series)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "(0008,0060) CS Modality: CT" in lines
    assert "(0028,0010) US Rows: 128" in lines
    assert "(7FE0,0010) OW Pixel Data: 24576 bytes" in lines


def test_search_leaves_what_matches(phantom_series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tags", first(phantom_series), "--search", "0028,0010", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows == [
        {"depth": 0, "tag": "(0028,0010)", "vr": "US", "name": "Rows", "value": "128", "meaning": ""}
    ]


def test_frames_count_from_one(phantom_series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tags", first(phantom_series), "--frame", "1"]) == 0
    assert cli.main(["tags", first(phantom_series), "--frame", "2"]) == 1
    assert "has 1 frame: there is no frame 2" in capsys.readouterr().err


def test_folder_is_an_error(phantom_series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tags", str(phantom_series), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["rows"], answer["error"]["code"]) == ([], "IS_FOLDER")
