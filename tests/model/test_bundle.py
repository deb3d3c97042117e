"""From a recipe to a version folder, on three simulated heads."""

import json
from pathlib import Path

import numpy as np
import pytest

from model import corpus, registry
from model.bundle import domain_weights, main
from model.labels import SCORES
from model.sample import Sample, save_sample, slice_scores

RECIPE = """
name = "tiny-1"
minutes = 0.005
stacks = 1
slices = 2
epoch_steps = 1
sequence_steps = 2
sequence_series = 1
[network]
widths = [8, 8, 8, 8, 8]
depths = [1, 1, 1, 1, 1]
expansion = 1
decoder = [8, 8, 8, 8]
pooled = 4
"""


def head_sample(patient: str, value: int) -> Sample:
    """Three slices of a round skull of 75 mm radius; the middle one bleeds as `value`."""
    row, column = np.indices((100, 100)) - 49.5
    away = np.hypot(row, column) * 2
    hu = np.repeat(np.where(away <= 68, 35, np.where(away <= 75, 1000, -1000))[None], 3, 0).astype(np.int16)
    labels = np.zeros((3, 100, 100), np.uint8)
    labels[1, 40:50, 60:70] = value
    hu[labels > 0] = 65
    z_mm = np.array([0.0, 5, 10])
    return Sample(hu, (2.0, 2.0), z_mm, labels, slice_scores(labels), patient, "phantom")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders `data` (with HELD_BACK 2, `b` and `h` are held back) and `test`, and recipe.toml."""
    monkeypatch.setattr(corpus, "HELD_BACK", 2)
    for value, patient in enumerate("bcdh"):
        save_sample(head_sample(patient, value), tmp_path / "data" / f"{patient}.npz")
    for value, patient in enumerate("xy"):
        save_sample(head_sample(patient, value), tmp_path / "test" / f"{patient}.npz")
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


def test_a_recipe_becomes_a_version_that_can_be_registered(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, test, out = (str(folders / name) for name in ("data", "test", "out"))
    assert main([str(folders / "recipe.toml"), "--data", data, "--test", test, "--out", out]) == 0
    version = folders / "out" / "tiny-1"
    info = registry.verify(version)
    registry.check_loadable(version)
    assert all(0.3 <= info["thresholds"][code] <= 0.8 for code in SCORES)
    assert set(info["calibration"]) == {"provisional", "slice", "study"}
    assert 0 <= info["mask"]["slice_gate"] <= 0.3
    assert info["metrics"]["test"]["patients_bleeding"] == 1
    assert info["training"]["phantoms"] == 2
    assert info["training"]["settings"]["network"]["widths"] == [8] * 5
    assert "| study any | 1 |" in (version / "card.md").read_text(encoding="utf-8")
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events[0] == "epoch"
    assert events[-1] == "evaluated"


def test_quiet_patients_weigh_as_much_as_quiet_phantoms() -> None:
    truth = np.array([True, True, False, False, False, False])
    real = np.array([True, False, True, False, False, False])
    assert domain_weights(truth, real).tolist() == [3, 1, 3, 1, 1, 1]


def test_without_data_the_command_says_so(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        str(folders / "recipe.toml"),
        "--data",
        str(folders / "absent"),
        "--out",
        str(folders / "out"),
    ]
    assert main(arguments) == 1
    assert "no folder absent" in capsys.readouterr().err
