"""Regions of known bleeds, through real DICOM series: volumes, sides, places, thickness, slices."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from model.labels import SCORES
from viewer.dicom.volume import Volume
from viewer.findings import head
from viewer.findings.frame import frame_of
from viewer.findings.places import Side
from viewer.findings.region import Regions, find_regions
from viewer.findings.shift import NO_HEAD, NO_VENTRICLES, NO_VERTEX

heads = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("heads.py"))))
THRESHOLDS = dict.fromkeys(SCORES, 0.5)
UNEVEN = (*np.arange(-44, 0, 4.0), *np.arange(0, 78, 7.0))


def regions(volume: Volume, masks: np.ndarray, *codes: str, scores: np.ndarray | None = None) -> Regions:
    if scores is None:
        scores = np.where(masks.any((1, 2)), 0.9, 0.1)[:, None].repeat(6, 1).astype(np.float32)
    return find_regions(volume, masks, scores, codes, THRESHOLDS)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"tilt_deg": 20.0},
        {"heights": UNEVEN},
        {"mirrored": True},
        {"turned_deg": 12.0},
        {"pixel_mm": 0.9, "size": 200},
    ],
    ids=["plain", "tilted", "uneven", "mirrored", "turned", "fine"],
)
def test_a_ball_has_its_volume_side_and_place(tmp_path: Path, how: dict[str, object]) -> None:
    volume, masks = heads.write_head(tmp_path / "s", [(5, heads.ball(30, 0, 10, 15))], **how)
    (found,) = regions(volume, masks, "IPH").found
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.1)
    assert found.side is Side.LEFT
    assert found.where == "left basal ganglia or thalamus"
    assert found.hu == pytest.approx(65, abs=1)
    assert found.thickness is None


@pytest.mark.parametrize("tilt_deg", [0.0, 15.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_crescent_is_as_thick_as_it_was_made(tmp_path: Path, tilt_deg: float, mirrored: bool) -> None:
    shape = heads.crescent(-1, 9.0)
    volume, masks = heads.write_head(tmp_path / "s", [(2, shape)], tilt_deg=tilt_deg, mirrored=mirrored)
    (found,) = regions(volume, masks, "SDH").found
    assert found.side is Side.RIGHT
    assert found.place.startswith("convexity")
    assert found.thickness is not None
    assert found.thickness.mm == pytest.approx(9.0, abs=1.2)
    (x0, y0), (x1, y1) = found.thickness.ends
    assert 1.4 * np.hypot(x1 - x0, y1 - y0) == pytest.approx(found.thickness.mm, abs=0.5)


def test_the_rim_that_bone_outshines_counts_as_bleed(tmp_path: Path) -> None:
    """The mask begins 2 mm from the inner table of a bleed that is 9 mm thick."""
    whole = heads.crescent(-1, 9.0)
    volume, masks = heads.write_head(
        tmp_path / "s", [(2, lambda x, y, z: whole(x, y, z) & (heads.radius(x, y, z, -2.0) <= 1))]
    )
    (found,) = regions(volume, masks, "SDH").found
    assert found.thickness is not None
    assert found.thickness.mm == pytest.approx(9.0, abs=1.2)


def test_a_thin_bleed_along_the_falx_lies_at_the_midline(tmp_path: Path) -> None:
    def sheet(x, y, z):
        return (np.abs(x - 2) < 3) & (y > 20) & (y < 60) & (z > 30) & (z < 60)

    volume, masks = heads.write_head(tmp_path / "s", [(2, sheet)])
    (found,) = regions(volume, masks, "SDH").found
    assert (found.side, found.where) == (Side.MIDLINE, "falx")
    assert found.thickness is not None
    assert found.thickness.mm == pytest.approx(6, abs=1.5)  # pixels are 1.4 mm


def test_parts_that_do_not_touch_are_regions_and_specks_are_counted(tmp_path: Path) -> None:
    parts = [heads.ball(30, 0, 10, 12), heads.ball(-30, 0, 10, 9), heads.ball(-20, 40, 30, 2.2)]
    volume, masks = heads.write_head(
        tmp_path / "s", [(5, lambda *p: parts[0](*p) | parts[1](*p) | parts[2](*p))]
    )
    answer = regions(volume, masks, "IPH")
    assert [region.side for region in answer.found] == [Side.LEFT, Side.RIGHT]
    assert answer.specks == {"IPH": 1}
    assert [region.volume_ml for region in answer.found] == sorted(
        (region.volume_ml for region in answer.found), reverse=True
    )


def test_a_shaft_through_tilted_slices_is_one_region(tmp_path: Path) -> None:
    """Straight up in the patient, it moves by 5 mm · tan 25° = 2.3 mm from slice to slice of the tilted stack."""
    volume, masks = heads.write_head(
        tmp_path / "s", [(5, lambda x, y, z: (np.hypot(x - 30, y) < 1.2) & (np.abs(z) < 40))], tilt_deg=25.0
    )
    answer = regions(volume, masks, "IPH")
    assert len(answer.found) == 1
    assert answer.specks == {}


def test_the_peak_is_the_most_suspicious_slice_and_its_pixel_lies_inside(tmp_path: Path) -> None:
    volume, masks = heads.write_head(tmp_path / "s", [(5, heads.ball(30, 0, 10, 15))])
    scores = np.where(masks.any((1, 2)), 0.6, 0.1)[:, None].repeat(6, 1).astype(np.float32)
    drawn = np.flatnonzero(masks.any((1, 2)))
    scores[drawn[1], SCORES.index("IPH")] = 0.8
    (found,) = regions(volume, masks, "IPH", scores=scores).found
    assert (found.first, found.last, found.peak) == (drawn[0], drawn[-1], drawn[1])
    assert found.score == pytest.approx(0.8)
    column, row = found.pixel
    assert masks[found.peak, row, column] == 5


def test_scored_slices_of_which_nothing_is_drawn_are_runs(tmp_path: Path) -> None:
    volume, masks = heads.write_head(tmp_path / "s", [])
    scores = np.zeros((len(volume.hu), 6), np.float32)
    scores[[4, 5, 9], SCORES.index("SAH")] = (0.6, 0.9, 0.7)
    found = regions(volume, masks, "SAH", scores=scores).found
    assert [(r.first, r.last, r.peak, r.volume_ml, r.where) for r in found] == [
        (4, 5, 5, None, ""), (9, 9, 9, None, ""),
    ]  # fmt: skip


def test_the_shift_is_found_to_its_side_and_none_where_there_is_none(tmp_path: Path) -> None:
    volume, masks = heads.write_head(tmp_path / "a", [], shift_mm=8.0)
    shift = regions(volume, masks, "IPH").shift
    assert shift is not None
    assert shift.to == "left"
    assert shift.mm == pytest.approx(8.0, abs=2.0)
    volume, masks = heads.write_head(tmp_path / "b", [])
    shift = regions(volume, masks, "IPH").shift
    assert shift is not None
    assert shift.mm == 0


def test_a_shift_that_cannot_be_measured_says_why(tmp_path: Path) -> None:
    volume, masks = heads.write_head(tmp_path / "a", [])
    tight = replace(volume, hu=np.where(volume.hu == volume.hu.clip(0, 25), np.int16(35), volume.hu))
    assert regions(tight, masks, "IPH").no_shift == NO_VENTRICLES
    low, none = heads.write_head(tmp_path / "b", [], heights=tuple(np.arange(-45, 25, 5.0)))
    assert regions(low, none, "IPH").no_shift == NO_VERTEX
    assert regions(replace(volume, hu=np.zeros_like(volume.hu)), masks, "IPH").no_shift == NO_HEAD
    assert regions(volume, masks, "IPH").no_shift == ""


def test_without_positions_there_is_a_region_without_side(tmp_path: Path) -> None:
    volume, masks = heads.write_head(tmp_path / "s", [(5, heads.ball(30, 0, 10, 15))])
    slices = tuple(replace(one, position_mm=None, orientation=None) for one in volume.series.slices)
    blind = replace(volume, series=replace(volume.series, slices=slices, z_mm=(), gaps_mm=()))
    answer = regions(blind, masks, "IPH")
    assert [(r.side, r.where) for r in answer.found] == [(None, "")]
    assert answer.shift is None


@pytest.mark.parametrize("count", [1, 2])
def test_a_slice_or_two_are_no_hindrance(tmp_path: Path, count: int) -> None:
    volume, masks = heads.write_head(
        tmp_path / "s", [(5, heads.ball(30, 0, 10, 15))], heights=(8.0, 13.0)[:count]
    )
    (found,) = regions(volume, masks, "IPH").found
    assert found.last == count - 1
    assert found.volume_ml is not None


def test_what_is_no_head_has_regions_without_a_side(tmp_path: Path) -> None:
    volume, masks = heads.write_head(tmp_path / "s", [(5, heads.ball(30, 0, 10, 15))])
    volume.hu[:] = 40
    answer = regions(volume, masks, "IPH")
    assert [r.side for r in answer.found] == [None]


def test_a_chest_has_no_left_and_right_of_a_head(tmp_path: Path) -> None:
    """The same pixels, twice as large: what bone encloses is longer than any skull."""
    volume, masks = heads.write_head(tmp_path / "s", [(5, heads.ball(30, 0, 10, 15))])
    slices = tuple(replace(one, spacing_mm=(2.8, 2.8)) for one in volume.series.slices)
    large = replace(volume, series=replace(volume.series, slices=slices), spacing_mm=(2.8, 2.8))
    answer = regions(large, masks, "IPH")
    assert [(r.side, r.where) for r in answer.found] == [(None, "")]


def test_cancelled_means_nothing(tmp_path: Path) -> None:
    volume, masks = heads.write_head(tmp_path / "s", [(5, heads.ball(30, 0, 10, 15))])
    scores = np.full((len(masks), 6), 0.9, np.float32)
    answer = find_regions(volume, masks, scores, ("IPH",), THRESHOLDS, cancelled=lambda: True)
    assert answer.found == ()


def test_a_thousand_thin_slices_say_the_same_as_few_thick_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each slice of 5 mm told forty times, 0.125 mm apart: the inside of the skull is looked for every 0.45 mm."""
    shapes = [(2, heads.crescent(-1, 9.0)), (5, heads.ball(30, 0, 10, 15))]
    volume, masks = heads.write_head(tmp_path / "s", shapes)
    count, times = len(masks), 40
    up = np.array([0, 0, 5.0 / times])
    slices = tuple(
        replace(one, sop_uid=f"{one.sop_uid}.{n}", position_mm=tuple(one.position_mm + (n - times / 2) * up))
        for one in volume.series.slices
        for n in range(times)
    )
    heights = tuple(float(one.position_mm[2]) for one in slices)
    series = replace(volume.series, slices=slices, z_mm=heights, gaps_mm=tuple(np.diff(heights).tolist()))
    thin = Volume(
        series,
        volume.hu.repeat(times, 0),
        np.ones(count * times, bool),
        np.zeros(count * times, bool),
        volume.spacing_mm,
    )
    looked_at: list[object] = []
    inside = head._inside
    monkeypatch.setattr(head, "_inside", lambda hu, mm: looked_at.append(0) or inside(hu, mm))
    found, few = regions(thin, masks.repeat(times, 0), "SDH", "IPH"), regions(volume, masks, "SDH", "IPH")
    assert 200 < len(looked_at) - count < 290  # 125 mm / 0.5 mm
    assert [(r.code, r.side, r.where) for r in found.found] == [(r.code, r.side, r.where) for r in few.found]
    for one, other in zip(found.found, few.found, strict=True):
        assert one.volume_ml == pytest.approx(other.volume_ml, rel=0.01)
        assert (one.last - one.first + 1) == times * (other.last - other.first + 1)
    assert found.found[0].thickness is not None
    assert found.found[0].thickness.mm == pytest.approx(9.0, abs=1.2)


def test_slices_are_thinned_by_distance_not_by_number(tmp_path: Path) -> None:
    volume, _ = heads.write_head(tmp_path / "s", [], heights=(0.0, 1.0, 1.5, 4.0, 5.0, 5.9))
    frame = frame_of(volume)
    assert frame is not None
    assert frame.spaced(range(6), 1.0) == [0, 1, 3, 4]
    assert frame.spaced([5, 3, 0], 2.0) == [5, 0]
    assert frame.spaced([], 2.0) == []
