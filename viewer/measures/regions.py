"""Regions of interest: the pixels they hold, and what these say in HU.

A pixel is in iff its centre is (ties half open: left and top edges in; an ellipse holds its border). Values are those
of the source slice, whatever the window, slab or layout; across the slices they are interpolated between them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from viewer.annotation.geometry import area as ring_area
from viewer.annotation.raster import polygon_mask
from viewer.imaging.reformat import Stack, oblique
from viewer.measures.geometry import Scale, perimeter
from viewer.measures.measure import CutPlane, Kind, Point

MOST_BINS = 40
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Histogram:
    """How many pixels lie in each bin. first: lower border of the first bin, HU. width: of each bin, whole HU."""

    first: float
    width: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Statistics:
    """What the pixels of a region say, in HU. sd: of these pixels (divided by their number, as numpy does)."""

    count: int
    mean: float
    sd: float
    minimum: int
    maximum: int
    histogram: Histogram


def box_of(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) around points."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def ring_of(kind: Kind, points: Sequence[Point], sides: int = 96) -> tuple[Point, ...]:
    """The border of a region as a polygon; of an ellipse, `sides` points of it."""
    if kind not in (Kind.ELLIPSE, Kind.RECTANGLE):
        return tuple(points)
    left, top, right, bottom = box_of(points)
    if kind is Kind.RECTANGLE:
        return ((left, top), (right, top), (right, bottom), (left, bottom))
    x, y, rx, ry = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    return tuple([(x + rx * across, y + ry * below) for across, below in _circle(sides)])


@cache
def _circle(sides: int) -> tuple[Point, ...]:
    """Points of a circle of radius 1 around the origin."""
    turns = (2 * math.pi * side / sides for side in range(sides))
    return tuple((math.cos(turn), math.sin(turn)) for turn in turns)


@cache
def _chords(sides: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far each side of that circle's polygon goes across and down, float64 (sides,)."""
    points = np.array(_circle(sides))
    across, below = (np.roll(points, -1, axis=0) - points).T
    return across, below


def region_mask(kind: Kind, points: Sequence[Point], shape: tuple[int, int]) -> Mask:
    """Mask bool (rows, columns) of the pixels whose centre lies in a region given in pixels."""
    if kind is not Kind.ELLIPSE:
        return polygon_mask(ring_of(kind, points), shape)
    left, top, right, bottom = box_of(points)
    mask = np.zeros(shape, np.bool_)
    if right <= left or bottom <= top:
        return mask
    first_row, first = max(math.floor(top), 0), max(math.floor(left), 0)
    last_row = max(min(math.ceil(bottom), shape[0]), first_row)
    last = max(min(math.ceil(right), shape[1]), first)
    row, column = np.arange(first_row, last_row)[:, None], np.arange(first, last)
    across = (column + 0.5 - (left + right) / 2) / ((right - left) / 2)
    below = (row + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
    mask[first_row:last_row, first:last] = across**2 + below**2 <= 1
    return mask


def region_area(kind: Kind, points: Sequence[Point], scale: Scale) -> float:
    """Area within the border, in the scale's unit squared."""
    if kind is Kind.ELLIPSE:
        left, top, right, bottom = box_of(scale.apply(points))
        return math.pi * (right - left) * (bottom - top) / 4
    return ring_area(ring_of(kind, scale.apply(points)))


def region_perimeter(kind: Kind, points: Sequence[Point], scale: Scale) -> float:
    """Length of the border, in the scale's unit."""
    if kind is not Kind.ELLIPSE:
        return perimeter(ring_of(kind, scale.apply(points)))
    left, top, right, bottom = box_of(scale.apply(points))
    across, below = _chords(360)
    return float(np.hypot(across * ((right - left) / 2), below * ((bottom - top) / 2)).sum())


def statistics(hu: npt.NDArray[np.int16]) -> Statistics | None:
    """What the HU (n,) of a region say; None where it holds no pixel."""
    if hu.size == 0:
        return None
    low, high = int(hu.min()), int(hu.max())
    width = max(1, math.ceil((high - low + 1) / MOST_BINS))
    bins = math.ceil((high - low + 1) / width)
    counts = np.bincount((hu.astype(np.int64) - low) // width, minlength=bins)
    values = hu.astype(np.float64)
    return Statistics(
        count=int(hu.size),
        mean=float(values.mean()),
        sd=float(values.std()),
        minimum=low,
        maximum=high,
        histogram=Histogram(low - 0.5, width, tuple(int(count) for count in counts)),
    )


def values_on_slice(hu: npt.NDArray[np.int16], kind: Kind, points: Sequence[Point]) -> npt.NDArray[np.int16]:
    """HU (n,) of the pixels of a source slice, int16 (rows, columns), that a region in its pixels holds."""
    rows, columns = hu.shape
    if kind is Kind.PROBE:
        column, row = math.floor(points[0][0]), math.floor(points[0][1])
        inside = 0 <= row < rows and 0 <= column < columns
        return np.array([hu[row, column]] if inside else [], np.int16)
    left, top, right, bottom = box_of(points)
    x, y = max(math.floor(left), 0), max(math.floor(top), 0)
    part = hu[y : max(min(math.ceil(bottom), rows), y), x : max(min(math.ceil(right), columns), x)]
    moved = [(px - x, py - y) for px, py in points]
    if not part.size:
        return hu[:0, 0]
    found: npt.NDArray[np.int16] = part[region_mask(kind, moved, (part.shape[0], part.shape[1]))]
    return found


def values_on_cut(
    stack: Stack, plane: CutPlane, kind: Kind, points: Sequence[Point]
) -> npt.NDArray[np.int16]:
    """HU (n,) in a region (mm) of a plane across the slices, on square pixels of the stack's finer spacing."""
    step = stack.step_mm
    left, top, right, bottom = box_of(points)
    if kind is Kind.PROBE:
        left, top = left - step / 2, top - step / 2
        shape = (1, 1)
    else:
        shape = (max(math.ceil((bottom - top) / step), 1), max(math.ceil((right - left) / step), 1))
    origin = plane.patient_mm((left + step / 2, top + step / 2))
    picture = oblique(stack, origin, plane.right, plane.down, shape, step).hu
    if kind is Kind.PROBE:
        return picture.ravel()
    moved = [((x - left) / step, (y - top) / step) for x, y in points]
    found: npt.NDArray[np.int16] = picture[region_mask(kind, moved, shape)]
    return found
