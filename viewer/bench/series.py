"""The series that the measurements open: a plain head, written once a bench."""

from pathlib import Path

import numpy as np
import numpy.typing as npt


def head_hu(slices: int, size: int = 512) -> npt.NDArray[np.int16]:
    """HU (slices, size, size): skull, noisy brain, and a bleed of 65 HU in the middle third of the slices."""
    noise = np.random.default_rng(7).normal(0, 4, (8, size, size)).astype(np.int16)
    row, column = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    radius = np.hypot(row / 0.42, column / 0.35)
    plain = np.where(radius < 0.92, 35, np.where(radius < 1, 1000, -1000)).astype(np.int16)
    bleed = plain.copy()
    bleed[np.hypot(row + 0.1, column - 0.12) < 0.05] = 65
    hu = np.empty((slices, size, size), np.int16)
    for index in range(slices):
        hu[index] = (bleed if slices // 3 <= index < 2 * slices // 3 else plain) + noise[index % 8]
    return hu


def write(folder: Path, slices: int, gap_mm: float) -> Path:
    """Write such a head as an uncompressed axial series of 0.45 mm pixels; `folder`, for convenience."""
    from viewer.dicom.write import write_series

    positions = np.zeros((slices, 3))
    positions[:, 2] = gap_mm * np.arange(slices)
    write_series(
        folder,
        head_hu(slices),
        spacing_mm=(0.45, 0.45),
        positions_mm=positions,
        orientation=(1, 0, 0, 0, 1, 0),
        patient_name="Bench^Head",
        patient_id="BENCH",
        study_description="CT HEAD",
        series_description=f"AXIAL {gap_mm:g} mm",
        thickness_mm=gap_mm,
    )
    return folder
