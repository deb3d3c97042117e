"""Changing shapes: picked vertices, grips, holes, cuts, unions; what is locked, hidden, or another subtype's."""

import math
import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from viewer.annotation import words
from viewer.annotation.document import Annotation
from viewer.annotation.events import (
    ChooseCombination,
    ChooseSubtype,
    ChooseTool,
    Key,
    Merge,
    Modifier,
    Move,
    Press,
    Release,
    Remove,
    RemoveAll,
    Select,
    Separate,
    SetLayer,
    SetOverlap,
    Simplify,
    Transform,
)
from viewer.annotation.geometry import area
from viewer.annotation.options import Combination, Layer, Overlap, ToolName
from viewer.annotation.preview import State

hand = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("slices.py"))))
square, drag, click = hand.square, hand.drag, hand.click


def total_area(annotation: Annotation) -> float:
    return sum(area(*part) for part in annotation.parts)


# vertices in a box


def test_a_box_picks_vertices_that_move_and_go_together() -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 20, 20))
    editor.handle(Select("a"))
    editor.handle(Move((80.0, 80.0), "0", 0, 1.0))
    drag(editor, (10.0, 50.0), (50.0, 30.0), reach=1.0)  # around the two lower corners
    assert editor.preview.picked == {(0, 2), (0, 3)}
    edit = drag(editor, (40.0, 40.0), (45.0, 50.0), reach=1.0)
    assert edit.action == "move vertices"
    assert editor.document.annotations[0].outline == ((20, 20), (40, 20), (45, 50), (25, 50))
    assert editor.preview.picked == {(0, 2), (0, 3)}  # to be moved on
    editor.handle(Key.ESCAPE)
    assert editor.preview.picked == frozenset()
    assert editor.selection == "a"


def test_delete_takes_the_picked_vertices_but_leaves_a_polygon_three() -> None:
    outline = ((20.0, 20.0), (30.0, 15.0), (40.0, 20.0), (40.0, 40.0), (20.0, 40.0))
    editor = hand.new_editor(None, ToolName.EDIT, Annotation("a", "0", 0, "SDH", outline))
    editor.handle(Select("a"))
    drag(editor, (60.0, 10.0), (25.0, 25.0), reach=1.0)
    assert editor.preview.picked == {(0, 1), (0, 2)}
    assert editor.handle(Key.DELETE).action == "delete vertices"
    assert editor.document.annotations[0].outline == ((20, 20), (40, 40), (20, 40))
    drag(editor, (60.0, 10.0), (10.0, 50.0), reach=1.0)
    assert editor.handle(Key.DELETE) is None
    assert editor.take_messages() == (words.THREE_POINTS_LEFT,)


def test_a_click_beside_everything_deselects_and_the_box_is_shown_while_it_is_drawn() -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 20, 20))
    editor.handle(Select("a"))
    editor.handle(Press((90.0, 90.0), "0", 0, Modifier.NONE, 2.0))
    editor.handle(Move((70.0, 60.0), "0", 0, 2.0))
    assert editor.preview.box == ((90, 90), (70, 60))
    assert editor.state is State.SHAPING
    editor.handle(Key.ESCAPE)
    assert editor.preview.box is None
    click(editor, (90.0, 90.0))
    assert editor.selection is None
    assert editor.document.annotations == (square("a", 20, 20),)


def test_in_the_polygon_tool_shift_and_a_drag_pick_vertices() -> None:
    editor = hand.new_editor(None, ToolName.POLYGON, square("a", 20, 20))
    editor.handle(Select("a"))
    editor.handle(Move((80.0, 80.0), "0", 0, 1.0))
    drag(editor, (10.0, 50.0), (50.0, 30.0), held=Modifier.SHIFT, reach=1.0)
    assert editor.preview.picked == {(0, 2), (0, 3)}
    assert editor.state is State.IDLE


# the whole


def test_a_corner_grip_scales_from_the_opposite_corner() -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 20, 20))
    editor.handle(Select("a"))
    editor.handle(Move((80.0, 80.0), "0", 0, 1.0))
    grip = next(h for h in editor.preview.handles if h.kind == "scale" and min(h.point) > 40)
    assert grip.point == (42, 42)  # twice the mouse's reach outside
    x, y = grip.point
    edit = drag(editor, grip.point, (x + 20.0, y + 10.0), reach=1.0)
    assert edit.action == "scale polygon"
    assert editor.document.annotations[0].outline == ((20, 20), (60, 20), (60, 50), (20, 50))


