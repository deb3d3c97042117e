"""Tables of a few cases whose every number can be counted."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.evaluation.cases import CaseResult, MaskResult, study_truth
from model.evaluation.measures import Head, head_of, log_loss_of_prior, lower_is_better, measures
from model.evaluation.resample import Resampler
from model.evaluation.tables import (
    calibration_intercept,
    calibration_slope,
    compare,
    concordance,
    operating_table,
    predictive_values,
    share,
    system_table,
    volume_name,
)
from model.labels import SCORES

HALF = dict.fromkeys(SCORES, 0.5)


def case(
    patient: str,
    truth: list[int],
    scores: list[float],
    *,
    ml: tuple[float, float] = (0, 0),
    dice: float = math.nan,
) -> CaseResult:
    """Slices whose `any` and IPH are `truth` and `scores`, other subtypes absent."""
    table, given_scores = np.zeros((len(truth), 6), np.int8), np.zeros((len(truth), 6))
    table[:, 0] = table[:, 5] = truth
    given_scores[:, 0] = given_scores[:, 5] = scores
    nothing = MaskResult(0, 0, math.nan)
    mask = MaskResult(*ml, dice, dice, 2.0)
    return CaseResult(
        patient,
        table,
        study_truth(table),
        given_scores,
        given_scores.max(0),
        masks={code: mask if code in ("any", "IPH") else nothing for code in SCORES},
        slice_dice=(dice,) * sum(truth),
        volume_ml=ml[0],
        seconds=1.0,
    )


FOUR = [
    case("a", [0, 1], [0.2, 0.9], ml=(4.0, 2.0), dice=0.5),
    case("b", [1, 1], [0.3, 0.4], ml=(20.0, 22.0), dice=0.9),
    case("c", [0, 0], [0.1, 0.1]),
    case("d", [0, 0], [0.6, 0.1], ml=(0, 3.0)),
]


def test_measures_are_those_of_all_rows() -> None:
    table = system_table(FOUR, {"slice": HALF, "study": HALF}, Resampler.of([c.patient for c in FOUR], 50))
    found = {name: row["value"] for name, row in table["measures"].items()}
    # Studies: positives .9 .4, negatives .1 .6: pairs 1 + 1 + 1 + 0 of 4.
    assert found["study_auc_any"] == 0.75
    # Slices: positives .9 .3 .4; negatives .2 .1 .1 .6 .1: 5 + 4 + 4 pairs of 15.
    assert found["slice_auc_any"] == pytest.approx(13 / 15, abs=1e-4)
    assert found["dice_any"] == pytest.approx(0.7)
    assert found["slice_dice_any"] == pytest.approx((0.5 + 0.9 + 0.9) / 3, abs=1e-4)
    assert found["false_ml_any"] == 1.5
    assert found["study_auc_EDH"] is None
    json.dumps(table, allow_nan=False)


def test_the_log_loss_counts_any_twice_over_everything_known() -> None:
    one = [case("a", [1, 0], [0.5, 0.5])]
    # any and IPH: log 2 a row; the four absent subtypes at 0 cost nothing. Weights 2, 1 and four times 1.
    value = measures(one)["slice_log_loss"].measure(np.ones((1, 12)))[0]
    assert value == pytest.approx(math.log(2) * 3 / 7, abs=1e-5)
    assert log_loss_of_prior(one) == pytest.approx(math.log(2) * 3 / 7, abs=1e-5)


def test_unknown_truth_is_left_out() -> None:
    vague = case("a", [0, 1], [0.2, 0.9])
    vague.truth[0, 0] = -1
    head = head_of([vague], "slice", "any")
    assert (head.truth.tolist(), head.scores.tolist()) == ([True], [0.9])


def test_what_a_system_does_not_answer_has_no_rows() -> None:
    silent = case("a", [0, 1], [math.nan, math.nan])
    assert measures([silent])["slice_auc_any"].patients == ()


def test_a_patient_is_drawn_with_all_of_their_slices() -> None:
    resampler = Resampler.of(["a", "b", "a"], 400)
    assert resampler.patients == ("a", "b")
    weights = resampler.weights(["a", "a", "b"])
    assert (weights[:, 0] == weights[:, 1]).all()
    assert set(weights.sum(1)) == {2, 3, 4}
    assert (weights[:, 0] + weights[:, 2] == 2).all()


def test_an_interval_spans_what_draws_can_give() -> None:
    resampler = Resampler.of(["a", "b"], 400)
    row = resampler.with_interval(["a", "b"], lambda w: (w @ np.array([0.0, 1.0])) / w.sum(1))
    assert row == {"value": 0.5, "interval": [0.0, 1.0]}


def test_draws_are_the_same_every_time() -> None:
    first, second = (Resampler.of(list("abcd"), 20).counts for _ in range(2))
    assert (first == second).all()


def test_a_comparison_with_oneself_shows_no_difference() -> None:
    resampler = Resampler.of([c.patient for c in FOUR], 50)
    row = compare(FOUR, FOUR, resampler)["dice_any"]
    assert row == {"value": 0.0, "interval": [0.0, 0.0], "p": 1.0, "ahead": False}


def test_a_comparison_knows_which_way_is_better() -> None:
    worse = [
        case("a", [0, 1], [0.9, 0.2], ml=(4.0, 0.0), dice=0.1),
        case("b", [1, 1], [0.3, 0.4], ml=(20.0, 22.0), dice=0.2),
        case("c", [0, 0], [0.1, 0.1], ml=(0, 9.0)),
        case("d", [0, 0], [0.6, 0.1], ml=(0, 9.0)),
    ]
    table = compare(FOUR, worse, Resampler.of(list("abcd"), 200))
    assert table["dice_any"]["ahead"]
    assert table["dice_any"]["interval"][0] > 0
    assert table["dice_any"]["p"] == pytest.approx(1 / 200)
    assert table["false_ml_any"]["value"] < 0
    assert table["false_ml_any"]["ahead"]
    assert lower_is_better("hausdorff95_mm_EDH")
    assert not lower_is_better("study_auc_any")


def test_operating_points_are_counted_from_the_curve() -> None:
    scores = np.array([0.9, 0.8, 0.3, 0.7, 0.4, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    truth = np.array([True] * 3 + [False] * 10)
    table = operating_table(Head(("p",) * 13, truth, scores), 0.5)
    assert table["sensitivity"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert table["specificity"]["value"] == 0.9
    # One false alarm of ten is allowed: down to 0.5, two of three.
    assert table["sensitivity_at_90_specificity"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    # All three positives need 0.3, which flags two of ten.
    assert table["specificity_at_95_sensitivity"]["value"] == 0.8


def test_predictive_values_follow_bayes() -> None:
    ppv, npv = predictive_values(0.9, 0.9, 0.1)
    assert ppv == pytest.approx(0.09 / (0.09 + 0.09))
    assert npv == pytest.approx(0.81 / (0.81 + 0.01))
    assert math.isnan(predictive_values(0.0, 1.0, 0.1)[0])


def test_a_share_has_wilsons_interval() -> None:
    # Wilson 1927, 8 of 10: (0.4902, 0.9433).
    assert share(8, 10) == {"value": 0.8, "interval": [0.4902, 0.9433]}
    assert share(0, 0)["value"] is None


def test_scores_that_are_right_have_slope_one_and_intercept_nought() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.02, 0.98, 20000)
    truth = rng.random(20000) < scores
    assert calibration_slope(truth, scores) == pytest.approx(1, abs=0.05)
    assert calibration_intercept(truth, scores) == pytest.approx(0, abs=0.05)
    odds = scores / (1 - scores)
    too_sure = odds**2 / (1 + odds**2)
    assert calibration_slope(truth, too_sure) == pytest.approx(0.5, abs=0.03)
    too_high = odds * math.e / (1 + odds * math.e)
    assert calibration_intercept(truth, too_high) == pytest.approx(-1, abs=0.05)


def test_slopes_that_run_away_are_not_given() -> None:
    assert math.isnan(calibration_slope(np.array([False, True]), np.array([0.1, 0.9])))
    assert math.isnan(calibration_intercept(np.array([True, True]), np.array([0.1, 0.9])))


def test_volumes_agree_as_bland_and_altman_count() -> None:
    table = system_table(FOUR, {"slice": HALF, "study": HALF}, Resampler.of(list("abcd"), 10))["volume"]
    # Differences -2 and 2: bias 0, SD 2.83, limits 5.54; relative 0.5 and 0.1.
    assert (table["n"], table["bias_ml"]) == (2, 0.0)
    assert table["limits_ml"] == [pytest.approx(-5.5437, abs=1e-3), pytest.approx(5.5437, abs=1e-3)]
    assert table["relative_difference"] == pytest.approx(0.3)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20), st.floats(0, 10))
@settings(deadline=None)
def test_concordance_is_one_only_for_equal_volumes(values: list[float], shift: float) -> None:
    true = np.array(values)
    assert math.isnan(concordance(true, true)) or concordance(true, true) == pytest.approx(1)
    assert math.isnan(concordance(true, true + shift)) or concordance(true, true + shift) <= 1 + 1e-9


def test_strata_count_patients_by_volume_and_subtype() -> None:
    strata = system_table(FOUR, {"slice": HALF, "study": HALF}, Resampler.of(list("abcd"), 10))["strata"]
    assert strata["1-10 mL"]["patients"] == strata["10-30 mL"]["patients"] == 1
    assert strata["IPH"]["patients"] == 2
    assert strata["IPH"]["flagged"]["value"] == 0.5
    assert strata["EDH"] == {
        "patients": 0,
        "flagged": {"value": None, "interval": [None, None]},
        "dice": None,
    }
    assert [volume_name(0, 1), volume_name(30, math.inf)] == ["< 1 mL", "> 30 mL"]
