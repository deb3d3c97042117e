"""Platt's numbers on logits of known meaning."""

from dataclasses import replace

import numpy as np
import pytest

from model.calibration import (
    MASK_THRESHOLDS,
    Calibration,
    Head,
    Rows,
    best_mask_threshold,
    even_weights,
    fit,
    fit_mean,
    fit_platt,
    natural_shares,
    natural_weights,
    operating_point,
)
from model.candidate import calibration_of
from model.labels import SCORES
from model.metrics import auc, calibration_error
from model.scoring import PARTS, sigmoid


def test_well_separated_logits_keep_their_slope_and_their_middle() -> None:
    logits = np.array([-3.0, -1, 1, 3] * 50)
    truth = np.array([False, False, True, True] * 50)
    slope, offset = fit_platt(logits, truth)
    assert slope > 0.9
    assert offset == pytest.approx(0, abs=0.05)


def test_shifted_logits_are_shifted_back() -> None:
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(-6, 1, 900), rng.normal(-3, 1, 100)])
    truth = np.arange(1000) >= 900
    slope, offset = fit_platt(logits, truth)
    # Two unit normals 3 apart, both classes weighing the same: the log odds are 3 (logit + 4.5).
    # The prior holds the slope back a little.
    assert 2 < slope < 3.3
    assert offset / slope == pytest.approx(4.5, abs=0.2)


def test_useless_logits_never_turn_the_order_around() -> None:
    slope, _ = fit_platt(np.array([3.0, 2, -2, -3]), np.array([False, False, True, True]))
    assert slope > 0


def test_one_class_changes_nothing() -> None:
    assert fit_platt(np.zeros(3), np.zeros(3, bool)) == (1.0, 0.0)


def test_weights_count_as_repetitions() -> None:
    logits, truth = np.array([-2.0, -1, 0.5, 2, -0.5]), np.array([False, False, True, True, True])
    weighted = fit_platt(logits, truth, np.array([1.0, 1, 1, 1, 3]))
    repeated = fit_platt(np.append(logits, [-0.5, -0.5]), np.append(truth, [True, True]))
    assert weighted == pytest.approx(repeated, abs=1e-6)


def test_the_sigmoid_survives_large_logits() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == pytest.approx([0, 0.5, 1])


def test_unbalanced_scores_are_probabilities_at_the_given_share() -> None:
    rng = np.random.default_rng(1)
    logits = np.concatenate([rng.normal(-2, 1, 900), rng.normal(1, 1, 100)])
    truth = np.arange(1000) >= 900
    slope, offset = fit_platt(logits, truth, balanced=False)
    assert sigmoid(slope * logits + offset).mean() == pytest.approx(0.1, abs=0.01)


def test_simulated_heads_leave_the_share_of_the_patients_alone() -> None:
    truth = np.array([True] + [False] * 9 + [True] * 50 + [False] * 10)
    real = np.arange(70) < 10
    weights = natural_weights(truth, real, 0.1)
    assert weights[:10] == pytest.approx(np.ones(10))  # one in ten bleeds already
    assert weights[~real].sum() == pytest.approx(2.5)
    assert weights[~real & truth].sum() == pytest.approx(0.25)
    rarer = natural_weights(truth, real, 0.05)
    assert rarer[truth].sum() / rarer.sum() == pytest.approx(0.05)
    # Of what is positive, the patients keep their part: 1 of 1 + 0.05 · 2.5.
    assert rarer[0] / rarer[truth].sum() == pytest.approx(1 / 1.125)
    assert (natural_weights(truth, np.zeros(70, bool), 0.1) == 1).all()


def test_a_subtype_that_no_patient_has_is_rare_and_not_impossible() -> None:
    # Four patients of 30 slices. Bleeding: 24 slices; EDH 12, IPH 12, the other three none: 4 % a subtype on average.
    patients, real = tuple("abcd" * 30), np.ones(120, bool)
    counts = (24, 12, 0, 0, 0, 12)
    heads = [Head(np.zeros(120), np.arange(120) < count, patients, real) for count in counts]
    shares = natural_shares(heads)
    assert shares[0] == pytest.approx(24.5 / 121)
    # Three patients' worth of slices, 90, of which 4 % bleed so.
    assert shares[1] == shares[5] == pytest.approx((12 + 3.6 + 0.5) / 211)
    assert shares[2:5] == pytest.approx([(3.6 + 0.5) / 211] * 3)


