"""Lesions and marks whose volumes and overlaps are known."""

import math

import numpy as np
import numpy.typing as npt

from model.evaluation.lesions import Lesion, LesionCount, count_lesions, froc
from model.labels import UNKNOWN_SUBTYPE

PIXEL_ML = np.full(4, 0.01)
"""Ten pixels make the smallest lesion."""


def blank() -> npt.NDArray[np.uint8]:
    return np.zeros((4, 20, 20), np.uint8)


def with_block(row: int, column: int, size: int = 4, value: int = 5, z: int = 1) -> npt.NDArray[np.uint8]:
    labels = blank()
    labels[z, row : row + size, column : column + size] = value
    return labels


def test_a_touched_lesion_need_not_be_outlined() -> None:
    marks = np.zeros((4, 20, 20), bool)
    marks[1, 3, :16] = True  # 16 pixels, 4 of them in the lesion of 16
    marks[1, 2, :16] = True
    found = count_lesions(with_block(3, 0), [marks], PIXEL_ML)
    (lesion,) = found.lesions
    assert lesion.volume_ml == np.float64(16 * 0.01)
    assert lesion.code == "IPH"
    # 4 shared of 16 + 32 - 4 = 44: 0.09.
    assert (lesion.touched, lesion.outlined) == ((True,), (False,))
    assert found.false_marks == (0,)


def test_a_mark_beside_a_lesion_is_false_and_the_lesion_missed() -> None:
    found = count_lesions(with_block(3, 0), [with_block(3, 10) > 0], PIXEL_ML)
    assert found.lesions[0].touched == (False,)
    assert found.false_marks == (1,)


def test_too_small_lesions_and_marks_do_not_count() -> None:
    found = count_lesions(with_block(3, 0, size=3), [with_block(10, 10, size=3) > 0], PIXEL_ML)
    assert found == LesionCount((), (0,))


def test_a_mark_on_a_lesion_too_small_to_count_is_not_false() -> None:
    found = count_lesions(with_block(3, 0, size=3), [with_block(3, 0, size=4) > 0], PIXEL_ML)
    assert found == LesionCount((), (0,))


def test_a_corner_joins_slices_into_one_lesion() -> None:
    labels = with_block(0, 0) + with_block(4, 4, z=2)
    assert len(count_lesions(labels, [blank() > 0], PIXEL_ML).lesions) == 1
    apart = with_block(0, 0) + with_block(5, 5, z=2)
    assert len(count_lesions(apart, [blank() > 0], PIXEL_ML).lesions) == 2


def test_a_lesion_takes_its_commonest_known_subtype() -> None:
    labels = with_block(0, 0, value=UNKNOWN_SUBTYPE)
    labels[1, 0, :3] = 1
    assert count_lesions(labels, [blank() > 0], PIXEL_ML).lesions[0].code == "EDH"
    unknown = with_block(0, 0, value=UNKNOWN_SUBTYPE)
    assert count_lesions(unknown, [blank() > 0], PIXEL_ML).lesions[0].code == ""


def test_thick_slices_weigh_more() -> None:
    found = count_lesions(with_block(0, 0), [blank() > 0], np.array([0.01, 0.05, 0.01, 0.01]))
    assert found.lesions[0].volume_ml == np.float64(0.8)


def test_two_marks_outline_a_lesion_together() -> None:
    marks = blank() > 0
    marks[1, 0:4, 0:4] = True
    lesion = blank()
    lesion[1, 0:4, 0:9] = 2
    marks[1, 0:4, 5:9] = True
    found = count_lesions(lesion, [marks], PIXEL_ML)
    assert found.lesions[0].outlined == (True,)
    assert found.false_marks == (0,)


def test_a_curve_counts_shares_by_volume_and_marks_by_study() -> None:
    small, large = Lesion(0.5, "SAH", (True,), (False,)), Lesion(12.0, "IPH", (False,), (False,))
    counts = [LesionCount((small, large), (3,)), LesionCount((), (1,))]
    row = froc(counts, 0)
    assert (row["lesions"], row["touched"], row["outlined"], row["false_marks"]) == (2, 0.5, 0, 2)
    assert froc(counts, 0, 10, 30)["touched"] == 0
    assert math.isnan(froc(counts, 0, 30)["touched"])
