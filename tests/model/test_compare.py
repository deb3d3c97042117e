"""Two models beside each other: numbers worked out by hand, intervals, the plain sentence."""

from dataclasses import replace

import numpy as np
import pytest

from model.calibration import Calibration
from model.compare import Answered, by_patient, compare, mean_dice, per_case, worst
from model.labels import SCORES
from model.verdict import Kind, change, judge, short, signed


def answered(
    patient: str, true: float, found: float, both: float, score: float = 0.9, truth: int = 1
) -> Answered:
    """One slice; mL of IPH (and so of any) that were drawn by the reader, the model, both."""

    def ml(value: float) -> np.ndarray:
        return np.array([[value, 0, 0, 0, 0, value]])

    scores = np.full((1, 6), 0.1)
    scores[0, [0, 5]] = score
    known = np.array([[truth, 0, 0, 0, 0, truth]], np.int8)
    return Answered(patient, known, scores, ml(true), ml(found), ml(both), np.zeros((1, 4, 4), np.uint8))


HALF = dict.fromkeys(SCORES, 0.5)


def test_dice_adds_up_over_a_patients_slices_and_averages_over_patients() -> None:
    """a: 2 · (1 + 0) / (2 + 2 + 1 + 1) = 1/3; b: 2 · 3 / 8 = 3/4; c does not bleed and has none."""
    side = [
        answered("a", 2, 2, 1),
        answered("a", 1, 1, 0),
        answered("b", 4, 4, 3),
        answered("c", 0, 5, 0, truth=0),
    ]
    assert by_patient(side) == {"a": pytest.approx(1 / 3), "b": 0.75}
    assert mean_dice(side) == pytest.approx((1 / 3 + 0.75) / 2)
    assert np.isnan(mean_dice(side[3:]))


def test_measures_of_two_models() -> None:
    before = [answered(p, 2, 2, 1, score=0.4) for p in "abc"] + [answered("d", 0, 0, 0, 0.2, 0)]
    after = [answered(p, 2, 3, 2, score=0.8) for p in "abc"] + [answered("d", 0, 0, 0, 0.6, 0)]
    table = compare(before, after, (HALF, HALF))
    dice = table["dice"]["any"]
    assert (dice["before"], dice["after"], dice["difference"], dice["n"]) == (0.5, 0.8, 0.3, 3)
    assert dice["interval"] == [pytest.approx(0.3), pytest.approx(0.3)]
    assert (table["sensitivity"]["IPH"]["before"], table["sensitivity"]["IPH"]["after"]) == (0, 1)
    assert (table["specificity"]["any"]["before"], table["specificity"]["any"]["after"]) == (1, 0)
    assert table["volume_bias_ml"]["any"]["after"] == 1
    assert table["auc"]["any"]["after"] == 1
    assert table["dice"]["EDH"] == {
        "before": None,
        "after": None,
        "difference": None,
        "interval": None,
        "n": 0,
    }


def test_two_patients_have_no_interval() -> None:
    before, after = ([answered(p, 2, 2, both) for p in "ab"] for both in (1, 2))
    row = compare(before, after, (HALF, HALF))["dice"]["any"]
    assert (row["difference"], row["interval"], row["n"]) == (0.5, None, 2)


def test_nobody_to_compare_on_gives_no_numbers() -> None:
    assert compare([], [], (HALF, HALF))["auc"]["any"]["before"] is None


def test_the_worst_slices_come_first_and_better_ones_not_at_all() -> None:
    before = [
        answered("a", 2, 2, 2),
        answered("b", 2, 2, 2),
        answered("c", 2, 2, 0),
        answered("d", 0, 0, 0, truth=0),
    ]
    after = [
        answered("a", 2, 2, 1),
        answered("b", 2, 2, 0),
        answered("c", 2, 2, 2),
        answered("d", 0, 1, 0, truth=0),
    ]
    # b and d fell from 1 to 0, a from 1 to 0.5
    assert worst(before, after) == [(1, 0, 1.0, 0.0), (3, 0, 1.0, 0.0), (0, 0, 1.0, 0.5)]


def test_each_patient_is_kept_with_its_numbers() -> None:
    rows = per_case([answered("a", 2, 2, 1)], [answered("a", 2, 2, 2)])
    assert rows == [{"patient": "a", "slices": 1, "dice": {"any": [0.5, 1.0], "IPH": [0.5, 1.0]}}]


# the sentence


def tables(dice: tuple, reference: tuple = (0.6, 0.6, [-0.01, 0.01], 12), auc: float = 0.0) -> dict:
    def row(before: float, after: float, interval: list | None, n: int) -> dict:
        return {
            "before": before,
            "after": after,
            "difference": round(after - before, 4),
            "interval": interval,
            "n": n,
        }

    none = {"before": None, "after": None, "difference": None, "interval": None, "n": 0}
    empty = dict.fromkeys(SCORES, none)
    names = ("dice", "auc", "sensitivity", "specificity", "volume_bias_ml", "calibration_error")
    made = {name: {key: dict(empty) for key in names} for name in ("yours", "reference")}
    made["yours"]["dice"]["any"] = row(*dice)
    made["reference"]["dice"]["any"] = row(*reference)
    made["reference"]["auc"]["any"] = row(0.9, 0.9 + auc, [auc - 0.01, auc + 0.01], 12)
    return made


