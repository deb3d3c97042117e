"""The measuring state machine: what the mouse makes, changes and takes back."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.measures import tracker as rules
from viewer.measures.geometry import PIXELS, Scale, length
from viewer.measures.measure import Kind, Measure, Point, Share, SlicePlane
from viewer.measures.shaping import dragged, grips
from viewer.measures.tracker import Hit, Sight, Step, Tracker

SLICE = SlicePlane("1")
SIGHT = Sight(SLICE, Scale(0.5, 0.8, "mm"), 1.0, (60, 80))


def tracker(kind: Kind | None) -> Tracker:
    made = Tracker(lambda plane, _: (Share(plane.sop_uid, plane.frame, 1.0),), iter("abcdefgh").__next__)
    made.kind = kind
    return made


def drag(hands: Tracker, start: Point, end: Point, measures: tuple[Measure, ...] = ()) -> Step | None:
    pressed = hands.press(start, SIGHT, measures)
    hands.move(end, SIGHT, measures, held=True)
    return pressed or hands.release(end, SIGHT)


def click(hands: Tracker, at: Point, measures: tuple[Measure, ...] = ()) -> Step | None:
    pressed = hands.press(at, SIGHT, measures)
    return hands.release(at, SIGHT) or pressed


@pytest.mark.parametrize("kind", [Kind.LENGTH, Kind.ELLIPSE, Kind.RECTANGLE])
def test_a_drag_or_two_clicks_make_the_same_measure(kind: Kind) -> None:
    by_drag = drag(tracker(kind), (10, 10), (30, 20))
    hands = tracker(kind)
    assert click(hands, (10, 10)) is None
    hands.move((30, 20), SIGHT, ())
    assert hands.draft is not None
    assert hands.draft.shown == ((10, 10), (30, 20))
    by_clicks = click(hands, (30, 20))
    assert (
        by_drag == by_clicks == Step(f"measure {kind}", None, Measure("a", kind, SLICE, ((10, 10), (30, 20))))
    )
    assert hands.draft is None


def test_an_angle_takes_three_clicks() -> None:
    hands = tracker(Kind.ANGLE)
    assert [click(hands, at) for at in ((10, 10), (20, 20))] == [None, None]
    made = click(hands, (30, 10))
    assert made is not None
    assert made.after is not None
    assert made.after.points == ((10, 10), (20, 20), (30, 10))


@given(st.tuples(st.floats(0, 80), st.floats(0, 60)), st.floats(0.2, 3), st.floats(0.2, 3))
def test_the_short_diameter_is_perpendicular_in_mm(to: Point, across: float, down: float) -> None:
    sight = Sight(SLICE, Scale(across, down, "mm"), 0.01, (60, 80))
    hands = tracker(Kind.BIDIRECTIONAL)
    for point in ((10, 10), (50, 30), (30, 20)):
        hands.press(point, sight, ())
        hands.release(point, sight)
    made = hands.press(to, sight, ())
    if made is None:  # beside nothing: the end fell on its beginning
        return
    assert made.after is not None
    a, b, c, d = sight.scale.apply(made.after.points)
    dot = (b[0] - a[0]) * (d[0] - c[0]) + (b[1] - a[1]) * (d[1] - c[1])
    assert abs(dot) <= 1e-6 * (length(a, b) * length(c, d) + 1)


@pytest.mark.parametrize("how", ["first point", "double click", "enter"])
def test_a_polygon_closes(how: str) -> None:
    hands = tracker(Kind.POLYGON)
    for at in ((10, 10), (30, 10), (30, 30)):
        assert click(hands, at) is None
    hands.move((10.5, 10), SIGHT, ())
    assert hands.draft is not None
    assert hands.draft.closes
    if how == "first point":
        made = click(hands, (10.5, 10))
    else:
        made = hands.double_click(SIGHT) if how == "double click" else hands.close(SIGHT.scale)
    assert made is not None
    assert made.after == Measure("a", Kind.POLYGON, SLICE, ((10, 10), (30, 10), (30, 30)))


def test_a_freehand_drag_is_a_region_with_few_points() -> None:
    hands = tracker(Kind.FREEHAND)
    hands.press((30, 30), SIGHT, ())
    for step in range(1, 200):
        turn = 2 * math.pi * step / 200
        hands.move((20 + 10 * math.cos(turn), 30 + 10 * math.sin(turn)), SIGHT, (), held=True)
    made = hands.release((30, 30), SIGHT)
    assert made is not None
    assert made.after is not None
    assert 8 <= len(made.after.points) < 100
    assert all(abs(math.dist(point, (20, 30)) - 10) < 1 for point in made.after.points)


def test_a_border_that_crosses_itself_keeps_its_largest_part() -> None:
    hands = tracker(Kind.POLYGON)
    for at in ((10, 10), (40, 40), (40, 10), (16, 22)):
        click(hands, at)
    made = hands.close(SIGHT.scale)
    assert made is not None
    assert made.after is not None
    assert hands.take_messages() == (rules.CROSSED,)
    assert len(made.after.points) == 3


@pytest.mark.parametrize("kind", [Kind.LENGTH, Kind.ELLIPSE, Kind.RECTANGLE, Kind.FREEHAND])
def test_what_has_no_extent_is_refused_with_a_sentence(kind: Kind) -> None:
    hands = tracker(kind)
    hands.press((10, 10), SIGHT, ())
    made = hands.release((10, 10), SIGHT)
    if kind is Kind.FREEHAND:
        assert (made, hands.take_messages()) == (None, (rules.NO_EXTENT,))
    else:
        assert hands.press((10, 10), SIGHT, ()) is None  # the second press of a double click says nothing
        assert hands.draft is not None
    if kind in (Kind.ELLIPSE, Kind.RECTANGLE):
        assert click(hands, (40, 10)) is None  # a box without a height
        assert hands.take_messages() == (rules.NO_EXTENT,)


def test_points_stay_on_the_image() -> None:
    made = drag(tracker(Kind.LENGTH), (-5, 10), (200, 100))
    assert made is not None
    assert made.after is not None
    assert made.after.points == ((0, 10), (80, 60))


def test_a_probe_is_made_by_the_press_and_a_drag_after_it_changes_nothing() -> None:
    hands = tracker(Kind.PROBE)
    made = hands.press((10, 10), SIGHT, ())
    assert made is not None
    assert hands.release((40, 40), SIGHT) is None
    assert hands.draft is None


def test_another_picture_does_not_take_the_next_point() -> None:
    hands = tracker(Kind.LENGTH)
    click(hands, (10, 10))
    other = replace(SIGHT, plane=SlicePlane("2"))
    assert hands.press((30, 30), other, ()) is None
    assert hands.take_messages() == (rules.OPEN_ELSEWHERE,)
    assert hands.draft is not None
    assert hands.cancel()
    assert not hands.cancel()


def test_points_are_taken_back_one_by_one() -> None:
    hands = tracker(Kind.POLYGON)
    for at in ((10, 10), (30, 10), (30, 30)):
        click(hands, at)
    assert hands.take_back()
    assert hands.draft is not None
    assert hands.draft.points == ((10, 10), (30, 10))
    assert hands.take_back()
    assert hands.take_back()
    assert hands.draft is None
    assert not hands.take_back()


LENGTH = Measure("l", Kind.LENGTH, SLICE, ((10, 10), (30, 10)))
BOX = Measure("e", Kind.ELLIPSE, SLICE, ((40, 20), (60, 40)))


def test_a_grip_is_dragged_and_the_line_drags_all_of_it() -> None:
    hands = tracker(None)
    made = drag(hands, (30.5, 10), (40.5, 20), (LENGTH, BOX))
    assert made == Step("change length", LENGTH, replace(LENGTH, points=((10, 10), (40, 20))))
    made = drag(hands, (20, 10.5), (25, 15.5), (LENGTH, BOX))
    assert made == Step("change length", LENGTH, replace(LENGTH, points=((15, 15), (35, 15))))


def test_while_dragged_the_measure_is_shown_as_it_would_be_and_a_tremble_moves_nothing() -> None:
    hands = tracker(Kind.LENGTH)
    hands.press((30, 10), SIGHT, (LENGTH,))
    hands.move((30.2, 10), SIGHT, (LENGTH,), held=True)
    assert hands.changed is None
    hands.move((35, 12), SIGHT, (LENGTH,), held=True)
    assert hands.changed == replace(LENGTH, points=((10, 10), (35, 12)))
    assert hands.cancel()
    assert hands.release((35, 12), SIGHT) is None


def test_any_corner_of_a_box_can_be_dragged() -> None:
    for corner, opposite in zip(grips(BOX), (*grips(BOX)[2:], *grips(BOX)[:2]), strict=True):
        to = (corner[0] + 3, corner[1] - 2)
        changed = drag(tracker(None), corner, to, (BOX,))
        assert changed is not None
        assert changed.after is not None
        assert set(changed.after.points) == {opposite, to}


@given(st.integers(0, 3), st.tuples(st.floats(0, 80), st.floats(0, 60)))
def test_dragging_an_end_keeps_the_diameters_perpendicular(grip: int, to: Point) -> None:
    scale = SIGHT.scale
    both = Measure("b", Kind.BIDIRECTIONAL, SLICE, ((10, 30), (70, 30), (40, 20), (40, 50)))
    changed = dragged(both, grip, both.points[grip], to, scale)
    a, b, c, d = scale.apply(changed.points)
    dot = (b[0] - a[0]) * (d[0] - c[0]) + (b[1] - a[1]) * (d[1] - c[1])
    assert abs(dot) <= 1e-6 * (length(a, b) * length(c, d) + 1)
    if grip < 2 and length(a, b) > 1:
        assert length(c, d) == pytest.approx(30 * 0.8)  # the other diameter keeps its length
        assert changed.points[grip] == pytest.approx(to)


def test_corners_are_added_with_alt_and_taken_away_with_shift() -> None:
    square = Measure("p", Kind.POLYGON, SLICE, ((10, 10), (30, 10), (30, 30), (10, 30)))
    hands = tracker(None)
    hands.press((20, 10.2), SIGHT, (square,), add=True)
    made = hands.release((20, 10.2), SIGHT)
    assert made is not None
    assert made.after is not None
    assert made.after.points == ((10, 10), pytest.approx((20, 10)), (30, 10), (30, 30), (10, 30))
    fewer = hands.press((30, 30), SIGHT, (square,), remove=True)
    assert fewer is not None
    assert fewer.after is not None
    assert fewer.after.points == ((10, 10), (30, 10), (10, 30))
    triangle = replace(square, points=square.points[:3])
    assert hands.press((30, 30), SIGHT, (triangle,), remove=True) is None
    assert hands.take_messages() == (rules.THREE_CORNERS,)


def test_a_measure_dragged_flat_stays_as_it_was() -> None:
    hands = tracker(None)
    assert drag(hands, (60, 40), (40.0, 45), (BOX,)) is None
    assert hands.take_messages() == (rules.NO_EXTENT,)


def test_grips_come_before_lines_and_later_measures_before_earlier_ones() -> None:
    hands = tracker(None)
    over = replace(LENGTH, uid="o", points=((20, 5), (20, 15)))
    assert hands.hit_at((20, 10), SIGHT, (LENGTH, over)) == Hit("o", None)
    assert hands.hit_at((20, 5.2), SIGHT, (LENGTH, over)) == Hit("o", 0)
    assert hands.hit_at((30, 10), SIGHT, (LENGTH, over)) == Hit("l", 1)
    assert hands.hit_at((70, 50), SIGHT, (LENGTH, over)) is None


def test_abc2_waits_for_its_slices_and_takes_their_weights() -> None:
    hands = tracker(Kind.ABC2)
    steps = []
    for start, end in (((10, 30), (50, 30)), ((30, 20), (35, 40))):
        steps.append(hands.draft.step if hands.draft else 0)
        assert drag(hands, start, end) is None
    assert steps == [0, 1]
    assert hands.draft is not None
    assert hands.draft.step == 2
    assert hands.draft.shares == (Share("1", 0, 1.0),)
    assert hands.draft.points[3] == pytest.approx((30, 40))  # B is at right angles to A
    assert click(hands, (70, 50)) is None
    shares = (Share("0", 0, 0.5), Share("1", 0, 1.0))
    hands.weigh(shares)
    made = hands.close(SIGHT.scale)
    assert made is not None
    assert made.after is not None
    assert made.after.shares == shares


def test_taking_back_after_b_draws_b_again() -> None:
    hands = tracker(Kind.ABC2)
    drag(hands, (10, 30), (50, 30))
    drag(hands, (30, 20), (30, 40))
    assert hands.take_back()
    assert hands.draft is not None
    assert (hands.draft.step, hands.draft.shares, len(hands.draft.points)) == (1, (), 2)


def test_uncalibrated_reach_is_in_pixels() -> None:
    hands = tracker(None)
    sight = Sight(SLICE, PIXELS, 2.0, (60, 80))
    assert hands.hit_at((20, 11.9), sight, (LENGTH,)) == Hit("l", None)
    assert hands.hit_at((20, 12.1), sight, (LENGTH,)) is None
