"""Slices of known content for the tools that look at pixels, and a hand that uses the mouse on them."""

import itertools
from collections.abc import Sequence

import numpy as np

from viewer.annotation.document import Annotation, Document, Point
from viewer.annotation.editor import Editor
from viewer.annotation.events import ChooseTool, Edit, Modifier, Move, Press, Release
from viewer.annotation.options import ToolName
from viewer.annotation.raster import Mask, annotation_mask, slice_labels
from viewer.annotation.stack import Stack

SHAPE = (100, 120)
MIDDLE = (60.0, 50.0)
"""Of the head and of the clot in it, (column, row)."""
BRAIN_HU, CLOT_HU, BONE_HU = 30, 65, 1000
SKULL_PX = (40.0, 45.0)
CLOT_PX = 15.0


def disc(middle: Point, radius: float, shape: tuple[int, int] = SHAPE) -> Mask:
    """The pixels whose centre is no further than `radius` from a point."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return np.asarray(np.hypot(columns - middle[0], rows - middle[1]) <= radius)


def head(clot_px: float = CLOT_PX, middle: Point = MIDDLE) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """A round skull with brain and a round clot, without noise."""
    hu = np.full(SHAPE, -1000, np.int16)
    hu[disc(MIDDLE, SKULL_PX[1])] = BONE_HU
    hu[disc(MIDDLE, SKULL_PX[0])] = BRAIN_HU
    if clot_px:
        hu[disc(middle, clot_px)] = CLOT_HU
    return hu


def stack_of(
    *slices: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
    spacing_mm: tuple[float, float] = (1.0, 1.0),
    heights_mm: Sequence[float] = (),
) -> Stack:
    """Loaded slices with the names "0", "1", …"""
    places = tuple((str(number), 0) for number in range(len(slices)))
    return Stack(np.stack(slices), np.ones(len(slices), np.bool_), places, spacing_mm, tuple(heights_mm))


def new_editor(stack: Stack | None = None, tool: ToolName = ToolName.POLYGON, *drawn: Annotation) -> Editor:
    """An editor that counts its new polygons: n1, n2, …"""
    numbers = itertools.count(1)
    document = Document("study", "series", drawn)
    shape = None if stack else SHAPE
    editor = Editor(document, shape=shape, stack=stack, new_uid=lambda: f"n{next(numbers)}")
    editor.handle(ChooseTool(tool))
    return editor


def square(
    uid: str, left: float, top: float, size: float = 20.0, subtype: str = "SDH", sop: str = "0"
) -> Annotation:
    """A square annotation."""
    right, bottom = left + size, top + size
    return Annotation(uid, sop, 0, subtype, ((left, top), (right, top), (right, bottom), (left, bottom)))


def drag(
    editor: Editor, *points: Point, sop: str = "0", held: Modifier = Modifier.NONE, reach: float = 3.0
) -> Edit | None:
    """The button down at the first point, the mouse over all of them, the button up at the last."""
    edit = editor.handle(Press(points[0], sop, 0, held, reach))
    for point in points:
        assert editor.handle(Move(point, sop, 0, reach)) is None
    return editor.handle(Release(points[-1], sop)) or edit


def click(editor: Editor, *points: Point, sop: str = "0", held: Modifier = Modifier.NONE) -> Edit | None:
    """One click at each point; the last edit."""
    edit = None
    for point in points:
        edit = drag(editor, point, sop=sop, held=held) or edit
    return edit


def mask_of(editor: Editor, sop: str = "0", shape: tuple[int, int] = SHAPE) -> Mask:
    """The pixels of all annotations of a slice."""
    return np.asarray(slice_labels(editor.document, sop, shape) > 0)


def pixels(annotation: Annotation) -> Mask:
    """The pixels of one annotation."""
    return annotation_mask(annotation, SHAPE)
