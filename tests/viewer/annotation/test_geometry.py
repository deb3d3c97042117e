"""Hit tests, self-crossings and their repair."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.annotation.geometry import (
    area,
    contains,
    load_repair,
    may_cross,
    nearest_edge,
    nearest_vertex,
    repair,
    signed_area,
    without_repeats,
)

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
HOLE = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0))
BOW_TIE = ((0.0, 0.0), (6.0, 6.0), (6.0, 0.0), (0.0, 6.0))  # two triangles of 9 px² that meet at (3, 3)


def test_area_counts_holes_out_and_is_signed_by_direction() -> None:
    assert signed_area(SQUARE) == 100
    assert signed_area(SQUARE[::-1]) == -100
    assert area(SQUARE, (HOLE,)) == 96


def test_a_point_in_a_hole_is_not_inside() -> None:
    assert contains((2, 2), (SQUARE, HOLE))
    assert not contains((5, 5), (SQUARE, HOLE))
    assert not contains((11, 5), (SQUARE, HOLE))


def test_nearest_vertex_looks_at_holes_too_and_only_within_reach() -> None:
    assert nearest_vertex((9.5, 0.4), (SQUARE, HOLE), 2) == (0, 1)
    assert nearest_vertex((4.2, 3.9), (SQUARE, HOLE), 2) == (1, 0)
    assert nearest_vertex((5, 2), (SQUARE, HOLE), 1) is None


def test_nearest_edge_gives_the_foot_of_the_point() -> None:
    assert nearest_edge((3, 0.5), (SQUARE,), 1) == ((0, 0), (3.0, 0.0))
    assert nearest_edge((-0.5, 7), (SQUARE,), 1) == ((0, 3), (0.0, 7.0))
    assert nearest_edge((5, 5), (SQUARE,), 1) is None


def test_repeated_points_count_once() -> None:
    assert without_repeats([(0, 0), (0, 0), (1, 0), (1, 1), (0, 0)]) == ((0, 0), (1, 0), (1, 1))


@pytest.mark.parametrize(
    ("ring", "crosses"),
    [
        (SQUARE, False),
        (BOW_TIE, True),
        (((0.0, 0.0), (5.0, 0.0), (2.0, 0.0), (2.0, 3.0)), True),  # out and back on one line
        (((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 0.0), (0.0, 4.0)), True),  # a vertex on an edge
        (((0.0, 0.0), (2.0, 0.0), (4.0, 0.0), (2.0, 3.0)), False),  # straight on is no spike
    ],
)
def test_crossings_are_seen(ring: tuple[tuple[float, float], ...], crosses: bool) -> None:
    assert may_cross(ring) is crosses


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=12))
@settings(max_examples=200, deadline=None)
def test_no_crossing_is_overlooked(points: list[tuple[int, int]]) -> None:
    import shapely

    ring = without_repeats([(float(x), float(y)) for x, y in points])
    if len(ring) >= 4 and not may_cross(ring):
        assert shapely.Polygon(ring).is_valid


def test_both_lobes_of_a_bow_tie_survive() -> None:
    parts = repair(BOW_TIE)
    assert sorted(area(*part) for part in parts) == [pytest.approx(9), pytest.approx(9)]


def test_the_middle_of_a_star_is_filled() -> None:
    star = ((0.0, 3.0), (10.0, 3.0), (2.0, 9.0), (5.0, 0.0), (8.0, 9.0))
    [(outline, holes)] = repair(star)
    assert holes == ()
    assert contains((5, 5), (outline,))


def test_a_valid_outline_stays_as_it_is() -> None:
    assert repair(SQUARE) == ((SQUARE, ()),)
    assert repair(SQUARE, (HOLE,)) == ((SQUARE, (HOLE,)),)


@pytest.mark.parametrize(
    "ring",
    [
        ((0.0, 0.0), (5.0, 0.0)),
        ((0.0, 0.0), (5.0, 0.0), (9.0, 0.0)),
        ((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)),
        ((0.0, 0.0), (5.0, 5.0), (9.0, 9.0), (2.0, 2.0)),
    ],
)
def test_what_encloses_nothing_becomes_nothing(ring: tuple[tuple[float, float], ...]) -> None:
    assert repair(ring) == ()


def test_a_hole_that_sticks_out_cuts_the_outline() -> None:
    across = ((4.0, -1.0), (6.0, -1.0), (6.0, 11.0), (4.0, 11.0))
    parts = repair(SQUARE, (across,))
    assert sorted(round(area(*part)) for part in parts) == [40, 40]


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), min_size=3, max_size=14))
@settings(max_examples=100, deadline=None)
def test_repaired_shapes_are_valid_and_apart(points: list[tuple[float, float]]) -> None:
    import shapely

    parts = [shapely.Polygon(*part) for part in repair(tuple(points))]
    assert all(part.is_valid for part in parts)
    assert shapely.union_all(parts).area == pytest.approx(
        sum(part.area for part in parts), rel=1e-9, abs=1e-9
    )


def test_what_repair_needs_can_be_imported_ahead() -> None:
    load_repair()
    assert "shapely" in sys.modules