def test_the_grip_above_turns_about_the_middle() -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 40, 40))
    editor.handle(Select("a"))
    editor.handle(Move((90.0, 90.0), "0", 0, 1.0))
    grip = next(h for h in editor.preview.handles if h.kind == "rotate")
    edit = drag(editor, grip.point, (80.0, 50.0), reach=1.0)  # a quarter turn clockwise
    assert edit.action == "rotate polygon"
    turned = editor.document.annotations[0].outline
    for point, expected in zip(turned, ((60, 40), (60, 60), (40, 60), (40, 40)), strict=True):
        assert point == pytest.approx(expected)


def test_the_whole_is_moved_scaled_and_turned_by_numbers() -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 40, 40))
    assert editor.handle(Transform(dx=5)) is None  # nothing is selected
    editor.handle(Select("a"))
    assert editor.handle(Transform(dx=5, dy=-3)).action == "move polygon"
    assert editor.document.annotations[0].outline[0] == (45, 37)
    editor.handle(Key.UNDO)
    assert editor.handle(Transform(scale=0.5)).action == "scale polygon"
    assert editor.document.annotations[0].outline[0] == (45, 45)
    editor.handle(Key.UNDO)
    assert editor.handle(Transform(degrees=180)).action == "rotate polygon"
    assert editor.document.annotations[0].outline[0] == pytest.approx((60, 60))
    assert editor.handle(Transform()) is None


def test_a_turn_keeps_lengths_in_mm_where_pixels_are_not_square() -> None:
    stack = hand.stack_of(hand.head(), spacing_mm=(2.0, 1.0))
    bar = Annotation("a", "0", 0, "SDH", ((40.0, 49.0), (60.0, 49.0), (60.0, 51.0), (40.0, 51.0)))
    editor = hand.new_editor(stack, ToolName.EDIT, bar)
    editor.handle(Select("a"))
    editor.handle(Transform(degrees=90))
    xs, ys = zip(*editor.document.annotations[0].outline, strict=True)
    assert max(xs) - min(xs) == pytest.approx(4)  # 2 pixels of 2 mm become 4 of 1 mm
    assert max(ys) - min(ys) == pytest.approx(10)


# booleans


@pytest.mark.parametrize(
    ("how", "left"),
    [(Combination.ADD, 400 + 400 - 100), (Combination.SUBTRACT, 300), (Combination.INTERSECT, 100)],
)
def test_polygons_are_united_subtracted_and_intersected(how: Combination, left: float) -> None:
    editor = hand.new_editor(
        None, ToolName.EDIT, square("a", 20, 20), square("b", 30, 30), square("c", 80, 20)
    )
    edit = editor.handle(Merge(how, ("a", "b")))
    assert edit is not None
    first = editor.document.find("a")
    assert first is not None
    assert total_area(first) == pytest.approx(left)
    assert editor.document.find("b") is None
    assert editor.document.find("c") == square("c", 80, 20)
    editor.handle(Key.UNDO)
    assert editor.document.annotations == (square("a", 20, 20), square("b", 30, 30), square("c", 80, 20))


def test_a_union_of_distant_polygons_has_two_parts_which_can_be_separated() -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 20, 20), square("b", 60, 20))
    editor.handle(Merge(Combination.ADD, ("a", "b")))
    (joined,) = editor.document.annotations
    assert joined.parts == (square("a", 20, 20).parts + square("b", 60, 20).parts)
    assert hand.pixels(joined).sum() == 800
    assert editor.handle(Separate("a")).action == "separate parts"
    assert [a.outline for a in editor.document.annotations] == [joined.parts[0][0], joined.parts[1][0]]
    assert editor.handle(Separate("a")) is None
    assert editor.take_messages() == (words.ONE_PART,)


@pytest.mark.parametrize("uids", [("a",), ("a", "elsewhere"), ("a", "nobody"), ("a", "a")])
def test_what_cannot_be_united_is_refused_with_a_sentence(uids: tuple[str, ...]) -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 20, 20), square("elsewhere", 20, 20, sop="1"))
    assert editor.handle(Merge(Combination.ADD, uids)) is None
    assert editor.take_messages() == (words.TWO_NEEDED,)


def test_nothing_in_common_and_nothing_left_leave_the_polygon_as_it_was() -> None:
    editor = hand.new_editor(
        None, ToolName.EDIT, square("a", 20, 20), square("b", 60, 60), square("c", 10, 10, 40)
    )
    assert editor.handle(Merge(Combination.INTERSECT, ("a", "b"))) is None
    assert editor.handle(Merge(Combination.SUBTRACT, ("a", "c"))) is None
    assert editor.take_messages() == (words.NOTHING_COMMON, words.WOULD_VANISH)


