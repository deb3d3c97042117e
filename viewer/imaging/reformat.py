"""Sagittal, coronal and oblique pictures of a stack of slices, true to scale whatever the stack is like.

A tilted gantry shears the stack and a scanner may change its step on the way; so every slice is taken where its own
position says, and pictures are cut in the orthogonal frame of the slices: across the rows, down the columns, and
along their normal. Between slices values are interpolated along the normal. Nothing else is assumed: no constant gap,
no common origin.

Coordinates are the patient's (LPS, mm). Picture points are image-relative (PS3.3 C.18.6): pixel centres at .5.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Literal

import numpy as np
import numpy.typing as npt

from model.errors import PterionError

OUTSIDE_HU = -1024
"""What a picture shows where there is no slice."""

Plane = Literal["axial", "coronal", "sagittal"]
Vector = tuple[float, float, float]
_F64 = npt.NDArray[np.float64]
_AXES = {"sagittal": (0, 1, 2), "coronal": (1, 0, 2), "axial": (2, 0, 1)}
"""Axes of the patient (left, back, head) across a plane, to its right, and down or up in it."""
_PIXELS_MAX, _LEVELS_MAX = 1 << 24, 4096


@dataclass(frozen=True)
class Stack:
    """Slices that lie parallel and in order along their normal, each at its own position.

    hu: int16 (slices, rows, columns). positions_mm: float (slices, 3), centres of the first pixels.
    orientation: direction of the rows, then of the columns, as in ImageOrientationPatient.
    spacing_mm: (between rows, between columns).
    """

    hu: npt.NDArray[np.int16]
    positions_mm: npt.NDArray[np.float64]
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, float]

    def __post_init__(self) -> None:
        """Raise PterionError where the slices make no stack."""
        count = len(self.hu)
        if self.hu.ndim != 3 or self.positions_mm.shape != (count, 3) or count < 2:
            raise PterionError(
                f"A cut needs two slices with positions, got {count}. Open a series with more slices."
            )
        if not (np.diff(self.heights_mm) > 0).all():
            raise PterionError(
                "The slices do not lie in order, so they cannot be cut across. Scan their folder again."
            )

    @cached_property
    def axes(self) -> _F64:
        """Unit vectors (3, 3): along the rows, down the columns, and from the first slice to the last."""
        right, down = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        right = right / np.linalg.norm(right)
        down = down - right * (right @ down)
        down /= np.linalg.norm(down)
        normal = np.cross(right, down)
        ahead = float((self.positions_mm[-1] - self.positions_mm[0]) @ normal)
        return np.stack([right, down, normal if ahead > 0 else -normal])

    @cached_property
    def origins_mm(self) -> _F64:
        """Positions (slices, 3) in the frame of `axes`."""
        return np.asarray(self.positions_mm @ self.axes.T)

    @property
    def heights_mm(self) -> _F64:
        """Position (slices,) of each slice along the normal."""
        return self.origins_mm[:, 2]

    @cached_property
    def box_mm(self) -> _F64:
        """First and last pixel centre (2, 3) that any slice reaches, in the frame of `axes`; half a gap at the ends."""
        rows, columns = self.hu.shape[1:]
        far = np.array([(columns - 1) * self.spacing_mm[1], (rows - 1) * self.spacing_mm[0], 0.0])
        gaps = np.diff(self.heights_mm)
        ends = np.array([[0, 0, gaps[0] / 2], [0, 0, gaps[-1] / 2]])
        return np.stack([self.origins_mm.min(0) - ends[0], self.origins_mm.max(0) + far + ends[1]])

    @property
    def step_mm(self) -> float:
        """Side of a picture's pixels unless another is asked for: the finer pixel spacing."""
        return min(self.spacing_mm)


@dataclass(frozen=True)
class Cut:
    """A picture with square pixels and its place in the patient.

    hu: int16 (rows, columns). origin_mm: centre of its first pixel. right, down: unit vectors.
    """

    hu: npt.NDArray[np.int16]
    origin_mm: Vector
    right: Vector
    down: Vector
    step_mm: float

    def patient_mm(self, column: float, row: float) -> Vector:
        """The place of a picture point."""
        point = (
            np.array(self.origin_mm)
            + np.array(self.right) * (self.step_mm * (column - 0.5))
            + np.array(self.down) * (self.step_mm * (row - 0.5))
        )
        return _vector(point)

    def picture_point(self, point_mm: Vector) -> tuple[float, float, float]:
        """(column, row) of the point of the picture nearest to a place, and how many mm the place lies behind it."""
        offset = np.array(point_mm) - np.array(self.origin_mm)
        right, down = np.array(self.right), np.array(self.down)
        behind = float(offset @ np.cross(right, down))
        return (
            float(offset @ right) / self.step_mm + 0.5,
            float(offset @ down) / self.step_mm + 0.5,
            behind,
        )


@dataclass(frozen=True)
class Grid:
    """A stack with its shear taken out and its gaps made equal: a block of even cells.

    hu: int16 (levels, rows, columns). origin_mm: centre of the first cell. axes: unit vectors (3, 3) along columns,
    rows and levels. steps_mm: lengths of a cell along them.
    """

    hu: npt.NDArray[np.int16]
    origin_mm: Vector
    axes: npt.NDArray[np.float64]
    steps_mm: Vector


