"""Fine-tuning in a run folder, with a network of a few thousand weights: what it keeps, leaves, survives and says."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model import retrain, run_folder
from model.errors import PterionError
from model.examples import load_slices
from model.run_folder import EventLog, Request, read_events, running, running_lock
from model.sample import Sample, save_sample
from tests.model.conftest import square_sample as sample

# the protocol


def test_request_survives_writing(tmp_path: Path) -> None:
    request = Request("b", "i", "c", "k", steps=3, subtypes=("SDH",), left_out=("x",))
    request.write(tmp_path)
    assert Request.read(tmp_path) == request
    assert [path.name for path in tmp_path.iterdir()] == ["request.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 2}', '{"format": 1, "base": "b"}', '{"format": 1, "x": 1}']
)
def test_damaged_request_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "request.json").write_text(text)
    with pytest.raises(PterionError, match="cannot be read"):
        Request.read(tmp_path)


def test_only_whole_lines_are_events(tmp_path: Path) -> None:
    EventLog(tmp_path)("started", patients=2)
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('not json\n[1]\n{"event": "st')
    events, offset = read_events(tmp_path)
    assert [event["event"] for event in events] == ["started"]
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('ep"}\n')
    events, offset = read_events(tmp_path, offset)
    assert events == [{"event": "step"}]
    assert read_events(tmp_path, offset) == ([], offset)


def test_one_training_at_a_time(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with running_lock(tmp_path, "one"):
        assert running(tmp_path) == "one"
        with pytest.raises(PterionError, match="runs already"), running_lock(tmp_path, "two"):
            pass
        assert running(tmp_path) == "one"
    assert running(tmp_path) is None


def test_window_that_looks_does_not_stop_a_training_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = run_folder.try_lock, []

    def busy_at_first(file: object) -> bool:
        tries.append(1)
        return len(tries) > 2 and real(file)  # type: ignore[arg-type]

    monkeypatch.setattr(run_folder, "try_lock", busy_at_first)
    monkeypatch.setattr(run_folder, "LOCK_RETRY_S", 0)
    with running_lock(tmp_path, "one"):
        assert len(tries) == 3


# the run

PATIENTS = [
    sample(name, 255, label, 0, seed=number)
    for number, (name, label) in enumerate(zip("abcdefgh", (1, 2, 5, 5, 2, 4, 3, 5), strict=True))
]
SPLIT = dict(zip("abcdefgh", ("train",) * 4 + ("validation", "test", "test", "test"), strict=True))
SMALL = {
    "steps": 4,
    "replay": 1,
    "watched": 1,
    "reference": 2,
    "size": 48,
    "slices": 3,
    "threads": 1,
    "nice": 0,
}

MakeRun = Callable[..., Path]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where simulated heads are kept for all runs."""
    return tmp_path_factory.mktemp("heads")


@pytest.fixture
def run_of(tiny_version: Path, tmp_path: Path, cache: Path) -> MakeRun:
    """Make a run folder with these samples."""

    def make(*samples: Sample, **settings: object) -> Path:
        folder = tmp_path / "runs" / "one"
        (folder / "samples").mkdir(parents=True)
        for number, one in enumerate(samples):
            save_sample(one, folder / "samples" / f"{number}.npz")
        asked = {"split": SPLIT, **SMALL, **settings}
        base = str(tiny_version)
        Request(base, base, "mine-1", str(cache), **asked).write(folder)  # type: ignore[arg-type]
        return folder

    return make


def events_of(folder: Path) -> list[dict]:
    return [event for event in read_events(folder)[0] if event["event"] != "heartbeat"]


def kinds_of(folder: Path) -> list[str]:
    return [event["event"] for event in events_of(folder)]


