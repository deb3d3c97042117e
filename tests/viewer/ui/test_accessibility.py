"""Without sight of the screen or a mouse: every control has a name, is reached with Tab, and shows that it is."""

import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLineEdit,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from model.labels import CODES
from viewer.learning import Comparison, Judgement, Person, Preflight, ShownSlice, VersionRow
from viewer.measures.measure import Kind, Measure, SlicePlane
from viewer.receiving import ReceivedSegment, ReceivedSegmentation
from viewer.session import Mode, Retraining, Session
from viewer.ui import theme
from viewer.ui.about import AboutDialog
from viewer.ui.copying import CopyDialog
from viewer.ui.dialogs import password
from viewer.ui.focus_ring import FocusRing
from viewer.ui.keys import BINDABLE
from viewer.ui.main_window import MainWindow
from viewer.ui.manual import Manual
from viewer.ui.preferences import PAGES, PreferencesDialog
from viewer.ui.preflight import PreflightDialog
from viewer.ui.reading import ReadingArea
from viewer.ui.received import ReceivedWindow
from viewer.ui.sheet import Sheet
from viewer.ui.training import TrainingDialog
from viewer.ui.verdict import VerdictDialog
from viewer.ui.versions import VersionsDialog
from viewer.ui.work_dialogs import CompareDialog, HistoryDialog, NamesDialog, QueueDialog

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))
CONTROLS = (QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
TABS, MEASURES = range(4), 2
MOST_LINKS = 40
"""Links of a page that Tab goes through before it leaves."""


@pytest.fixture(scope="module")
def window(qapp: QObject) -> Iterator[MainWindow]:
    """Everything is there to be shown: a scored series with annotations, a measure, a retraining, a notice."""
    session = Session()
    reading = ReadingArea(session)
    made = MainWindow(session, reading, reading.commands.values())
    made.resize(1600, 1000)
    study = frame.study("1", frame.series())
    session.set_studies((study,))
    session.set_volume(frame.volume(study.series[0]))
    session.set_study(study)
    session.set_findings(frame.findings({"any": 0.9, "SDH": 0.9}, {4: {"SDH": 0.9, "any": 0.9}}))
    line = Measure("m", Kind.RECTANGLE, SlicePlane("9.3"), ((1, 1), (5, 5)))
    document = frame.document("SDH", "IPH")
    session.set_document(type(document)("1", "9", document.annotations, measures=(line,)))
    session.set_annotated(3, 40)
    session.set_retraining(Retraining("candidate", "Better", candidate_id="toy-2"))
    session.notice("warning", "Something", "to read")
    made.show()
    made.activateWindow()
    QApplication.processEvents()
    yield made
    made.close()
    made.deleteLater()


def shown_controls(window: QWidget) -> list[QWidget]:
    return [each for each in window.findChildren(QWidget) if each.isVisible() and isinstance(each, CONTROLS)]


def reachable(window: QWidget) -> list[QWidget]:
    """What Tab comes to, in order, once around."""
    found: list[QWidget] = []
    here = window.nextInFocusChain()
    while here is not None and here is not window:
        tab = here.focusPolicy() & Qt.FocusPolicy.TabFocus
        if tab and here.isVisible() and here.isEnabled() and here.focusProxy() is None:
            found.append(here)
        here = here.nextInFocusChain()
    return found


def spoken(widget: QWidget) -> str:
    """What a screen reader says a widget is called."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return str(interface.text(QAccessible.Text.Name)).strip() if interface is not None else ""


def described(widget: QWidget) -> str:
    """Where a widget is, for the message of a test."""
    above, path = widget, []
    while above is not None and len(path) < 4:
        path.append(f"{type(above).__name__}{f'({above.objectName()})' if above.objectName() else ''}")
        above = above.parentWidget()
    return " < ".join(path)


def states(window: MainWindow) -> Iterator[str]:
    """The window in each mode with each tab of the right column, one after the other."""
    for mode in Mode:
        for tab in TABS:
            window.session.set_mode(mode)
            window.right.show_tab(tab)
            window.session.measuring.set_selection("m" if tab == MEASURES else None)
            QApplication.processEvents()
            yield f"{mode}, tab {tab}"


def inner(widget: QWidget) -> bool:
    """Whether Qt made it inside a control that has the name: the line of a spin box, the bar of a list that scrolls."""
    parent = widget.parentWidget()
    made = (
        parent is not None
        and parent.objectName().startswith("qt_scrollarea")
        and isinstance(widget, QScrollBar)
    )
    made = made or isinstance(widget, QHeaderView)
    return made or isinstance(parent, QAbstractSpinBox | QComboBox) or widget.objectName().startswith("qt_")


def test_every_control_says_what_it_is(window: MainWindow) -> None:
    for state in states(window):
        controls = [each for each in {*shown_controls(window), *reachable(window)} if not inner(each)]
        assert len(controls) > 20
        assert [(state, described(each)) for each in controls if not spoken(each)] == []


def test_every_control_is_reached_with_tab(window: MainWindow) -> None:
    for state in states(window):
        there = set(reachable(window))
        missing = [
            (state, described(each))
            for each in shown_controls(window)
            if each.isEnabled() and each not in there and not inner(each)
        ]
        assert missing == []


def test_two_buttons_of_one_place_are_never_called_the_same(window: MainWindow) -> None:
    """Delete beside Delete would be a riddle."""
    for state in states(window):
        seen: set[tuple[QWidget | None, str]] = set()
        for each in shown_controls(window):
            if isinstance(each, QAbstractButton) and not inner(each):
                key = (each.parentWidget(), spoken(each))
                assert key not in seen, f"{state}: {key[1]}: {described(each)}"
                seen.add(key)


def test_tab_goes_through_the_window_as_it_is_read(window: MainWindow) -> None:
    """Bars, worklist, viewports, panels; in the bar from left to right."""
    areas = (window.top_bar, window.drawing_bar, window.worklist, window.centre, window.right)
    for mode, expected in ((Mode.ANNOTATE, [0, 1, 2, 3, 4]), (Mode.READ, [0, 2, 3, 4])):
        window.session.set_mode(mode)
        order = reachable(window)
        numbers = [next(n for n, area in enumerate(areas) if area.isAncestorOf(each)) for each in order]
        assert [number for number, _ in groupby(numbers)] == expected
    lefts = [each.mapTo(window, QPoint(0, 0)).x() for each in order if window.top_bar.isAncestorOf(each)]
    assert lefts == sorted(lefts)


def test_a_ring_is_drawn_around_what_tab_comes_to(window: MainWindow, qtbot: QtBot) -> None:
    ring = window.findChild(FocusRing)
    assert ring is not None
    window.session.set_active_view(0)
    window.centre.focus_target().setFocus()  # type: ignore[union-attr]
    window.right.show_tab(0)
    window.focus_next_area()
    passed: list[QWidget] = []
    here = window.focusWidget()
    while not window.centre.isAncestorOf(here) and here not in passed:
        passed.append(here)
        assert ring.isVisible(), described(here)
        assert ring.geometry().contains(here.mapTo(window, QPoint(0, 0))), described(here)
        assert ring_pixels(ring) > 30, described(here)
        qtbot.keyClick(here, Qt.Key.Key_Tab)
        here = window.focusWidget()
    assert all(
        any(area.isAncestorOf(each) for each in passed)
        for area in (window.right, window.top_bar, window.worklist)
    )
    assert len(passed) > 20
    qtbot.mouseClick(window.top_bar.menu_button, Qt.MouseButton.RightButton)
    window.centre.viewports[1].setFocus()
    assert not ring.isVisible()


def ring_pixels(ring: QWidget) -> int:
    """How many pixels of the window are the ring's colour where the ring is."""
    image = ring.window().grab(ring.geometry()).toImage().convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    blue, green, red = (int(theme.BRIGHT[i : i + 2], 16) for i in (5, 3, 1))
    return int(np.all(flat[..., :3] == (blue, green, red), axis=2).sum())


def test_f6_goes_round_the_parts_of_the_window(window: MainWindow) -> None:
    """Also out of the viewports, where Tab goes from one to the next."""
    window.centre.focus_target().setFocus()  # type: ignore[union-attr]
    areas = [window.right, window.top_bar, window.worklist, window.centre]
    for area in areas:
        window.focus_next_area()
        assert area.isAncestorOf(window.focusWidget())
    for area in [window.worklist, window.top_bar, window.right, window.centre]:
        window.focus_next_area(-1)
        assert area.isAncestorOf(window.focusWidget())


def test_every_button_of_the_bar_is_an_action_that_the_palette_finds(window: MainWindow) -> None:
    """Each by its name or its words; menus open by actions of their own."""
    names = " · ".join(action.name.casefold() for action in window.actions_by_name())
    words = {
        "open…": "open a folder",
        "w/l": "window",
        "roi": "ellipse",
        "more ▾": "window",
        "layout ▾": "layout",
    }
    words |= {
        "compare prior": "compare with the prior",
        "read": "read",
        "annotate": "annotate",
        "menu": "menu of the window",
    }
    missing = []
    for each in shown_controls(window):
        if window.top_bar.isAncestorOf(each):
            name = spoken(each).casefold()
            missing += [name] if words.get(name, name) not in names else []
    assert missing == []


def preferences(parent: QWidget, session: Session, page: str) -> QDialog:
    made = PreferencesDialog(parent, session)
    made.show_page(page)
    return made


def segmentation(parent: QWidget, session: Session) -> QDialog:
    made = ReceivedWindow(session, parent)
    segment = ReceivedSegment(1, "Hematoma", (200, 40, 40), (2, 4), 3.2)
    found = ReceivedSegmentation("Segmentation of Lab", np.zeros((6, 4, 4), np.uint8), (segment,))
    session.receiving.set_overlay(found)
    return made


def preflight(parent: QWidget, session: Session) -> QDialog:
    made = PreflightDialog(parent, session)
    people = tuple(Person(f"p{n}", f"ANON-{n}", True, "train", False) for n in range(2))
    rows = tuple((code, 1, 2, 3) for code in CODES)
    session.learning.set_preflight(Preflight("done", slices=9, rows=rows, people=people))
    made.tabs[1].click()
    return made


def training(parent: QWidget, session: Session) -> QDialog:
    rows = ({"step": 4, "mine_loss": 0.5, "mine_dice": 0.4},)
    session.set_retraining(Retraining("running", "Step 5 of 9", 0.5, train_loss=(1.0, 0.8), rows=rows))
    session.learning.set_examples((learnt_slice(),))
    return TrainingDialog(parent, session)


def verdict(parent: QWidget, session: Session) -> QDialog:
    nothing = {"before": None, "after": None, "difference": None, "interval": None, "n": 0}
    measures = ("dice", "auc", "sensitivity", "specificity", "volume_bias_ml", "calibration_error")
    table = {measure: dict.fromkeys(("any", *CODES), nothing) for measure in measures}
    found = {"yours": table, "reference": table}
    worst = (learnt_slice("a/1:0"), learnt_slice("a/2:0"))
    session.learning.set_judgement(Judgement("mine-1", "toy-1", "worse", "Worse.", "", "", found, (), worst))
    return VerdictDialog(parent, session)


def versions(parent: QWidget, session: Session) -> QDialog:
    made = VersionsDialog(parent, session)
    row = VersionRow("mine-1", "", "candidate", "2026-11-21", "toy-1", "better", 5_000_000, False)
    session.learning.set_versions((row, replace(row, id="toy-1", status="bundled", verdict="", current=True)))
    session.learning.set_comparison(
        Comparison("mine-1", "toy-1", (("simulated heads", "dice any", 0.5, 0.4),))
    )
    made.list.setCurrentItem(made.list.topLevelItem(0))
    return made


def learnt_slice(place: str = "") -> ShownSlice:
    empty = np.zeros((8, 8), np.uint8)
    return ShownSlice(empty, empty, empty, empty, (0.7, 0.5), place)


DIALOGS: dict[str, Callable[[QWidget, Session], QDialog]] = {
    "copy": CopyDialog,
    "about": AboutDialog,
    "shortcuts": lambda parent, session: Sheet(parent, session, lambda: None),
    "manual": lambda parent, _: Manual(parent),
    "history": lambda parent, session: HistoryDialog(session, parent),
    "agreement": lambda parent, session: CompareDialog(session, parent),
    "queue": lambda parent, session: QueueDialog(session, parent),
    "names": lambda parent, _: NamesDialog(Path("a.json"), ("bleed", "blood"), parent),
    "password": lambda parent, _: password(parent, "a.zip", lambda _: None, wrong=True),
    "segmentation": segmentation,
    "before a retraining": preflight,
    "training": training,
    "verdict": verdict,
    "versions": versions,
    **{f"preferences, {page}": partial(preferences, page=page) for page, _ in PAGES},
}


@pytest.fixture(params=DIALOGS)
def dialog(request: pytest.FixtureRequest, qtbot: QtBot) -> Iterator[QDialog]:
    parent, session = QWidget(), Session()
    qtbot.addWidget(parent)
    parent.resize(1500, 950)
    session.bound.add(BINDABLE)
    session.set_volume(frame.volume())
    parent.show()
    made = DIALOGS[request.param](parent, session)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    if isValid(made):
        made.close()


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_a_dialog_is_read_and_reached_as_the_window_is(dialog: QDialog, qtbot: QtBot) -> None:
    """Its title and every control have a name, no two buttons the same; Tab comes to all; Esc leaves."""
    assert dialog.windowTitle()
    reached = reachable(dialog)
    controls = [each for each in {*shown_controls(dialog), *reached} if not inner(each)]
    assert controls
    assert [described(each) for each in controls if not spoken(each)] == []
    missed = [each for each in controls if each.isEnabled() and each not in reached]
    # of buttons that exclude each other Tab comes to the one that is chosen, arrows to the others
    assert [described(e) for e in missed if not (isinstance(e, QAbstractButton) and e.autoExclusive())] == []
    buttons = [spoken(each) for each in controls if isinstance(each, QAbstractButton)]
    rows = [(spoken(each), each.parentWidget()) for each in controls if isinstance(each, QAbstractButton)]
    assert len(set(rows)) == len(buttons)
    focused = dialog.focusWidget()
    assert focused in reached, "the keyboard is nowhere in it"
    passed = {focused}
    for _ in range(3 * len(reached) + MOST_LINKS):
        qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
        passed.add(dialog.focusWidget())
    missed = [each for each in reached if each not in passed]
    assert [described(e) for e in missed if not (isinstance(e, QAbstractButton) and e.autoExclusive())] == []
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not isValid(dialog) or not dialog.isVisible()
