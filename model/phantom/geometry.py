"""Places, soft distances and smooth noise of the phantom: pure functions of a point in the head.

Axes of the head: x to the patient's left (right in the picture), y to the back (down in the picture), z up;
millimetres; the origin lies in the middle of the head at the level of the commissures. Distances are positive inside.
Every value is float32, so that a slice stays in the processor's cache.
"""

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.floating[Any]]
"""Always float32; a type checker cannot see that numpy keeps it so beside Python floats."""
Real = float | F32
Positions = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
Box = tuple[slice, slice, slice]


def stream(seed: int, concern: str) -> np.random.Generator:
    """Random numbers of one concern, so that a new concern leaves the others as they were."""
    key = zlib.crc32(concern.encode())
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))


def step(distance: F32, half_width: float) -> F32:
    """0 outside, 1 inside, linear over ± `half_width` mm around the border."""
    soft = distance * (0.5 / half_width)
    soft += 0.5
    return np.clip(soft, 0, 1, out=soft)


def blend(target: F32, share: Real, value: Real) -> None:
    """Replace `share` (0..1) of `target` by `value`, in place."""
    target += share * (value - target)


@dataclass(frozen=True)
class Lattice:
    """Smooth noise of unit variance: a cubic B-spline through random values every `wavelength_mm`.

    values: float32 (z, y, x), the first knot at `start_mm` (z, y, x).
    """

    values: F32
    start_mm: Triple
    wavelength_mm: float

    @staticmethod
    def draw(rng: np.random.Generator, start_mm: Triple, stop_mm: Triple, wavelength_mm: float) -> "Lattice":
        """Draw the knots that cover the box from `start_mm` to `stop_mm`."""
        knots = [int(np.ceil((b - a) / wavelength_mm)) + 4 for a, b in zip(start_mm, stop_mm, strict=True)]
        values = rng.standard_normal(knots, dtype=np.float32)
        values *= np.float32(1 / 0.33)  # the spline keeps a third of the deviation
        return Lattice(values, start_mm, wavelength_mm)

    def at(self, z_mm: Positions, y_mm: Positions, x_mm: Positions) -> F32:
        """Noise on the grid of these positions: float32 (z, y, x).

        Written without matrix products: those may round differently on another number of threads.
        """
        values: F32 = self.values
        # The fullest axis comes last: its taps copy whole rows.
        for axis, at_mm in ((0, z_mm), (2, x_mm), (1, y_mm)):
            knot, weights = self._weights(axis, at_mm)
            along = tuple(slice(None) if each == axis else None for each in range(3))
            taps = [values.take(knot + k, axis) * weight[along] for k, weight in enumerate(weights)]
            values = taps[0] + taps[1]
            values += taps[2]
            values += taps[3]
        return values

    def _weights(self, axis: int, at_mm: Positions) -> tuple[npt.NDArray[np.intp], tuple[F32, ...]]:
        """First of the four knots that each position sees along one axis, and their weights."""
        place = np.clip(
            (at_mm - self.start_mm[axis]) / self.wavelength_mm, 0, self.values.shape[axis] - 3.001
        )
        knot = place.astype(np.intp)
        u = (place - knot).astype(np.float32)
        parts = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
        return knot, tuple(part * (1 / 6) for part in parts)


@dataclass(frozen=True)
class Volume:
    """Values float32 (z, y, x) on a cubic grid, the first at (`start_mm`, `start_mm`, `start_mm`)."""

    values: F32
    start_mm: float
    spacing_mm: float

    def at(self, x: F32, y: F32, z: F32) -> F32:
        """Linearly interpolated values at points of any arrangement."""
        from scipy import ndimage

        places = [(axis - self.start_mm) * (1 / self.spacing_mm) for axis in (z, y, x)]
        values: F32 = ndimage.map_coordinates(self.values, places, order=1, mode="nearest")
        return values


