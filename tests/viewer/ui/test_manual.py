"""The user guide: every page is there, links lead to pages, nothing outside is opened."""

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from viewer.resources import asset
from viewer.ui.manual import PAGES, Manual


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    parent = QWidget()
    parent.resize(1200, 900)
    qtbot.addWidget(parent)
    return parent


@pytest.fixture
def manual(window: QWidget) -> Manual:
    return Manual(window)


def test_the_list_names_every_page_that_is_shipped() -> None:
    assert {name for name, _ in PAGES} == {path.name for path in asset("docs").glob("*.md")}


@pytest.mark.parametrize("name", [name for name, _ in PAGES])
def test_a_page_opens_and_its_links_lead_to_pages(manual: Manual, name: str) -> None:
    manual.show_page(name)
    assert manual.page.toPlainText().splitlines()[0] == _title(asset("docs") / name)
    assert manual.list.currentItem().text() == dict(PAGES)[name]
    links = re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", (asset("docs") / name).read_text("utf-8"))
    assert all(target in dict(PAGES) for target, _ in links)


def test_links_are_followed_and_back_leads_back(manual: Manual) -> None:
    manual.page.anchorClicked.emit(QUrl("reading.md"))
    assert manual.page.source().fileName() == "reading.md"
    manual.page.anchorClicked.emit(QUrl("https://example.org/keys.html"))
    assert manual.page.source().fileName() == "reading.md"
    manual.page.backward()
    assert manual.list.currentItem().text() == "Pterion"


def _title(path: Path) -> str:
    return next(line for line in path.read_text("utf-8").splitlines() if line.startswith("# "))[2:]
