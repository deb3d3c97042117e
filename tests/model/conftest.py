"""Small heads of known content, as samples in a folder."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from model.sample import Sample, save_sample, slice_scores
from tests.tiny_version import make_tiny

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


def square_sample(patient: str, *labels: int, seed: int = 0) -> Sample:
    """A head of 48 × 48 pixels of 4 mm; in each slice a square of this label (255: nobody looked)."""
    row, column = np.mgrid[:48, :48]
    head = (row - 24) ** 2 + (column - 24) ** 2
    image = np.where(head < 18**2, 35, np.where(head < 20**2, 1000, -1000)).astype(np.int16)
    hu = np.repeat(image[None], len(labels), axis=0)
    hu += np.random.default_rng(seed).integers(-3, 4, hu.shape).astype(np.int16)
    drawn = np.zeros(hu.shape, np.uint8)
    for index, label in enumerate(labels):
        if label == 255:
            drawn[index] = 255
        elif label:
            drawn[index, 20:26, 20:26] = label
            hu[index, 20:26, 20:26] = 75
    z_mm = np.arange(len(labels)) * 5.0
    return Sample(hu, (4.0, 4.0), z_mm, drawn, slice_scores(drawn), patient, "annotations")


@pytest.fixture(scope="session")
def tiny_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained version of a network of a few thousand weights, `tiny-1`."""
    from model.labels import CODES

    info = {
        "thresholds": {**dict.fromkeys(CODES, 0.4), "any": 0.3},
        "calibration": {"slice": {"any": [2.0, 0.5]}},
        "licence": "CC0",
    }
    return make_tiny(tmp_path_factory.mktemp("base"), **info)


@pytest.fixture
def write_heads() -> WriteHeads:
    """Write a head for each patient, bleeding as its number says (0: not), into a folder; the folder."""

    def write(folder: Path, patients: Mapping[str, int], source: str = "phantom") -> Path:
        for patient, value in patients.items():
            save_sample(head_sample(patient, value, source), folder / f"{patient}.npz")
        return folder

    return write
