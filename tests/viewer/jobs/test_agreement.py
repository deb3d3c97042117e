"""Agreement of two readings and their consensus, on rectangles whose numbers are known by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from model.errors import PterionError
from viewer.annotation.document import Annotation, Document
from viewer.dicom.series import Series
from viewer.dicom.volume import Volume
from viewer.jobs.agreement import agreement, kappa, subtype_masks
from viewer.jobs.consensus import Rule, consensus, likelihoods

MakeSeries = Callable[..., Series]


def box(uid: str, index: int, left: int, top: int, right: int, bottom: int, code: str = "SDH") -> Annotation:
    ring = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Annotation(uid, f"1.2.3.{index}", 0, code, ring)


def reading(*drawn: Annotation, clean: str = "") -> Document:
    return Document("1.2", "1.2.3", drawn, frozenset(f"1.2.3.{index}" for index in clean))


def volume_of(series: Series) -> Volume:
    shape = (len(series.slices), 64, 48)
    flags = np.ones(len(series.slices), np.bool_)
    return Volume(series, np.zeros(shape, np.int16), flags, ~flags, series.slices[0].spacing_mm or (1.0, 1.0))


def test_two_rectangles_that_share_half(make_series: MakeSeries) -> None:
    """10 × 10 pixels of 2 mm, the other 5 px to the right: Dice 2·50/200; each 100·4 mm² · 5 mm = 2 mL; all surface
    points of the strips that stick out lie at most 5 px = 10 mm away."""
    one, other = reading(box("a", 2, 10, 10, 20, 20)), reading(box("b", 2, 15, 10, 25, 20))
    (row,) = agreement(one, other, volume_of(make_series()))
    assert row.code == "SDH"
    assert row.dice == pytest.approx(0.5)
    assert row.volume_ml == pytest.approx((2.0, 2.0))
    assert row.difference_ml == pytest.approx(0.0)
    assert row.hd95_mm == pytest.approx(10.0)
    assert row.slices == (1, 1, 1)
    assert row.kappa == pytest.approx(1.0)


def test_equal_readings_agree_in_every_subtype_that_is_there(make_series: MakeSeries) -> None:
    same = reading(box("a", 1, 4, 4, 9, 9), box("b", 3, 4, 20, 9, 30, "IPH"))
    rows = agreement(same, same, volume_of(make_series()))
    assert [row.code for row in rows] == ["SDH", "IPH"]
    for row in rows:
        assert (row.dice, row.hd95_mm, row.difference_ml, row.kappa) == (1.0, 0.0, 0.0, 1.0)


def test_a_subtype_that_one_reader_alone_saw(make_series: MakeSeries) -> None:
    """2 × 3 px · 4 mm² · 5 mm · 2 slices = 0.24 mL against none; no distance to nothing."""
    one = reading(box("a", 1, 4, 4, 6, 7), box("b", 2, 4, 4, 6, 7))
    (row,) = agreement(one, reading(), volume_of(make_series()))
    assert row.dice == 0.0
    assert row.volume_ml == pytest.approx((0.24, 0.0))
    assert row.difference_ml == pytest.approx(-0.24)
    assert math.isnan(row.hd95_mm)
    assert row.slices == (2, 0, 0)
    assert row.kappa == pytest.approx(0.0)  # 3 of 5 alike, as many as chance gives: .4·0 + .6·1


def test_kappa_of_a_table_worked_out_by_hand() -> None:
    """20 both yes, 5 and 10 apart, 15 both no: .7 alike, .5 by chance, .4."""
    one = np.repeat([True, True, False, False], [20, 5, 10, 15])
    other = np.repeat([True, False, True, False], [20, 5, 10, 15])
    assert kappa(one, other) == pytest.approx(0.4)
    assert math.isnan(kappa(np.ones(4, np.bool_), np.ones(4, np.bool_)))


def test_without_positions_there_are_no_millilitres(make_series: MakeSeries) -> None:
    series = make_series(spacing_mm=None)
    one = reading(box("a", 2, 10, 10, 20, 20))
    (row,) = agreement(one, one, volume_of(series))
    assert row.dice == 1.0
    assert math.isnan(row.volume_ml[0])
    assert math.isnan(row.hd95_mm)


def test_a_hole_and_what_lies_over_it_are_counted_by_subtype(make_series: MakeSeries) -> None:
    """Another subtype on top hides nothing: each subtype's mask is its own."""
    hole = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0))
    ring = ((2.0, 2.0), (8.0, 2.0), (8.0, 8.0), (2.0, 8.0))
    drawn = reading(Annotation("a", "1.2.3.0", 0, "SDH", ring, holes=(hole,)), box("b", 0, 2, 2, 8, 8, "IPH"))
    slices = make_series().slices[:1]
    assert subtype_masks(drawn, slices, "SDH").sum() == 36 - 4
    assert subtype_masks(drawn, slices, "IPH").sum() == 36


