"""Livewire, grow, smart fill, brush, eraser, push and snap on slices of known content."""

import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from viewer.annotation import words
from viewer.annotation.document import Annotation
from viewer.annotation.editor import Editor
from viewer.annotation.events import (
    ChooseCombination,
    ChooseSubtype,
    Key,
    Leave,
    Modifier,
    Move,
    Press,
    Release,
    Select,
    SetLayer,
    SetOptions,
    Snap,
)
from viewer.annotation.geometry import area
from viewer.annotation.options import (
    BrushOptions,
    Combination,
    EraserOptions,
    FillOptions,
    GrowOptions,
    Layer,
    LivewireOptions,
    PushOptions,
    SnapOptions,
    ToolName,
)
from viewer.annotation.preview import State
from viewer.annotation.raster import Mask, dice
from viewer.annotation.stack import Stack
from viewer.annotation.vectorise import exact_shapes

hand = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("slices.py"))))
square, drag, click, disc = hand.square, hand.drag, hand.click, hand.disc
CLOT: Mask = disc(hand.MIDDLE, hand.CLOT_PX)


def one_slice(clot_px: float = 15.0) -> Stack:
    stack: Stack = hand.stack_of(hand.head(clot_px))
    return stack


def on_circle(radius: float, degrees: float) -> tuple[float, float]:
    x, y = hand.MIDDLE
    return (x + radius * math.cos(math.radians(degrees)), y + radius * math.sin(math.radians(degrees)))


# livewire


def test_a_wire_runs_along_the_edge_between_clicks() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.LIVEWIRE)
    click(editor, on_circle(15, 0))
    editor.handle(Move(on_circle(15, 110), "0", 0, 3.0))
    tail = editor.preview.tail
    assert len(tail) > 20
    away = [math.dist(point, hand.MIDDLE) for point in tail]
    assert max(abs(distance - 15) for distance in away) < 1.5  # the straight line passes at 8.6
    click(editor, on_circle(15, 110), on_circle(15, 230))
    assert editor.preview.anchors == tuple(on_circle(15, a) for a in (0, 110, 230))
    edit = editor.handle(Key.CLOSE)
    assert edit is not None
    assert edit.action == "livewire SDH"
    assert dice(hand.mask_of(editor), CLOT) > 0.95


def test_a_long_wire_over_a_large_slice_follows_the_edge_too() -> None:
    hu = np.full((400, 400), 30, np.int16)
    ring = disc((200.0, 200.0), 150.0, (400, 400))
    hu[ring] = 65
    editor: Editor = hand.new_editor(hand.stack_of(hu), ToolName.LIVEWIRE)
    click(editor, (350.0, 200.0))
    editor.handle(Move((200.0, 350.0), "0", 0, 3.0))
    away = [math.dist(point, (200.0, 200.0)) for point in editor.preview.tail]
    assert max(abs(distance - 150) for distance in away) < 2.5


def test_points_of_a_wire_are_taken_back_and_put_back_with_their_legs() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.LIVEWIRE)
    click(editor, *(on_circle(15, a) for a in (0, 90, 180)))
    whole = editor.preview.path
    editor.handle(Key.UNDO)
    shorter = editor.preview.path
    assert shorter == whole[: len(shorter)]
    assert len(editor.preview.anchors) == 2
    assert editor.redo_text == "point"
    editor.handle(Key.REDO)
    assert editor.preview.path == whole
    for _ in range(3):
        editor.handle(Key.BACKSPACE)
    assert editor.state is State.IDLE


def test_a_click_on_the_first_anchor_closes_the_wire_and_a_drag_does_not() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.LIVEWIRE)
    assert drag(editor, *(on_circle(15, a) for a in range(0, 360, 10))) is None
    assert editor.state is State.DRAWING
    click(editor, *(on_circle(15, a) for a in (120, 240)))
    editor.handle(Move(on_circle(15, 2), "0", 0, 3.0))
    assert editor.preview.closes
    assert click(editor, on_circle(15, 2)) is not None


def test_a_wire_that_prefers_short_ways_cuts_corners() -> None:
    hu = hand.head(0)
    hu[40:60, 60:61] = 65  # a detour along three weak edges
    lengths = []
    for smooth in (0.0, 1.0):
        editor: Editor = hand.new_editor(hand.stack_of(hu), ToolName.LIVEWIRE)
        editor.handle(SetOptions(LivewireOptions(smooth)))
        click(editor, (52.5, 60.5))
        editor.handle(Move((68.5, 60.5), "0", 0, 3.0))
        lengths.append(len(editor.preview.tail))
    assert lengths[1] <= lengths[0]
    assert lengths[1] == 17  # straight


