"""Positions of slices → normal, gaps, tilt, and whether they make an even, straight stack."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viewer.dicom.series import SliceHeader

SAME_PLACE_MM = 0.01
_ROUNDING_MM = 0.06
"""Positions are often written with one decimal; a deviation below this is how the file was written."""
_EVEN = 0.02
_REGIME = 4


@dataclass(frozen=True)
class Geometry:
    """Place of a sorted stack along its normal.

    normal: unit vector, its largest component positive. z_mm: positions along it. gaps_mm: differences of z_mm.
    tilt_deg: angle between the normal and the line of positions, >= 0.
    drift_mm: how far the positions move across the normal from first to last slice.
    bend_mm: largest distance of a position from the straight line through them.
    """

    normal: tuple[float, float, float]
    z_mm: tuple[float, ...]
    gaps_mm: tuple[float, ...]
    tilt_deg: float
    drift_mm: float
    bend_mm: float


def normal_of(orientation: Sequence[float]) -> npt.NDArray[np.float64]:
    """Unit normal of a slice: row direction × column direction, turned so that its largest component is positive.

    For an axial slice it points to the head whichever way the rows run.
    """
    normal = np.cross(np.asarray(orientation[:3], np.float64), np.asarray(orientation[3:], np.float64))
    normal /= np.linalg.norm(normal)
    return np.asarray(normal if normal[np.argmax(np.abs(normal))] > 0 else -normal, np.float64)


def positions_of(slices: Sequence[SliceHeader]) -> npt.NDArray[np.float64] | None:
    """Positions (n, 3) of slices, or None where one has no position or orientation."""
    if not slices or any(place.position_mm is None or place.orientation is None for place in slices):
        return None
    return np.array([place.position_mm for place in slices], np.float64)


def z_of(slices: Sequence[SliceHeader]) -> npt.NDArray[np.float64] | None:
    """Positions (n,) of slices along the normal of the first, or None without positions."""
    positions = positions_of(slices)
    if positions is None or slices[0].orientation is None:
        return None
    return np.asarray(positions @ normal_of(slices[0].orientation), np.float64)


def fractional_index(heights: npt.NDArray[np.float64], height: float) -> float:
    """Where `height` lies among rising `heights`: 2.25 is a quarter of the gap above the third. The end gaps go on."""
    if heights.size < 2:
        return 0.0
    below = int(np.clip(np.searchsorted(heights, height, side="right") - 1, 0, heights.size - 2))
    gap = float(heights[below + 1] - heights[below])
    return below + (height - float(heights[below])) / gap if gap > 0 else float(below)


def measure(slices: Sequence[SliceHeader]) -> Geometry | None:
    """Geometry of slices that are sorted along their normal, or None without positions."""
    positions, z = positions_of(slices), z_of(slices)
    if positions is None or z is None or slices[0].orientation is None:
        return None
    normal = normal_of(slices[0].orientation)
    across = positions - z[:, None] * normal
    slope = np.zeros(3)
    centred = z - z.mean()
    spread = float((centred**2).sum())
    if spread > 0:
        slope = (centred[:, None] * (across - across.mean(0))).sum(0) / spread
    bend = np.linalg.norm(across - across.mean(0) - centred[:, None] * slope, axis=1)
    steep = float(np.linalg.norm(slope))
    return Geometry(
        normal=(float(normal[0]), float(normal[1]), float(normal[2])),
        z_mm=tuple(map(float, z)),
        gaps_mm=tuple(map(float, np.diff(z))),
        tilt_deg=float(np.degrees(np.arctan(steep))),
        drift_mm=steep * float(np.ptp(z)),
        bend_mm=float(bend.max()),
    )


def tilted(geometry: Geometry) -> bool:
    """Whether the stack is sheared by more than the rounding of its positions."""
    return geometry.tilt_deg >= 0.2 and geometry.drift_mm > 2 * _ROUNDING_MM


def straight(geometry: Geometry) -> bool:
    """Whether the positions lie on one line."""
    return geometry.bend_mm <= 10 * _ROUNDING_MM


def even(gaps_mm: Sequence[float]) -> bool:
    """Whether the gaps are one length, up to 2 % or the rounding of the positions."""
    gaps = np.asarray(gaps_mm, np.float64)
    if gaps.size < 2:
        return True
    median = _median(gaps)
    if np.abs(gaps - median).max() <= _EVEN * median:
        return True
    z = np.concatenate([[0.0], np.cumsum(gaps)])
    index = np.arange(z.size)
    slope, start = np.polyfit(index, z, 1)
    return bool(np.abs(z - start - slope * index).max() <= _ROUNDING_MM)


def _median(values: npt.ArrayLike) -> float:
    """The middle of values, the mean of the middle two (`np.median` would import masked arrays for it)."""
    ordered = np.sort(np.asarray(values, np.float64))
    return float(ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) / 2


def missing(gaps_mm: Sequence[float]) -> tuple[int, ...]:
    """How many slices seem to be missing in each gap (0 for most).

    A gap of about k times a neighbouring gap misses k - 1 slices, unless it belongs to a run of four or more
    equal gaps, or is commoner than the smaller one: then the scanner changed its step.
    """
    gaps = np.asarray(gaps_mm, np.float64)
    count = np.zeros(gaps.size, np.int64)
    if gaps.size == 0:
        return ()
    padded = np.concatenate([gaps[:1], gaps, gaps[-1:]])
    beside = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    median = _median(gaps)
    for i in map(int, np.flatnonzero(gaps >= 1.5 * np.minimum(beside, median))):
        gap = gaps[i]
        base = beside[i] if gap >= 1.5 * beside[i] else median  # its neighbours are as wide as itself
        ratio = gap / base if base > SAME_PLACE_MM else 1.0
        whole = round(ratio)
        rare = np.count_nonzero(_like(gaps, base)) < np.count_nonzero(_like(gaps, gap))
        if whole >= 2 and abs(ratio - whole) <= 0.05 * whole and _run(gaps, i) < _REGIME and not rare:
            count[i] = whole - 1
    return tuple(map(int, count))


def _run(gaps: npt.NDArray[np.float64], i: int) -> int:
    """Length of the run of equal gaps around gap `i`."""
    same = _like(gaps, float(gaps[i]))
    first = last = i
    while first > 0 and same[first - 1]:
        first -= 1
    while last + 1 < gaps.size and same[last + 1]:
        last += 1
    return last - first + 1


def _like(gaps: npt.NDArray[np.float64], length: float) -> npt.NDArray[np.bool_]:
    """Which gaps have a length."""
    return np.asarray(np.abs(gaps - length) <= _EVEN * length + SAME_PLACE_MM)


def counted(gaps_mm: Sequence[float]) -> tuple[tuple[float, int], ...]:
    """Distinct gaps (mm) and how often each occurs, the commonest first, then the smaller."""
    groups: list[list[float]] = []
    for gap in sorted(gaps_mm):
        if groups and gap - groups[-1][0] <= max(_EVEN * groups[-1][0], 2 * SAME_PLACE_MM):
            groups[-1].append(gap)
        else:
            groups.append([gap])
    pairs = [(_median(group), len(group)) for group in groups]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
