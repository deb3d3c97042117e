"""From a finished run to a version folder, and to a folder as MONAI's bundles are, on a few simulated heads."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from model import card, corpus, novelty, registry
from model.bundle import bundle_run
from model.evaluation.attach import read_reports
from model.gather import Run
from model.labels import SCORES
from model.networks.flagship import FlagshipConfig
from model.recipe import Settings
from model.train import train

TINY = Settings(
    name="tiny-1",
    steps=2,
    stacks=1,
    slices=2,
    sequence_steps=2,
    sequence_series=1,
    network=FlagshipConfig(
        widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1, 1), expansion=1, decoder=(8, 8, 8, 8), pooled=4
    ),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_heads: Callable[..., Path]) -> Run:
    """A finished run on heads (with HELD_BACK 2, `b` and `h` are held back) and patients, without fold 0."""
    monkeypatch.setattr(corpus, "HELD_BACK", 2)
    heads = write_heads(tmp_path / "heads", {"b": 0, "c": 1, "d": 2, "h": 3})
    patients = write_heads(tmp_path / "patients", {f"p{n}": n % 2 * 5 for n in range(12)}, "clinic")
    run = Run((heads, patients), tmp_path / "out", fold=0)
    train(TINY, run)
    return run


def test_a_run_becomes_a_version_that_can_be_registered(run: Run) -> None:
    events: list[dict[str, object]] = []
    version = bundle_run(run, events.append)
    assert version == run.out / "tiny-1"
    info = registry.verify(version)
    registry.check_loadable(version)
    assert all(0.03 <= info["thresholds"][code] <= 0.8 for code in SCORES)
    assert set(info["calibration"]) == {"provisional", "slice", "study"}
    assert 0 <= info["mask"]["slice_gate"] <= 0.3
    held_out = [n for n in range(12) if corpus.fold_of(f"p{n}") == 0]
    assert held_out
    assert info["metrics"]["held-out"]["patients"] == len(held_out)
    assert info["metrics"]["held-out"]["patients_bleeding"] == sum(n % 2 for n in held_out)
    assert (info["training"]["phantoms"], info["training"]["started"]) == (2, "from scratch")
    assert info["training"]["settings"]["network"]["widths"] == [8] * 5
    report = read_reports(version)["held-out"]
    assert set(report["systems"]) == {"tiny-1", "always negative", "HU threshold"}
    assert info["calibrated_on"]["any"]["positives"] > 0
    text = (version / "card.md").read_text(encoding="utf-8")
    assert "held-out" in text and "a grid of 2.1 mm" in text
    finer = {**info, "preprocess": {**info["preprocess"], "mask_size": 192}}
    assert "a grid of 1.05 mm" in card.text("tiny-1", finer)
    assert [event["event"] for event in events] == ["evaluated"]
    assert info["novelty"] is None  # a dozen slices say nothing of what is usual
    before = json.loads((version / "model.json").read_text())["created"]
    assert bundle_run(run) == version  # once more leaves it as it is
    assert json.loads((version / "model.json").read_text())["created"] == before


def test_a_version_knows_what_is_usual_where_there_are_slices_enough(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(novelty, "LEAST_SLICES", 8)
    version = bundle_run(run)
    assert version is not None
    found = novelty.novelty_from(registry.read_info(version))
    assert found is not None
    assert len(found.mean) == TINY.network.embedding