def test_without_patients_nothing_is_known_of_how_often_it_bleeds() -> None:
    nobody = Head(np.zeros(2), np.array([True, False]), ("a", "b"), np.zeros(2, bool))
    assert np.isnan(natural_shares([nobody] * 6)).all()
    # Where patients were read for all but one subtype, that one alone stays unknown.
    read = Head(np.zeros(2), np.array([True, False]), ("a", "b"), np.ones(2, bool))
    shares = natural_shares([read, nobody, *[read] * 4])
    assert np.isnan(shares[1])
    assert shares[2] == pytest.approx(0.5)


def head(scores: list[float], truth: list[int], patients: str, real: bool = True) -> Head:
    return Head(np.array(scores), np.array(truth, bool), tuple(patients), np.full(len(truth), real))


def test_a_threshold_leaves_nine_in_ten_negatives_alone_and_says_what_it_rests_on() -> None:
    negatives = [i / 100 for i in range(20)]
    point = operating_point(head([*negatives, 0.1, 0.9], [0] * 20 + [1, 1], "a" * 10 + "b" * 10 + "cd"))
    assert point["threshold"] == pytest.approx(np.quantile(negatives, 0.9))
    assert (point["positives"], point["patients"], point["heads"], point["painted"]) == (2, 2, 0, 0)


def test_what_a_threshold_rests_on_is_told_apart() -> None:
    # Bleeding: two slices of patient a as scanned, one of a painted, two of head h.
    truth, patients = np.array([1, 1, 1, 1, 1, 0], bool), tuple("aaahhb")
    real, painted = np.array([1, 1, 0, 0, 0, 1], bool), np.array([0, 0, 1, 0, 0, 0], bool)
    point = operating_point(Head(np.linspace(0.9, 0.1, 6), truth, patients, real, painted))
    assert (point["positives"], point["patients"], point["heads"], point["painted"]) == (5, 1, 1, 1)


def test_what_is_left_out_has_no_say_in_its_own_threshold() -> None:
    # Midway between .1 and .3; without the positive at .3 midway between .1 and .6, which misses it.
    point = operating_point(head([0.1, 0.1, 0.3, 0.6], [0, 0, 1, 1], "abcd"), specificity=0.5)
    assert point["threshold"] == pytest.approx(0.2)
    assert point["left_out"] == {"sensitivity": 0.5, "specificity": 1.0}


def test_the_mask_threshold_has_the_best_mean_dice() -> None:
    dice_at = np.full((2, len(MASK_THRESHOLDS)), 0.3)
    dice_at[:, 2] = [0.5, 0.9]
    assert best_mask_threshold([dice_at]) == MASK_THRESHOLDS[2]
    assert best_mask_threshold([]) == best_mask_threshold([dice_at[:0]]) == 0.5


def test_each_kind_of_case_has_the_same_say_in_the_mask_threshold() -> None:
    few, many = np.full((1, len(MASK_THRESHOLDS)), 0.3), np.full((50, len(MASK_THRESHOLDS)), 0.3)
    few[:, 2], many[:, 7] = 0.9, 0.7
    few[:, 7] = 0.6  # at 0.3: (0.9 + 0.3) / 2; at 0.55: (0.6 + 0.7) / 2
    assert best_mask_threshold([few, many]) == MASK_THRESHOLDS[7]
    assert best_mask_threshold([few]) == MASK_THRESHOLDS[2]


def test_a_fit_gives_scores_that_match_the_patients() -> None:
    rng = np.random.default_rng(2)
    truth = (rng.random((600, 6)) < 0.15).astype(np.int8)
    logits = rng.normal(3 * truth - 1, 1)
    rows = Rows(logits, truth, tuple(f"p{i // 30}" for i in range(600)), np.ones(600, bool))
    found = fit(dict.fromkeys(PARTS, rows))
    scores = sigmoid(found.weights["slice"][0] * logits + found.weights["slice"][1])
    assert scores.mean(0) == pytest.approx(truth.mean(0), abs=0.02)
    assert calibration_error(truth[:, 0] == 1, scores[:, 0]) < 0.05
    info = found.info()
    assert set(info["thresholds"]) == set(SCORES)
    assert info["mask"]["slice_gate"] <= info["thresholds"]["any"]


