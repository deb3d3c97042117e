"""Windows on several screens: panels moved out and back, remembered, and never left where no screen is."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QObject, QRect, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from viewer.app.placing import KeptPlaces, placement_of
from viewer.app.tasks import Tasks
from viewer.imaging.layouts import SINGLE
from viewer.library.store import Library
from viewer.session import Session
from viewer.ui.main_window import MainWindow
from viewer.ui.placing import GRIP_PX, PANELS, WORKLIST, Placement, brought_back, fitted
from viewer.ui.reading import ReadingArea

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))
LEFT, RIGHT = QRect(0, 0, 1600, 1000), QRect(1600, 0, 1200, 900)


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    session = Session()
    reading = ReadingArea(session)
    made = MainWindow(session, reading, reading.commands.values())
    made.placing.screens = lambda: [LEFT, RIGHT]
    qtbot.addWidget(made)
    made.setGeometry(100, 50, 1300, 800)
    made.show()
    return made


@given(
    st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(50, 3000), st.integers(50, 3000),
    st.sampled_from([[LEFT], [LEFT, RIGHT], [RIGHT], [QRect(-1280, -200, 1280, 720), LEFT]]),
)  # fmt: skip
def test_a_window_can_always_be_taken_hold_of(
    left: int, top: int, width: int, height: int, screens: list[QRect]
) -> None:
    back = brought_back(QRect(left, top, width, height), screens)
    seen = [QRect(back.left(), back.top(), back.width(), GRIP_PX[1]) & screen for screen in screens]
    assert any(each.width() >= min(GRIP_PX[0], back.width()) and each.height() >= 20 for each in seen)
    assert brought_back(back, screens) == back


def test_a_window_that_is_seen_stays_where_it_is() -> None:
    half_out = QRect(-600, 40, 1000, 700)
    assert brought_back(half_out, [LEFT]) == half_out
    assert brought_back(QRect(50, -300, 800, 600), [LEFT]) == QRect(
        50, 0, 800, 600
    )  # its title is above the screen
    assert brought_back(QRect(9000, 9000, 4000, 3000), [LEFT]) == QRect(0, 0, 1600, 1000)
    assert brought_back(half_out, []) == half_out


def test_a_place_from_a_larger_screen_is_made_smaller() -> None:
    assert fitted(QRect(100, 50, 2500, 1400), [LEFT]) == QRect(0, 0, 1600, 1000)
    assert fitted(QRect(1500, 500, 1000, 600), [LEFT, RIGHT]) == QRect(1600, 300, 1000, 600)
    assert fitted(QRect(20, 30, 800, 600), [LEFT]) == QRect(20, 30, 800, 600)


def test_a_panel_goes_to_the_other_screen_and_comes_back(window: MainWindow) -> None:
    placing = window.placing
    before = window._splitter.sizes()
    placing.toggle(PANELS)
    outside = placing.outside[PANELS]
    assert outside.isVisible()
    assert outside.panel is window.right
    assert RIGHT.contains(outside.geometry().center())
    assert window._splitter.count() == 2
    assert not window._splitter.isAncestorOf(window.right)
    placing.toggle(WORKLIST)
    outside.close()
    placing.outside[WORKLIST].close()
    assert placing.outside == {}
    assert [window._splitter.widget(n) for n in range(3)] == [window.worklist, window.centre, window.right]
    assert window._splitter.sizes() == before
    assert window.right.isVisible()


def test_a_viewport_goes_to_the_other_screen_and_works_there(window: MainWindow, qtbot: QtBot) -> None:
    """It scrolls with the others, by its own keys too, and comes back with its window or another layout."""
    session, area = window.session, window.centre
    session.set_volume(frame.volume())
    session.set_slice_index(2)
    session.set_active_view(1)
    window.move_viewport()
    outside, viewport = area.outside[1], area.viewports[1]
    assert outside.panel is viewport
    assert viewport.isVisible()
    assert RIGHT.contains(outside.geometry().center())
    assert session.active_view == 1
    session.set_slice_index(5)
    assert session.panes.panes[1].stop == 5
    outside.activateWindow()
    viewport.setFocus()
    qtbot.waitUntil(viewport.hasFocus)
    qtbot.keyClick(viewport, Qt.Key.Key_Up)
    assert session.slice_index in (4, 6)
    outside.close()
    assert viewport.parentWidget() is area
    assert area.outside == {}
    assert viewport.isVisible()
    window.move_viewport()
    session.panes.set_layout(SINGLE)
    assert area.outside == {}
    assert viewport.parentWidget() is area


def test_an_unplugged_screen_sends_its_windows_to_the_one_that_is_left(
    window: MainWindow, qtbot: QtBot
) -> None:
    placing = window.placing
    placing.toggle(PANELS)
    window.session.set_volume(frame.volume())
    viewport = window.centre.move_outside(1, QRect(1900, 90, 500, 480))
    window.setGeometry(1700, 60, 1100, 700)
    placing.screens = lambda: [LEFT]
    app = QGuiApplication.instance()
    assert isinstance(app, QGuiApplication)
    app.screenRemoved.emit(QGuiApplication.primaryScreen())
    qtbot.waitUntil(lambda: LEFT.contains(window.geometry()))
    assert LEFT.contains(placing.outside[PANELS].geometry())
    assert LEFT.contains(viewport.geometry())
    assert viewport.panel.isVisible()  # what was read on it goes on being read
    assert window.centre.outside == {1: viewport}
    smaller = QRect(0, 0, 1400, 700)
    placing.screens = lambda: [smaller]
    window.setGeometry(0, 800, 1300, 680)
    QGuiApplication.primaryScreen().availableGeometryChanged.emit(smaller)
    qtbot.waitUntil(lambda: smaller.contains(window.geometry()))


def test_places_are_taken_up_at_the_next_start(
    window: MainWindow, qtbot: QtBot, qapp: QObject, tmp_path: Path
) -> None:
    owner = QObject()
    library = Library(tmp_path)
    tasks = Tasks(window.session, owner)
    try:
        window.placing.toggle(PANELS)
        window.placing.outside[PANELS].setGeometry(1700, 100, 400, 600)
        KeptPlaces(window.placing, library, tasks, owner).keep()
        qtbot.waitUntil(lambda: not tasks.busy)
        before = window.placing.placement()
        session = Session()
        again = MainWindow(session, ReadingArea(session))
        qtbot.addWidget(again)
        again.placing.screens = lambda: [LEFT, RIGHT]
        again.show()
        KeptPlaces(again.placing, library, tasks, owner).begin()
        qtbot.waitUntil(lambda: not tasks.busy)
        assert again.placing.placement() == before
        assert again.placing.outside[PANELS].geometry() == QRect(1700, 100, 400, 600)
    finally:
        tasks.shutdown()
        library.close()


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {"frame": [0, 0, 5, 5]},
        {"frame": [0, 0, 0, 5], "maximised": False, "columns": [], "outside": {}},
        {"frame": [0, 0, 5], "maximised": False, "columns": [], "outside": {}},
        {"frame": [0, 0, 5, 5], "maximised": False, "columns": ["x"], "outside": {}},
        {"frame": [0, 0, 5, 5], "maximised": False, "columns": [], "outside": {"Panels": 3}},
    ],
)
def test_damaged_places_are_not_taken(kept: object) -> None:
    assert placement_of(kept) is None


def test_an_unknown_panel_of_another_version_is_left_out(window: MainWindow) -> None:
    window.placing.place(Placement((10, 10, 1250, 700), outside={"Nobody": (0, 0, 10, 10)}))
    assert window.placing.outside == {}


def test_the_window_is_no_larger_than_its_screen(window: MainWindow) -> None:
    small = QRect(0, 0, 1366, 768)
    window.placing.screens = lambda: [small]  # type: ignore[method-assign]
    window.setGeometry(0, 0, 1600, 1000)
    window.placing.fit()
    assert small.contains(window.geometry())
