"""The command palette: what a query finds, arrows and Enter."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from viewer.ui.palette import Action, Palette, matches


def nothing() -> None:
    pass


NAMES = ("Open a folder…", "Open files…", "Window bone", "Show findings", "Undo", "Redo")
ACTIONS = tuple(Action(name, "", nothing) for name in NAMES)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("", "Open a folder…"),
        ("undo", "Undo"),
        ("bone", "Window bone"),
        ("wi bo", "Window bone"),
        ("fold", "Open a folder…"),
        ("shfnd", "Show findings"),
    ],
)
def test_best_match_first(query: str, first: str) -> None:
    assert matches(query, ACTIONS)[0].name == first


def test_nothing_matches_nonsense() -> None:
    assert matches("xyzzy", ACTIONS) == ()


@pytest.fixture
def popup(qtbot: QtBot) -> Callable[[tuple[Action, ...]], Palette]:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 600)
    window.show()

    def make(actions: tuple[Action, ...]) -> Palette:
        made = Palette(window, lambda: actions)
        made.popup()
        return made

    return make


def test_enter_runs_the_selected_action_and_closes(qtbot: QtBot, popup) -> None:
    ran: list[str] = []
    made = popup(tuple(Action(name, "", lambda name=name: ran.append(name)) for name in NAMES))
    qtbot.keyClicks(made.line, "open")
    qtbot.keyClick(made.line, Qt.Key.Key_Down)
    qtbot.keyClick(made.line, Qt.Key.Key_Return)
    assert ran == ["Open files…"]
    assert not made.isVisible()


def test_arrows_go_round(qtbot: QtBot, popup) -> None:
    made = popup(ACTIONS)
    qtbot.keyClick(made.line, Qt.Key.Key_Up)
    assert made.list.currentRow() == len(ACTIONS) - 1
    qtbot.keyClick(made.line, Qt.Key.Key_Down)
    assert made.list.currentRow() == 0


def test_what_cannot_be_done_now_is_not_offered(popup) -> None:
    made = popup((Action("Never", "", nothing, lambda: False), Action("Always", "Ctrl+A", nothing)))
    assert made.list.count() == 1


def test_nothing_found_is_said(qtbot: QtBot, popup) -> None:
    made = popup(ACTIONS)
    qtbot.keyClicks(made.line, "xyzzy")
    assert not made.nothing.isHidden()
    qtbot.keyClick(made.line, Qt.Key.Key_Return)
    assert not made.isVisible()
