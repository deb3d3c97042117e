"""`pterion data …` as it is typed: what it makes, prints and refuses, and how it stops."""

import json
from pathlib import Path

import pytest

from model.datasets.folder import INDEX, open_data_set
from viewer.cli import main
from viewer.cli import text as words

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


def test_progress_tells_the_time_left() -> None:
    assert words.pace(1, 60, 0, None) == "1 of 60"
    assert words.pace(12, 60, 1, 200.0) == "12 of 60, 1 skipped, 3 min left"
    assert words.pace(59, 60, 0, 4.6) == "59 of 60, 5 s left"
