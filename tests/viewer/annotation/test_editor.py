"""The drawing state machine, event by event."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from viewer.annotation import words as texts
from viewer.annotation.document import Annotation, Document, Point, slice_name
from viewer.annotation.editor import Editor
from viewer.annotation.events import (
    ChooseSubtype,
    Confirm,
    ConfirmAll,
    DoubleClick,
    Edit,
    Key,
    MarkReviewed,
    Modifier,
    Move,
    Press,
    Release,
    Remove,
    RemoveAll,
    Select,
    State,
)
from viewer.annotation.geometry import area
from viewer.annotation.raster import polygon_mask

SQUARE: tuple[Point, ...] = ((20.0, 20.0), (60.0, 20.0), (60.0, 60.0), (20.0, 60.0))
FAR: tuple[Point, ...] = ((70.0, 70.0), (90.0, 70.0), (90.0, 90.0))
BOW_TIE: tuple[Point, ...] = ((20.0, 20.0), (60.0, 60.0), (60.0, 20.0), (20.0, 60.0))


@pytest.fixture
def editor() -> Editor:
    numbers = itertools.count(1)
    return Editor(Document("study", "series"), shape=(100, 100), new_uid=lambda: f"new{next(numbers)}")


def click(editor: Editor, point: Point, modifiers: Modifier = Modifier.NONE, sop: str = "a") -> Edit | None:
    edit = editor.handle(Press(point, sop, 0, modifiers, 3.0))
    return editor.handle(Release(point, sop)) or edit


def drag(editor: Editor, points: Sequence[Point], modifiers: Modifier = Modifier.NONE) -> Edit | None:
    editor.handle(Press(points[0], "a", 0, modifiers, 3.0))
    for point in points[1:]:
        editor.handle(Move(point, "a", 0, 3.0))
    return editor.handle(Release(points[-1], "a"))


def draw(editor: Editor, points: Sequence[Point], sop: str = "a") -> Edit:
    click(editor, points[0], Modifier.CTRL, sop)
    for point in points[1:]:
        click(editor, point, sop=sop)
    edit = editor.handle(Key.CLOSE)
    assert edit is not None
    return edit


def outlines(editor: Editor) -> list[tuple[Point, ...]]:
    return [annotation.outline for annotation in editor.document.annotations]


# drawing


def test_clicks_and_enter_make_a_polygon(editor: Editor) -> None:
    for point in SQUARE:
        assert click(editor, point) is None
    assert editor.state is State.DRAWING
    assert editor.preview.path == SQUARE
    edit = editor.handle(Key.CLOSE)
    assert edit == Edit(Document("study", "series"), editor.document, "draw SDH")
    assert editor.document.annotations == (Annotation("new1", "a", 0, "SDH", SQUARE),)
    assert editor.selection == "new1"
    assert editor.state is State.IDLE


def test_a_click_on_the_first_point_closes(editor: Editor) -> None:
    for point in SQUARE:
        click(editor, point)
    editor.handle(Move((21.0, 22.0), "a", 0, 3.0))
    assert editor.preview.closes
    assert click(editor, (21.0, 22.0)) is not None
    assert outlines(editor) == [SQUARE]


def test_a_double_click_closes_at_the_point_of_its_first_click(editor: Editor) -> None:
    for point in SQUARE:
        click(editor, point)
    assert editor.handle(DoubleClick(SQUARE[-1], "a", 0, 3.0)) is not None
    editor.handle(Release(SQUARE[-1], "a"))
    assert outlines(editor) == [SQUARE]


def test_a_double_click_that_comes_after_a_second_press_adds_no_point(editor: Editor) -> None:
    for point in (*SQUARE, SQUARE[-1]):
        click(editor, point)
    editor.handle(DoubleClick(SQUARE[-1], "a", 0, 3.0))
    assert outlines(editor) == [SQUARE]


def test_a_drag_from_the_first_press_draws_freehand(editor: Editor) -> None:
    path = [(20.0 + x, 20.0) for x in range(41)] + [(60.0, 20.0 + y) for y in range(1, 41)]
    path += [(60.0 - x, 60.0) for x in range(1, 41)] + [(20.0, 60.0 - y) for y in range(1, 37)]
    assert drag(editor, path) is not None
    [outline] = outlines(editor)
    assert area(outline) == pytest.approx(1600, rel=0.01)
    assert len(outline) < 12


def test_freehand_points_are_half_a_pixel_apart(editor: Editor) -> None:
    editor.handle(Press((20.0, 20.0), "a", 0, Modifier.NONE, 1.0))
    for step in range(100):
        editor.handle(Move((20.0 + 0.1 * step, 20.0), "a", 0, 1.0))
    assert len(editor.preview.path) <= 20


def test_a_trembling_click_sets_one_point(editor: Editor) -> None:
    drag(editor, [(20.0, 20.0), (24.0, 20.0), (24.0, 21.0)])
    assert editor.preview.path == ((20.0, 20.0),)


def test_clicks_and_drags_mix(editor: Editor) -> None:
    click(editor, SQUARE[0])
    drag(editor, [SQUARE[1], (60.0, 30.0), (60.0, 40.0), SQUARE[2]])
    assert editor.state is State.DRAWING
    click(editor, SQUARE[3])
    editor.handle(Key.CLOSE)
    assert area(outlines(editor)[0]) == pytest.approx(1600)


def test_backspace_takes_the_last_point_back_and_then_the_outline(editor: Editor) -> None:
    click(editor, SQUARE[0])
    click(editor, SQUARE[1])
    editor.handle(Key.BACKSPACE)
    assert editor.preview.path == SQUARE[:1]
    editor.handle(Key.BACKSPACE)
    assert editor.state is State.IDLE
    assert editor.handle(Key.BACKSPACE) is None


def test_undo_and_redo_go_point_by_point_while_drawing(editor: Editor) -> None:
    for point in SQUARE:
        click(editor, point)
    editor.handle(Key.UNDO)
    editor.handle(Key.UNDO)
    assert editor.preview.path == SQUARE[:2]
    assert editor.redo_text == "point"
    editor.handle(Key.REDO)
    assert editor.preview.path == SQUARE[:3]
    click(editor, (10.0, 10.0))
    editor.handle(Key.REDO)
    assert editor.preview.path == (*SQUARE[:3], (10.0, 10.0))


def test_escape_cancels_the_outline(editor: Editor) -> None:
    click(editor, SQUARE[0])
    editor.handle(Key.ESCAPE)
    assert editor.state is State.IDLE
    assert editor.document.annotations == ()


@pytest.mark.parametrize(
    ("points", "text"),
    [
        (SQUARE[:2], texts.TOO_FEW_POINTS),
        (((10.0, 10.0), (30.0, 10.0), (50.0, 10.0)), texts.NO_AREA),
    ],
)
def test_what_encloses_nothing_is_refused_and_stays_open(
    editor: Editor, points: tuple[Point, ...], text: str
) -> None:
    for point in points:
        click(editor, point)
    assert editor.handle(Key.CLOSE) is None
    assert editor.take_messages() == (text,)
    assert editor.take_messages() == ()
    assert editor.preview.path == points


def test_points_outside_the_image_go_to_its_border(editor: Editor) -> None:
    draw(editor, ((-5.0, -9.0), (120.0, 4.0), (50.0, 300.0)))
    assert outlines(editor) == [((0.0, 0.0), (100.0, 4.0), (50.0, 100.0))]


def test_a_crossed_outline_becomes_its_parts_and_says_so(editor: Editor) -> None:
    draw(editor, BOW_TIE)
    assert [round(area(outline)) for outline in outlines(editor)] == [400, 400]
    assert editor.take_messages() == (texts.SPLIT.format(count=2),)
    editor.handle(Key.UNDO)
    assert editor.document.annotations == ()


def test_slivers_without_a_pixel_do_not_become_polygons(editor: Editor) -> None:
    """The way to the square and the way back cross each other above the row of centres at y = 20.5."""
    draw(editor, [(10.0, 20.2), (30.0, 20.4), (30.0, 40.0), (50.0, 40.0), (50.0, 20.3), (4.0, 20.3)])
    (outline,) = outlines(editor)
    mask = polygon_mask(outline, (60, 60))
    assert mask[20:40, 30:50].all()
    assert mask.sum() == 20 * 20
    assert editor.take_messages() == (texts.REPAIRED,)


def test_a_crossed_outline_of_one_part_is_repaired_and_says_so(editor: Editor) -> None:
    draw(editor, ((20.0, 50.0), (80.0, 50.0), (30.0, 90.0), (50.0, 20.0), (70.0, 90.0)))
    assert len(editor.document.annotations) == 1
    assert editor.take_messages() == (texts.REPAIRED,)


def test_an_outline_stays_with_its_slice(editor: Editor) -> None:
    for point in SQUARE[:3]:
        click(editor, point)
    editor.handle(Move((5.0, 5.0), "b"))
    assert click(editor, (5.0, 5.0), sop="b") is None
    assert editor.handle(DoubleClick((5.0, 5.0), "b")) is None
    assert editor.take_messages() == (texts.OPEN_ELSEWHERE,) * 2
    assert editor.preview.path == SQUARE[:3]
    assert editor.preview.sop_uid == "a"
    editor.handle(Key.CLOSE)
    assert editor.document.annotations[0].sop_uid == "a"


# selecting, moving


def test_a_click_inside_selects_and_one_beside_deselects(editor: Editor) -> None:
    draw(editor, SQUARE)
    draw(editor, FAR)
    click(editor, (40.0, 40.0))
    assert editor.selection == "new1"
    assert editor.state is State.IDLE
    click(editor, (10.0, 80.0))
    assert editor.selection is None
    assert editor.state is State.DRAWING


def test_the_polygon_drawn_last_is_on_top_unless_another_is_selected(editor: Editor) -> None:
    draw(editor, SQUARE)
    draw(editor, ((30.0, 30.0), (50.0, 30.0), (50.0, 50.0), (30.0, 50.0)))
    editor.handle(Select(None))
    click(editor, (40.0, 40.0))
    assert editor.selection == "new2"
    editor.handle(Select("new1"))
    click(editor, (40.0, 40.0))
    assert editor.selection == "new1"


def test_ctrl_click_draws_inside_a_polygon(editor: Editor) -> None:
    draw(editor, SQUARE)
    click(editor, (40.0, 40.0), Modifier.CTRL)
    assert editor.preview.path == ((40.0, 40.0),)


def test_dragging_the_selected_polygon_moves_it_and_not_out_of_the_image(editor: Editor) -> None:
    draw(editor, SQUARE)
    edit = drag(editor, [(40.0, 40.0), (45.0, 42.0), (50.0, 43.0)])
    assert edit is not None
    assert edit.action == "move polygon"
    assert outlines(editor) == [tuple((x + 10, y + 3) for x, y in SQUARE)]
    drag(editor, [(50.0, 43.0), (50.0, -500.0)])
    assert min(y for _, y in outlines(editor)[0]) == 0


def test_a_polygon_that_is_not_selected_is_not_moved(editor: Editor) -> None:
    draw(editor, SQUARE)
    editor.handle(Select(None))
    assert drag(editor, [(40.0, 40.0), (50.0, 43.0)]) is None
    assert editor.selection == "new1"
    assert outlines(editor) == [SQUARE]


def test_the_document_changes_only_when_the_button_comes_up(editor: Editor) -> None:
    draw(editor, SQUARE)
    editor.handle(Press((20.0, 20.0), "a", 0, Modifier.NONE, 3.0))
    editor.handle(Move((10.0, 12.0), "a"))
    assert editor.state is State.DRAGGING_VERTEX
    assert editor.preview.changed is not None
    assert editor.preview.changed.outline[0] == (10.0, 12.0)
    assert outlines(editor) == [SQUARE]
    editor.handle(Release((10.0, 12.0), "a"))
    assert outlines(editor) == [((10.0, 12.0), *SQUARE[1:])]


def test_escape_takes_a_drag_back(editor: Editor) -> None:
    draw(editor, SQUARE)
    editor.handle(Press((20.0, 20.0), "a", 0, Modifier.NONE, 3.0))
    editor.handle(Move((10.0, 12.0), "a"))
    editor.handle(Key.ESCAPE)
    assert editor.handle(Release((10.0, 12.0), "a")) is None
    assert outlines(editor) == [SQUARE]
    assert editor.selection == "new1"


# vertices


def test_a_grabbed_vertex_keeps_its_distance_to_the_cursor(editor: Editor) -> None:
    draw(editor, SQUARE)
    drag(editor, [(21.0, 22.0), (11.0, 12.0)])
    assert outlines(editor)[0][0] == (10.0, 10.0)


def test_a_vertex_dragged_across_an_edge_splits_the_polygon_under_one_uid_and_a_new_one(
    editor: Editor,
) -> None:
    draw(editor, SQUARE)
    drag(editor, [SQUARE[0], (90.0, 50.0)])
    assert len(editor.document.annotations) == 2
    assert editor.document.annotations[0].uid == "new1"
    assert editor.take_messages() == (texts.SPLIT.format(count=2),)


def test_a_drag_that_leaves_no_area_is_refused(editor: Editor) -> None:
    draw(editor, FAR)
    assert drag(editor, [FAR[2], (80.0, 70.0)]) is None
    assert editor.take_messages() == (texts.WOULD_VANISH,)
    assert outlines(editor) == [FAR]


def test_alt_click_on_an_edge_inserts_a_vertex_that_can_be_dragged_on(editor: Editor) -> None:
    draw(editor, SQUARE)
    edit = click(editor, (40.0, 21.0), Modifier.ALT)
    assert edit is not None
    assert edit.action == "insert vertex"
    assert outlines(editor) == [(SQUARE[0], (40.0, 20.0), *SQUARE[1:])]
    editor.handle(Key.UNDO)
    drag(editor, [(40.0, 20.0), (40.0, 10.0)], Modifier.ALT)
    assert outlines(editor) == [(SQUARE[0], (40.0, 10.0), *SQUARE[1:])]


def test_a_double_click_on_an_edge_inserts_a_vertex(editor: Editor) -> None:
    draw(editor, SQUARE)
    click(editor, (20.5, 40.0))
    editor.handle(DoubleClick((20.5, 40.0), "a", 0, 3.0))
    assert outlines(editor) == [(*SQUARE, (20.0, 40.0))]


def test_a_double_click_on_a_vertex_or_beside_inserts_none(editor: Editor) -> None:
    draw(editor, SQUARE)
    assert editor.handle(DoubleClick((20.5, 20.5), "a", 0, 3.0)) is None
    assert editor.handle(DoubleClick((40.0, 40.0), "a", 0, 3.0)) is None
    assert outlines(editor) == [SQUARE]


def test_shift_click_deletes_a_vertex_down_to_three(editor: Editor) -> None:
    draw(editor, SQUARE)
    assert click(editor, (20.0, 20.0), Modifier.SHIFT) is not None
    assert outlines(editor) == [SQUARE[1:]]
    assert click(editor, SQUARE[1], Modifier.SHIFT) is None
    assert editor.take_messages() == (texts.THREE_POINTS_LEFT,)


def test_delete_takes_the_vertex_under_the_cursor_else_the_polygon(editor: Editor) -> None:
    draw(editor, SQUARE)
    editor.handle(Move((60.5, 59.5), "a", 0, 3.0))
    assert editor.preview.hovered_vertex == (0, 2)
    editor.handle(Key.DELETE)
    assert outlines(editor) == [(SQUARE[0], SQUARE[1], SQUARE[3])]
    editor.handle(Move((30.0, 30.0), "a", 0, 3.0))
    editor.handle(Key.DELETE)
    assert editor.document.annotations == ()
    assert editor.selection is None
    assert editor.handle(Key.DELETE) is None


def test_vertices_of_holes_move_too_and_a_hole_of_two_points_goes(editor: Editor) -> None:
    hole = ((30.0, 30.0), (40.0, 30.0), (40.0, 40.0))
    editor.add([Annotation("h", "a", 0, "IPH", SQUARE, holes=(hole,))], "import")
    click(editor, (25.0, 50.0))
    drag(editor, [hole[0], (32.0, 28.0)])
    assert editor.document.annotations[0].holes == (((32.0, 28.0), *hole[1:]),)
    click(editor, hole[1], Modifier.SHIFT)
    assert editor.document.annotations[0].holes == ()


def test_hover_names_polygon_and_edge(editor: Editor) -> None:
    draw(editor, SQUARE)
    editor.handle(Move((40.0, 21.0), "a", 0, 3.0))
    assert editor.preview.hovered == "new1"
    assert editor.preview.hovered_edge == (0, 0)
    assert editor.preview.cursor == (40.0, 20.0)
    editor.handle(Move((40.0, 21.0), "b", 0, 3.0))
    assert editor.preview.hovered is None
    assert editor.preview.hovered_edge is None
    assert editor.preview.cursor is None


# classes, marks, proposals


def test_the_subtype_goes_to_the_polygon_selected_by_hand_and_to_new_ones(editor: Editor) -> None:
    draw(editor, SQUARE)
    (drawn,) = editor.document.annotations
    assert editor.selection == drawn.uid
    assert editor.handle(ChooseSubtype("SAH")) is None
    assert editor.document.annotations == (drawn,)
    editor.handle(Select(drawn.uid))
    edit = editor.handle(ChooseSubtype("IPH"))
    assert edit is not None
    assert edit.action == "make IPH"
    assert editor.handle(ChooseSubtype("IPH")) is None
    draw(editor, FAR)
    assert [a.subtype for a in editor.document.annotations] == ["IPH", "IPH"]
    with pytest.raises(ValueError, match="subtype must be one of"):
        editor.handle(ChooseSubtype("ABC"))


def test_an_open_outline_gets_the_subtype_chosen_while_drawing(editor: Editor) -> None:
    click(editor, SQUARE[0])
    assert editor.handle(ChooseSubtype("SAH")) is None
    for point in SQUARE[1:]:
        click(editor, point)
    editor.handle(Key.CLOSE)
    assert editor.document.annotations[0].subtype == "SAH"


def test_a_changed_proposal_is_marked_as_edited_and_reviewed(editor: Editor) -> None:
    proposal = Annotation("p", "a", 0, "SDH", SQUARE, source="model", model_id="m1", reviewed=False)
    edit = editor.add([proposal], "accept findings")
    assert edit is not None
    assert edit.action == "accept findings"
    drag(editor, [SQUARE[0], (10.0, 10.0)])
    changed = editor.document.annotations[0]
    assert (changed.source, changed.model_id, changed.reviewed) == ("model edited", "m1", True)


def test_an_annotation_is_confirmed_without_becoming_edited(editor: Editor) -> None:
    editor.add([Annotation("p", "a", 0, "SDH", SQUARE, source="model", reviewed=False)], "accept findings")
    assert editor.handle(Confirm("p")) is not None
    assert editor.document.annotations[0].reviewed
    assert editor.document.annotations[0].source == "model"
    assert editor.handle(Confirm("p")) is None
    assert editor.handle(Confirm("nobody")) is None


def test_all_annotations_or_those_of_a_slice_are_confirmed_in_one_step(editor: Editor) -> None:
    proposals = [
        Annotation(uid, place, 0, "SDH", SQUARE, source="model", reviewed=False)
        for uid, place in (("p", "a"), ("q", "a"), ("r", "b"))
    ]
    editor.add(proposals, "accept findings")
    assert editor.handle(ConfirmAll("a")) is not None
    assert [a.reviewed for a in editor.document.annotations] == [True, True, False]
    assert editor.handle(ConfirmAll()) is not None
    assert all(a.reviewed and a.source == "model" for a in editor.document.annotations)
    assert editor.handle(ConfirmAll()) is None
    editor.handle(Key.UNDO)
    assert [a.reviewed for a in editor.document.annotations] == [True, True, False]


def test_a_slice_is_marked_free_of_hemorrhage_until_something_is_drawn_there(editor: Editor) -> None:
    assert editor.handle(MarkReviewed("a")) is not None
    assert editor.handle(MarkReviewed("a")) is None
    assert editor.document.reviewed_slices == {"a"}
    draw(editor, SQUARE)
    assert editor.document.reviewed_slices == frozenset()
    assert editor.handle(MarkReviewed("a")) is None
    assert editor.take_messages() == (texts.HAS_ANNOTATIONS,)
    editor.handle(Key.UNDO)
    assert editor.document.reviewed_slices == {"a"}
    editor.handle(MarkReviewed("a", False))
    assert editor.document.reviewed_slices == frozenset()


def test_frames_of_one_file_are_marked_confirmed_and_emptied_one_by_one(editor: Editor) -> None:
    first, second = slice_name("a", 0), slice_name("a", 1)
    assert editor.handle(MarkReviewed(first)) is not None
    assert editor.handle(MarkReviewed(second)) is not None
    editor.add([Annotation("p", "a", 1, "SDH", SQUARE, reviewed=False)], "accept")
    assert editor.document.reviewed_slices == {first}
    assert editor.handle(MarkReviewed(second)) is None
    assert editor.take_messages() == (texts.HAS_ANNOTATIONS,)
    editor.handle(ConfirmAll(first))
    assert not editor.document.annotations[0].reviewed
    editor.handle(RemoveAll(first))
    assert len(editor.document.annotations) == 1
    editor.handle(ConfirmAll(second))
    assert editor.document.annotations[0].reviewed
    editor.handle(RemoveAll(second))
    assert editor.document.annotations == ()


def test_an_annotation_is_removed_by_uid_from_a_list(editor: Editor) -> None:
    draw(editor, SQUARE)
    draw(editor, FAR)
    edit = editor.handle(Remove("new1"))
    assert edit is not None
    assert edit.action == "delete SDH"
    assert outlines(editor) == [FAR]
    assert editor.selection == "new2"
    assert editor.handle(Remove("new1")) is None


# undo


def test_every_kind_of_edit_is_undone_and_redone(editor: Editor) -> None:
    states = [editor.document]

    def note(edit: Edit | None) -> None:
        assert edit is not None
        assert edit.previous == states[-1]
        assert edit.document == editor.document
        states.append(editor.document)

    note(draw(editor, SQUARE))
    note(drag(editor, [SQUARE[0], (10.0, 10.0)]))
    note(click(editor, (60.0, 40.0), Modifier.ALT))
    note(drag(editor, [(50.0, 50.0), (55.0, 52.0)]))
    editor.handle(Select(editor.selection))
    note(editor.handle(ChooseSubtype("EDH")))
    note(editor.handle(Remove("new1")))
    note(editor.handle(MarkReviewed("z")))
    note(editor.add([Annotation("p", "b", 0, "SDH", SQUARE, source="model")], "accept findings"))
    note(editor.replace_document(Document("study", "series"), "delete all"))
    for state in states[-2::-1]:
        assert editor.undo_text
        edit = editor.handle(Key.UNDO)
        assert edit is not None
        assert edit.action.startswith("undo ")
        assert editor.document == state
    assert editor.handle(Key.UNDO) is None
    for state in states[1:]:
        assert editor.handle(Key.REDO) is not None
        assert editor.document == state
    assert editor.handle(Key.REDO) is None


def test_undo_of_a_deletion_brings_the_order_back(editor: Editor) -> None:
    draw(editor, SQUARE)
    draw(editor, FAR)
    editor.handle(Remove("new1"))
    editor.handle(Key.UNDO)
    assert [a.uid for a in editor.document.annotations] == ["new1", "new2"]


def test_a_new_edit_forgets_what_could_be_redone(editor: Editor) -> None:
    draw(editor, SQUARE)
    editor.handle(Key.UNDO)
    draw(editor, FAR)
    assert editor.redo_text == ""
    assert editor.handle(Key.REDO) is None


def test_undo_forgets_the_oldest_step_when_memory_is_spent() -> None:
    editor = Editor(shape=(100, 100), undo_bytes=20_000)
    ring = (*tuple((float(x), 10.0 + x % 2) for x in range(90)), (89.0, 50.0), (0.0, 50.0))
    for number in range(20):
        editor.add([Annotation(str(number), "a", 0, "SDH", ring)], "import")
        editor.replace_document(Document(), "delete all")
    undone = 0
    while editor.handle(Key.UNDO):
        undone += 1
    assert 1 <= undone < 10


def test_the_last_step_can_be_undone_however_large() -> None:
    editor = Editor(undo_bytes=1)
    editor.add([Annotation("1", "a", 0, "SDH", SQUARE)], "import")
    assert editor.handle(Key.UNDO) is not None


def test_undo_keeps_an_outline_that_is_open(editor: Editor) -> None:
    draw(editor, SQUARE)
    click(editor, (80.0, 80.0))
    editor.handle(Key.UNDO)
    assert editor.state is State.IDLE
    assert outlines(editor) == [SQUARE]


# what others do meanwhile


def test_undo_takes_back_ones_own_work_and_not_that_of_others(editor: Editor) -> None:
    """A document of two squares grows by a third from elsewhere; undo and redo go past it."""
    for number, ring in enumerate((SQUARE, FAR)):
        editor.add([Annotation(f"m{number}", "a", 0, "SDH", ring)], "draw SDH")
    theirs = Annotation("t", "b", 0, "IPH", FAR)

    def with_theirs(document: Document) -> Document:
        return replace(document, annotations=(*document.annotations, theirs))

    def uids() -> list[str]:
        return [annotation.uid for annotation in editor.document.annotations]

    assert editor.catch_up(with_theirs(editor.document), with_theirs)
    assert uids() == ["m0", "m1", "t"]
    editor.handle(Key.UNDO)
    assert uids() == ["m0", "t"]
    editor.handle(Key.UNDO)
    assert uids() == ["t"]
    editor.handle(Key.REDO)
    editor.handle(Key.REDO)
    assert uids() == ["m0", "m1", "t"]
    editor.handle(Key.UNDO)
    assert uids() == ["m0", "t"]


def test_what_others_deleted_is_no_longer_selected_and_nothing_changes_in_a_stroke(editor: Editor) -> None:
    editor.add([Annotation("m", "a", 0, "SDH", SQUARE)], "draw SDH")
    editor.handle(Select("m"))
    empty = replace(editor.document, annotations=())
    editor.handle(Press((70.0, 70.0), "a"))
    editor.handle(Release((70.0, 70.0), "a"))
    assert not editor.catch_up(empty, lambda document: document)
    editor.handle(Key.ESCAPE)
    assert editor.catch_up(empty, lambda _: empty)
    assert editor.selection is None
    editor.handle(Key.UNDO)
    assert editor.document == empty