@pytest.mark.parametrize(
    ("how", "left"),
    [(Combination.ADD, 700), (Combination.SUBTRACT, 300), (Combination.INTERSECT, 100)],
)
def test_an_outline_drawn_changes_the_selected_polygon(how: Combination, left: float) -> None:
    editor = hand.new_editor(None, ToolName.POLYGON, square("a", 20, 20))
    editor.handle(Select("a"))
    editor.handle(ChooseCombination(how))
    first, *rest = [(30.0, 30.0), (50.0, 30.0), (50.0, 50.0), (30.0, 50.0)]
    click(editor, first, held=Modifier.CTRL)
    click(editor, *rest)
    edit = editor.handle(Key.CLOSE)
    assert edit.action == f"{how} with draw"
    (changed,) = editor.document.annotations
    assert changed.uid == "a"
    assert total_area(changed) == pytest.approx(left)


def test_without_a_selected_polygon_there_is_nothing_to_add_to() -> None:
    editor = hand.new_editor(None, ToolName.POLYGON, square("a", 20, 20))
    editor.handle(ChooseCombination(Combination.ADD))
    click(editor, (70.0, 70.0))
    assert editor.state is State.IDLE
    assert editor.take_messages() == (words.SELECT_FIRST,)


# hole, cut


def test_a_hole_is_taken_out_and_can_be_edited_like_an_outline() -> None:
    editor = hand.new_editor(None, ToolName.HOLE, square("a", 20, 20))
    click(editor, (25.0, 25.0), (35.0, 25.0), (35.0, 35.0), (25.0, 35.0))
    edit = editor.handle(Key.CLOSE)
    assert edit.action == "subtract with hole"
    (holed,) = editor.document.annotations
    assert len(holed.holes) == 1
    assert hand.pixels(holed).sum() == 400 - 100
    editor.handle(ChooseTool(ToolName.EDIT))
    editor.handle(Select("a"))
    editor.handle(Move((80.0, 80.0), "0", 0, 1.0))
    corner = next(i for i, p in enumerate(holed.holes[0]) if p == (35, 35))
    drag(editor, holed.holes[0][corner], (30.0, 35.0), reach=1.0)
    assert total_area(editor.document.annotations[0]) == pytest.approx(400 - 75)


def test_a_hole_beside_every_polygon_is_refused() -> None:
    editor = hand.new_editor(None, ToolName.HOLE, square("a", 20, 20))
    click(editor, (80.0, 80.0))
    assert editor.state is State.IDLE
    assert editor.take_messages() == (words.SELECT_FIRST,)


def test_a_hole_goes_out_of_the_polygon_that_it_starts_in_whichever_is_selected() -> None:
    editor = hand.new_editor(None, ToolName.HOLE, square("a", 20, 20), square("b", 60, 20))
    editor.handle(Select("a"))
    hole = [(65.0, 25.0), (75.0, 25.0), (75.0, 35.0), (65.0, 35.0)]
    for point in (*hole, hole[0]):
        click(editor, point)
    other, changed = editor.document.annotations
    assert other == square("a", 20, 20)
    assert total_area(changed) == pytest.approx(20 * 20 - 10 * 10)
    assert editor.selection == "b"


def test_a_line_beside_the_selected_polygon_cuts_the_one_that_it_crosses() -> None:
    editor = hand.new_editor(None, ToolName.CUT, square("a", 20, 20), square("b", 60, 20))
    editor.handle(Select("a"))
    assert drag(editor, (50.0, 25.0), (90.0, 25.0)) is not None
    assert editor.document.annotations[0] == square("a", 20, 20)
    assert sorted(total_area(a) for a in editor.document.annotations) == pytest.approx([100, 300, 400])
    across = hand.new_editor(None, ToolName.CUT, square("a", 20, 20), square("b", 60, 20))
    across.handle(Select("a"))
    drag(across, (10.0, 30.0), (90.0, 30.0))  # across both: the selected one alone
    assert square("b", 60, 20) in across.document.annotations
    assert len(across.document.annotations) == 3


