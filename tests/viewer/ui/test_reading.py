"""The Read layout, the empty state, and the step that the speed promise is about."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from viewer.dicom.volume import Volume
from viewer.session import Findings, Session
from viewer.ui.reading import ReadingArea


@pytest.fixture
def area(qtbot: QtBot, open_session: Session) -> ReadingArea:
    widget = ReadingArea(open_session)
    qtbot.addWidget(widget)
    widget.resize(902, 600)
    widget.show()
    return widget


def test_maximised_viewport_gets_all_words_and_the_strip(area: ReadingArea, open_session: Session) -> None:
    open_session.set_maximised_view(2)
    assert [viewport.isVisible() for viewport in area.viewports] == [False, False, True]
    assert area.viewports[2].large
    assert area.strip.geometry().right() > 860
    open_session.set_maximised_view(None)
    assert [viewport.large for viewport in area.viewports] == [True, False, False]
    assert area.strip.geometry().right() < 600


def test_nothing_open_teaches(qtbot: QtBot, session: Session) -> None:
    area = ReadingArea(session)
    qtbot.addWidget(area)
    area.resize(900, 600)
    area.show()
    assert area.empty.isVisible()
    assert not any(viewport.isVisible() for viewport in area.viewports)
    assert not area.strip.isVisible()
    assert "Drop a folder" in area.empty.text.text()
    with qtbot.waitSignal(session.browse_requested):
        area.empty.text.linkActivated.emit("open")
    with qtbot.waitSignal(session.demo_requested):
        area.empty.text.linkActivated.emit("demo")


def test_with_studies_but_no_series_the_empty_state_points_left(
    area: ReadingArea, open_session: Session
) -> None:
    assert not area.empty.isVisible()
    open_session.set_volume(None)
    assert area.empty.isVisible()
    assert "Choose a series" in area.empty.text.text()


def test_an_opened_series_takes_the_keyboard(
    qtbot: QtBot, area: ReadingArea, open_session: Session, make_volume: Callable[..., Volume]
) -> None:
    area.activateWindow()
    open_session.set_volume(make_volume(series_uid="1.2.9"))
    qtbot.waitUntil(area.viewports[0].hasFocus)


def test_a_step_paints_every_view_once(
    area: ReadingArea, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    open_session.set_findings(make_findings(open_session.volume))
    area.paint_now()
    counts = [viewport._picture.composed for viewport in area.viewports]
    taken = area.time_steps(12)
    assert len(taken) == 12
    assert [
        viewport._picture.composed - count for viewport, count in zip(area.viewports, counts, strict=True)
    ] == [12] * 3
    assert not area.strip.stale


def test_steps_go_to_the_end_and_back(area: ReadingArea, open_session: Session) -> None:
    seen: list[int] = []
    open_session.slice_index_changed.connect(seen.append)
    area.time_steps(12)
    assert seen == [1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1, 2]


def test_no_steps_without_a_stack(qtbot: QtBot, session: Session, make_volume: Callable[..., Volume]) -> None:
    area = ReadingArea(session)
    qtbot.addWidget(area)
    assert area.time_steps(5) == []
    session.set_volume(make_volume(1))
    assert area.time_steps(5) == []


def test_commands_sleep_and_wake_with_the_mode(area: ReadingArea, open_session: Session) -> None:
    from viewer.session import Mode

    assert area.commands["flip_vertical"].isEnabled()
    assert not area.commands["subtype_IVH"].isEnabled()
    open_session.set_mode(Mode.ANNOTATE)
    assert not area.commands["flip_vertical"].isEnabled()
    assert area.commands["subtype_IVH"].isEnabled()


def test_linked_viewports_look_at_the_same_place(area: ReadingArea, open_session: Session) -> None:
    open_session.set_view(replace(open_session.view, zoom=2.0, centre=(0.25, 0.75)))
    for viewport in area.viewports:
        placement = viewport.placement()
        assert placement is not None
        assert placement.to_image((viewport.width() / 2, viewport.height() / 2)) == pytest.approx((16, 48))
