"""What goes into the editor and what comes out: events in image-relative coordinates, edits, the preview."""

from dataclasses import dataclass
from enum import Enum, Flag, StrEnum

from viewer.annotation.document import Annotation, Document, Point
from viewer.annotation.geometry import Vertex


class Modifier(Flag):
    """Keys held while the mouse button goes down."""

    NONE = 0
    SHIFT = 1
    CTRL = 2
    ALT = 4


class Key(Enum):
    """Commands that keys give the editor."""

    CLOSE = "close"
    BACKSPACE = "backspace"
    ESCAPE = "escape"
    DELETE = "delete"
    UNDO = "undo"
    REDO = "redo"


class State(StrEnum):
    """What the editor is in the middle of."""

    IDLE = "idle"
    DRAWING = "drawing"
    DRAGGING_VERTEX = "dragging vertex"
    MOVING = "moving polygon"


@dataclass(frozen=True)
class Press:
    """The left button goes down. `tolerance_px`: how near counts as on it, in image pixels."""

    point: Point
    sop_uid: str
    frame: int = 0
    modifiers: Modifier = Modifier.NONE
    tolerance_px: float = 5.0


@dataclass(frozen=True)
class Move:
    """The cursor moves, with or without the button."""

    point: Point
    sop_uid: str
    frame: int = 0
    tolerance_px: float = 5.0


@dataclass(frozen=True)
class Release:
    """The left button comes up."""

    point: Point
    sop_uid: str
    frame: int = 0


@dataclass(frozen=True)
class DoubleClick:
    """The second press of a double click; it comes instead of a second `Press`, or after it."""

    point: Point
    sop_uid: str
    frame: int = 0
    tolerance_px: float = 5.0


@dataclass(frozen=True)
class Select:
    """Select an annotation from a list, or nothing."""

    uid: str | None


@dataclass(frozen=True)
class ChooseSubtype:
    """Give the selected annotation, and those drawn from now on, this subtype."""

    code: str


@dataclass(frozen=True)
class Remove:
    """Delete one annotation by its uid."""

    uid: str


@dataclass(frozen=True)
class MarkReviewed:
    """Mark a slice as "reviewed: no hemorrhage", or take the mark back."""

    sop_uid: str
    reviewed: bool = True


@dataclass(frozen=True)
class Confirm:
    """Say of one annotation that a reader has looked at it, or that nobody has."""

    uid: str
    reviewed: bool = True


@dataclass(frozen=True)
class ConfirmAll:
    """Say of every annotation, or of those on one slice, that a reader has looked at it."""

    sop_uid: str | None = None


Event = (
    Press
    | Move
    | Release
    | DoubleClick
    | Key
    | Select
    | ChooseSubtype
    | Remove
    | MarkReviewed
    | Confirm
    | ConfirmAll
)


@dataclass(frozen=True)
class Edit:
    """The document changed: what it was, what it is, and in a few words what was done. To be saved at once."""

    previous: Document
    document: Document
    action: str


@dataclass(frozen=True)
class Preview:
    """What to draw over the document while the mouse is at work.

    path: the open outline on slice `sop_uid`.
    cursor: the end of the rubber band, or the place on `hovered_edge` where a vertex would be inserted.
    closes: a click now closes the outline.
    changed: the annotation under a drag as it would be; draw it instead of the one with its uid.
    hovered_vertex, hovered_edge: (ring, index) of the selected annotation, under the cursor.
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
