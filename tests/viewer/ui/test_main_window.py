"""The frame: tabs, top bar, menu, palette, drop, status bar."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from viewer.annotation import events
from viewer.annotation.options import ToolName
from viewer.dicom.series import Note, Problem
from viewer.imaging.windows import BONE
from viewer.session import Mode, ModelEntry, Probe, Retraining, Session, Tool
from viewer.ui.main_window import MainWindow
from viewer.ui.reading import ReadingArea
from viewer.ui.status_bar import RESEARCH
from viewer.ui.versions import VersionsDialog

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    session = Session()
    reading = ReadingArea(session)
    made = MainWindow(session, reading, reading.commands.values())
    qtbot.addWidget(made)
    made.resize(1366, 768)
    return made


def by_name(window: MainWindow, name: str):
    return next(action for action in window.actions_by_name() if action.name == name)


def test_entering_annotate_mode_shows_the_annotations(window: MainWindow) -> None:
    assert window.right.stack.currentWidget() is window.right.findings
    window.session.set_mode(Mode.ANNOTATE)
    assert window.right.stack.currentWidget() is window.right.annotations


def test_the_top_bar_shows_the_tools_of_the_mode(window: MainWindow) -> None:
    bar = window.top_bar
    assert not bar.tools[Tool.WINDOW].isHidden()
    assert bar.subtypes["SDH"].isHidden()
    bar.modes[Mode.ANNOTATE].click()
    assert bar.tools[Tool.WINDOW].isHidden()
    assert not window.drawing_bar.isHidden()
    assert window.drawing_bar.tools[ToolName.POLYGON].isChecked()
    assert not bar.subtypes["SDH"].isHidden()


def test_a_preset_goes_to_the_active_viewport(window: MainWindow) -> None:
    window.session.set_active_view(1)
    window.top_bar.presets[5].click()
    assert window.session.windows[1] == BONE
    assert window.top_bar.presets[5].isChecked()
    window.session.set_active_view(0)
    assert not window.top_bar.presets[5].isChecked()


def test_a_button_that_is_clicked_twice_stays_on(window: MainWindow) -> None:
    window.top_bar.tools[Tool.ZOOM].click()
    window.top_bar.tools[Tool.ZOOM].click()
    assert window.top_bar.tools[Tool.ZOOM].isChecked()


def test_the_overlay_button_follows_the_session(window: MainWindow) -> None:
    window.top_bar.overlay.click()
    assert not window.session.overlay
    window.session.set_overlay(True)
    assert window.top_bar.overlay.isChecked()


def test_choosing_a_subtype_also_changes_the_selected_annotation(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.session.edit_requested) as asked:
        window.top_bar.subtypes["EDH"].click()
    assert asked.args == [events.ChooseSubtype("EDH")]
    assert window.session.subtype == "EDH"


def test_a_narrow_bar_leaves_keys_to_the_tooltips(window: MainWindow) -> None:
    window.top_bar.resize(1366, 36)
    QApplication.sendPostedEvents()
    preset = window.top_bar.presets[2]
    preset.set_compact(False)
    wide = preset.sizeHint().width()
    preset.set_compact(True)
    assert preset.sizeHint().width() < wide
    assert "(2)" in preset.toolTip()


def test_every_action_of_the_image_is_in_the_palette(window: MainWindow) -> None:
    names = {action.name for action in window.actions_by_name()}
    assert {"Open a folder…", "Undo", "Window bone", "Retrain on my annotations…", "Keys and mouse"} <= names
    assert all(action.name for action in window.actions_by_name())


def test_the_palette_opens_and_runs_an_action(window: MainWindow, qtbot: QtBot) -> None:
    window.palette_popup.popup()
    qtbot.keyClicks(window.palette_popup.line, "show annot")
    qtbot.keyClick(window.palette_popup.line, Qt.Key.Key_Return)
    assert window.right.stack.currentWidget() is window.right.annotations
    assert window.palette_popup.isHidden()


def test_actions_that_make_no_sense_now_are_disabled(window: MainWindow) -> None:
    assert not by_name(window, "Export annotations as PNG masks…").enabled()
    assert not by_name(window, "Retrain on my annotations…").enabled()
    window.session.set_annotated(1, 3)
    assert by_name(window, "Retrain on my annotations…").enabled()


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_models_are_listed_and_switched_in_the_menu(window: MainWindow, qtbot: QtBot) -> None:
    window.session.set_models(
        (
            ModelEntry("bundled-1", "bundled", "2026-01-01", True, "Trained on phantom and CT-ICH."),
            ModelEntry("mine-1", "candidate", "2026-02-01", False, "Retrained from bundled-1"),
        )
    )
    model = next(a.menu() for a in window.menu.actions() if a.text() == "Model")
    assert isinstance(model, QMenu)
    model.aboutToShow.emit()
    entries = {action.text(): action for action in model.actions()}
    assert entries["bundled-1 · bundled"].isChecked()
    with qtbot.waitSignal(window.session.promote_requested) as asked:
        entries["mine-1 · candidate"].trigger()
    assert asked.args == ["mine-1"]
    with qtbot.waitSignal(window.session.learning.versions_requested):
        entries["Models…"].trigger()
    assert isinstance(window.learning.open_dialog, VersionsDialog)
    window.learning.open_dialog.close()


def test_browsing_asks_for_a_folder(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/studies/one")
    with qtbot.waitSignal(window.session.open_requested) as asked:
        window.session.browse_requested.emit()
    assert asked.args == [(Path("/studies/one"),)]


def test_browsing_for_files(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (["/a", "/b"], ""))
    with qtbot.waitSignal(window.session.open_requested) as asked:
        window.open_files()
    assert asked.args == [(Path("/a"), Path("/b"))]


def test_a_cancelled_dialog_opens_nothing(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    with qtbot.assertNotEmitted(window.session.open_requested):
        window.open_folder()


def test_dropped_folders_are_opened(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    plain = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, *plain)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    assert not window._drop.isHidden()
    with qtbot.waitSignal(window.session.open_requested) as asked:
        window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, *plain))
    assert asked.args == [(tmp_path,)]
    assert window._drop.isHidden()


def test_text_cannot_be_dropped(window: MainWindow) -> None:
    data = QMimeData()
    data.setText("no file")
    event = QDragEnterEvent(
        QPoint(9, 9),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    window.dragEnterEvent(event)
    assert not event.isAccepted()


def test_the_window_closes_only_when_it_may(window: MainWindow) -> None:
    window.may_close = lambda: False
    assert not window.close()
    window.may_close = lambda: True
    assert window.close()


def test_the_status_bar_says_what_lies_under_the_cursor(window: MainWindow) -> None:
    session, status = window.session, window.status
    session.set_volume(frame.volume())
    session.set_probe(Probe(-63, (-41.25, 18.7, 42.5), (168, 231)))
    assert status.hu.text() == "HU −63"
    assert status.millimetres.text() == "(−41.2, 18.7, 42.5) mm"
    assert status.pixel.text() == "px 168, 231"
    session.set_probe(None)
    assert status.hu.text() == status.pixel.text() == ""


def test_estimated_and_unknown_spacing_are_marked_in_the_status_bar(window: MainWindow) -> None:
    session, status = window.session, window.status
    for problem, text in ((Problem.SPACING_ESTIMATED, "≈ (1.0, 2.0, 3.0) mm"), (Problem.NO_SPACING, "")):
        session.set_volume(frame.volume(frame.series(notes=(Note(problem, "", ""),))))
        session.set_probe(None)
        session.set_probe(Probe(1, (1.0, 2.0, 3.0), (0, 0)))
        assert status.millimetres.text() == text


def test_a_retraining_is_followed_in_the_status_bar(window: MainWindow) -> None:
    said = window.status.training
    for state, text in (
        ("idle", ""),
        ("running", "Retraining 62%"),
        ("candidate", "Retrained: a candidate waits"),
    ):
        window.session.set_retraining(Retraining(state, progress=0.62))
        assert said.text() == text


def test_unsaved_work_is_red_in_the_status_bar(window: MainWindow) -> None:
    window.session.set_save_state("Not saved: 1 edit kept in memory")
    assert window.status.saved.property("role") == "red"
    window.session.set_save_state("Saved")
    assert window.status.saved.property("role") == "quiet"


def test_research_use_only_is_always_said(window: MainWindow) -> None:
    assert window.status.research.text() == RESEARCH
    assert not window.status.research.isHidden()


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_the_dialogs_open_and_close(window: MainWindow, qtbot: QtBot) -> None:
    for name in ("Keys and mouse", "About Pterion"):
        by_name(window, name).run()
        dialog = QApplication.activeModalWidget()
        assert dialog is not None
        assert dialog.windowTitle() == name
        dialog.close()