def cut(stack: Stack, plane: Plane, at_mm: Vector, step_mm: float | None = None) -> Cut:
    """The axial, coronal or sagittal picture through a place, turned as radiologists look at it.

    Its plane is the one of the slices' own frame that is nearest to the patient's: of a tilted stack the axial
    picture is parallel to the slices. The head, or the nose, is up; the patient's right, or the nose, to the left.
    """
    return _cut(stack, plane, at_mm, step_mm, pixels=True)


def blank(stack: Stack, plane: Plane, at_mm: Vector, step_mm: float | None = None) -> Cut:
    """`cut` without looking at any slice: its size and place are right, all of it is air."""
    return _cut(stack, plane, at_mm, step_mm, pixels=False)


def _cut(stack: Stack, plane: Plane, at_mm: Vector, step_mm: float | None, *, pixels: bool) -> Cut:
    """A picture, with or without what is on it."""
    axes, step = stack.axes, step_mm or stack.step_mm
    across, right, down = (_nearest(axes)[axis] for axis in _AXES[plane])
    turned_right = float(np.sign(axes[right, _AXES[plane][1]])) or 1.0
    turned_down = (float(np.sign(axes[down, _AXES[plane][2]])) or 1.0) * (1 if plane == "axial" else -1)
    along_right = _ruler(stack, right, step, turned_right)
    along_down = _ruler(stack, down, step, turned_down)
    _check(along_right.size * along_down.size, step)
    at = float(axes[across] @ np.array(at_mm))
    rulers = {right: along_right, down: along_down}
    origin = axes[across] * at + axes[right] * along_right[0] + axes[down] * along_down[0]
    if not pixels:
        hu = np.broadcast_to(np.int16(OUTSIDE_HU), (along_down.size, along_right.size))
    elif across == 2:
        picture = _level(stack, at, rulers[0], rulers[1])
        hu = _rounded(picture if down == 1 else picture.T)
    else:
        picture = _lines(stack, across, at, rulers[1 - across], rulers[2])
        hu = _rounded(picture if down == 2 else picture.T)
    return Cut(
        hu, _vector(origin), _vector(axes[right] * turned_right), _vector(axes[down] * turned_down), step
    )


def oblique(
    stack: Stack, origin_mm: Vector, right: Vector, down: Vector, shape: tuple[int, int], step_mm: float
) -> Cut:
    """The picture of any plane: `shape` is (rows, columns), `right` and `down` are perpendicular unit vectors."""
    _check(shape[0] * shape[1], step_mm)
    axes = stack.axes
    start = axes @ np.array(origin_mm)
    across = (axes @ np.array(right))[:, None] * (step_mm * np.arange(shape[1]))
    below = (axes @ np.array(down))[:, None] * (step_mm * np.arange(shape[0]))
    picture = np.empty(shape, np.float32)
    for row in range(shape[0]):
        picture[row] = _points(stack, (start + below[:, row])[:, None] + across)
    return Cut(_rounded(picture), origin_mm, right, down, step_mm)


def straighten(stack: Stack, step_mm: float | None = None, level_mm: float | None = None) -> Grid:
    """The whole stack on even cells: `step_mm` across, `level_mm` (by default the median gap) along the normal."""
    step = step_mm or stack.step_mm
    between = level_mm or float(np.median(np.diff(stack.heights_mm)))
    columns, rows = (_ruler(stack, axis, step, 1.0) for axis in (0, 1))
    heights = stack.heights_mm
    levels = heights[0] + between * np.arange(int((heights[-1] - heights[0]) / between + 1e-6) + 1)
    _check(columns.size * rows.size, step)
    if levels.size > _LEVELS_MAX:
        raise PterionError(f"{levels.size} levels of {between:g} mm are too many. Choose a larger step.")
    hu = np.empty((levels.size, rows.size, columns.size), np.int16)
    for index, height in enumerate(levels):
        hu[index] = _rounded(_level(stack, float(height), columns, rows))
    first = stack.axes.T @ np.array([columns[0], rows[0], levels[0]])
    return Grid(hu, _vector(first), stack.axes, (step, step, between))


def _nearest(axes: _F64) -> tuple[int, ...]:
    """For each axis of the patient, the axis of the stack that is nearest to it; each is taken once."""
    return max(
        permutations(range(3)), key=lambda order: sum(abs(axes[order[axis], axis]) for axis in range(3))
    )


def _ruler(stack: Stack, axis: int, step: float, direction: float) -> _F64:
    """Coordinates along an axis of the stack at which a picture is sampled, in the direction that it is looked at."""
    first, last = stack.box_mm[:, axis]
    count = int(min((last - first) / step + 1e-6, _PIXELS_MAX)) + 1
    ruler = first + step * np.arange(count)
    return np.asarray(ruler if direction > 0 else ruler[::-1])


