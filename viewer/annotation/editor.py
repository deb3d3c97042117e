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

import math
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from model.labels import BY_CODE
from viewer.annotation import events
from viewer.annotation.document import Annotation, Document, Point, Ring
from viewer.annotation.events import Edit, Modifier, Preview, State
from viewer.annotation.geometry import Vertex, contains, nearest_edge, nearest_vertex, repair, without_repeats
from viewer.annotation.history import History
from viewer.annotation.raster import simplify

FREEHAND_STEP_PX = 0.5
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
        self._rest()

    def _rest(self) -> None:
        """Forget whatever the mouse was in the middle of."""
        self._state = State.IDLE
        self._slice = ("", 0)
        self._path: list[Point] = []
        self._taken_back: list[Point] = []
        self._cursor: Point | None = None
        self._closes = False
        self._pressed: Point | None = None
        self._began_path = False
        self._dragged = False
        self._freehand = False
        self._tolerance_px = 0.0
        self._vertex: Vertex | None = None
        self._base: Annotation | None = None
        self._changed: Annotation | None = None
        self._action = ""
        self._hovered: str | None = None
        self._hovered_vertex: Vertex | None = None
        self._hovered_edge: Vertex | None = None

    # what the window asks

    @property
    def state(self) -> State:
        """What the editor is in the middle of."""
        return self._state

    @property
    def undo_text(self) -> str:
        """What undo would take back, empty when nothing."""
        return "point" if self._path else self._history.undo_text

    @property
    def redo_text(self) -> str:
        """What redo would do again, empty when nothing."""
        return ("point" if self._taken_back else "") if self._path else self._history.redo_text

    @property
    def preview(self) -> Preview:
        """What to draw over the document now."""
        return Preview(
            self._state,
            *self._slice,
            self.subtype,
            tuple(self._path),
            self._cursor,
            self._closes,
            self._changed,
            self.selection,
            self._hovered,
            self._hovered_vertex,
            self._hovered_edge,
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
        point = self._inside(point)
        if self._state is State.DRAWING:
            return self._press_while_drawing(point, (sop_uid, frame), tolerance_px)
        self._rest()
        self._slice, self._pressed, self._tolerance_px = (sop_uid, frame), point, tolerance_px
        if Modifier.CTRL in modifiers:
            self._begin_path(point)
            return None
        selected = self._selected_here()
        vertex = nearest_vertex(point, selected.rings, tolerance_px) if selected else None
        if selected and vertex and Modifier.SHIFT in modifiers:
            return self._delete_vertex(selected, vertex)
        if selected and vertex:
            self._grab_vertex(selected, vertex, "move vertex")
            return None
        edge = nearest_edge(point, selected.rings, tolerance_px) if selected else None
        if selected and edge and Modifier.ALT in modifiers:
            self._grab_vertex(*_with_vertex(selected, *edge), "insert vertex")
            return None
        hit = self._at(point)
        if selected and (edge or hit is selected):
            self._base = selected
        elif hit:
            self.selection = hit.uid
        else:
            self._begin_path(point)
        return None

    def move(self, point: Point, sop_uid: str, frame: int = 0, tolerance_px: float = 5.0) -> None:
        """The cursor moves, with or without the button. The document changes only when the button comes up."""
        if self._state is not State.IDLE and (sop_uid, frame) != self._slice:
            return
        if self._pressed is not None and self._base is not None:
            self._drag(self._base, self._pressed, point)
        elif self._state is State.DRAWING:
            self._draw(self._inside(point), tolerance_px)
        elif self._pressed is None:
            self._slice = (sop_uid, frame)
            self._hover(point, tolerance_px)

    def release(self, point: Point, sop_uid: str, frame: int = 0) -> Edit | None:
        """The left button comes up: a drag becomes an edit, a freehand outline closes."""
        if self._pressed is None:
            return None
        self.move(point, sop_uid, frame, self._tolerance_px)
        self._pressed = None
        if self._state is State.DRAWING:
            return self._release_while_drawing()
        changed, action = self._changed, self._action
        self._rest()
        return self._reshape(changed, action) if changed else None

    def double_click(
        self, point: Point, sop_uid: str, frame: int = 0, tolerance_px: float = 5.0
    ) -> Edit | None:
        """Close the open outline, or insert a vertex into the edge of the selected polygon."""
        if self._state is State.DRAWING:
            if (sop_uid, frame) != self._slice:
                self.messages.append(OPEN_ELSEWHERE)
                return None
            return self.close()
        self._rest()
        self._slice = (sop_uid, frame)
        selected = self._selected_here()
        if selected is None or nearest_vertex(self._inside(point), selected.rings, tolerance_px):
            return None
        edge = nearest_edge(self._inside(point), selected.rings, tolerance_px)
        return self._reshape(_with_vertex(selected, *edge)[0], "insert vertex") if edge else None

    # keys and commands

    def close(self) -> Edit | None:
        """Close the open outline: it becomes an annotation, or several where it crossed itself."""
        if self._state is not State.DRAWING:
            return None
        path = without_repeats(self._path)
        if len(path) < 3:
            self.messages.append(TOO_FEW_POINTS)
            return None
        if self._freehand:
            path = simplify(path)
        parts = repair(path)
        if not parts:
            self.messages.append(NO_AREA)
            return None
        self._tell_repair(len(parts), parts[0][0] != path)
        sop_uid, frame = self._slice
        drawn = tuple(
            Annotation(self._new_uid(), sop_uid, frame, self.subtype, outline, holes=holes)
            for outline, holes in parts
        )
        self._rest()
        return self.add(drawn, f"draw {self.subtype}")

    def backspace(self) -> Edit | None:
        """Take the last point of the open outline back."""
        if self._state is State.DRAWING:
            self._taken_back.append(self._path.pop())
            self._pressed = None
            if not self._path:
                self._rest()
        return None

    def escape(self) -> Edit | None:
        """Cancel the open outline or the drag; with neither, deselect."""
        if self._state is State.IDLE:
            self.selection = None
        self._rest()
        return None

    def delete(self) -> Edit | None:
        """Delete the vertex under the cursor, else the selected polygon. Nothing while an outline is open."""
        if self._state is not State.IDLE:
            return None
        selected, vertex = self.document.find(self.selection), self._hovered_vertex
        if selected is None:
            return None
        if vertex and (selected.sop_uid, selected.frame) == self._slice:
            return self._delete_vertex(selected, vertex)
        return self.remove(selected.uid)

    def undo(self) -> Edit | None:
        """Take back the last point of an open outline, else the last edit."""
        if self._state is State.DRAWING:
            return self.backspace()
        return self._travel(self._history.undo, "undo")

    def redo(self) -> Edit | None:
        """Do again what undo took back last."""
        if self._state is State.DRAWING:
            if self._taken_back:
                self._path.append(self._taken_back.pop())
            return None
        return self._travel(self._history.redo, "redo")

    def select(self, uid: str | None) -> None:
        """Select an annotation (an unknown uid: nothing). An open outline stays open."""
        if self._state is not State.DRAWING:
            self._rest()
            self.selection = uid if self.document.find(uid) else None

    def choose_subtype(self, code: str) -> Edit | None:
        """Give the selected polygon, the open outline and all later ones this subtype."""
        if code not in BY_CODE:
            raise ValueError(f"subtype must be one of {tuple(BY_CODE)}, got {code!r}")
        self.subtype = code
        selected = self.document.find(self.selection)
        if self._state is not State.IDLE or selected is None or selected.subtype == code:
            return None
        return self._commit(
            _replaced(self.document, selected.uid, (_edited(selected, subtype=code),)), f"make {code}"
        )

    def remove(self, uid: str) -> Edit | None:
        """Delete one annotation."""
        gone = self.document.find(uid)
        if gone is None:
            return None
        self._stop_drag()
        return self._commit(_replaced(self.document, uid, ()), f"delete {gone.subtype}")

    def confirm(self, uid: str, reviewed: bool = True) -> Edit | None:
        """Say whether a reader has looked at this annotation."""
        found = self.document.find(uid)
        if found is None or found.reviewed == reviewed:
            return None
        self._stop_drag()
        action = "mark reviewed" if reviewed else "mark not reviewed"
        return self._commit(_replaced(self.document, uid, (replace(found, reviewed=reviewed),)), action)

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
        if not new:
            return None
        marks = self.document.reviewed_slices - {a.sop_uid for a in new}
        marks = self.document.reviewed_slices if len(marks) == len(self.document.reviewed_slices) else marks
        document = replace(self.document, annotations=self.document.annotations + new, reviewed_slices=marks)
        edit = self._commit(document, action)
        if self._state is not State.DRAWING:
            self.selection = new[0].uid
        return edit

    def replace_document(self, document: Document, action: str) -> Edit | None:
        """Put another document in the place of this one, as one step that undo takes back."""
        self._stop_drag()
        return self._commit(document, action)

    # within

    def _inside(self, point: Point) -> Point:
        """The point, or the nearest one of the image."""
        if self.shape is None:
            return point
        return (min(max(point[0], 0.0), float(self.shape[1])), min(max(point[1], 0.0), float(self.shape[0])))

    def _selected_here(self) -> Annotation | None:
        """The selected annotation when it lies on the slice at hand."""
        found = self.document.find(self.selection)
        return found if found and (found.sop_uid, found.frame) == self._slice else None

    def _at(self, point: Point) -> Annotation | None:
        """The polygon around the point: the selected one, else the one drawn last."""
        around = [a for a in self.document.on_slice(*self._slice) if contains(point, a.rings)]
        return next((a for a in around if a.uid == self.selection), around[-1] if around else None)

    def _commit(self, document: Document, action: str) -> Edit | None:
        previous = self.document
        if document == previous:
            return None
        self._history.push(previous, document, action)
        return self._show(previous, document, action)

    def _show(self, previous: Document, document: Document, action: str) -> Edit:
        self.document = document
        self._hovered = self._hovered_vertex = self._hovered_edge = None
        if document.find(self.selection) is None:
            self.selection = None
        return Edit(previous, document, action)

    def _travel(self, step: Callable[[Document], tuple[Document, str] | None], word: str) -> Edit | None:
        self._rest()
        found = step(self.document)
        return self._show(self.document, found[0], f"{word} {found[1]}") if found else None

    def _stop_drag(self) -> None:
        if self._state is not State.DRAWING:
            self._rest()

    def _begin_path(self, point: Point) -> None:
        self.selection = None
        self._state, self._path, self._began_path, self._cursor = State.DRAWING, [point], True, point

    def _press_while_drawing(self, point: Point, place: tuple[str, int], tolerance_px: float) -> Edit | None:
        if place != self._slice:
            self.messages.append(OPEN_ELSEWHERE)
            return None
        if self._on_first(point, tolerance_px):
            return self.close()
        self._taken_back.clear()
        self._path.append(point)
        self._pressed, self._cursor, self._tolerance_px = point, point, tolerance_px
        self._began_path = self._dragged = False
        return None

    def _on_first(self, point: Point, tolerance_px: float) -> bool:
        return len(self._path) >= 3 and math.dist(point, self._path[0]) <= tolerance_px

    def _draw(self, point: Point, tolerance_px: float) -> None:
        """Lead the rubber band; with the button down, add points once the hand has left the place of the press."""
        self._cursor = point
        self._closes = self._on_first(point, tolerance_px)
        if self._pressed is None:
            return
        self._dragged = self._dragged or math.dist(point, self._pressed) > self._tolerance_px
        if self._dragged and math.dist(point, self._path[-1]) >= FREEHAND_STEP_PX:
            self._freehand = True
            self._path.append(point)

    def _release_while_drawing(self) -> Edit | None:
        """Close a freehand outline that one drag drew; a drag too short to be one leaves the path open."""
        if self._began_path and self._dragged and len(self._path) >= 3:
            return self.close()
        self._began_path = False
        return None

    def _hover(self, point: Point, tolerance_px: float) -> None:
        selected = self._selected_here()
        hit = self._at(point)
        self._cursor = point
        self._hovered = hit.uid if hit else None
        self._hovered_vertex = nearest_vertex(point, selected.rings, tolerance_px) if selected else None
        edge = (
            nearest_edge(point, selected.rings, tolerance_px)
            if selected and not self._hovered_vertex
            else None
        )
        self._hovered_edge = edge[0] if edge else None

    def _grab_vertex(self, annotation: Annotation, vertex: Vertex, action: str) -> None:
        self._state, self._base, self._vertex, self._action = (
            State.DRAGGING_VERTEX,
            annotation,
            vertex,
            action,
        )
        self._hovered_vertex = vertex
        self._changed = annotation if action == "insert vertex" else None

    def _drag(self, base: Annotation, pressed: Point, point: Point) -> None:
        """Show what the drag makes of the annotation, once the hand has moved by a third of the tolerance."""
        self._dragged = self._dragged or math.dist(point, pressed) > self._tolerance_px / 3
        if not self._dragged:
            return
        dx, dy = point[0] - pressed[0], point[1] - pressed[1]
        if self._vertex:
            ring, index = self._vertex
            x, y = base.rings[ring][index]
            self._changed = _with_point(base, self._vertex, self._inside((x + dx, y + dy)))
            return
        self._state, self._action = State.MOVING, "move polygon"
        dx, dy = self._kept_inside(base.outline, dx, dy)
        rings = [tuple((x + dx, y + dy) for x, y in ring) for ring in base.rings]
        self._changed = _edited(base, outline=rings[0], holes=tuple(rings[1:]))

    def _kept_inside(self, outline: Ring, dx: float, dy: float) -> Point:
        """The part of a move that keeps the outline within the image."""
        if self.shape is None:
            return dx, dy
        xs, ys = zip(*outline, strict=True)
        dx = min(max(dx, -min(xs)), self.shape[1] - max(xs))
        return dx, min(max(dy, -min(ys)), self.shape[0] - max(ys))

    def _delete_vertex(self, annotation: Annotation, vertex: Vertex) -> Edit | None:
        self._rest()
        ring, index = vertex
        points = annotation.rings[ring][:index] + annotation.rings[ring][index + 1 :]
        if len(points) < 3 and ring == 0:
            self.messages.append(THREE_POINTS_LEFT)
            return None
        return self._reshape(_with_ring(annotation, ring, points), "delete vertex")

    def _reshape(self, changed: Annotation, action: str) -> Edit | None:
        """Put `changed` in the place of the annotation with its uid: repaired, split, or refused."""
        parts = repair(changed.outline, changed.holes)
        if not parts:
            self.messages.append(WOULD_VANISH)
            return None
        self._tell_repair(len(parts), parts[0] != (changed.outline, changed.holes))
        uids = [changed.uid, *(self._new_uid() for _ in parts[1:])]
        pieces = (
            _edited(changed, uid=uid, outline=outline, holes=holes)
            for uid, (outline, holes) in zip(uids, parts, strict=True)
        )
        return self._commit(_replaced(self.document, changed.uid, tuple(pieces)), action)

    def _tell_repair(self, count: int, repaired: bool) -> None:
        if count > 1:
            self.messages.append(SPLIT.format(count=count))
        elif repaired:
            self.messages.append(REPAIRED)


def _replaced(document: Document, uid: str, pieces: tuple[Annotation, ...]) -> Document:
    """The document with `pieces` in the place of one annotation."""
    annotations: list[Annotation] = []
    for annotation in document.annotations:
        annotations.extend(pieces if annotation.uid == uid else (annotation,))
    return replace(document, annotations=tuple(annotations))


def _edited(annotation: Annotation, **fields: object) -> Annotation:
    """The annotation after a reader's change: reviewed, and a model's proposal no longer untouched."""
    source = "model edited" if annotation.source == "model" else annotation.source
    return replace(annotation, source=source, reviewed=True, **fields)  # type: ignore[arg-type]


def _with_ring(annotation: Annotation, ring: int, points: Ring) -> Annotation:
    """Another ring in the place of one; a hole of fewer than three points goes."""
    rings = [*annotation.rings[:ring], points, *annotation.rings[ring + 1 :]]
    return _edited(annotation, outline=rings[0], holes=tuple(hole for hole in rings[1:] if len(hole) >= 3))


def _with_point(annotation: Annotation, vertex: Vertex, point: Point) -> Annotation:
    """Another place for one vertex."""
    ring, index = vertex
    points = annotation.rings[ring]
    return _with_ring(annotation, ring, (*points[:index], point, *points[index + 1 :]))


def _with_vertex(annotation: Annotation, edge: Vertex, point: Point) -> tuple[Annotation, Vertex]:
    """A new vertex at `point` of an edge, and which one it is."""
    ring, index = edge
    points = annotation.rings[ring]
    return _with_ring(annotation, ring, (*points[: index + 1], point, *points[index + 1 :])), (
        ring,
        index + 1,
    )
