"""The drawing state machine, without a window.

Mouse, in image-relative coordinates:

- Click beside everything starts an outline, each further click adds a point, a drag adds points as it goes.
  A click on the first point, a double click or Enter closes it. A drag from the first press on is a freehand
  outline and closes when the button comes up.
- Click inside a polygon selects it; Ctrl+click starts an outline there instead. Dragging the selected polygon
  moves it, dragging one of its vertices moves that.
- Alt+click on an edge of the selected polygon inserts a vertex (as in labelme), and so does a double click;
  with Alt the new vertex can be dragged on at once.
- Shift+click on a vertex deletes it, and so does Delete while the cursor is on it; Delete elsewhere deletes
  the selected polygon.
- Backspace takes the last point of an open outline back, Esc cancels it. Undo and redo while drawing go point
  by point.

An outline that crosses itself is repaired, and split where needed; points outside the image go to its border.
Whatever is refused or repaired is told in `messages`.
"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from model.labels import BY_CODE
from viewer.annotation import events
from viewer.annotation.changes import clipped, edited, replaced, with_vertex, without_vertex
from viewer.annotation.document import Annotation, Document, Point
from viewer.annotation.events import Edit, Modifier, Preview, State
from viewer.annotation.geometry import Vertex, contains, nearest_edge, nearest_vertex, repair
from viewer.annotation.gestures import Drag, OpenPath
from viewer.annotation.history import History

UNDO_BYTES = 64 << 20

TOO_FEW_POINTS = "An outline needs three points or more. Add points, or press Esc to cancel it."
NO_AREA = "This outline encloses nothing. Add points, or press Esc to cancel it."
WOULD_VANISH = "That would leave the polygon without an area; it stays as it was."
THREE_POINTS_LEFT = (
    "A polygon needs three points. To delete the whole polygon, press Delete beside its points."
)
OPEN_ELSEWHERE = (
    "An outline is open on another slice. Go back and finish it with Enter, or cancel it with Esc."
)
HAS_ANNOTATIONS = (
    "This slice has annotations, so it cannot be marked as free of hemorrhage. Delete them first."
)
REPAIRED = "The outline crossed itself and was repaired. Undo takes it back."
SPLIT = "The outline crossed itself and became {count} polygons. Undo takes them back."


def _new_uid() -> str:
    return uuid.uuid4().hex


class Editor:
    """Consumes events, holds the current `Document`; each event that changes it returns an `Edit` to be saved.

    shape: (rows, columns) of the slices, the border no point crosses; None for no border.
    """

    def __init__(
        self,
        document: Document | None = None,
        *,
        shape: tuple[int, int] | None = None,
        subtype: str = "SDH",
        undo_bytes: int = UNDO_BYTES,
        new_uid: Callable[[], str] = _new_uid,
    ) -> None:
        self.document = document or Document()
        self.shape = shape
        self.subtype = subtype
        self.selection: str | None = None
        self.messages: list[str] = []
        self._history = History(undo_bytes)
        self._new_uid = new_uid
        self._slice = ("", 0)
        self._path: OpenPath | None = None
        self._drag: Drag | None = None
        self._hovered: str | None = None
        self._hovered_vertex: Vertex | None = None
        self._hovered_edge: Vertex | None = None
        self._foot: Point | None = None

    # what the window asks

    @property
    def state(self) -> State:
        """What the editor is in the middle of."""
        if self._path:
            return State.DRAWING
        if self._drag and self._drag.vertex:
            return State.DRAGGING_VERTEX
        return State.MOVING if self._drag and self._drag.changed else State.IDLE

    @property
    def undo_text(self) -> str:
        """What undo would take back, empty when nothing."""
        return "point" if self._path else self._history.undo_text

    @property
    def redo_text(self) -> str:
        """What redo would do again, empty when nothing."""
        if self._path:
            return "point" if self._path.taken_back else ""
        return self._history.redo_text

    @property
    def preview(self) -> Preview:
        """What to draw over the document now."""
        sop_uid, frame = self._path.place if self._path else self._slice
        return Preview(
            state=self.state,
            sop_uid=sop_uid,
            frame=frame,
            subtype=self.subtype,
            path=tuple(self._path.points) if self._path else (),
            cursor=self._path.cursor if self._path else self._foot,
            closes=self._path.closes if self._path else False,
            changed=self._drag.changed if self._drag else None,
            selected=self.selection,
            hovered=self._hovered,
            hovered_vertex=self._drag.vertex if self._drag else self._hovered_vertex,
            hovered_edge=self._hovered_edge,
        )

    def take_messages(self) -> tuple[str, ...]:
        """What was refused or repaired since the last call, in sentences for the reader."""
        messages = tuple(self.messages)
        self.messages.clear()
        return messages

    def handle(self, event: events.Event) -> Edit | None:
        """Take one event of `viewer.annotation.events`; the `Edit` when it changed the document."""
        match event:
            case events.Press(point, sop_uid, frame, modifiers, tolerance_px):
                return self.press(point, sop_uid, frame, modifiers, tolerance_px)
            case events.Move(point, sop_uid, frame, tolerance_px):
                self.move(point, sop_uid, frame, tolerance_px)
            case events.Release(point, sop_uid, frame):
                return self.release(point, sop_uid, frame)
            case events.DoubleClick(point, sop_uid, frame, tolerance_px):
                return self.double_click(point, sop_uid, frame, tolerance_px)
            case events.Key():
                return getattr(self, event.value)()  # type: ignore[no-any-return]
            case events.Select(uid):
                self.select(uid)
            case events.ChooseSubtype(code):
                return self.choose_subtype(code)
            case events.Remove(uid):
                return self.remove(uid)
            case events.MarkReviewed(sop_uid, reviewed):
                return self.mark_reviewed(sop_uid, reviewed)
            case events.Confirm(uid, reviewed):
                return self.confirm(uid, reviewed)
            case events.ConfirmAll(sop_uid):
                return self.confirm_all(sop_uid)
        return None

    # mouse

    def press(
        self,
        point: Point,
        sop_uid: str,
        frame: int = 0,
        modifiers: Modifier = Modifier.NONE,
        tolerance_px: float = 5.0,
    ) -> Edit | None:
        """The left button goes down on a slice."""
        point = clipped(point, self.shape)
        if self._path:
            if self._path.place != (sop_uid, frame):
                self.messages.append(OPEN_ELSEWHERE)
                return None
            return self.close() if self._path.press(point, tolerance_px) else None
        self._rest((sop_uid, frame))
        selected = None if Modifier.CTRL in modifiers else self._selected_here()
        vertex = nearest_vertex(point, selected.rings, tolerance_px) if selected else None
        edge = nearest_edge(point, selected.rings, tolerance_px) if selected else None
        hit = None if Modifier.CTRL in modifiers else self._at(point)
        if selected and vertex and Modifier.SHIFT in modifiers:
            return self._delete_vertex(selected, vertex)
        if selected and vertex:
            self._drag = Drag(selected, vertex, point, tolerance_px, "move vertex", self.shape)
        elif selected and edge and Modifier.ALT in modifiers:
            grown, vertex = with_vertex(selected, *edge)
            self._drag = Drag(grown, vertex, point, tolerance_px, "insert vertex", self.shape, changed=grown)
        elif selected and (edge or hit is selected):
            self._drag = Drag(selected, None, point, tolerance_px, "move polygon", self.shape)
        elif hit:
            self.selection = hit.uid
        else:
            self.selection = None
            self._path = OpenPath.begin((sop_uid, frame), point, tolerance_px)
        return None

    def move(self, point: Point, sop_uid: str, frame: int = 0, tolerance_px: float = 5.0) -> None:
        """The cursor moves, with or without the button. The document changes only when the button comes up."""
        place = (sop_uid, frame)
        if self._path:
            if place == self._path.place:
                self._path.move(clipped(point, self.shape), tolerance_px)
        elif self._drag:
            if place == self._slice:
                self._drag.move(point)
        else:
            self._slice = place
            self._hover(point, tolerance_px)

    def release(self, point: Point, sop_uid: str, frame: int = 0) -> Edit | None:
        """The left button comes up: a drag becomes an edit, a freehand outline closes."""
        if self._path:
            if (sop_uid, frame) == self._path.place:
                self._path.move(clipped(point, self.shape), self._path.tolerance_px)
            return self.close() if self._path.release() else None
        drag = self._drag
        if drag is None:
            return None
        if (sop_uid, frame) == self._slice:
            drag.move(point)
        self._rest(self._slice)
        return self._reshape(drag.changed, drag.action) if drag.changed else None

    def double_click(
        self, point: Point, sop_uid: str, frame: int = 0, tolerance_px: float = 5.0
    ) -> Edit | None:
        """Close the open outline, or insert a vertex into the edge of the selected polygon."""
        if self._path:
            if self._path.place == (sop_uid, frame):
                return self.close()
            self.messages.append(OPEN_ELSEWHERE)
            return None
        self._rest((sop_uid, frame))
        selected = self._selected_here()
        point = clipped(point, self.shape)
        if selected is None or nearest_vertex(point, selected.rings, tolerance_px):
            return None
        edge = nearest_edge(point, selected.rings, tolerance_px)
        return self._reshape(with_vertex(selected, *edge)[0], "insert vertex") if edge else None

    # keys and commands

    def close(self) -> Edit | None:
        """Close the open outline: it becomes an annotation, or several where it crossed itself."""
        if self._path is None:
            return None
        ring = self._path.ring()
        parts = repair(ring)
        if not parts:
            self.messages.append(TOO_FEW_POINTS if len(ring) < 3 else NO_AREA)
            return None
        self._tell_repair(len(parts), parts[0][0] != ring)
        sop_uid, frame = self._path.place
        self._path = None
        self._rest((sop_uid, frame))
        drawn = [
            Annotation(self._new_uid(), sop_uid, frame, self.subtype, outline, holes=holes)
            for outline, holes in parts
        ]
        return self.add(drawn, f"draw {self.subtype}")

    def backspace(self) -> Edit | None:
        """Take the last point of the open outline back."""
        if self._path and not self._path.take_back():
            self._path = None
        return None

    def escape(self) -> Edit | None:
        """Cancel the open outline or the drag; with neither, deselect."""
        if self._path:
            self._path = None
        elif self._drag:
            self._drag = None
        else:
            self.selection = None
        return None

    def delete(self) -> Edit | None:
        """Delete the vertex under the cursor, else the selected polygon. Nothing while an outline is open."""
        selected = self.document.find(self.selection)
        if self._path or self._drag or selected is None:
            return None
        if self._hovered_vertex and self._selected_here():
            return self._delete_vertex(selected, self._hovered_vertex)
        return self.remove(selected.uid)

    def undo(self) -> Edit | None:
        """Take back the last point of an open outline, else the last edit."""
        return self.backspace() if self._path else self._travel(self._history.undo, "undo")

    def redo(self) -> Edit | None:
        """Do again what undo took back last."""
        if self._path:
            self._path.put_back()
            return None
        return self._travel(self._history.redo, "redo")

    def select(self, uid: str | None) -> None:
        """Select an annotation (an unknown uid: nothing). While an outline is open nothing can be selected."""
        if self._path is None:
            self._rest(self._slice)
            self.selection = uid if self.document.find(uid) else None

    def choose_subtype(self, code: str) -> Edit | None:
        """Give the selected polygon, the open outline and all later ones this subtype."""
        if code not in BY_CODE:
            raise ValueError(f"subtype must be one of {tuple(BY_CODE)}, got {code!r}")
        self.subtype = code
        selected = self.document.find(self.selection)
        if self._path or self._drag or selected is None or selected.subtype == code:
            return None
        pieces = (edited(selected, subtype=code),)
        return self._commit(replaced(self.document, selected.uid, pieces), f"make {code}")

    def remove(self, uid: str) -> Edit | None:
        """Delete one annotation."""
        gone = self.document.find(uid)
        return self._commit(replaced(self.document, uid, ()), f"delete {gone.subtype}") if gone else None

    def confirm_all(self, sop_uid: str | None = None) -> Edit | None:
        """Say of every annotation, or of those on one slice, that a reader has looked at it; one step to undo."""
        annotations = tuple(
            replace(a, reviewed=True) if sop_uid in (None, a.sop_uid) else a
            for a in self.document.annotations
        )
        return self._commit(replace(self.document, annotations=annotations), "mark reviewed")

    def confirm(self, uid: str, reviewed: bool = True) -> Edit | None:
        """Say whether a reader has looked at this annotation."""
        found = self.document.find(uid)
        if found is None:
            return None
        action = "mark reviewed" if reviewed else "mark not reviewed"
        return self._commit(replaced(self.document, uid, (replace(found, reviewed=reviewed),)), action)

    def mark_reviewed(self, sop_uid: str, reviewed: bool = True) -> Edit | None:
        """Mark a slice as "reviewed: no hemorrhage", or take the mark back."""
        if reviewed and any(a.sop_uid == sop_uid for a in self.document.annotations):
            self.messages.append(HAS_ANNOTATIONS)
            return None
        marks = self.document.reviewed_slices
        marks = marks | {sop_uid} if reviewed else marks - {sop_uid}
        action = "mark slice without hemorrhage" if reviewed else "unmark slice"
        return self._commit(replace(self.document, reviewed_slices=marks), action)

    def add(self, annotations: Iterable[Annotation], action: str) -> Edit | None:
        """Add annotations (drawn, accepted or imported); the first one gets selected. Their slices lose the mark
        "no hemorrhage"."""
        new = tuple(annotations)
        marks = self.document.reviewed_slices - {a.sop_uid for a in new}
        document = replace(self.document, annotations=self.document.annotations + new, reviewed_slices=marks)
        edit = self._commit(document, action)
        if edit and self._path is None:
            self.selection = new[0].uid
        return edit

    def replace_document(self, document: Document, action: str) -> Edit | None:
        """Put another document in the place of this one, as one step that undo takes back."""
        return self._commit(document, action)

    # within

    def _rest(self, place: tuple[str, int]) -> None:
        """Forget the drag and what the cursor was over; from now on the mouse is on this slice."""
        self._slice = place
        self._drag = None
        self._hovered = self._hovered_vertex = self._hovered_edge = self._foot = None

    def _selected_here(self) -> Annotation | None:
        """The selected annotation when it lies on the slice at hand."""
        found = self.document.find(self.selection)
        return found if found and (found.sop_uid, found.frame) == self._slice else None

    def _at(self, point: Point) -> Annotation | None:
        """The polygon around the point: the selected one, else the one drawn last."""
        around = [a for a in self.document.on_slice(*self._slice) if contains(point, a.rings)]
        return next((a for a in around if a.uid == self.selection), around[-1] if around else None)

    def _hover(self, point: Point, tolerance_px: float) -> None:
        selected = self._selected_here()
        hit = self._at(point)
        self._hovered = hit.uid if hit else None
        self._hovered_vertex = nearest_vertex(point, selected.rings, tolerance_px) if selected else None
        near = nearest_edge(point, selected.rings, tolerance_px) if selected else None
        self._hovered_edge, self._foot = near if near and not self._hovered_vertex else (None, None)

    def _commit(self, document: Document, action: str) -> Edit | None:
        """Make `document` the current one and remember the one before; None when they are equal."""
        if document == self.document:
            return None
        self._history.push(self.document, document, action)
        return self._show(document, action)

    def _travel(self, step: Callable[[Document], tuple[Document, str] | None], word: str) -> Edit | None:
        found = step(self.document)
        return self._show(found[0], f"{word} {found[1]}") if found else None

    def _show(self, document: Document, action: str) -> Edit:
        previous, self.document = self.document, document
        self._rest(self._slice)
        if document.find(self.selection) is None:
            self.selection = None
        return Edit(previous, document, action)

    def _delete_vertex(self, annotation: Annotation, vertex: Vertex) -> Edit | None:
        fewer = without_vertex(annotation, vertex)
        if fewer is None:
            self.messages.append(THREE_POINTS_LEFT)
            return None
        return self._reshape(fewer, "delete vertex")

    def _reshape(self, changed: Annotation, action: str) -> Edit | None:
        """Put `changed` in the place of the annotation with its uid: repaired, split, or refused."""
        parts = repair(changed.outline, changed.holes)
        if not parts:
            self.messages.append(WOULD_VANISH)
            return None
        self._tell_repair(len(parts), parts[0] != (changed.outline, changed.holes))
        uids = [changed.uid, *(self._new_uid() for _ in parts[1:])]
        pieces = [edited(changed, uid=uid, shape=part) for uid, part in zip(uids, parts, strict=True)]
        return self._commit(replaced(self.document, changed.uid, pieces), action)

    def _tell_repair(self, count: int, repaired: bool) -> None:
        if count > 1:
            self.messages.append(SPLIT.format(count=count))
        elif repaired:
            self.messages.append(REPAIRED)
