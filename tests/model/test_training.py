"""Whole tiny runs: what they leave, that they stop and go on to the same result, and when they refuse."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from model import checkpoint, corpus, team
from model.checkpoint import load_run
from model.errors import Cancelled, InvalidSampleError, PterionError
from model.gather import Run
from model.networks.b0 import B0Config
from model.networks.flagship import Flagship, FlagshipConfig
from model.networks.multitask_cnn import MultitaskConfig
from model.recipe import DataSettings, Settings
from model.train import Event, train

FLAGSHIP = Settings(
    name="tiny",
    steps=6,
    stacks=2,
    slices=2,
    real_share=0.5,
    real_from=0.0,
    validate_every=3,
    checkpoint_every=2,
    sequence_steps=3,
    sequence_series=2,
    network=FlagshipConfig(
        widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1, 1), expansion=1, decoder=(8, 8, 8, 8), pooled=4
    ),
)
B0 = Settings(
    name="tiny-b0",
    kind="b0",
    epochs=1,
    stacks=4,
    slices=1,
    sampling="every",
    optimiser="adam",
    schedule="constant",
    average=0.0,
    validate_every=2,
    checkpoint_every=1,
    patience=9,
    network=B0Config(size=32, width=0.25, dense=8),
)
MULTITASK = replace(
    B0,
    name="tiny-multitask",
    kind="multitask_cnn",
    sampling="classes",
    augmented=False,
    patience=0,
    network=MultitaskConfig(size=32, widths=(4, 4, 4), dense=8),
)


@pytest.fixture
def data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_heads: Callable[..., Path]
) -> tuple[Path, ...]:
    """Simulated heads `b` (held back, with HELD_BACK 2), `c`, `d`, and six patients of another source."""
    monkeypatch.setattr(corpus, "HELD_BACK", 2)
    simulated = write_heads(tmp_path / "heads", {"b": 1, "c": 2, "d": 5})
    (simulated / ".sample-half.npz").write_bytes(b"")  # still being written
    patients = {f"p{number}": number % 3 for number in range(6)}
    return simulated, write_heads(tmp_path / "patients", patients, "clinic")


def stop_after(step: int) -> tuple[Callable[[Event], None], Callable[[], bool]]:
    """What to pass as `on_event` and `cancelled` so that a run stops after so many steps."""
    seen: list[int] = []
    return (lambda event: seen.append(event.get("step", 0))), (lambda: bool(seen) and max(seen) >= step)


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return dict(network.state_dict())


def assert_equal(one: nn.Module, other: nn.Module) -> None:
    for (name, value), again in zip(weights(one).items(), weights(other).values(), strict=True):
        assert torch.equal(value, again), name


@pytest.mark.parametrize("settings", [FLAGSHIP, B0, MULTITASK], ids=lambda s: s.kind)
def test_a_stopped_run_goes_on_to_the_same_result(
    settings: Settings, data: tuple[Path, ...], tmp_path: Path
) -> None:
    whole = train(settings, Run(data, tmp_path / "whole"))
    on_event, cancelled = stop_after(3)
    with pytest.raises(Cancelled):
        train(settings, Run(data, tmp_path / "parts"), on_event, cancelled)
    events: list[Event] = []
    parts = train(settings, Run(data, tmp_path / "parts", resume=True), events.append)
    assert [e["step"] for e in events if e["event"] == "resumed"] == [3]
    assert_equal(whole, parts)
    rows = [(tmp_path / name / "curves.csv").read_text().splitlines() for name in ("whole", "parts")]
    assert [_without_seconds(row) for row in rows[0]] == [_without_seconds(row) for row in rows[1]]


def _without_seconds(line: str) -> list[str]:
    cells = line.split(",")
    return [cells[0], *cells[2:]]


def test_a_run_leaves_settings_curves_checkpoints_and_a_report(
    data: tuple[Path, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    events: list[Event] = []
    network = train(FLAGSHIP, Run(data, out), events.append)
    assert [e["event"] for e in events if e["event"] not in ("step", "preparing")] == [
        "validation", "validation", "sequence", "finished",
    ]  # fmt: skip
    assert [e["seconds_left"] for e in events if e["event"] == "step"][-1] == 0
    settings, again = load_run(out)
    assert settings == FLAGSHIP
    assert_equal(network, again)
    header, *rows = (out / "curves.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["3", "6"]
    assert {"loss", "phantom_auc", "clinic_dice"} <= set(header.split(","))
    assert (out / "curves.svg").read_text().startswith("<svg")
    report = json.loads((out / "report.json").read_text())
    assert (report["steps"], report["fold"], report["weights"]) == (6, None, "from scratch")
    assert report["patients"] == {
        "simulated": 2, "real": 4, "validation phantom": 1, "validation shifted": 1, "validation clinic": 2,
        "kept for the test": 0,
    }  # fmt: skip
    assert "Research use only" in (out / "report.md").read_text()


def test_the_same_seed_gives_the_same_numbers(data: tuple[Path, ...], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    runs = [
        train(replace(MULTITASK, seed=seed), Run(data, tmp_path / f"{i}", cache=cache))
        for i, seed in enumerate((3, 3, 4))
    ]
    assert_equal(runs[0], runs[1])
    assert not torch.equal(weights(runs[0])["encoder.0.weight"], weights(runs[2])["encoder.0.weight"])


def test_batches_made_in_another_process_are_the_same(data: tuple[Path, ...], tmp_path: Path) -> None:
    settings, cache = replace(MULTITASK, augmented=True), tmp_path / "cache"
    alone = train(settings, Run(data, tmp_path / "alone", cache=cache))
    ahead = train(replace(settings, workers=1), Run(data, tmp_path / "ahead", cache=cache))
    assert_equal(alone, ahead)


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_torn_checkpoint_falls_back_to_the_one_before(
    damage: str, data: tuple[Path, ...], tmp_path: Path
) -> None:
    whole = train(MULTITASK, Run(data, tmp_path / "whole"))
    on_event, cancelled = stop_after(3)
    out = tmp_path / "parts"
    with pytest.raises(Cancelled):
        train(MULTITASK, Run(data, out), on_event, cancelled)
    harm(out / checkpoint.NEWEST, damage)
    events: list[Event] = []
    parts = train(MULTITASK, Run(data, out, resume=True), events.append)
    (resumed,) = (e for e in events if e["event"] == "resumed")
    assert resumed["checkpoint"] == checkpoint.BEFORE
    assert_equal(whole, parts)
    for name in (checkpoint.NEWEST, checkpoint.BEFORE):
        harm(out / name, damage)
    with pytest.raises(PterionError, match=r"no checkpoint to go on from in parts\. checkpoint\.safetensors"):
        train(MULTITASK, Run(data, out, resume=True))


def harm(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-5] ^= 1
    path.write_bytes({"cut": content[: len(content) // 2], "flipped": content}[damage])


def test_a_finished_network_with_a_changed_byte_is_refused(data: tuple[Path, ...], tmp_path: Path) -> None:
    train(MULTITASK, Run(data, tmp_path / "out"))
    harm(tmp_path / "out" / checkpoint.FINISHED, "flipped")
    with pytest.raises(PterionError, match=r"network\.safetensors in out is not what was written"):
        load_run(tmp_path / "out")


def test_a_run_of_another_version_is_refused(data: tuple[Path, ...], tmp_path: Path) -> None:
    train(MULTITASK, Run(data, tmp_path / "out"))
    path = tmp_path / "out" / checkpoint.RUN
    path.write_text(path.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(PterionError, match="format 9, this program reads 1"):
        load_run(tmp_path / "out")


def test_a_full_disk_leaves_the_checkpoint_before(
    data: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(MULTITASK, Run(data, tmp_path / "whole"))
    out, flush = tmp_path / "out", os.fsync
    written: list[int] = []

    def fsync(handle: int) -> None:
        written.append(handle)
        if len(written) > 3:
            raise OSError(28, "No space left on device")
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(PterionError, match=r"No space left on device.*--resume"):
        train(MULTITASK, Run(data, out, cache=tmp_path / "whole" / "prepared"))
    monkeypatch.undo()
    monkeypatch.setattr(corpus, "HELD_BACK", 2)
    assert not list(out.glob("*.part"))
    assert_equal(whole, train(MULTITASK, Run(data, out, resume=True, cache=tmp_path / "whole" / "prepared")))


def test_going_on_with_something_else_is_refused(data: tuple[Path, ...], tmp_path: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    train(MULTITASK, Run(data, out, cache=cache))
    with pytest.raises(PterionError, match="holds a run already"):
        train(MULTITASK, Run(data, out, cache=cache))
    with pytest.raises(PterionError, match="begun with another learning_rate"):
        train(replace(MULTITASK, learning_rate=0.5), Run(data, out, resume=True, cache=cache))
    with pytest.raises(PterionError, match="begun with another fold"):
        train(MULTITASK, Run(data, out, fold=1, resume=True, cache=cache))
    with pytest.raises(PterionError, match="begun with another data"):
        train(MULTITASK, Run(data[:1], out, resume=True, cache=cache))


@pytest.mark.parametrize(
    ("slack", "steps", "best"),
    [
        (0.0, 4, 1),  # after two validations without a better one the run ends
        (0.2, 6, 3),  # 2.1 is as good as 2.0, and later; 2.3 is not
    ],
)
def test_a_run_ends_early_and_keeps_its_best(
    data: tuple[Path, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slack: float,
    steps: int,
    best: int,
) -> None:
    """The watched loss falls once, then rises."""
    from model.networks import kinds, multitask_cnn

    losses, kept = iter([3.0, 2.0, 2.5, 2.1, 2.3, 2.3, 0.1]), []

    def validate(network: nn.Module, _: object) -> dict[str, float]:
        kept.append({name: value.clone() for name, value in weights(network).items()})
        return {"clinic_loss": next(losses), "phantom_loss": 0.0}

    kind = replace(multitask_cnn.KIND, validate=validate)
    monkeypatch.setitem(kinds.KINDS, kind.name, kind)
    events: list[Event] = []
    settings = replace(MULTITASK, epochs=9, validate_every=1, patience=2, slack=slack)
    network = train(settings, Run(data, tmp_path / "out"), events.append)
    assert events[-1]["ended"] == "no better loss in 2 validations"
    assert events[-1]["steps"] == steps
    assert all(torch.equal(value, kept[best][name]) for name, value in weights(network).items())


def test_short_floats_train_where_the_processor_has_them(
    data: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, settings = tmp_path / "cache", replace(MULTITASK, precision="bf16", learning_rate=1e-3)
    plain = train(replace(settings, precision="float32"), Run(data, tmp_path / "plain", cache=cache))
    monkeypatch.setattr(team, "computes_bf16", lambda: False)
    assert_equal(plain, train(settings, Run(data, tmp_path / "without", cache=cache)))
    monkeypatch.setattr(team, "computes_bf16", lambda: True)
    short = train(settings, Run(data, tmp_path / "short", cache=cache))
    assert not torch.equal(weights(plain)["encoder.0.weight"], weights(short)["encoder.0.weight"])
    for name, value in weights(plain).items():
        assert value.dtype == weights(short)[name].dtype == torch.float32
        assert torch.allclose(value, weights(short)[name], atol=0.02), name


def test_a_run_that_starts_from_another_says_so(data: tuple[Path, ...], tmp_path: Path) -> None:
    first = train(FLAGSHIP, Run(data, tmp_path / "first"))
    settings = replace(
        FLAGSHIP, name="second", start_from="first", learning_rate=1e-12, average=0.0, sequence_steps=0
    )
    with pytest.raises(PterionError, match="second starts from first"):
        train(settings, Run(data, tmp_path / "second"))
    second = train(settings, Run(data, tmp_path / "second", weights=tmp_path / "first"))
    assert torch.allclose(weights(first)["stem.0.weight"], weights(second)["stem.0.weight"], atol=1e-9)
    report = json.loads((tmp_path / "second" / "report.json").read_text())
    assert report["weights"].startswith("from first, sha256 ")
    assert isinstance(second, Flagship)
    wide = replace(settings, network=replace(FLAGSHIP.network, widths=(8, 8, 8, 8, 16)))
    with pytest.raises(PterionError, match="other sizes"):
        train(wide, Run(data, tmp_path / "third", weights=tmp_path / "first"))


def test_fine_masks_start_from_coarse_ones_and_never_the_other_way(
    data: tuple[Path, ...], tmp_path: Path
) -> None:
    short = replace(FLAGSHIP, steps=1, learning_rate=1e-12, average=0.0, sequence_steps=0)
    cache = tmp_path / "cache"
    coarse = train(short, Run(data, tmp_path / "coarse", cache=cache))
    fine = replace(short, start_from="coarse", network=replace(FLAGSHIP.network, fine=True))
    finer = train(fine, Run(data, tmp_path / "fine", weights=tmp_path / "coarse", cache=cache))
    assert torch.allclose(weights(coarse)["mask_head.weight"], weights(finer)["mask_head.weight"], atol=1e-9)
    assert weights(finer)["detail.weight"].abs().max() < 1e-9
    with pytest.raises(PterionError, match="other sizes"):
        train(
            replace(short, start_from="fine"),
            Run(data, tmp_path / "back", weights=tmp_path / "fine", cache=cache),
        )


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="no folder absent"):
        train(FLAGSHIP, Run([tmp_path / "absent"], tmp_path / "out"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(PterionError, match="holds no sample"):
        train(FLAGSHIP, Run([tmp_path / "empty"], tmp_path / "out"))
    with pytest.raises(PterionError, match="no sample to train on"):
        train(FLAGSHIP, Run([], tmp_path / "out"))


def test_training_never_starts_on_data_that_do_not_validate(data: tuple[Path, ...], tmp_path: Path) -> None:
    path = data[1] / "p3.npz"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InvalidSampleError, match=r"p3\.npz"):
        train(FLAGSHIP, Run(data, tmp_path / "out"))
    assert not (tmp_path / "out" / checkpoint.RUN).exists()
    assert (
        list((tmp_path / "out" / "prepared").iterdir()) != []
    )  # the folder before it is prepared, this one is not
    assert not list((tmp_path / "out" / "prepared").glob(".making*"))


def test_simulated_heads_are_made_where_the_recipe_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_heads: Callable[..., Path]
) -> None:
    import model.phantom as phantom

    write_heads(tmp_path / "made", {"x": 3})
    from model.sample import load_sample

    sample = load_sample(tmp_path / "made" / "x.npz")
    seeds: list[int] = []

    def generate(seed: int, **_: object) -> object:
        seeds.append(seed)
        return replace(sample, patient=f"phantom-{seed}")

    monkeypatch.setattr(phantom, "generate", generate)
    settings = replace(MULTITASK, data=DataSettings(phantom=3, validation=0))
    train(settings, Run([], tmp_path / "out"))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (len(set(seeds)), report["patients"]["simulated"]) == (3, 3)


def test_the_patients_of_the_fold_are_neither_trained_on_nor_validated_on(
    data: tuple[Path, ...], tmp_path: Path
) -> None:
    fold = corpus.fold_of("p3")
    train(MULTITASK, Run(data, tmp_path / "out", fold=fold))
    mine = [f"p{n}" for n in range(6) if corpus.fold_of(f"p{n}") == fold]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    patients = report["patients"]
    assert patients["kept for the test"] == len(mine)
    assert patients["real"] + patients["validation clinic"] == 6 - len(mine)
