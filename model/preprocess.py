"""HU to network input, one slice at a time, and masks back to the source grid. Training and prediction share it.

The network sees a square of fixed physical size centred on the head, so neither pixel size nor field of view
reach it. Index coordinates here count pixel centres: pixel (0, 0) has its centre at (0, 0).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from model.errors import PterionError

SIZE = 192
"""Rows and columns of the network input."""
PIXEL_MM = 1.05
"""Edge of a pixel of the network input, mm: the square spans 201.6 mm, a long head."""
MASK_SIZE = SIZE // 2
"""Rows and columns of the masks of a network that is not fine; they span the same square."""
WINDOWS = ((40.0, 80.0), (75.0, 215.0), (600.0, 2800.0))
"""Level and width of the three input channels, HU: brain, subdural, bone."""
AIR_HU = -1000
ADULT_SKULL_MM = 150.0
"""Outer width of an adult skull, mm; the guess that `estimate_spacing_mm` rests on."""

_COARSE_MM = 2.5
_TISSUE_HU = -300
_ABOVE_FLOOR_HU = 20
"""Tissue lies above the darkest pixel too, by so much: exports clip HU, often at -100 or 0, and air with them."""
_SKULL_HU = 250

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Geometry:
    """Where the network's square lies on a source slice.

    shape: rows and columns of the source slice.
    spacing_mm: (row, column) distance between its pixel centres.
    centre: (row, column) index coordinates of the middle of the square.
    """

    shape: tuple[int, int]
    spacing_mm: tuple[float, float]
    centre: tuple[float, float]

    def source_positions(self, count: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Source row and column coordinates of the pixel centres of a `count` x `count` grid over the square."""
        offsets_mm = (np.arange(count, dtype=np.float64) - (count - 1) / 2) * (SIZE * PIXEL_MM / count)
        row, column = self.spacing_mm
        return np.add(self.centre[0], offsets_mm / row), np.add(self.centre[1], offsets_mm / column)


