"""The inside of the skull, and the plane that parts its left from its right, found in HU.

Everything is measured on every few pixels (about 1.5 mm apart): enough for sides, depths and places.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viewer.findings.frame import F64, Frame

COARSE_MM = 1.5
FINE_MM = 0.45
"""Of slices nearer to each other than this, some are looked at, and the others taken to be like the nearest of them."""
BONE_HU = 250
SOFT_HU = (-30, 160)
_CLOSINGS_MM = (3.0, 7.5, 12.0)
"""Gaps in the bone (sutures, foramina, fractures, holes of surgery) that are bridged, the narrowest that works."""
_LEAST_CM2 = 12.0
_LONGEST_MM = 230.0
"""The inside of no skull is longer."""
_YAW_DEG, _ROLL_DEG = 32.0, 14.0
_POINTS = 6000

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Midplane:
    """The mirror plane of a head: places with `normal · p = offset_mm` (LPS). `normal` points to the patient's left.

    agreement: share of the head's inside that has a mirror image, 0 to 1.
    """

    normal: tuple[float, float, float]
    offset_mm: float
    agreement: float

    def left_mm(self, points_mm: F64) -> F64:
        """How far (n,) places (n, 3) lie to the left of the plane."""
        return np.asarray(points_mm @ np.array(self.normal) - self.offset_mm)


@dataclass(frozen=True, eq=False)
class Head:
    """The inside of one skull on a coarse grid of every `step` rows and columns.

    inside: bool (slices, rows, columns). midplane: None where nothing symmetric was found.
    forward, upward: unit vectors within the midplane, to the face and to the vertex.
    centre_mm: middle of the largest section. half_length_mm, half_width_mm: of that section. top_mm: highest place
    inside along `upward`, complete: whether the vertex is among the slices.
    """

    frame: Frame
    step: tuple[int, int]
    inside: Bools
    midplane: Midplane | None
    forward: F64
    upward: F64
    centre_mm: F64
    half_length_mm: float
    half_width_mm: float
    top_mm: float
    complete: bool


def find_head(hu: npt.NDArray[np.int16], frame: Frame) -> Head | None:
    """The head in a volume (slices, rows, columns), or None where no skull with something inside is found."""
    down, right = (max(1, round(COARSE_MM / size)) for size in frame.spacing_mm)
    coarse = hu[:, down // 2 :: down, right // 2 :: right]
    spacing = frame.spacing_mm[0] * down, frame.spacing_mm[1] * right
    looked_at = frame.spaced(range(len(coarse)), FINE_MM)
    found = np.stack([_inside(coarse[index], spacing) for index in looked_at])
    nearest = np.abs(frame.heights_mm[:, None] - frame.heights_mm[looked_at]).argmin(1)
    inside = found[nearest]
    areas = inside.sum((1, 2)) * spacing[0] * spacing[1] / 100
    if areas.max() < 4 * _LEAST_CM2:
        return None
    points, owner = _sampled(found, looked_at, frame, (down, right))
    midplane = find_midplane(points, inside, frame, (down, right))
    upward = frame.up if frame.up[2] >= 0 else -frame.up
    normal = np.array(midplane.normal) if midplane is not None else np.array([1.0, 0.0, 0.0])
    upward = upward - (upward @ normal) * normal
    upward /= np.linalg.norm(upward)
    forward = np.cross(normal, upward)  # left × up is forwards where y runs to the back
    widest = points[owner == looked_at[int(nearest[areas.argmax()])]]
    along, across = widest @ forward, widest @ normal
    if max(np.ptp(along), np.ptp(across)) > _LONGEST_MM:  # a chest, say
        return None
    middle = widest.mean(0)
    middle = middle + forward * ((along.max() + along.min()) / 2 - middle @ forward)
    offset = midplane.offset_mm if midplane is not None else (across.max() + across.min()) / 2
    middle = middle + normal * (offset - middle @ normal)
    ends = areas[[0, -1]] if frame.up @ upward > 0 else areas[[-1, 0]]
    return Head(
        frame,
        (down, right),
        inside,
        midplane,
        forward,
        upward,
        middle,
        float(np.ptp(along)) / 2,
        float(np.ptp(across)) / 2,
        float((points @ upward).max()),
        bool(ends[1] < 0.6 * areas.max()),
    )


def _inside(hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> Bools:
    """What bone encloses in one slice; nothing where it encloses little."""
    from scipy import ndimage

    bone = hu > BONE_HU
    pixel_cm2 = spacing_mm[0] * spacing_mm[1] / 100
    empty = np.zeros(hu.shape, np.bool_)
    if np.count_nonzero(bone) * pixel_cm2 < 2:
        return empty
    for width_mm in _CLOSINGS_MM:
        reach = max(1, round(width_mm / 2 / min(spacing_mm)))
        padded = np.pad(bone, reach + 1)
        away = ndimage.distance_transform_edt(~padded)
        wall = away <= reach
        outside, _ = ndimage.label(~wall)
        core = ~wall & (outside != outside[0, 0])
        core = core[reach + 1 : -reach - 1, reach + 1 : -reach - 1]
        labelled, count = ndimage.label(core)
        if count == 0:
            continue
        soft = (hu > SOFT_HU[0]) & (hu < SOFT_HU[1])
        sizes = np.bincount(labelled[soft].ravel(), minlength=count + 1)[1:]
        biggest = int(sizes.argmax()) + 1
        if sizes[biggest - 1] * pixel_cm2 < _LEAST_CM2:
            continue
        kept = labelled == biggest
        grown = ndimage.distance_transform_edt(~kept) <= reach + 0.5
        return np.asarray(ndimage.binary_fill_holes(grown & ~bone) & (kept | grown))
    return empty


def _sampled(
    inside: Bools, slices: Sequence[int], frame: Frame, step: tuple[int, int]
) -> tuple[F64, npt.NDArray[np.intp]]:
    """Places (n, 3) of pixels `inside` (slices, rows, columns), and the slice of each."""
    index, rows, columns = np.nonzero(inside)
    index = np.asarray(slices)[index]
    origin = frame.origins_mm[index]
    points = (
        origin
        + np.outer(rows * step[0] + step[0] // 2, frame.down) * frame.spacing_mm[0]
        + np.outer(columns * step[1] + step[1] // 2, frame.right) * frame.spacing_mm[1]
    )
    return points, index


def find_midplane(points: F64, inside: Bools, frame: Frame, step: tuple[int, int]) -> Midplane | None:
    """The plane over which the inside mirrors best, its normal within some 30° of the patient's left."""
    chosen = points[:: max(1, len(points) // _POINTS)]
    lookup = _Lookup(inside, frame, step)
    middle = chosen.mean(0)

    def agreement(offset: float, yaw: float, roll: float) -> float:
        normal = _normal(yaw, roll)
        left = (chosen - middle) @ normal - offset
        mirrored = chosen - 2 * np.outer(left, normal)
        held, known = lookup.at(mirrored)
        return float(held.sum() / max(known.sum(), 1)) if known.sum() > len(chosen) / 3 else 0.0

    best = (0.0, 0.0, 0.0)
    value = agreement(*best)
    for yaw in np.arange(-_YAW_DEG, _YAW_DEG + 1, 4.0):
        for offset in (-6.0, 0.0, 6.0):
            found = agreement(offset, float(yaw), 0.0)
            if found > value:
                value, best = found, (offset, float(yaw), 0.0)
    for size in (4.0, 2.0, 1.0, 0.5, 0.25):
        moved = True
        while moved:
            moved = False
            for axis in range(3):
                for sign in (-size, size):
                    trial = [*best]
                    trial[axis] += sign
                    if abs(trial[1]) > _YAW_DEG + 4 or abs(trial[2]) > _ROLL_DEG:
                        continue
                    found = agreement(*trial)
                    if found > value + 1e-6:
                        value, best, moved = found, (trial[0], trial[1], trial[2]), True
    if value < 0.8:
        return None
    normal = _normal(best[1], best[2])
    return Midplane(
        (float(normal[0]), float(normal[1]), float(normal[2])), float(middle @ normal + best[0]), value
    )


def _normal(yaw_deg: float, roll_deg: float) -> F64:
    yaw, roll = np.deg2rad((yaw_deg, roll_deg))
    return np.array([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])


class _Lookup:
    """Whether places lie inside."""

    def __init__(self, inside: Bools, frame: Frame, step: tuple[int, int]) -> None:
        self._inside, self._frame, self._step = inside, frame, step
        heights = frame.heights_mm
        self._order = np.argsort(heights)
        self._heights = heights[self._order]
        middles = (self._heights[1:] + self._heights[:-1]) / 2
        self._edges = middles

    def at(self, points: F64) -> tuple[Bools, Bools]:
        """For places (n, 3): which lie inside, and which lie on a slice at all."""
        frame = self._frame
        height = points @ frame.up
        index = self._order[np.searchsorted(self._edges, height)]
        half = frame.weights_mm[index] / 2 + 0.01
        known = np.abs(height - frame.heights_mm[index]) <= np.maximum(half, 0.5)
        offset = points - frame.origins_mm[index]
        rows = np.rint((offset @ frame.down / frame.spacing_mm[0] - self._step[0] // 2) / self._step[0])
        columns = np.rint((offset @ frame.right / frame.spacing_mm[1] - self._step[1] // 2) / self._step[1])
        _, height_px, width_px = self._inside.shape
        on = (rows >= 0) & (rows < height_px) & (columns >= 0) & (columns < width_px)
        held = np.zeros(len(points), np.bool_)
        use = known & on
        held[use] = self._inside[index[use], rows[use].astype(int), columns[use].astype(int)]
        return held, known
