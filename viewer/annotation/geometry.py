"""Plane geometry of outlines: area, hit tests, self-crossings and their repair. Image-relative coordinates."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from viewer.annotation.document import Point, Ring, Shape

__all__ = ["Shape", "Vertex", "area", "contains", "may_cross", "nearest_edge", "nearest_vertex", "repair"]

Vertex = tuple[int, int]
"""Which ring (0 the outline, 1… the holes) and which point of it. As an edge: from that point to the next."""

Values = npt.NDArray[np.float64]

SMALLEST_AREA_PX = 1e-3
"""Below this a shape is numerical dust: it can cover no pixel centre that anyone aimed at."""


def signed_area(ring: Sequence[Point]) -> float:
    """Area in px², positive when the ring runs clockwise on the screen (y down). Shoelace formula."""
    total = 0.0
    x0, y0 = ring[-1]
    for x1, y1 in ring:
        total += x0 * y1 - x1 * y0
        x0, y0 = x1, y1
    return total / 2


def area(outline: Sequence[Point], holes: Sequence[Ring] = ()) -> float:
    """Area in px² of an outline without its holes."""
    return abs(signed_area(outline)) - sum(abs(signed_area(hole)) for hole in holes)


def contains(point: Point, rings: Sequence[Sequence[Point]]) -> bool:
    """Whether the point is inside, by the even-odd rule over all rings."""
    x, y = point
    inside = False
    for ring in rings:
        x0, y0 = ring[-1]
        for x1, y1 in ring:
            if (y0 <= y) != (y1 <= y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                inside = not inside
            x0, y0 = x1, y1
    return inside


def nearest_vertex(point: Point, rings: Sequence[Ring], reach_px: float) -> Vertex | None:
    """The vertex closest to `point`, or None when none is within `reach_px`."""
    best, found = reach_px, None
    for number, ring in enumerate(rings):
        for index, vertex in enumerate(ring):
            distance = math.dist(point, vertex)
            if distance <= best:
                best, found = distance, (number, index)
    return found


def nearest_edge(point: Point, rings: Sequence[Ring], reach_px: float) -> tuple[Vertex, Point] | None:
    """The edge closest to `point` and the point on it, or None when none is within `reach_px`."""
    best, found = reach_px, None
    for number, ring in enumerate(rings):
        for index, (x0, y0) in enumerate(ring):
            x1, y1 = ring[(index + 1) % len(ring)]
            length = (x1 - x0) ** 2 + (y1 - y0) ** 2
            along = ((point[0] - x0) * (x1 - x0) + (point[1] - y0) * (y1 - y0)) / length if length else 0.0
            along = min(max(along, 0.0), 1.0)
            foot = (x0 + along * (x1 - x0), y0 + along * (y1 - y0))
            distance = math.dist(point, foot)
            if distance <= best:
                best, found = distance, ((number, index), foot)
    return found


def without_repeats(points: Sequence[Point], apart_px: float = 1e-9) -> Ring:
    """`points` as a ring in which no two neighbours (the last and the first too) are closer than `apart_px`."""
    kept: list[Point] = []
    for point in points:
        if not kept or math.dist(point, kept[-1]) > apart_px:
            kept.append(point)
    while len(kept) > 1 and math.dist(kept[0], kept[-1]) <= apart_px:
        kept.pop()
    return tuple(kept)


def _turn(a: Values, b: Values, c: Values) -> Values:
    """Cross product of a→b and a→c: its sign says on which side of a→b the point c lies."""
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (
        c[..., 0] - a[..., 0]
    )


def _one_side(first: Values, second: Values, dust: float) -> npt.NDArray[np.bool_]:
    """Whether both points of an edge lie clearly on the same side."""
    return ((first > dust) & (second > dust)) | ((first < -dust) & (second < -dust))


def _close_edges(low: Values, high: Values) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of edges whose boxes (from `low` to `high`, (edges, 2)) touch, without neighbours in the ring."""
    order = np.argsort(low[:, 0], kind="stable")
    place = np.arange(len(order))
    counts = np.searchsorted(low[order, 0], high[order, 0], side="right") - place - 1
    first = np.repeat(place, counts)
    second = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts) + first + 1
    i, j = order[first], order[second]
    apart = np.abs(i - j)
    near = (low[i, 1] <= high[j, 1]) & (low[j, 1] <= high[i, 1]) & (apart > 1) & (apart < len(order) - 1)
    return i[near], j[near]


def may_cross(ring: Ring) -> bool:
    """Whether two edges that are not neighbours meet, or come within rounding of it.

    False is certain; True is for shapely to confirm. It keeps shapely's import (0.2 s) out of ordinary drawing.
    """
    a = np.array(ring, np.float64)
    b = np.roll(a, -1, axis=0)
    count = len(a)
    if count < 4:
        return False
    i, j = _close_edges(np.minimum(a, b), np.maximum(a, b))
    dust = 1e-9 * max(1.0, float(np.abs(a).max()) ** 2)
    from_i = _turn(a[i], b[i], a[j]), _turn(a[i], b[i], b[j])
    from_j = _turn(a[j], b[j], a[i]), _turn(a[j], b[j], b[i])
    if (~_one_side(*from_i, dust) & ~_one_side(*from_j, dust)).any():
        return True
    c = np.roll(a, 1, axis=0)  # a spike: the way out and the way back lie on one line
    back = (np.abs(_turn(c, a, b)) <= 1e-9) & (((a - c) * (b - a)).sum(1) < 0)
    return bool(back.any())


def load_repair() -> None:
    """Import what `repair` and the tools that look at pixels need (0.4 s) before the first outline does; call it from
    a worker thread."""
    import shapely  # noqa: F401
    import skimage.graph  # noqa: F401


def repair(outline: Ring, holes: tuple[Ring, ...] = ()) -> tuple[Shape, ...]:
    """The valid shapes that together cover what the outline encloses: itself when it is valid, else its parts.

    Every lobe of a self-crossing outline survives (GEOS make_valid, method "structure"). Empty when nothing
    with an area is left.
    """
    outline = without_repeats(outline)
    if len(outline) < 3:
        return ()
    if not holes and not may_cross(outline):
        return ((outline, ()),) if area(outline) > SMALLEST_AREA_PX else ()
    import shapely

    polygon = shapely.Polygon(outline, holes)
    if polygon.is_valid:
        return ((outline, holes),) if polygon.area > SMALLEST_AREA_PX else ()
    fixed = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    parts = [p for p in shapely.get_parts(fixed) if p.geom_type == "Polygon" and p.area > SMALLEST_AREA_PX]
    return tuple(
        (
            tuple((float(x), float(y)) for x, y in part.exterior.coords[:-1]),
            tuple(tuple((float(x), float(y)) for x, y in hole.coords[:-1]) for hole in part.interiors),
        )
        for part in parts
    )
