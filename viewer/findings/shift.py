"""How far the brain's midline is pushed aside, estimated from how the brain mirrors about it.

The mirror plane of the skull is the ideal midline. On slices through the ventricles the line about which the brain's
own picture mirrors best is looked for: tied to the ideal midline at the forehead and at the back, where the falx holds
the brain, and bent aside in between. The shift is how far it strays.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viewer.findings.frame import F64
from viewer.findings.head import Head

LEAST_MM = 4.5
"""Below this nothing is said: it would too often be none (bench/shift.md tells how often)."""
_MOST_MM = 18
_HALF_MM = 62
_WINDOW_HU = (0, 50)
_BELOW_VERTEX = (0.66, 1.15)
"""Heights of the ventricles below the vertex, in half widths of the head."""
_PEAKS = (-0.15, 0.05, 0.25)
"""Where along the midline it may stray furthest, in half lengths of the head from its middle."""
_BENT = 0.85
"""Half the length of the bent stretch, in half lengths of the head."""
_REACH_MM = 30
_FLUID_HU, _LEAST_FLUID = 20, 0.05
_APART_MM = 1.8
"""Slices nearer to each other than this tell nothing more."""
_LIMIT = 0.3
"""Most that a pixel and its mirror image count as different, of the window."""
_GAIN = 0.05
"""How much better the bent line has to mirror before it is believed."""
_ALONG_MM = 1.5
_PRIOR = 0.012
"""How much worse each mm counts, of the straight line's cost: straying has to pay."""


@dataclass(frozen=True)
class Shift:
    """An estimate. mm: how far; to: `left` or `right`; index: the slice of the largest shift.

    ideal, actual: (column, row) of the place on the ideal midline and of the one that it was pushed to.
    """

    mm: float
    to: str
    index: int
    ideal: tuple[float, float]
    actual: tuple[float, float]


NO_HEAD = "no skull with known distances was found"
NOT_SYMMETRIC = "the skull is not symmetric enough to tell its middle"
NO_VERTEX = "the top of the head is not among the slices"
NO_VENTRICLES = "too little fluid is seen in the ventricles to tell where the middle of the brain is"


def midline_shift(hu: npt.NDArray[np.int16], masks: npt.NDArray[np.uint8], head: Head) -> Shift | str:
    """The estimated shift of a volume (slices, rows, columns), 0 mm where it is below `LEAST_MM`; why there is none
    where no slice allows one.

    masks: bleeds, left out of the comparison.
    """
    if head.midplane is None:
        return NOT_SYMMETRIC
    if not head.complete:
        return NO_VERTEX
    slices, costs = [], []
    for index in head.frame.spaced(range(len(hu)), _APART_MM):
        centre = _on_slice(head.centre_mm, head.frame.origins_mm[index], head)
        below = (head.top_mm - centre @ head.upward) / max(head.half_width_mm, 30.0)
        if _BELOW_VERTEX[0] <= below <= _BELOW_VERTEX[1]:
            cost = _costs(hu[index], masks[index], index, head, centre)
            if cost is not None:
                slices.append(index)
                costs.append(cost)
    if not costs:
        return NO_VENTRICLES
    mm, along, number = _most_bent(np.stack(costs))
    index = slices[number]
    centre = _on_slice(head.centre_mm, head.frame.origins_mm[index], head)
    ideal = centre + along * head.half_length_mm * _in_plane_forward(head)
    actual = ideal + mm * np.array(head.midplane.normal)
    side = "left" if mm > 0 else "right"
    return Shift(abs(mm), side, index, _pixel(ideal, index, head), _pixel(actual, index, head))


def _most_bent(costs: npt.NDArray[np.float64]) -> tuple[float, float, int]:
    """(shift in mm to the left, where along the midline, which slice), from what the slices `_costs`: (slices, peaks,
    shifts). Neighbouring slices are taken together: one may err."""
    padded = np.concatenate([costs[:1], costs, costs[-1:]])
    steady = (padded[:-2] + 2 * costs + padded[2:]) / 4
    straight = steady[:, 0, _MOST_MM].copy()
    steady[:, :, [0, -1]] = np.inf  # a line that wants to stray even further is no answer
    best = steady.reshape(len(steady), -1).argmin(1)
    peak, shift = np.divmod(best, steady.shape[2])
    gain = 1 - steady.reshape(len(steady), -1).min(1) / np.maximum(straight, 1e-6)
    mm = np.where(gain >= _GAIN, shift - _MOST_MM, 0).astype(np.float64)
    number = int((np.abs(mm) * (np.abs(mm) >= LEAST_MM) + gain * 1e-3).argmax())
    value = float(mm[number])
    if abs(value) >= LEAST_MM:  # between whole mm: the lowest point of the parabola through three
        row, at = steady[number, peak[number]], int(shift[number])
        if 0 < at < row.size - 1:
            bend = row[at - 1] - 2 * row[at] + row[at + 1]
            if 0 < bend < np.inf:
                value += float(np.clip((row[at - 1] - row[at + 1]) / (2 * bend), -0.5, 0.5))
    else:
        value = 0.0
    return value, _PEAKS[int(peak[number])], number


