"""`pterion train`: events, stopping by a signal and going on, refusals, and two processes that train as one."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model.sample import Sample, save_sample, slice_scores
from tests.tiny_version import make_tiny
from viewer import cli
from viewer.cli import training
from viewer.cli.grammar import build_parser

RECIPE = """
name = "tiny"
steps = 6
stacks = 4
slices = 1
sampling = "every"
augmented = false
optimiser = "adam"
schedule = "constant"
learning_rate = 1e-2
average = 0.0
validate_every = 2
checkpoint_every = 1
[network]
kind = "multitask_cnn"
size = 32
widths = [4, 4, 4]
dense = 8
dropout = 0.0
dense_dropout = 0.0
"""


def write_patients(folder: Path, count: int) -> None:
    for number in range(count):
        hu = np.random.default_rng(number).integers(-50, 90, (4, 40, 40)).astype(np.int16)
        labels = np.zeros(hu.shape, np.uint8)
        labels[1, 5:25, 5:25] = number % 2 * 3
        z_mm = np.arange(4) * 5.0
        sample = Sample(hu, (5.0, 5.0), z_mm, labels, slice_scores(labels), f"p{number}", "clinic")
        save_sample(sample, folder / f"{number}.npz")


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A command that trains a tiny network on four patients, two of them bleeding."""
    write_patients(tmp_path / "data", 4)
    (tmp_path / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    return ["train", str(tmp_path / "tiny.toml"), "--data", str(tmp_path / "data"), "--out"]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "curves.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_tells_events_and_leaves_its_folder(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main([*words, str(out), "--seed", "3", "--threads", "1", "--device", "cpu"]) == 0
    said = capsys.readouterr()
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["event"] for event in events] == ["validation"] * 3 + ["finished"]
    assert "Research use only" in said.err
    assert json.loads((out / "run.json").read_text())["recipe"]["seed"] == 3
    assert (out / "network.safetensors").is_file()


def test_folders_may_be_named_together_or_one_by_one() -> None:
    together, apart = ["--data", "a", "b"], ["--data", "a", "--data", "b"]
    for words in (together, apart):
        given = build_parser().parse_args(["train", "flagship", *words, "--out", "run"])
        assert given.data == [Path("a"), Path("b")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_and_resume_goes_on(
    number: signal.Signals,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell, handler = training.tell, signal.getsignal(number)

    def interrupt(event: dict[str, Any]) -> None:
        tell(event)
        if event["event"] == "step" and event["step"] == 3:
            signal.raise_signal(number)

    monkeypatch.setattr(training, "tell", interrupt)
    assert cli.main([*words, str(tmp_path / "out")]) == 130
    assert "--resume goes on from there" in capsys.readouterr().err
    assert signal.getsignal(number) is handler
    monkeypatch.undo()
    assert cli.main([*words, str(tmp_path / "out"), "--resume"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["event"], first["step"]) == ("resumed", 3)
    assert [row["step"] for row in rows(tmp_path / "out")] == ["2", "4", "6"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--device", "cuda:7"], "GPUs are here"),
        (["--device", "toaster"], "no device toaster"),
        (["--fold", "9"], "no fold 9"),
        (["--weights", "absent"], "no folder of a model"),
    ],
)
def test_what_cannot_be_done_is_said(
    more: list[str], said: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*words, str(tmp_path / "out"), *more]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_recipe_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "nonesuch", "--out", str(tmp_path / "out")]) == 1
    assert "seed-multitask" in capsys.readouterr().err


def test_the_time_left_in_words() -> None:
    assert [training.duration(s) for s in (0.4, 40, 89, 300, 7500)] == [
        "0 s",
        "40 s",
        "89 s",
        "5 min",
        "2 h 5 min",
    ]


def test_progress_names_the_step_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(training, "progress", said.append)
    training.tell({"event": "step", "step": 5, "steps": 20, "loss": 0.71234, "seconds_left": 120.0})
    training.tell({"event": "preparing", "name": "heads", "done": 2, "total": 9})
    assert said == ["step 5 of 20, loss 0.712, 2 min left", "heads: 2 of 9"]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_result(words: list[str], tmp_path: Path) -> None:
    longer = RECIPE.replace("steps = 6", "steps = 300").replace(
        "checkpoint_every = 1", "checkpoint_every = 20"
    )
    (tmp_path / "tiny.toml").write_text(longer, encoding="utf-8")
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "viewer", *words, str(out), "--device", "cpu", "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        while child.poll() is None and not (out / "checkpoint-before.safetensors").exists():
            time.sleep(0.01)
        child.kill()
    assert not (out / "network.safetensors").exists()
    assert cli.main([*words, str(out), "--device", "cpu", "--threads", "1", "--resume"]) == 0
    assert cli.main([*words, str(tmp_path / "whole"), "--device", "cpu", "--threads", "1"]) == 0
    killed, whole = (load_file(folder / "network.safetensors") for folder in (out, tmp_path / "whole"))
    assert killed.keys() == whole.keys()
    assert all(torch.equal(value, whole[name]) for name, value in killed.items())