def test_run_leaves_a_candidate_that_the_registry_takes(
    run_of: MakeRun, tiny_version: Path, tmp_path: Path
) -> None:
    from model.predict import Predictor
    from model.registry import Registry, verify

    folder = run_of(*PATIENTS, code="9.9", left_out=("One thing: 1.",))
    before = {path.name: path.read_bytes() for path in tiny_version.iterdir()}
    assert retrain.run(folder) == 0
    kinds = kinds_of(folder)
    assert kinds[:6] == ["started", *["preparing"] * 4, "training"]
    assert kinds[6:] == [*["examples", "epoch", "step"] * 4, "comparing", "candidate"]
    assert (kinds.count("step"), kinds.count("epoch"), kinds.count("examples")) == (4, 4, 4)
    events = events_of(folder)
    assert events[0]["parts"] == {"train": 4, "validation": 1, "test": 3}
    assert all(np.isfinite(event["loss"]) for event in events if event["event"] in ("step", "epoch"))
    assert all(event["mine_loss"] > 0 for event in events if event["event"] == "epoch")
    assert {path.name: path.read_bytes() for path in tiny_version.iterdir()} == before
    assert list((folder / "samples").iterdir()) == []
    assert not (folder / "training").exists()

    registry = Registry(tiny_version.parent, tmp_path / "models")
    version = registry.add_candidate(folder / "candidate")
    info = verify(version.path)
    assert info["parent"] == "tiny-1"
    assert info["calibration"]["slice"]["any"] == [2.0, 0.5]
    training = info["training"]
    assert (training["counts"]["patients"], training["seed"], training["code"]) == (8, 0, "9.9")
    assert [row["part"] for row in training["manifest"]] == ["train"] * 4 + ["validation"] + ["test"] * 3
    assert training["training_patients"] == list("abcde")
    assert "One thing: 1." in training["notes"]
    cases = json.loads((version.path / "cases.json").read_text())
    assert [row["patient"] for row in cases["yours"]] == ["f", "g", "h"]
    log = [json.loads(line)["event"] for line in (version.path / "log.jsonl").read_text().splitlines()]
    assert log[0] == "started"
    card = (version.path / "card.md").read_text()
    assert "mine-1" in card
    assert "Research use only" in card
    assert registry.current().id == "tiny-1"
    Predictor(version.path, threads=1)


def weights_of(folder: Path) -> dict:
    from safetensors.numpy import load_file

    return load_file(folder / "weights.safetensors")


def test_training_moves_weights_but_neither_statistics_nor_the_sequence(
    run_of: MakeRun, tiny_version: Path
) -> None:
    folder = run_of(*PATIENTS, learning_rate=1e-2)
    assert retrain.run(folder) == 0
    before, after = weights_of(tiny_version), weights_of(folder / "candidate")
    assert before.keys() == after.keys()
    still = {
        name for name in before if "running_" in name or "num_batches" in name or name.startswith("context.")
    }
    assert len(still) > 10
    assert all(np.array_equal(before[name], after[name]) for name in still)
    moved = [name for name in before.keys() - still if not np.array_equal(before[name], after[name])]
    assert len(moved) > 10