@pytest.mark.parametrize(
    ("dice", "more", "bleeding", "kind"),
    [
        ((0.64, 0.71, [0.02, 0.12], 7), {}, 20, Kind.BETTER),
        ((0.64, 0.65, [-0.03, 0.05], 7), {}, 20, Kind.NOT_WORSE),
        ((0.64, 0.66, [-0.10, 0.15], 7), {}, 20, Kind.TOO_LITTLE),
        ((0.64, 0.55, [-0.15, -0.02], 7), {}, 20, Kind.WORSE),
        ((0.64, 0.90, [0.2, 0.3], 7), {}, 5, Kind.TOO_LITTLE),
        ((0.64, 0.90, None, 2), {}, 20, Kind.TOO_LITTLE),
        ((0.64, 0.71, [0.02, 0.12], 7), {"reference": (0.6, 0.58, [-0.03, -0.01], 12)}, 20, Kind.WORSE),
        ((0.64, 0.71, [0.02, 0.12], 7), {"reference": (0.6, 0.595, [-0.009, -0.001], 12)}, 20, Kind.BETTER),
        ((0.64, 0.71, [0.02, 0.12], 7), {"reference": (0.6, 0.56, [-0.1, 0.02], 12)}, 20, Kind.WORSE),
        ((0.64, 0.71, [0.02, 0.12], 7), {"auc": -0.03}, 20, Kind.WORSE),
    ],
)
def test_verdict(dice: tuple, more: dict, bleeding: int, kind: Kind) -> None:
    assert judge(tables(dice, **more), bleeding).kind is kind


def test_the_sentence_says_what_it_rests_on() -> None:
    verdict = judge(tables((0.64, 0.71, [0.02, 0.12], 7)), 26, (2, 7))
    assert verdict.title == "Better on your patients, no worse on the reference set."
    assert (
        verdict.text
        == "Dice on 7 test patients .64 → .71 (+.07, 95 % +.02 … +.12). 2 of 7 patients got worse."
    )
    assert verdict.to_json()["kind"] == "better"
    forgot = judge(tables((0.64, 0.71, [0.02, 0.12], 7), (0.6, 0.5, [-0.2, -0.05], 12)), 26)
    assert forgot.title == "Worse on the reference set: it has forgotten."
    assert "Dice on simulated heads .60 → .50 (−.10, 95 % −.20 … −.05). Keep the old one." in forgot.text


def test_numbers_read_as_in_print() -> None:
    assert (short(0.7), short(1.0), short(12.34, 1)) == (".70", "1.00", "12.3")
    assert (short(-0.86), short(-1.5, 1), short(-0.001)) == ("−.86", "−1.5", ".00")
    assert (signed(0.07), signed(-0.004, 3), signed(0.001)) == ("+.07", "−.004", ".00")
    row = {"before": 0.5, "after": 0.6, "difference": 0.1, "interval": None, "n": 1}
    assert change(row) == ".50 → .60 (+.10)"


# operating points


class Fixed:
    """Stands for a network whose slice logits are given."""

    def __init__(self, logits: list[float]) -> None:
        self.logits = logits


def test_operating_points_keep_the_share_of_quiet_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent flags 2 of 20 quiet slices from .5 on; the candidate's scores are all .2 higher."""
    import torch

    from model import candidate
    from model.batches import Case
    from model.compare import Raw

    blank = np.zeros((20, 8, 8), np.uint8)
    case = Case(
        blank.astype(np.int16),
        blank,
        np.zeros((20, 6), np.int8),
        np.full(20, 5, np.float32),
        "a",
        "annotations",
    )
    scores = np.concatenate([np.linspace(0.05, 0.45, 18), [0.55, 0.6]])

    def said(network: Fixed, one: Case) -> Raw:
        logit = np.log(np.array(network.logits) / (1 - np.array(network.logits)))
        return Raw(torch.zeros(20, 6, 4, 4), np.repeat(logit[:, None], 6, 1), np.zeros(6))

    monkeypatch.setattr(candidate, "ask", said)
    before, after = Fixed(list(scores)), Fixed(list(scores + 0.2))
    found = candidate.recalibrate(Calibration(), before, after, [case], [])  # type: ignore[arg-type]
    assert set(found.codes) == set(SCORES)
    assert ((scores + 0.2) < found.calibration.thresholds["any"]).sum() == 18
    same = candidate.recalibrate(Calibration(), before, before, [case], [])  # type: ignore[arg-type]
    assert (same.codes, dict(same.calibration.thresholds)) == ((), dict(Calibration().thresholds))
    assert candidate.recalibrate(Calibration(), before, after, [], []).codes == ()  # type: ignore[arg-type]
    few = replace(case, scores=np.full((20, 6), -1, np.int8))
    assert candidate.recalibrate(Calibration(), before, after, [few], []).codes == ()  # type: ignore[arg-type]
