"""What a viewport scrolls through: the slices as acquired, or pictures cut across them, each with its place.

A section is a row of parallel pictures of one size. Pictures are counted in *stops*. Image points are image-relative
(PS3.3 C.18.6: pixel centres at .5), places are the patient's (LPS, mm). Cut pictures have the geometry of
`imaging.reformat`: every slice is taken where its own position says, whatever the tilt and the gaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from viewer.imaging.orientation import Orientation
from viewer.imaging.reformat import OUTSIDE_HU, Cut, Stack, Vector, blank
from viewer.imaging.slabs import RunningMean, Slab, SlabKind, merge, merged, within

HU = npt.NDArray[np.int16]
Labels = npt.NDArray[np.uint8]
_F32 = npt.NDArray[np.float32]
_F64 = npt.NDArray[np.float64]
_Which = slice | npt.NDArray[np.intp]
"""Which slices of a stack."""

STRAIGHT_PX = 0.02
"""Slices whose first pixels are shifted by less than this lie straight behind each other."""


class Section(Protocol):
    """A row of `count` parallel pictures of `shape` (rows, columns) and `spacing_mm` (between rows, columns)."""

    @property
    def count(self) -> int:
        """How many stops."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of each picture."""

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Distance between rows, between columns."""

    def hu(self, stop: int, slab: Slab | None = None) -> HU:
        """The picture at a stop, int16 (rows, columns); with `slab`, of the slab around it."""

    def labels(self, stop: int, masks: Labels) -> Labels:
        """The picture of masks, uint8 (slices, rows, columns), at a stop: uint8 (rows, columns)."""

    def orientation(self, stop: int, /) -> Orientation | None:
        """Directions of the rows and of the columns, None where nobody knows."""

    def patient_mm(self, stop: int, point: tuple[float, float]) -> Vector | None:
        """The place of an image point (column, row)."""

    def image_point(self, point_mm: Vector) -> tuple[float, float, float] | None:
        """(stop, column, row) of a place; between stops the stop is a fraction, beyond the ends it goes on."""


class Acquired:
    """The slices of a series as they lie in its files."""

    def __init__(
        self,
        hu: HU,
        spacing_mm: tuple[float, float],
        positions_mm: _F64 | None = None,
        orientations: Sequence[Orientation | None] = (),
        loaded: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """hu: (slices, rows, columns). positions_mm: (slices, 3), None where one is unknown.

        loaded: bool (slices,); a slab is made of those slices that are there.
        """
        self._hu, self._loaded = hu, loaded
        self._slab: tuple[tuple[int, ...], Slab, HU] | None = None  # the last one: several viewports show it
        self._mean: RunningMean | None = None
        self._positions = positions_mm
        self._orientations = tuple(orientations)
        self.count = len(hu)
        self.shape = (hu.shape[1], hu.shape[2])
        self.spacing_mm = spacing_mm
        first = self._orientations[0] if self._orientations else None
        self._frame: _F64 | None = None
        if positions_mm is not None and first is not None:
            right, down = np.array(first[:3]), np.array(first[3:])
            normal = np.cross(right, down)
            ahead = float((positions_mm[-1] - positions_mm[0]) @ normal)
            self._frame = np.stack([right, down, normal if ahead >= 0 else -normal])
            self._heights_mm = positions_mm @ self._frame[2]

    def hu(self, stop: int, slab: Slab | None = None) -> HU:
        """A view of the slice; with `slab`, the neighbours within it, each moved to where it lies above the slice."""
        members = self.members(stop, slab)
        if slab is None or len(members) < 2:
            return np.asarray(self._hu[stop])
        if self._slab is None or self._slab[:2] != ((stop, *members), slab):
            self._slab = ((stop, *members), slab, self._merged(stop, members, slab))
        return self._slab[2]

    def _merged(self, stop: int, members: tuple[int, ...], slab: Slab) -> HU:
        shifts = self._shifts_px(members, stop)
        if np.abs(shifts).max() < STRAIGHT_PX and members[-1] - members[0] == len(members) - 1:
            if slab.kind is not SlabKind.MEAN:
                return _rounded(merge(self._hu[members[0] : members[-1] + 1], slab.kind, 0))
            self._mean = self._mean or RunningMean(self._hu)
            return self._mean.of(members[0], members[-1])
        moved = (_moved(self._hu[i], *shift) for i, shift in zip(members, shifts, strict=True))
        return _rounded(merged(moved, slab.kind))

    def members(self, stop: int, slab: Slab | None) -> tuple[int, ...]:
        """The slices that the picture at a stop is made of, ascending."""
        if slab is None or self._positions is None or self._frame is None:
            return (stop,)
        inside = within(self._heights_mm, float(self._heights_mm[stop]), slab)
        return tuple(int(i) for i in inside if self._loaded is None or self._loaded[i])

    def _shifts_px(self, members: tuple[int, ...], stop: int) -> _F64:
        """How far (rows, columns) each slice has to be moved to lie right above the one at `stop`."""
        assert self._positions is not None
        assert self._frame is not None
        offset = (self._positions[list(members)] - self._positions[stop]) @ self._frame[:2].T
        return np.asarray(offset[:, ::-1] / np.array(self.spacing_mm))

    def labels(self, stop: int, masks: Labels) -> Labels:
        """The masks of the slice itself, also in a slab."""
        return np.asarray(masks[stop])

    def orientation(self, stop: int, /) -> Orientation | None:
        """As the slice's header says."""
        return self._orientations[stop] if self._orientations else None

    def patient_mm(self, stop: int, point: tuple[float, float]) -> Vector | None:
        """PS3.3 C.7.6.2.1.1."""
        orientation = self.orientation(stop)
        if self._positions is None or orientation is None:
            return None
        right, down = np.array(orientation[:3]), np.array(orientation[3:])
        place = self._positions[stop] + right * (self.spacing_mm[1] * (point[0] - 0.5))
        return _vector(place + down * (self.spacing_mm[0] * (point[1] - 0.5)))

    def image_point(self, point_mm: Vector) -> tuple[float, float, float] | None:
        """The place seen along the normal, on the slice that is nearest."""
        if self._positions is None or self._frame is None:
            return None
        place = np.array(point_mm)
        stop = _fraction(self._heights_mm, float(place @ self._frame[2]))
        nearest = min(max(round(stop), 0), self.count - 1)
        right, down = self._frame[:2] @ (place - self._positions[nearest])
        return stop, float(right) / self.spacing_mm[1] + 0.5, float(down) / self.spacing_mm[0] + 0.5


