"""Whatever the hand does, the document stays valid and everything can be undone."""

import itertools
from collections.abc import Callable

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import CODES
from viewer.annotation.document import Annotation, Document
from viewer.annotation.editor import Editor
from viewer.annotation.events import (
    ChooseSubtype,
    Confirm,
    ConfirmAll,
    DoubleClick,
    Event,
    Key,
    MarkReviewed,
    Modifier,
    Move,
    Press,
    Release,
    Remove,
    Select,
)
from viewer.annotation.raster import slice_labels
from viewer.library.merge import apply_json, difference

SHAPE = (40, 50)
# A coarse grid, so that hands hit vertices, edges and first points often; some points beside the image.
points = st.tuples(st.integers(-1, 11), st.integers(-1, 9)).map(lambda p: (p[0] * 5.0, p[1] * 5.0))
slices = st.sampled_from("aaaab")
modifiers = st.sampled_from([Modifier.NONE, Modifier.NONE, Modifier.CTRL, Modifier.ALT, Modifier.SHIFT])
uids = st.integers(1, 6).map(str)


def presses(sop: str, point: tuple[float, float], held: Modifier) -> list[Event]:
    return [Press(point, sop, 0, held, 3.0), Release(point, sop)]


def drags(sop: str, path: list[tuple[float, float]], held: Modifier) -> list[Event]:
    return [Press(path[0], sop, 0, held, 3.0), *(Move(p, sop, 0, 3.0) for p in path), Release(path[-1], sop)]


def polygons(sop: str, path: list[tuple[float, float]]) -> list[Event]:
    first, *rest = [presses(sop, p, Modifier.NONE) for p in path]
    return [Press(path[0], sop, 0, Modifier.CTRL, 3.0), first[1], *itertools.chain(*rest), Key.CLOSE]


single: Callable[[Event], list[Event]] = lambda event: [event]  # noqa: E731
actions = st.one_of(
    st.builds(presses, slices, points, modifiers),
    st.builds(drags, slices, st.lists(points, min_size=2, max_size=8), modifiers),
    st.builds(polygons, slices, st.lists(points, min_size=3, max_size=8)),
    st.builds(polygons, slices, st.lists(points, min_size=3, max_size=8)),
    st.builds(DoubleClick, points, slices, tolerance_px=st.just(3.0)).map(single),
    st.builds(Move, points, slices, tolerance_px=st.just(3.0)).map(single),
    st.builds(Press, points, slices, modifiers=modifiers).map(single),
    st.builds(Release, points, slices).map(single),
    st.sampled_from(list(Key)).map(single),
    st.sampled_from(CODES).map(ChooseSubtype).map(single),
    uids.map(Select).map(single),
    uids.map(Remove).map(single),
    st.builds(Confirm, uids, st.booleans()).map(single),
    st.builds(ConfirmAll, st.none() | slices).map(single),
    st.builds(MarkReviewed, slices, st.booleans()).map(single),
)
sequences = st.lists(actions, max_size=25).map(lambda groups: list(itertools.chain(*groups)))


def new_editor() -> Editor:
    numbers = itertools.count(1)
    start = Document(
        "study",
        "series",
        (
            Annotation(
                "0", "a", 0, "IPH", ((5.0, 5.0), (45.0, 5.0), (45.0, 35.0), (5.0, 35.0)), source="model"
            ),
        ),
        frozenset("c"),
    )
    return Editor(start, shape=SHAPE, new_uid=lambda: str(next(numbers)))


def assert_valid(document: Document) -> None:
    for annotation in document.annotations:
        polygon = shapely.Polygon(annotation.outline, annotation.holes)
        assert polygon.is_valid
        assert polygon.area > 0
        assert all(0 <= x <= SHAPE[1] and 0 <= y <= SHAPE[0] for x, y in annotation.outline)
        assert annotation.sop_uid not in document.reviewed_slices


@given(sequences)
@settings(max_examples=250, deadline=None)
def test_any_sequence_of_events_leaves_a_valid_document(events: list[Event]) -> None:
    editor = new_editor()
    for event in events:
        before = editor.document
        edit = editor.handle(event)
        assert (edit is None) == (editor.document is before)
        if edit:
            assert edit.previous is before
            assert edit.document is editor.document
            assert edit.action
            assert edit.document != edit.previous
            assert_valid(edit.document)
        assert editor.selection is None or editor.document.find(editor.selection)
        preview = editor.preview
        assert all(0 <= x <= SHAPE[1] and 0 <= y <= SHAPE[0] for x, y in preview.path)
    slice_labels(editor.document, "a", SHAPE)


@given(sequences)
@settings(max_examples=100, deadline=None)
def test_undoing_everything_returns_to_the_start_and_redoing_to_the_end(events: list[Event]) -> None:
    editor = new_editor()
    start = editor.document
    for event in events:
        editor.handle(event)
    editor.handle(Key.ESCAPE)
    end = editor.document
    while editor.undo_text:
        assert editor.handle(Key.UNDO)
    assert editor.document == start
    while editor.redo_text:
        assert editor.handle(Key.REDO)
    # What had been undone on the way is redone too, so "the end" is reached or passed.
    assert editor.document == end or any(event is Key.UNDO for event in events)


@given(sequences)
@settings(max_examples=100, deadline=None)
def test_differences_replayed_give_the_same_document(events: list[Event]) -> None:
    editor = new_editor()
    replayed = editor.document
    for event in events:
        edit = editor.handle(event)
        if edit:
            replayed = apply_json(replayed, difference(edit.previous, edit.document).to_json()[1])
    assert replayed == editor.document
