"""The words in the corners."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from viewer.dicom.series import Note, Problem, Study
from viewer.dicom.volume import Volume
from viewer.imaging.layouts import Plane
from viewer.imaging.pane import Pane
from viewer.imaging.reformat import Stack
from viewer.imaging.sections import Across
from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.windows import BRAIN
from viewer.light_box import acquired
from viewer.session import Findings
from viewer.ui import captions

Maker = Callable[..., Volume]
FindingsMaker = Callable[..., Findings]


def slice_of(volume: Volume, index: int, slab: Slab | None = None) -> captions.Shown:
    """A slice as a viewport shows it."""
    return captions.Shown(volume, acquired(volume), Pane(BRAIN, stop=index), slab)


def test_who_and_when(make_volume: Maker) -> None:
    series = make_volume().series
    study = Study("1.2", "Doe^Jane", "42", "F", "071Y", "20261119", "031245.5", "CT head", (series,))
    lines = captions.who_and_when("Doe, Jane · 71 F", study, series)
    assert lines == ("Doe, Jane · 71 F", "CT head", "2026-11-19 03:12", "Se 2 · Brain 5.0 mm")


def test_what_is_unknown_takes_no_room(make_volume: Maker) -> None:
    series = replace(make_volume().series, number=None, description="")
    assert captions.who_and_when("Unnamed", Study("1.2", "", "", "", "", "", "", "", ()), series) == (
        "Unnamed",
    )


def test_how_it_is_shown(make_volume: Maker) -> None:
    series = make_volume().series
    lines = captions.how_shown(BRAIN, 1.84, series, inverted=False)
    assert lines == ("W 80 L 40", "Zoom 1.8×", "120 kV · 300 mAs")
    assert captions.how_shown(BRAIN, 1.0, series, inverted=True)[0] == "W 80 L 40 · inverted"


def test_where(make_volume: Maker) -> None:
    assert captions.where(slice_of(make_volume(), 2)) == ("Im 3 / 6 · z +10.0 mm", "5.0 mm · 1.000 mm/px")


def test_a_slab_says_its_kind_and_thickness(make_volume: Maker) -> None:
    shown = slice_of(make_volume(), 2, Slab(SlabKind.MAX, 7.5))
    assert captions.where(shown)[1] == "MIP 7.5 mm · 1.000 mm/px"


def test_a_cut_says_which_and_where(make_volume: Maker) -> None:
    volume = make_volume()
    stack = Stack(volume.hu, volume.positions_mm, (1, 0, 0, 0, 1, 0), (1.0, 1.0))  # type: ignore[arg-type]
    pane = Pane(BRAIN, Plane.CORONAL, stop=22)
    shown = captions.Shown(volume, Across(stack, "coronal"), pane, Slab(SlabKind.MEAN, 5.0))
    # Rows begin at y = -32 mm and are 1 mm apart.
    assert captions.where(shown) == (
        "Coronal 23 / 64 · y \N{MINUS SIGN}10.0 mm",
        "mean 5 mm · 1.000 mm/px",
    )


def test_below_zero_has_a_true_minus(make_volume: Maker) -> None:
    volume = make_volume()
    volume = replace(volume, series=replace(volume.series, z_mm=(-41.2, 0, 1, 2, 3, 4)))
    assert captions.where(slice_of(volume, 0))[0] == "Im 1 / 6 · z \N{MINUS SIGN}41.2 mm"


def test_without_positions_there_is_no_z(make_volume: Maker) -> None:
    volume = make_volume()
    volume = replace(volume, series=replace(volume.series, z_mm=(), thickness_mm=None))
    assert captions.where(slice_of(volume, 0)) == ("Im 1 / 6", "1.000 mm/px")


def test_pixel_sizes(make_volume: Maker) -> None:
    assert captions.pixel_size(make_volume(spacing_mm=(0.9, 0.45))) == "0.450 × 0.900 mm/px"
    estimated = Note(Problem.SPACING_ESTIMATED, "≈ mm", "Estimated.")
    assert captions.pixel_size(make_volume(notes=(estimated,))) == "≈ 1.000 mm/px"
    unknown = Note(Problem.NO_SPACING, "px", "Unknown.")
    assert captions.pixel_size(make_volume(notes=(unknown,))) == "pixel size unknown: px, not mm"


def test_the_models_answer(make_volume: Maker, make_findings: FindingsMaker) -> None:
    findings = make_findings(make_volume())
    assert captions.ai_result(findings, estimated=False) == "Suspected SDH 11.6 mL"
    assert captions.ai_result(findings, estimated=True) == "Suspected SDH ≈ 11.6 mL"


def test_several_suspected_subtypes_the_strongest_first(
    make_volume: Maker, make_findings: FindingsMaker
) -> None:
    findings = make_findings(make_volume())
    scores = {**(findings.study_scores or {}), "IPH": 0.99}
    assert captions.ai_result(replace(findings, study_scores=scores), estimated=False) == (
        "Suspected IPH · SDH 11.6 mL"
    )


def test_no_suspicion_shows_the_highest_score_never_none(
    make_volume: Maker, make_findings: FindingsMaker
) -> None:
    scores = {"any": 0.04, "EDH": 0.01, "SDH": 0.02, "SAH": 0.01, "IVH": 0.0, "IPH": 0.01}
    findings = replace(make_findings(make_volume()), study_scores=scores)
    assert captions.ai_result(findings, estimated=False) == "any .04"


def test_on_the_way_not_run_and_nothing(make_volume: Maker, make_findings: FindingsMaker) -> None:
    running = make_findings(make_volume(), done=False)
    assert captions.ai_result(running, estimated=False) == "Scoring 1 of 6"
    assert (
        captions.ai_result(replace(running, not_run="MR series"), estimated=False) == "AI not run: MR series"
    )
    assert captions.ai_result(None, estimated=False) == ""


def test_next_suspicious_slice(make_volume: Maker, make_findings: FindingsMaker) -> None:
    findings = make_findings(make_volume(), (1, 4))
    assert captions.next_suspicious(findings, set(), 0) == 1
    assert captions.next_suspicious(findings, set(), 1) == 4
    assert captions.next_suspicious(findings, set(), 4) == 1
    assert captions.next_suspicious(findings, {1}, 4) == 4
    assert captions.next_suspicious(findings, {1, 4}, 0) is None
    assert captions.next_suspicious(None, set(), 0) is None


def test_slices_not_scored_yet_are_not_suspicious(make_volume: Maker, make_findings: FindingsMaker) -> None:
    findings = make_findings(make_volume(), (1,))
    findings.slice_scores[1] = np.nan
    assert captions.next_suspicious(findings, set(), 0) is None
    assert captions.suspected_on_slice(findings, 1) == []


def test_a_slice_that_failed() -> None:
    assert captions.failed_text(6, "IM0007 ends early.") == "Slice 7 cannot be read. IM0007 ends early."
    assert "Copy the series again" in captions.failed_text(6, "")
