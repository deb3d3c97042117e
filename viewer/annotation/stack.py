"""What the tools that look at pixels know of a series: HU, where the slices lie, how large a pixel is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from viewer.dicom.volume import Volume

Hu = npt.NDArray[np.int16]
Place = tuple[str, int]
"""A slice: SOP instance UID and frame."""


@dataclass(frozen=True)
class Stack:
    """The slices of a series in order along the normal.

    hu: int16 (slices, rows, columns). loaded: bool (slices,), which of them hold pixels by now.
    spacing_mm: (between rows, between columns).
    heights_mm: position of each slice along the normal; by number, a millimetre apart, where it is unknown.
    """

    hu: Hu
    loaded: npt.NDArray[np.bool_]
    places: tuple[Place, ...]
    spacing_mm: tuple[float, float] = (1.0, 1.0)
    heights_mm: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not belong together."""
        if self.hu.ndim != 3 or not len(self.hu) == len(self.loaded) == len(self.places):
            raise ValueError(
                f"a stack needs pixels, flags and a place for each slice, got HU of shape {self.hu.shape}, "
                f"{len(self.loaded)} flags and {len(self.places)} places"
            )
        if min(self.spacing_mm) <= 0:
            raise ValueError(f"spacing_mm must be positive, got {self.spacing_mm}")
        if len(self.heights_mm) != len(self.places):
            object.__setattr__(self, "heights_mm", tuple(map(float, range(len(self.places)))))

    @classmethod
    def of(cls, volume: Volume) -> "Stack":
        """The slices of an open volume; they may still be loading."""
        return cls(
            volume.hu,
            volume.loaded,
            tuple((header.sop_uid, header.frame) for header in volume.series.slices),
            volume.spacing_mm,
            tuple(volume.series.z_mm),
        )

    @cached_property
    def _numbers(self) -> dict[Place, int]:
        return {place: number for number, place in enumerate(self.places)}

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of every slice."""
        return (self.hu.shape[1], self.hu.shape[2])

    def number(self, place: Place) -> int | None:
        """Which slice this is, or None for one of another series."""
        return self._numbers.get(place)

    def slice_hu(self, place: Place) -> Hu | None:
        """HU of a slice (rows, columns), or None while it is not loaded."""
        number = self.number(place)
        return self.hu[number] if number is not None and self.loaded[number] else None

    def radius_px(self, radius_mm: float) -> tuple[float, float]:
        """A length in mm as pixels across (columns) and down (rows)."""
        return (radius_mm / self.spacing_mm[1], radius_mm / self.spacing_mm[0])
