"""The Tags tab: what it asks for, shows, finds and copies, and what it keeps from view."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from viewer.dicom.tags import TagRow
from viewer.session import Session, TagList
from viewer.ui.tags import TagsPanel

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

ROWS = (
    TagRow(0, "(0008,0018)", "UI", "SOP Instance UID", "1.2.3.0"),
    TagRow(0, "(0008,0060)", "CS", "Modality", "CT"),
    TagRow(0, "(0010,0010)", "PN", "Patient's Name", "Doe^Jane"),
    TagRow(0, "(0028,0010)", "US", "Rows", "512"),
    TagRow(0, "(0028,0030)", "DS", "Pixel Spacing", "0.5\\0.25"),
)


@pytest.fixture
def panel(open_session: Session, qtbot: QtBot) -> Iterator[TagsPanel]:
    panel = TagsPanel(open_session)
    panel.resize(300, 400)
    asked: list[int] = []
    panel.asked = asked  # type: ignore[attr-defined]
    open_session.tags_requested.connect(asked.append)
    with qtbot.waitExposed(panel):
        panel.show()
    yield panel
    panel.close()


def names(panel: TagsPanel) -> list[str]:
    return [panel.model.row_at(panel.model.index(row)).name for row in range(panel.model.rowCount())]


def give(session: Session, index: int = 0) -> None:
    session.set_tags(TagList(f"1.2.3.{index}", 0, ROWS))


def test_panel_asks_for_the_slice_on_screen_when_it_comes_up(panel: TagsPanel) -> None:
    assert panel.asked == [0]  # type: ignore[attr-defined]


def test_panel_asks_again_where_scrolling_stops(
    panel: TagsPanel, open_session: Session, qtbot: QtBot
) -> None:
    give(open_session)
    open_session.set_slice_index(3)
    open_session.set_slice_index(4)
    qtbot.waitUntil(lambda: len(panel.asked) > 1)  # type: ignore[attr-defined]
    assert panel.asked == [0, 4]  # type: ignore[attr-defined]


def test_hidden_panel_asks_for_nothing(panel: TagsPanel, open_session: Session, qtbot: QtBot) -> None:
    panel.hide()
    with qtbot.assertNotEmitted(open_session.tags_requested, wait=200):
        open_session.set_slice_index(4)


def test_tags_are_listed_and_counted(panel: TagsPanel, open_session: Session) -> None:
    give(open_session)
    assert names(panel) == [row.name for row in ROWS]
    assert panel.count.text() == "5 elements"
    assert panel.list.isVisible()
    assert not panel.empty.isVisible()


def test_typing_finds(panel: TagsPanel, open_session: Session, qtbot: QtBot) -> None:
    give(open_session)
    qtbot.keyClicks(panel.search, "0028")
    assert names(panel) == ["Rows", "Pixel Spacing"]
    assert panel.count.text() == "2 of 5"
    qtbot.keyClicks(panel.search, " nothing")
    assert panel.empty.text() == "No element matches."
    panel.search.clear()
    assert len(names(panel)) == 5


def test_search_stays_from_slice_to_slice(panel: TagsPanel, open_session: Session) -> None:
    give(open_session)
    panel.search.setText("rows")
    give(open_session, 1)
    assert names(panel) == ["Rows"]


def test_one_element_is_copied_as_its_value(panel: TagsPanel, open_session: Session, qtbot: QtBot) -> None:
    give(open_session)
    panel.list.setFocus()
    panel.list.setCurrentIndex(panel.model.index(4))
    qtbot.keyClick(panel.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    panel.copy_selected()
    assert QGuiApplication.clipboard().text() == "0.5\\0.25"


def test_all_that_is_shown_is_copied_as_lines(panel: TagsPanel, open_session: Session) -> None:
    give(open_session)
    panel.search.setText("0028")
    panel.copy.click()
    assert QGuiApplication.clipboard().text().splitlines() == [
        "(0028,0010) US Rows = 512",
        "(0028,0030) DS Pixel Spacing = 0.5\\0.25",
    ]


def test_error_is_said_in_place_of_the_list(panel: TagsPanel, open_session: Session) -> None:
    open_session.set_tags(TagList("1.2.3.0", 0, error="IM0000 cannot be read. Copy it again."))
    assert panel.empty.text() == "IM0000 cannot be read. Copy it again."
    assert not panel.list.isVisible()


def test_hidden_patient_is_neither_listed_nor_found_nor_copied(
    panel: TagsPanel, open_session: Session
) -> None:
    give(open_session)
    open_session.set_patient_hidden(True)
    values = [panel.model.row_at(panel.model.index(row)).value for row in range(panel.model.rowCount())]
    assert values == ["hidden", "CT", "hidden", "512", "0.5\\0.25"]
    panel.search.setText("doe")
    assert names(panel) == []
    panel.search.setText("patient's")
    panel.copy.click()
    assert "Doe" not in QGuiApplication.clipboard().text()
    open_session.set_patient_hidden(False)
    panel.search.setText("doe")
    assert names(panel) == ["Patient's Name"]


def test_closing_the_series_empties_the_panel(panel: TagsPanel, open_session: Session, qtbot: QtBot) -> None:
    give(open_session)
    open_session.set_volume(None)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 0)
    assert panel.empty.text().startswith("Open a series")


def test_list_is_painted(panel: TagsPanel, open_session: Session) -> None:
    give(open_session)
    image = panel.grab().toImage()
    colours = {image.pixel(x, y) for x in range(0, 300, 3) for y in range(60, 200, 3)}
    assert len(colours) > 10
