"""Thick slabs: several pictures that lie behind each other shown as one, by their mean, maximum or minimum."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

THICKNESS_MM = (0.5, 100.0)
"""Thinnest and thickest slab that can be asked for."""


class SlabKind(StrEnum):
    """How the pictures of a slab become one."""

    MEAN = "mean"
    MAX = "MIP"
    MIN = "MinIP"


@dataclass(frozen=True)
class Slab:
    """A slab `thickness_mm` thick, its middle on the place that is looked at."""

    kind: SlabKind
    thickness_mm: float

    def __post_init__(self) -> None:
        """Raise ValueError for a thickness that is no length."""
        if not 0 < self.thickness_mm < float("inf"):
            raise ValueError(f"a slab needs a thickness in mm, got {self.thickness_mm}")


def thickened(slab: Slab, by_mm: float) -> Slab:
    """The slab with another thickness, within `THICKNESS_MM`."""
    low, high = THICKNESS_MM
    return Slab(slab.kind, min(max(round(slab.thickness_mm + by_mm, 3), low), high))


def within(heights_mm: npt.NDArray[np.float64], middle_mm: float, slab: Slab) -> npt.NDArray[np.intp]:
    """Indices of the heights inside a slab around `middle_mm`; at least the nearest one."""
    distance = np.abs(heights_mm - middle_mm)
    inside = np.flatnonzero(distance < slab.thickness_mm / 2 - 1e-6)
    return inside if inside.size else np.array([int(distance.argmin())], np.intp)


class RunningMean:
    """Means of neighbouring pictures, each from the sum before: a step adds one picture and takes one away.

    Sums are whole numbers, so nothing drifts. hu: int16 (pictures, rows, columns).
    """

    def __init__(self, hu: npt.NDArray[np.int16]) -> None:
        self._hu = hu
        self._added = range(0)
        self._sum = np.zeros(hu.shape[1:], np.int32)
        self._mean = np.zeros(hu.shape[1:], np.float32)

    def of(self, first: int, last: int) -> npt.NDArray[np.int16]:
        """The mean of the pictures `first` to `last`, both included, in whole HU: int16 (rows, columns)."""
        wanted, before = range(first, last + 1), self._added
        come = [index for index in wanted if index not in before]
        gone = [index for index in before if index not in wanted]
        if len(come) + len(gone) >= len(wanted):
            np.add.reduce(self._hu[first : last + 1], axis=0, dtype=np.int32, out=self._sum)
        else:
            for index in come:
                self._sum += self._hu[index]
            for index in gone:
                self._sum -= self._hu[index]
        self._added = wanted
        np.copyto(self._mean, self._sum, casting="unsafe")
        self._mean /= np.float32(len(wanted))
        return np.rint(self._mean, out=self._mean).astype(np.int16)


def merge(block: npt.NDArray[np.int16], kind: SlabKind, axis: int) -> npt.NDArray[np.float32]:
    """The pictures of `block` along `axis` as one, float32."""
    if kind is SlabKind.MAX:
        return np.asarray(block.max(axis=axis), np.float32)
    if kind is SlabKind.MIN:
        return np.asarray(block.min(axis=axis), np.float32)
    mean = np.add.reduce(block, axis=axis, dtype=np.int32).astype(np.float32)
    mean /= np.float32(block.shape[axis])
    return np.asarray(mean)


def merged(pictures: Iterable[npt.NDArray[np.float32]], kind: SlabKind) -> npt.NDArray[np.float32]:
    """The same for pictures that are made one after the other."""
    result: npt.NDArray[np.float32] | None = None
    count = 0
    for picture in pictures:
        count += 1
        if result is None:
            result = picture.copy()
        elif kind is SlabKind.MEAN:
            result += picture
        else:
            (np.maximum if kind is SlabKind.MAX else np.minimum)(result, picture, out=result)
    if result is None:
        raise ValueError("a slab needs at least one picture")
    return result / np.float32(count) if kind is SlabKind.MEAN else result
