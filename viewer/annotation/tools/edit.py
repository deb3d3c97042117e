"""Select, and change what is selected: vertices, a box of them, the whole, its size and direction.

- Click inside a polygon selects it; dragging the selected one moves it, dragging one of its vertices moves that,
  or all that are picked.
- Alt+click on an edge of the selected polygon inserts a vertex (as in labelme), and so does a double click;
  with Alt the new vertex can be dragged on at once.
- Shift+click on a vertex deletes it, and so does Delete while the cursor is on it. Delete deletes the picked
  vertices where there are some, else the selected polygon.
- A drag beside everything picks the vertices in a box. The grips around the selected polygon scale and turn it.
"""

import math
from dataclasses import replace

from viewer.annotation import words
from viewer.annotation.changes import clipped, with_vertex, without_vertices
from viewer.annotation.core import Core
from viewer.annotation.document import Annotation, Point
from viewer.annotation.events import DoubleClick, Edit, Key, Modifier, Move, Press, Release
from viewer.annotation.geometry import Vertex, nearest_edge, nearest_vertex
from viewer.annotation.gestures import Drag, Pull, Shift, grips
from viewer.annotation.options import ToolName
from viewer.annotation.preview import Handle, Preview, State
from viewer.annotation.tools.tool import Tool


class EditTool(Tool):
    """Changes what is there; a press beside everything picks vertices."""

    name = ToolName.EDIT
    has_grips = True

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._drag: Drag | None = None
        self._box: tuple[Point, Point] | None = None
        self._picked: frozenset[Vertex] = frozenset()
        self._picked_of: Annotation | None = None
        self._hovered: str | None = None
        self._hovered_vertex: Vertex | None = None
        self._hovered_edge: Vertex | None = None
        self._foot: Point | None = None
        self._tolerance_px = 5.0

    @property
    def state(self) -> State:
        """What the tool is in the middle of."""
        if self._drag and self._drag.vertex:
            return State.DRAGGING_VERTEX
        if self._box:
            return State.SHAPING
        return State.MOVING if self._drag and self._drag.changed else State.IDLE

    @property
    def picked(self) -> frozenset[Vertex]:
        """The picked vertices, as long as their annotation is as it was."""
        return self._picked if self._picked and self.core.selected_here is self._picked_of else frozenset()

    def press(self, event: Press) -> Edit | None:
        """Begin to drag what is under the cursor, delete a vertex, select, or begin beside everything."""
        core, reach = self.core, event.tolerance_px
        point = clipped(event.point, core.image)
        self._rest((event.sop_uid, event.frame))
        self._tolerance_px = reach
        selected = None if Modifier.CTRL in event.modifiers else core.selected_here
        if selected and (self._grab_grip(selected, event.point, reach) or self._grab(selected, event, point)):
            return None
        vertex = nearest_vertex(point, selected.rings, reach) if selected else None
        if selected and vertex and Modifier.SHIFT in event.modifiers:
            return self._delete_vertices(selected, frozenset((vertex,)))
        hit = None if Modifier.CTRL in event.modifiers else core.at(point)
        if hit:
            core.selection = core.picked = hit.uid
            return None
        return self.begin(replace(event, point=point))

    def begin(self, event: Press) -> Edit | None:
        """The button goes down beside everything."""
        self._box = (event.point, event.point)
        return None

    def _grab(self, selected: Annotation, event: Press, point: Point) -> bool:
        """Begin to drag a vertex, a new one of an edge, or the whole; False when the press is for none of them."""
        reach, image = event.tolerance_px, self.core.image
        vertex = nearest_vertex(point, selected.rings, reach)
        edge = nearest_edge(point, selected.rings, reach)
        if vertex and Modifier.SHIFT in event.modifiers:
            return False
        held = bool(vertex or edge) or self.core.at(point) is selected
        if held and not self.core.may_change(selected.subtype):
            return True
        if vertex:
            moving = self.picked if vertex in self.picked else frozenset((vertex,))
            action = "move vertex" if len(moving) == 1 else "move vertices"
            self._drag = Shift(selected, moving, vertex, point, reach, action, image)
        elif edge and Modifier.ALT in event.modifiers:
            grown, new = with_vertex(selected, *edge)
            action = "insert vertex"
            self._drag = Shift(grown, frozenset((new,)), new, point, reach, action, image, changed=grown)
        elif edge or self.core.at(point) is selected:
            self._drag = Shift(selected, frozenset(), None, point, reach, "move polygon", image)
        return self._drag is not None

    def _grips(self, selected: Annotation) -> tuple[Handle, ...]:
        return grips(selected, 2 * self._tolerance_px) if self.has_grips else ()

    def _grab_grip(self, selected: Annotation, point: Point, reach: float) -> bool:
        near = [handle for handle in self._grips(selected) if math.dist(handle.point, point) <= reach]
        if not near or not self.core.may_change(selected.subtype):
            return bool(near)
        aspect = self.core.spacing_mm[0] / self.core.spacing_mm[1]
        self._drag = Pull(selected, near[0], point, self.core.image, aspect)
        return True

    def move(self, event: Move) -> None:
        """Drag on, or see what is under the cursor. The document changes only when the button comes up."""
        self._tolerance_px = event.tolerance_px
        place = (event.sop_uid, event.frame)
        if self._drag or self._box:
            if place != self.core.place:
                return
            if self._drag:
                self._drag.move(event.point)
            elif self._box:
                self._box = (self._box[0], clipped(event.point, self.core.image))
            return
        self.core.place = place
        self._hover(event.point, event.tolerance_px)

    def release(self, event: Release) -> Edit | None:
        """A drag becomes an edit, a box picks what is in it."""
        here = (event.sop_uid, event.frame) == self.core.place
        if self._box:
            self._pick((self._box[0], clipped(event.point, self.core.image)) if here else self._box)
            return None
        drag = self._drag
        if drag is None:
            return None
        if here:
            drag.move(event.point)
        kept = drag.changed if len(self.picked) > 1 and isinstance(drag, Shift) else None
        picked = self._picked
        self._rest(self.core.place)
        edit = self.core.reshape(drag.changed, drag.action) if drag.changed else None
        selected = self.core.selected_here
        if edit and kept and selected and selected.rings == kept.rings:
            self._picked, self._picked_of = picked, selected
        return edit

    def double_click(self, event: DoubleClick) -> Edit | None:
        """Insert a vertex into the edge of the selected polygon."""
        self._rest((event.sop_uid, event.frame))
        selected = self.core.selected_here
        point = clipped(event.point, self.core.image)
        if selected is None or nearest_vertex(point, selected.rings, event.tolerance_px):
            return None
        edge = nearest_edge(point, selected.rings, event.tolerance_px)
        return self.core.reshape(with_vertex(selected, *edge)[0], "insert vertex") if edge else None

    def key(self, key: Key) -> tuple[bool, Edit | None]:
        """Escape cancels the drag or lets the picked vertices go; Delete takes vertices."""
        if key is Key.ESCAPE and (self._drag or self._box or self.picked):
            self._picked = frozenset()
            self._rest(self.core.place)
            return True, None
        if key is Key.DELETE:
            selected = self.core.selected_here
            if self._drag or self._box:
                return True, None
            if selected and (self.picked or self._hovered_vertex):
                vertices = self.picked or frozenset((self._hovered_vertex,))  # type: ignore[arg-type]
                return True, self._delete_vertices(selected, vertices)
        return False, None

    def cancel(self) -> None:
        """Forget the drag."""
        self._rest(self.core.place)

    def leave(self) -> None:
        """Nothing is under the cursor any more."""
        if not self._drag and not self._box:
            self._rest(self.core.place)

    def preview(self, base: Preview) -> Preview:
        """The drag, what is under the cursor, the grips."""
        selected = self.core.selected_here
        return replace(
            base,
            cursor=self._foot,
            changed=self._drag.changed if self._drag else None,
            hovered=self._hovered,
            hovered_vertex=self._drag.vertex if self._drag else self._hovered_vertex,
            hovered_edge=self._hovered_edge,
            picked=self.picked,
            box=self._box,
            handles=self._grips(selected) if selected and not self._drag else (),
        )

    def _rest(self, place: tuple[str, int]) -> None:
        """Forget the drag and what the cursor was over; from now on the mouse is on this slice."""
        self.core.place = place
        self._drag = self._box = None
        self._hovered = self._hovered_vertex = self._hovered_edge = self._foot = None

    def _hover(self, point: Point, reach: float) -> None:
        selected, hit = self.core.selected_here, self.core.at(point)
        self._hovered = hit.uid if hit else None
        self._hovered_vertex = nearest_vertex(point, selected.rings, reach) if selected else None
        near = nearest_edge(point, selected.rings, reach) if selected else None
        self._hovered_edge, self._foot = near if near and not self._hovered_vertex else (None, None)

    def _pick(self, corners: tuple[Point, Point]) -> None:
        (x0, y0), (x1, y1) = corners
        self._rest(self.core.place)
        selected = self.core.selected_here
        self._picked, self._picked_of = frozenset(), selected
        if max(abs(x1 - x0), abs(y1 - y0)) <= self._tolerance_px / 3:  # a click beside everything
            self.core.selection = None
        elif selected:
            low, high = (min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))
            self._picked = frozenset(
                (number, index)
                for number, ring in enumerate(selected.rings)
                for index, (x, y) in enumerate(ring)
                if low[0] <= x <= high[0] and low[1] <= y <= high[1]
            )

    def _delete_vertices(self, annotation: Annotation, vertices: frozenset[Vertex]) -> Edit | None:
        if not self.core.may_change(annotation.subtype):
            return None
        fewer = without_vertices(annotation, vertices)
        if fewer is None:
            self.core.tell(words.THREE_POINTS_LEFT)
            return None
        return self.core.reshape(fewer, "delete vertex" if len(vertices) == 1 else "delete vertices")