def test_the_candidate_is_what_the_blend_chose(
    run_of: MakeRun, tiny_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-way between the bundled weights and the training's end; model.json and a note say so."""
    from model import fine_tune
    from model.blend import between
    from model.networks.flagship import Flagship

    ends: list[Flagship] = []

    def half(start: Flagship, end: Flagship, score: Callable[[Flagship], float]) -> tuple[Flagship, float]:
        assert np.isfinite(score(end))
        ends.append(end)
        return between(start, end, 0.5), 0.5

    monkeypatch.setattr(fine_tune, "best_between", half)
    folder = run_of(*PATIENTS, learning_rate=0.1)
    assert retrain.run(folder) == 0
    before, after = weights_of(tiny_version), weights_of(folder / "candidate")
    end = {name: value.numpy() for name, value in ends[0].state_dict().items()}
    moved = max(float(np.abs(end[name] - before[name]).max()) for name in before)
    assert moved > 0.02
    for name in before:  # which are stored in 16 bits
        middle = (before[name] + end[name]) / 2
        np.testing.assert_allclose(after[name], middle, rtol=2e-3, atol=1e-3, err_msg=name)
    training = json.loads((folder / "candidate" / "model.json").read_text())["training"]
    assert training["share"] == 0.5
    assert any("lie 50 % of the way from tiny-1" in note for note in training["notes"])


def test_it_starts_from_the_bundled_weights_whatever_is_in_use(
    run_of: MakeRun, tiny_version: Path, tmp_path: Path
) -> None:
    """Another incumbent changes the comparison and not one weight."""
    folder = run_of(*PATIENTS)
    assert retrain.run(folder) == 0
    first = weights_of(folder / "candidate")
    shutil.copytree(folder / "candidate", tmp_path / "mine-0")
    shutil.rmtree(folder)
    again = run_of(*PATIENTS)
    request = replace(Request.read(again), incumbent=str(tmp_path / "mine-0"))
    request.write(again)
    assert retrain.run(again) == 0
    second = weights_of(again / "candidate")
    assert all(np.array_equal(first[name], second[name]) for name in first)
    last = events_of(again)[-1]
    assert last["incumbent"] == "mine-1"  # the copy's own id


def test_below_six_bleeding_patients_the_length_is_fixed_and_nobody_can_tell(run_of: MakeRun) -> None:
    folder = run_of(*PATIENTS[:5])
    assert retrain.run(folder) == 0
    training = next(e for e in events_of(folder) if e["event"] == "training")
    assert training["fixed"] is True
    verdict = events_of(folder)[-1]["verdict"]
    assert verdict["kind"] == "too little data to tell"
    assert "Patients with a bleed: 5; at least 6 are needed." in verdict["text"]


def test_a_patient_that_the_model_in_use_was_trained_on_does_not_judge_it(
    run_of: MakeRun, tiny_version: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(tiny_version, tmp_path / "mine-0")
    info = json.loads((other / "model.json").read_text())
    info |= {"id": "mine-0", "training": {"training_patients": ["f", "g"]}}
    (other / "model.json").write_text(json.dumps(info))
    folder = run_of(*PATIENTS)
    replace(Request.read(folder), incumbent=str(other)).write(folder)
    assert retrain.run(folder) == 0
    last = events_of(folder)[-1]
    assert last["metrics"]["yours"]["dice"]["any"]["n"] == 1
    assert any("because mine-0 was trained on them: 2." in note for note in last["notes"])


def test_stop_before_anything_was_learnt_leaves_no_candidate(run_of: MakeRun) -> None:
    folder = run_of(*PATIENTS)
    (folder / "stop").touch()
    assert retrain.run(folder) == 0
    assert kinds_of(folder)[-1] == "cancelled"
    assert not (folder / "candidate").exists()
    assert list((folder / "samples").iterdir()) == []


class AfterEpoch(EventLog):
    """Touches a file once so many validations are done."""

    name, epochs = "stop", 1

    def __call__(self, event: str, **facts: object) -> None:
        super().__call__(event, **facts)
        if event == "epoch":
            type(self).epochs -= 1
            if type(self).epochs == 0:
                (self._path.parent / self.name).touch()


def test_stop_keeps_the_best_so_far(run_of: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrain, "EventLog", type("Stop", (AfterEpoch,), {"epochs": 2}))
    folder = run_of(*PATIENTS, steps=60)
    assert retrain.run(folder) == 0
    kinds = kinds_of(folder)
    assert kinds.count("epoch") == 2
    assert kinds[-1] == "candidate"
    notes = events_of(folder)[-1]["notes"]
    assert any("ended after 20 of 60 steps: stopped by the reader" in note for note in notes)


def test_abandoned_run_leaves_nothing(run_of: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrain, "EventLog", type("Abandon", (AfterEpoch,), {"name": "abandon", "epochs": 2}))
    folder = run_of(*PATIENTS, steps=60)
    assert retrain.run(folder) == 0
    assert kinds_of(folder)[-1] == "cancelled"
    assert not (folder / "candidate").exists()


def test_pause_waits_and_resume_goes_on(run_of: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    class Paused(AfterEpoch):
        name, epochs = "pause", 1

    folder = run_of(*PATIENTS)
    monkeypatch.setattr(retrain, "EventLog", Paused)
    waits: list[int] = []

    def wait(_: float) -> None:
        waits.append(1)
        if len(waits) == 3:
            (folder / "pause").unlink()

    monkeypatch.setattr(run_folder.time, "sleep", wait)
    assert retrain.run(folder) == 0
    kinds = kinds_of(folder)
    assert kinds.index("paused") < kinds.index("resumed") < len(kinds) - 1
    assert len(waits) == 3
    assert kinds[-1] == "candidate"


def test_same_seed_gives_the_same_weights_also_where_it_was_interrupted(
    run_of: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies in the middle and is started again ends with the weights of one that did not."""
    from model.train import Trainer

    folder = run_of(*PATIENTS[:5], steps=6)  # so few that no validation ends it
    assert retrain.run(folder) == 0
    whole = weights_of(folder / "candidate")
    shutil.rmtree(folder)
    folder = run_of(*PATIENTS[:5], steps=6)
    real = Trainer._step

    class PowerCut(BaseException):
        pass

    def cut(self: Trainer, step: int, batch: object) -> float:
        if step == 4:
            raise PowerCut
        return real(self, step, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_step", cut)
    with pytest.raises(PowerCut):
        retrain.run(folder)
    assert kinds_of(folder)[-1] not in run_folder.TERMINAL
    assert list((folder / "samples").iterdir())
    monkeypatch.setattr(Trainer, "_step", real)
    assert retrain.run(folder) == 0
    assert "resumed" in kinds_of(folder)
    again = weights_of(folder / "candidate")
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked child")
def test_ten_kills_lose_nothing(run_of: MakeRun, tiny_version: Path, tmp_path: Path) -> None:
    """Killed at ten random moments and started again each time: it goes on, and the registry stays whole."""
    import random

    from model.registry import Registry

    draw = random.Random(0)
    folder = run_of(*PATIENTS, steps=12)
    registry = Registry(tiny_version.parent, tmp_path / "models")
    for _ in range(10):
        before = len(kinds_of(folder)) if (folder / "events.jsonl").exists() else 0
        child = os.fork()
        if child == 0:
            with open(os.devnull, "w") as quiet:
                os.dup2(quiet.fileno(), 2)
            retrain.run(folder)
            os._exit(0)
        wanted = before + draw.randrange(1, 12)
        while len(kinds_of(folder)) < wanted and os.waitpid(child, os.WNOHANG) == (0, 0):
            pass
        try:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        assert running(folder.parent) is None
        assert [version.id for version in registry.versions()] == ["tiny-1"]
        if kinds_of(folder)[-1] == "candidate":
            break
    if kinds_of(folder)[-1] != "candidate":
        assert retrain.run(folder) == 0
    assert kinds_of(folder)[-1] == "candidate"
    assert registry.add_candidate(folder / "candidate").id == "mine-1"
    assert registry.current().id == "tiny-1"


# what goes wrong


def test_full_memory_makes_the_steps_smaller_and_says_so(
    run_of: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.train import Trainer

    real = Trainer._step

    def tight(self: Trainer, step: int, batch: object) -> float:
        if self.settings.stacks > 2 and step == 1:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return real(self, step, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_step", tight)
    folder = run_of(*PATIENTS)
    assert retrain.run(folder) == 0
    said = next(e for e in events_of(folder) if e["event"] == "smaller")
    assert said["text"] == "The memory was full. The training goes on with 2 stacks a step."
    assert said["text"] in events_of(folder)[-1]["notes"]
    assert next(e for e in events_of(folder) if e["event"] == "resumed")["step"] == 1


def test_memory_too_small_for_anything_ends_with_a_sentence(
    run_of: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.train import Trainer

    def never(*_: object) -> float:
        raise MemoryError

    monkeypatch.setattr(Trainer, "_step", never)
    folder = run_of(*PATIENTS)
    assert retrain.run(folder) == 1
    assert [e["event"] for e in events_of(folder)].count("smaller") == 2
    last = events_of(folder)[-1]
    assert (last["code"], "too little free memory" in last["text"]) == ("MEMORY", True)


def test_a_gpu_that_disappears_hands_over_to_the_processor(
    run_of: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.train import Trainer

    real, broken = Trainer._step, [1]

    def lost(self: Trainer, step: int, batch: object) -> float:
        if step == 2 and broken:
            broken.clear()
            raise RuntimeError("CUDA error: device is no longer available")
        return real(self, step, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_step", lost)
    folder = run_of(*PATIENTS)
    assert retrain.run(folder) == 0
    said = next(e for e in events_of(folder) if e["event"] == "smaller")
    assert said["text"].startswith("The GPU stopped answering. The training goes on on the processor")


def test_another_fault_is_no_matter_of_memory() -> None:
    from model.fine_tune import trouble

    assert trouble(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) == ""
    assert trouble(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")) == "memory"
    assert trouble(RuntimeError("NVML_SUCCESS == r INTERNAL ASSERT FAILED")) == "device"


def test_steps_follow_the_slices_and_the_time(run_of: MakeRun) -> None:
    from model.fine_tune import LEAST_STEPS, steps_for
    from model.recipe import load_settings

    # 4 stacks of 3 slices, half of them the reader's: 6 a step; 50 slices 20 times are 167 steps
    recipe = replace(load_settings("retrain"), patience=3, stacks=4, slices=3, real_share=0.5)
    assert steps_for(recipe, 50, 0.5, 10) == 167
    assert steps_for(recipe, 50, 1.0, 1) == 60
    assert steps_for(recipe, 1, 0.5, 10) == LEAST_STEPS
    assert steps_for(replace(recipe, patience=0), 5000, 0.01, 10) == 120


def test_three_timed_steps_say_what_it_would_take(run_of: MakeRun) -> None:
    folder = run_of(*PATIENTS, steps=0, probe=True, watched=0, reference=0)
    assert retrain.run(folder) == 0
    last = events_of(folder)[-1]
    assert last["event"] == "probed"
    assert (last["device"], last["steps"]) == ("cpu", 27)  # eight slices 20 times, six a step
    assert last["seconds_a_step"] > 0
    assert last["seconds"] >= 0
    assert not (folder / "candidate").exists()


def test_the_time_decides_the_length_where_no_steps_are_asked_for(run_of: MakeRun) -> None:
    folder = run_of(*PATIENTS[:5], steps=0, minutes=1e-6)
    assert retrain.run(folder) == 0
    timed = next(e for e in events_of(folder) if e["event"] == "timed")
    assert timed["steps"] == 24
    assert kinds_of(folder).count("step") == 24


def test_examples_show_before_and_after(run_of: MakeRun) -> None:
    folder = run_of(*PATIENTS)
    assert retrain.run(folder) == 0
    (shown,) = load_slices(folder / "examples.npz")  # one validation patient
    assert shown.grey.shape == shown.truth.shape == shown.before.shape == shown.after.shape == (192, 192)
    assert (shown.truth == 2).any()
    assert load_slices(folder / "nothing.npz") == ()
    (folder / "examples.npz").write_bytes(b"no")
    with pytest.raises(PterionError, match="Train again to see it"):
        load_slices(folder / "examples.npz")


@pytest.mark.parametrize(
    ("samples", "code"),
    [([sample("a", 255)], "NOTHING_TO_LEARN"), ([sample(p, 1) for p in "ab"], "NOTHING_TO_LEARN")],
)
def test_too_little_fails_with_a_sentence(run_of: MakeRun, samples: list[Sample], code: str) -> None:
    folder = run_of(*samples)
    assert retrain.run(folder) == 1
    last = events_of(folder)[-1]
    assert (last["event"], last["code"]) == ("failed", code)


def test_only_negatives_are_refused(run_of: MakeRun) -> None:
    folder = run_of(*[sample(p, 0, 0) for p in "abcdef"])
    assert retrain.run(folder) == 1
    assert "Patients with a bleed among the annotated ones: 0" in events_of(folder)[-1]["text"]


def test_damaged_sample_fails_with_a_sentence(run_of: MakeRun) -> None:
    folder = run_of(*PATIENTS)
    (folder / "samples" / "0.npz").write_bytes(b"no")
    assert retrain.run(folder) == 1
    assert events_of(folder)[-1]["code"] == "INVALID_SAMPLE"


def test_tampered_base_is_refused(run_of: MakeRun, tiny_version: Path, tmp_path: Path) -> None:
    folder = run_of(*PATIENTS)
    copy = shutil.copytree(tiny_version, tmp_path / "tampered" / "tiny-1")
    (copy / "weights.safetensors").write_bytes((copy / "weights.safetensors").read_bytes() + b"x")
    replace(Request.read(folder), base=str(copy)).write(folder)
    assert retrain.run(folder) == 1
    assert events_of(folder)[-1]["code"] == "MODEL_FILE"


def test_second_training_is_refused_and_touches_nothing(run_of: MakeRun) -> None:
    folder = run_of(*PATIENTS)
    with running_lock(folder.parent, "other"):
        assert retrain.run(folder) == 1
    assert events_of(folder)[-1]["code"] == "BUSY"
    assert len(list((folder / "samples").iterdir())) == len(PATIENTS)


def test_fault_is_told_and_kept(
    run_of: MakeRun, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = run_of(*PATIENTS)
    monkeypatch.setattr(retrain, "retrain", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        retrain.run(folder)
    assert events_of(folder)[-1]["code"] == "INTERNAL_ERROR"
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert running(folder.parent) is None


@pytest.mark.parametrize(
    "where", ["model.replay.save_sample", "model.export._save_weights", "model.checkpoint.os.fsync"]
)
def test_full_disk_is_said_and_leaves_no_half_candidate(
    run_of: MakeRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    folder = run_of(*PATIENTS)
    replace(Request.read(folder), cache=str(tmp_path / "empty")).write(folder)
    monkeypatch.setattr(where, full)
    assert retrain.run(folder) == 1
    assert "No space left" in events_of(folder)[-1]["text"]
    assert not (folder / "candidate").exists()
    assert [path for path in folder.iterdir() if path.is_dir() and path.name != "samples"] == []


def test_simulated_heads_are_kept_for_the_next_run(run_of: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    from model.replay import simulated_heads

    folder = run_of()
    request = Request.read(folder)
    first = simulated_heads(request, EventLog(folder), lambda: False)
    monkeypatch.setattr("model.phantom.generate", lambda *args, **more: pytest.fail("made again"))
    second = simulated_heads(request, EventLog(folder), lambda: False)
    assert [len(group) for group in (second.replay, second.watched, second.reference)] == [1, 1, 2]
    np.testing.assert_array_equal(first.reference[1].hu, second.reference[1].hu)
    patients = {case.patient for group in (second.replay, second.watched, second.reference) for case in group}
    assert len(patients) == 4


def test_torch_is_not_needed_to_count() -> None:
    import subprocess

    code = "import sys, model.retrain, model.run_folder; print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert shown.stdout.strip() == "False"


def test_lock_file_tells_who(tmp_path: Path) -> None:
    with running_lock(tmp_path, "one"):
        assert json.loads((tmp_path / run_folder.LOCK).read_text())["run"] == "one"