def _in_plane_forward(head: Head) -> F64:
    """The midline's direction on a slice, to the face."""
    assert head.midplane is not None
    along = np.cross(np.array(head.midplane.normal), head.frame.up)
    along /= np.linalg.norm(along)
    return np.asarray(along if along @ head.forward > 0 else -along)


def _on_slice(centre: F64, origin: F64, head: Head) -> F64:
    """The middle of the head, moved within the midplane onto a slice."""
    assert head.midplane is not None
    up = head.frame.up
    normal = np.array(head.midplane.normal)
    along = up - (up @ normal) * normal
    return np.asarray(centre + along * ((origin - centre) @ up) / (along @ up))


def _pixel(point: F64, index: int, head: Head) -> tuple[float, float]:
    offset = point - head.frame.origins_mm[index]
    down, right = head.frame.spacing_mm
    return float(offset @ head.frame.right / right + 0.5), float(offset @ head.frame.down / down + 0.5)


def _costs(
    hu: npt.NDArray[np.int16], mask: npt.NDArray[np.uint8], index: int, head: Head, centre: F64
) -> npt.NDArray[np.float64] | None:
    """How badly one slice mirrors (peaks, shifts) about lines that stray up to `_MOST_MM` to the right … left."""
    from scipy import ndimage

    assert head.midplane is not None
    forward, normal = _in_plane_forward(head), np.array(head.midplane.normal)
    sideways = normal - (normal @ head.frame.up) * head.frame.up
    sideways /= np.linalg.norm(sideways)
    half = max(head.half_length_mm, 30.0)
    along = np.arange(-half, half + 1, _ALONG_MM)
    across = np.arange(-_HALF_MM, _HALF_MM + 1.0)
    points = centre + along[:, None, None] * forward + across[None, :, None] * sideways
    offset = points - head.frame.origins_mm[index]
    down, right = head.frame.spacing_mm
    row, column = offset @ head.frame.down / down, offset @ head.frame.right / right
    smooth = ndimage.gaussian_filter(
        np.clip(hu, *_WINDOW_HU).astype(np.float32), (1.3 / down, 1.3 / right), truncate=2.5
    )
    image = ndimage.map_coordinates(smooth, [row, column], order=1, mode="nearest") / _WINDOW_HU[1]
    bleed = ndimage.map_coordinates(mask > 0, [row, column], order=0, mode="constant")
    step_row, step_column = head.step
    grid = [(row - step_row // 2) / step_row, (column - step_column // 2) / step_column]
    inside = ndimage.map_coordinates(head.inside[index], grid, order=0, mode="constant")
    if np.count_nonzero(inside[:, _HALF_MM]) < 40 / _ALONG_MM:
        return None
    if not _through_ventricles(image, bleed, inside, along / half):
        return None
    usable = ndimage.binary_erosion(inside, iterations=4) & ~ndimage.binary_dilation(bleed, iterations=4)
    return _mirror_costs(image, usable, along / half)


def _through_ventricles(
    image: npt.NDArray[np.float32],
    bleed: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
    place: F64,
) -> bool:
    """Whether there is fluid (or a bleed, which may fill it) deep in the middle of the slice."""
    across = np.arange(image.shape[1]) - _HALF_MM
    middle = (np.abs(place) < 0.5)[:, None] & (np.abs(across) < 28)[None, :] & inside
    fluid = (image < _FLUID_HU / _WINDOW_HU[1]) | bleed
    return bool((fluid & middle).sum() >= _LEAST_FLUID * middle.sum())


def _mirror_costs(
    image: npt.NDArray[np.float32], usable: npt.NDArray[np.bool_], place: F64
) -> npt.NDArray[np.float64]:
    """Mean difference (peaks, shifts) of both sides of a line, pixels near the line counting most.

    image, usable: (rows from back to front, columns from right to left). place: of the rows, in half lengths.
    """
    reach = np.arange(1, _REACH_MM + 1)
    weight = np.exp(-reach / 16.0)
    rows = np.arange(len(image))[:, None]
    sums = np.zeros((len(_PEAKS), 2 * _MOST_MM + 1, 2))
    for number, peak in enumerate(_PEAKS):
        bump = np.cos(np.clip((place - peak) / _BENT, -1, 1) * np.pi / 2) ** 2
        for shift in range(-_MOST_MM, _MOST_MM + 1):
            middle = _HALF_MM + np.rint(shift * bump).astype(int)[:, None]
            left, right = middle + reach, middle - reach
            both = usable[rows, left] & usable[rows, right]
            share = weight * (bump[:, None] + 0.05)
            different = np.minimum(np.abs(image[rows, left] - image[rows, right]), _LIMIT)
            sums[number, shift + _MOST_MM] = (different * share * both).sum(), (share * both).sum()
    known = np.maximum(sums[..., 1], 1e-6)
    # What cannot be compared counts as the straight line's mean does: no line wins by hiding in a bleed.
    usual = sums[0, _MOST_MM, 0] / known[0, _MOST_MM]
    mean = (sums[..., 0] + usual * (known.max() - known)) / known.max()
    return np.asarray(mean + usual * _PRIOR * np.abs(np.arange(-_MOST_MM, _MOST_MM + 1)))