def study_rows(rng: np.random.Generator, count: int = 200) -> Rows:
    truth = (rng.random((count, 6)) < 0.4).astype(np.int8)
    return Rows(rng.normal(truth, 1), truth, tuple(map(str, range(count))), np.ones(count, bool))


def test_each_kind_of_case_has_the_same_say_in_what_a_score_weighs() -> None:
    real, painted = np.array([1, 1, 0, 0, 0, 0, 0], bool), np.array([0, 0, 1, 0, 0, 0, 0], bool)
    found = even_weights(Head(np.zeros(7), np.zeros(7, bool), tuple("abcdefg"), real, painted))
    assert found.tolist() == pytest.approx([0.5, 0.5, 1, 0.25, 0.25, 0.25, 0.25])
    assert even_weights(Head(np.zeros(2), np.zeros(2, bool), tuple("ab"), np.ones(2, bool))).tolist() == [
        0.5,
        0.5,
    ]


def test_evidence_of_any_unit_is_weighed_alike() -> None:
    rng = np.random.default_rng(3)
    truth = np.arange(400) < 160
    case = Head(np.zeros(400), truth, tuple(map(str, range(400))), np.ones(400, bool))
    one, other = rng.normal(2 * truth, 1), rng.normal(2 * truth, 1)
    slopes, offset = fit_mean([one, 50 * other], case, 0.4)
    assert slopes[0] == pytest.approx(50 * slopes[1], rel=0.2)
    score = sigmoid(slopes[0] * one + slopes[1] * 50 * other + offset)
    assert score.mean() == pytest.approx(0.4, abs=0.02)
    # Two independent views tell more than one.
    assert auc(truth, score) > max(auc(truth, one), auc(truth, other)) + 0.02


def test_evidence_that_says_nothing_never_turns_a_score_around() -> None:
    truth = np.arange(40) < 20
    case = Head(np.zeros(40), truth, tuple(map(str, range(40))), np.ones(40, bool))
    against, flat = np.where(truth, -1.0, 1.0), np.zeros(40)
    slopes, _ = fit_mean([np.where(truth, 2.0, -2.0), against, flat], case, 0.5)
    assert min(slopes) > 0
    assert slopes[0] > 5 * slopes[1]


def test_a_study_is_weighed_with_what_is_drawn_where_its_slices_are_known() -> None:
    rng = np.random.default_rng(4)
    study = study_rows(rng)
    logits, truth = np.repeat(study.logits, 2, 0), np.repeat(study.truth, 2, 0)
    patients = tuple(name for name in study.patients for _ in range(2))
    slices = Rows(logits, truth, patients, np.ones(400, bool), studies=np.repeat(np.arange(200), 2))
    asked = []

    def drawn(threshold: float, shown: np.ndarray) -> np.ndarray:
        asked.append((threshold, len(shown)))
        return rng.normal(2.0 * study.truth, 1)

    parts = {"provisional": slices, "slice": slices, "study": study}
    found = fit(parts, drawn=drawn)
    assert asked == [(0.5, 400)]
    assert (found.weights["study"][[0, 2, 3]] > 0).all()
    assert not found.weights["slice"][2:].any()
    alone = fit(parts)
    assert not alone.weights["study"][2:].any()


def test_a_fit_without_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="study missing"):
        fit({"provisional": None, "slice": None})  # type: ignore[dict-item]


def test_no_calibration_gives_the_sigmoid() -> None:
    logits = np.array([[0.0, 1, 2, 3, 4, 5]])
    assert Calibration().provisional(logits) == pytest.approx(sigmoid(logits))


def test_a_calibration_comes_back_from_model_json_as_it_was() -> None:
    rng = np.random.default_rng(5)
    study = study_rows(rng)
    slices = replace(study, studies=np.arange(200))
    parts = {"provisional": slices, "slice": slices, "study": study}
    info = fit(parts, drawn=lambda *_: rng.normal(study.truth, 1)).info()
    assert len(info["calibration"]["study"]["EDH"]) == 4
    assert calibration_of(info).info() == info
