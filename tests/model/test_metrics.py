"""Measures against values counted by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import metrics


def test_auc_counts_pairs_and_halves_ties() -> None:
    truth = np.array([True, True, False, False])
    # Pairs (positive, negative): .9>.4, .9>.1, .4=.4 (half), .4>.1: 3.5 of 4.
    assert metrics.auc(truth, np.array([0.9, 0.4, 0.4, 0.1])) == 0.875


def test_auc_of_one_class_is_not_a_number() -> None:
    assert math.isnan(metrics.auc(np.ones(3, bool), np.arange(3.0)))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_auc_equals_the_count_of_all_pairs(rows: list[tuple[bool, int]]) -> None:
    truth, scores = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    expected = float(np.mean(pairs)) if pairs else float("nan")
    assert metrics.auc(truth, scores) == pytest.approx(expected, nan_ok=True)


def test_dice_of_two_empty_masks_is_not_a_number() -> None:
    empty = np.zeros((2, 2), bool)
    assert math.isnan(metrics.dice(empty, empty))
    assert metrics.dice(empty, ~empty) == 0


def test_dice_of_half_an_overlap() -> None:
    truth, found = np.array([True, True, False, False]), np.array([False, True, True, False])
    assert metrics.dice(truth, found) == 0.5


def test_sensitivity_and_specificity() -> None:
    truth = np.array([True, True, True, False, False])
    flagged = np.array([True, False, True, True, False])
    assert metrics.sensitivity(truth, flagged) == pytest.approx(2 / 3)
    assert metrics.specificity(truth, flagged) == 0.5


def test_always_negative_is_right_as_often_as_nothing_bleeds() -> None:
    assert metrics.accuracy_of_never(np.array([True, False, False, False])) == 0.75


def test_the_threshold_reaches_the_sensitivity_asked_for() -> None:
    truth, scores = np.array([True] * 4 + [False]), np.array([0.2, 0.4, 0.6, 0.8, 0.3])
    assert metrics.threshold_for(truth, scores, least_sensitivity=1.0) == 0.2
    assert metrics.threshold_for(truth, scores, least_sensitivity=0.75) == 0.4
    assert metrics.threshold_for(~truth[:4], scores[:4], least_sensitivity=0.9) == 0.5


def test_youden_takes_the_best_cut() -> None:
    truth, scores = np.array([False, False, True, True]), np.array([0.1, 0.3, 0.6, 0.9])
    assert metrics.youden_threshold(truth, scores) == 0.6


def test_the_bootstrap_draws_whole_patients() -> None:
    # Two patients of means 0 and 1: a draw of two gives 0, 0.5 or 1 and nothing between.
    groups, values = ["a", "a", "b", "b"], np.array([0.0, 0.0, 1.0, 1.0])
    seen = set()

    def mean(rows: np.ndarray) -> float:
        seen.add(float(values[rows].mean()))
        return float(values[rows].mean())

    assert metrics.bootstrap(groups, mean, rounds=200) == (0.0, 1.0)
    assert seen == {0.0, 0.5, 1.0}


def test_an_interval_of_nothing_is_not_a_number() -> None:
    low, high = metrics.bootstrap(["a"], lambda _: float("nan"), rounds=5)
    assert math.isnan(low)
    assert math.isnan(high)