# grow


def test_a_drag_widens_the_tolerance_until_the_clot_is_taken_and_no_further() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.GROW)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=2)))
    editor.handle(Press(hand.MIDDLE, "0", 0, Modifier.NONE, 1.0))
    editor.handle(Move((hand.MIDDLE[0] + 15, hand.MIDDLE[1]), "0", 0, 1.0))  # by 15 HU: ± 17
    preview = editor.preview
    assert preview.patch is not None
    assert preview.note.startswith("65 ± 17 HU")
    assert preview.cursor == (hand.MIDDLE[0] + 15, hand.MIDDLE[1])  # where the note stands
    assert editor.state is State.SHAPING
    edit = editor.handle(Release((hand.MIDDLE[0] + 15, hand.MIDDLE[1]), "0"))
    assert edit is not None
    assert edit.action == "grow SDH"
    assert dice(hand.mask_of(editor), CLOT) > 0.97
    assert editor.options(GrowOptions).tolerance_hu == 17


def test_growing_stops_at_bone_and_at_the_radius() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.GROW)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=200, radius_mm=30)))
    click(editor, hand.MIDDLE)
    mask = hand.mask_of(editor)
    assert not (mask & ~disc(hand.MIDDLE, 31.0)).any()
    assert mask[disc(hand.MIDDLE, 29.0)].all()
    editor.handle(Key.UNDO)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=200, radius_mm=100)))
    click(editor, hand.MIDDLE)
    assert not (hand.mask_of(editor) & ~disc(hand.MIDDLE, hand.SKULL_PX[0])).any()


def test_growing_through_slices_is_one_step_and_ends_where_the_clot_does() -> None:
    radii = (0.0, 8.0, 12.0, 10.0, 0.0, 9.0)
    stack = hand.stack_of(*map(hand.head, radii))
    editor: Editor = hand.new_editor(stack, ToolName.GROW)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=17, through_slices=True)))
    click(editor, hand.MIDDLE, sop="2")
    assert sorted(a.sop_uid for a in editor.document.annotations) == ["1", "2", "3"]
    for sop in "123":
        assert dice(hand.mask_of(editor, sop), disc(hand.MIDDLE, radii[int(sop)])) > 0.95
    assert editor.document.find(editor.selection).sop_uid == "2"  # type: ignore[union-attr]
    editor.handle(Key.UNDO)
    assert editor.document.annotations == ()


def test_the_radius_counts_millimetres_across_slices() -> None:
    stack = hand.stack_of(*[hand.head(10.0)] * 5, heights_mm=(0.0, 5.0, 10.0, 15.0, 20.0))
    editor: Editor = hand.new_editor(stack, ToolName.GROW)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=17, through_slices=True, radius_mm=7)))
    click(editor, hand.MIDDLE, sop="2")
    assert sorted(a.sop_uid for a in editor.document.annotations) == ["1", "2", "3"]


def test_small_holes_of_noise_are_filled_and_large_ones_stay() -> None:
    hu = hand.head(15.0)
    hu[48:50, 54:56] = hand.BRAIN_HU
    hu[45:55, 60:70] = hand.BRAIN_HU
    editor: Editor = hand.new_editor(hand.stack_of(hu), ToolName.GROW)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=12)))
    click(editor, (50.0, 50.0))
    mask = hand.mask_of(editor)
    assert mask[48:50, 54:56].all()
    assert not mask[47:53, 62:68].any()


@pytest.mark.parametrize("through", [False, True])
def test_growing_does_not_leak_through_a_neck(through: bool) -> None:
    """Two clots with a bridge of one pixel (1 mm) between them: the bridge and the other clot stay behind."""
    hu = hand.head(0.0)
    here, there = disc((45.0, 50.0), 9.0), disc((75.0, 50.0), 9.0)
    hu[here | there] = hand.CLOT_HU
    hu[50, 45:75] = hand.CLOT_HU
    editor: Editor = hand.new_editor(hand.stack_of(hu), ToolName.GROW)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=17, through_slices=through)))
    click(editor, (45.5, 50.5))
    mask = hand.mask_of(editor)
    assert dice(mask, here) > 0.95
    assert not mask[:, 58:].any()
    editor.handle(Key.UNDO)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=17, smooth_mm=0, through_slices=through)))
    click(editor, (45.5, 50.5))
    assert dice(hand.mask_of(editor), here | there) > 0.95


