"""The command palette: what a query finds, arrows and Enter."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from viewer.bindings import Bindable, Bindings
from viewer.preferences import Preferences
from viewer.session import Session
from viewer.ui import fuzzy
from viewer.ui.palette import MOST_RECENT, Action, Palette, matches


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


@pytest.mark.parametrize(
    ("query", "better", "worse"),
    [
        ("lay", "Layout Read", "Play cine"),  # the start of the name before its middle
        ("wb", "Window bone", "Show bookmark"),  # starts of words before letters inside them
        ("inv", "Invert grey scale", "Show findings by volume"),  # in a row before scattered
        ("undo", "Undo", "Unlink windows and zoom"),
        ("wind", "Window bone", "Window and measures as DICOM presentation"),  # more of the name
    ],
)
def test_what_is_meant_comes_before_what_only_has_the_letters(query: str, better: str, worse: str) -> None:
    found = matches(query, tuple(Action(name, "", nothing) for name in (worse, better)))
    assert found[0].name == better


@pytest.mark.parametrize("slip", ["ivnert", "invret", "invet", "innvert"])
def test_a_slip_of_the_keyboard_is_forgiven(slip: str) -> None:
    actions = (*ACTIONS, Action("Invert grey scale", "", nothing))
    assert [action.name for action in matches(slip, actions)] == ["Invert grey scale"]


@given(st.text("abcdef ", max_size=8), st.text("abcdef ", max_size=14))
def test_letters_in_order_are_found_and_no_others(query: str, name: str) -> None:
    def holds(word: str) -> bool:
        letters = iter(name)
        return all(letter in letters for letter in word)

    assert (fuzzy.score(query, name) is not None) == all(map(holds, query.split()))


def test_what_was_done_lately_comes_first_among_equals() -> None:
    actions = tuple(Action(name, "", nothing, id=name) for name in ("Open one", "Open two", "Undo"))
    assert [action.id for action in matches("", actions, ("Undo", "Open two"))] == [
        "Undo",
        "Open two",
        "Open one",
    ]
    assert matches("open", actions, ("Open two",))[0].id == "Open two"
    assert matches("one", actions, ("Open two",))[0].id == "Open one"


def test_the_palette_shows_bound_keys_and_remembers(qtbot: QtBot, session: Session) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    actions = tuple(Action(f"Do {n}", "Ctrl+F1", nothing, id=f"do_{n}") for n in range(MOST_RECENT + 3))
    session.bound.add(Bindable(each.id, each.name, ()) for each in actions)
    session.set_preferences(Preferences(Bindings(keys={"do_3": ("F7",)})))
    made = Palette(window, lambda: actions, session)
    made.popup()
    said = [made.list.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(made.list.count())]
    assert said[2:4] == ["Do 2", "Do 3 F7"]
    for row in (*range(MOST_RECENT + 2), 0):
        made.popup()
        made.list.setCurrentRow(made._shown.index(actions[row]))
        made._run()
    assert session.recent_actions[:2] == ("do_0", f"do_{MOST_RECENT + 1}")
    assert len(session.recent_actions) == MOST_RECENT
    made.popup()
    assert made._shown[0].id == "do_0"


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
