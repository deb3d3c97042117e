"""The simulated reader: how many clicks known shapes take."""

from pathlib import Path

import numpy as np
import pytest

from model.sample import Sample, save_sample, slice_scores
from viewer.annotation.raster import Mask, mask_outlines
from viewer.annotation.stack import Stack
from viewer.annotation.vectorise import rounded
from viewer.bench import effort
from viewer.bench.effort import Bleed, Effort


def bleed_of(mask: Mask) -> Bleed:
    """A bleed of 65 HU in brain of 30 HU inside a frame of bone."""
    hu = np.full(mask.shape, 30, np.int16)
    hu[mask] = 65
    hu[:8] = hu[-8:] = hu[:, :8] = hu[:, -8:] = 1000
    ((outline, _),) = mask_outlines(mask)
    stack = Stack(hu[None], np.ones(1, np.bool_), (("0", 0),), (0.5, 0.5))
    return Bleed(stack, mask, np.array(rounded(outline)))


@pytest.fixture
def square() -> Bleed:
    mask = np.zeros((160, 160), np.bool_)
    mask[60:100, 50:90] = True
    return bleed_of(mask)


def test_a_square_takes_four_corners_and_the_click_that_closes(square: Bleed) -> None:
    found = effort.by_polygon(square)
    assert found.clicks == 5
    assert found.reached > 0.95


def test_clear_edges_take_a_wire_few_anchors(square: Bleed) -> None:
    found = effort.by_livewire(square)
    assert found.clicks <= 5
    assert found.reached >= effort.ENOUGH


@pytest.mark.parametrize("way", [effort.by_grow, effort.by_fill, effort.by_grow_and_brush])
def test_a_clear_bleed_takes_one_click(square: Bleed, way: object) -> None:
    found = way(square)  # type: ignore[operator]
    assert found.clicks == 1
    assert found.reached > 0.95
    assert found.machine_ms > 0


def test_what_no_tool_finds_is_told_as_missed() -> None:
    mask = np.zeros((160, 160), np.bool_)
    mask[60:100, 50:90] = True
    unseen = bleed_of(mask)
    unseen.stack.hu[0, 9:-9, 9:-9] = 30
    assert effort.by_fill(unseen).reached == 0
    assert effort.by_grow(unseen).reached < effort.ENOUGH


def test_what_grow_leaves_out_is_dabbed_in() -> None:
    mask = np.zeros((160, 160), np.bool_)
    mask[60:100, 50:90] = True
    half = bleed_of(mask)
    half.stack.hu[0, 60:100, 70:90] = 30
    found = effort.by_grow_and_brush(half)
    assert 1 < found.clicks < effort.MOST_CLICKS
    assert found.reached >= effort.ENOUGH


def test_the_table_counts_those_that_reach_the_mark() -> None:
    rows = effort.table({"polygon": [Effort(4, 1.0, 0.95), Effort(8, 3.0, 0.91), Effort(60, 5.0, 0.2)]})
    assert rows.splitlines()[-1] == "| polygon | 2 of 3 | 6 | 8 | 0.91 | 3 ms |"


def test_hu_tell_a_bleed_that_nothing_like_it_touches(square: Bleed) -> None:
    assert effort.told_by_hu(square) == 1
    rows, columns = np.mgrid[:160, :160]
    beside = bleed_of((np.abs(rows - 80) < 20) & (np.abs(columns - 80) < 20))
    half = Bleed(beside.stack, beside.mask & (columns < 80), beside.outline)
    # Of 39 × 20 true pixels and 4 columns (2 mm) beside them that look the same: 2 · 20 / (20 + 24).
    assert effort.told_by_hu(half) == pytest.approx(40 / 44, abs=0.01)


def test_simulated_bleeds_are_told_apart_by_subtype(tmp_path: Path) -> None:
    labels = np.zeros((2, 64, 64), np.uint8)
    labels[:, 10:20, 10:20] = 1
    labels[1, 10:20, 20:40] = 5
    labels[0, 40:44, 10:14] = 5  # 16 pixels are too few
    hu = np.full(labels.shape, 30, np.int16)
    spacing_mm, z_mm = (0.5, 0.5), np.array([0.0, 5.0])
    head = Sample(hu, spacing_mm, z_mm, labels, slice_scores(labels), "phantom-1", "phantom", {})
    save_sample(head, tmp_path / "head.npz")
    found = [(bleed.code, int(bleed.mask.sum())) for bleed in effort.bleeds(tmp_path)]
    assert sorted(found) == [("EDH", 100), ("EDH", 100), ("IPH", 200)]
