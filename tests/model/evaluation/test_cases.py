"""One answer beside one truth, counted by hand."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from model.evaluation.answer import Answer
from model.evaluation.cases import judge, slice_heights_mm
from model.labels import NOT_REVIEWED, UNKNOWN_SUBTYPE
from model.sample import Sample, slice_scores


def sample_of(labels: npt.NDArray[np.uint8], patient: str = "a", z_mm: list[float] | None = None) -> Sample:
    hu = np.full(labels.shape, 35, np.int16)
    places = np.array(z_mm or [5.0 * z for z in range(len(labels))])
    return Sample(hu, (2.0, 0.5), places, labels, slice_scores(labels), patient, "test")


def square(value: int, column: int = 0, slices: int = 3) -> npt.NDArray[np.uint8]:
    """10 x 10 pixels of 1 mm² in slice 1 of `slices` 30 x 30."""
    labels = np.zeros((slices, 30, 30), np.uint8)
    labels[1, 5:15, column : column + 10] = value
    return labels


def answer_of(mask: npt.NDArray[np.uint8]) -> Answer:
    scores = np.full((len(mask), 6), 0.1)
    for z, drawn in enumerate(mask):
        scores[z, [0, *np.unique(drawn[(drawn > 0) & (drawn < 6)])]] = 0.9 if drawn.any() else 0.1
    return Answer(scores, scores.max(0), mask)


def test_half_an_overlap_is_half_a_dice_and_the_volume_is_right() -> None:
    case = judge(sample_of(square(5)), answer_of(square(5, 5)))
    assert case.slice_dice == (0.5,)
    assert case.masks["any"].dice == case.masks["IPH"].dice == 0.5
    # 100 pixels of 2 x 0.5 mm, 5 mm thick: 0.5 mL, both.
    assert (case.masks["any"].true_ml, case.masks["any"].found_ml) == (0.5, 0.5)
    assert case.volume_ml == 0.5


def test_what_nobody_has_and_nobody_found_is_no_success() -> None:
    case = judge(sample_of(square(0)), answer_of(square(0)))
    assert math.isnan(case.masks["any"].dice)
    assert math.isnan(case.masks["any"].surface_dice)
    assert case.slice_dice == ()


def test_what_was_found_where_nothing_bleeds_is_a_volume_and_no_dice() -> None:
    case = judge(sample_of(square(0)), answer_of(square(2)))
    assert math.isnan(case.masks["any"].dice)
    assert case.masks["any"].found_ml == 0.5


def test_a_miss_is_a_dice_of_nothing() -> None:
    case = judge(sample_of(square(2)), answer_of(square(0)))
    assert case.masks["any"].dice == 0
    assert case.masks["any"].surface_dice == 0
    assert math.isnan(case.masks["any"].hausdorff95_mm)


def test_the_wrong_subtype_counts_as_bleeding_only() -> None:
    case = judge(sample_of(square(1)), answer_of(square(2)))
    assert case.masks["any"].dice == 1
    assert case.masks["EDH"].dice == 0
    assert math.isnan(case.masks["SDH"].dice)
    assert case.masks["SDH"].found_ml == 0.5
    assert case.confusion_ml is not None
    assert case.confusion_ml[0, 1] == pytest.approx(0.5)
    assert case.confusion_ml.sum() == pytest.approx(0.5)


def test_unknown_subtypes_count_as_bleeding_and_as_no_subtype() -> None:
    case = judge(sample_of(square(UNKNOWN_SUBTYPE)), answer_of(square(3)))
    assert case.masks["any"].dice == 1
    assert case.masks["SAH"].true_ml == case.masks["SAH"].found_ml == 0


def test_marks_without_a_subtype_are_bleeding_and_said_to_be_unnamed() -> None:
    case = judge(sample_of(square(1)), answer_of(square(UNKNOWN_SUBTYPE)))
    assert case.masks["any"].dice == 1
    assert case.masks["EDH"].dice == 0
    assert not case.named


def test_what_nobody_reviewed_is_not_judged() -> None:
    labels = square(1)
    labels[2] = NOT_REVIEWED
    mask = square(1)
    mask[2, 5:15, :10] = 4
    case = judge(sample_of(labels), answer_of(mask))
    assert case.masks["any"].dice == 1
    assert case.masks["any"].found_ml == 0.5
    assert case.study_truth.tolist() == [1, 1, -1, -1, -1, -1]


def test_without_detail_the_numbers_are_the_same() -> None:
    sample, answer = sample_of(square(5)), answer_of(square(5, 5))
    quick, whole = judge(sample, answer, detail=False), judge(sample, answer)
    assert quick.masks["IPH"].dice == whole.masks["IPH"].dice
    assert quick.lesions is None
    assert whole.lesions is not None


def test_a_system_that_draws_nothing_has_no_masks() -> None:
    case = judge(sample_of(square(5)), Answer(np.zeros((3, 6)), np.zeros(6)))
    assert not case.masks
    assert case.volume_ml == 0.5


def test_slices_stand_for_half_the_gap_to_either_side() -> None:
    assert slice_heights_mm(np.array([0.0, 2, 10])).tolist() == [2, 5, 8]


def test_an_answer_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="slice_scores"):
        Answer(np.zeros((3, 5)), np.zeros(6))
    with pytest.raises(ValueError, match="mask must be"):
        Answer(np.zeros((3, 6)), np.zeros(6), np.zeros((2, 4, 4), np.uint8))


def test_the_picture_shows_the_slice_with_most_bleeding() -> None:
    labels = square(5)
    labels[2, 5:8, 5:8] = 5
    shown = judge(sample_of(labels), answer_of(square(0))).picture
    assert shown is not None
    assert (shown.number, shown.count) == (2, 3)
    assert shown.truth.any()
    assert not shown.found.any()
