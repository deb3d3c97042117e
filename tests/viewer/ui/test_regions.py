"""What findings mean: scores so far, suspected subtypes, slice ranges, the worklist's words."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from viewer.ui import regions

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))


def test_neighbouring_suspected_slices_make_one_region_each_run() -> None:
    found = frame.findings({"SDH": 0.9}, {2: {"SDH": 0.6}, 3: {"SDH": 0.9}, 4: {"SDH": 0.7}, 7: {"SDH": 0.8}})
    first, second = regions.regions(found, 100.0, np.full(10, 5.0))
    assert (first.code, first.first, first.last, first.peak, round(first.score, 2)) == ("SDH", 2, 4, 3, 0.9)
    assert (second.first, second.last, second.peak) == (7, 7, 7)


def test_volume_of_a_region_is_area_times_weight() -> None:
    found = frame.findings({"SDH": 0.9}, {2: {"SDH": 0.6}, 3: {"SDH": 0.9}})
    (region,) = regions.regions(found, 100.0, np.full(10, 5.0))
    assert region.volume_ml == pytest.approx(2 * 100.0 * 5.0 / 1000)  # one pixel of 100 mm² on two slices


def test_without_spacing_a_region_has_no_volume() -> None:
    found = frame.findings({"SDH": 0.9}, {2: {"SDH": 0.6}})
    assert regions.regions(found, 1.0, None)[0].volume_ml is None


def test_a_subtype_below_its_study_threshold_has_no_region() -> None:
    found = frame.findings({"SDH": 0.4}, {2: {"SDH": 0.9}})
    assert regions.regions(found, 1.0, None) == ()


def test_a_bleed_of_unclear_subtype_has_regions_of_its_own() -> None:
    found = frame.findings({"any": 0.7, "SDH": 0.3}, {2: {"any": 0.8, "SDH": 0.6}, 3: {"any": 0.6}})
    (region,) = regions.regions(found, 100.0, np.full(10, 5.0))
    assert (region.code, region.first, region.last, region.peak) == ("any", 2, 3, 2)
    assert region.volume_ml == pytest.approx(100.0 * 5.0 / 1000)


def test_suspected_subtypes_come_with_the_highest_score_first() -> None:
    assert regions.suspected(frame.findings({"SDH": 0.6, "IPH": 0.9, "EDH": 0.1}, {})) == ("IPH", "SDH")


def test_while_scoring_the_study_score_is_the_highest_slice_so_far() -> None:
    found = frame.findings(None, {1: {"any": 0.3}, 2: {"any": 0.8}})
    found.slice_scores[5:] = np.nan
    assert regions.study_scores(found)["any"] == pytest.approx(0.8)


def test_before_the_first_slice_every_score_is_zero() -> None:
    found = frame.findings(None, {})
    found.slice_scores[:] = np.nan
    assert set(regions.study_scores(found).values()) == {0.0}


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ({"any": 0.98, "SDH": 0.971}, "SDH .97"),
        ({"any": 1.0, "IPH": 0.999}, "IPH 1.00"),
        ({"any": 0.04}, "any .04"),
        ({"any": 0.7, "EDH": 0.31}, "bleed .70"),
        ({"any": 0.04, "EDH": 0.31}, "any .04"),
    ],
)
def test_status_of_a_scored_study(scores: dict[str, float], text: str) -> None:
    assert regions.status(frame.findings(scores, {})) == text


def test_status_while_scoring_and_when_not_run() -> None:
    running = replace(frame.findings(None, {}), scored=4)
    assert regions.status(running) == "scoring 4/10"
    assert regions.status(replace(running, not_run="A localizer.")) == "not scored"


def test_order_of_the_worklist_by_suspicion() -> None:
    statuses = ["not scored", "any .04", "scoring 3/9", "SDH .97", "bleed .70", "any .31", "IPH 1.00"]
    assert sorted(statuses, key=regions.suspicion) == [
        "IPH 1.00", "SDH .97", "bleed .70", "any .31", "any .04", "scoring 3/9", "not scored",
    ]  # fmt: skip


def test_only_scores_are_parsed_as_scores() -> None:
    assert regions.parse_status("SDH .97") == ("SDH", 0.97)
    assert regions.parse_status("scoring 3/9") is None
