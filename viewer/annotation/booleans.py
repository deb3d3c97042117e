"""Shapes united, subtracted, intersected, cut by a line. Vectors in, vectors out; shapely does the work."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from viewer.annotation.document import Point, Shape
from viewer.annotation.geometry import SMALLEST_AREA_PX, repair
from viewer.annotation.options import Combination

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


def _geometry(parts: Iterable[Shape]) -> "BaseGeometry":
    """The parts as one valid geometry."""
    import shapely

    valid = [shape for outline, holes in parts for shape in repair(outline, holes)]
    return shapely.union_all([shapely.Polygon(outline, holes) for outline, holes in valid])


def _shapes(geometry: "BaseGeometry") -> tuple[Shape, ...]:
    """The polygons of a geometry, dust left out."""
    import shapely

    return tuple(
        (
            tuple((float(x), float(y)) for x, y in part.exterior.coords[:-1]),
            tuple(tuple((float(x), float(y)) for x, y in hole.coords[:-1]) for hole in part.interiors),
        )
        for part in shapely.get_parts(geometry)
        if part.geom_type == "Polygon" and part.area > SMALLEST_AREA_PX
    )


def boxes_meet(first: Sequence[Shape], second: Sequence[Shape]) -> bool:
    """Whether the bounding boxes of two lists of shapes touch."""
    if not first or not second:
        return False
    a, b = (
        [(min(c), max(c)) for c in zip(*(p for outline, _ in parts for p in outline), strict=True)]
        for parts in (first, second)
    )
    return all(
        low <= other_high and other_low <= high
        for (low, high), (other_low, other_high) in zip(a, b, strict=True)
    )


def combined(first: Sequence[Shape], second: Sequence[Shape], how: Combination) -> tuple[Shape, ...]:
    """What is in the first or the second (ADD), in the first only (SUBTRACT), in both (INTERSECT). May be none."""
    if not boxes_meet(first, second):
        return {Combination.ADD: (*first, *second), Combination.SUBTRACT: tuple(first)}.get(how, ())
    a, b = _geometry(first), _geometry(second)
    if how is Combination.ADD:
        return _shapes(a.union(b))
    common = a.intersection(b)
    if how is Combination.SUBTRACT and common.area > SMALLEST_AREA_PX:
        return _shapes(a.difference(b))
    return tuple(first) if how is Combination.SUBTRACT else _shapes(common)


def united(parts: Sequence[Shape]) -> tuple[Shape, ...]:
    """Valid parts, no two of which overlap, that together cover what the given ones do."""
    return _shapes(_geometry(parts))


def cut(parts: Sequence[Shape], start: Point, end: Point) -> tuple[Shape, ...]:
    """The parts divided along a straight line from `start` to `end`; as they came where it does not cross one."""
    import shapely

    line = shapely.LineString([start, end])
    pieces: list[Shape] = []
    for part in parts:
        whole = _geometry([part])
        divided = shapely.polygonize([shapely.union_all([whole.boundary, line])])
        inside = [
            piece
            for piece in shapely.get_parts(divided)
            if piece.area > SMALLEST_AREA_PX and whole.contains(piece.representative_point())
        ]
        pieces += [part] if len(inside) < 2 else [shape for piece in inside for shape in _shapes(piece)]
    return tuple(pieces)