def test_a_seed_in_a_thin_bleed_keeps_it() -> None:
    hu = hand.head(0.0)
    hu[50, 45:75] = hand.CLOT_HU
    hu[40:50, 45:55] = hand.CLOT_HU
    editor: Editor = hand.new_editor(hand.stack_of(hu, spacing_mm=(0.5, 0.5)), ToolName.GROW)
    editor.handle(SetOptions(GrowOptions(tolerance_hu=25)))
    click(editor, (70.5, 50.5))
    assert hand.mask_of(editor)[50, 60:70].all()


# smart fill


def test_smart_fill_takes_the_clot_inside_the_skull() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.FILL)
    edit = click(editor, (62.0, 48.0))
    assert edit.action == "fill SDH"
    assert dice(hand.mask_of(editor), CLOT) > 0.97


def test_smart_fill_leaves_out_what_lies_outside_the_skull_and_beyond_thin_necks() -> None:
    hu = hand.head(10.0)
    hu[disc((3.0, 50.0), 3.0)] = hand.CLOT_HU  # outside
    hu[50, 68:84] = hand.CLOT_HU  # a neck one pixel wide
    hu[disc((88.0, 50.0), 6.0)] = hand.CLOT_HU
    editor: Editor = hand.new_editor(hand.stack_of(hu), ToolName.FILL)
    editor.handle(SetOptions(FillOptions(smooth_mm=3.0)))
    click(editor, hand.MIDDLE)
    mask = hand.mask_of(editor)
    assert dice(mask, disc(hand.MIDDLE, 10.0)) > 0.95
    assert click(editor, (3.0, 50.0)) is None
    assert editor.take_messages() == (words.NOTHING_THERE,)


def test_smart_fill_through_slices() -> None:
    stack = hand.stack_of(*map(hand.head, (0.0, 8.0, 12.0, 0.0, 12.0)))
    editor: Editor = hand.new_editor(stack, ToolName.FILL)
    editor.handle(SetOptions(FillOptions(through_slices=True)))
    click(editor, hand.MIDDLE, sop="1")
    assert sorted(a.sop_uid for a in editor.document.annotations) == ["1", "2"]


# brush and eraser


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (2.0, 1.0), (0.5, 0.5)])
def test_a_dab_of_the_brush_is_as_wide_as_it_says_in_mm(spacing_mm: tuple[float, float]) -> None:
    editor: Editor = hand.new_editor(hand.stack_of(hand.head(), spacing_mm=spacing_mm), ToolName.BRUSH)
    editor.handle(SetOptions(BrushOptions(diameter_mm=12)))
    editor.handle(Move((60.0, 50.0), "0"))
    brush = editor.preview.brush
    assert brush is not None
    assert (brush.radius_x, brush.radius_y) == (6 / spacing_mm[1], 6 / spacing_mm[0])
    click(editor, (60.0, 50.0))
    rows, columns = np.nonzero(hand.mask_of(editor))
    rows_mm, columns_mm = (rows + 0.5 - 50) * spacing_mm[0], (columns + 0.5 - 60) * spacing_mm[1]
    assert np.hypot(rows_mm, columns_mm).max() <= 6
    everywhere = np.mgrid[:100, :120] + 0.5
    down, right = (everywhere[0] - 50) * spacing_mm[0], (everywhere[1] - 60) * spacing_mm[1]
    assert rows.size == (np.hypot(down, right) <= 6).sum()
    editor.handle(Leave())
    assert editor.preview.brush is None


def test_a_fast_stroke_has_no_gaps_and_its_preview_is_what_becomes_of_it() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.BRUSH)
    editor.handle(SetOptions(BrushOptions(diameter_mm=4)))
    editor.handle(Press((30.0, 50.0), "0"))
    editor.handle(Move((90.0, 50.0), "0"))  # in one leap
    patch = editor.preview.patch
    assert patch is not None
    assert not patch.erases
    editor.handle(Release((90.0, 50.0), "0"))
    mask = hand.mask_of(editor)
    assert mask[48:52, 30:90].all()
    shown = np.zeros_like(mask)
    shown[patch.top : patch.top + patch.mask.shape[0], patch.left : patch.left + patch.mask.shape[1]] = (
        patch.mask
    )
    assert (shown == mask).all()


