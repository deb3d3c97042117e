"""What the mouse can be in the middle of: an open outline, a drag of vertices, of a whole, of a grip."""

import math
from dataclasses import dataclass, field
from typing import Protocol

from viewer.annotation.changes import Image, moved, turned, with_points
from viewer.annotation.document import Annotation, Point, Ring
from viewer.annotation.geometry import Vertex, without_repeats
from viewer.annotation.preview import Handle
from viewer.annotation.raster import simplify

FREEHAND_STEP_PX = 0.5
MOST_POINTS = 100_000
"""An outline with more is no outline of a bleed; it also keeps every event quick."""
LEAST_SCALE = 0.05


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
        if len(self.points) < MOST_POINTS:
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
        far = math.dist(point, self.points[-1]) >= FREEHAND_STEP_PX
        if self._dragged and far and len(self.points) < MOST_POINTS:
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


class Drag(Protocol):
    """An annotation that follows the mouse. `changed`: what it becomes; None while nothing has happened."""

    changed: Annotation | None
    vertex: Vertex | None

    @property
    def action(self) -> str:
        """What it does, in words."""

    def move(self, point: Point) -> None:
        """The mouse is at `point` now."""


@dataclass
class Shift:
    """Vertices, or (none given) the whole annotation, moved once the hand has left the press.

    vertex: the one under the hand.
    """

    base: Annotation
    vertices: frozenset[Vertex]
    vertex: Vertex | None
    pressed: Point
    tolerance_px: float
    action: str
    image: Image
    changed: Annotation | None = None
    _dragged: bool = False

    def move(self, point: Point) -> None:
        """The mouse is at `point` now. A hand that trembles by a third of the tolerance moves nothing."""
        self._dragged = self._dragged or math.dist(point, self.pressed) > self.tolerance_px / 3
        if not self._dragged:
            return
        dx, dy = point[0] - self.pressed[0], point[1] - self.pressed[1]
        if self.vertices:
            self.changed = with_points(self.base, self.vertices, dx, dy, self.image)
        else:
            self.changed = moved(self.base, dx, dy, self.image)


@dataclass
class Pull:
    """A whole annotation scaled from its opposite corner, or turned about its middle, by a grip.

    aspect: height of a pixel over its width.
    """

    base: Annotation
    handle: Handle
    pressed: Point
    image: Image
    aspect: float
    changed: Annotation | None = None
    vertex: Vertex | None = None

    @property
    def action(self) -> str:
        """What it does, in words."""
        return f"{self.handle.kind} polygon"

    def move(self, point: Point) -> None:
        """The mouse is at `point` now."""
        dx, dy = point[0] - self.pressed[0], point[1] - self.pressed[1]
        if self.changed is None and not (dx or dy):
            return
        left, top, right, bottom = box(self.base)
        if self.handle.kind == "scale":
            on_left, on_top = self.handle.point[0] < left, self.handle.point[1] < top
            fixed = (right if on_left else left, bottom if on_top else top)
            wide, high = right - left, bottom - top
            across = (wide + (-dx if on_left else dx)) / wide
            down = (high + (-dy if on_top else dy)) / high
            scale = (max(across, LEAST_SCALE), max(down, LEAST_SCALE))
            self.changed = turned(self.base, fixed, scale, image=self.image)
            return
        middle = ((left + right) / 2, (top + bottom) / 2)
        degrees = self._angle(point, middle) - self._angle(self.pressed, middle)
        self.changed = turned(self.base, middle, degrees=degrees, image=self.image, aspect=self.aspect)

    def _angle(self, point: Point, middle: Point) -> float:
        return math.degrees(math.atan2((point[1] - middle[1]) * self.aspect, point[0] - middle[0]))


def grips(annotation: Annotation, apart_px: float) -> tuple[Handle, ...]:
    """Corners to scale by and one above to turn by, `apart_px` outside the outline."""
    left, top, right, bottom = box(annotation)
    left, top, right, bottom = left - apart_px, top - apart_px, right + apart_px, bottom + apart_px
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return (
        *(Handle("scale", corner) for corner in corners),
        Handle("rotate", ((left + right) / 2, top - 2 * apart_px)),
    )


def box(annotation: Annotation) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of an annotation."""
    xs, ys = zip(*(point for outline, _ in annotation.parts for point in outline), strict=True)
    return min(xs), min(ys), max(xs), max(ys)