@dataclass(frozen=True)
class Pose:
    """How the head lies in the scanner: head = matrix · (world − offset_mm), both (x, y, z)."""

    matrix: npt.NDArray[np.float64]
    offset_mm: npt.NDArray[np.float64]

    @staticmethod
    def turned(angles_deg: Triple, scale: Triple, offset_mm: Triple) -> "Pose":
        """Head turned by yaw (about z), roll (about y) and pitch (about x), and stretched by `scale`."""
        yaw, roll, pitch = np.deg2rad(angles_deg)
        about_z = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        about_y = np.array([[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]])
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
        return Pose(np.diag(1 / np.array(scale)) @ about_x @ about_y @ about_z, np.array(offset_mm))


@dataclass(frozen=True)
class Points:
    """Head coordinates of the pixels of a few neighbouring planes: float32 (planes, rows, columns) each."""

    x: F32
    y: F32
    z: F32

    @cached_property
    def ax(self) -> F32:
        """Distance from the midline."""
        return np.abs(self.x)

    @cached_property
    def z_range(self) -> tuple[float, float]:
        """Lowest and highest z."""
        return float(self.z.min()), float(self.z.max())

    def cut(self, box: Box) -> "Points":
        """The points in a box of indices."""
        return Points(self.x[box], self.y[box], self.z[box])

    def box(self, low: Triple, high: Triple, margin_mm: float = 3.0) -> Box | None:
        """Smallest box of indices around the points between `low` and `high`; None where there are none."""
        bottom, top = self.z_range
        if low[2] - margin_mm > top or high[2] + margin_mm < bottom:
            return None
        # Every fourth pixel is enough to find the box: the margin covers the rest.
        coarse = (slice(None), slice(None, None, 4), slice(None, None, 4))
        inside = np.ones(self.x[coarse].shape, bool)
        reach = margin_mm + 4.5
        for values, least, most in zip((self.x, self.y, self.z), low, high, strict=True):
            inside &= (values[coarse] > least - reach) & (values[coarse] < most + reach)
        rows, columns = np.flatnonzero(inside.any((0, 2))), np.flatnonzero(inside.any((0, 1)))
        if not len(rows):
            return None
        return (
            slice(None),
            slice(max(4 * int(rows[0]) - 3, 0), 4 * int(rows[-1]) + 4),
            slice(max(4 * int(columns[0]) - 3, 0), 4 * int(columns[-1]) + 4),
        )

    def near(self, centre: Triple, reach: Triple) -> Box | None:
        """Smallest box of indices around the points within `reach` of `centre`; None where there are none."""
        (x, y, z), (a, b, c) = centre, reach
        return self.box((x - a, y - b, z - c), (x + a, y + b, z + c))


def ellipsoid(points: Points, centre: Triple, radii: Triple) -> F32:
    """Distance to the surface of an ellipsoid, exact only along its shortest axis."""
    total: F32 = np.square((points.x - centre[0]) * (1 / radii[0]))
    total += np.square((points.y - centre[1]) * (1 / radii[1]))
    total += np.square((points.z - centre[2]) * (1 / radii[2]))
    np.sqrt(total, out=total)
    total *= -min(radii)
    total += min(radii)
    return total


def capsule(points: Points, start: Triple, stop: Triple, radii: tuple[float, float]) -> F32:
    """Distance to the surface of a rod from `start` to `stop` whose radius changes evenly."""
    v = tuple(b - a for a, b in zip(start, stop, strict=True))
    length = sum(c * c for c in v)
    dx, dy, dz = points.x - start[0], points.y - start[1], points.z - start[2]
    along = np.clip((dx * v[0] + dy * v[1] + dz * v[2]) * (1 / length), 0, 1)
    dx -= along * v[0]
    dy -= along * v[1]
    dz -= along * v[2]
    radius: F32 = radii[0] + (radii[1] - radii[0]) * along
    radius -= np.sqrt(dx * dx + dy * dy + dz * dz)
    return radius
