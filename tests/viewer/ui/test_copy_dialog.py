"""The dialog for copying a study without its patient: what it requests."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from viewer.measures.measure import Kind, Measure, SlicePlane
from viewer.session import CopyOrder, Session
from viewer.ui.copying import CopyDialog, free_name


@pytest.fixture
def orders(open_session: Session) -> list[CopyOrder]:
    found: list[CopyOrder] = []
    open_session.copy_requested.connect(found.append)
    return found


@pytest.fixture
def dialog(open_session: Session, qtbot: QtBot) -> Iterator[CopyDialog]:
    parent = QWidget()
    qtbot.addWidget(parent)
    yield CopyDialog(parent, open_session)
    parent.close()


def test_folder_is_a_new_one_within_the_chosen(
    dialog: CopyDialog, orders: list[CopyOrder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    dialog.retain["dates"].setChecked(True)
    dialog.retain["patient"].setChecked(True)
    dialog.to_folder.click()
    assert orders == [CopyOrder(tmp_path / "study-without-patient", frozenset({"dates", "patient"}))]


def test_zip_gets_its_ending(
    dialog: CopyDialog, orders: list[CopyOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/data/copy", ""))
    dialog.leave_out.setChecked(True)
    dialog.to_zip.click()
    assert orders == [CopyOrder(Path("/data/copy.zip"), leave_out=True)]


def test_rectangles_drawn_on_the_series_are_blacked_out(
    open_session: Session,
    orders: list[CopyOrder],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From (1.2, 3.5) to (9.1, 4.5) touches columns 1 to 9 and rows 3 and 4; what lies outside is cut off."""
    assert open_session.series is not None
    first = open_session.series.slices[0]
    plane = SlicePlane(first.sop_uid)
    drawn = (
        Measure("1", Kind.RECTANGLE, plane, ((9.1, 3.5), (1.2, 4.5))),
        Measure("2", Kind.RECTANGLE, plane, ((-5.0, -5.0), (2.0, 1.0))),
        Measure("3", Kind.RECTANGLE, plane, ((-5.0, -5.0), (-2.0, -1.0))),
        Measure("4", Kind.ELLIPSE, plane, ((1.0, 1.0), (5.0, 5.0))),
    )
    parent = QWidget()
    qtbot.addWidget(parent)
    without = CopyDialog(parent, open_session)
    assert not without.blackout.isEnabled()
    open_session.set_document(replace(open_session.document, measures=drawn))
    dialog = CopyDialog(parent, open_session)
    assert dialog.blackout.text() == "Black out the 2 rectangles drawn on this series"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/data/copy.zip", ""))
    dialog.blackout.click()
    dialog.to_zip.click()
    assert orders == [CopyOrder(Path("/data/copy.zip"), blackout=((1, 3, 9, 2), (0, 0, 2, 1)))]


def test_nothing_is_requested_without_a_place(
    dialog: CopyDialog, orders: list[CopyOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    dialog.to_folder.click()
    dialog.to_zip.click()
    dialog.cancel.click()
    assert orders == []


def test_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    assert free_name(tmp_path).name == "study-without-patient"
    (tmp_path / "study-without-patient").mkdir()
    (tmp_path / "study-without-patient-2").mkdir()
    assert free_name(tmp_path).name == "study-without-patient-3"
