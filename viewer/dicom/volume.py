"""A CT series as one array of HU with its exact place in the patient."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viewer.dicom.geometry import even, measure, straight, tilted
from viewer.dicom.series import Series


@dataclass(frozen=True)
class Volume:
    """The pixels of a series, slice by slice as they lie in the files (never resampled).

    hu: int16 (slices, rows, columns). Allocated whole, filled while loading.
    loaded: bool (slices,): which slices of `hu` hold pixels. Set after the pixels are in.
    failed: bool (slices,): which slices cannot be read; `load_slice` says why.
    spacing_mm: (between rows, between columns); (1, 1) where the series has NO_SPACING.
    """

    series: Series
    hu: npt.NDArray[np.int16]
    loaded: npt.NDArray[np.bool_]
    failed: npt.NDArray[np.bool_]
    spacing_mm: tuple[float, float]

    def patient_mm(self, index: int, column: float, row: float) -> tuple[float, float, float] | None:
        """Patient coordinates (LPS, mm) of an image-relative point, or None where the series has no positions.

        Image-relative: pixel centres at .5 (PS3.3 C.18.6); the formula is that of PS3.3 C.7.6.2.1.1.
        """
        header = self.series.slices[index]
        if header.position_mm is None or header.orientation is None:
            return None
        origin = np.array(header.position_mm)
        along_row, along_column = np.array(header.orientation[:3]), np.array(header.orientation[3:])
        down_mm, right_mm = self.spacing_mm
        point = origin + along_row * right_mm * (column - 0.5) + along_column * down_mm * (row - 0.5)
        return (float(point[0]), float(point[1]), float(point[2]))

    def thickness_weights_mm(self) -> npt.NDArray[np.float64]:
        """Length (mm) along the normal that each slice stands for when areas become volumes.

        Half the gap to each neighbour, end slices their only gap, a single slice its thickness (0 where unknown).
        """
        gaps = np.asarray(self.series.gaps_mm, np.float64)
        if gaps.size == 0:
            return np.full(len(self.series.slices), self.series.thickness_mm or 0.0)
        padded = np.concatenate([gaps[:1], gaps, gaps[-1:]])
        return np.asarray((padded[:-1] + padded[1:]) / 2, np.float64)

    @property
    def not_reformattable_because(self) -> str | None:
        """Why no sagittal or coronal picture can be cut from the slices as they lie, or None if one can.

        A sentence for the reader. Slices are never taken as evenly stacked where they are not.
        """
        if len(self.series.slices) < 3:
            return "Sagittal and coronal views need at least three slices."
        geometry = measure(self.series.slices) if self.series.z_mm else None
        if geometry is None:
            return "The positions of the slices are unknown, so they cannot be cut across."
        if self.series.slices[0].spacing_mm is None:
            return "The pixel spacing is unknown, so the slices cannot be cut across to scale."
        if not straight(geometry):
            return "The slices are shifted against each other: a cut across them would be jagged."
        if tilted(geometry):
            return f"The gantry was tilted by {geometry.tilt_deg:.1f}°: a cut across the slices would be sheared."
        if not even(geometry.gaps_mm):
            return "The gaps between the slices differ: a cut across them would be distorted."
        return None

    @property
    def reformattable(self) -> bool:
        """Whether sagittal and coronal pictures can be cut from the slices as they lie."""
        return self.not_reformattable_because is None
