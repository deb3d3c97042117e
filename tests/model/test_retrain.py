"""Fine-tuning in a run folder, with a network of a few thousand weights: what it counts, keeps apart and leaves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import retrain, run_folder
from model.compare import comparison, judge
from model.deal import Counts, Deal, _drawn, count, held_out
from model.errors import PterionError
from model.labels import CODES
from model.run_folder import EventLog, Request, read_events, running, running_lock
from model.sample import Sample, save_sample, slice_scores


def sample(patient: str, *labels: int, seed: int = 0) -> Sample:
    """A head of 48 × 48 pixels of 4 mm; in each slice a square of this label (255: nobody looked)."""
    row, column = np.mgrid[:48, :48]
    head = (row - 24) ** 2 + (column - 24) ** 2
    image = np.where(head < 18**2, 35, np.where(head < 20**2, 1000, -1000)).astype(np.int16)
    hu = np.repeat(image[None], len(labels), axis=0)
    hu += np.random.default_rng(seed).integers(-3, 4, hu.shape).astype(np.int16)
    drawn = np.zeros(hu.shape, np.uint8)
    for index, label in enumerate(labels):
        if label == 255:
            drawn[index] = 255
        elif label:
            drawn[index, 20:26, 20:26] = label
            hu[index, 20:26, 20:26] = 75
    z_mm = np.arange(len(labels)) * 5.0
    return Sample(hu, (4.0, 4.0), z_mm, drawn, slice_scores(drawn), patient, "annotations")


def test_counts_what_a_reader_vouches_for() -> None:
    counts = count([sample("a", 255, 2, 2), sample("a", 0, 1), sample("b", 0)])
    assert counts == Counts(2, 1, 5, 3, {"EDH": 1, "SDH": 2, "SAH": 0, "IVH": 0, "IPH": 0})
    assert "Patients with a bleed among them: 1" in counts.warning


def test_three_bleeding_patients_give_no_warning() -> None:
    assert count([sample(p, 1) for p in "abc"]).warning == ""


@pytest.mark.parametrize("samples", [[], [sample("a", 255, 255)]])
def test_nothing_to_learn_is_refused(samples: list[Sample]) -> None:
    with pytest.raises(PterionError, match="no annotated slice") as caught:
        count(samples)
    assert caught.value.code == "NOTHING_TO_LEARN"


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.booleans(), max_size=40))
def test_held_out_leaves_bleeds_on_both_sides(patients: dict[str, bool]) -> None:
    chosen = held_out(patients)
    bleeding = {p for p, bleeds in patients.items() if bleeds}
    assert chosen <= patients.keys()
    if len(bleeding) > 1:
        assert chosen & bleeding
        assert bleeding - chosen
    else:
        assert not chosen & bleeding
    assert len(chosen & bleeding) <= max(len(bleeding) // 3, 1)
    assert len(chosen - bleeding) <= len(patients.keys() - bleeding) // 3


@given(st.sets(st.text(min_size=1, max_size=5), min_size=2, max_size=30), st.text(min_size=6, max_size=6))
def test_patients_stay_on_their_side(names: set[str], newcomer: str) -> None:
    few, more = dict.fromkeys(names, True), dict.fromkeys({*names, newcomer}, True)
    drawn = {p for p in names if _drawn(p)}
    if drawn and len(drawn) <= len(names) // 3 and not _drawn(newcomer):
        assert held_out(more) & names == held_out(few) == drawn


def metrics(yours: tuple[float, float], simulated: tuple[float, float]) -> dict:
    empty = dict.fromkeys(CODES)
    return {
        name: {
            "yours": {"dice": yours[index], "auc": None, **empty},
            "simulated": {"dice": simulated[index], "auc": 0.9, **empty},
        }
        for index, name in enumerate(("incumbent", "candidate"))
    }


@pytest.mark.parametrize(
    ("yours", "simulated", "bleeding", "apart", "text"),
    [
        ((0.4, 0.5), (0.6, 0.6), 2, 1, "Too little data to tell"),
        ((0.4, 0.5), (0.6, 0.6), 9, 0, "Too little data to tell"),
        ((0.4, 0.5), (0.6, 0.5), 20, 5, "has forgotten"),
        (
            (0.4, 0.5),
            (0.6, 0.6),
            20,
            5,
            "better on your held-out patients (Dice +0.10) and has not forgotten.",
        ),
        ((0.5, 0.4), (0.6, 0.6), 20, 5, "worse on your held-out patients (Dice -0.10)"),
        ((0.5, 0.51), (0.6, 0.6), 20, 5, "about as well"),
        ((0.4, 0.5), (0.6, 0.6), 4, 1, "rests on 1 held-out patient with a bleed, which proves little"),
    ],
)
def test_verdict(yours: tuple, simulated: tuple, bleeding: int, apart: int, text: str) -> None:
    assert text in judge(metrics(yours, simulated), bleeding, apart)


def test_comparison_shows_what_has_numbers() -> None:
    assert comparison(metrics((0.4, 0.5), (0.6, 0.55))) == [
        ("Dice, your held-out patients", "0.40", "0.50"),
        ("Dice, simulated heads", "0.60", "0.55"),
        ("slice AUC, simulated heads", "0.90", "0.90"),
    ]


# the protocol


def test_request_survives_writing(tmp_path: Path) -> None:
    request = Request("b", "i", "c", "k", epochs=3)
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


def dealt(training: list, apart: list | tuple = ()) -> Deal:
    return Deal(tuple(training), tuple(apart), 0, 0)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained version with a very small network."""
    import torch

    from model.export import export
    from model.networks.flagship import Flagship, FlagshipConfig

    torch.manual_seed(0)
    config = FlagshipConfig(
        widths=(4, 4, 8, 8, 8),
        depths=(1, 1, 1, 1, 1),
        expansion=1,
        decoder=(8, 8, 4, 4),
        pooled=4,
        sequence_width=4,
    )
    folder = tmp_path_factory.mktemp("base") / "tiny-1"
    calibration = {"slice": {"any": [2.0, 0.5]}}
    thresholds = {**dict.fromkeys(CODES, 0.4), "any": 0.3}
    info = {"thresholds": thresholds, "calibration": calibration, "licence": "CC0"}
    export(Flagship(config), folder, id="tiny-1", parent=None, info=info)
    return folder


