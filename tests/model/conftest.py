"""Small heads of known content, as samples in a folder."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from model.sample import Sample, save_sample, slice_scores

WriteHeads = Callable[..., Path]


def head_sample(patient: str, value: int, source: str) -> Sample:
    """Four slices of a round skull of 75 mm radius; slices 1 and 2 bleed as `value` in 10 x 10 pixels of 1.7 mm."""
    row, column = np.indices((120, 120)) - 59.5
    away = np.hypot(row, column) * 1.7
    hu = np.repeat(np.where(away <= 68, 35, np.where(away <= 75, 1000, -1000))[None], 4, 0).astype(np.int16)
    labels = np.zeros((4, 120, 120), np.uint8)
    if value:
        labels[1:3, 40:50, 70:80] = value
        hu[labels > 0] = 65
    z_mm = np.array([0.0, 5, 10, 15])
    return Sample(hu, (1.7, 1.7), z_mm, labels, slice_scores(labels), patient, source)


@pytest.fixture
def write_heads() -> WriteHeads:
    """Write a head for each patient, bleeding as its number says (0: not), into a folder; the folder."""

    def write(folder: Path, patients: Mapping[str, int], source: str = "phantom") -> Path:
        for patient, value in patients.items():
            save_sample(head_sample(patient, value, source), folder / f"{patient}.npz")
        return folder

    return write
