"""ABC/2, the volume of a bleed from three lengths, and the volume of a segmentation beside it.

Kothari RU, Brott T, Broderick JP, et al. The ABCs of measuring intracerebral hemorrhage volumes. Stroke 1996;27:1304-5.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from viewer.measures.measure import Share

FULL_FROM, HALF_FROM = 0.75, 0.25
"""A slice counts fully above the first share of the largest area, half from the second on, and not at all below it."""

DEFINITION = (
    "ABC/2: A is the largest diameter on the slice with most blood, B the largest diameter perpendicular to it on the "
    "same slice, C the sum of the slices with blood times the distance between them. A slice with more than 75 % of "
    "the largest area counts 1, with 25 to 75 % it counts ½, with less it does not count. The volume is A × B × C ÷ 2. "
    "Kothari et al., Stroke 1996;27:1304-1305. It is meant for ellipsoid bleeds and overestimates irregular ones."
)


def kothari_weight(area: float, largest: float) -> float:
    """What a slice with blood of this area counts in C, given the area of the slice with most blood."""
    if largest <= 0 or area < HALF_FROM * largest:
        return 0.0
    return 1.0 if area > FULL_FROM * largest else 0.5


def c_mm(shares: Sequence[Share], lengths_mm: Sequence[float]) -> float:
    """C: each slice's weight times the length along the normal that the slice stands for, summed."""
    return float(sum(share.weight * mm for share, mm in zip(shares, lengths_mm, strict=True)))


def volume_ml(a_mm: float, b_mm: float, c_mm_: float) -> float:
    """A × B × C ÷ 2 in mL."""
    return a_mm * b_mm * c_mm_ / 2000


def run_around(areas: npt.NDArray[np.float64], reference: int) -> tuple[int, int]:
    """First and last slice of the unbroken run with blood around the reference slice, itself where it has none."""
    first = last = reference
    while first > 0 and areas[first - 1] > 0 and areas[first] > 0:
        first -= 1
    while last + 1 < len(areas) and areas[last + 1] > 0 and areas[last] > 0:
        last += 1
    return first, last


def proposed(
    areas: npt.NDArray[np.float64], reference: int, slices: Sequence[tuple[str, int]]
) -> tuple[Share, ...]:
    """The weights that a segmentation's areas (slices,) suggest around the reference slice, which counts 1.

    slices: SOP instance UID and frame of each.
    """
    first, last = run_around(areas, reference)
    largest = float(areas[first : last + 1].max())
    return tuple(
        Share(*slices[index], 1.0 if index == reference else kothari_weight(float(areas[index]), largest))
        for index in range(first, last + 1)
    )
