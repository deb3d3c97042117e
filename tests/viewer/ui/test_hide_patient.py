"""Hide patient: no widget says who it is, and showing again says it again."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from viewer.session import Session
from viewer.ui import captions
from viewer.ui.lettering import Lettering
from viewer.ui.main_window import MainWindow
from viewer.ui.reading import ReadingArea
from viewer.ui.study_text import HIDDEN, details, person, seen

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

SECRETS = ("Doe", "Jane", "ANON-0042", "71", "2026", "03:12", "w/o contrast")


@pytest.fixture
def window(open_session: Session, qtbot: QtBot) -> MainWindow:
    reading = ReadingArea(open_session)
    made = MainWindow(open_session, reading, reading.commands.values())
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made


def test_study_without_patient_keeps_what_is_technical(open_session: Session) -> None:
    study = open_session.study
    assert study is not None
    assert seen(study, hidden=False) is study
    hidden = seen(study, hidden=True)
    assert (person(hidden), details(hidden)) == (HIDDEN, "2 se")
    assert (hidden.study_uid, hidden.series) == (study.study_uid, study.series)
    words = captions.who_and_when(person(hidden), hidden, study.series[0])
    assert words == ("Patient hidden", "Se 2 · Brain 5.0 mm")


def test_title_names_the_patient_until_hidden(window: MainWindow, open_session: Session) -> None:
    open_session.set_study(None)
    assert window.windowTitle() == "Pterion"
    open_session.set_study(open_session.studies[0])
    assert window.windowTitle() == "Doe, Jane · 71 F — Pterion"
    open_session.set_patient_hidden(True)
    assert window.windowTitle() == "Pterion"
    open_session.set_patient_hidden(False)
    assert window.windowTitle() == "Doe, Jane · 71 F — Pterion"


def test_worklist_says_nothing_while_hidden(window: MainWindow, open_session: Session) -> None:
    open_session.set_patient_hidden(True)
    model = window.worklist.study_model
    said = [
        str(model.data(model.index(0), role))
        for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
    ]
    assert all(HIDDEN in text for text in said)
    assert not any(secret in text for secret in SECRETS for text in said)


def test_nothing_that_is_painted_names_the_patient(
    window: MainWindow, open_session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[str] = []
    draw = Lettering.draw

    def listen(self: Lettering, painter: QPainter, x: float, y: float, text: str, colour: str) -> None:
        painted.append(text)
        draw(self, painter, x, y, text, colour)

    def all_painted() -> list[str]:
        """Paint the window; what is written in it, the words that viewports keep from picture to picture included."""
        painted.clear()
        window.grab()
        assert isinstance(window.centre, ReadingArea)
        kept = [line[2] for each in window.centre.viewports for line in each._corners._still.lines]
        assert kept
        return painted + kept

    monkeypatch.setattr(Lettering, "draw", listen)
    monkeypatch.setattr("viewer.ui.listing.line", lambda _p, _b, text, *_: painted.append(text))
    assert any("Doe, Jane" in text for text in all_painted())
    open_session.set_patient_hidden(True)
    hidden = all_painted()
    assert any(HIDDEN in text for text in hidden)
    assert not any(secret in text for secret in SECRETS for text in hidden)
    open_session.set_patient_hidden(False)
    assert any("Doe, Jane" in text for text in all_painted())


def test_keys_and_button_and_palette_toggle(window: MainWindow, open_session: Session, qtbot: QtBot) -> None:
    def names() -> list[str]:
        return [action.name for action in window.actions_by_name()]

    assert "Hide patient" in names()
    qtbot.mouseClick(window.top_bar.hide_patient, Qt.MouseButton.LeftButton)
    assert open_session.patient_hidden
    assert "Show patient" in names()
    window.hide_patient()
    assert not open_session.patient_hidden


def test_recent_places_are_offered_and_not_while_hidden(window: MainWindow, open_session: Session) -> None:
    asked: list[tuple[Path, ...]] = []
    open_session.open_requested.connect(asked.append)
    open_session.set_recent((Path("/data/Doe_Jane"), Path("/data/b")))
    again = [action for action in window.actions_by_name() if action.name.startswith("Open again")]
    assert [action.name for action in again] == ["Open again: Doe_Jane", "Open again: b"]
    again[1].run()
    assert asked == [(Path("/data/b"),)]
    open_session.set_patient_hidden(True)
    assert not any(action.name.startswith("Open again") for action in window.actions_by_name())


@pytest.mark.parametrize(("button", "given"), [("Open", "secret"), ("Cancel", None)])
def test_password_is_asked_for_and_given(
    window: MainWindow, open_session: Session, qtbot: QtBot, button: str, given: str | None
) -> None:
    answers: list[object] = []
    open_session.password_given.connect(answers.append)
    open_session.password_wanted.emit("Doe.zip", False)
    (field,) = [line for line in window.findChildren(QLineEdit) if line.accessibleName() == "Password"]
    assert field.echoMode() is QLineEdit.EchoMode.Password
    qtbot.keyClicks(field, "secret")
    dialog = field.window()
    next(made for made in dialog.findChildren(QPushButton) if made.text() == button).click()
    assert answers == [given]
