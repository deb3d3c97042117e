"""Measures in the whole program: by mouse and keys, kept, undone, found again after a restart."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.app import Application
from viewer.library.store import Library
from viewer.measures.mark import MarkKind
from viewer.measures.measure import Kind
from viewer.measures.readings import read
from viewer.ui.reading import ReadingArea

WAIT_MS = 120_000
Start = Callable[..., Application]


def opened(qtbot: QtBot, application: Application) -> ReadingArea:
    """The viewports, once the series is loaded and the first has the keyboard."""
    session, area = application.session, application.window.centre
    assert isinstance(area, ReadingArea)
    qtbot.waitUntil(lambda: session.volume is not None and bool(session.volume.loaded.all()), timeout=WAIT_MS)
    application.window.activateWindow()
    area.viewports[0].setFocus()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is area.viewports[0], timeout=WAIT_MS)
    return area


def at(area: ReadingArea, column: float, row: float) -> QPoint:
    placement = area.viewports[0].placement()
    assert placement is not None
    x, y = placement.to_screen((column, row))
    return QPoint(round(x), round(y))


def drag(qtbot: QtBot, area: ReadingArea, start: tuple[float, float], end: tuple[float, float]) -> None:
    view = area.viewports[0]
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at(area, *start))
    qtbot.mouseMove(view, at(area, *end))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(area, *end))


def test_a_measure_is_made_by_keys_and_mouse_kept_and_found_again(
    qtbot: QtBot, start: Start, phantom_series: Path, tmp_path: Path
) -> None:
    first = start(phantom_series)
    area, session = opened(qtbot, first), first.session
    session.set_slice_index(4)
    qtbot.keyClick(area.viewports[0], Qt.Key.Key_D)
    drag(qtbot, area, (20, 64), (60, 64))
    qtbot.keyClick(area.viewports[0], Qt.Key.Key_O)
    drag(qtbot, area, (28, 56), (44, 74))
    qtbot.keyClick(area.viewports[0], Qt.Key.Key_K)
    qtbot.waitUntil(lambda: session.save_state == "Saved", timeout=WAIT_MS)
    length, ellipse = session.document.measures
    assert session.volume is not None
    found = read(length, session.volume).number("length")
    placement = area.viewports[0].placement()
    assert placement is not None
    assert found == pytest.approx(
        70.0, abs=2 / placement.px_per_mm
    )  # 40 columns of 1.75 mm, to the screen's pixel
    assert read(ellipse, session.volume).number("max") == 70  # the bleed
    qtbot.keyClick(area.viewports[0], Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)  # the key image
    qtbot.keyClick(area.viewports[0], Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)  # the ellipse
    assert (session.document.measures, session.document.marks) == ((length,), ())
    area.commands["redo"].trigger()
    area.commands["redo"].trigger()
    kept = session.document
    assert [measure.kind for measure in kept.measures] == [Kind.LENGTH, Kind.ELLIPSE]
    assert [mark.kind for mark in kept.marks] == [MarkKind.KEY_IMAGE]
    first.shutdown()

    second = start(phantom_series)
    opened(qtbot, second)
    assert second.session.document.measures == kept.measures
    assert second.session.document.marks == kept.marks
    second.shutdown()

    library = Library(tmp_path / "library")
    actions = [entry.action for entry in library.journal(kept.series_uid)]
    assert actions == [
        "measure length",
        "measure ellipse",
        "mark key image",
        "undo mark key image",
        "undo measure ellipse",
        "redo measure ellipse",
        "redo mark key image",
    ]
    assert library.replay(kept.study_uid, kept.series_uid) == kept
    library.close()
