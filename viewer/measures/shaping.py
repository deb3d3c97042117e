"""How a measure is taken hold of: its grips and lines, and what it becomes when one of them is dragged."""

import math
from collections.abc import Sequence
from dataclasses import replace

from viewer.annotation.geometry import area, nearest_edge, repair
from viewer.measures.geometry import Scale, distance_to_path, length, perpendicular
from viewer.measures.measure import Kind, Measure, Point
from viewer.measures.regions import box_of, ring_of

SMALLEST = 1e-3
"""Below this, in pixels or mm, something has no extent."""
_BOXES = frozenset({Kind.ELLIPSE, Kind.RECTANGLE})
_AXES = frozenset({Kind.BIDIRECTIONAL, Kind.ABC2})


def grips(measure: Measure) -> tuple[Point, ...]:
    """Where a measure can be taken hold of: the corners of a box, else its points."""
    if measure.kind in _BOXES:
        left, top, right, bottom = box_of(measure.points)
        return ((left, top), (right, top), (right, bottom), (left, bottom))
    return measure.points


def lines(kind: Kind, points: Sequence[Point]) -> tuple[tuple[Point, ...], ...]:
    """What is drawn, as far as there are points: open paths; borders end where they begin."""
    if kind in _BOXES and len(points) == 2:
        ring = ring_of(kind, points)
        return ((*ring, ring[0]),)
    if kind in _AXES:
        return tuple(pair for pair in (tuple(points[:2]), tuple(points[2:4])) if pair)
    if kind is Kind.MIDLINE:
        return (tuple(points[:2]), tuple(points[2:3])) if len(points) > 2 else (tuple(points),)
    if kind in (Kind.POLYGON, Kind.FREEHAND) and len(points) > 2:
        return ((*points, points[0]),)
    return (tuple(points),)


def distance(measure: Measure, point: Point, scale: Scale) -> float:
    """Distance of a point from the lines of a measure, in the scale's unit."""
    here = scale.apply((point,))[0]
    return min(distance_to_path(here, scale.apply(path)) for path in lines(measure.kind, measure.points))


def has_extent(kind: Kind, points: Sequence[Point], scale: Scale) -> bool:
    """Whether there is something to measure: a length, an angle with two arms, a box with two sides, an area."""
    if kind is Kind.PROBE:
        return True
    scaled = scale.apply(points)
    if kind in _BOXES:
        left, top, right, bottom = box_of(scaled)
        return right - left > SMALLEST and bottom - top > SMALLEST
    if kind in (Kind.POLYGON, Kind.FREEHAND):
        return len(points) >= 3 and area(scaled) > SMALLEST
    if kind is Kind.ANGLE:
        return all(length(scaled[1], arm) > SMALLEST for arm in (scaled[0], scaled[2]))
    pairs = (scaled[:2], scaled[2:4]) if kind in _AXES else (scaled[:2],)
    return all(length(*pair) > SMALLEST for pair in pairs)


def dragged(measure: Measure, grip: int | None, pressed: Point, to: Point, scale: Scale) -> Measure:
    """What a measure becomes when a grip (None: all of it) is dragged from `pressed` to `to`."""
    dx, dy = to[0] - pressed[0], to[1] - pressed[1]
    if grip is None:
        return replace(measure, points=tuple((x + dx, y + dy) for x, y in measure.points))
    x, y = grips(measure)[grip]
    point = (x + dx, y + dy)
    if measure.kind in _BOXES:
        return replace(measure, points=(grips(measure)[(grip + 2) % 4], point))
    if measure.kind in _AXES:
        return replace(measure, points=_with_axis_end(measure.points, grip, point, scale))
    return replace(measure, points=(*measure.points[:grip], point, *measure.points[grip + 1 :]))


def _with_axis_end(points: tuple[Point, ...], grip: int, to: Point, scale: Scale) -> tuple[Point, ...]:
    """Another place for the end of one of two perpendicular diameters, which stay perpendicular: the first takes the
    second along as it turns; an end of the second slides at right angles to the first."""
    scaled, end = scale.apply(points), scale.apply((to,))[0]
    if grip >= 2:
        scaled[grip] = perpendicular(scaled[0], scaled[1], scaled[5 - grip], end)
    else:
        old, new = tuple(scaled[:2]), list(scaled[:2])
        new[grip] = end
        scaled = [*new, *(_taken_along(old, new, 1 - grip, point) for point in scaled[2:])]
    return tuple((x / scale.across, y / scale.down) for x, y in scaled)


def _taken_along(old: Sequence[Point], new: Sequence[Point], fixed: int, point: Point) -> Point:
    """Where a point goes when a diameter turns and grows around one of its ends: as far along it as before, in
    proportion, and as far beside it."""
    (x0, y0), (x1, y1) = old
    (u0, v0), (u1, v1) = new
    was, now = max(length(*old), SMALLEST), max(length(*new), SMALLEST)
    dx, dy = point[0] - old[fixed][0], point[1] - old[fixed][1]
    along = (dx * (x1 - x0) + dy * (y1 - y0)) / was * now / was
    beside = (dy * (x1 - x0) - dx * (y1 - y0)) / was
    right, down = (u1 - u0) / now, (v1 - v0) / now
    return (new[fixed][0] + along * right - beside * down, new[fixed][1] + along * down + beside * right)


def with_corner(measure: Measure, point: Point, scale: Scale) -> tuple[Measure, int]:
    """A polygon with one more corner, on its border next to `point`, and which one that is."""
    ring = tuple(scale.apply(measure.points))
    near = nearest_edge(scale.apply((point,))[0], (ring,), math.inf)
    assert near is not None
    (_, edge), (x, y) = near
    corner = (x / scale.across, y / scale.down)
    return replace(
        measure, points=(*measure.points[: edge + 1], corner, *measure.points[edge + 1 :])
    ), edge + 1


def largest_part(ring: tuple[Point, ...]) -> tuple[tuple[Point, ...] | None, bool]:
    """A border without self-crossings, its largest part where it had some (then True); None where nothing is left."""
    parts = repair(ring)
    if not parts:
        return None, False
    outline = max((part[0] for part in parts), key=area)
    return outline, outline != ring
