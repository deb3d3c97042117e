"""The command line: its grammar, its exit codes, and what it prints where."""

import json
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.errors import Cancelled
from model.registry import Registry
from viewer import __version__, cli
from viewer.cli import display, learning, text, work
from viewer.jobs.outputs import Outputs
from viewer.library.store import Library

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("view", "index", "score", "convert", "import", "demo", "models", "retrain", "train", "bench")


@pytest.mark.parametrize(
    "words", [[name] for name in COMMANDS] + [["import", "ct-ich"], ["models", "promote"]]
)
def test_every_command_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*words, "--help"]) == 0
    assert "usage: pterion " + " ".join(words) in capsys.readouterr().out


def test_help_names_every_command_and_the_notice(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n    {name} " in said for name in COMMANDS)
    assert "Research use only" in said


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert f"Pterion {__version__}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],
        ["score"],
        ["index"],
        ["convert", "only-one"],
        ["import", "brains", "a", "b"],
        ["models", "promote"],
        ["bench", "--repeat", "0"],
        ["score", "a", "--mask-format", "png"],
    ],
)
def test_wrong_use_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert "usage: pterion" in capsys.readouterr().err


def test_a_mask_format_without_a_folder_is_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["score", str(tmp_path), "--mask-format", "npz"]) == 2
    assert "--masks DIR" in capsys.readouterr().err


def test_going_on_without_a_log_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", str(tmp_path), "--resume"]) == 2
    assert "--jsonl FILE" in capsys.readouterr().err


