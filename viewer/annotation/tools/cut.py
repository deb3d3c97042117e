"""Cut with a line: every polygon it crosses from side to side falls into pieces of their own."""

from collections.abc import Iterable
from dataclasses import replace

from viewer.annotation import words
from viewer.annotation.booleans import boxes_meet, cut
from viewer.annotation.changes import edited, replaced
from viewer.annotation.document import Annotation, Point, Shape
from viewer.annotation.events import Edit, Move, Press, Release
from viewer.annotation.options import ToolName
from viewer.annotation.preview import Preview, State
from viewer.annotation.tools.tool import Tool


class CutTool(Tool):
    """A press, a drag, a release: the line. It cuts the selected polygon of the slice; where it does not cross that,
    or none is selected, all of them."""

    name = ToolName.CUT

    _line: tuple[Point, Point] | None = None

    @property
    def state(self) -> State:
        """Shaping while the line is drawn."""
        return State.SHAPING if self._line else State.IDLE

    def press(self, event: Press) -> Edit | None:
        """Begin the line."""
        self.core.place = (event.sop_uid, event.frame)
        self._line = (event.point, event.point)
        return None

    def move(self, event: Move) -> None:
        """Draw the line on."""
        if self._line is None:
            self.core.place = (event.sop_uid, event.frame)
        elif (event.sop_uid, event.frame) == self.core.place:
            self._line = (self._line[0], event.point)

    def release(self, event: Release) -> Edit | None:
        """Cut."""
        if self._line is None:
            return None
        self.move(Move(event.point, event.sop_uid, event.frame))
        (start, end), self._line = self._line, None
        if start == end:
            return None
        core = self.core
        selected = core.selected_here
        divided = self._divided((selected,) if selected else (), start, end) or self._divided(
            core.here, start, end
        )
        document, told = core.document, False
        for annotation, pieces in divided:
            if core.layers[annotation.subtype].locked:
                told = not core.may_change(annotation.subtype)
            else:
                document = replaced(document, annotation.uid, pieces)
        edit = core.commit(document, "cut")
        if edit is None and not told:
            core.tell(words.NOT_CUT)
        return edit

    def _divided(
        self, annotations: Iterable[Annotation], start: Point, end: Point
    ) -> list[tuple[Annotation, tuple[Annotation, ...]]]:
        """Those that the line divides, and their pieces."""
        return [(each, pieces) for each in annotations if (pieces := self._pieces(each, start, end))]

    def _pieces(self, annotation: Annotation, start: Point, end: Point) -> tuple[Annotation, ...]:
        """Where the line divides a part, each piece, the first one under the old uid; else none.

        Parts that are not cut stay together with the first piece.
        """
        if not boxes_meet(annotation.parts, [((start, end, start), ())]):
            return ()
        whole: list[Shape] = []
        pieces: list[Shape] = []
        for part in annotation.parts:
            divided = cut([part], start, end)
            (pieces if len(divided) > 1 else whole).extend(divided)
        if not pieces:
            return ()
        first = edited(annotation, parts=(pieces[0], *whole))
        return (first, *(edited(annotation, uid=self.core.new_uid(), parts=(piece,)) for piece in pieces[1:]))

    def cancel(self) -> None:
        """Forget the line."""
        self._line = None

    def preview(self, base: Preview) -> Preview:
        """The line."""
        return replace(base, line=self._line)