def test_a_majority_of_three_is_two(make_series: MakeSeries) -> None:
    slices = make_series().slices
    three = (
        reading(box("a", 2, 10, 10, 20, 20), clean="04"),
        reading(box("b", 2, 12, 10, 22, 20), clean="04"),
        reading(box("c", 2, 30, 30, 40, 40), box("d", 0, 1, 1, 5, 5), clean="4"),
    )
    joined = consensus(three, slices, Rule.MAJORITY)
    (only,) = joined.annotations
    assert (only.sop_uid, only.subtype, only.source) == ("1.2.3.2", "SDH", "consensus")
    mask = subtype_masks(joined, slices[2:3], "SDH")[0]
    assert mask.sum() == 80
    assert mask[10:20, 12:20].all()
    assert joined.reviewed_slices == {"1.2.3.0", "1.2.3.4"}


def test_two_readers_agree_where_both_mark(make_series: MakeSeries) -> None:
    slices = make_series().slices
    pair = reading(box("a", 2, 10, 10, 20, 20)), reading(box("b", 2, 15, 10, 25, 20))
    joined = consensus(pair, slices, Rule.MAJORITY)
    assert subtype_masks(joined, slices[2:3], "SDH").sum() == 50


def test_staple_trusts_those_who_agree(make_series: MakeSeries) -> None:
    """Two readers mark one square on two slices, the third something else: STAPLE gives the square back."""
    slices = make_series().slices
    good = [reading(*(box(f"{n}{index}", index, 10, 10, 20, 20) for index in (1, 2))) for n in "ab"]
    poor = reading(*(box(f"c{index}", index, 14, 16, 30, 22) for index in (1, 2)))
    joined = consensus((*good, poor), slices, Rule.STAPLE)
    masks = subtype_masks(joined, slices, "SDH")
    expected = np.zeros_like(masks)
    expected[1:3, 10:20, 10:20] = True
    np.testing.assert_array_equal(masks, expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 5), st.integers(0, 2**32 - 1))
def test_staple_is_what_itk_estimates(readers: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = ndimage.gaussian_filter(random.normal(size=(3, 40, 40)), (0.5, 4, 4))
    seen = [truth + 0.3 * ndimage.gaussian_filter(random.normal(size=truth.shape), 2) for _ in range(readers)]
    masks = [each > 0.03 for each in seen]
    images = [SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in masks]
    expected = SimpleITK.GetArrayFromImage(SimpleITK.STAPLE(images, 1.0))
    patterns, pixels = np.unique(np.stack([mask.ravel() for mask in masks]), axis=1, return_counts=True)
    likely = dict(zip(map(bytes, patterns.T), likelihoods(patterns, pixels), strict=True))
    ours = [likely[bytes(votes)] for votes in np.stack([mask.ravel() for mask in masks], axis=1)]
    np.testing.assert_allclose(ours, expected.ravel(), atol=1e-4)


def test_one_reading_makes_no_consensus(make_series: MakeSeries) -> None:
    with pytest.raises(PterionError, match="two readings"):
        consensus((reading(),), make_series().slices, Rule.MAJORITY)
