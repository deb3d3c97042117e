"""Draw outlines; what is there can be changed as with the edit tool.

- Click beside everything starts an outline, each further click adds a point, a drag adds points as it goes.
  A click on the first point, a double click or Enter closes it. A drag from the first press on is a freehand
  outline and closes when the button comes up.
- Ctrl+click starts an outline inside a polygon; a drag with Shift beside everything picks vertices of the selected
  polygon.
- Backspace takes the last point of an open outline back, Esc cancels it. Undo and redo while drawing go point
  by point.
"""

from dataclasses import replace

from viewer.annotation import words
from viewer.annotation.changes import clipped
from viewer.annotation.core import Core
from viewer.annotation.events import DoubleClick, Edit, Key, Modifier, Move, Press, Release
from viewer.annotation.geometry import repair
from viewer.annotation.gestures import MOST_POINTS, OpenPath
from viewer.annotation.options import Combination, ToolName
from viewer.annotation.preview import Preview, State
from viewer.annotation.raster import with_pixels
from viewer.annotation.tools.edit import EditTool

LEAST_POINTS = 3


class PolygonTool(EditTool):
    """Click and freehand outlines."""

    name = ToolName.POLYGON
    has_grips = False
    action = "draw"

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._path: OpenPath | None = None

    @property
    def state(self) -> State:
        """What the tool is in the middle of."""
        return State.DRAWING if self._path else super().state

    @property
    def undo_text(self) -> str:
        """The last point of an open outline."""
        return "point" if self._path else ""

    @property
    def redo_text(self) -> str:
        """The point taken back last."""
        return "point" if self._path and self._path.taken_back else ""

    @property
    def combination(self) -> Combination:
        """What becomes of the outline."""
        return self.core.combination

    def press(self, event: Press) -> Edit | None:
        """Add a point to the open outline, else as the edit tool."""
        if self._path is None:
            return super().press(event)
        if self._path.place != (event.sop_uid, event.frame):
            self.core.tell(words.OPEN_ELSEWHERE)
            return None
        point = clipped(event.point, self.core.image)
        return self.close() if self._path.press(point, event.tolerance_px) else None

    def begin(self, event: Press) -> Edit | None:
        """Start an outline; with Shift pick vertices."""
        if Modifier.SHIFT in event.modifiers and self.core.selected_here:
            return super().begin(event)
        if self.combination is Combination.NEW:
            self.core.selection = None
            if not self.core.may_change(self.core.subtype):
                return None
        elif self.core.selected_here is None:
            self.core.tell(words.SELECT_FIRST)
            return None
        self._path = self.open_path(event)
        return None

    def open_path(self, event: Press) -> OpenPath | None:
        """The outline that a press starts; None where it cannot."""
        return OpenPath.begin(self.core.place, event.point, event.tolerance_px)

    def move(self, event: Move) -> None:
        """Lead the open outline, else as the edit tool."""
        if self._path is None:
            super().move(event)
        elif self._path.place == (event.sop_uid, event.frame):
            self._path.move(clipped(event.point, self.core.image), event.tolerance_px)

    def release(self, event: Release) -> Edit | None:
        """A freehand outline closes."""
        if self._path is None:
            return super().release(event)
        if self._path.place == (event.sop_uid, event.frame):
            self._path.move(clipped(event.point, self.core.image), self._path.tolerance_px)
        return self.close() if self._path.release() else None

    def double_click(self, event: DoubleClick) -> Edit | None:
        """Close the open outline, else as the edit tool."""
        if self._path is None:
            return super().double_click(event)
        if self._path.place != (event.sop_uid, event.frame):
            self.core.tell(words.OPEN_ELSEWHERE)
            return None
        return self.close()

    def key(self, key: Key) -> tuple[bool, Edit | None]:
        """Close, cancel, take points back and put them back, while an outline is open."""
        if self._path is None:
            return super().key(key)
        if key is Key.CLOSE:
            return True, self.close()
        if key in (Key.BACKSPACE, Key.UNDO):
            if not self._path.take_back():
                self._path = None
        elif key is Key.REDO:
            self._path.put_back()
        elif key is Key.ESCAPE:
            self._path = None
        return True, None

    def close(self) -> Edit | None:
        """Close the open outline: it becomes an annotation, or several where it crossed itself."""
        if self._path is None:
            return None
        ring = self._path.ring()
        parts = with_pixels(repair(ring))
        if not parts:
            self.core.tell(words.TOO_FEW_POINTS if len(ring) < LEAST_POINTS else words.NO_AREA)
            return None
        if len(self._path.points) >= MOST_POINTS:
            self.core.tell(words.TOO_MANY_POINTS.format(most=MOST_POINTS))
        self.core.tell_repair(len(parts), parts[0][0] != ring)
        place = self._path.place
        self._path = None
        self._rest(place)
        return self.core.draw(parts, place, self.action, self.combination)

    def finish(self) -> Edit | None:
        """Close an open outline that encloses something; another is forgotten."""
        edit = self.close() if self._path and len(self._path.points) >= LEAST_POINTS else None
        self._path = None
        self.cancel()
        return edit

    def reset(self) -> None:
        """The document has changed under an open outline: it stays."""
        if self._path is None:
            super().reset()

    def cancel(self) -> None:
        """Forget the drag; an open outline stays for Esc to cancel."""
        if self._path is None:
            super().cancel()

    def preview(self, base: Preview) -> Preview:
        """The open outline, else as the edit tool."""
        if self._path is None:
            return super().preview(base)
        sop_uid, frame = self._path.place
        return replace(
            base,
            sop_uid=sop_uid,
            frame=frame,
            path=tuple(self._path.points),
            cursor=self._path.cursor,
            closes=self._path.closes,
        )