def test_a_line_cuts_a_polygon_into_two_of_their_own() -> None:
    editor = hand.new_editor(None, ToolName.CUT, square("a", 20, 20))
    editor.handle(Press((10.0, 25.0), "0"))
    editor.handle(Move((30.0, 25.0), "0"))
    assert editor.preview.line == ((10, 25), (30, 25))
    edit = editor.handle(Release((50.0, 25.0), "0"))
    assert edit.action == "cut"
    assert sorted(total_area(a) for a in editor.document.annotations) == pytest.approx([100, 300])
    assert {a.uid for a in editor.document.annotations} == {"a", "n1"}
    assert (hand.mask_of(editor) == hand.pixels(square("a", 20, 20))).all()


def test_a_cut_through_a_ring_keeps_what_lies_apart_from_the_line() -> None:
    ring = Annotation(
        "a", "0", 0, "SDH", ((20.0, 20.0), (60.0, 20.0), (60.0, 60.0), (20.0, 60.0)),
        holes=(((30.0, 30.0), (50.0, 30.0), (50.0, 50.0), (30.0, 50.0)),),
        islands=((((70.0, 70.0), (80.0, 70.0), (80.0, 80.0), (70.0, 80.0)), ()),),
    )  # fmt: skip
    editor = hand.new_editor(None, ToolName.CUT, ring)
    drag(editor, (40.0, 10.0), (40.0, 90.0))
    assert sorted(total_area(a) for a in editor.document.annotations) == pytest.approx([600, 700])
    assert (hand.mask_of(editor) == hand.pixels(ring)).all()


@pytest.mark.parametrize(
    "line", [((10.0, 10.0), (50.0, 10.0)), ((10.0, 30.0), (30.0, 30.0)), ((25.0, 25.0), (35.0, 35.0))]
)
def test_a_line_that_does_not_cross_from_side_to_side_cuts_nothing(
    line: tuple[tuple[float, float], ...],
) -> None:
    editor = hand.new_editor(None, ToolName.CUT, square("a", 20, 20))
    assert drag(editor, *line) is None
    assert editor.document.annotations == (square("a", 20, 20),)
    assert editor.take_messages() == (words.NOT_CUT,)


def test_simplifying_leaves_out_points_that_say_nothing() -> None:
    angles = [2 * math.pi * k / 400 for k in range(400)]
    many = tuple((60 + 30 * math.cos(a), 50 + 30 * math.sin(a)) for a in angles)
    editor = hand.new_editor(None, ToolName.EDIT, Annotation("a", "0", 0, "SDH", many))
    before = hand.mask_of(editor)
    assert editor.handle(Simplify("a")).action == "simplify"
    (fewer,) = editor.document.annotations
    assert len(fewer.outline) < 60
    both = (before & hand.pixels(fewer)).sum()
    assert 2 * both / (before.sum() + hand.pixels(fewer).sum()) > 0.98


# locks, layers, overlap


def test_a_locked_subtype_is_neither_drawn_nor_changed_nor_deleted() -> None:
    editor = hand.new_editor(None, ToolName.POLYGON, square("a", 20, 20))
    editor.handle(Select("a"))
    editor.handle(SetLayer("SDH", Layer(locked=True)))
    editor.handle(Move((80.0, 80.0), "0", 0, 1.0))
    assert drag(editor, (20.0, 20.0), (10.0, 10.0)) is None
    assert editor.handle(Key.DELETE) is None
    assert editor.handle(Remove("a")) is None
    assert editor.handle(RemoveAll()) is None
    assert editor.handle(ChooseSubtype("IPH")) is None
    assert editor.handle(Transform(dx=3)) is None
    assert set(editor.take_messages()) == {words.LOCKED.format(code="SDH")}
    assert editor.document.annotations == (square("a", 20, 20),)
    editor.handle(ChooseSubtype("SDH"))
    editor.handle(Select(None))
    click(editor, (80.0, 80.0))
    assert editor.state is State.IDLE


def test_what_is_drawn_over_a_locked_subtype_is_cut_back() -> None:
    editor = hand.new_editor(None, ToolName.POLYGON, square("a", 20, 20))
    editor.handle(SetLayer("SDH", Layer(locked=True)))
    editor.handle(ChooseSubtype("IPH"))
    click(editor, (60.0, 60.0), (60.0, 30.0), (30.0, 30.0), held=Modifier.NONE)
    click(editor, (30.0, 60.0))
    editor.handle(Key.CLOSE)
    locked, drawn = editor.document.annotations
    assert locked == square("a", 20, 20)
    assert total_area(drawn) == pytest.approx(900 - 100)