def test_a_path_that_is_not_there_exits_with_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["index", str(tmp_path / "gone")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"pterion: {tmp_path / 'gone'}: no such file or folder. Check the path.\n"


@pytest.mark.parametrize("command", ["index", "score"])
def test_json_is_whole_after_an_error_too(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main([command, "--json", str(tmp_path / "gone")]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["studies"] == []
    assert answer["error"]["code"] == "NOT_FOUND"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_behind_stdout_is_told(phantom_series: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "viewer", "index", "--json", str(phantom_series)]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "pterion: The command failed: the disk is full." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_dicom_is_the_input_s_fault(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("no picture", "utf-8")
    assert cli.main(["index", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("pterion: ")
    assert said.count("\n") == 1


def test_index_states_the_geometry_of_the_phantom(
    phantom_series: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["index", str(phantom_series), "--json"]) == 0
    said = capsys.readouterr()
    (study,) = json.loads(said.out)["studies"]
    (series,) = study["series"]
    assert series["modality"] == "CT"
    assert series["description"] == "AXIAL 5 mm"
    assert (series["slices"], series["rows"], series["columns"]) == (8, 128, 96)
    assert series["spacing_mm"] == [1.75, 1.75]
    assert series["gaps_mm"] == [5.0] * 7
    assert series["tilt_deg"] == 0
    assert series["transfer_syntax"] == "1.2.840.10008.1.2.1"
    assert series["problems"] == []
    assert len(series["paths"]) == 8
    assert study["study_uid"] and series["series_uid"]
    assert "Research use only" in said.err


def test_index_names_no_patient(phantom_series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--json"]):
        assert cli.main(["index", str(phantom_series), *options]) == 0
        said = capsys.readouterr()
        assert "Phantom^Test" not in said.out + said.err
        assert "PHANTOM-1" not in said.out + said.err


def test_index_for_people_shows_slices_gaps_and_problems(
    phantom_series: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["index", str(phantom_series)]) == 0
    said = capsys.readouterr().out
    assert "AXIAL 5 mm  8 × 128 × 96  1.75 × 1.75 mm  every 5 mm  no problems" in said


def test_convert_writes_the_hu_that_were_written(
    phantom_series: Path, phantom_hu: Any, tmp_path: Path
) -> None:
    import numpy as np

    assert cli.main(["convert", str(phantom_series), str(tmp_path / "out.npz")]) == 0
    with np.load(tmp_path / "out.npz") as content:
        assert (content["hu"] == phantom_hu).all()


def test_a_window_without_a_display_names_the_other_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert cli.main(["view"]) == 1
    assert "pterion index, score, convert" in capsys.readouterr().err


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux has displays that may not answer"
)
@pytest.mark.parametrize(
    "name", [":47113", "unix:47113.0", "127.0.0.1:59000", "nonsense", ":", ":99999999999999"]
)
def test_a_display_that_does_not_answer_is_told_before_qt_gives_up(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", name)
    assert cli.main(["view"]) == 1
    assert f"The display {name} does not answer" in capsys.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="abstract sockets are Linux's")
def test_a_display_that_answers_is_taken() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/tmp/.X11-unix/X47114")
        assert not display.answers(":47115")
        server.listen()
        assert display.answers(":47114")
        assert display.answers(":47114.0")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_an_interruption_ends_cleanly(
    stop: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("viewer.jobs.index.index_paths", raising(stop()))
    assert cli.main(["index", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "pterion: stopped\n"


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("viewer.jobs.index.index_paths", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["index", str(tmp_path)])


def raising(error: BaseException) -> Callable[..., Any]:
    """A function that raises `error`."""

    def work(*_: object, **__: object) -> None:
        raise error

    return work


def scored(**more: object) -> dict[str, Any]:
    """One study of `score`'s report."""
    scores = {"any": 0.9, "EDH": 0.1, "SDH": 0.8, "SAH": 0.0, "IVH": 0.0, "IPH": 0.25}
    volumes = {"EDH": 0.0, "SDH": 12.34, "SAH": 0.0, "IVH": None, "IPH": 1.0}
    return {
        "study_uid": "1.2.3",
        "series_uid": "1.2.3.4",
        "model": "m-1",
        "seconds": 2.25,
        "study": scores,
        "volume_ml": volumes,
        "slices": [],
        "cautions": ["AI_CAUTION"],
        **more,
    }


@pytest.mark.parametrize(
    ("error", "code"), [(None, 0), ({"code": "NO_PIXELS", "text": "No slice can be read."}, 1)]
)
def test_score_exits_with_1_where_a_study_could_not_be_scored(
    error: dict[str, str] | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    report = {
        "studies": [scored(), scored(study_uid="9.9", **({"error": error} if error else {}))],
        "notices": [],
    }
    monkeypatch.setattr("viewer.jobs.headless.score_paths", lambda *_, **__: report)
    assert cli.main(["score", "--json", str(tmp_path)]) == code
    said = capsys.readouterr()
    assert json.loads(said.out) == report
    assert ("No slice can be read." in said.err) is (error is not None)


def test_score_hands_its_options_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Any] = {}

    def score_paths(paths: list[Path], **options: Any) -> dict[str, Any]:
        given.update(options, paths=paths)
        return {"studies": [], "notices": []}

    monkeypatch.setattr("viewer.jobs.headless.score_paths", score_paths)
    words = [
        "score",
        str(tmp_path),
        "--series",
        "1.2",
        "--masks",
        "out",
        "--mask-format",
        "npz",
        "--threads",
        "1",
        *("--seg", "segs", "--sr", "reports", "--jsonl", "a.jsonl", "--csv", "a.csv", "--resume"),
    ]
    assert cli.main(words) == 0
    assert given["paths"] == [tmp_path]
    assert given["series_uid"] == "1.2"
    assert given["outputs"] == Outputs(
        masks=Path("out"), mask_format="npz", seg=Path("segs"), sr=Path("reports")
    )
    assert (given["lines"], given["table"], given["resume"]) == (Path("a.jsonl"), Path("a.csv"), True)
    assert (given["threads"], given["workers"], given["model_id"]) == (1, 1, None)


def test_scores_for_people_are_one_row_a_study() -> None:
    failed = {"study_uid": "9.9", "error": {"code": "NO_PIXELS", "text": "…"}}
    lines = text.scores({"studies": [scored(), failed]}).splitlines()
    assert (
        " ".join(lines[1].split()) == "1.2.3 0.90 0.10 0.80 0.00 0.00 0.25 0.0 12.3 0.0 - 1.0 2.2 AI_CAUTION"
    )
    assert lines[2].endswith("not scored: NO_PIXELS")
    unwritten = scored(error={"code": "UNEVEN_SPACING", "text": "…"})
    line = text.scores({"studies": [unwritten]}).splitlines()[1]
    assert "0.90" in line
    assert line.endswith("AI_CAUTION not written: UNEVEN_SPACING")


def test_gaps_are_a_range_where_they_differ() -> None:
    assert text.gaps([5.0, 5.001]) == "every 5 mm"
    assert text.gaps([4.0, 7.0, 1.08]) == "every 1.08 to 7 mm"
    assert text.gaps([]) == "no gaps"


def test_models_without_any_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("viewer.resources.assets_dir", lambda: tmp_path)
    assert cli.main(["models", "--json"]) == 1
    assert "error" in json.loads(capsys.readouterr().out)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Two models, of which the second can be promoted."""
    toy = runpy.run_path(str(Path(__file__).with_name("toy_version.py")))
    row = {"before": 0.4, "after": 0.5, "difference": 0.1, "interval": None, "n": 2}
    judged = {
        "incumbent": "bundled-1",
        "metrics": {"yours": {"dice": {"any": row}}},
        "verdict": {"kind": "better"},
    }
    toy["make"](tmp_path / "bundled", "bundled-1")
    made = Registry(tmp_path / "bundled", tmp_path / "user")
    made.add_candidate(toy["make"](tmp_path / "new", "mine-1", "bundled-1", **judged))
    for module in (work, learning):
        monkeypatch.setattr(module, "registry", lambda: made)
    return made


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert cli.main(["models", *words, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_models_change_which_one_answers(store: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    for words, current in (
        ([], "bundled-1"),
        (["promote", "mine-1"], "mine-1"),
        (["rollback"], "bundled-1"),
        (["rollback", "mine-1"], "mine-1"),
        (["promote", "bundled-1"], "bundled-1"),
    ):
        listed = asked(capsys, *words)["models"]
        assert [each["id"] for each in listed if each["current"]] == [current]
    assert cli.main(["models", "--json", "list"]) == 0
    json.loads(capsys.readouterr().out)
    assert cli.main(["models", "promote", "other"]) == 1
    assert cli.main(["models"]) == 0
    assert "*  bundled-1" in capsys.readouterr().out


def test_models_are_named_moved_and_deleted(
    store: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [each["name"] for each in asked(capsys, "rename", "mine-1", "My clinic")["models"]] == [
        "",
        "My clinic",
    ]
    asked(capsys, "export", "mine-1", str(tmp_path / "mine-1.zip"))
    assert [each["id"] for each in asked(capsys, "delete", "mine-1")["models"]] == ["bundled-1"]
    taken = asked(capsys, "import", str(tmp_path / "mine-1.zip"))["models"][1]
    assert (taken["id"], taken["status"], taken["verdict"]) == ("mine-1", "candidate", "better")
    assert taken["bytes"] > 0
    assert cli.main(["models", "import", str(tmp_path / "nowhere.zip")]) == 1
    assert cli.main(["models", "delete", "bundled-1"]) == 1
    said = capsys.readouterr().err
    assert "no such file" in said
    assert "came with the program" in said


def test_models_are_held_against_each_other(store: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    answer = asked(capsys, "compare", "mine-1", "bundled-1")
    assert answer["models"] == ["mine-1", "bundled-1"]
    assert answer["rows"] == [{"set": "yours", "measure": "dice any", "values": [0.5, 0.4]}]
    assert cli.main(["models", "compare", "mine-1", "bundled-1"]) == 0
    assert "dice any   0.500      0.400" in capsys.readouterr().out


@pytest.mark.parametrize("pin", ["P1", "P1=somewhere", "=test"])
def test_a_pin_names_a_patient_and_a_part(pin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["retrain", "--pin", pin]) == 2
    assert "PATIENT=PART is wanted" in capsys.readouterr().err


def test_a_preflight_and_a_result_read_as_sentences() -> None:
    codes = dict.fromkeys(("EDH", "SDH", "SAH", "IVH", "IPH"), 1)
    result = {
        "slices": 20,
        "patients": 5,
        "bleeding_patients": 4,
        "negatives": 6,
        "subtypes": codes,
        "subtype_patients": codes,
        "regions": codes,
        "split": {"train": 3, "validation": 1, "test": 1},
        "left_out": ["Gone: 1."],
        "refusal": "",
        "warnings": ["A pilot."],
        "expected": {"device": "cpu", "seconds": 170, "steps": 90, "seconds_a_step": 0.61, "memory_mb": 1150},
    }
    shown = text.preflight(result)
    assert "20 slices of 5 patients, 4 with a bleed; 6 slices reviewed without one." in shown
    assert "Patients: train 3, validation 1, test 1." in shown
    assert "On cpu: about 3 min for 90 steps (0.61 s each, timed), 1.1 GB of memory." in shown
    assert "Gone: 1." in shown
    verdict = {"title": "Better.", "text": "Dice up."}
    done = {"outcome": "candidate", "candidate": "mine-1", "verdict": verdict, "notes": ["A note."]}
    assert text.retrained(done).splitlines()[:3] == ["mine-1: Better.", "Dice up.", "A note."]
    assert "without a candidate" in text.retrained({"outcome": "cancelled"})


def test_a_result_for_people_counts_long_lists() -> None:
    assert text.written({"out_folder": "a", "paths": list("abcdefghi"), "few": [1, 2], "none": None}) == (
        "out folder: a\npaths: 9\nfew: 1; 2\nnone: none"
    )


def test_a_skipped_patient_is_told_and_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given: dict[str, Any] = {}

    def work(source: Path, out: Path, **options: Any) -> dict[str, Any]:
        given.update(options)
        return {
            "imported": ["049"],
            "skipped": [{"patient": "050", "code": "X", "text": "It has no slices."}],
        }

    monkeypatch.setattr("viewer.jobs.import_ct_ich.import_ct_ich", work)
    words = ["import", "ct-ich", str(tmp_path), str(tmp_path / "out"), "--patient", "049", "--patient", "050"]
    assert cli.main([*words, "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["imported"] == ["049"]
    assert "pterion: patient 050: It has no slices." in said.err
    assert given["patients"] == ["049", "050"]
    assert given["library"] is None


def test_a_retraining_without_annotations_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Library(tmp_path).close()
    assert cli.main(["retrain", "--library", str(tmp_path), "--dry-run", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NOTHING_TO_LEARN"


def test_a_console_without_our_letters_gets_them_escaped(phantom_series: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "viewer", "index", str(phantom_series)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "8 \\xd7 128 \\xd7 96" in done.stdout
    assert done.stderr == "Research use only. Not for diagnosis.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close differently there")
def test_a_reader_that_goes_away_is_no_crash(phantom_series: Path) -> None:
    command = [sys.executable, "-m", "viewer", "index", str(phantom_series), "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        said = child.stderr.read()
    assert "Traceback" not in said
    assert "Exception" not in said


def test_no_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[int] = []

    def score_paths(_: list[Path], *, threads: int, **__: Any) -> dict[str, Any]:
        given.append(threads)
        return {"studies": [], "notices": []}

    monkeypatch.setattr("viewer.jobs.headless.score_paths", score_paths)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for wanted in ("3", "99999"):
        assert cli.main(["score", str(tmp_path), "--threads", wanted]) == 0
    assert given == [3, 4]