def prepare_slice(hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> tuple[Floats, Geometry]:
    """Network input float32 (3, SIZE, SIZE) in 0..1 and its geometry, from one slice in HU (rows, columns).

    Raises PterionError when the slice or its spacing cannot be those of an image.
    """
    geometry = find_geometry(hu, spacing_mm)
    return window_channels(crop_hu(hu, geometry)), geometry


def find_geometry(hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> Geometry:
    """The square centred on the head found in this slice alone; on the image where no head is found."""
    if hu.ndim != 2 or min(hu.shape) < 2:
        raise PterionError(f"A slice of {hu.shape} pixels is not an image. Choose another series.")
    if not all(np.isfinite(s) and 0.01 <= s <= 20 for s in spacing_mm):
        raise PterionError(
            f"A pixel spacing of {spacing_mm} mm is not that of a head CT. Choose another series."
        )
    shape = (int(hu.shape[0]), int(hu.shape[1]))
    spacing = (float(spacing_mm[0]), float(spacing_mm[1]))
    return Geometry(shape, spacing, _head_centre(hu, spacing))


def crop_hu(hu: npt.NDArray[np.int16], geometry: Geometry) -> Floats:
    """HU float32 (SIZE, SIZE) of the square, antialiased; air outside the source slice."""
    rows, columns = geometry.source_positions(SIZE)
    reach_row = max(1.0, PIXEL_MM / geometry.spacing_mm[0])
    reach_column = max(1.0, PIXEL_MM / geometry.spacing_mm[1])
    lifted = _resample_rows(hu, rows, reach_row, AIR_HU)
    return np.ascontiguousarray(_resample_rows(lifted.T, columns, reach_column, AIR_HU).T)


def window_channels(hu: Floats) -> Floats:
    """The three windows of `hu` (rows, columns) as float32 (3, rows, columns) in 0..1."""
    return np.stack([np.clip((hu - (level - width / 2)) / width, 0, 1) for level, width in WINDOWS]).astype(
        np.float32
    )


def crop_labels(labels: npt.NDArray[np.uint8], geometry: Geometry) -> npt.NDArray[np.uint8]:
    """Labels uint8 (SIZE, SIZE) of the square, nearest neighbour; 0 outside the source slice."""
    rows, columns = (np.rint(p).astype(int) for p in geometry.source_positions(SIZE))
    inside = np.ix_((rows >= 0) & (rows < labels.shape[0]), (columns >= 0) & (columns < labels.shape[1]))
    picked = np.zeros((SIZE, SIZE), np.uint8)
    picked[inside] = labels[
        np.ix_(
            rows[(rows >= 0) & (rows < labels.shape[0])],
            columns[(columns >= 0) & (columns < labels.shape[1])],
        )
    ]
    return picked


def to_source(prob: Floats, geometry: Geometry) -> Floats:
    """Maps (K, n, n) over the square, resampled bilinearly to the source grid: (K, rows, columns).

    Every map is 0 outside the square, one of background included: judge bleeding by the sum of the other maps.
    """
    count, size = prob.shape[0], prob.shape[1]
    rows, columns = geometry.shape
    pitch_mm = SIZE * PIXEL_MM / size
    half = (size - 1) / 2
    row_at = half + (np.arange(rows) - geometry.centre[0]) * (geometry.spacing_mm[0] / pitch_mm)
    column_at = half + (np.arange(columns) - geometry.centre[1]) * (geometry.spacing_mm[1] / pitch_mm)
    row_in, column_in = _within(row_at, size), _within(column_at, size)
    result = np.zeros((count, rows, columns), np.float32)
    if row_in.start >= row_in.stop or column_in.start >= column_in.stop:
        return result
    across = _between(prob.astype(np.float32, copy=False), column_at[column_in], 2)
    result[:, row_in, column_in] = _between(across, row_at[row_in], 1)
    return result


def estimate_spacing_mm(hu: npt.NDArray[np.int16]) -> float:
    """Pixel size in mm, guessed from the width of the skull over all slices (slices, rows, columns).

    Takes every head for an adult's. Raises PterionError where no skull is found.
    """
    widths = []
    for image in hu:
        step = max(1, min(image.shape) // 200)
        head = _largest_solid(_tissue(image[::step, ::step]))
        bone = head & (image[::step, ::step] > _SKULL_HU)
        rows, columns = np.flatnonzero(bone.any(1)), np.flatnonzero(bone.any(0))
        if len(rows) and rows[-1] - rows[0] > bone.shape[0] / 4:
            widths.append(step * (columns[-1] - columns[0] + 1))
    if not widths:
        raise PterionError("No skull was found to estimate the pixel size from. Choose a head CT.")
    return ADULT_SKULL_MM / float(np.percentile(widths, 90))


def _head_centre(hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> tuple[float, float]:
    """Middle of the head's bounding box, index coordinates; an opening parts it from table, holder and tubes."""
    step = tuple(max(1, round(_COARSE_MM / s)) for s in spacing_mm)
    head = _largest_solid(_tissue(hu[step[0] // 2 :: step[0], step[1] // 2 :: step[1]]))
    rows, columns = np.flatnonzero(head.any(1)), np.flatnonzero(head.any(0))
    if not len(rows):
        return (hu.shape[0] - 1) / 2, (hu.shape[1] - 1) / 2
    return (
        step[0] // 2 + step[0] * (int(rows[0]) + int(rows[-1])) / 2,
        step[1] // 2 + step[1] * (int(columns[0]) + int(columns[-1])) / 2,
    )


def _tissue(hu: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    return np.asarray(hu > max(_TISSUE_HU, int(hu.min(initial=np.iinfo(np.int16).max)) + _ABOVE_FLOOR_HU))


def _largest_solid(tissue: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Largest connected part of `tissue` after an opening that removes thin things; without it where nothing stays."""
    from scipy import ndimage

    labelled, count = ndimage.label(ndimage.binary_opening(tissue, iterations=2))
    if count == 0:
        labelled, count = ndimage.label(tissue)
    if count == 0:
        return tissue
    largest: npt.NDArray[np.bool_] = labelled == int(np.bincount(labelled.ravel())[1:].argmax()) + 1
    return largest


@lru_cache(maxsize=64)
def _tap_offsets(reach: float) -> npt.NDArray[np.int64]:
    return np.arange(-int(np.ceil(reach)), int(np.ceil(reach)) + 1)


def _resample_rows(
    image: npt.NDArray[np.int16] | Floats, positions: npt.NDArray[np.float64], reach: float, outside: float
) -> Floats:
    """Rows of `image` at fractional `positions`, a triangle of half-width `reach` source rows; beyond it, `outside`."""
    base = np.floor(positions).astype(int)
    taps = base[:, None] + _tap_offsets(reach)
    weights = np.clip(1 - np.abs(taps - positions[:, None]) / reach, 0, None)
    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    weights[(taps < 0) | (taps >= image.shape[0])] = 0
    safe = np.clip(taps, 0, image.shape[0] - 1)
    result = np.empty((len(positions), image.shape[1]), np.float32)
    result[:] = (outside * (1 - weights.sum(1)))[:, None]
    for tap in range(taps.shape[1]):
        if weights[:, tap].any():
            result += image[safe[:, tap]] * weights[:, tap, None]
    return result


def _within(positions: npt.NDArray[np.float64], size: int) -> slice:
    """The stretch of (ascending) `positions` that falls on a grid of `size` pixels, its outer halves included."""
    return slice(int(np.searchsorted(positions, -0.5)), int(np.searchsorted(positions, size - 0.5)))


def _between(maps: Floats, positions: npt.NDArray[np.float64], axis: int) -> Floats:
    """Maps (K, rows, columns) at `positions` along `axis`, linear; beyond outer pixel centres the outer pixel counts.

    A matrix product would do it too, but starts threads that wait for a free core: 40 ms a slice on a busy machine.
    """
    size = maps.shape[axis]
    clipped = np.clip(positions, 0, size - 1)
    low = np.minimum(clipped.astype(int), size - 2)
    part = (clipped - low).astype(np.float32)
    nearer: Floats = np.take(maps, low, axis)
    further: Floats = np.take(maps, low + 1, axis)
    further -= nearer
    further *= part if axis == maps.ndim - 1 else part[:, None]
    nearer += further
    return nearer