def test_the_brush_paints_only_the_range_of_hu() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.BRUSH)
    editor.handle(SetOptions(BrushOptions(diameter_mm=60, low_hu=50, high_hu=90)))
    click(editor, hand.MIDDLE)
    assert (hand.mask_of(editor) == CLOT).all()


def test_a_stroke_joins_the_polygon_of_its_subtype_that_it_touches() -> None:
    drawn = square("a", 20, 20), square("b", 30, 60, subtype="IPH")
    editor: Editor = hand.new_editor(one_slice(), ToolName.BRUSH, *drawn)
    editor.handle(SetOptions(BrushOptions(diameter_mm=8)))
    assert drag(editor, (35.0, 30.0), (60.0, 30.0)).action == "paint"
    first, second = editor.document.annotations
    assert (first.uid, second) == ("a", drawn[1])
    stroke = hand.pixels(first) & ~hand.pixels(drawn[0])
    assert stroke[27:33, 41:60].all()
    assert drag(editor, (90.0, 80.0), (95.0, 80.0)).action == "paint SDH"
    assert len(editor.document.annotations) == 3
    editor.handle(Key.UNDO)
    editor.handle(Key.UNDO)
    assert editor.document.annotations == drawn


def test_the_eraser_takes_from_the_selected_or_from_all_but_locked_ones() -> None:
    drawn = square("a", 20, 20), square("b", 30, 20, subtype="IPH"), square("c", 40, 20, subtype="SAH")
    editor: Editor = hand.new_editor(one_slice(), ToolName.ERASER, *drawn)
    editor.handle(SetOptions(EraserOptions(diameter_mm=6)))
    editor.handle(Select("a"))
    assert drag(editor, (10.0, 30.0), (70.0, 30.0)).action == "erase"
    assert editor.document.annotations[1:] == drawn[1:]
    assert len(editor.document.annotations[0].parts) == 2  # the stroke runs right across
    assert not hand.pixels(editor.document.annotations[0])[28:32].any()
    editor.handle(Key.UNDO)
    editor.handle(Select(None))
    editor.handle(SetLayer("SAH", Layer(locked=True)))
    drag(editor, (10.0, 30.0), (70.0, 30.0))
    cut = [hand.pixels(a)[30].any() for a in editor.document.annotations]
    assert cut == [False, False, True]
    assert editor.take_messages() == (words.LOCKED.format(code="SAH"),)


def test_what_is_erased_whole_is_gone() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.ERASER, square("a", 40, 40))
    editor.handle(SetOptions(EraserOptions(diameter_mm=60)))
    click(editor, (50.0, 50.0))
    assert editor.document.annotations == ()
    editor.handle(Key.UNDO)
    assert editor.document.annotations == (square("a", 40, 40),)


@pytest.mark.parametrize("key", [Key.ESCAPE, Key.UNDO])
def test_escape_and_undo_forget_a_stroke_and_no_more(key: Key) -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.BRUSH)
    drag(editor, (30.0, 80.0), (40.0, 80.0))
    before = editor.document
    editor.handle(Press((30.0, 50.0), "0"))
    editor.handle(Move((60.0, 50.0), "0"))
    assert editor.handle(key) is None
    assert editor.handle(Release((60.0, 50.0), "0")) is None
    assert editor.document is before


# push


def test_the_disc_pushes_the_outline_outwards_from_inside() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.PUSH, square("a", 40, 30, 40))
    editor.handle(SetOptions(PushOptions(diameter_mm=20)))
    editor.handle(Press((60.0, 50.0), "0"))
    editor.handle(Move((85.0, 50.0), "0"))
    assert editor.preview.changed is not None
    edit = editor.handle(Release((85.0, 50.0), "0"))
    assert edit is not None
    assert edit.action == "push"
    mask = hand.mask_of(editor)
    assert max(x for x, _ in editor.document.annotations[0].outline) == pytest.approx(95, abs=0.6)
    assert mask[50, 40:94].all()
    assert not mask[35, 82:].any()  # above the disc nothing moved


