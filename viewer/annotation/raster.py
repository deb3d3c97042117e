"""Polygons ⇄ masks. One rule: a pixel is in iff its centre is, ties half open (left and top edges in).

Even-odd over all rings, so holes are rings like any other. Two polygons that share an edge share no pixel
and leave none out.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model.labels import BACKGROUND, BY_CODE
from viewer.annotation.document import Annotation, Document, Point, Ring
from viewer.annotation.geometry import Shape, contains, may_cross, signed_area, without_repeats

Mask = npt.NDArray[np.bool_]


def _crossings(ring: Sequence[Point]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(row, first column whose centre is at or right of the edge) for each edge at each row centre it spans."""
    start = np.asarray(ring, np.float64)
    end = np.roll(start, -1, axis=0)
    down = (start[:, 1] <= end[:, 1])[:, None]
    upper, lower = np.where(down, start, end), np.where(down, end, start)  # the same x whichever way it runs
    first = np.ceil(upper[:, 1] - 0.5).astype(np.int64)
    counts = np.ceil(lower[:, 1] - 0.5).astype(np.int64) - first
    edge = np.repeat(np.arange(len(start)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    slope = (lower[edge, 0] - upper[edge, 0]) / (lower[edge, 1] - upper[edge, 1])
    x = upper[edge, 0] + (row + 0.5 - upper[edge, 1]) * slope
    return row, np.ceil(x - 0.5).astype(np.int64)


def polygon_mask(outline: Sequence[Point], shape: tuple[int, int], holes: Sequence[Ring] = ()) -> Mask:
    """Mask bool (rows, columns) of the pixels whose centre lies in the outline and in no hole."""
    mask = np.zeros(shape, np.bool_)
    pieces = [_crossings(ring) for ring in (outline, *holes)]
    row, column = (np.concatenate(part) for part in zip(*pieces, strict=True))
    seen = (row >= 0) & (row < shape[0])
    row, column = row[seen], np.clip(column[seen], 0, shape[1])
    if row.size == 0:
        return mask
    top, left = int(row.min()), int(column.min())
    height, width = int(row.max()) - top + 1, int(column.max()) - left
    toggles = np.bincount((row - top) * (width + 1) + column - left, minlength=height * (width + 1))
    inside = np.cumsum(toggles.reshape(height, width + 1)[:, :width], axis=1) & 1
    mask[top : top + height, left : left + width] = inside.astype(np.bool_)
    return mask


def with_pixels(parts: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """The parts that hold the centre of a pixel; all of them where none does. The mask is the same."""
    kept = tuple(part for part in parts if _holds_a_pixel(part))
    return kept or parts


def _holds_a_pixel(part: Shape) -> bool:
    outline, holes = part
    pieces = [_crossings(ring) for ring in (outline, *holes)]
    edges = np.stack([np.concatenate(axis) for axis in zip(*pieces, strict=True)])
    _, counts = np.unique(edges, axis=1, return_counts=True)
    return bool((counts % 2).any())  # what is entered and left before the same centre holds none


def annotation_mask(annotation: Annotation, shape: tuple[int, int]) -> Mask:
    """Mask bool (rows, columns) of all parts of an annotation."""
    outline, *others = annotation.rings
    return polygon_mask(outline, shape, others)


def slice_labels(
    document: Document, sop_uid: str, shape: tuple[int, int], frame: int = 0
) -> npt.NDArray[np.uint8]:
    """Label map uint8 (rows, columns) of one slice: 0 none, 1..5 subtype. Where two overlap, the later counts."""
    labels = np.full(shape, BACKGROUND, np.uint8)
    for annotation in document.on_slice(sop_uid, frame):
        mask = annotation_mask(annotation, shape)
        labels[mask] = BY_CODE[annotation.subtype].value
    return labels


def dice(first: Mask, second: Mask) -> float:
    """Dice overlap of two masks, 1 when both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0


# Directions of a boundary edge, the mask at its right hand (y down): east, south, west, north.
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def _boundary(mask: Mask) -> dict[tuple[int, int], list[int]]:
    """Outgoing boundary edges (directions) of each pixel corner (x, y), the mask at their right hand."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    sides = (
        (inside & ~padded[:-2, 1:-1], 0, 0),  # top edge, eastwards from (c, r)
        (inside & ~padded[1:-1, 2:], 1, 0),  # right edge, southwards from (c+1, r)
        (inside & ~padded[2:, 1:-1], 1, 1),  # bottom edge, westwards from (c+1, r+1)
        (inside & ~padded[1:-1, :-2], 0, 1),  # left edge, northwards from (c, r+1)
    )
    edges: dict[tuple[int, int], list[int]] = {}
    for direction, (side, right, below) in enumerate(sides):
        for row, column in zip(*(axis.tolist() for axis in np.nonzero(side)), strict=True):
            edges.setdefault((column + right, row + below), []).append(direction)
    return edges


def _rings(mask: Mask) -> list[list[tuple[int, int]]]:
    """Closed boundary walks along pixel edges, each split where it meets itself at a corner."""
    edges = _boundary(mask)
    rings = []
    while edges:
        corner = next(iter(edges))
        direction = edges[corner][0]
        walk: list[tuple[int, int]] = []
        place: dict[tuple[int, int], int] = {}
        while corner in edges:
            if corner in place:
                rings.append(walk[place[corner] :])
                for passed in walk[place[corner] :]:
                    place.pop(passed)
                del walk[len(place) :]
            place[corner] = len(walk)
            walk.append(corner)
            ways = edges[corner]
            # Two ways out: two pixels touch at this corner only. Turning right stays with the same pixel.
            way = (direction + 1) % 4 if (direction + 1) % 4 in ways else ways[0]
            ways.remove(way)
            if not ways:
                del edges[corner]
            corner = (corner[0] + _STEPS[way][0], corner[1] + _STEPS[way][1])
            direction = way
        rings.append(walk[place[corner] :])
    return rings


def _without_straight(ring: list[tuple[int, int]]) -> Ring:
    """Corners only: points in the middle of a straight run are left out."""
    points = np.array(ring, np.float64)
    straight = (np.roll(points, -1, axis=0) - points == points - np.roll(points, 1, axis=0)).all(1)
    return tuple((float(x), float(y)) for x, y in points[~straight])


def mask_outlines(mask: Mask) -> list[Shape]:
    """Exact pixel-edge polygons of a mask: one (outline, holes) per 4-connected region.

    `polygon_mask` of them gives the mask back, pixel for pixel.
    """
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    if rows.size == 0:
        return []
    top, left = int(rows[0]), int(columns[0])
    crop = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    rings = [[(x + left, y + top) for x, y in ring] for ring in _rings(crop)]
    outer = sorted((r for r in rings if signed_area(r) > 0), key=lambda r: abs(signed_area(r)))
    holes: list[list[Ring]] = [[] for _ in outer]
    for ring in rings:
        if signed_area(ring) > 0:
            continue
        (x0, y0), (x1, y1) = ring[0], ring[1]
        beside = (
            (x0 + x1) / 2 - (y1 - y0) / 2,
            (y0 + y1) / 2 + (x1 - x0) / 2,
        )  # mask pixel right of the edge
        owner = next(index for index, around in enumerate(outer) if contains(beside, [around]))
        holes[owner].append(_without_straight(ring))
    return [(_without_straight(ring), tuple(inner)) for ring, inner in zip(outer, holes, strict=True)]


def _thinned(points: npt.NDArray[np.float64], tolerance_px: float) -> npt.NDArray[np.bool_]:
    """Which points of an open line to keep so that none left out is further than the tolerance from the line.

    Ramer, Douglas and Peucker, doi:10.3138/FM57-6770-U75U-7727.
    """
    keep = np.zeros(len(points), np.bool_)
    keep[[0, -1]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        along = points[last] - points[first]
        away = points[first + 1 : last] - points[first]
        length = float(along @ along)
        share = np.clip(away @ along / length, 0, 1) if length else np.zeros(len(away))
        distance = np.hypot(*(away - share[:, None] * along).T)
        worst = int(distance.argmax())
        if distance[worst] > tolerance_px:
            middle = first + 1 + worst
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return keep


def simplify(outline: Sequence[Point], tolerance_px: float = 0.5, least_dice: float = 0.98) -> Ring:
    """The outline with fewer points, none of those left out further than the tolerance from it.

    The mask stays within `least_dice` of the original's and the outline gains no crossing; where that fails the
    tolerance is halved, and after four times the outline is returned as it came.
    """
    ring = without_repeats(outline)
    points = np.array(ring, np.float64).reshape(-1, 2)
    if len(points) < 5:
        return ring
    far = int(np.hypot(*(points - points[0]).T).argmax())
    origin = np.floor(points.min(0))
    columns, rows = (int(size) + 1 for size in np.ceil(points.max(0) - origin))
    before = polygon_mask([tuple(p) for p in points - origin], (rows, columns))
    for _ in range(4):
        keep = np.concatenate(
            [
                _thinned(points[: far + 1], tolerance_px)[:-1],
                _thinned(np.vstack([points[far:], points[:1]]), tolerance_px)[:-1],
            ]
        )
        fewer = points[keep]
        result = tuple((float(x), float(y)) for x, y in fewer)
        if len(result) >= 3 and (not may_cross(result) or may_cross(ring)):
            after = polygon_mask([tuple(p) for p in fewer - origin], (rows, columns))
            if dice(before, after) >= least_dice:
                return result
        tolerance_px /= 2
    return ring
