"""Buttons and wheel as they are bound: by simulated mouse, in both modes."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.bindings import Bindings
from viewer.imaging.windows import BRAIN
from viewer.preferences import Preferences
from viewer.session import Mode, Session, Tool
from viewer.ui.reading import ReadingArea
from viewer.ui.viewport import Viewport

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
NONE, CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
Tell = Callable[..., None]


@pytest.fixture
def reading(open_session: Session, qtbot: QtBot) -> ReadingArea:
    made = ReadingArea(open_session)
    qtbot.addWidget(made)
    made.resize(900, 700)
    with qtbot.waitExposed(made):
        made.show()
    open_session.set_window(0, BRAIN)
    return made


@pytest.fixture
def tell(open_session: Session) -> Tell:
    def told(profile: str = "pterion", **mouse: str) -> None:
        choices = {name.replace("__", "."): value for name, value in mouse.items()}
        open_session.set_preferences(Preferences(Bindings(profile, {}, choices)))

    return told


def drag(view: Viewport, button: Qt.MouseButton, by: QPoint, held: Qt.KeyboardModifier = NONE) -> None:
    start = QPointF(view.rect().center())
    for kind, at, buttons in (
        (QMouseEvent.Type.MouseButtonPress, start, button),
        (QMouseEvent.Type.MouseMove, start + QPointF(by) / 2, button),
        (QMouseEvent.Type.MouseMove, start + QPointF(by), button),
        (QMouseEvent.Type.MouseButtonRelease, start + QPointF(by), Qt.MouseButton.NoButton),
    ):
        which = Qt.MouseButton.NoButton if kind == QMouseEvent.Type.MouseMove else button
        QApplication.sendEvent(view, QMouseEvent(kind, at, view.mapToGlobal(at), which, buttons, held))


def turn(view: Viewport, notches: int, held: Qt.KeyboardModifier = NONE) -> None:
    at = QPointF(view.rect().center())
    QApplication.sendEvent(
        view,
        QWheelEvent(
            at,
            view.mapToGlobal(at),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            held,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        ),
    )


def test_the_right_button_windows_until_it_is_told_to_zoom(reading: ReadingArea, tell: Tell) -> None:
    session, view = reading._session, reading.viewports[0]
    drag(view, RIGHT, QPoint(0, 60))
    assert session.windows[0].level < BRAIN.level  # down brightens
    assert session.view.zoom == 1
    session.set_window(0, BRAIN)
    tell(read__right_drag="zoom")
    drag(view, RIGHT, QPoint(0, -60))
    assert session.windows[0] == BRAIN
    assert session.view.zoom == pytest.approx(2.718281828 ** (60 / 180))


def test_up_brightens_where_users_of_weasis_expect_it(reading: ReadingArea, tell: Tell) -> None:
    tell("weasis")
    session = reading._session
    assert session.tool is Tool.WINDOW
    drag(reading.viewports[0], LEFT, QPoint(0, 60))
    assert session.windows[0].level > BRAIN.level


def test_a_modifier_gives_the_left_button_something_else_to_do(reading: ReadingArea, tell: Tell) -> None:
    session, view = reading._session, reading.viewports[0]
    tell(read__ctrl_left_drag="window")
    drag(view, LEFT, QPoint(80, 0), CTRL)
    assert session.windows[0].width > BRAIN.width
    assert session.slice_index == 0
    session.set_tool(Tool.LENGTH)
    drag(view, LEFT, QPoint(80, 0), CTRL)
    assert session.document.measures == ()


def test_the_middle_button_can_be_told_nothing(reading: ReadingArea, tell: Tell) -> None:
    tell(read__middle_drag="nothing")
    drag(reading.viewports[0], MIDDLE, QPoint(50, 30))
    assert reading._session.view.centre == (0.5, 0.5)
    tell()
    drag(reading.viewports[0], MIDDLE, QPoint(50, 30))
    assert reading._session.view.centre != (0.5, 0.5)


@pytest.mark.parametrize(
    ("mouse", "held", "stop"),
    [
        ({}, NONE, 1),
        ({}, SHIFT, 5),
        ({"wheel_direction": "previous"}, NONE, 0),
        ({"read__wheel": "ten"}, NONE, 5),
    ],
)
def test_the_wheel_scrolls_as_it_is_told(
    reading: ReadingArea, tell: Tell, mouse: dict[str, str], held: Qt.KeyboardModifier, stop: int
) -> None:
    tell(**mouse)
    turn(reading.viewports[0], -1, held)
    assert reading._session.slice_index == stop


@pytest.mark.parametrize(("told", "width", "level"), [("width", 84, 40), ("level", 80, 36)])
def test_the_wheel_can_change_the_window(
    reading: ReadingArea, tell: Tell, told: str, width: float, level: float
) -> None:
    tell(read__ctrl_wheel=told)
    turn(reading.viewports[0], 1 if told == "width" else -1, CTRL)
    window = reading._session.windows[0]
    assert (window.width, window.level) == (width, level)


def test_the_wheel_can_make_a_slab(reading: ReadingArea, tell: Tell) -> None:
    tell(read__alt_wheel="slab")
    turn(reading.viewports[0], 1, ALT)
    assert reading.panes.panes[0].slab is not None
    assert reading._session.slice_index == 0


def test_modes_are_told_apart(reading: ReadingArea, tell: Tell) -> None:
    tell(annotate__wheel="zoom")
    turn(reading.viewports[0], -1)
    assert reading._session.slice_index == 1
    reading._session.set_mode(Mode.ANNOTATE)
    turn(reading.viewports[0], 1)
    assert reading._session.slice_index == 1
    assert reading._session.view.zoom > 1


def test_a_click_opens_the_menu_or_what_it_is_told(reading: ReadingArea, tell: Tell) -> None:
    opened: list[int] = []
    reading.interaction.show_menu = lambda viewport, _at: opened.append(viewport.number)
    drag(reading.viewports[1], RIGHT, QPoint(1, 0))
    assert opened == [1]
    drag(reading.viewports[1], RIGHT, QPoint(40, 0))
    assert opened == [1]
    tell(read__right_click="overlay", read__middle_click="menu")
    drag(reading.viewports[0], RIGHT, QPoint(0, 0))
    assert not reading._session.overlay
    drag(reading.viewports[0], MIDDLE, QPoint(0, 0))
    assert opened == [1, 0]


def test_the_back_button_does_what_it_is_told_at_once(reading: ReadingArea, tell: Tell) -> None:
    tell(read__back_click="next_slice")
    drag(reading.viewports[0], Qt.MouseButton.BackButton, QPoint(0, 0))
    assert reading._session.slice_index == 1


def test_a_double_click_can_fit_instead_of_maximising(qtbot: QtBot, reading: ReadingArea, tell: Tell) -> None:
    reading.interaction.zoom(2)
    tell(read__double_click="fit")
    qtbot.mouseDClick(reading.viewports[0], LEFT)
    assert reading._session.view.zoom == 1
    assert reading._session.maximised_view is None
    tell()
    qtbot.mouseDClick(reading.viewports[0], LEFT)
    assert reading._session.maximised_view == 0
