"""Layouts fill the room without overlap, are found again by their ids, and are chosen from the data."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.imaging.layouts import (
    AI,
    COMPARE,
    FOUR,
    LAYOUTS,
    READ,
    SINGLE,
    THIN_SLAB,
    Layout,
    Plane,
    boxes,
    fitting,
    grid,
    layout_of,
    starting_slab,
    thin,
)
from viewer.imaging.windows import BONE, BRAIN, SUBDURAL

EVERY = (*LAYOUTS, *(grid(rows, columns) for rows in range(1, 5) for columns in range(1, 5)))


def test_read_is_one_large_and_two_small() -> None:
    assert boxes(READ, 902, 602) == ((0, 0, 600, 602), (602, 0, 300, 300), (602, 302, 300, 300))
    assert [start.window for start in READ.starts] == [BRAIN, SUBDURAL, BONE]


@given(st.sampled_from(EVERY), st.integers(360, 4000), st.integers(240, 3000))
def test_a_layout_fills_the_room_without_overlap(layout: Layout, width: int, height: int) -> None:
    places = boxes(layout, width, height)
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in places)
    assert all(w > 0 and h > 0 for _, _, w, h in places)
    assert max(x + w for x, _, w, _ in places) == width
    assert max(y + h for _, y, _, h in places) == height
    for number, (x, y, w, h) in enumerate(places):
        for left, top, wide, high in places[:number]:
            assert x >= left + wide or left >= x + w or y >= top + high or top >= y + h


@given(st.integers(1, 4), st.integers(360, 4000))
def test_neighbours_in_a_grid_are_a_gap_apart(columns: int, width: int) -> None:
    places = boxes(grid(1, columns), width, 500)
    assert all(after[0] - (before[0] + before[2]) == 2 for before, after in pairwise(places))


def test_the_maximised_one_fills_all() -> None:
    assert boxes(READ, 900, 600, 1) == ((0, 0, 0, 0), (0, 0, 900, 600), (0, 0, 0, 0))


@pytest.mark.parametrize("layout", EVERY, ids=lambda layout: layout.id)
def test_a_layout_is_found_by_its_id(layout: Layout) -> None:
    assert layout_of(layout.id) == layout


@pytest.mark.parametrize(
    "id_", ["", "grid_", "grid_0x1", "grid_5x1", "grid_2", "grid_2x2x2", "nine", "grid_-1x2"]
)
def test_no_layout_has_another_id(id_: str) -> None:
    assert layout_of(id_) is None


@pytest.mark.parametrize("sides", [(0, 1), (1, 5), (-2, 2)])
def test_a_grid_has_one_to_four_rows_and_columns(sides: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="1 to 4"):
        grid(*sides)


def test_a_layout_needs_a_start_for_each_cell() -> None:
    with pytest.raises(ValueError, match="start for each cell"):
        Layout("x", "X", READ.cells, READ.starts[:2])


def test_thin_data_is_read_in_three_planes_of_slabs() -> None:
    half_mm, five_mm = (0.5,) * 299, (5.0,) * 29
    assert fitting(half_mm, cuts=True) is FOUR
    assert fitting(five_mm, cuts=True) is READ
    assert fitting(half_mm, cuts=False) is READ  # nothing to cut across
    assert not thin((0.5,) * 20)  # too few to be a helical head
    slabs = [starting_slab(start, half_mm) for start in FOUR.starts]
    assert slabs == [THIN_SLAB, THIN_SLAB, THIN_SLAB, None]  # bone stays sharp
    assert all(starting_slab(start, five_mm) is None for start in FOUR.starts)


def test_what_the_layouts_are_for() -> None:
    planes = [start.plane for start in FOUR.starts]
    assert planes == [Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL, Plane.AXIAL]
    assert [start.prior for start in COMPARE.starts] == [False, True]
    assert [start.overlay for start in AI.starts] == [False, True]
    assert len(SINGLE.cells) == 1
