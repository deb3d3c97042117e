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
