"""Pictures in any plane: a stack looked at obliquely, fast enough to scroll.

The slices are sampled where they are: one affine map leads from the patient to the slices' own indices, tilt
included. Where gaps differ, or slices are shifted irregularly, the stack is first brought to even levels.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from viewer.imaging.orientation import Orientation
from viewer.imaging.reformat import OUTSIDE_HU, Cut, Stack, Vector, straighten
from viewer.imaging.sections import HU, Labels
from viewer.imaging.slabs import Slab, merged

MOST_PX = 640
"""Longest side of a picture; its pixels grow with what it has to show."""
THREADS = 2
BAND_ROWS = 32
"""Rows that are sampled together, from the first to the last column that any of them has in the stack."""
SLAB_MOST = 5
"""Pictures that a slab is made of, about."""
BENT_PX = 0.05
"""Slices further from a straight line than this, in pixels or gaps, are brought to even places first."""
_F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Facing:
    """A plane by the directions of its rows (right) and columns (down), perpendicular unit vectors (LPS)."""

    right: Vector = (1.0, 0.0, 0.0)
    down: Vector = (0.0, 1.0, 0.0)

    def turned(self, about_down_deg: float, about_right_deg: float) -> "Facing":
        """The plane turned about its own vertical, then about its own horizontal."""
        right, down = np.array(self.right), np.array(self.down)
        normal = np.cross(right, down)
        a, b = np.radians(about_down_deg), np.radians(about_right_deg)
        right, normal = right * np.cos(a) + normal * np.sin(a), normal * np.cos(a) - right * np.sin(a)
        down = down * np.cos(b) + normal * np.sin(b)
        right /= np.linalg.norm(right)
        down -= right * (right @ down)
        down /= np.linalg.norm(down)
        return Facing(_vector(right), _vector(down))


class Turned:
    """Pictures of a stack in the planes that are parallel to `facing`."""

    def __init__(self, solid: "Solid", facing: Facing) -> None:
        stack = solid.stack
        self._solid, self._facing = solid, facing
        right, down = np.array(facing.right), np.array(facing.down)
        self._axes = np.stack([right, down, np.cross(right, down)])
        corners = _corners(stack) @ self._axes.T
        low, high = corners.min(axis=0), corners.max(axis=0)
        self._step = max(stack.step_mm, float((high - low)[:2].max()) / MOST_PX)
        size = ((high - low) / self._step + 1e-6).astype(int) + 1
        self._low = low
        self._gap = stack.step_mm
        self.shape = (int(size[1]), int(size[0]))
        self.count = int((high[2] - low[2]) / self._gap + 1e-6) + 1
        self.spacing_mm = (self._step, self._step)

    def _origin(self, stop: float) -> _F64:
        return np.asarray(self._axes.T @ (self._low + np.array([0.0, 0.0, self._gap * stop])))

    def hu(self, stop: int, slab: Slab | None = None) -> HU:
        """The picture at a stop."""
        half = 0 if slab is None else max(round((slab.thickness_mm / self._gap - 1) / 2), 0)
        if slab is None or half == 0:
            return self._sampled(stop)
        step = max((2 * half + 1) // SLAB_MOST, 1)
        stops = range(stop - half, stop + half + 1, step)
        pictures = (self._sampled(each) for each in stops)
        whole = merged((picture.astype(np.float32) for picture in pictures), slab.kind)
        return np.asarray(np.rint(whole), np.int16)

    def labels(self, stop: int, masks: Labels) -> Labels:
        """The mask of the pixel that is nearest to each point of the picture."""
        source = self._solid.source
        picture = np.zeros(self.shape, np.uint8)
        if source.slices is None:
            return picture
        start, below, across = self._indices(stop)
        rows, columns = (np.arange(size, dtype=np.float32) for size in self.shape)
        sizes = (masks.shape[2], masks.shape[1], source.slices.size)
        inside, index = None, []
        for axis, size in enumerate(sizes):
            down = (start[axis] + below[axis] * rows).astype(np.float32)
            place = np.rint(down[:, None] + (across[axis] * columns).astype(np.float32)).astype(np.int32)
            there = place.view(np.uint32) < size  # what is below zero is very large
            inside = there if inside is None else inside & there
            index.append(place)
        column, row, level = (place[inside] for place in index)
        picture[inside] = masks[source.slices[level], row, column]
        return picture

    def _indices(self, stop: int) -> tuple[_F64, _F64, _F64]:
        """Index (column, row, level) of the first pixel of a picture, and what a row and a column add to it."""
        matrix = self._solid.source.matrix
        right, down = (matrix @ self._axes[axis] * self._step for axis in (0, 1))
        return matrix @ self._origin(stop) + self._solid.source.start, down, right

    def _sampled(self, stop: int) -> HU:
        from scipy import ndimage

        hu = self._solid.source.hu
        start, down, right = self._indices(stop)
        first, end = _within(start, down, right, hu.shape[::-1], self.shape)
        picture = np.full(self.shape, OUTSIDE_HU, np.int16)
        rows = np.flatnonzero(first < end)
        if rows.size == 0:
            return picture
        matrix = np.zeros((3, 3))
        matrix[:, 1], matrix[:, 2] = down[::-1], right[::-1]

        def sample(top: int, bottom: int) -> None:
            left, past = int(first[top:bottom].min()), int(end[top:bottom].max())
            if past <= left:
                return
            ndimage.affine_transform(
                hu,
                matrix,
                (start + top * down + left * right)[::-1],
                output=picture[None, top:bottom, left:past],
                output_shape=(1, bottom - top, past - left),
                order=1,
                mode="nearest",  # up to the outer faces of the voxels; what is beyond is painted over
            )

        edges = [*range(int(rows[0]), int(rows[-1]) + 1, BAND_ROWS), int(rows[-1]) + 1]
        with ThreadPoolExecutor(THREADS) as pool:  # SciPy lets go of the interpreter
            list(pool.map(sample, edges[:-1], edges[1:]))
        columns = np.arange(self.shape[1])
        picture[(columns < first[:, None]) | (columns >= end[:, None])] = OUTSIDE_HU
        return picture

    def cut(self, stop: int) -> Cut:
        """The picture at a stop with its place."""
        return Cut(
            self.hu(stop), _vector(self._origin(stop)), self._facing.right, self._facing.down, self._step
        )

    def orientation(self, _stop: int, /) -> Orientation | None:
        """The same at every stop."""
        return (*self._facing.right, *self._facing.down)

    def patient_mm(self, stop: int, point: tuple[float, float]) -> Vector | None:
        """The place of an image point."""
        shift = np.array([self._step * (point[0] - 0.5), self._step * (point[1] - 0.5), self._gap * stop])
        return _vector(self._axes.T @ (self._low + shift))

    def image_point(self, point_mm: Vector) -> tuple[float, float, float] | None:
        """The place seen along the normal."""
        right, down, behind = self._axes @ np.array(point_mm) - self._low
        return float(behind) / self._gap, float(right) / self._step + 0.5, float(down) / self._step + 0.5


@dataclass(frozen=True)
class _Source:
    """Even levels (levels, rows, columns), and the map from the patient to their indices.

    matrix (3, 3), start (3,): index (column, row, level) = matrix · mm + start. slices: the slice nearest to each
    level, None where no mask can be shown.
    """

    hu: HU
    matrix: _F64
    start: _F64
    slices: npt.NDArray[np.intp] | None


class Solid:
    """A stack as it is sampled: itself or a copy, made when it is first needed and again when more slices are loaded.

    loaded: bool (slices,); slices that are not there are air.
    """

    def __init__(self, stack: Stack, loaded: npt.NDArray[np.bool_] | None = None) -> None:
        self.stack, self._loaded = stack, loaded
        self._made: tuple[int, _Source] | None = None

    @property
    def source(self) -> _Source:
        """The copy and where it lies."""
        loaded = self._loaded
        count = len(self.stack.hu) if loaded is None else int(loaded.sum())
        if self._made is None or self._made[0] != count:
            stack = self.stack
            if loaded is not None and count < len(stack.hu):
                stack = replace(stack, hu=np.where(loaded[:, None, None], stack.hu, np.int16(OUTSIDE_HU)))
            self._made = (count, _source_of(stack))
        return self._made[1]


def _source_of(stack: Stack) -> _Source:
    """Even stacks as they are, others brought to even levels; a tilt stays in the map."""
    heights, origins = stack.heights_mm, stack.origins_mm
    shear = np.polyfit(heights, origins[:, :2], 1)
    bend = np.abs(origins[:, :2] - shear[1] - heights[:, None] * shear[0]) / np.array(stack.spacing_mm[::-1])
    if bend.max() > BENT_PX:
        return _straightened(stack)
    gaps = np.diff(heights)
    level = float(gaps.mean())
    even = heights[0] + level * np.arange(heights.size)
    hu, slices = stack.hu, np.arange(heights.size)
    if np.abs(heights - even).max() > BENT_PX * level:
        level = float(max(gaps.min(), np.median(gaps) / 2))
        even = np.linspace(heights[0], heights[-1], int(np.ceil(np.ptp(heights) / level - 1e-6)) + 1)
        level = float(even[1] - even[0])
        hu, slices = _levelled(stack, even)
    scale = 1 / np.array([stack.spacing_mm[1], stack.spacing_mm[0], level])
    per_mm = np.diag(scale)
    per_mm[:2, 2] = -shear[0] * scale[:2]
    start = -scale * np.array([*shear[1], heights[0]])
    return _Source(hu, per_mm @ stack.axes, start, slices)


def _levelled(stack: Stack, even: _F64) -> tuple[HU, npt.NDArray[np.intp]]:
    """The stack at even heights, along the line from pixel to pixel, and the slice nearest to each height."""
    heights = stack.heights_mm
    low = np.clip(np.searchsorted(heights, even, side="right") - 1, 0, heights.size - 2)
    share = np.clip((even - heights[low]) / (heights[low + 1] - heights[low]), 0, 1).astype(np.float32)
    hu = np.empty((even.size, *stack.hu.shape[1:]), np.int16)
    for level, (below, part) in enumerate(zip(low, share, strict=True)):
        near = stack.hu[below].astype(np.float32)
        hu[level] = np.rint(near + (stack.hu[below + 1] - near) * part)
    return hu, np.asarray(low + (share >= 0.5), np.intp)


def _straightened(stack: Stack) -> _Source:
    """A stack whose slices are shifted irregularly, on cells of its own; masks do not fit them."""
    even = straighten(stack)
    per_mm = np.diag(1 / np.array(even.steps_mm))
    start = -per_mm @ (even.axes @ np.array(even.origin_mm))
    return _Source(even.hu, per_mm @ even.axes, start, None)


def _within(
    start: _F64, down: _F64, right: _F64, sizes: tuple[int, ...], shape: tuple[int, int]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The columns [first, end) of each row of a picture that lie in the voxels; first ≥ end where none do."""
    rows = np.arange(shape[0])
    first, end = np.zeros(shape[0]), np.full(shape[0], float(shape[1]))
    for axis, size in enumerate(sizes):
        index = start[axis] + down[axis] * rows
        if abs(right[axis]) * shape[1] < 1e-6:
            end[(index < -0.5) | (index >= size - 0.5)] = 0
        else:
            sides = (-0.5 - index) / right[axis], (size - 0.5 - index) / right[axis]
            first, end = np.maximum(first, np.minimum(*sides)), np.minimum(end, np.maximum(*sides))
    return np.ceil(first).astype(np.intp), np.ceil(end).astype(np.intp)


def _corners(stack: Stack) -> _F64:
    """The corners (8, 3) of the box that holds all slices, in the patient's coordinates."""
    low, high = stack.box_mm
    picks = np.array([[(n >> axis) & 1 for axis in range(3)] for n in range(8)])
    return np.asarray(np.where(picks == 1, high, low) @ stack.axes)


def _vector(values: _F64) -> Vector:
    return (float(values[0]), float(values[1]), float(values[2]))