def _level(stack: Stack, height: float, columns: _F64, rows: _F64) -> npt.NDArray[np.float32]:
    """Values (rows, columns) at one height, between the two slices that enclose it."""
    below, share = _between(stack, np.array([height]))
    result = np.zeros((rows.size, columns.size), np.float32)
    for index, weight in ((int(below[0]), 1 - float(share[0])), (int(below[0]) + 1, float(share[0]))):
        if weight > 0:
            x, y, _ = stack.origins_mm[index]
            plane = stack.hu[index].astype(np.float32)
            plane = _interpolated(plane, ((rows - y) / stack.spacing_mm[0])[:, None], 0)
            result += weight * _interpolated(plane, ((columns - x) / stack.spacing_mm[1])[None], 1)
    return result


def _lines(stack: Stack, across: int, at: float, along: _F64, heights: _F64) -> npt.NDArray[np.float32]:
    """Values (heights, along) in the plane where the in-plane axis `across` is `at`.

    Every slice gives one line of pixels, moved to where its position says.
    """
    index = ((at - stack.origins_mm[:, across]) / stack.spacing_mm[1 - across])[:, None]
    size = stack.hu.shape[2 - across]
    low = np.clip(np.floor(index[:, 0]).astype(np.int64), 0, max(size - 2, 0))
    slices = np.arange(len(stack.hu))
    pair = (low, np.minimum(low + 1, size - 1))
    near, far = (stack.hu[slices, :, one] if across == 0 else stack.hu[slices, one] for one in pair)
    share = np.clip(index - low[:, None], 0, 1).astype(np.float32)
    lines = near * (1 - share) + far * share
    lines[((index < -0.5) | (index > size - 0.5))[:, 0]] = OUTSIDE_HU
    places = (along[None] - stack.origins_mm[:, 1 - across, None]) / stack.spacing_mm[across]
    lines = _interpolated(lines, places, 1)
    below, part = _between(stack, heights)
    weight = part[:, None].astype(np.float32)
    return np.asarray(lines[below] * (1 - weight) + lines[below + 1] * weight, np.float32)


def _points(stack: Stack, points: _F64) -> npt.NDArray[np.float32]:
    """Values (n,) at points (3, n) in the frame of the stack."""
    below, share = _between(stack, points[2])
    result = np.zeros(points.shape[1], np.float32)
    rows, columns = stack.hu.shape[1:]
    for index, weight in ((below, 1 - share), (below + 1, share)):
        column = (points[0] - stack.origins_mm[index, 0]) / stack.spacing_mm[1]
        row = (points[1] - stack.origins_mm[index, 1]) / stack.spacing_mm[0]
        outside = (column < -0.5) | (column > columns - 0.5) | (row < -0.5) | (row > rows - 0.5)
        c, r = np.clip(column, 0, columns - 1), np.clip(row, 0, rows - 1)
        c0, r0 = c.astype(np.int64), r.astype(np.int64)
        c1, r1 = np.minimum(c0 + 1, columns - 1), np.minimum(r0 + 1, rows - 1)
        p, q = c - c0, r - r0
        hu = stack.hu
        value = (hu[index, r0, c0] * (1 - p) + hu[index, r0, c1] * p) * (1 - q)
        value += (hu[index, r1, c0] * (1 - p) + hu[index, r1, c1] * p) * q
        value[outside] = OUTSIDE_HU
        result += (weight * value).astype(np.float32)
    first, last = stack.box_mm[:, 2]
    result[(points[2] < first) | (points[2] > last)] = OUTSIDE_HU
    return result


def _between(stack: Stack, heights: _F64) -> tuple[npt.NDArray[np.int64], _F64]:
    """The slice below each height, and how far on the way to the next it lies (0 to 1; the end slices go on)."""
    own = stack.heights_mm
    below = np.clip(np.searchsorted(own, heights, side="right") - 1, 0, own.size - 2)
    share = np.clip((heights - own[below]) / (own[below + 1] - own[below]), 0, 1)
    return below, share


def _interpolated(values: npt.NDArray[np.float32], places: _F64, axis: int) -> npt.NDArray[np.float32]:
    """`values` at fractional indices along an axis, linear in between, air beyond half a pixel outside."""
    size = values.shape[axis]
    low = np.clip(np.floor(places).astype(np.int64), 0, max(size - 2, 0))
    share = np.clip(places - low, 0, 1).astype(np.float32)
    near = np.take_along_axis(values, low, axis)
    far = np.take_along_axis(values, np.minimum(low + 1, size - 1), axis)
    outside = (places < -0.5) | (places > size - 0.5)
    return np.where(outside, np.float32(OUTSIDE_HU), near + (far - near) * share)


def _rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Whole HU in an array of its own."""
    return np.ascontiguousarray(np.rint(values).astype(np.int16))


def _check(pixels: int, step: float) -> None:
    """Raise PterionError for a picture that is too large to make."""
    if pixels > _PIXELS_MAX:
        raise PterionError(f"A picture of {pixels} pixels of {step:g} mm is too large. Choose a larger step.")


def _vector(values: _F64) -> Vector:
    return (float(values[0]), float(values[1]), float(values[2]))
