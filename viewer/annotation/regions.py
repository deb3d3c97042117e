"""Regions of HU around a seed: what the tools grow and smart fill take, on a slice and through slices."""

import math

import numpy as np
import numpy.typing as npt

from viewer.annotation.options import FillOptions, GrowOptions
from viewer.annotation.raster import Mask
from viewer.annotation.skull import inside_skull
from viewer.annotation.stack import Hu, Stack

SOFTEN_MM = 0.5
"""Noise of single pixels is evened out over this before HU are compared."""
SMALLEST_HOLE_MM2 = 12.0
Soft = npt.NDArray[np.float32]


def softened(hu: Hu, spacing_mm: tuple[float, float]) -> Soft:
    """HU (…, rows, columns) with the noise of single pixels evened out within each slice."""
    from scipy import ndimage

    sigma = (0.0,) * (hu.ndim - 2) + tuple(SOFTEN_MM / pixel_mm for pixel_mm in spacing_mm)
    return np.asarray(ndimage.gaussian_filter(np.clip(hu, -200, 300).astype(np.float32), sigma))


def component(mask: npt.NDArray[np.bool_], seed: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The part of a mask that hangs together (by sides of pixels) and holds `seed`; empty where it is not in it."""
    from scipy import ndimage

    if not mask[seed]:
        return np.zeros_like(mask)
    labels, _ = ndimage.label(mask)
    return np.asarray(labels == labels[seed])


def without_small_holes(mask: Mask, largest_px: float) -> Mask:
    """The mask with holes up to a size filled."""
    from scipy import ndimage

    holes = ndimage.binary_fill_holes(mask) & ~mask
    labels, count = ndimage.label(holes)
    if not count:
        return mask
    small = np.bincount(labels.ravel()) <= largest_px
    small[0] = False
    return np.asarray(mask | small[labels])


class Growth:
    """A region that grows from a seed as its tolerance does. Everything that does not depend on the tolerance is done
    once, so that each step of a drag is quick.

    seed: (slice, row, column) in the stack.
    """

    def __init__(self, stack: Stack, seed: tuple[int, int, int], options: GrowOptions) -> None:
        number, row, column = seed
        self._stack, self._options, self._seed = stack, options, seed
        rows, columns = stack.shape
        reach_x, reach_y = (math.ceil(r) for r in stack.radius_px(options.radius_mm))
        self.top, self.left = max(row - reach_y, 0), max(column - reach_x, 0)
        self._window = (slice(self.top, row + reach_y + 1), slice(self.left, column + reach_x + 1))
        y = (np.arange(rows)[self._window[0]] - row)[:, None] * stack.spacing_mm[0]
        x = (np.arange(columns)[self._window[1]] - column)[None] * stack.spacing_mm[1]
        self._away_mm = np.hypot(x, y)
        self._soft = softened(stack.hu[number][self._window], stack.spacing_mm)
        near = stack.hu[number, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        self.seed_hu = float(near.mean())
        self._hole_px = SMALLEST_HOLE_MM2 / (stack.spacing_mm[0] * stack.spacing_mm[1])

    def _fits(
        self, soft: Soft, away_mm: npt.NDArray[np.float64], tolerance_hu: float
    ) -> npt.NDArray[np.bool_]:
        fits = (np.abs(soft - self.seed_hu) <= tolerance_hu) & (soft < self._options.bone_hu)
        return np.asarray(fits & (away_mm <= self._options.radius_mm))

    def on_slice(self, tolerance_hu: float) -> Mask:
        """The region on the seed's slice: mask bool of the window at (`left`, `top`)."""
        _, row, column = self._seed
        seed = (row - self.top, column - self.left)
        grown = component(self._fits(self._soft, self._away_mm, tolerance_hu), seed)
        smooth = self._smooth(grown)
        if smooth[seed]:  # a seed in a neck keeps it
            grown = component(smooth, seed)
        return without_small_holes(grown, self._hole_px)

    def _smooth(self, grown: Mask) -> Mask:
        """A region of one slice without necks."""
        rows, columns = np.flatnonzero(grown.any(1)), np.flatnonzero(grown.any(0))
        if not rows.size or not self._options.smooth_mm:
            return grown
        box = (slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2))
        kept = np.zeros_like(grown)
        kept[box] = without_necks(grown[box], self._options.smooth_mm, self._stack.spacing_mm)
        return kept

    def through_slices(self, tolerance_hu: float) -> dict[int, Mask]:
        """The region on every slice it reaches through loaded neighbours: masks of the window by slice number."""
        number, row, column = self._seed
        stack = self._stack
        heights = np.array(stack.heights_mm) - stack.heights_mm[number]
        within = stack.loaded & (np.abs(heights) <= self._options.radius_mm)
        first = last = number
        while first and within[first - 1]:
            first -= 1
        while last + 1 < len(within) and within[last + 1]:
            last += 1
        soft = softened(stack.hu[(slice(first, last + 1), *self._window)], stack.spacing_mm)
        away = np.hypot(self._away_mm[None], heights[first : last + 1, None, None])
        seed = (number - first, row - self.top, column - self.left)
        grown = component(self._fits(soft, away, tolerance_hu), seed)
        smooth = np.stack([self._smooth(mask) for mask in grown])
        if smooth[seed]:
            grown = component(smooth, seed)
        return {
            first + at: without_small_holes(mask, self._hole_px)
            for at, mask in enumerate(grown)
            if mask.any()
        }


