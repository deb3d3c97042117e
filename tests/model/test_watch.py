"""What a retraining is stopped by: gains on validation patients, less what simulated heads lost."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from model import watch as module
from model.batches import crop_sample
from model.calibration import Calibration
from model.candidate import calibration_of
from model.errors import Cancelled
from model.export import load_network
from model.registry import verify
from model.watch import Watch
from tests.model.conftest import square_sample


@pytest.fixture
def calibration(tiny_version: Path) -> Calibration:
    return calibration_of(verify(tiny_version))


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[float, float]]:
    """Dice and AUC on the cases of a patient, instead of what a network says."""
    said: dict[str, tuple[float, float]] = {}

    def answers(_: object, cases: list[Any], *__: object) -> list[Any]:
        return [SimpleNamespace(patient=case.patient) for case in cases]

    monkeypatch.setattr(module, "answers", answers)
    monkeypatch.setattr(module, "mean_dice", lambda found: said[found[0].patient][0])
    monkeypatch.setattr(module, "slice_auc", lambda found: said[found[0].patient][1])
    monkeypatch.setattr(module, "mean_subtype_dice", lambda _: {})
    return said


def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("after", "score"),
    [
        ((0.70, 0.90), 0.7),  # (.6 + .8) / 2; the heads as before
        ((0.69, 0.90), 0.7),  # a loss of .01 is none
        ((0.64, 0.90), 0.6),  # .06 of Dice: .05 too much, twice
        ((0.70, 0.84), 0.6),  # the same of AUC
        ((0.64, 0.84), 0.6),  # the larger of both counts, once
        ((0.90, 0.95), 0.7),  # what the heads gain is no gain
    ],
)
def test_each_loss_of_the_heads_beyond_a_hundredth_costs_twice(
    says: dict[str, tuple[float, float]],
    calibration: Calibration,
    tiny_version: Path,
    after: tuple[float, float],
    score: float,
) -> None:
    network = load_network(tiny_version)
    watch = Watch(
        [crop_sample(square_sample("mine", 0, 1))], [crop_sample(square_sample("head", 0, 2))], calibration
    )
    says["head"] = (0.7, 0.9)
    watch.begin(network, never)
    says.update(mine=(0.6, 0.8), head=after)
    assert watch.score(network, never) == pytest.approx(score)
    assert watch.numbers(network, never)["mine_score"] == pytest.approx(0.7)  # that alone ends a training


def test_without_validation_patients_only_a_loss_counts(
    says: dict[str, tuple[float, float]], calibration: Calibration, tiny_version: Path
) -> None:
    network = load_network(tiny_version)
    watch = Watch((), [crop_sample(square_sample("head", 0, 2))], calibration)
    says["head"] = (0.7, 0.9)
    watch.begin(network, never)
    assert watch.score(network, never) == 0
    says["head"] = (0.5, float("nan"))
    assert watch.score(network, never) == pytest.approx(-2 * 0.19)
    assert watch.numbers(network, never).keys() == {"phantom_dice", "phantom_auc"}


def test_nothing_to_watch_scores_nothing(calibration: Calibration, tiny_version: Path) -> None:
    network = load_network(tiny_version)
    watch = Watch((), (), calibration)
    watch.begin(network, never)
    assert (watch.score(network, never), watch.numbers(network, never)) == (0.0, {})


def test_it_says_what_the_network_says_and_can_be_called_off(
    calibration: Calibration, tiny_version: Path
) -> None:
    network = load_network(tiny_version)
    cases = [crop_sample(square_sample("a", 0, 1, 2))]
    watch = Watch(cases, cases, calibration)
    found = watch.numbers(network, never)
    assert {name: found[f"mine_{name}"] for name in ("dice", "auc", "EDH", "SDH")} == {
        name: found[f"phantom_{name}"] for name in ("dice", "auc", "EDH", "SDH")
    }
    assert found["mine_loss"] > 0
    with pytest.raises(Cancelled):
        watch.score(network, lambda: True)


def test_slices_are_read_once_while_it_watches(
    calibration: Calibration, tiny_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_network(tiny_version)
    network.config = replace(network.config, mirrored=True)
    seen: list[bool] = []
    real = module.answers

    def answers(one: Any, *rest: Any) -> Any:
        seen.append(one.config.mirrored)
        return real(one, *rest)

    monkeypatch.setattr(module, "answers", answers)
    watch = Watch([crop_sample(square_sample("a", 0, 1))], (), calibration)
    watch.score(network, never)
    with pytest.raises(Cancelled):
        watch.score(network, lambda: True)
    assert (seen, network.config.mirrored) == ([False, False], True)
