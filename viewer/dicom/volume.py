"""A CT series as one array of HU with its exact place in the patient."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from viewer.dicom.geometry import fractional_index, normal_of, positions_of, z_of
from viewer.dicom.pages import Pages
from viewer.dicom.series import Series


@dataclass(frozen=True)
class Volume:
    """The pixels of a series, slice by slice as they lie in the files (never resampled).

    hu: int16 (slices, rows, columns). Allocated whole, filled while loading.
    loaded: bool (slices,): which slices of `hu` hold pixels. Set after the pixels are in.
    failed: bool (slices,): which slices cannot be read; `load_slice` says why.
    spacing_mm: (between rows, between columns); (1, 1) where the series has NO_SPACING.
    pages: the memory of `hu`, None where it came from elsewhere.
    """

    series: Series
    hu: npt.NDArray[np.int16]
    loaded: npt.NDArray[np.bool_]
    failed: npt.NDArray[np.bool_]
    spacing_mm: tuple[float, float]
    pages: Pages | None = field(default=None, repr=False, compare=False)

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

    @property
    def positions_mm(self) -> npt.NDArray[np.float64] | None:
        """Positions (slices, 3) of the centres of the first pixels, or None where one is unknown."""
        return positions_of(self.series.slices)

    def image_point(self, point_mm: tuple[float, float, float]) -> tuple[float, float, float] | None:
        """(slice, column, row) of a place in the patient, or None where slices have no positions, or all the same.

        A whole slice number is that of a slice on which the place lies; between slices it is the fraction of the
        gap along the normal, beyond the ends of the gap there. The column and row are image-relative, on the slice
        that is nearest: the place seen along the normal, as `patient_mm` has it.
        """
        positions, heights = self.positions_mm, z_of(self.series.slices)
        first = self.series.slices[0].orientation
        if positions is None or heights is None or first is None or not (np.diff(heights) > 0).all():
            return None
        point = np.array(point_mm, np.float64)
        number = fractional_index(heights, float(point @ normal_of(first)))
        nearest = min(max(round(number), 0), len(heights) - 1)
        directions = np.array(self.series.slices[nearest].orientation, np.float64)
        offset = point - positions[nearest]
        down_mm, right_mm = self.spacing_mm
        return (
            number,
            float(offset @ directions[:3]) / right_mm + 0.5,
            float(offset @ directions[3:]) / down_mm + 0.5,
        )

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
        """Why no sagittal or coronal picture can be cut from the slices, or None if one can: a sentence.

        Tilted gantries, gaps that differ and slices that are shifted are no hindrance: `viewer.imaging.reformat`
        takes each slice where its own position says.
        """
        if len(self.series.slices) < 3:
            return "Sagittal and coronal views need at least three slices."
        if not self.series.z_mm or any(gap <= 0 for gap in self.series.gaps_mm):
            return "The positions of the slices are unknown, so they cannot be cut across."
        if self.series.slices[0].spacing_mm is None:
            return "The pixel spacing is unknown, so the slices cannot be cut across to scale."
        return None

    @property
    def reformattable(self) -> bool:
        """Whether sagittal and coronal pictures can be cut from the slices."""
        return self.not_reformattable_because is None
