"""What the mouse can be in the middle of: an open outline, a drag."""

import math
from dataclasses import dataclass, field

from viewer.annotation.changes import clipped, moved, with_point
from viewer.annotation.document import Annotation, Point, Ring
from viewer.annotation.geometry import Vertex, without_repeats
from viewer.annotation.raster import simplify

FREEHAND_STEP_PX = 0.5


@dataclass
class OpenPath:
    """An outline being drawn. `place`: its slice, SOP instance UID and frame."""

    place: tuple[str, int]
    points: list[Point]
    tolerance_px: float
    cursor: Point
    closes: bool = False
    taken_back: list[Point] = field(default_factory=list)
    _pressed: Point | None = None
    _first_press: bool = True
    _dragged: bool = False
    _freehand: bool = False

    @classmethod
    def begin(cls, place: tuple[str, int], point: Point, tolerance_px: float) -> "OpenPath":
        """The first press."""
        return cls(place, [point], tolerance_px, point, _pressed=point)

    def press(self, point: Point, tolerance_px: float) -> bool:
        """Add a point; True when it is the first one again, so that the outline closes instead."""
        self.tolerance_px, self.cursor = tolerance_px, point
        if self._on_first(point):
            return True
        self.taken_back.clear()
        self.points.append(point)
        self._pressed, self._first_press, self._dragged = point, False, False
        return False

    def move(self, point: Point, tolerance_px: float) -> None:
        """Lead the rubber band; with the button down, add points once the hand has left the place of the press."""
        self.tolerance_px, self.cursor = tolerance_px, point
        self.closes = self._on_first(point)
        if self._pressed is None:
            return
        self._dragged = self._dragged or math.dist(point, self._pressed) > tolerance_px
        if self._dragged and math.dist(point, self.points[-1]) >= FREEHAND_STEP_PX:
            self._freehand = True
            self.points.append(point)

    def release(self) -> bool:
        """True when one drag has drawn the whole outline. A tremble of the first click leaves only its point."""
        drawn, self._pressed = self._first_press and self._dragged, None
        self._first_press = False
        if not drawn:
            return False
        if max(math.dist(self.points[0], point) for point in self.points) < 2 * self.tolerance_px:
            self.points, self._freehand = self.points[:1], False
            return False
        return True

    def take_back(self) -> bool:
        """Take the last point back; False when none is left."""
        self.taken_back.append(self.points.pop())
        self._pressed = None
        self.closes = False
        return bool(self.points)

    def put_back(self) -> None:
        """Add the point again that was taken back last."""
        if self.taken_back:
            self.points.append(self.taken_back.pop())

    def ring(self) -> Ring:
        """The outline as drawn so far; where a drag drew it, without points that add nothing."""
        ring = without_repeats(self.points)
        return simplify(ring) if self._freehand and len(ring) >= 3 else ring

    def _on_first(self, point: Point) -> bool:
        return len(self.points) >= 3 and math.dist(point, self.points[0]) <= self.tolerance_px


@dataclass
class Drag:
    """A vertex or (vertex None) a whole polygon that follows the mouse, once the hand has left the press.

    changed: what the annotation `base` becomes; None while nothing has happened.
    """

    base: Annotation
    vertex: Vertex | None
    pressed: Point
    tolerance_px: float
    action: str
    image: tuple[int, int] | None
    changed: Annotation | None = None
    _dragged: bool = False

    def move(self, point: Point) -> None:
        """The mouse is at `point` now. A hand that trembles by a third of the tolerance moves nothing."""
        self._dragged = self._dragged or math.dist(point, self.pressed) > self.tolerance_px / 3
        if not self._dragged:
            return
        dx, dy = point[0] - self.pressed[0], point[1] - self.pressed[1]
        if self.vertex is None:
            self.changed = moved(self.base, dx, dy, self.image)
            return
        x, y = self.base.rings[self.vertex[0]][self.vertex[1]]
        self.changed = with_point(self.base, self.vertex, clipped((x + dx, y + dy), self.image))
