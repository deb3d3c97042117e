"""The viewports' state: what each shows, what moves together, and where everything goes when something changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QObject

from viewer.dicom.series import Series, SliceHeader
from viewer.dicom.volume import Volume
from viewer.imaging.layouts import COMPARE, FOUR, READ, SINGLE, THIN_SLAB, Plane, grid
from viewer.imaging.pane import Links
from viewer.imaging.placement import ViewState
from viewer.imaging.sections import Acquired
from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.windows import BONE, BRAIN, STROKE, SUBDURAL, Window
from viewer.panes import Panes


def volume(
    uid: str = "1.1",
    *,
    gap_mm: float = 5.0,
    count: int = 8,
    first_mm: float = 0.0,
    side: int = 32,
    study: str = "1",
    frame: str = "F",
    windows: tuple[tuple[float, float] | None, ...] = (),
) -> Volume:
    """Axial slices of 2 mm pixels from `first_mm` up, HU as high as their number, in a frame of reference."""
    headers = tuple(
        SliceHeader(
            Path(f"{uid}-{i}"), f"{uid}.{i}", 0, i, (-32.0, -32.0, first_mm + gap_mm * i), (1, 0, 0, 0, 1, 0),
            (2.0, 2.0), side, side, windows[i] if windows else None,
        )
        for i in range(count)
    )  # fmt: skip
    z_mm = tuple(first_mm + gap_mm * i for i in range(count))
    series = Series(
        study, uid, 1, "CT", "", headers, (gap_mm,) * (count - 1), z_mm, 0.0, gap_mm, "", "", "", (),
        frame_of_reference_uid=frame,
    )  # fmt: skip
    hu = np.zeros((count, side, side), np.int16) + np.arange(count, dtype=np.int16)[:, None, None]
    return Volume(series, hu, np.ones(count, bool), np.zeros(count, bool), (2.0, 2.0))


def opened(shown: Volume | None = None) -> Panes:
    panes = Panes()
    panes.open(shown or volume())
    return panes


def told(panes: Panes) -> list[int]:
    """Slices of the open series that are told from now on; the list lives as long as the panes."""
    slices: list[int] = []
    panes.slice_shown.connect(slices.append)
    return slices


def beside(other: Volume, shown: Volume | None = None) -> Panes:
    """Compare, with another series in the second viewport."""
    panes = opened(shown)
    panes.set_layout(COMPARE)
    panes.show_series(1, other.series.key)
    panes.add_volume(other)
    return panes


def z_of(panes: Panes, number: int) -> float:
    section = panes.section(number)
    assert section is not None
    place = section.patient_mm(panes.panes[number].stop, (0.5, 0.5))
    assert place is not None
    return place[2]


def test_viewports_of_one_series_scroll_together(qapp: QObject) -> None:
    panes = opened()
    slices = told(panes)
    panes.scroll_to(2, 5)
    assert [pane.stop for pane in panes.panes] == [5, 5, 5]
    assert slices == [5]
    panes.scroll_to(0, 99)
    assert [pane.stop for pane in panes.panes] == [7, 7, 7]


def test_without_the_link_one_scrolls_alone(qapp: QObject) -> None:
    panes = opened()
    panes.set_links(Links(scroll=False))
    panes.scroll_to(1, 0)
    assert [pane.stop for pane in panes.panes] == [4, 0, 4]


@given(st.integers(0, 7), st.integers(0, 39), st.floats(-2.4, 2.4))
def test_thick_and_thin_series_stay_within_half_a_slice(thick: int, thin: int, first_mm: float) -> None:
    """5 mm slices beside 1 mm slices of the same frame: whichever leads, the other is the nearest there is."""
    panes = beside(volume("1.2", gap_mm=1.0, count=40, first_mm=first_mm))
    panes.scroll_to(0, thick)
    assert abs(z_of(panes, 0) - z_of(panes, 1)) <= max(0.5, -z_of(panes, 0) + first_mm) + 1e-9
    panes.scroll_to(1, thin)
    assert panes.panes[1].stop == thin  # the leader goes where it is sent
    assert abs(z_of(panes, 0) - z_of(panes, 1)) <= max(2.5, z_of(panes, 1) - 35.0) + 1e-9


def test_another_frame_of_reference_starts_middle_on_middle(qapp: QObject) -> None:
    panes = beside(volume("1.2", first_mm=-900.0, frame="G", study="2"))
    assert panes.offsets_mm["2", "1.2"] == pytest.approx((0, 0, -900))
    panes.scroll_to(0, 6)
    assert panes.panes[1].stop == 6


def test_scrolling_alone_corrects_the_offset(qapp: QObject) -> None:
    panes = beside(volume("1.2", first_mm=-900.0, frame="G", study="2"))
    panes.scroll_to(0, 3)
    panes.nudge(1, 2)
    assert [pane.stop for pane in panes.panes] == [3, 5]
    panes.scroll_to(0, 4)
    assert [pane.stop for pane in panes.panes] == [4, 6]
    panes.scroll_to(1, 3)
    assert [pane.stop for pane in panes.panes] == [1, 3]


def test_scrolling_alone_in_the_same_frame_changes_no_offset(qapp: QObject) -> None:
    panes = beside(volume("1.2"))
    panes.nudge(1, 2)
    assert panes.offsets_mm == {}
    assert panes.panes[1].stop == panes.panes[0].stop + 2
    panes.scroll_to(0, 1)
    assert panes.panes[1].stop == 1


def test_two_series_are_aligned_where_they_are(qapp: QObject) -> None:
    panes = beside(volume("1.2", first_mm=-900.0, frame="G", study="2"))
    panes.set_links(Links(scroll=False))
    panes.scroll_to(0, 2)
    panes.scroll_to(1, 6)
    assert panes.align(1)
    assert not panes.align(0)  # the open series is what the other is aligned with
    panes.set_links(Links())
    panes.scroll_to(0, 3)
    assert panes.panes[1].stop == 7


def test_zoom_and_pan_go_along_by_place(qapp: QObject) -> None:
    """A prior of half the field of view, its centre elsewhere: the same mm are in the middle, at the same scale."""
    panes = beside(volume("1.2", side=16))
    panes.set_view(0, ViewState(zoom=2.0, centre=(0.25, 0.25)))
    other = panes.panes[1].view
    assert other.zoom == pytest.approx(1.0)  # half the extent fits at half the zoom
    # The middle is at -32 + 0.25 × 64 - 1 = -17 mm; the other begins at -33 mm and is 32 mm wide.
    assert other.centre == pytest.approx((0.5, 0.5))
    panes.set_links(Links(zoom=False, pan=False))
    panes.set_view(0, ViewState(zoom=4.0))
    assert panes.panes[1].view == other


def test_flip_turn_and_inversion_stay_with_their_viewport(qapp: QObject) -> None:
    panes = opened()
    panes.set_view(0, ViewState(flip_horizontal=True, quarter_turns=1, inverted=True))
    assert [pane.view for pane in panes.panes[1:]] == [ViewState()] * 2


def test_cuts_take_zoom_and_pan_along_as_steps(qapp: QObject) -> None:
    panes = opened()
    panes.set_layout(FOUR)
    panes.set_view(0, ViewState(zoom=2.0, centre=(0.75, 0.5)))
    coronal, sagittal = panes.panes[1].view, panes.panes[2].view
    assert coronal.zoom == sagittal.zoom == 2.0
    assert coronal.centre == pytest.approx((0.75, 0.5))  # 16 mm to the left, as in the axial picture
    assert sagittal.centre == pytest.approx((0.5, 0.5))  # which runs front to back


def test_windows_are_linked_only_when_asked(qapp: QObject) -> None:
    panes = opened()
    panes.set_window(0, STROKE)
    assert panes.windows == (STROKE, SUBDURAL, BONE)
    panes.set_links(Links(window=True))
    panes.set_window(1, BRAIN)
    assert panes.windows == (BRAIN,) * 3


def test_a_layout_starts_at_the_place_that_was_looked_at(qapp: QObject) -> None:
    panes = opened()
    panes.scroll_to(0, 6)
    panes.set_layout(FOUR)
    assert [pane.plane for pane in panes.panes] == [start.plane for start in FOUR.starts]
    assert panes.panes[0].stop == panes.panes[3].stop == 6
    section = panes.section(1)
    assert section is not None
    assert section.orientation(0) == pytest.approx((1, 0, 0, 0, 0, -1))
    panes.set_layout(SINGLE)
    assert len(panes) == 1
    assert panes.panes[0].stop == 6


def test_a_larger_grid_keeps_what_was_hung(qapp: QObject) -> None:
    panes = opened()
    panes.set_layout(grid(1, 2))
    panes.set_window(1, STROKE)
    panes.set_layout(grid(2, 2))
    assert panes.windows == (BRAIN, STROKE, BRAIN, BRAIN)
    panes.set_layout(grid(1, 1))
    assert panes.windows == (BRAIN,)


def test_thin_data_open_in_slabs_where_the_layout_says_so(qapp: QObject) -> None:
    panes = Panes()
    panes.set_layout(FOUR)
    panes.open(volume(gap_mm=1.0, count=80))
    assert [pane.slab for pane in panes.panes] == [THIN_SLAB] * 3 + [None]
    panes.open(volume(gap_mm=5.0, count=30))
    assert [pane.slab for pane in panes.panes] == [None] * 4


def test_a_plane_goes_through_the_middle_or_the_crosshair(qapp: QObject) -> None:
    panes = opened()
    panes.scroll_to(0, 5)
    panes.set_view(0, ViewState(centre=(0.25, 0.75)))
    place = panes.place(0)
    assert place == pytest.approx((-17, 15, 25))
    for plane, axis in ((Plane.CORONAL, 1), (Plane.SAGITTAL, 0), (Plane.OBLIQUE, None)):
        panes.set_plane(0, plane)
        section = panes.section(0)
        assert section is not None
        stop, _, _ = section.image_point(place)  # type: ignore[misc, arg-type]
        assert abs(stop - panes.panes[0].stop) <= 0.5
        assert axis is None or section.orientation(0)[axis] == 0  # type: ignore[index]
        panes.set_plane(0, Plane.ACQUIRED)
        panes.go_to_place(place)  # type: ignore[arg-type]
    assert panes.shows_open(0)


def test_the_plane_of_the_slices_is_the_slices(qapp: QObject) -> None:
    panes = opened()
    panes.set_plane(0, Plane.AXIAL)
    assert isinstance(panes.section(0), Acquired)
    assert panes.section(0) is panes.section(1)
    assert panes.shows_open(0)


def test_two_slices_cannot_be_cut_and_say_so(qapp: QObject) -> None:
    panes = opened(volume(count=2))
    panes.set_plane(0, Plane.CORONAL)
    assert panes.section(0) is None
    assert "at least three slices" in panes.why_not(0)
    panes.set_plane(0, Plane.AXIAL)
    assert panes.shows_open(0)


def test_the_crosshair_takes_everyone_along(qapp: QObject) -> None:
    panes = opened()
    panes.set_layout(FOUR)
    slices = told(panes)
    panes.go_to_place((7.0, -11.0, 30.0), leader=3)
    assert panes.crosshair == (7.0, -11.0, 30.0)
    assert panes.panes[0].stop == 6
    for number, axis in ((1, 1), (2, 0)):
        section = panes.section(number)
        assert section is not None
        there = section.patient_mm(panes.panes[number].stop, (0.5, 0.5))
        assert there is not None
        assert abs(there[axis] - (7.0, -11.0)[axis]) <= 1.0
    assert slices == [6]


def test_the_header_is_followed_slice_by_slice(qapp: QObject) -> None:
    asked = tuple((100.0 + i, 40.0) for i in range(8))
    panes = opened(volume(windows=asked))
    assert panes.follow_header(0)
    panes.scroll_to(0, 6)
    assert panes.windows[0] == Window("Header", 106, 40)
    panes.set_window(0, BONE)  # changed by hand: no longer per image
    panes.scroll_to(0, 2)
    assert panes.windows[0] == BONE


def test_all_windows_of_a_header_are_gone_through(qapp: QObject) -> None:
    shown = volume()
    panes = opened(shown)
    assert not panes.follow_header(0)
    assert panes.windows[0] == BRAIN
    many = tuple((Window("Header: A", 80 + i, 40), Window("Header: B", 2000, 500 + i)) for i in range(8))
    panes.set_header_windows(shown, many)
    for expected in (many[4][0], many[4][1], many[4][0]):
        assert panes.follow_header(0)
        assert panes.windows[0] == expected
    panes.follow_header(0, 1)
    panes.scroll_to(0, 7)
    assert panes.windows[0] == many[7][1]


def test_series_beside_the_open_one_go_with_its_study(qapp: QObject) -> None:
    panes = beside(volume("1.2"))
    panes.open(volume("1.3"))  # another series of the study
    assert panes.panes[1].series == ("1", "1.2")
    panes.open(volume("2.1", study="2"))
    assert [pane.series for pane in panes.panes] == [None, None]
    assert panes.volumes == {}


def test_what_no_viewport_shows_is_let_go(qapp: QObject) -> None:
    panes = beside(volume("1.2"))
    panes.show_series(1, None)
    assert panes.volumes == {}
    assert panes.volume(1) is panes.open_volume
    panes.show_series(1, ("1", "1.1"))  # the open one by its own name
    assert panes.panes[1].series is None


def test_two_studies_that_share_a_series_uid_are_told_apart(qapp: QObject) -> None:
    """A copy made without care: the prior is shown, not the open series a second time; each has its own offset."""
    prior = volume("1.1", first_mm=-900.0, frame="G", study="2")
    panes = beside(prior)
    assert panes.volume(0) is panes.open_volume
    assert panes.volume(1) is prior
    assert z_of(panes, 1) == -900.0 + 20.0
    assert list(panes.offsets_mm) == [("2", "1.1")]
    panes.set_plane(1, Plane.CORONAL)
    panes.set_plane(0, Plane.CORONAL)
    first, second = panes.section(0), panes.section(1)
    assert first is not None
    assert second is not None
    assert first.patient_mm(0, (0.5, 0.5)) != second.patient_mm(0, (0.5, 0.5))


def test_a_series_that_cannot_be_loaded_gives_way(qapp: QObject) -> None:
    panes = opened()
    panes.show_series(1, ("1", "1.9"))
    assert panes.volume(1) is None
    assert panes.section(1) is None
    panes.drop_volume(("1", "1.9"))
    assert panes.volume(1) is panes.open_volume


def test_slices_that_arrive_repaint_who_shows_them(qapp: QObject) -> None:
    other = volume("1.2")
    panes = beside(other)
    panes.scroll_to(1, 4)
    changed: list[int] = []
    panes.changed.connect(changed.append)
    panes.mark_loaded(other, {1, 2})
    assert changed == []
    panes.mark_loaded(other, {4})
    panes.set_slab(1, Slab(SlabKind.MEAN, 20.0))
    changed.clear()
    panes.mark_loaded(other, {5})
    assert changed == [1]


def test_without_positions_slices_go_by_their_number(qapp: QObject) -> None:
    shown = volume()
    bare = tuple(replace(header, position_mm=None, orientation=None) for header in shown.series.slices)
    series = replace(shown.series, slices=bare, z_mm=(), gaps_mm=())
    panes = opened(replace(shown, series=series))
    panes.scroll_to(1, 2)
    assert [pane.stop for pane in panes.panes] == [2, 2, 2]
    assert panes.place(0) is None
    panes.set_layout(READ)
    panes.set_layout(grid(2, 1))
    assert panes.panes[1].stop == 4
