"""Measures on a real head: tilted gantry, two slice distances."""

import math
from pathlib import Path

import numpy as np
import pytest

from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.measures.measure import CutPlane, Kind, Measure, Share, SlicePlane
from viewer.measures.readings import read, stack_of


@pytest.fixture(scope="module")
def head(shared_data: Path) -> Volume:
    (study,) = scan(shared_data / "head-ct-dicom" / "ge-tilted-uneven").studies
    return load_all(max(study.series, key=lambda series: len(series.slices) if series.showable else 0))


def on(volume: Volume, index: int) -> SlicePlane:
    return SlicePlane(volume.series.slices[index].sop_uid, volume.series.slices[index].frame)


def test_a_length_on_a_slice_is_the_distance_in_the_patient(head: Volume) -> None:
    start, end = (100.5, 120.5), (333.0, 290.5)
    places = [head.patient_mm(14, *point) for point in (start, end)]
    assert None not in places
    found = read(Measure("m", Kind.LENGTH, on(head, 14), (start, end)), head)
    assert found.number("length") == pytest.approx(math.dist(*places), abs=1e-3)  # type: ignore[misc]


def test_a_region_equals_numpy(head: Volume) -> None:
    found = read(Measure("m", Kind.RECTANGLE, on(head, 14), ((200, 180), (260, 300))), head)
    inside = head.hu[14, 180:300, 200:260]
    assert (found.number("mean"), found.number("SD")) == pytest.approx((inside.mean(), inside.std()))


def test_a_length_across_the_slices_is_the_distance_in_the_patient(head: Volume) -> None:
    """Two places on slices far apart, in the plane that both and the rows span."""
    first, last = head.patient_mm(3, 256.0, 200.0), head.patient_mm(24, 256.0, 280.0)
    assert first is not None
    assert last is not None
    way = np.subtract(last, first)
    right = np.array(head.series.slices[0].orientation[:3])  # type: ignore[index]
    down = way - right * (way @ right)
    down /= np.linalg.norm(down)
    depth = float(np.cross(right, down) @ np.array(first))
    plane = CutPlane(tuple(right), tuple(down), depth)
    points = (plane.point(first), plane.point(last))
    assert plane.behind_mm(last) == pytest.approx(0, abs=1e-6)
    found = read(Measure("m", Kind.LENGTH, plane, points), head)
    assert found.number("length") == pytest.approx(float(np.linalg.norm(way)))
    region = (points[0], (points[0][0] + 30, points[0][1] + 40))
    statistics = read(Measure("m", Kind.ELLIPSE, plane, region), head).statistics
    assert statistics is not None
    assert stack_of(head).hu.min() <= statistics.minimum <= statistics.maximum <= stack_of(head).hu.max()


def test_c_follows_the_two_slice_distances(head: Volume) -> None:
    """Neighbours across the change of step: C is half the gap to either side of each, summed."""
    gaps = np.array(head.series.gaps_mm)
    change = int(np.abs(np.diff(gaps[1:-1])).argmax()) + 2  # the slice between the two steps
    shares = tuple(
        Share(on(head, i).sop_uid, on(head, i).frame, 1.0) for i in (change - 1, change, change + 1)
    )
    measure = Measure("m", Kind.ABC2, on(head, change), ((0, 0), (50, 0), (20, 0), (20, 40)), shares=shares)
    expected = sum((gaps[i - 1] + gaps[i]) / 2 for i in (change - 1, change, change + 1))
    assert abs(gaps[change - 1] - gaps[change]) > 1
    assert read(measure, head).number("C") == pytest.approx(expected)