@dataclass(frozen=True)
class _Row:
    """Where to look along one axis of a picture: between which two samples, and how far on the way."""

    low: npt.NDArray[np.intp]
    share: _F32
    outside: npt.NDArray[np.bool_]

    @property
    def plain(self) -> bool:
        """Whether it is every sample, as it is."""
        return bool((self.share == 0).all() and (self.low == np.arange(self.low.size)).all())


class Across:
    """Pictures that cut across the slices along their rows or columns: one stop for each row or column.

    loaded: bool (slices,); slices that are not there are shown as air.
    """

    def __init__(self, stack: Stack, plane: str, loaded: npt.NDArray[np.bool_] | None = None) -> None:
        """Raises ValueError where the plane is the one of the slices themselves."""
        middle = stack.axes.T @ (stack.box_mm.mean(axis=0))
        sample = blank(stack, plane, _vector(middle))  # type: ignore[arg-type]
        right, down = np.array(sample.right), np.array(sample.down)
        frame = np.abs(stack.axes @ np.stack([right, down, np.cross(right, down)]).T)
        self._across = int(frame[:, 2].argmax())
        if self._across == 2:
            raise ValueError(f"{plane} is the plane of the slices")
        self._stack, self._loaded = stack, loaded
        self._rotated = int(frame[:, 0].argmax()) == 2  # the stack's normal lies along the picture's rows
        self._cut = sample = _through_first_slice(sample, stack, right if self._rotated else down)
        self.shape = (int(sample.hu.shape[0]), int(sample.hu.shape[1]))
        self.spacing_mm = (sample.step_mm, sample.step_mm)
        self._pixel_mm = stack.spacing_mm[1 - self._across]
        low, high = stack.box_mm[:, self._across]
        self._first, self.count = float(low), int((high - low) / self._pixel_mm + 1e-6) + 1
        self._along = 1 - self._across
        along = right if not self._rotated else down
        up = down if not self._rotated else right
        size = self.shape[1] if not self._rotated else self.shape[0]
        start = stack.axes @ np.array(sample.origin_mm)
        steps = sample.step_mm * np.arange(size)
        self._places = start[self._along] + (stack.axes @ along)[self._along] * steps
        levels = self.shape[0] if not self._rotated else self.shape[1]
        heights = start[2] + (stack.axes @ up)[2] * sample.step_mm * np.arange(levels)
        self._levels = _between(stack.heights_mm, heights)
        self._row = self._straight_row()
        shift = np.ptp(stack.origins_mm[:, self._across]) / self._pixel_mm
        self._straight = bool(shift < STRAIGHT_PX)

    def _straight_row(self) -> _Row | None:
        """Where to look along the lines, the same on every slice; None where the slices are shifted."""
        stack, spacing = self._stack, self._stack.spacing_mm[self._across]
        starts = stack.origins_mm[:, self._along]
        if np.ptp(starts) / spacing >= STRAIGHT_PX:
            return None
        return _row((self._places - starts.mean()) / spacing, stack.hu.shape[2 - self._along])

    def _at(self, stop: int) -> float:
        """Coordinate of a stop across the picture, in the frame of the stack."""
        return self._first + self._pixel_mm * stop

    def hu(self, stop: int, slab: Slab | None = None) -> HU:
        """The picture at a stop."""
        lines = self._aligned(self._lines(stop, slab))
        levels = self._levels
        weight = levels.share[:, None]
        picture = lines[levels.low]
        picture += (lines[levels.low + 1] - picture) * weight
        whole = np.rint(picture, out=picture).astype(np.int16)
        return np.ascontiguousarray(whole.T) if self._rotated else whole

    def _lines(self, stop: int, slab: Slab | None) -> _F32:
        """One line of values for each slice, float32 (slices, pixels), air where the slice is not there yet.

        Those are not looked at: the system would find memory for them, and once more when they are loaded.
        """
        if self._loaded is None or self._loaded.all():
            return self._lines_of(slice(None), stop, slab)
        there = np.flatnonzero(self._loaded)
        lines = np.full((len(self._loaded), self._stack.hu.shape[2 - self._along]), OUTSIDE_HU, np.float32)
        if there.size:
            lines[there] = self._lines_of(there, stop, slab)
        return lines

    def _lines_of(self, which: _Which, stop: int, slab: Slab | None) -> _F32:
        """The lines of some slices."""
        half = 0 if slab is None else max(round((slab.thickness_mm / self._pixel_mm - 1) / 2), 0)
        if self._straight and self._stack.origins_mm[0, self._across] <= self._first + STRAIGHT_PX:
            size = self._stack.hu.shape[2 - self._across]
            low, high = max(stop - half, 0), min(stop + half + 1, size)
            if slab is None or high - low < 2:
                return self._plane(which, stop).astype(np.float32)
            return self._block(which, low, high, slab)
        offsets = range(-half, half + 1)
        lines = (self._shifted(which, self._at(stop) + self._pixel_mm * offset) for offset in offsets)
        return next(lines) if slab is None or half == 0 else merged(lines, slab.kind)

    def _plane(self, which: _Which, index: int) -> HU:
        hu = self._stack.hu
        return np.asarray(hu[which, :, index] if self._across == 0 else hu[which, index])

    def _block(self, which: _Which, low: int, high: int, slab: Slab) -> _F32:
        """The slab over rows or columns `low` to `high`. Columns are brought together first: it is faster."""
        if self._across == 1:
            return merge(self._stack.hu[which, low:high], slab.kind, 1)
        block = np.ascontiguousarray(self._stack.hu[which, :, low:high])
        columns = (block[:, :, index] for index in range(high - low))
        return merged((column.astype(np.float32) for column in columns), slab.kind)

    def _shifted(self, which: _Which, at: float) -> _F32:
        """The lines at a coordinate, from slices that are shifted against each other."""
        stack = self._stack
        index = (at - stack.origins_mm[:, self._across]) / self._pixel_mm
        row = _row(index, stack.hu.shape[2 - self._across])
        slices = np.arange(len(stack.hu))[which]
        low = row.low[which]
        near, far = (
            stack.hu[slices, :, one] if self._across == 0 else stack.hu[slices, one] for one in (low, low + 1)
        )
        lines = near.astype(np.float32)
        lines += (far - lines) * row.share[which][:, None]
        lines[row.outside[which]] = OUTSIDE_HU
        return lines

    def _aligned(self, lines: _F32) -> _F32:
        """The lines at the picture's own places."""
        row = self._row
        if row is not None:
            if row.plain:
                return lines
            near = lines[:, row.low]
            near += (lines[:, row.low + 1] - near) * row.share
            near[:, row.outside] = OUTSIDE_HU
            return near
        stack = self._stack
        starts = stack.origins_mm[:, self._along, None]
        places = (self._places[None] - starts) / stack.spacing_mm[self._across]
        size = lines.shape[1]
        low = np.clip(np.floor(places).astype(np.intp), 0, size - 2)
        share = np.clip(places - low, 0, 1).astype(np.float32)
        near = np.take_along_axis(lines, low, 1)
        near += (np.take_along_axis(lines, low + 1, 1) - near) * share
        near[(places < -0.5) | (places > size - 0.5)] = OUTSIDE_HU
        return near

    def labels(self, stop: int, masks: Labels) -> Labels:
        """The mask of the pixel that is nearest to each point of the picture."""
        stack = self._stack
        size = (stack.hu.shape[2], stack.hu.shape[1])
        index = (self._at(stop) - stack.origins_mm[:, self._across]) / self._pixel_mm
        nearest = np.rint(index).astype(np.intp)
        inside = (nearest >= 0) & (nearest < size[self._across])
        clipped = np.clip(nearest, 0, size[self._across] - 1)
        slices = np.arange(len(masks))
        lines = masks[slices, :, clipped] if self._across == 0 else masks[slices, clipped]
        if not lines.any():
            return np.zeros(self.shape, np.uint8)
        lines = np.where(inside[:, None], lines, 0).astype(np.uint8)
        starts = stack.origins_mm[:, self._along, None]
        places = np.rint((self._places[None] - starts) / stack.spacing_mm[self._across]).astype(np.intp)
        beside = (places < 0) | (places >= size[self._along])
        aligned = np.take_along_axis(lines, np.clip(places, 0, size[self._along] - 1), 1)
        aligned[beside] = 0
        picture = aligned[self._levels.low + (self._levels.share >= 0.5)]
        return np.ascontiguousarray(picture.T if self._rotated else picture)

    def cut(self, stop: int) -> Cut:
        """The picture at a stop with its place."""
        return Cut(self.hu(stop), self._origin(stop), self._cut.right, self._cut.down, self._cut.step_mm)

    def _origin(self, stop: int) -> Vector:
        axis = self._stack.axes[self._across]
        there = np.array(self._cut.origin_mm)
        return _vector(there + axis * (self._at(stop) - float(axis @ there)))

    def orientation(self, _stop: int, /) -> Orientation | None:
        """The same at every stop."""
        return (*self._cut.right, *self._cut.down)

    def patient_mm(self, stop: int, point: tuple[float, float]) -> Vector | None:
        """The place of an image point."""
        return _placed(self._origin(stop), self._cut, point)

    def image_point(self, point_mm: Vector) -> tuple[float, float, float] | None:
        """The place seen along the stops."""
        at = float(self._stack.axes[self._across] @ np.array(point_mm))
        column, row, _ = self._cut.picture_point(point_mm)
        return (at - self._first) / self._pixel_mm, column, row


