"""Real stacks, tilted and even, cut across."""

from pathlib import Path

import numpy as np
import pytest

from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.imaging.reformat import Stack, cut, oblique


def largest(folder: Path) -> Volume:
    (study,) = scan(folder).studies
    return load_all(max(study.series, key=lambda series: len(series.slices) if series.showable else 0))


def stack_of(volume: Volume) -> Stack:
    positions, orientation = volume.positions_mm, volume.series.slices[0].orientation
    assert positions is not None
    assert orientation is not None
    return Stack(volume.hu, positions, orientation, volume.spacing_mm)


@pytest.fixture(scope="module")
def tilted_head(shared_data: Path) -> Volume:
    return largest(shared_data / "head-ct-dicom" / "ge-tilted-uneven")


def test_the_tilted_head_keeps_every_pixel_in_its_place(tilted_head: Volume) -> None:
    """A line of the patient that lies on a slice shows that slice's pixels, in any plane through it."""
    stack = stack_of(tilted_head)
    across, down = np.array(stack.orientation[:3]), np.array(stack.orientation[3:])
    for index in (0, 9, 14, 27):
        place = tilted_head.patient_mm(index, 250.5, 100.5)
        assert place is not None
        line = oblique(stack, place, tuple(down), tuple(across), (1, 300), tilted_head.spacing_mm[0])
        assert (line.hu[0] == tilted_head.hu[index, 100:400, 250]).all()


def test_the_tilted_head_is_neither_sheared_nor_squeezed(tilted_head: Volume) -> None:
    """Places of the patient appear in the sagittal picture as far apart as they are, at right angles."""
    middle = tilted_head.patient_mm(14, 256.0, 256.0)
    assert middle is not None
    picture = cut(stack_of(tilted_head), "sagittal", middle)
    place = [tilted_head.patient_mm(index, 256.0, 256.0) for index in (2, 24)]
    first, last = (picture.picture_point(one) for one in place if one is not None)
    moved = np.linalg.norm(np.subtract(*np.array(place)))
    seen = np.hypot(first[0] - last[0], first[1] - last[1]) * picture.step_mm
    assert seen == pytest.approx(moved, abs=1e-6)
    lean = np.degrees(np.arctan2(abs(first[0] - last[0]), abs(first[1] - last[1])))
    assert lean == pytest.approx(18.5, abs=0.01)  # the table's way across slices that lie level
    assert picture.hu.shape[0] * picture.step_mm == pytest.approx(13 * 4 + 13 * 7 + 1.08 + 5.5, abs=0.6)


def test_a_straight_plate_stays_straight(shared_data: Path) -> None:
    """The phantom holds a plate; its upper edge in the sagittal picture lies on a line within a quarter of a mm."""
    volume = largest(shared_data / "head-ct-dicom" / "philips-phantom")
    middle = volume.patient_mm(len(volume.hu) // 2, 256.0, 256.0)
    assert middle is not None
    picture = cut(stack_of(volume), "sagittal", middle, 0.5)
    columns = np.arange(246, 336)
    plate = picture.hu[130:200, columns].astype(np.float64)
    level = (plate.max(0) + plate.min(0)) / 2
    below = (plate > level).argmax(0)
    at = np.arange(columns.size)
    share = (level - plate[below - 1, at]) / (plate[below, at] - plate[below - 1, at])
    edge_mm = (below - 1 + share) * picture.step_mm
    slope, start = np.polyfit(columns, edge_mm, 1)
    assert np.abs(edge_mm - start - slope * columns).max() < 0.25
    assert 0.02 < slope / 0.5 < 0.2  # it lies aslant, so it crosses many slices
