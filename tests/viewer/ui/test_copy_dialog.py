"""The dialog for copying a study without its patient: what it requests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

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