def _through_first_slice(sample: Cut, stack: Stack, up: _F64) -> Cut:
    """`sample` moved by less than a pixel along `up`, so that one line of pixels is the first slice itself."""
    step = sample.step_mm * float(stack.axes[2] @ up)
    lines = (stack.heights_mm[0] - float(stack.axes[2] @ np.array(sample.origin_mm))) / step
    moved = np.array(sample.origin_mm) + up * sample.step_mm * (lines - round(lines))
    return replace(sample, origin_mm=_vector(moved))


def _placed(origin: Vector, like: Cut, point: tuple[float, float]) -> Vector:
    """The place of an image point of a picture like `like` that begins at `origin`."""
    step = like.step_mm
    place = np.array(origin) + np.array(like.right) * (step * (point[0] - 0.5))
    return _vector(place + np.array(like.down) * (step * (point[1] - 0.5)))


def _row(places: _F64, size: int) -> _Row:
    """Where samples at fractional indices are found among `size`."""
    near = np.rint(places)
    places = np.where(np.abs(places - near) < 1e-6, near, places)
    low = np.clip(np.floor(places).astype(np.intp), 0, max(size - 2, 0))
    share = np.clip(places - low, 0, 1).astype(np.float32)
    if size < 2:
        low, share = np.zeros_like(low), np.zeros_like(share)
    return _Row(low, share, (places < -0.5) | (places > size - 0.5))


