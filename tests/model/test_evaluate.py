"""The report on a version whose answers are given, counted by hand; the card that tells it."""

import json

import numpy as np
import numpy.typing as npt
import pytest

from model import card
from model.evaluate import CaseResult, clot_by_threshold, judge_case, report
from model.labels import SCORES, UNKNOWN_SUBTYPE
from model.predict import Order, Predictor, SliceResult, StudyResult, VolumeSource
from model.sample import Sample, slice_scores

HALF = dict.fromkeys(SCORES, 0.5)


class GivenAnswers(Predictor):
    """Answers with given masks; the slice scores are 0.9 where a mask is not empty, else 0.1."""

    def __init__(self, masks: npt.NDArray[np.uint8]) -> None:
        self.masks, self.thresholds = masks, HALF

    def score(self, source: VolumeSource, order: Order, on_slice=None, cancelled=None) -> StudyResult:  # type: ignore[no-untyped-def]
        """Ignores the images."""
        scores = np.full((source.count, 6), 0.1, np.float32)
        for z, mask in enumerate(self.masks):
            for value in np.unique(mask[mask > 0]):
                scores[z, [0, int(value)]] = 0.9
            on_slice(SliceResult(z, scores[z], mask))
        return StudyResult(scores.max(0), scores, 0.0)


def sample_of(labels: npt.NDArray[np.uint8], patient: str = "a") -> Sample:
    hu = np.full(labels.shape, 35, np.int16)
    z_mm = np.array([5.0 * z for z in range(len(labels))])
    return Sample(hu, (2.0, 0.5), z_mm, labels, slice_scores(labels), patient, "test")


def square(value: int, column: int = 0, slices: int = 3) -> npt.NDArray[np.uint8]:
    """10 x 10 pixels of 1 mm² in slice 1 of `slices` 30 x 30."""
    labels = np.zeros((slices, 30, 30), np.uint8)
    labels[1, 5:15, column : column + 10] = value
    return labels


def test_half_an_overlap_is_half_a_dice_and_the_volume_is_right() -> None:
    case = judge_case(GivenAnswers(square(5, 5)), sample_of(square(5)))
    assert case.slice_dice == (0.5,)
    assert case.overlap[0].tolist() == case.overlap[5].tolist() == [50, 200]
    # 100 pixels of 2 x 0.5 mm, 5 mm thick: 0.5 mL, both.
    assert case.volume_ml == (0.5, 0.5)


def test_the_wrong_subtype_counts_as_bleeding_only() -> None:
    case = judge_case(GivenAnswers(square(2)), sample_of(square(1)))
    assert case.slice_dice == (1.0,)
    assert case.overlap[1].tolist() == [0, 100]
    assert case.overlap[2].tolist() == [0, 100]


def test_unknown_subtypes_count_as_bleeding_and_as_no_subtype() -> None:
    case = judge_case(GivenAnswers(square(3)), sample_of(square(UNKNOWN_SUBTYPE)))
    assert case.slice_dice == (1.0,)
    assert not case.overlap[1:].any()


def judged(values: dict[str, tuple[int, int]]) -> list[CaseResult]:
    """Patients by name: value drawn and value found."""
    return [
        judge_case(GivenAnswers(square(found)), sample_of(square(drawn), name))
        for name, (drawn, found) in values.items()
    ]


def test_a_report_counts_patients_and_slices() -> None:
    table = report(judged({"a": (1, 1), "b": (5, 0), "c": (0, 0), "d": (0, 5)}), HALF)
    assert (table["patients"], table["patients_bleeding"]) == (4, 2)
    assert (table["slices"], table["slices_bleeding"]) == (12, 2)
    study = table["study"]["any"]
    assert (study["sensitivity"]["value"], study["specificity"]["value"]) == (0.5, 0.5)
    # Positives .9 .1, negatives .1 .9: pairs 0.5 + 0 + 1 + 0.5 of 4.
    assert study["auc"]["value"] == 0.5
    assert table["slice"]["any"]["specificity"]["value"] == 0.9
    assert table["masks"]["patient_dice"]["value"] == 0.5
    assert table["masks"]["false_ml_in_negatives"]["value"] == 0.25
    assert table["baselines"]["always_negative"] == {
        "slice_accuracy": pytest.approx(10 / 12, abs=1e-4),
        "study_accuracy": 0.5,
        "auc": 0.5,
    }


def test_what_is_not_defined_is_null_and_never_one() -> None:
    table = report(judged({"a": (0, 0), "b": (0, 0)}), HALF)
    assert table["study"]["any"]["auc"]["value"] is None
    assert table["masks"]["patient_dice"]["value"] is None
    json.dumps(table, allow_nan=False)


def test_the_threshold_finds_a_clot_and_no_skull() -> None:
    row, column = np.indices((150, 150)) - 75
    away = np.hypot(row, column)
    hu = np.where(away < 60, 30, np.where(away < 66, 1000, -1000)).astype(np.int16)
    assert not clot_by_threshold(hu, (1.0, 1.0)).any()
    hu[70:82, 90:102] = 70
    found = clot_by_threshold(hu, (1.0, 1.0))
    assert found[76, 96]
    assert 60 < found.sum() < 180


def test_the_card_tells_the_numbers_and_the_warning() -> None:
    info = {
        "thresholds": HALF,
        "training": {"phantoms": 12, "patients": 30, "steps": 5, "settings": {"stacks": 4, "slices": 4}},
        "metrics": {"ct-ich": report(judged({"a": (1, 1), "b": (5, 0), "c": (0, 0)}), HALF)},
    }
    text = card.text("flagship-1", info)
    assert card.BANNER in text
    assert "| study any | 2 | 0.75" in text
    assert "Attribution 4.0" in text
    assert "Not a medical device" in text
    assert "Ø" in text
