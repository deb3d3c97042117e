"""Lengths, angles and areas of points, once they are scaled to mm (or left in pixels where nobody knows their size)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from viewer.measures.measure import Point


@dataclass(frozen=True)
class Scale:
    """Size of a pixel: `across` between columns, `down` between rows, in `unit` (`mm`, or `px` uncalibrated).

    estimated: the size was worked out from something else than the pixels' own spacing.
    """

    across: float = 1.0
    down: float = 1.0
    unit: str = "px"
    estimated: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for pixels without a size."""
        if not (self.across > 0 and self.down > 0 and math.isfinite(self.across * self.down)):
            raise ValueError(f"pixels need a size, got {self.across} × {self.down}")

    @property
    def calibrated(self) -> bool:
        """Whether lengths come out in mm."""
        return self.unit == "mm"

    def apply(self, points: Sequence[Point]) -> list[Point]:
        """The points in units of length."""
        return [(x * self.across, y * self.down) for x, y in points]


PIXELS = Scale()


def length(start: Point, end: Point) -> float:
    """Distance of two points."""
    return math.hypot(end[0] - start[0], end[1] - start[1])


def angle_deg(first: Point, vertex: Point, second: Point) -> float:
    """Angle at `vertex`, 0° to 180°; 0 where an arm has no length."""
    ax, ay = first[0] - vertex[0], first[1] - vertex[1]
    bx, by = second[0] - vertex[0], second[1] - vertex[1]
    return abs(math.degrees(math.atan2(ax * by - ay * bx, ax * bx + ay * by)))


def side_of(start: Point, end: Point, point: Point) -> float:
    """Signed distance of a point from the line through two others, positive at the right hand of one who goes from
    start to end (y down); the distance from `start` where the two are one."""
    along = length(start, end)
    if along == 0:
        return length(start, point)
    return ((end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])) / along


def foot(start: Point, end: Point, point: Point) -> Point:
    """The point of the line through two others that is nearest to a third; `start` where the two are one."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    squared = dx * dx + dy * dy
    if squared == 0:
        return start
    share = ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / squared
    return (start[0] + share * dx, start[1] + share * dy)


def perpendicular(start: Point, end: Point, at: Point, towards: Point) -> Point:
    """The point nearest to `towards` on the line through `at` that is perpendicular to the line start–end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    if dx == dy == 0:
        return towards
    return foot(at, (at[0] - dy, at[1] + dx), towards)


def perimeter(ring: Sequence[Point]) -> float:
    """Length of a polygon's border."""
    return sum(map(math.dist, ring, (*ring[1:], ring[0])))


def distance_to_path(point: Point, path: Sequence[Point], *, closed: bool = False) -> float:
    """Distance of a point from the nearest place of a path of one point or more."""
    if len(path) == 1:
        return length(path[0], point)
    pairs = [*pairwise(path), *([(path[-1], path[0])] if closed else [])]
    return min(length(point, _nearest(start, end, point)) for start, end in pairs)


def _nearest(start: Point, end: Point, point: Point) -> Point:
    """The point of a piece of line that is nearest to another."""
    there = foot(start, end, point)
    low_x, high_x = sorted((start[0], end[0]))
    low_y, high_y = sorted((start[1], end[1]))
    return (min(max(there[0], low_x), high_x), min(max(there[1], low_y), high_y))
