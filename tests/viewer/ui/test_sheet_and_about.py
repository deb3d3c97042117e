"""The sheet of keys and the about box: what they say is what is bound, installed and true."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

import viewer
from viewer.bindings import Bindings
from viewer.imaging.windows import Window
from viewer.licences import Component
from viewer.preferences import Preferences
from viewer.resources import assets_dir
from viewer.session import Notice, Session
from viewer.ui.about import NO_CARD, READING, AboutDialog, model_card
from viewer.ui.main_window import MainWindow
from viewer.ui.preferences import PreferencesDialog
from viewer.ui.reading import ReadingArea
from viewer.ui.sheet import Sheet, sections, spoken

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def window(open_session: Session, qtbot: QtBot) -> MainWindow:
    reading = ReadingArea(open_session)
    made = MainWindow(open_session, reading, reading.commands.values())
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made


def rows(session: Session) -> dict[str, str]:
    return {means: keys for _, part in sections(session) for keys, means in part}


@pytest.mark.parametrize(
    ("keys", "said"),
    [("Shift+Up", "Shift+↑"), ("Ctrl++", "Ctrl++"), ("+", "+"), ("F", "F"), ("PgDown", "Page ↓")],
)
def test_keys_are_said_as_they_are_printed(keys: str, said: str) -> None:
    assert spoken(keys) == said


def test_the_sheet_says_what_is_bound_now(window: MainWindow) -> None:
    session = window.session
    assert rows(session)["Invert grey scale (read)"] == "I"
    assert rows(session)["Find any action by name"] == "Ctrl+K"
    session.set_preferences(Preferences(Bindings("weasis", {"palette": ("F2",)}, {"annotate.wheel": "zoom"})))
    assert "Invert grey scale (read)" not in rows(session)
    assert rows(session)["Crosshair tool (read)"] == "H"
    assert rows(session)["Find any action by name"] == "F2"
    mouse = dict(sections(session))
    assert ("Level drag", "Up brightens") in mouse["Mouse"]
    assert mouse["Mouse while annotating"] == (("Wheel", "Zoom"),)


def test_every_key_of_the_window_is_on_the_sheet(window: MainWindow) -> None:
    bound = window.session.bound
    keyed = {command.text for command in bound.commands if bound.keys(command.id)}
    said = {means.removesuffix(" (read)").removesuffix(" (annotate)") for means in rows(window.session)}
    assert len(keyed) > 80
    assert keyed <= said


def test_question_mark_opens_the_sheet_which_leads_to_the_preferences(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window.centre.viewports[0], Qt.Key.Key_Question)  # type: ignore[attr-defined]
    sheet = window.findChild(Sheet)
    assert sheet is not None
    sheet.search.setText("midline")
    shown = {label.text() for label in sheet._scroll.widget().findChildren(QLabel)}
    assert {"Shift+M", "Midline shift (read)"} <= shown
    assert "Undo" not in shown
    sheet.change.click()
    assert window.findChild(PreferencesDialog) is not None


def test_the_about_box_says_version_purpose_and_licences(window: MainWindow) -> None:
    session = window.session
    asked: list[bool] = []
    session.licences_requested.connect(lambda: asked.append(True))
    made = AboutDialog(window, session)
    said = " ".join(label.text() for label in made.findChildren(QLabel))
    assert f"Pterion {viewer.__version__}" in said
    assert "Research use only" in said
    assert asked == [True]
    assert made.text.toPlainText() == READING
    session.set_licences(
        (Component("One", "1", "MIT", "first"), Component("Two", "2", "BSD", "second words"))
    )
    assert made.list.count() == 2
    made.list.setCurrentRow(1)
    assert made.text.toPlainText() == "BSD\n\nsecond words"
    assert all(each.accessibleName() for each in (made.list, made.text, made.card))


def test_the_about_box_shows_the_card_of_the_model(window: MainWindow) -> None:
    (bundled,) = (path for path in (assets_dir() / "models").iterdir() if path.is_dir())
    window.session.set_model(bundled.name)
    made = AboutDialog(window, window.session)
    made.show_card.click()
    assert made.stack.currentWidget() is made.card
    first = (bundled / "card.md").read_text("utf-8").splitlines()[0].lstrip("# ")
    assert first in made.card.toPlainText()


@pytest.mark.parametrize("model_id", ["", "no-such", "../..", "..", "a/b"])
def test_a_model_without_a_card_is_said_to_have_none(window: MainWindow, model_id: str) -> None:
    assert model_card(model_id) == ""
    window.session.set_model(model_id)
    assert AboutDialog(window, window.session).card.toPlainText() == NO_CARD


def test_a_users_own_model_brings_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTERION_DATA", str(tmp_path))
    (tmp_path / "models" / "mine-1").mkdir(parents=True)
    (tmp_path / "models" / "mine-1" / "card.md").write_text("# Mine", "utf-8")
    assert model_card("mine-1") == "# Mine"


def test_diagnostics_are_asked_for_and_the_answer_is_seen(window: MainWindow) -> None:
    session = window.session
    asked: list[bool] = []
    session.diagnostics_requested.connect(lambda: asked.append(True))
    made = AboutDialog(window, session)
    made.diagnostics.click()
    session.noticed.emit(Notice("info", "Diagnostics copied", ""))
    assert asked == [True]
    assert made.copied.text() == "Diagnostics copied"


def test_every_action_of_the_window_can_be_bound_and_found(window: MainWindow) -> None:
    """What has no id comes and goes: a file, a version of the model."""
    actions = window.actions_by_name()
    ids = [action.id for action in actions if action.id]
    assert len(set(ids)) == len(ids)
    assert {command.id for command in window.session.bound.commands} == set(ids)
    assert [action.name for action in actions if not action.id] == []


def test_what_only_menus_had_is_found_by_name(window: MainWindow) -> None:
    session = window.session
    session.set_own_windows((Window("Sinus", 4000, 400),))
    actions = {action.name: action for action in window.actions_by_name()}
    actions["Window Sinus"].run()
    assert session.windows[session.active_view].width == 4000
    actions["Forget the window Sinus"].run()
    assert session.own_windows == ()
    assert "Keep this window as my own…" in actions


def test_menus_and_hints_say_the_bound_keys(window: MainWindow) -> None:
    session = window.session
    session.set_preferences(
        Preferences(Bindings(keys={"window_2": ("F5",), "open_folder": ("F6",), "window_0": ()}))
    )
    menu = window.centre.window_menu  # type: ignore[attr-defined]
    menu.fill()
    texts = [action.text() for action in menu.actions()]
    assert "Brain · W 80 L 40\tF5" in texts
    assert "Automatic" in texts
    assert "(F6)" in window.centre.empty.text.text()  # type: ignore[attr-defined]
    assert window.top_bar.presets[2].toolTip() == "Brain: W 80 L 40 (F5)"
