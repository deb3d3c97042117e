"""What to draw over the document while the mouse is at work."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from viewer.annotation.document import Annotation, Point
from viewer.annotation.geometry import Vertex
from viewer.annotation.options import ToolName


class State(StrEnum):
    """What the editor is in the middle of."""

    IDLE = "idle"
    DRAWING = "drawing"
    DRAGGING_VERTEX = "dragging vertex"
    MOVING = "moving polygon"
    SHAPING = "shaping"
    """A stroke, a region or a line that becomes an edit when the button comes up."""
    GHOSTS = "interpolated"
    """Interpolated outlines wait to be accepted."""


@dataclass(frozen=True, eq=False)
class Patch:
    """Pixels that a tool would add or (erases) take away: mask bool (rows, columns), its first pixel at left, top."""

    left: int
    top: int
    mask: npt.NDArray[np.bool_]
    erases: bool = False


@dataclass(frozen=True)
class Ellipse:
    """The reach of a brush in pixels: round in mm, so an ellipse where pixels are not square."""

    centre: Point
    radius_x: float
    radius_y: float


@dataclass(frozen=True)
class Handle:
    """A grip to pull. kind: `scale` (a corner), `rotate`."""

    kind: str
    point: Point


@dataclass(frozen=True)
class Preview:
    """What to draw over the document while the mouse is at work.

    path: the open outline on slice `sop_uid`; anchors: which of its points were clicked, where a livewire runs.
    tail: the wire from its last point to the cursor.
    cursor: the end of the rubber band, or the place on `hovered_edge` where a vertex would be inserted.
    closes: a click now closes the outline.
    changed: the annotation under a drag as it would be; draw it instead of the one with its uid.
    hovered_vertex, hovered_edge: (ring, index) of the selected annotation, under the cursor.
    picked: vertices of the selected annotation that move and go together. box: corners of the box that picks them.
    line: from where to where a cut runs. note: a few words for beside the cursor.
    ghosts: interpolated annotations, of all slices.
    """

    state: State = State.IDLE
    sop_uid: str = ""
    frame: int = 0
    subtype: str = ""
    path: tuple[Point, ...] = ()
    cursor: Point | None = None
    closes: bool = False
    changed: Annotation | None = None
    selected: str | None = None
    hovered: str | None = None
    hovered_vertex: Vertex | None = None
    hovered_edge: Vertex | None = None
    tool: ToolName = ToolName.POLYGON
    tail: tuple[Point, ...] = ()
    anchors: tuple[Point, ...] = ()
    patch: Patch | None = None
    brush: Ellipse | None = None
    picked: frozenset[Vertex] = field(default=frozenset())
    box: tuple[Point, Point] | None = None
    line: tuple[Point, Point] | None = None
    handles: tuple[Handle, ...] = ()
    ghosts: tuple[Annotation, ...] = ()
    note: str = ""
