"""Notice cards: newest first, dismissible, the same one once."""

import pytest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from viewer.session import Session
from viewer.ui import notices
from viewer.ui.notices import Notices


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Session, Notices]:
    session, window = Session(), QWidget()
    column = Notices(session)
    column.setParent(window)
    qtbot.addWidget(window)
    session.window = window  # type: ignore[attr-defined]  # keeps it for as long as the test
    window.resize(280, 900)
    column.resize(280, 600)
    return session, column


def titles(column: Notices) -> list[str]:
    return [card.title.text() for card in column.cards]


def test_without_notices_nothing_is_drawn(shown) -> None:
    assert shown[1].isHidden()


def test_the_newest_is_on_top(shown) -> None:
    session, column = shown
    session.notice("error", "First", "What, where, what to do.")
    session.notice("warning", "Second", "What, where, what to do.")
    assert titles(column) == ["Second", "First"]
    assert column.cards[1].property("role") == "error"


def test_the_same_notice_twice_is_one_card_moved_up(shown) -> None:
    session, column = shown
    for title in ("First", "Second", "First"):
        session.notice("error", title, "Text.")
    assert titles(column) == ["First", "Second"]


def test_a_card_is_dismissed(shown) -> None:
    session, column = shown
    session.notice("error", "First", "Text.")
    column.cards[0].close_button.click()
    assert column.cards == []
    assert column.isHidden()


def test_information_goes_by_itself_errors_stay(shown, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    session, column = shown
    monkeypatch.setattr(notices, "INFO_MS", 1)
    session.notice("error", "Stays", "Text.")
    session.notice("info", "Goes", "Text.")
    qtbot.waitUntil(lambda: titles(column) == ["Stays"], timeout=2000)


def test_a_flood_of_notices_is_bounded(shown) -> None:
    session, column = shown
    for number in range(notices.MOST_SHOWN + 5):
        session.notice("error", f"Number {number}", "Text.")
    assert len(column.cards) == notices.MOST_SHOWN
    assert titles(column)[0] == f"Number {notices.MOST_SHOWN + 4}"


def test_text_is_never_read_as_markup(shown) -> None:
    session, column = shown
    session.notice("error", "<b>File</b>", "<img src=x>")
    assert column.cards[0].title.text() == "<b>File</b>"
    assert column.cards[0].text.textFormat().name == "PlainText"


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_a_card_is_not_cut_by_a_line(qtbot: QtBot) -> None:
    session, window = Session(), QWidget()
    column = Notices(session)
    layout = QVBoxLayout(window)
    layout.addStretch(1)
    layout.addWidget(column)
    qtbot.addWidget(window)
    window.resize(300, 900)
    window.show()
    for words in range(3, 40):  # one of these lengths breaks just before or behind the scroll bar's width
        session.notice("warning", "A title " * (words // 8 + 1), "word " * words)
        qtbot.waitUntil(lambda: column.cards[0].height() > 0)
        QApplication.processEvents()
        card = column.cards[0]
        assert card.heightForWidth(card.width()) <= column.height()
        card.dismissed.emit()