@pytest.fixture
def run_of(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Make a run folder with these samples."""
    monkeypatch.setattr(retrain, "_lower_priority", lambda: None)

    def make(*samples: Sample, **settings: object) -> Path:
        folder = tmp_path / "runs" / "one"
        (folder / "samples").mkdir(parents=True)
        for number, one in enumerate(samples):
            save_sample(one, folder / "samples" / f"{number}.npz")
        small = {"epochs": 2, "replay": 1, "regression": 2, "size": 48, "slices": 3, "threads": 1, **settings}
        Request(str(base), str(base), "mine-1", str(tmp_path / "cache"), **small).write(folder)  # type: ignore[arg-type]
        return folder

    return make


PATIENTS = [sample(name, 255, label, 0, seed=label) for name, label in zip("abcd", (1, 2, 5, 5), strict=True)]


def test_run_leaves_a_candidate_that_the_registry_takes(run_of, base: Path, tmp_path: Path) -> None:
    from model.predict import Predictor
    from model.registry import Registry

    folder = run_of(*PATIENTS)
    before = {path.name: path.read_bytes() for path in base.iterdir()}
    assert retrain.run(folder) == 0
    events, _ = read_events(folder)
    kinds = [event["event"] for event in events if event["event"] != "heartbeat"]
    assert kinds == ["started", *["preparing"] * 3, *(["step"] * 4 + ["epoch"]) * 2, "exporting", "candidate"]
    started, last = next(e for e in events if e["event"] == "started"), events[-1]
    assert (started["patients"], started["slices"]) == (4, 8)
    assert started["held_out_patients"] >= 1
    steps = [event for event in events if event["event"] == "step"]
    assert [event["step"] for event in steps] == list(range(1, 9))
    assert all(np.isfinite(event["loss"]) and event["seconds_left"] >= 0 for event in steps)
    assert all(event["validation_loss"] > 0 for event in events if event["event"] == "epoch")
    assert last["id"] == "mine-1"
    assert last["verdict"]
    assert {path.name: path.read_bytes() for path in base.iterdir()} == before
    assert list((folder / "samples").iterdir()) == []

    registry = Registry(base.parent, tmp_path / "models")
    version = registry.add_candidate(folder / "candidate")
    assert version.info["parent"] == "tiny-1"
    assert version.info["thresholds"]["any"] == 0.3
    assert version.info["calibration"] == {"slice": {"any": [2.0, 0.5]}}
    assert version.info["training"]["counts"]["patients"] == 4
    assert len(version.info["training"]["training_patients"]) + started["held_out_patients"] == 4
    assert "mine-1" in (version.path / "card.md").read_text()
    assert registry.current().id == "tiny-1"
    Predictor(version.path, threads=1)


def test_training_moves_weights_but_neither_statistics_nor_the_sequence(run_of, base: Path) -> None:
    import torch

    from model.batches import crop_sample
    from model.export import load_network

    folder = run_of()
    request = replace(Request.read(folder), epochs=1)
    cases = [crop_sample(one) for one in PATIENTS]
    log = EventLog(folder)
    tuned = retrain.fine_tune(
        load_network(base), dealt(cases), cases[:1], cases[:1], request, log, lambda: False
    )
    moved, still = 0, 0
    for name, value in load_network(base).state_dict().items():
        same = torch.equal(value, tuned.state_dict()[name])
        if "running_" in name or "num_batches" in name or name.startswith("context."):
            assert same, name
            still += 1
        else:
            moved += not same
    assert moved > still / 4
    assert moved > 10


def test_training_learns_what_is_drawn(run_of, base: Path) -> None:
    from model.batches import crop_sample
    from model.export import load_network

    folder = run_of()
    request = replace(Request.read(folder), epochs=4, learning_rate=3e-3)
    cases = [crop_sample(one) for one in PATIENTS]
    tuned = retrain.fine_tune(
        load_network(base), dealt(cases, cases), [], [], request, EventLog(folder), lambda: False
    )
    assert retrain.mean_loss(tuned, cases) < 0.95 * retrain.mean_loss(load_network(base), cases)


def test_same_seed_gives_the_same_weights(run_of, base: Path) -> None:
    import torch

    from model.batches import crop_sample
    from model.export import load_network

    folder = run_of()
    request = replace(Request.read(folder), epochs=1)
    cases = [crop_sample(one) for one in PATIENTS]
    first, second = (
        retrain.fine_tune(load_network(base), dealt(cases), [], [], request, EventLog(folder), lambda: False)
        for _ in range(2)
    )
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_stop_before_an_epoch_is_done_leaves_no_candidate(run_of) -> None:
    folder = run_of(*PATIENTS)
    (folder / "stop").touch()
    assert retrain.run(folder) == 0
    assert read_events(folder)[0][-1]["event"] == "cancelled"
    assert not (folder / "candidate").exists()
    assert list((folder / "samples").iterdir()) == []


def test_stop_keeps_the_best_epoch(run_of, base: Path) -> None:
    from model.batches import crop_sample
    from model.export import load_network

    folder = run_of()
    request = replace(Request.read(folder), epochs=50)
    cases = [crop_sample(one) for one in PATIENTS]
    kinds: list[str] = []

    def log(event: str, **facts: object) -> None:
        kinds.append(event)

    tuned = retrain.fine_tune(
        load_network(base),
        dealt(cases),
        [],
        [],
        request,
        log,
        lambda: "epoch" in kinds and kinds[-1] == "step",
    )
    assert tuned is not None
    assert kinds.count("epoch") == 1
    assert kinds[-1] == "step"


def test_time_is_kept(run_of, base: Path) -> None:
    from model.batches import crop_sample
    from model.export import load_network

    folder = run_of()
    request = replace(Request.read(folder), epochs=10_000, minutes=1 / 60)
    cases = [crop_sample(one) for one in PATIENTS]
    retrain.fine_tune(load_network(base), dealt(cases), [], [], request, EventLog(folder), lambda: False)
    events, _ = read_events(folder)
    assert len([event for event in events if event["event"] == "epoch"]) < 1000


def test_nothing_to_learn_fails_with_a_sentence(run_of) -> None:
    folder = run_of(sample("a", 255))
    assert retrain.run(folder) == 1
    last = read_events(folder)[0][-1]
    assert (last["event"], last["code"]) == ("failed", "NOTHING_TO_LEARN")


def test_damaged_sample_fails_with_a_sentence(run_of) -> None:
    folder = run_of(*PATIENTS)
    (folder / "samples" / "0.npz").write_bytes(b"no")
    assert retrain.run(folder) == 1
    assert read_events(folder)[0][-1]["code"] == "INVALID_SAMPLE"


def test_tampered_base_is_refused(run_of, base: Path, tmp_path: Path) -> None:
    import shutil

    folder = run_of(*PATIENTS)
    copy = shutil.copytree(base, tmp_path / "tampered" / "tiny-1")
    (copy / "weights.safetensors").write_bytes((copy / "weights.safetensors").read_bytes() + b"x")
    replace(Request.read(folder), base=str(copy)).write(folder)
    assert retrain.run(folder) == 1
    assert read_events(folder)[0][-1]["code"] == "MODEL_FILE"


def test_second_training_is_refused(run_of) -> None:
    folder = run_of(*PATIENTS)
    with running_lock(folder.parent, "other"):
        assert retrain.run(folder) == 1
    assert read_events(folder)[0][-1]["code"] == "BUSY"


def test_fault_is_told_and_kept(
    run_of, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = run_of(*PATIENTS)
    monkeypatch.setattr(retrain, "fine_tune", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        retrain.run(folder)
    assert read_events(folder)[0][-1]["code"] == "INTERNAL_ERROR"
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert running(folder.parent) is None


def test_full_disk_is_said(run_of, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    folder = run_of(*PATIENTS)
    monkeypatch.setattr(retrain, "save_sample", full)
    assert retrain.run(folder) == 1
    assert "No space left" in read_events(folder)[0][-1]["text"]


def test_simulated_heads_are_kept_for_the_next_run(
    run_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_of()
    request = Request.read(folder)
    first = retrain.simulated_heads(request, EventLog(folder), lambda: False)
    monkeypatch.setattr("model.phantom.generate", lambda *args, **more: pytest.fail("made again"))
    second = retrain.simulated_heads(request, EventLog(folder), lambda: False)
    assert [len(group) for group in second] == [1, 2]
    np.testing.assert_array_equal(first[1][1].hu, second[1][1].hu)


def test_torch_is_not_needed_to_count() -> None:
    import subprocess
    import sys

    code = "import sys, model.retrain, model.run_folder; print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert shown.stdout.strip() == "False"


def test_lock_file_tells_who(tmp_path: Path) -> None:
    with running_lock(tmp_path, "one"):
        assert json.loads((tmp_path / run_folder.LOCK).read_text())["run"] == "one"