def filled(stack: Stack, seed: tuple[int, int, int], options: FillOptions) -> dict[int, Mask]:
    """The pixels from low_hu to high_hu inside the skull that hang together with the seed (slice, row, column): masks
    of whole slices by slice number; empty where the seed is not of them.

    Through slices it goes up and down from the seed's, each time into what lies over or under what was taken; so only
    slices that it reaches are looked at, and no detour over other slices comes back.
    """
    number = seed[0]
    fits = _candidates(stack.hu[number], stack.spacing_mm, options)
    first = component(fits, _near(fits, seed[1:]))
    found = {number: first} if first.any() else {}
    for step in (-1, 1) if options.through_slices and found else ():
        region, other = first, number + step
        while 0 <= other < len(stack.loaded) and stack.loaded[other]:
            region = touching(_candidates(stack.hu[other], stack.spacing_mm, options), region)
            if not region.any():
                break
            found[other] = region
            other += step
    hole_px = SMALLEST_HOLE_MM2 / (stack.spacing_mm[0] * stack.spacing_mm[1])
    return {each: without_small_holes(mask, hole_px) for each, mask in sorted(found.items())}


def touching(mask: Mask, region: Mask) -> Mask:
    """The parts of a mask that share a pixel with a region."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    taken = np.zeros(count + 1, np.bool_)
    taken[labels[region & mask]] = True
    taken[0] = False
    return np.asarray(taken[labels])


def _candidates(hu: Hu, spacing_mm: tuple[float, float], options: FillOptions) -> Mask:
    """Pixels within the limits, without necks."""
    soft = softened(hu, spacing_mm)
    fits = (soft >= options.low_hu) & (soft <= options.high_hu) & inside_skull(hu, spacing_mm)
    return without_necks(np.asarray(fits), options.smooth_mm, spacing_mm)


def without_necks(mask: Mask, thinnest_mm: float, spacing_mm: tuple[float, float]) -> Mask:
    """A mask without what is thinner than that; all of it where nothing is thicker."""
    from scipy import ndimage

    if not thinnest_mm or not mask.any():
        return mask
    thin = thinnest_mm / 2
    core = ndimage.distance_transform_edt(mask, spacing_mm) > thin
    if not core.any():
        return mask
    near = ndimage.distance_transform_edt(~core, spacing_mm) <= thin + max(spacing_mm) / 2
    return np.asarray(mask & near)


def _near(mask: Mask, seed: tuple[int, ...], reach: int = 2) -> tuple[int, int]:
    """The pixel of a mask nearest to `seed` (row, column), no further than `reach` pixels; else the seed."""
    row, column = seed
    top, left = max(row - reach, 0), max(column - reach, 0)
    rows, columns = np.nonzero(mask[top : row + reach + 1, left : column + reach + 1])
    if not rows.size:
        return row, column
    best = int(np.hypot(rows + top - row, columns + left - column).argmin())
    return int(rows[best]) + top, int(columns[best]) + left