def _between(own: _F64, heights: _F64) -> _Row:
    """Between which slices each height lies; the end slices go on."""
    low = np.clip(np.searchsorted(own, heights, side="right") - 1, 0, own.size - 2).astype(np.intp)
    share = np.clip((heights - own[low]) / (own[low + 1] - own[low]), 0, 1)
    return _Row(low, share.astype(np.float32), np.zeros(heights.shape, np.bool_))


def _moved(picture: HU, down_px: float, right_px: float) -> _F32:
    """A picture moved by fractions of pixels, linear in between; what comes in from outside is air."""
    result = np.asarray(picture, np.float32)
    for axis, shift in ((0, down_px), (1, right_px)):
        if abs(shift) < STRAIGHT_PX:
            continue
        size = result.shape[axis]
        row = _row(np.arange(size, dtype=np.float64) - shift, size)
        share = row.share[:, None] if axis == 0 else row.share
        near, far = np.take(result, row.low, axis), np.take(result, row.low + 1, axis)
        result = near + (far - near) * share
        result[(row.outside, slice(None)) if axis == 0 else (slice(None), row.outside)] = OUTSIDE_HU
    return result


def _fraction(heights: _F64, height: float) -> float:
    """Where a height lies among rising heights, as a fractional index; the end gaps go on."""
    if heights.size < 2:
        return 0.0
    low = int(np.clip(np.searchsorted(heights, height, side="right") - 1, 0, heights.size - 2))
    gap = float(heights[low + 1] - heights[low])
    return low + (height - float(heights[low])) / gap if gap > 0 else float(low)


def _rounded(values: _F32) -> HU:
    return np.rint(values, out=values).astype(np.int16)


def _vector(values: _F64) -> Vector:
    return (float(values[0]), float(values[1]), float(values[2]))