@pytest.mark.slow
def test_two_processes_train_as_one(words: list[str], tmp_path: Path) -> None:
    """The same stacks a step, shared by two: every loss of the curve is that of one process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, launcher in (("one", []), ("two", torchrun)):
        command = [sys.executable, *launcher, "-m", "viewer", *words, str(tmp_path / name), "--device", "cpu"]
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=280)
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert [row["step"] for row in one] == [row["step"] for row in two] == ["2", "4", "6"]
    for alone, shared in zip(one, two, strict=True):
        for key in ("loss", "clinic_loss"):
            assert float(alone[key]) == pytest.approx(float(shared[key]), rel=1e-4), (key, alone["step"])


FINE = """
name = "fine"
steps = 4
stacks = 2
slices = 2
real_share = 0.5
real_from = 0.0
real_positive = 1.0
painted = 0.0
learning_rate = 1e-2
warm_up = 1
average = 0.0
validate_every = 2
checkpoint_every = 4
frozen = true
kept = 0.5
apart = true
[data]
validation = 4
"""


@pytest.fixture
def fine(tmp_path: Path) -> list[str]:
    """A command that fine-tunes a tiny version on eight patients."""
    make_tiny(tmp_path)
    write_patients(tmp_path / "data", 8)
    (tmp_path / "fine.toml").write_text(FINE, encoding="utf-8")
    data = ["--data", str(tmp_path / "data"), "--threads", "1", "--device", "cpu"]
    base = ["--from", str(tmp_path / "tiny-1"), "--name", "ours-1"]
    return ["train", str(tmp_path / "fine.toml"), *data, *base, "--out"]


def test_fine_tuning_of_a_version_comes_out_as_a_candidate(
    fine: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.numpy import load_file

    from model.registry import Registry, verify

    assert cli.main([*fine, str(tmp_path / "run")]) == 0
    capsys.readouterr()
    made = tmp_path / "run" / "ours-1"
    assert verify(made)["training"]["started"].startswith("from tiny-1, sha256")
    registry = Registry(tmp_path / "bundled", tmp_path / "models")
    assert registry.import_version(made).status == "candidate"
    before, after = (load_file(folder / "weights.safetensors") for folder in (tmp_path / "tiny-1", made))
    same = {name for name in before if (before[name] == after[name]).all()}
    assert {name for name in before if "running_" in name or name.startswith("context.")} <= same
    assert len(same) < len(before)


@pytest.mark.slow
def test_two_processes_fine_tune_as_one(fine: list[str], tmp_path: Path) -> None:
    """Annotations of several readers, a stack a process: every loss of the curve is that of one process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, launcher in (("one", []), ("two", torchrun)):
        command = [sys.executable, *launcher, "-m", "viewer", *fine, str(tmp_path / name)]
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=280)
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert [row["step"] for row in one] == [row["step"] for row in two] == ["2", "4"]
    for alone, shared in zip(one, two, strict=True):
        assert float(alone["loss"]) == pytest.approx(float(shared["loss"]), rel=1e-4), alone["step"]
        assert alone.keys() == shared.keys()
    assert (tmp_path / "two" / "ours-1").is_dir()


FLAGSHIP = """
name = "small"
steps = 9
stacks = 1
slices = 2
sequence_steps = 2
sequence_series = 1
[network]
widths = [8, 8, 8, 8, 8]
depths = [1, 1, 1, 1, 1]
expansion = 1
decoder = [8, 8, 8, 8]
pooled = 4
"""


def test_an_ablation_trains_what_is_named_and_prints_a_row_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from model.corpus import fold_of

    write_patients(tmp_path / "data", 12)
    (tmp_path / "small.toml").write_text(FLAGSHIP, encoding="utf-8")
    given = ["ablate", str(tmp_path / "small.toml"), "--patients", str(tmp_path / "data")]
    given += ["--out", str(tmp_path / "out"), "--fold", str(fold_of("p1")), "--unseen", "0"]
    assert cli.main([*given, "--only", "patients", "--steps", "1", "--threads", "1"]) == 0
    said = capsys.readouterr()
    assert "| patients alone |" in said.out
    assert "Research use only" in said.err
    run = json.loads((tmp_path / "out" / "patients" / "run.json").read_text())
    assert (run["recipe"]["steps"], run["recipe"]["painted"]) == (1, 0)
    assert cli.main([*given, "--only", "sugar"]) == 1
    assert "no variant sugar" in capsys.readouterr().err
    assert cli.main([*given, "--only", "heads"]) == 1
    assert "--heads" in capsys.readouterr().err