def test_the_disc_pushes_the_outline_inwards_from_outside() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.PUSH, square("a", 40, 30, 40))
    editor.handle(Select("a"))
    editor.handle(SetOptions(PushOptions(diameter_mm=20)))
    drag(editor, (95.0, 50.0), (75.0, 50.0))
    mask = hand.mask_of(editor)
    assert not mask[50, 66:].any()
    assert mask[50, 40:64].all()
    assert mask[32, 40:80].all()


def test_the_disc_pushes_what_it_is_put_into_unless_it_touches_the_selected_polygon() -> None:
    both = square("a", 20, 30, 20), square("b", 50, 30, 40)
    editor: Editor = hand.new_editor(one_slice(), ToolName.PUSH, *both)
    editor.handle(SetOptions(PushOptions(diameter_mm=10)))
    editor.handle(Select("a"))
    drag(editor, (80.0, 50.0), (90.0, 50.0))
    assert editor.document.annotations[0] == both[0]
    assert max(x for x, _ in editor.document.annotations[1].outline) == pytest.approx(95, abs=0.6)
    assert editor.selection == "b"
    again: Editor = hand.new_editor(one_slice(), ToolName.PUSH, *both)
    again.handle(SetOptions(PushOptions(diameter_mm=30)))
    again.handle(Select("a"))
    drag(again, (54.0, 40.0), (44.0, 40.0))  # in b, but 14 px from a: its rim reaches into a
    assert again.document.annotations[1] == both[1]
    assert max(x for x, y in again.document.annotations[0].outline if 38 < y < 42) < 30


def test_push_without_a_polygon_and_without_touching_one_changes_nothing() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.PUSH, square("a", 40, 40))
    assert drag(editor, (10.0, 10.0), (12.0, 10.0)) is None
    assert editor.take_messages() == (words.SELECT_FIRST,)
    editor.handle(Select("a"))
    assert drag(editor, (10.0, 10.0), (12.0, 10.0)) is None


# snap


def test_a_convexity_bleed_snaps_to_the_inner_table() -> None:
    # A ring sector from 30 to 36 px of the middle; the inner table is at 40.
    sector = tuple(on_circle(36, a) for a in range(-30, 31, 3)) + tuple(
        on_circle(30, a) for a in range(30, -31, -3)
    )
    editor: Editor = hand.new_editor(one_slice(0.0), ToolName.EDIT, Annotation("a", "0", 0, "EDH", sector))
    edit = editor.handle(Snap("a"))
    assert edit is not None
    assert edit.action == "snap to the inner table"
    mask = hand.mask_of(editor)
    rows, columns = np.nonzero(mask)
    away = np.hypot(columns + 0.5 - 60, rows + 0.5 - 50)
    angle = np.degrees(np.arctan2(rows + 0.5 - 50, columns + 0.5 - 60))
    assert away.max() <= 40
    assert np.abs(angle).max() < 36  # no further along the bone than before, but for rounding
    everywhere = np.mgrid[:100, :120] + 0.5
    distance = np.hypot(everywhere[1] - 60, everywhere[0] - 50)
    degrees = np.degrees(np.arctan2(everywhere[0] - 50, everywhere[1] - 60))
    band = (distance > 31) & (distance < 39.2) & (np.abs(degrees) < 27)
    assert mask[band].all()


def test_what_lies_on_bone_is_taken_off_it() -> None:
    editor: Editor = hand.new_editor(one_slice(0.0), ToolName.EDIT, square("a", 85, 40, 18, "SDH"))
    editor.handle(Snap("a"))
    assert not (hand.mask_of(editor) & (hand.head(0.0) == hand.BONE_HU)).any()


def test_far_from_bone_there_is_nothing_to_snap_to() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.EDIT, square("a", 50, 40))
    editor.handle(SetOptions(SnapOptions(reach_mm=3)))
    assert editor.handle(Snap("a")) is None
    assert editor.take_messages() == (words.NO_SKULL,)


# without pixels, beside the image, together with a selected polygon


@pytest.mark.parametrize("tool", [ToolName.LIVEWIRE, ToolName.GROW, ToolName.FILL])
def test_without_pixels_the_tools_say_so(tool: ToolName) -> None:
    unloaded = one_slice()
    unloaded.loaded[:] = False
    for stack in (None, unloaded):
        editor: Editor = hand.new_editor(stack, tool)
        assert click(editor, hand.MIDDLE) is None
        assert editor.take_messages() == (words.NO_PIXELS,)
        assert editor.state is State.IDLE
    editor = hand.new_editor(one_slice(), tool)
    assert click(editor, hand.MIDDLE, sop="of another series") is None
    assert editor.take_messages() == (words.NO_PIXELS,)


