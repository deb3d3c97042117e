"""What every drawing tool is."""

from dataclasses import replace
from typing import ClassVar

from viewer.annotation.changes import clipped
from viewer.annotation.core import Core
from viewer.annotation.document import Point
from viewer.annotation.events import DoubleClick, Edit, Key, Move, Press, Release
from viewer.annotation.options import ToolName
from viewer.annotation.preview import Ellipse, Preview, State


class Tool:
    """What the left button does. A tool holds no more than the gesture in hand; the document is its core's.

    Points come as they are: outside the image where the mouse is.
    """

    name: ClassVar[ToolName]

    def __init__(self, core: Core) -> None:
        self.core = core

    @property
    def state(self) -> State:
        """What the tool is in the middle of."""
        return State.IDLE

    @property
    def undo_text(self) -> str:
        """What undo takes back within the gesture in hand; empty: undo is the document's."""
        return ""

    @property
    def redo_text(self) -> str:
        """What redo does again within the gesture in hand."""
        return ""

    @property
    def redoes(self) -> bool:
        """Whether redo is the gesture's at all."""
        return bool(self.undo_text)

    def press(self, event: Press) -> Edit | None:
        """The left button goes down."""

    def move(self, event: Move) -> None:
        """The cursor moves, with or without the button."""

    def release(self, event: Release) -> Edit | None:
        """The left button comes up."""

    def double_click(self, event: DoubleClick) -> Edit | None:
        """The second press of a double click."""

    def leave(self) -> None:
        """The cursor has left the slice."""

    def key(self, key: Key) -> tuple[bool, Edit | None]:
        """A command for the gesture in hand: whether the tool took it, and the edit it made. Escape and undo cancel a
        stroke, and no more than that."""
        if key in (Key.ESCAPE, Key.UNDO, Key.REDO) and self.state is not State.IDLE:
            self.cancel()
            return True, None
        return False, None

    def finish(self) -> Edit | None:
        """Another tool is chosen: keep of the gesture in hand what can be kept."""
        self.cancel()
        return None

    def cancel(self) -> None:
        """Forget the gesture in hand."""

    def reset(self) -> None:
        """The document has changed: forget what lay under the cursor."""
        self.cancel()

    def preview(self, base: Preview) -> Preview:
        """`base`, and what this tool wants drawn."""
        return base


class RoundTool(Tool):
    """A tool with a disc of some mm around the cursor."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self.cursor: Point | None = None

    @property
    def diameter_mm(self) -> float:
        """How wide the disc is."""
        raise NotImplementedError

    @property
    def radii_px(self) -> tuple[float, float]:
        """Of the disc: pixels across and down."""
        down_mm, right_mm = self.core.spacing_mm
        return (self.diameter_mm / 2 / right_mm, self.diameter_mm / 2 / down_mm)

    def leave(self) -> None:
        """The cursor has left the slice."""
        self.cursor = None

    def preview(self, base: Preview) -> Preview:
        """The disc at the cursor."""
        if self.cursor is None:
            return base
        return replace(base, brush=Ellipse(self.cursor, *self.radii_px))

    def inside(self, point: Point) -> Point:
        """The point, or the nearest one of the image."""
        return clipped(point, self.core.image)
