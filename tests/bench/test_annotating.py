"""The gestures that are timed do the work they stand for."""

from pathlib import Path

import pytest

from viewer.annotation.editor import Editor
from viewer.annotation.events import Edit, Event, Interpolate, Press
from viewer.annotation.options import ToolName
from viewer.annotation.stack import Stack
from viewer.bench import annotating, run


@pytest.fixture(scope="module")
def stack() -> Stack:
    return annotating._stack()


def edits(editor: Editor, events: list[Event]) -> list[str]:
    found = [editor.handle(event) for event in events]
    return [edit.action for edit in found if isinstance(edit, Edit)]


def test_every_number_has_a_probe_that_fills_it() -> None:
    names = {promise.name for promise in annotating.PROMISES}
    assert {name for _, rows, _ in annotating.PROBES for name in rows} == names
    assert {probe for probe, _, _ in annotating.PROBES} == set(annotating.CHILD)
    assert names < {promise.name for promise in run.PROMISES}


def test_the_drags_move_a_vertex_and_then_the_whole(stack: Stack) -> None:
    editor = Editor(annotating._circled(), stack=stack)
    assert edits(editor, list(annotating._drags())) == ["move vertex", "move polygon"]


@pytest.mark.parametrize(("tool", "action"), [(ToolName.BRUSH, "paint SDH"), (ToolName.PUSH, "push")])
def test_the_strokes_paint_and_push(stack: Stack, tool: ToolName, action: str) -> None:
    document = annotating._circled() if tool is ToolName.PUSH else None
    assert edits(Editor(document, stack=stack), list(annotating._stroke(tool, 200))) == [action]


def test_the_region_grows_on_one_slice_and_through_all(stack: Stack) -> None:
    one = Editor(stack=stack)
    edits(one, list(annotating._grow(through=False)))
    assert [a.sop_uid for a in one.document.annotations] == ["20"]
    through = Editor(stack=stack)
    edits(through, list(annotating._grow(through=True)))
    assert len(through.document.annotations) > 10


def test_the_click_fills_and_twenty_slices_are_interpolated(stack: Stack) -> None:
    editor = Editor(stack=stack)
    assert edits(editor, [*annotating._choose(ToolName.FILL), Press(annotating.BLEED, annotating.SOP)]) == [
        "fill SDH"
    ]
    gap = Editor(annotating._gap(), stack=stack)
    gap.handle(Interpolate("SDH"))
    assert len(gap.preview.ghosts) == 20


def test_the_wire_is_led_around_the_bleed(stack: Stack) -> None:
    editor = Editor(stack=stack)
    edits(editor, list(annotating._wire()))
    assert len(editor.preview.anchors) == 6
    assert len(editor.preview.tail) > 100


def test_the_peer_is_timed() -> None:
    assert annotating.raster_peer(Path())["peer"] > 0