@pytest.mark.parametrize("tool", list(ToolName))
def test_no_tool_minds_points_far_outside_the_image(tool: ToolName) -> None:
    editor: Editor = hand.new_editor(one_slice(), tool, square("a", 40, 40))
    editor.handle(Select("a"))
    drag(editor, (-1e6, -1e6), (1e6, 1e6), (5e5, -2e6))
    click(editor, (-50.0, 50.0), (400.0, 20.0), (60.0, 1e9))
    editor.handle(Key.CLOSE)
    for annotation in editor.document.annotations:
        for part in annotation.parts:
            assert area(*part) > 0
            assert all(0 <= x <= 120 and 0 <= y <= 100 for x, y in part[0])


@pytest.mark.parametrize(
    ("how", "expected"), [(Combination.ADD, 1), (Combination.SUBTRACT, 0), (Combination.INTERSECT, 1)]
)
def test_what_a_tool_finds_can_change_the_selected_polygon(how: Combination, expected: int) -> None:
    base = square("a", 55, 45, 40)
    editor: Editor = hand.new_editor(one_slice(), ToolName.FILL, base)
    editor.handle(Select("a"))
    editor.handle(ChooseCombination(how))
    click(editor, hand.MIDDLE)
    (changed,) = editor.document.annotations
    assert changed.uid == "a"
    clot, was, now = CLOT, hand.pixels(base), hand.pixels(changed)
    wanted = {
        Combination.ADD: was | clot,
        Combination.SUBTRACT: was & ~clot,
        Combination.INTERSECT: was & clot,
    }[how]
    assert dice(now, wanted) > 0.97
    assert now[52, 62] == expected


@pytest.mark.parametrize("tool", [ToolName.FILL, ToolName.GROW, ToolName.LIVEWIRE, ToolName.BRUSH])
def test_nothing_of_a_locked_subtype_is_found_or_painted(tool: ToolName) -> None:
    editor: Editor = hand.new_editor(one_slice(), tool)
    editor.handle(SetLayer("SDH", Layer(locked=True)))
    click(editor, hand.MIDDLE)
    editor.handle(Key.CLOSE)
    assert editor.document.annotations == ()
    assert words.LOCKED.format(code="SDH") in editor.take_messages()


def test_painting_keeps_the_corners_that_the_stroke_does_not_touch() -> None:
    base = Annotation("a", "0", 0, "SDH", ((20.25, 20.25), (50.75, 21.5), (49.125, 60.0), (21.0, 58.5)))
    editor: Editor = hand.new_editor(one_slice(), ToolName.BRUSH, base)
    editor.handle(SetOptions(BrushOptions(diameter_mm=6)))
    drag(editor, (45.0, 40.0), (60.0, 40.0))
    assert set(base.outline) <= set(editor.document.annotations[0].outline)


def test_masks_come_back_to_the_pixel_from_their_smooth_shapes() -> None:
    noise = np.random.default_rng(3).random((40, 50)) > 0.45
    parts = exact_shapes(noise)
    (outline, holes), *islands = parts
    annotation = Annotation("a", "0", 0, "SDH", outline, holes=holes, islands=tuple(islands))
    back = np.asarray(hand.pixels(annotation))[:40, :50]
    assert (back == noise).all()
    assert any(holes for _, holes in parts)


def test_a_subtype_key_chooses_what_the_next_stroke_is() -> None:
    editor: Editor = hand.new_editor(one_slice(), ToolName.BRUSH)
    editor.handle(ChooseSubtype("IVH"))
    click(editor, hand.MIDDLE)
    assert editor.document.annotations[0].subtype == "IVH"


@pytest.mark.parametrize(
    "broken",
    [
        lambda: BrushOptions(diameter_mm=0),
        lambda: BrushOptions(low_hu=50, high_hu=40),
        lambda: GrowOptions(radius_mm=math.nan),
        lambda: FillOptions(low_hu=90, high_hu=10),
        lambda: LivewireOptions(smooth=2),
        lambda: PushOptions(diameter_mm=-1),
        lambda: Layer(opacity=1.5),
    ],
)
def test_options_without_sense_cannot_be_made(broken: object) -> None:
    with pytest.raises(ValueError, match="must"):
        broken()  # type: ignore[operator]
