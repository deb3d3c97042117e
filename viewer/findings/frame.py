"""Where the pixels of a series lie in the patient: millimetres from positions and orientations, never from tags."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viewer.dicom.series import Problem
from viewer.dicom.volume import Volume

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frame:
    """The place of every slice, in LPS mm (x to the patient's left, y backwards, z to the head).

    origins_mm: (slices, 3), centres of the first pixels. right, down: unit vectors along rows and columns.
    up: unit normal, towards later slices. spacing_mm: (between rows, between columns).
    weights_mm: (slices,), the length along the normal that each slice stands for. gaps_mm: between slices.
    """

    origins_mm: F64
    right: F64
    down: F64
    up: F64
    spacing_mm: tuple[float, float]
    weights_mm: F64
    gaps_mm: tuple[float, ...]

    def points_mm(
        self, index: int, rows: npt.NDArray[np.intp] | F64, columns: npt.NDArray[np.intp] | F64
    ) -> F64:
        """Places (n, 3) of pixel centres of one slice."""
        return np.asarray(
            self.origins_mm[index]
            + np.outer(rows, self.down) * self.spacing_mm[0]
            + np.outer(columns, self.right) * self.spacing_mm[1]
        )

    @property
    def shifts_px(self) -> F64:
        """(slices, 2): how many (rows, columns) each slice's first pixel lies off the line along the normal."""
        offset = self.origins_mm - self.origins_mm[0]
        return np.stack(
            [offset @ self.down / self.spacing_mm[0], offset @ self.right / self.spacing_mm[1]], axis=1
        )

    def spaced(self, indices: Iterable[int], least_mm: float) -> list[int]:
        """Those slices, in their order, that lie at least so far from the one kept before; the first in any case."""
        kept: list[int] = []
        heights = self.heights_mm
        for index in indices:
            if not kept or abs(heights[index] - heights[kept[-1]]) >= least_mm:
                kept.append(index)
        return kept

    @property
    def heights_mm(self) -> F64:
        """Position (slices,) of each slice along the normal."""
        return np.asarray(self.origins_mm @ self.up)


def frame_of(volume: Volume) -> Frame | None:
    """The frame of a volume, or None where positions, orientation or spacing are unknown or differ in direction."""
    positions = volume.positions_mm
    slices = volume.series.slices
    if positions is None or any(note.problem is Problem.NO_SPACING for note in volume.series.notes):
        return None
    first = np.asarray(slices[0].orientation, np.float64)
    if any(np.abs(np.asarray(one.orientation) - first).max() > 0.02 for one in slices):
        return None
    right, down = first[:3] / np.linalg.norm(first[:3]), first[3:] / np.linalg.norm(first[3:])
    up = np.cross(right, down)
    if (positions[-1] - positions[0]) @ up < 0:
        up = -up
    weights = volume.thickness_weights_mm()
    return Frame(positions, right, down, up, volume.spacing_mm, weights, tuple(volume.series.gaps_mm))
