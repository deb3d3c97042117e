"""The experiment about retraining: what counts as annotated, and the table that it writes."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from model.batches import Case
from model.datasets import ct_ich
from model.recipe import load_settings
from tests.model.conftest import square_sample
from viewer.bench import gains, retraining
from viewer.bench.gains import Gain
from viewer.bench.retraining import Experiment, annotated


def case(patient: str, *bleeding: int) -> Case:
    """Ten slices of 4 × 4; these bleed."""
    labels, scores = np.zeros((10, 4, 4), np.uint8), np.zeros((10, 6), np.int8)
    labels[list(bleeding), 0, 0] = 2
    scores[np.ix_(list(bleeding), [0, 2])] = 1
    return Case(labels.astype(np.int16), labels, scores, np.full(10, 5, np.float32), patient, "phantom")


def test_slices_are_annotated_patient_by_patient() -> None:
    found = annotated([case("a", 2, 3, 4, 5, 6), case("b"), case("c", 1)], 8)
    # of a four that bleed and two that do not; of b the two that are left
    assert [int((one.scores[:, 0] >= 0).sum()) for one in found] == [6, 2]
    assert [int((one.scores[:, 0] == 1).sum()) for one in found] == [4, 0]
    assert all(one.source == "annotations" for one in found)
    unread = (found[0].labels == 255).all((1, 2))
    np.testing.assert_array_equal(unread, found[0].scores[:, 0] < 0)
    assert len(annotated([case("a", 2)], 100)) == 1


def gain(name: str, slices: int, seed: int, new: tuple[float, float], old: float) -> Gain:
    """One training judged on two patients of the new domain and one of the old."""
    by_patient = dict(zip("ab", new, strict=True))
    return Gain(name, slices, seed, 167, 0.75, 0.4, by_patient, {"c": old}, (0.8, 0.9), {"SDH": 0.5})


def test_lines_come_back_and_what_was_cut_short_is_left_out(tmp_path: Path) -> None:
    one, two = (gain("retrained", 50, seed, (0.4, 0.6), 0.7) for seed in (0, 1))
    path = tmp_path / "work" / "rows.jsonl"
    assert gains.read(path) == []
    gains.append(path, one)
    gains.append(path, two)
    with path.open("a") as file:
        file.write('{"name": "retr')
    assert gains.read(path) == [one, two]


def test_a_change_is_paired_by_patient_and_averaged_over_seeds() -> None:
    base = gain("bundled", 0, 0, (0.2, 0.6), 0.7)
    # a gains .2 and .4, b .0 and .2: .2 in the mean
    group = [gain("retrained", 50, 0, (0.4, 0.6), 0.6), gain("retrained", 50, 1, (0.6, 0.8), 0.8)]
    value, low, high = gains.change(group, base, "new")
    assert value == pytest.approx(0.2)
    assert (low, high) == pytest.approx((0.0, 0.4))  # both draws b of the first seed, a of the second
    assert gains.change(group[:1], base, "old") == pytest.approx((-0.1, -0.1, -0.1))


def test_the_table_has_a_row_for_all_seeds_of_a_training() -> None:
    base = gain("bundled", 0, 0, (0.2, 0.6), 0.7)
    group = [gain("retrained", 50, seed, (0.5, 0.7), 0.69) for seed in (0, 1)]
    lines = gains.lines_of([*group, base])
    assert lines[2].startswith(
        "| bundled | – | 1 | 167 | 0.75 | 0.400 | – | 0.700 | – | 0.800 | 0.900 | – | 0.50 |"
    )
    assert lines[3].startswith(
        "| retrained | 50 | 2 | 167 | 0.75 | 0.600 | +0.200 (+0.100 … +0.300) | 0.690 | -0.010"
    )
    assert len(lines) == 4


def test_what_is_measured_already_is_not_measured_again(tmp_path: Path) -> None:
    class Few(Experiment):
        def __init__(self) -> None:
            self.asked: list[str] = []

        def trainings(self) -> Iterator[tuple[tuple[str, int, int], Callable[[], Gain]]]:
            for name in ("bundled", "retrained"):
                yield (name, 50, 0), partial(self.measured, name)

        def measured(self, name: str) -> Gain:
            self.asked.append(name)
            return gain(name, 50, 0, (0.4, 0.6), 0.7)

    one, told = Few(), []
    gains.append(tmp_path / "rows.jsonl", gain("bundled", 50, 0, (0.1, 0.1), 0.1))
    for _ in range(2):
        one.run(tmp_path / "rows.jsonl", told.append)
    assert one.asked == ["retrained"]
    assert [len(found) for found in told] == [2]


def test_every_training_is_asked_for_once() -> None:
    keys = [key for key, _ in Experiment.trainings(Experiment.__new__(Experiment))]
    assert len(keys) == len(set(keys))
    assert keys[0] == ("bundled", 0, 0)
    assert {count for name, count, _ in keys if name == "retrained"} == {10, 25, 50, 100, 200}
    assert [key[2] for key in keys if key[:2] == ("retrained", 50)] == [0, 1, 2]


def test_patients_come_by_their_frozen_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of each fold: two folds to train on, one to stop by, two to test on."""
    old = {name: [] for name in ("old_test", "replay", "watched")}
    monkeypatch.setattr(retraining, "_old", lambda _: old)
    monkeypatch.setattr(ct_ich, "patients", lambda _: ("049", "051", "052", "056", "057"))
    monkeypatch.setattr(ct_ich, "read_patient", lambda _, number: square_sample(f"ct-ich-{number}", 0, 1))
    found = retraining.patients(tmp_path, tmp_path)
    names = [[c.patient[-3:] for c in part] for part in (found.training, found.validation, found.test)]
    assert names == [["051", "057"], ["056"], ["049", "052"]]


def test_the_weights_to_start_from_never_see_a_patient() -> None:
    recipe = load_settings(Path(retraining.__file__).with_suffix(".toml"))
    assert (recipe.real_share, recipe.real_from, recipe.start_from) == (0.0, 1.0, "")
