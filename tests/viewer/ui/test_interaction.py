"""Keys and mouse of the image, through the real widgets."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.annotation import events
from viewer.imaging.placement import ViewState
from viewer.imaging.windows import BONE, BRAIN, POSTERIOR_FOSSA, PRESETS, STROKE
from viewer.session import Findings, Mode, Session, Tool
from viewer.ui.keys import KEYS
from viewer.ui.reading import ReadingArea

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def area(qtbot: QtBot, open_session: Session) -> ReadingArea:
    widget = ReadingArea(open_session)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    widget.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is widget.viewports[0])
    return widget


def press(qtbot: QtBot, area: ReadingArea, keys: str) -> None:
    combination = QKeySequence(keys)[0]
    view = area.viewports[area._session.active_view]
    qtbot.keyClick(view, combination.key(), combination.keyboardModifiers())


def wheel(
    area: ReadingArea, delta: int, at: tuple[float, float] = (100, 100), held: Qt.KeyboardModifier = NONE
) -> None:
    point = QPointF(*at)
    event = QWheelEvent(
        point,
        point,
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(area.viewports[0], event)


def mouse(
    area: ReadingArea,
    kind: str,
    at: tuple[float, float],
    button: Qt.MouseButton = LEFT,
    view: int = 0,
    held: Qt.KeyboardModifier = NONE,
) -> None:
    types = {
        "press": (QMouseEvent.Type.MouseButtonPress, button, button),
        "move": (QMouseEvent.Type.MouseMove, Qt.MouseButton.NoButton, button),
        "release": (QMouseEvent.Type.MouseButtonRelease, button, Qt.MouseButton.NoButton),
        "double": (QMouseEvent.Type.MouseButtonDblClick, button, button),
    }
    type_, changed, down = types[kind]
    point = QPointF(*at)
    QApplication.sendEvent(area.viewports[view], QMouseEvent(type_, point, point, changed, down, held))


def drag(area: ReadingArea, button: Qt.MouseButton, by: tuple[float, float], view: int = 0) -> None:
    mouse(area, "press", (200, 200), button, view)
    mouse(area, "move", (200 + by[0] / 2, 200 + by[1]), button, view)
    mouse(area, "move", (200 + by[0], 200 + by[1]), button, view)
    mouse(area, "release", (200 + by[0], 200 + by[1]), button, view)


def test_no_key_means_two_things() -> None:
    for mode in Mode:
        keys = [key for command in KEYS if command.mode in (None, mode) for key in command.keys]
        assert len(keys) == len(set(keys)), mode


def test_every_command_has_its_own_id_and_a_name() -> None:
    assert len({command.id for command in KEYS}) == len(KEYS)
    assert all(command.text for command in KEYS)


def test_every_key_of_the_product_is_in_the_table() -> None:
    both = "Up Down Home End Shift+Up Shift+Down PgUp PgDown 0 1 2 3 4 5 6 7 Space Tab F N Ctrl+Z Ctrl+Shift+Z Esc M"
    wanted = {
        None: both.split(),
        Mode.READ: ["W", "T", "Z", "S", "I", "H", "V", "R", "L"],
        Mode.ANNOTATE: ["Q", "E", "S", "A", "V", "P"],
    }
    for mode, keys in wanted.items():
        there = {key for command in KEYS if command.mode is mode for key in command.keys}
        assert set(keys) <= there


@pytest.mark.parametrize(
    ("keys", "start", "shown"),
    [
        ("Down", 2, 3),
        ("Up", 2, 1),
        ("End", 2, 5),
        ("Home", 2, 0),
        ("Shift+Down", 0, 5),
        ("Shift+Up", 5, 0),
        ("Up", 0, 0),
    ],
)
def test_keys_scroll(
    qtbot: QtBot, area: ReadingArea, open_session: Session, keys: str, start: int, shown: int
) -> None:
    open_session.set_slice_index(start)
    press(qtbot, area, keys)
    assert open_session.slice_index == shown


def test_number_keys_window_the_active_viewport(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    for key, preset in PRESETS.items():
        press(qtbot, area, str(key))
        assert open_session.windows[0] == preset
    press(qtbot, area, "Tab")
    press(qtbot, area, "4")
    assert open_session.windows == (POSTERIOR_FOSSA, STROKE, BONE)


def test_window_from_the_header_and_automatic(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    press(qtbot, area, "1")
    assert (open_session.windows[0].width, open_session.windows[0].level) == (100, 35)
    open_session.set_slice_index(4)
    press(qtbot, area, "0")
    assert open_session.windows[0].level == 40  # the slice holds nothing but 40 HU


def test_a_slice_without_a_window_says_so(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    volume = open_session.volume
    assert volume is not None
    bare = tuple(replace(header, window=None) for header in volume.series.slices)
    open_session.set_volume(replace(volume, series=replace(volume.series, slices=bare)))
    with qtbot.waitSignal(open_session.noticed):
        press(qtbot, area, "1")
    assert open_session.windows[0] == BRAIN


def test_flips_turns_and_inversion(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    for key in ("H", "V", "I", "R", "R", "L"):
        press(qtbot, area, key)
    assert open_session.view == ViewState(
        flip_horizontal=True, flip_vertical=True, quarter_turns=1, inverted=True
    )
    press(qtbot, area, "Ctrl+0")
    assert open_session.view == ViewState()


def test_keys_of_the_other_mode_sleep(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    press(qtbot, area, "M")
    press(qtbot, area, "V")
    assert open_session.subtype == "IVH"
    assert open_session.view == ViewState()
    press(qtbot, area, "M")
    press(qtbot, area, "V")
    assert open_session.subtype == "IVH"
    assert open_session.view.flip_vertical


@pytest.mark.parametrize(
    ("key", "code"), [("E", "EDH"), ("S", "SDH"), ("A", "SAH"), ("V", "IVH"), ("P", "IPH")]
)
def test_subtype_keys(qtbot: QtBot, area: ReadingArea, open_session: Session, key: str, code: str) -> None:
    open_session.set_mode(Mode.ANNOTATE)
    with qtbot.waitSignal(open_session.edit_requested) as told:
        press(qtbot, area, key)
    assert open_session.subtype == code
    assert told.args == [events.ChooseSubtype(code)]


@pytest.mark.parametrize(
    ("key", "tool"), [("W", Tool.WINDOW), ("T", Tool.PAN), ("Z", Tool.ZOOM), ("S", Tool.SCROLL)]
)
def test_tool_keys(qtbot: QtBot, area: ReadingArea, open_session: Session, key: str, tool: Tool) -> None:
    press(qtbot, area, key)
    assert open_session.tool is tool


def test_escape_first_cancels_then_restores_then_scrolls(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    open_session.set_tool(Tool.ZOOM)
    open_session.set_maximised_view(0)
    open_session.set_selection("a")
    with qtbot.waitSignal(open_session.edit_requested) as told:
        press(qtbot, area, "Esc")
    assert told.args == [events.Key.ESCAPE]
    open_session.set_selection(None)
    press(qtbot, area, "Esc")
    assert (open_session.maximised_view, open_session.tool) == (None, Tool.ZOOM)
    press(qtbot, area, "Esc")
    assert open_session.tool is Tool.SCROLL


def test_maximise_and_next_viewport(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    press(qtbot, area, "F")
    assert open_session.maximised_view == 0
    press(qtbot, area, "Tab")
    assert (open_session.active_view, open_session.maximised_view) == (1, 1)
    press(qtbot, area, "F")
    assert open_session.maximised_view is None
    press(qtbot, area, "Shift+Tab")
    assert open_session.active_view == 0


def test_overlay_undo_redo(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    press(qtbot, area, "Space")
    assert not open_session.overlay
    with qtbot.waitSignal(open_session.undo_requested):
        press(qtbot, area, "Ctrl+Z")
    with qtbot.waitSignal(open_session.redo_requested):
        press(qtbot, area, "Ctrl+Shift+Z")


def test_series_keys_ask_for_the_neighbour(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    with qtbot.waitSignal(open_session.series_requested) as told:
        press(qtbot, area, "PgDown")
    assert told.args == ["1.2.4"]
    with qtbot.assertNotEmitted(open_session.series_requested):
        press(qtbot, area, "PgUp")


def test_next_suspicious_slice_goes_round_and_ends(
    qtbot: QtBot, area: ReadingArea, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    open_session.set_findings(make_findings(open_session.volume, (1, 4)))
    seen = []
    for _ in range(3):
        press(qtbot, area, "N")
        seen.append(open_session.slice_index)
    assert seen == [1, 4, 1]
    reviewed = frozenset({"1.2.3.1", "1.2.3.4"})
    open_session.set_document(replace(open_session.document, reviewed_slices=reviewed))
    with qtbot.waitSignal(open_session.noticed):
        press(qtbot, area, "N")


def test_the_wheel_scrolls_and_small_steps_add_up(area: ReadingArea, open_session: Session) -> None:
    wheel(area, -120)
    assert open_session.slice_index == 1
    for _ in range(3):
        wheel(area, -50)
    assert open_session.slice_index == 2
    wheel(area, 120)
    assert open_session.slice_index == 1


def test_ctrl_wheel_zooms_around_the_cursor(area: ReadingArea, open_session: Session) -> None:
    before = area.viewports[0].placement().to_image((150, 220))  # type: ignore[union-attr]
    wheel(area, 360, (150, 220), Qt.KeyboardModifier.ControlModifier)
    after = area.viewports[0].placement().to_image((150, 220))  # type: ignore[union-attr]
    assert open_session.view.zoom == pytest.approx(1.15**3)
    assert after == pytest.approx(before)
    assert open_session.slice_index == 0


def test_right_drag_widens_and_brightens(area: ReadingArea, open_session: Session) -> None:
    drag(area, RIGHT, (60, 30))
    assert (open_session.windows[0].width, open_session.windows[0].level) == (100, 30)


def test_a_drag_windows_the_viewport_under_it_and_makes_it_active(
    area: ReadingArea, open_session: Session
) -> None:
    drag(area, RIGHT, (24, 0), view=2)
    assert open_session.windows[0] == BRAIN
    assert open_session.windows[2].width == 3080
    assert open_session.active_view == 2


def test_middle_drag_pans(area: ReadingArea, open_session: Session) -> None:
    before = area.viewports[0].placement().to_screen((32, 32))  # type: ignore[union-attr]
    drag(area, MIDDLE, (25, -40))
    after = area.viewports[0].placement().to_screen((32, 32))  # type: ignore[union-attr]
    assert (after[0] - before[0], after[1] - before[1]) == pytest.approx((25, -40))


def test_left_drag_scrolls_in_read_mode(area: ReadingArea, open_session: Session) -> None:
    drag(area, LEFT, (0, 48))  # few slices: one each 24 px
    assert open_session.slice_index == 2


def test_left_drag_follows_the_tool(area: ReadingArea, open_session: Session) -> None:
    open_session.set_tool(Tool.ZOOM)
    drag(area, LEFT, (0, -180))
    assert open_session.view.zoom == pytest.approx(2.71828, rel=1e-3)
    open_session.set_tool(Tool.WINDOW)
    drag(area, LEFT, (60, 0))
    assert open_session.windows[0].width == 100


def test_double_click_maximises_and_restores(area: ReadingArea, open_session: Session) -> None:
    mouse(area, "double", (50, 50), view=1)
    assert open_session.maximised_view == 1
    mouse(area, "double", (50, 50), view=1)
    assert open_session.maximised_view is None


def test_the_probe_reads_hu_position_and_pixel(area: ReadingArea, open_session: Session) -> None:
    open_session.set_slice_index(3)
    placement = area.viewports[0].placement()
    assert placement is not None
    mouse(area, "move", placement.to_screen((10.5, 20.5)), Qt.MouseButton.NoButton)
    probe = open_session.probe
    assert probe is not None
    assert (probe.hu, probe.pixel) == (30, (10, 20))
    # First pixel's centre at (-32, -32, 15), 1 mm pixels.
    assert probe.patient_mm == pytest.approx((-22, -12, 15))


def test_the_probe_follows_the_slice_under_a_resting_cursor(area: ReadingArea, open_session: Session) -> None:
    mouse(area, "move", (300, 300), Qt.MouseButton.NoButton)
    wheel(area, -120, (300, 300))
    assert open_session.probe is not None
    assert open_session.probe.hu == 10


def test_other_mouse_buttons_do_nothing(area: ReadingArea, open_session: Session) -> None:
    drag(area, Qt.MouseButton.BackButton, (0, 100))
    assert open_session.slice_index == 0


def test_beside_the_image_nothing_is_probed(area: ReadingArea, open_session: Session) -> None:
    mouse(area, "move", (300, 300), Qt.MouseButton.NoButton)
    assert open_session.probe is not None
    mouse(area, "move", (300, 2), Qt.MouseButton.NoButton)  # 600 × 600: the image is 597 px wide, 1.5 px free
    mouse(area, "move", (300, -5), Qt.MouseButton.NoButton)
    assert open_session.probe is None


def test_a_slice_that_is_not_loaded_has_no_hu(area: ReadingArea, open_session: Session) -> None:
    assert open_session.volume is not None
    open_session.volume.loaded[0] = False
    mouse(area, "move", (300, 300), Qt.MouseButton.NoButton)
    assert open_session.probe is not None
    assert open_session.probe.hu is None


def test_in_annotate_mode_the_left_button_draws(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    open_session.set_mode(Mode.ANNOTATE)
    told: list[events.Event] = []
    open_session.edit_requested.connect(told.append)
    placement = area.viewports[0].placement()
    assert placement is not None
    at = placement.to_screen((10, 20))
    mouse(area, "press", at, held=Qt.KeyboardModifier.ControlModifier)
    mouse(area, "move", at)
    mouse(area, "release", at)
    mouse(area, "double", at)
    reach = 6 / placement.magnification
    place = ("1.2.3.0", 0)
    kinds = [type(event) for event in told]
    assert kinds == [events.Press, events.Move, events.Release, events.DoubleClick]
    first = told[0]
    assert isinstance(first, events.Press)
    assert first.point == pytest.approx((10, 20))
    assert (first.sop_uid, first.frame, first.modifiers) == (*place, events.Modifier.CTRL)
    assert first.tolerance_px == pytest.approx(reach)
    assert open_session.maximised_view is None


def test_keys_of_the_open_outline(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    open_session.set_mode(Mode.ANNOTATE)
    told: list[events.Event] = []
    open_session.edit_requested.connect(told.append)
    for key in ("Return", "Backspace", "Delete"):
        press(qtbot, area, key)
    assert told == [events.Key.CLOSE, events.Key.BACKSPACE, events.Key.DELETE]


def test_a_slice_is_marked_reviewed_and_unmarked(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    open_session.set_mode(Mode.ANNOTATE)
    open_session.set_slice_index(2)
    with qtbot.waitSignal(open_session.edit_requested) as told:
        press(qtbot, area, "Ctrl+Return")
    assert told.args == [events.MarkReviewed("1.2.3.2", True)]
    open_session.set_document(replace(open_session.document, reviewed_slices=frozenset({"1.2.3.2"})))
    with qtbot.waitSignal(open_session.edit_requested) as told:
        press(qtbot, area, "Ctrl+Return")
    assert told.args == [events.MarkReviewed("1.2.3.2", False)]


def test_right_drag_windows_in_annotate_mode_too(area: ReadingArea, open_session: Session) -> None:
    open_session.set_mode(Mode.ANNOTATE)
    drag(area, RIGHT, (60, 0))
    assert open_session.windows[0].width == 100
