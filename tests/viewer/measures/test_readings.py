"""What measures come to on a phantom, worked out by hand; anisotropic, uncalibrated, across the slices."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viewer.annotation.raster import polygon_mask
from viewer.dicom.series import Problem
from viewer.dicom.volume import Volume
from viewer.measures import readings, text
from viewer.measures.abc2 import kothari_weight, proposed
from viewer.measures.measure import CutPlane, Kind, Measure, Point, Share, SlicePlane
from viewer.measures.readings import read
from viewer.measures.regions import region_mask, statistics

SLICE = SlicePlane("1.2.3.3")


def measure(kind: Kind, *points: Point, **fields: object) -> Measure:
    return Measure("m", kind, SLICE, points, **fields)  # type: ignore[arg-type]


def test_a_length_on_anisotropic_pixels_is_in_mm(phantom) -> None:
    found = read(measure(Kind.LENGTH, (10, 10), (16, 20)), phantom())  # 6 × 0.5 mm across, 10 × 0.8 mm down
    assert found.number("length") == pytest.approx(math.hypot(3.0, 8.0))
    assert (found.slice_index, found.values[0].unit, found.cautions) == (3, "mm", ())


def test_an_angle_on_anisotropic_pixels_is_that_of_the_patient(phantom) -> None:
    """Arms of 8 columns (4 mm) and of 8 columns and 5 rows (4 mm, 4 mm): 45°, though not on the pixel grid."""
    found = read(measure(Kind.ANGLE, (18, 10), (10, 10), (18, 15)), phantom())
    assert found.number("angle") == pytest.approx(45.0)
    assert read(measure(Kind.ANGLE, (0, 10), (10, 10), (30, 10)), phantom()).number("angle") == pytest.approx(
        180
    )


def test_a_bidirectional_measure_names_the_longer_one_first(phantom) -> None:
    found = read(measure(Kind.BIDIRECTIONAL, (10, 10), (30, 10), (20, 5), (20, 30)), phantom())
    assert [value.number for value in found.values] == pytest.approx([20.0, 10.0])  # 25 × 0.8 and 20 × 0.5
    assert text.result_text(found) == "20.0 × 10.0\N{NO-BREAK SPACE}mm"


def test_a_rectangle_says_what_numpy_says_of_the_same_pixels(phantom) -> None:
    volume = phantom()
    found = read(measure(Kind.RECTANGLE, (30, 25), (10, 12)), volume)
    inside = volume.hu[3, 12:25, 10:30]
    assert found.statistics is not None
    assert found.statistics.count == inside.size == 260
    assert found.number("area") == pytest.approx(20 * 0.5 * 13 * 0.8)
    assert found.number("perimeter") == pytest.approx(2 * (10 + 10.4))
    for name, number in (
        ("mean", inside.mean()),
        ("SD", inside.std()),
        ("min", inside.min()),
        ("max", inside.max()),
    ):
        assert found.number(name) == pytest.approx(number)
    histogram = found.statistics.histogram
    edges = histogram.first + histogram.width * np.arange(len(histogram.counts) + 1)
    assert histogram.counts == tuple(np.histogram(inside, edges)[0])
    assert sum(histogram.counts) == inside.size


def test_an_ellipse_holds_the_pixels_whose_centre_it_holds(phantom) -> None:
    volume = phantom()
    found = read(measure(Kind.ELLIPSE, (10, 10), (50, 40)), volume)
    row, column = np.mgrid[:60, :80] + 0.5
    inside = volume.hu[3][((column - 30) / 20) ** 2 + ((row - 25) / 15) ** 2 <= 1]
    assert found.number("area") == pytest.approx(math.pi * 10.0 * 12.0)  # half axes 20 × 0.5 and 15 × 0.8 mm
    assert (found.number("pixels"), found.number("mean")) == (inside.size, pytest.approx(inside.mean()))


CORNERS = st.lists(
    st.tuples(st.floats(-20, 100, width=32), st.floats(-20, 80, width=32)),
    min_size=3,
    max_size=12,
    unique=True,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corners=CORNERS, kind=st.sampled_from([Kind.POLYGON, Kind.FREEHAND]))
def test_a_region_reads_the_pixels_of_its_raster(phantom, corners: list[Point], kind: Kind) -> None:
    volume = phantom()
    found = read(measure(kind, *corners), volume)
    inside = volume.hu[3][polygon_mask(corners, (60, 80))]
    if inside.size == 0:
        assert found.statistics is None
        assert readings.NO_PIXELS in found.cautions
        return
    assert found.number("pixels") == inside.size
    assert found.number("mean") == pytest.approx(inside.mean())
    assert found.number("SD") == pytest.approx(inside.std())


def test_a_probe_reads_the_pixel_under_it(phantom) -> None:
    assert read(measure(Kind.PROBE, (12.9, 7.0)), phantom()).number("HU") == 12 + 2 * 7 + 30 - 100
    beside = read(measure(Kind.PROBE, (80.0, 7.0)), phantom())
    assert (beside.values, beside.cautions) == ((), (readings.NO_PIXELS,))


def test_without_spacing_lengths_are_pixels_and_it_is_said(phantom) -> None:
    volume = phantom(problems=(Problem.NO_SPACING,))
    length = read(measure(Kind.LENGTH, (10, 10), (13, 14)), volume)
    assert (length.number("length"), length.values[0].unit) == (5.0, "px")
    assert length.cautions == (readings.UNCALIBRATED,)
    assert "5.0\N{NO-BREAK SPACE}px" in text.full_line(length, volume)
    assert "unknown" in text.full_line(length, volume)
    area = read(measure(Kind.RECTANGLE, (10, 10), (13, 14)), volume)
    assert (area.number("area"), area.values[0].unit) == (12.0, "px²")
    angle = read(measure(Kind.ANGLE, (13, 10), (10, 10), (10, 14)), volume)
    assert (angle.number("angle"), angle.cautions) == (90.0, (readings.SQUARE_ASSUMED,))
    shares = (Share("1.2.3.3", 0, 1.0),)
    volume_read = read(measure(Kind.ABC2, (0, 0), (10, 0), (5, 0), (5, 6), shares=shares), volume)
    assert [value.name for value in volume_read.values] == ["A", "B"]
    assert volume_read.cautions == (readings.UNCALIBRATED,)


def test_an_estimated_spacing_is_said(phantom) -> None:
    found = read(measure(Kind.LENGTH, (0, 0), (10, 0)), phantom(problems=(Problem.SPACING_ESTIMATED,)))
    assert (found.number("length"), found.cautions) == (5.0, (readings.ESTIMATED,))


def test_abc2_of_an_ellipsoid(phantom) -> None:
    """A 40 columns = 20 mm, B 20 rows = 16 mm, C (½ + 1 + 1 + ½) × 4 mm = 12 mm: 1.92 mL."""
    shares = tuple(Share(f"1.2.3.{i}", 0, weight) for i, weight in ((2, 0.5), (3, 1.0), (4, 1.0), (5, 0.5)))
    found = read(measure(Kind.ABC2, (10, 20), (50, 20), (30, 10), (30, 30), shares=shares), phantom())
    assert [found.number(name) for name in ("A", "B", "C", "volume")] == pytest.approx([20, 16, 12, 1.92])
    assert text.result_text(found) == "1.9\N{NO-BREAK SPACE}mL · 20.0 × 16.0 × 12.0 mm"


def test_c_takes_the_distances_between_positions_not_the_thickness(phantom) -> None:
    volume = phantom(count=4)
    uneven = replace(volume.series, gaps_mm=(4.0, 4.0, 10.0), thickness_mm=99.0)
    shares = (Share("1.2.3.1", 0, 1.0), Share("1.2.3.2", 0, 1.0))
    one = measure(Kind.ABC2, (0, 0), (10, 0), (5, 0), (5, 10), shares=shares)
    found = read(replace(one, plane=SlicePlane("1.2.3.1")), replace(volume, series=uneven))
    assert found.number("C") == pytest.approx(4.0 + 7.0)  # slice 1 stands for 4 mm, slice 2 for (4 + 10) / 2


@pytest.mark.parametrize(
    ("share", "weight"), [(0.0, 0), (0.2499, 0), (0.25, 0.5), (0.5, 0.5), (0.75, 0.5), (0.7501, 1), (1.0, 1)]
)
def test_kothari_weights(share: float, weight: float) -> None:
    assert kothari_weight(share * 400, 400) == weight


def test_proposed_weights_stop_where_the_blood_does() -> None:
    areas = np.array([90, 0, 10, 40, 100, 80, 0, 100.0])
    slices = [(str(i), 0) for i in range(8)]
    found = proposed(areas, 4, slices)
    assert [(share.sop_uid, share.weight) for share in found] == [("2", 0), ("3", 0.5), ("4", 1), ("5", 1)]
    alone = proposed(np.zeros(8), 4, slices)
    assert [(share.sop_uid, share.weight) for share in alone] == [("4", 1.0)]


def test_a_midline_shift_is_the_distance_from_the_falx_and_names_the_patients_side(phantom) -> None:
    """The falx runs down column 40; the septum lies 12 columns (6 mm) to the picture's right, the patient's left."""
    found = read(measure(Kind.MIDLINE, (40, 5), (40, 55), (52, 30)), phantom())
    assert (found.number("shift"), found.side) == (pytest.approx(6.0), "left")
    other = read(measure(Kind.MIDLINE, (40, 5), (40, 55), (36, 30)), phantom())
    assert (other.number("shift"), other.side) == (pytest.approx(2.0), "right")
    assert text.result_text(other) == "2.0\N{NO-BREAK SPACE}mm to the right"
    none = read(measure(Kind.MIDLINE, (40, 5), (40, 55), (40, 30)), phantom())
    assert (none.number("shift"), none.side) == (pytest.approx(0.0), "")


def test_an_oblique_falx_is_no_shift_by_itself(phantom) -> None:
    """Falx from (10, 10) to (74, 50): 32 mm each way; the septum on its middle, then 3 mm off along (1, -1)/√2."""
    assert read(measure(Kind.MIDLINE, (10, 10), (74, 50), (42, 30)), phantom()).number(
        "shift"
    ) == pytest.approx(0)
    off = 3 / math.sqrt(2)
    point = (42 + off / 0.5, 30 - off / 0.8)
    assert read(measure(Kind.MIDLINE, (10, 10), (74, 50), point), phantom()).number("shift") == pytest.approx(
        3
    )


CORONAL = CutPlane((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), 4.0)  # y = 4 mm: right × down = (0, 1, 0)


def test_a_coronal_length_is_in_mm_whatever_the_slices_are_apart(phantom) -> None:
    found = read(Measure("m", Kind.LENGTH, CORONAL, ((-10, -20), (-7, -16))), phantom())
    assert (found.number("length"), found.slice_index) == (5.0, None)
    assert "across the slices" in text.full_line(found, phantom())


@pytest.mark.parametrize("tilt", [0.0, 0.25])
def test_a_coronal_region_reads_the_hu_at_its_place_in_the_patient(phantom, tilt: float) -> None:
    """HU are linear in the place: column (x + 20) ÷ .5, row (y + 24 - tilt z) ÷ .8, slice z ÷ 4."""
    volume = phantom(tilt=tilt)
    plane = CutPlane((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), 4.0)
    found = read(Measure("m", Kind.RECTANGLE, plane, ((-10, -22), (6, -10))), volume)
    x, z = -2.0, 16.0  # the middle, where a linear function has its mean
    expected = (x + 20) / 0.5 + 2 * (4 + 24 - tilt * z) / 0.8 + 10 * z / 4 - 100
    assert found.number("mean") == pytest.approx(expected, abs=0.5)
    assert found.number("area") == pytest.approx(16 * 12)
    probe = read(Measure("m", Kind.PROBE, plane, ((-2.0, -16.0),)), volume)
    assert probe.number("HU") == pytest.approx(expected, abs=1)


def test_an_axial_cut_reads_what_the_slice_reads(phantom) -> None:
    """The plane of slice 3 as a cut, its first corner half a pixel before the first centre: the same HU."""
    volume = phantom(spacing_mm=(0.5, 0.5))
    plane = CutPlane((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 12.0)
    corner = (-20.0 - 0.25, -24.0 - 0.25)
    points = tuple((corner[0] + c * 0.5, corner[1] + r * 0.5) for c, r in ((10, 12), (30, 25)))
    found = read(Measure("m", Kind.RECTANGLE, plane, points), volume)
    slice_ = read(measure(Kind.RECTANGLE, (10, 12), (30, 25)), volume)
    assert found.statistics == slice_.statistics


def test_a_slice_that_is_not_there_or_not_read_is_said(phantom) -> None:
    gone = Measure("m", Kind.LENGTH, SlicePlane("9"), ((0, 0), (1, 1)))
    assert read(gone, phantom()).cautions == (readings.ELSEWHERE,)
    assert text.result_text(read(gone, phantom())) == "not measured"
    volume = phantom()
    volume.loaded[3] = False
    unread = read(measure(Kind.ELLIPSE, (0, 0), (10, 10)), volume)
    assert (unread.statistics, unread.cautions) == (None, (readings.NOT_READ,))
    assert unread.number("area") == pytest.approx(math.pi * 2.5 * 4)


def test_a_region_smaller_than_a_pixel_has_no_hu_and_says_so(phantom) -> None:
    found = read(measure(Kind.ELLIPSE, (10.1, 10.1), (10.3, 10.3)), phantom())
    assert (found.statistics, found.cautions) == (None, (readings.NO_PIXELS,))
    assert region_mask(Kind.ELLIPSE, ((5, 5), (5, 9)), (10, 10)).sum() == 0
    assert statistics(np.zeros(0, np.int16)) is None


def test_a_histogram_of_any_range_has_few_bins_and_every_pixel() -> None:
    found = statistics(np.array([-1024, 3071, 40, 41], np.int16))
    assert found is not None
    assert len(found.histogram.counts) <= 40
    assert sum(found.histogram.counts) == 4


def test_the_report_lists_slice_by_slice_without_the_patient(phantom) -> None:
    volume: Volume = phantom()
    late = Measure("a", Kind.LENGTH, SlicePlane("1.2.3.7"), ((0, 0), (10, 0)), label="clot")
    found = text.report_text([read(late, volume), read(measure(Kind.PROBE, (10, 10)), volume)], volume)
    assert found.splitlines() == [
        "Series 2 · Brain",
        "Probe: \N{MINUS SIGN}40\N{NO-BREAK SPACE}HU; image 4 (z +12.0 mm).",
        "Length “clot”: 5.0\N{NO-BREAK SPACE}mm; image 8 (z +28.0 mm).",
        "Research use only, not for diagnosis.",
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"points": ((0, 0),)}, "needs 2 to 2 points"),
        ({"points": ((0, 0), (math.nan, 1))}, "finite"),
        ({"uid": ""}, "uid"),
        ({"shares": (Share("1", 0, 1.0),)}, "ABC/2"),
        ({"kind": Kind.ABC2, "points": ((0, 0),) * 4}, "ABC/2"),
        ({"kind": Kind.MIDLINE, "points": ((0, 0),) * 3, "plane": CORONAL}, "source slice"),
    ],
)
def test_a_measure_that_exists_is_valid(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(measure(Kind.LENGTH, (0, 0), (1, 1)), **fields)


def test_a_cut_plane_needs_a_frame_and_finds_places_again() -> None:
    with pytest.raises(ValueError, match="perpendicular"):
        CutPlane((1, 0, 0), (1, 0, 0), 0.0)
    with pytest.raises(ValueError, match=r"0, 0\.5 or 1"):
        Share("1", 0, 0.7)
    place = CORONAL.patient_mm((3.0, -7.0))
    assert place == pytest.approx((3, 4, 7))
    assert CORONAL.point(place) == pytest.approx((3, -7))
    assert CORONAL.behind_mm((3, 6.5, 7)) == pytest.approx(2.5)
