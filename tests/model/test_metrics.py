"""Measures against values counted by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

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


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=20))
def test_weights_count_as_repetitions(rows: list[tuple[bool, int, int]]) -> None:
    truth = np.array([r[0] for r in rows])
    scores = np.array([r[1] / 5 for r in rows])
    often = np.array([r[2] for r in rows])
    again = np.repeat(np.arange(len(rows)), often)
    weights = often[None].astype(float)
    for weighted, plain in (
        (metrics.weighted_auc, metrics.auc),
        (metrics.weighted_average_precision, metrics.average_precision),
    ):
        repeated = plain(truth[again], scores[again])
        assert weighted(truth, scores, weights)[0] == pytest.approx(repeated, nan_ok=True)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40))
def test_areas_are_those_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    truth, scores = np.array([r[0] for r in rows]), np.array([r[1] / 8 for r in rows])
    if truth.all() or not truth.any():
        assert math.isnan(metrics.average_precision(truth, scores))
        return
    assert metrics.auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores))
    assert metrics.average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


def test_average_precision_by_hand() -> None:
    # Flagged in the order + - +: precision 1 at recall 1/2, 2/3 at recall 1.
    truth, scores = np.array([True, False, True]), np.array([0.9, 0.5, 0.1])
    assert metrics.average_precision(truth, scores) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_calibration_error_is_the_gap_between_score_and_share() -> None:
    # Ten rows of 0.2, four of them positive; ten of 0.9, all positive: (10 * 0.2 + 10 * 0.1) / 20.
    scores = np.repeat([0.2, 0.9], 10)
    truth = np.array([True] * 4 + [False] * 6 + [True] * 10)
    assert metrics.calibration_error(truth, scores) == pytest.approx(0.15)


def test_errors_within_one_bin_of_few_rows_cancel() -> None:
    # Nine rows are too few for two bins of five.
    truth, scores = np.array([True] * 3 + [False] * 6), np.linspace(0, 2 / 3, 9)
    assert metrics.calibration_error(truth, scores) == pytest.approx(0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_bins_hold_five_rows_and_keep_equal_scores_together(scores: list[float]) -> None:
    bins = metrics.calibration_bins(np.array(scores))
    assert len(np.unique(bins)) <= max(1, min(15, len(scores) // 5))
    for score in set(scores):
        assert len(set(bins[np.array(scores) == score])) == 1


def test_log_loss_of_certainty_is_finite() -> None:
    losses = metrics.log_losses(np.array([True, False, True]), np.array([0.5, 0.0, 0.0]))
    assert losses == pytest.approx([math.log(2), 0, -math.log(1e-6)], abs=2e-6)


def test_a_mean_leaves_out_what_is_not_defined() -> None:
    weights = np.array([[1.0, 1, 1], [0, 0, 2]])
    found = metrics.weighted_mean(np.array([0.5, 1.0, math.nan]), weights)
    assert found[0] == 0.75
    assert math.isnan(found[1])