@pytest.mark.parametrize(
    ("overlap", "sdh", "iph"),
    [(Overlap.ALLOW, 400, 400), (Overlap.REPLACE, 300, 400), (Overlap.KEEP, 400, 300)],
)
def test_the_policy_says_which_subtype_gives_way(overlap: Overlap, sdh: float, iph: float) -> None:
    editor = hand.new_editor(None, ToolName.POLYGON, square("a", 20, 20))
    editor.handle(SetOverlap(overlap))
    edit = editor.add([square("b", 30, 30, subtype="IPH")], "import")
    assert edit is not None
    assert [round(total_area(a), 6) for a in editor.document.annotations] == [sdh, iph]
    editor.handle(Key.UNDO)
    assert editor.document.annotations == (square("a", 20, 20),)


def test_parts_dragged_over_each_other_become_one_part() -> None:
    two = replace(square("a", 20, 20), islands=((square("b", 60, 20).outline, ()),))
    editor = hand.new_editor(None, ToolName.EDIT, two)
    editor.handle(Select("a"))
    edit = drag(editor, (40.0, 40.0), (70.0, 40.0), reach=2.0)  # the corner of the one into the other
    assert edit is not None
    (changed,) = editor.document.annotations
    assert len(changed.parts) == 1
    # The corner makes the square wider by a triangle of 30 × 20 / 2, of which what lies over the other counts once.
    over = 10 * 20 / 3 / 2  # from x = 60 on it is 20 · 10 / 30 high
    assert total_area(changed) == pytest.approx(400 + 300 + 400 - over)
    assert editor.take_messages() == (words.REPAIRED,)


def test_no_shape_is_dragged_under_what_may_not_be_cut() -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 60, 20, 8), square("b", 20, 20, 30, "IPH"))
    editor.handle(SetLayer("IPH", Layer(locked=True)))
    editor.handle(Select("a"))
    assert drag(editor, (64.0, 24.0), (34.0, 34.0), reach=1.0) is None
    assert editor.take_messages() == (words.COVERED,)
    assert editor.document.annotations[0] == square("a", 60, 20, 8)


def test_what_others_cover_whole_goes_or_is_not_drawn() -> None:
    editor = hand.new_editor(None, ToolName.POLYGON, square("a", 20, 20))
    editor.handle(SetOverlap(Overlap.REPLACE))
    editor.add([square("b", 10, 10, 50, subtype="IPH")], "import")
    assert [a.uid for a in editor.document.annotations] == ["b"]
    editor.handle(SetOverlap(Overlap.KEEP))
    assert editor.add([square("c", 20, 20)], "import") is None
    assert editor.take_messages() == (words.COVERED,)


def test_hidden_polygons_are_not_hit_by_the_mouse() -> None:
    editor = hand.new_editor(None, ToolName.EDIT, square("a", 20, 20))
    editor.handle(SetLayer("SDH", Layer(hidden=True)))
    click(editor, (30.0, 30.0))
    assert editor.selection is None
    editor.handle(SetLayer("SDH", Layer(opacity=0.5)))
    click(editor, (30.0, 30.0))
    assert editor.selection == "a"


def test_all_of_a_slice_or_a_subtype_is_deleted_in_one_step() -> None:
    drawn = (square("a", 20, 20), square("b", 60, 20, subtype="IPH"), square("c", 20, 20, sop="1"))
    editor = hand.new_editor(None, ToolName.EDIT, *drawn)
    editor.handle(RemoveAll(subtype="SDH"))
    assert [a.uid for a in editor.document.annotations] == ["b"]
    editor.handle(Key.UNDO)
    editor.handle(RemoveAll(slice_name="0"))
    assert [a.uid for a in editor.document.annotations] == ["c"]
    editor.handle(Key.UNDO)
    assert editor.handle(RemoveAll()).action == "delete all"
    assert editor.document.annotations == ()
    editor.handle(Key.UNDO)
    assert editor.document.annotations == drawn


def test_another_tool_keeps_an_open_outline_of_three_points() -> None:
    editor = hand.new_editor(None, ToolName.POLYGON)
    click(editor, (20.0, 20.0), (40.0, 20.0), (40.0, 40.0))
    edit = editor.handle(ChooseTool(ToolName.EDIT))
    assert edit is not None
    assert editor.document.annotations[0].outline == ((20, 20), (40, 20), (40, 40))
    editor.handle(ChooseTool(ToolName.POLYGON))
    click(editor, (80.0, 20.0))
    assert editor.handle(ChooseTool(ToolName.EDIT)) is None
    assert editor.state is State.IDLE
