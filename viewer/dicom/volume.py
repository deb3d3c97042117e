"""A CT series as one array of HU with its exact place in the patient."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viewer.dicom.series import Series


@dataclass(frozen=True)
class Volume:
    """The pixels of a series, slice by slice as they lie in the files (never resampled).

    hu: int16 (slices, rows, columns). Allocated whole, filled while loading.
    loaded: bool (slices,): which slices of `hu` hold pixels. Set after the pixels are in.
    failed: bool (slices,): which slices cannot be read; `series.notes` of the loaded series says why.
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
