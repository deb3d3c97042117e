"""Doubts that come with a score: contrast by header or description, slices unlike the training data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from viewer.dicom.scan import scan
from viewer.jobs.choose import cautions, contrast_of


@pytest.mark.parametrize(
    ("description", "contrast"),
    [
        ("HEAD C+", True),
        ("CT HEAD WITH CONTRAST", True),
        ("CTA HEAD", True),
        ("Schaedel KM venoes", True),
        ("POST CONTRAST 5mm", True),
        ("CT HEAD W/O CONTRAST", False),
        ("HEAD WITHOUT CONTRAST", False),
        ("NON-CONTRAST HEAD", False),
        ("Brain 5.0", False),
        ("C- AXIAL", False),
        ("", False),
    ],
)
def test_contrast_is_read_from_the_description(make_series, description: str, contrast: bool) -> None:
    assert bool(contrast_of(make_series(5, description=description))) is contrast


@pytest.mark.parametrize(
    ("agent", "contrast"),
    [
        ("OMNIPAQUE 350", True),
        ("APPLIED", True),
        ("CE", True),
        ("Ultravist^300", True),
        ("ORAL & IV", True),
        ("", False),
        ("NONE", False),
        ("No contrast", False),
        ("W/O", False),
        ("ORAL", False),
        ("0", False),
    ],
)
def test_an_agent_in_the_header_is_contrast(make_series, agent: str, contrast: bool) -> None:
    found = contrast_of(make_series(5, description="Brain 5.0", contrast=agent))
    assert found == ("The header names a contrast agent" if contrast else "")


def test_the_agent_is_read_from_any_slice(write_series_copy: Callable[[str], Path]) -> None:
    folder = write_series_copy("agent")
    path = folder / "IM0006.dcm"
    dataset = pydicom.dcmread(path)
    dataset.ContrastBolusAgent = "Omnipaque"
    dataset.save_as(path)
    assert scan([folder]).studies[0].series[0].contrast == "Omnipaque"


def texts(volume, novelty: list[float] | None) -> list[str]:
    values = None if novelty is None else np.array(novelty, np.float32)
    return [caution.text for caution in cautions(volume, 150.0, novelty=values)]


def test_many_slices_unlike_the_training_data_are_told_of_and_few_are_not(make_series, make_volume) -> None:
    volume = make_volume(*[0] * 6, series=make_series(6))
    assert texts(volume, None) == []
    assert texts(volume, [0.3, 0.4, 1.2, 0.5, 0.6, 0.2]) == []
    (text,) = texts(volume, [0.3, 1.4, 1.2, 0.5, 3.0, np.nan])
    assert text.startswith("3 of 5 slices (2 to 5) look unlike")
    assert texts(volume, [np.nan] * 6) == []


def test_contrast_is_a_caution(make_series, make_volume) -> None:
    (text,) = texts(make_volume(*[0] * 6, series=make_series(6, description="CTA HEAD")), None)
    assert "contrast" in text
