"""The Annotations tab: list, going to a slice, changing and deleting, what is empty."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from viewer.annotation import events
from viewer.bindings import Bindable
from viewer.jobs.annotations_out import Form
from viewer.library.work import Reading, ReadingKind
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.annotations import VALUE_ROLE, AnnotationsPanel
from viewer.ui.desk import AnnotationDesk
from viewer.ui.palette import Action
from viewer.ui.work_dialogs import CompareDialog, HistoryDialog, NamesDialog, QueueDialog
from viewer.working import ExportOrder, Work

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Session, AnnotationsPanel]:
    session = Session()
    session.desk = AnnotationDesk(session, session)  # type: ignore[attr-defined]
    panel = AnnotationsPanel(session)
    qtbot.addWidget(panel)
    session.set_volume(frame.volume())
    return session, panel


def open_document(session: Session, *subtypes: str) -> None:
    session.desk.open(frame.document(*subtypes), (8, 8))  # type: ignore[attr-defined]


def rows(panel: AnnotationsPanel) -> list[tuple[int, str]]:
    found = [panel.model.index(row).data(VALUE_ROLE) for row in range(panel.model.rowCount())]
    return [(place, annotation.subtype) for place, annotation in found]


def test_annotations_are_listed_by_slice(shown) -> None:
    session, panel = shown
    open_document(session, "SDH", "IPH")
    assert rows(panel) == [(3, "SDH"), (4, "IPH")]
    assert panel.heading.text() == "MY ANNOTATIONS · 2 OF 2 REVIEWED"


def test_without_annotations_the_panel_teaches(shown) -> None:
    session, panel = shown
    assert not panel.empty_box.isHidden()
    assert "Choose Annotate" in panel.empty.text()  # no key is bound to it
    session.bound.add((Bindable("mode", "Read or annotate", ("M",)),))
    assert "Press M" in panel.empty.text()
    assert not any(each.enabled() for each in panel.exchange.actions_by_name() if "Export annot" in each.name)


def test_a_click_goes_to_the_slice_and_selects(shown) -> None:
    session, panel = shown
    open_document(session, "SDH", "IPH")
    panel.list.clicked.emit(panel.model.index(1))
    assert session.slice_index == 4
    assert session.selection == "a1"
    assert not panel._selected.isHidden()
    assert panel.classes["IPH"].isChecked()


def test_the_class_of_the_selected_annotation_changes(shown) -> None:
    session, panel = shown
    open_document(session, "SDH")
    panel.list.clicked.emit(panel.model.index(0))
    panel.classes["EDH"].click()
    assert rows(panel) == [(3, "EDH")]


def test_delete_removes_and_undo_brings_back(shown) -> None:
    session, panel = shown
    open_document(session, "SDH", "IPH")
    panel.list.clicked.emit(panel.model.index(0))
    panel.delete.click()
    assert rows(panel) == [(4, "IPH")]
    session.undo_requested.emit()
    assert rows(panel) == [(3, "SDH"), (4, "IPH")]


def test_unreviewed_ones_are_confirmed_on_the_slice_on_screen_or_everywhere(shown) -> None:
    session, panel = shown
    open_document(session, "SDH", "IPH")
    assert panel._unreviewed.isHidden()
    for uid in ("a0", "a1"):
        session.edit_requested.emit(events.Confirm(uid, False))
    assert not panel._unreviewed.isHidden()
    session.set_slice_index(0)
    assert not panel.review_slice.isEnabled()
    session.set_slice_index(4)
    assert panel.review_slice.text() == "Image 5 reviewed"
    panel.review_slice.click()
    assert [a.reviewed for a in session.document.annotations] == [False, True]
    assert panel._unreviewed.sizeHint().width() <= theme.RIGHT_WIDTH - 32
    panel.review_all.click()
    assert all(a.reviewed for a in session.document.annotations)
    assert panel._unreviewed.isHidden()


def test_reviewed_is_toggled(shown) -> None:
    session, panel = shown
    open_document(session, "SDH")
    panel.list.clicked.emit(panel.model.index(0))
    panel.review.click()
    assert panel.heading.text() == "MY ANNOTATIONS · 0 OF 1 REVIEWED"
    assert panel.review.text() == "Mark reviewed"


def test_the_selection_of_the_image_is_the_lists(shown) -> None:
    session, panel = shown
    open_document(session, "SDH", "IPH")
    session.edit_requested.emit(events.Select("a1"))
    assert panel.classes["IPH"].isChecked()


def action(panel: AnnotationsPanel, name: str) -> Action:
    return next(each for each in panel.exchange.actions_by_name() if each.name == name)


def test_exports_ask_for_a_place_and_give_files_their_ending(
    shown, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session, panel = shown
    part = session.working
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    assert not action(panel, "Export annotations as PNG masks…").enabled()
    open_document(session, "SDH")
    assert action(panel, "Export annotations as PNG masks…").enabled()
    with qtbot.waitSignal(part.export_requested) as asked:
        action(panel, "Export annotations as PNG masks…").run()
    assert asked.args == [ExportOrder("PNG masks", tmp_path)]
    with qtbot.waitSignal(part.export_requested) as asked:
        action(panel, "Export annotations as NRRD segmentation…").run()
    assert asked.args == [ExportOrder("NRRD segmentation", tmp_path / "mine.seg.nrrd")]


def test_every_format_that_can_be_asked_for_can_be_written(shown) -> None:
    _, panel = shown
    names = {each.name for each in panel.exchange.actions_by_name()}
    assert {f"Export annotations as {form}…" for form in Form} <= names


def test_a_cancelled_export_or_import_asks_for_nothing(
    shown, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, panel = shown
    open_document(session, "SDH")
    for name in ("getExistingDirectory", "getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, name=name: "" if "Dir" in name else ("", ""))
    part = session.working
    signals = (part.export_requested, part.import_requested, part.library_out_requested)
    for signal in signals:
        with qtbot.assertNotEmitted(signal):
            for each in panel.exchange.actions_by_name():
                each.run()


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of every window
def test_names_of_an_import_are_asked_for(shown, qtbot: QtBot, tmp_path: Path) -> None:
    session, panel = shown
    session.working.names_wanted.emit(tmp_path / "a.nii", ("label 1", "label 2"))
    dialog = panel.findChild(NamesDialog)
    assert dialog.mapping() == {"label 1": "leave out", "label 2": "leave out"}
    dialog.boxes["label 1"].setCurrentIndex(1)
    with qtbot.waitSignal(session.working.import_requested) as asked:
        dialog.go.click()
    assert asked.args == [tmp_path / "a.nii", {"label 1": "SDH", "label 2": "leave out"}]


def test_a_slice_is_marked_as_free_of_hemorrhage_and_unmarked(shown) -> None:
    session, panel = shown
    open_document(session, "SDH")
    assert panel.clean.text() == "Image 1: no hemorrhage"
    panel.clean.click()
    assert session.document.reviewed_slices == {"9.0"}
    assert panel.clean.text() == "✓ Image 1: no hemorrhage"
    panel.clean.click()
    assert session.document.reviewed_slices == frozenset()


def test_a_slice_with_annotations_cannot_be_marked_free(shown) -> None:
    session, panel = shown
    open_document(session, "SDH")
    session.set_slice_index(3)
    assert panel.clean.isHidden()


def test_everything_paints(shown, qtbot: QtBot) -> None:
    session, panel = shown
    open_document(session, "SDH", "IPH", "EDH")
    panel.list.clicked.emit(panel.model.index(1))
    panel.resize(280, 700)
    assert not panel.grab().isNull()


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_the_doors_of_the_work_open(shown) -> None:
    session, panel = shown
    open_document(session, "SDH")
    joined = Reading("r", "1.2", "1.2.3", "B", ReadingKind.BLINDED, "", "2026")
    session.working.set_work(Work("A", None, (joined,)))
    doors = (
        (panel.work.history, HistoryDialog),
        (panel.work.compare, CompareDialog),
        (panel.work.queue, QueueDialog),
    )
    for button, kind in doors:
        button.click()
        dialog = panel.findChild(kind)
        assert dialog.isVisible()
        dialog.close()
