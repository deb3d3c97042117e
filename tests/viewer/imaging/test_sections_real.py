"""Sections of a real tilted head are the pictures that are sampled point by point."""

from pathlib import Path

import numpy as np
import pytest

from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.imaging.reformat import oblique
from viewer.imaging.sections import Across, Section
from viewer.imaging.turned import Facing, Solid, Turned
from viewer.light_box import stack_of


@pytest.fixture(scope="module")
def head(shared_data: Path) -> Volume:
    """28 slices, tilted by 18.5°, with gaps of 4, 7 and 1.08 mm."""
    (study,) = scan(shared_data / "head-ct-dicom" / "ge-tilted-uneven").studies
    return load_all(study.series[0])


def differences(section: Section, volume: Volume, stop: int) -> np.ndarray:  # type: ignore[type-arg]
    """HU between a section's picture and the same picture sampled point by point, every ninth row."""
    directions = section.orientation(stop)
    origin = section.patient_mm(stop, (0.5, 0.5))
    assert directions is not None
    assert origin is not None
    step = section.spacing_mm[0]
    rows, columns = section.shape
    picture = section.hu(stop)
    found = []
    for row in range(0, rows, 9):
        start = np.array(origin) + np.array(directions[3:]) * step * row
        line = oblique(
            stack_of(volume),
            tuple(start),
            directions[:3],
            directions[3:],
            (1, columns),
            step,  # type: ignore[arg-type]
        )
        found.append(picture[row].astype(np.int32) - line.hu[0])
    return np.array(found)


@pytest.mark.parametrize("plane", ["coronal", "sagittal"])
def test_a_cut_is_what_is_sampled_point_by_point(head: Volume, plane: str) -> None:
    section = Across(stack_of(head), plane)
    found = np.abs(differences(section, head, section.count // 2 + 7))
    assert np.median(found) == 0
    assert np.percentile(found, 99.5) <= 1  # rounding; edges of the field of view differ in who is outside


def test_an_oblique_picture_is_what_is_sampled_point_by_point(head: Volume) -> None:
    """Gaps that differ are brought to even levels first, which smooths a little between the slices."""
    section = Turned(Solid(stack_of(head)), Facing((1, 0, 0), (0, 0, -1)).turned(20, 10))
    found = np.abs(differences(section, head, section.count // 2))
    assert np.median(found) <= 3
    assert found.mean() < 25
