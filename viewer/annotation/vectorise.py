"""Masks as outlines that are smooth to look at and to edit, and still give the same mask back."""

import numpy as np

from viewer.annotation.document import Ring, Shape
from viewer.annotation.geometry import repair
from viewer.annotation.raster import Mask, dice, mask_outlines, polygon_mask, simplify

LEAST_DICE = 0.95


def rounded(ring: Ring) -> Ring:
    """The staircase of pixel edges through the middles of its edges, one point a pixel.

    It keeps every pixel centre on its side, so its mask is the same (the contour that marching squares draws).
    """
    points = np.array(ring)
    ahead = np.roll(points, -1, axis=0) - points
    steps = np.abs(ahead).sum(1).astype(int)
    start = np.repeat(points, steps, axis=0)
    number = np.arange(len(start)) - np.repeat(np.cumsum(steps) - steps, steps)
    share = (number + 0.5) / np.repeat(steps, steps)
    middles = start + np.repeat(ahead, steps, axis=0) * share[:, None]
    return tuple((float(x), float(y)) for x, y in middles)


def without_straight(ring: Ring) -> Ring:
    """The ring without points in the middle of a straight run of equal steps."""
    points = np.array(ring)
    straight = np.abs(np.roll(points, -1, axis=0) - 2 * points + np.roll(points, 1, axis=0)).max(1) < 1e-9
    return tuple((float(x), float(y)) for x, y in points[~straight])


def smooth_shape(shape: Shape, least_dice: float = LEAST_DICE) -> Shape:
    """A pixel-edge polygon as a smooth one with few points, whose mask stays within `least_dice` of it."""
    outline, holes = shape
    columns, rows = (int(size) + 1 for size in np.array(outline).max(0))
    before = polygon_mask(outline, (rows, columns), holes)
    for tolerance_px in (1.0, 0.5, 0.25):
        rings = [simplify(rounded(ring), tolerance_px, least_dice) for ring in (outline, *holes)]
        smooth = rings[0], tuple(rings[1:])
        if (
            repair(*smooth) == (smooth,)
            and dice(polygon_mask(rings[0], (rows, columns), rings[1:]), before) >= least_dice
        ):
            return smooth
    return shape


def exact_shapes(mask: Mask) -> tuple[Shape, ...]:
    """Smooth shapes, one per 4-connected region, whose mask is `mask` to the pixel."""
    shapes = []
    for outline, holes in mask_outlines(mask):
        full = [without_straight(rounded(ring)) for ring in (outline, *holes)]
        fewer = [simplify(ring, 0.5, 1.0) for ring in full]
        smooth = fewer[0], tuple(fewer[1:])
        shapes.append(smooth if repair(*smooth) == (smooth,) else (full[0], tuple(full[1:])))
    return tuple(shapes)
