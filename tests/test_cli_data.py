"""`pterion data …` as it is typed: what it makes, prints and refuses, and how it stops."""

import json
import os
from pathlib import Path

import pytest

from model.datasets.folder import INDEX, open_data_set
from model.errors import PterionError
from viewer.annotation.document import Annotation, Document
from viewer.annotation.export import export_masks
from viewer.cli import data, main
from viewer.cli import text as words
from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.library.store import Library
from viewer.resources import data_dir

SMALL = ("--size", "48", "--slices", "4")


@pytest.fixture
def phantoms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data set of two small simulated heads."""
    assert main(["data", "phantom", str(tmp_path / "heads"), "--count", "2", *SMALL]) == 0
    capsys.readouterr()
    return tmp_path / "heads"


def test_simulated_heads_are_divided_by_shard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = []
    for shard in ("1/2", "2/2"):
        out = tmp_path / shard.replace("/", "-")
        arguments = [
            "data",
            "phantom",
            str(out),
            "--count",
            "3",
            "--first-seed",
            "5",
            "--shard",
            shard,
            *SMALL,
        ]
        assert main([*arguments, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        names.append([entry.file for entry in open_data_set(out).entries])
        assert result["samples"] == len(names[-1])
        assert result["made_by"]["options"]["size"] == 48
    assert names == [["phantom-0000005.npz", "phantom-0000007.npz"], ["phantom-0000006.npz"]]


def test_more_heads_are_added_and_other_settings_refused(
    phantoms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "phantom", str(phantoms), "--count", "3", *SMALL]) == 0
    assert len(open_data_set(phantoms)) == 3
    assert main(["data", "phantom", str(phantoms), "--count", "3", "--size", "32"]) == 1
    assert "Choose another folder" in capsys.readouterr().err


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b", "1/2/3"])
def test_a_shard_that_is_none_is_wrong_use(
    tmp_path: Path, shard: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "phantom", str(tmp_path), "--count", "3", "--shard", shard]) == 2
    assert "--shard" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_info_counts_what_the_index_says(phantoms: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", str(phantoms), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["sets"]
    entries = open_data_set(phantoms).entries
    assert found["all"] == found["sources"]["phantom"]
    assert (found["all"]["samples"], found["all"]["patients"], found["all"]["slices"]) == (2, 2, 8)
    assert found["all"]["bleeding_slices"]["any"] == sum(entry.slices["any"] for entry in entries)
    assert main(["data", "info", str(phantoms)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split()[:6] == ["source", "patients", "samples", "slices", "known", "any"]
    assert printed[2].split()[:5] == ["phantom", "2", "2", "8", "8"]


def test_check_finds_what_is_wrong(phantoms: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(phantoms)]) == 0
    assert capsys.readouterr().out == "2 samples, nothing wrong.\n"
    path = phantoms / "phantom-0000001.npz"
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)
    assert main(["data", "check", str(phantoms), "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem.startswith("phantom-0000001.npz in heads is not the file")


def test_check_of_two_sets_finds_shared_patients(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "phantom", str(tmp_path / "b"), "--count", "1", *SMALL]) == 0
    assert main(["data", "check", str(phantoms), str(tmp_path / "b")]) == 1
    assert "Patient phantom-0 is in heads and in b." in capsys.readouterr().out


def test_index_takes_a_folder_without_one(phantoms: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (phantoms / INDEX).unlink()
    assert main(["data", "info", str(phantoms)]) == 1
    assert "pterion data index" in capsys.readouterr().err
    assert main(["data", "index", str(phantoms)]) == 0
    assert len(open_data_set(phantoms)) == 2


def test_a_missing_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "ct-ich", str(tmp_path / "gone"), str(tmp_path / "out")]) == 1
    assert "gone" in capsys.readouterr().err
    assert main(["data", "ct-ich", str(tmp_path), str(tmp_path / "out"), "--json"]) == 1
    assert "Patients_CT" in json.loads(capsys.readouterr().out)["error"]["text"]


def test_ctrl_c_keeps_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from model.datasets.simulated import Phantoms

    read = Phantoms.read

    def stop_at_second(self: Phantoms, item: str, seed: int, /) -> object:
        if seed == 1:
            raise KeyboardInterrupt
        return read(self, item, seed)

    arguments = ["data", "phantom", str(tmp_path / "heads"), "--count", "2", *SMALL]
    with monkeypatch.context() as patch:
        patch.setattr(Phantoms, "read", stop_at_second)
        assert main(arguments) == 130
    assert "the same command goes on with it" in capsys.readouterr().err
    before = (tmp_path / "heads" / "phantom-0000000.npz").stat().st_mtime_ns
    assert main(arguments) == 0
    assert len(open_data_set(tmp_path / "heads")) == 2
    assert (tmp_path / "heads" / "phantom-0000000.npz").stat().st_mtime_ns == before


SQUARE = ((30.0, 60.0), (42.0, 60.0), (42.0, 70.0), (30.0, 70.0))


@pytest.fixture
def annotated(phantom_series: Path) -> tuple[Study, Document]:
    """A study with an SDH drawn in slice 3."""
    study = scan([phantom_series]).studies[0]
    series = study.series[0]
    drawn = Annotation("a", series.slices[3].sop_uid, 0, "SDH", SQUARE)
    return study, Document(series.study_uid, series.series_uid, (drawn,))


def test_annotations_become_a_data_set(
    annotated: tuple[Study, Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, document = annotated
    library = Library(tmp_path / "library")
    library.remember_study(study)
    library.save_document(document, action="draw", reader="r")
    library.close()
    out = str(tmp_path / "set")
    assert main(["data", "annotations", out, "--library", str(tmp_path / "library"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slices"] == 3
    assert main(["data", "annotations", out, "--library", str(tmp_path / "none")]) == 1
    assert "There is no library in none" in capsys.readouterr().err


def test_exports_become_a_data_set(
    annotated: tuple[Study, Document],
    phantom_series: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    study, document = annotated
    export_masks(document, study.series[0].slices, tmp_path / "masks")
    assert main(["data", "exports", str(tmp_path / "masks"), str(phantom_series), str(tmp_path / "set")]) == 0
    assert "1 sample, 1 patient, 3 slices." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("rsna", "stage_2_train.csv is missing"),
        ("bhsd", "holds neither images and ground truths"),
        ("polygons", "holds no renders"),
        ("dicom-seg", "holds no DICOM"),
    ],
)
def test_an_empty_folder_is_named_and_nothing_is_left(
    kind: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["data", kind, str(tmp_path / "empty"), str(tmp_path / "out")]) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["dicom-seg", "a", "b", "--map", "lesion=XYZ"],
        ["dicom-seg", "a", "b", "--map", "=EDH"],
        ["polygons", "a", "b", "--window", "brain_window=40"],
        ["polygons", "a", "b", "--window", "brain_window=40/0"],
        ["phantom", "a"],
        ["rsna", "a", "b", "--workers", "0"],
        [],
    ],
)
def test_wrong_use_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", *arguments]) == 2
    assert "usage: pterion data" in capsys.readouterr().err


def test_what_is_said_of_segments_and_windows_is_understood() -> None:
    assert data.mapped("core=bleed=edh") == ("core=bleed", "EDH")
    assert data.mapped("3=Unknown") == ("3", "unknown")
    assert data.window("brain_window=40/80") == ("brain_window", (40.0, 80.0))


def test_the_secret_of_a_user_is_drawn_once_and_kept_private() -> None:
    first = data.salt()
    path = data_dir() / "pseudonym-salt"
    assert (len(first), data.salt()) == (32, first)
    assert os.name == "nt" or path.stat().st_mode & 0o077 == 0
    path.write_text("cut")
    with pytest.raises(PterionError, match="damaged"):
        data.salt()


def test_long_lists_of_what_was_skipped_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    data._tell("skipped", [{"item": str(number), "text": "no"} for number in range(23)])
    said = capsys.readouterr().err.splitlines()
    assert (len(said), said[0], said[-1]) == (
        21,
        "pterion: skipped: 0: no",
        "pterion: skipped: 3 more; index.json names them all",
    )


def test_progress_tells_the_time_left() -> None:
    assert words.pace(1, 60, 0, None) == "1 of 60"
    assert words.pace(12, 60, 1, 200.0) == "12 of 60, 1 skipped, 3 min left"
    assert words.pace(59, 60, 0, 4.6) == "59 of 60, 5 s left"
