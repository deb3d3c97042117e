"""What goes into the editor: the mouse in image-relative coordinates, keys, commands. What comes out: edits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag

from viewer.annotation.document import Annotation, Document, Point
from viewer.annotation.options import Combination, Layer, Overlap, ToolName, ToolOptions
from viewer.annotation.preview import Ellipse, Handle, Patch, Preview, State
from viewer.findings.verdict import Verdict

__all__ = ["Ellipse", "Handle", "Patch", "Preview", "State"]


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
    """Mark a slice as "reviewed: no hemorrhage", or take the mark back. slice_name: see `document.slice_name`, here and
    below."""

    slice_name: str
    reviewed: bool = True


@dataclass(frozen=True)
class Confirm:
    """Say of one annotation that a reader has looked at it, or that nobody has."""

    uid: str
    reviewed: bool = True


@dataclass(frozen=True)
class ConfirmAll:
    """Say of every annotation, or of those on one slice, that a reader has looked at it."""

    slice_name: str | None = None


@dataclass(frozen=True)
class Leave:
    """The cursor has left the slice."""


@dataclass(frozen=True)
class ChooseTool:
    """Draw with this tool from now on. An open outline of another tool stays until it is closed or cancelled."""

    name: ToolName


@dataclass(frozen=True)
class SetOptions:
    """Set what can be set of a tool; the type says of which."""

    options: ToolOptions


@dataclass(frozen=True)
class ChooseCombination:
    """What becomes of shapes drawn from now on."""

    combination: Combination


@dataclass(frozen=True)
class SetOverlap:
    """What happens from now on where a new shape meets another subtype."""

    overlap: Overlap


@dataclass(frozen=True)
class SetLayer:
    """Lock or hide a subtype."""

    code: str
    layer: Layer


@dataclass(frozen=True)
class Merge:
    """Unite, subtract or intersect: the first annotation with all the others, which go."""

    combination: Combination
    uids: tuple[str, ...]


@dataclass(frozen=True)
class Separate:
    """Make every part of an annotation one of its own."""

    uid: str


@dataclass(frozen=True)
class Transform:
    """Scale about its middle, turn clockwise, then move the selected annotation, in pixels and degrees."""

    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0
    degrees: float = 0.0


@dataclass(frozen=True)
class Simplify:
    """Leave out points of an annotation that say nothing: none further than half a pixel from the new outline."""

    uid: str


@dataclass(frozen=True)
class Snap:
    """Fill the gap between an annotation and the inner table of the skull, and take it off the bone."""

    uid: str


@dataclass(frozen=True)
class CopyTo:
    """Copy one annotation, or all on the slice (`sop_uid`, `frame`), to the slice `step` further up."""

    step: int
    uid: str | None = None
    sop_uid: str = ""
    frame: int = 0


@dataclass(frozen=True)
class Interpolate:
    """Propose a subtype's outlines on the slices between those that have it: ghosts, until they are accepted.

    uid: only between this annotation's slice and its neighbours above and below.
    """

    subtype: str
    uid: str | None = None


@dataclass(frozen=True)
class AcceptGhosts:
    """Keep what was interpolated: on one slice, or all of it."""

    sop_uid: str | None = None
    frame: int = 0


@dataclass(frozen=True)
class DropGhosts:
    """Forget what was interpolated."""


@dataclass(frozen=True)
class Group:
    """The proposals of one of the model's regions, by uid, and the verdict on it once none of them is open."""

    uids: frozenset[str]
    accepted: Verdict
    rejected: Verdict


@dataclass(frozen=True)
class SetProposals:
    """Show these shapes of the model on their own layer, instead of those before.

    rejections: by uid the verdict that keeps a proposal rejected. groups: which of them make up a region.
    """

    proposals: tuple[Annotation, ...]
    rejections: Mapping[str, Verdict] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True)
class Accept:
    """Make proposals annotations: those that fit what is given, all when nothing is.

    uids: these alone, rejected before or not. action: what it is called.
    """

    uid: str | None = None
    slice_name: str | None = None
    subtype: str | None = None
    uids: frozenset[str] | None = None
    action: str = ""


@dataclass(frozen=True)
class Reject:
    """Take proposals off their layer: those that fit what is given, all when nothing is."""

    uid: str | None = None
    slice_name: str | None = None
    subtype: str | None = None


@dataclass(frozen=True)
class Reopen:
    """Take back the verdict with this uid on a region, and the rejection of its proposals `uids`."""

    verdict: str
    uids: frozenset[str]
    action: str


@dataclass(frozen=True)
class RemoveAll:
    """Delete annotations: those that fit what is given, all when nothing is. Locked subtypes stay."""

    slice_name: str | None = None
    subtype: str | None = None


Mouse = Press | Move | Release | DoubleClick | Leave
Setting = ChooseTool | SetOptions | ChooseCombination | SetOverlap | SetLayer | Select | SetProposals
Command = (
    ChooseSubtype
    | Remove
    | MarkReviewed
    | Confirm
    | ConfirmAll
    | Merge
    | Separate
    | Transform
    | Simplify
    | Snap
    | CopyTo
    | Interpolate
    | AcceptGhosts
    | DropGhosts
    | Accept
    | Reject
    | Reopen
    | RemoveAll
)
Event = Mouse | Key | Setting | Command


@dataclass(frozen=True)
class Edit:
    """The document changed: what it was, what it is, and in a few words what was done. To be saved at once."""

    previous: Document
    document: Document
    action: str
