"""The Measure tab and the guides: what they list, and what they ask for."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from viewer.bindings import Bindings
from viewer.dicom.volume import Volume
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.measure import Kind, Measure, Share, SlicePlane
from viewer.measures.tracker import Draft
from viewer.measuring import Drawing
from viewer.preferences import Preferences
from viewer.session import Findings, Session, Tool
from viewer.ui import theme
from viewer.ui.desk import AnnotationDesk
from viewer.ui.keys import BINDABLE
from viewer.ui.main_window import RightColumn
from viewer.ui.measures import MeasuresPanel
from viewer.ui.strip import SliceStrip

PLANE = SlicePlane("1.2.3.3")
LENGTH = Measure("l", Kind.LENGTH, PLANE, ((10, 10), (40, 50)))
BOX = Measure("r", Kind.RECTANGLE, SlicePlane("1.2.3.1"), ((10, 10), (20, 30)))
AXES = ((40, 25), (50, 25), (45, 20), (45, 30))
ABC = Measure("a", Kind.ABC2, PLANE, AXES, shares=(Share("1.2.3.2", 0, 0.5), Share("1.2.3.3", 0, 1.0)))


@pytest.fixture
def session(open_session: Session) -> Session:
    desk = AnnotationDesk(open_session, open_session)
    desk.open(open_session.document, (64, 64))
    return open_session


@pytest.fixture
def panel(qtbot: QtBot, session: Session) -> Iterator[MeasuresPanel]:
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(300, 800)
    made = MeasuresPanel(session)
    made.setParent(host)
    made.setGeometry(0, 0, 300, 800)
    host.show()
    yield made
    host.hide()


def put(session: Session, *measures: Measure, marks: tuple[Mark, ...] = ()) -> None:
    document = replace(session.document, measures=measures, marks=marks)
    session.measuring.revise_requested.emit(document, "measure")


def rows(panel: MeasuresPanel) -> list[str]:
    return [
        panel.list.item(row).text().replace("\N{NO-BREAK SPACE}", " ") for row in range(panel.list.count())
    ]


def test_measures_are_listed_slice_by_slice_with_unit_and_source(
    session: Session, panel: MeasuresPanel
) -> None:
    assert panel.list.isHidden()
    put(session, LENGTH, BOX)
    assert rows(panel) == ["Rectangle · im 2 · 200.0 mm² · 10.0 ± 0.0 HU", "Length · im 4 · 50.0 mm"]
    assert panel.heading.text() == "MEASURES · 2"


def test_a_click_goes_to_the_slice_and_shows_everything_measured(
    session: Session, panel: MeasuresPanel
) -> None:
    put(session, LENGTH, BOX)
    panel.list.itemClicked.emit(panel.list.item(0))
    assert (session.slice_index, session.measuring.selection) == (1, "r")
    assert panel.details.text().replace("\N{NO-BREAK SPACE}", " ").splitlines() == [
        "Rectangle, im 2", "area 200.0 mm²", "mean 10.0 HU", "SD 0.0 HU", "min 10 HU", "max 10 HU", "pixels 200",
        "perimeter 60.0 mm",
    ]  # fmt: skip
    assert panel.histogram.statistics is not None
    assert panel.histogram.statistics.histogram.counts == (200,)
    assert panel.histogram.grab().toImage().width() > 0


def test_a_name_and_a_deletion_are_steps_that_undo_takes_back(
    qtbot: QtBot, session: Session, panel: MeasuresPanel
) -> None:
    put(session, LENGTH)
    session.measuring.set_selection("l")
    panel.label.setText("clot")
    panel.label.editingFinished.emit()
    assert rows(panel) == ["clot · im 4 · 50.0 mm"]
    panel.delete.click()
    assert session.document.measures == ()
    session.undo_requested.emit()
    session.undo_requested.emit()
    assert session.document.measures == (LENGTH,)


def test_copied_text_has_numbers_units_and_slices_but_no_patient(
    session: Session, panel: MeasuresPanel
) -> None:
    put(session, LENGTH)
    panel.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "Length: 50.0\N{NO-BREAK SPACE}mm; image 4 (z +15.0 mm)." in copied
    assert "Research use only" in copied
    assert "Doe" not in copied
    assert "ANON" not in copied


def test_the_weights_of_abc2_can_be_changed_afterwards(
    session: Session, panel: MeasuresPanel, make_findings: Callable[..., Findings]
) -> None:
    assert session.volume is not None
    session.set_findings(make_findings(session.volume, (2, 3)))
    put(session, ABC)
    session.measuring.set_selection("a")
    shown = panel.details.text().replace("\N{NO-BREAK SPACE}", " ").splitlines()
    # 10 mm × 10 mm × (½ + 1) × 5 mm ÷ 2; the mask has 100 px of 1 mm² in two slices of 5 mm
    assert shown[1:5] == ["volume 0.38 mL", "A 10.0 mm", "B 10.0 mm", "C 7.5 mm"]
    assert "Segmented: AI SDH 1.0 mL" in shown
    panel.shares.above.click()
    assert [share.weight for share in session.document.measures[0].shares] == [0.5, 1.0, 0.5]
    assert session.document.measures[0].shares[2].sop_uid == "1.2.3.4"


@pytest.mark.parametrize("tool", [Tool.ABC2, Tool.MIDLINE])
def test_the_guides_cite_their_definition(session: Session, panel: MeasuresPanel, tool: Tool) -> None:
    assert panel.guide.isHidden()
    session.set_tool(tool)
    assert not panel.guide.isHidden()
    assert panel.guide.title.text().endswith("step 1 of 3")
    tip = panel.guide.title.toolTip()
    if tool is Tool.ABC2:
        assert "Kothari" in tip
        assert "25 to 75 %" in tip
    else:
        assert "septum pellucidum" in tip
        assert "foramen of Monro" in tip


def test_the_guide_goes_to_the_slice_with_most_blood(
    session: Session, panel: MeasuresPanel, make_findings: Callable[..., Findings]
) -> None:
    assert session.volume is not None
    findings = make_findings(session.volume, (2, 4))
    findings.masks[4, 0:5, 0:5] = 2
    session.set_tool(Tool.ABC2)
    assert panel.guide.most.isHidden()
    session.set_findings(findings)
    assert not panel.guide.most.isHidden()
    panel.guide.most.click()
    assert session.slice_index == 4


def test_the_third_step_of_abc2_weighs_slices(session: Session, panel: MeasuresPanel) -> None:
    asked: list[tuple[Share, ...]] = []
    session.measuring.weigh_requested.connect(asked.append)
    session.set_tool(Tool.ABC2)
    shares = (Share("1.2.3.2", 0, 0.5), Share("1.2.3.3", 0, 1.0))
    session.measuring.set_drawing(Drawing(Draft(Kind.ABC2, PLANE, AXES, shares=shares)))
    assert panel.guide.title.text() == "ABC/2 · step 3 of 3"
    assert panel.guide.result.text().startswith("0.38")
    panel.guide.shares.below.click()
    assert asked == [(Share("1.2.3.1", 0, 0.5), *shares)]


def test_marks_are_listed_visited_and_noted(session: Session, panel: MeasuresPanel) -> None:
    key, bookmark = Mark(MarkKind.KEY_IMAGE, "1.2.3.4"), Mark(MarkKind.BOOKMARK, "1.2.3.1", note="look again")
    put(session, marks=(key, bookmark))
    shown = [panel.marks.item(row).text() for row in range(panel.marks.count())]
    assert shown == ["Bookmark · im 2 · look again", "★ Key image · im 5"]
    panel.marks.itemClicked.emit(panel.marks.item(1))
    assert session.slice_index == 4
    assert panel.key_image.text() == "✓ Key image 5"
    panel.note.setText("thickest")
    panel.note.editingFinished.emit()
    assert session.document.marks == (replace(key, note="thickest"), bookmark)
    panel.key_image.click()
    assert session.document.marks == (bookmark,)


def test_every_control_has_a_name(panel: MeasuresPanel) -> None:
    for made in panel.tools.values():
        assert made.accessibleName()
        assert made.toolTip()
    assert panel.label.accessibleName()
    assert all(label.textFormat() is not None for label in panel.findChildren(QLabel))


def test_the_strip_shows_key_images_and_bookmarks(qtbot: QtBot, session: Session) -> None:
    strip = SliceStrip(session)
    qtbot.addWidget(strip)
    strip.resize(strip.width(), 300)
    put(session, marks=(Mark(MarkKind.KEY_IMAGE, "1.2.3.4"), Mark(MarkKind.BOOKMARK, "1.2.3.1")))
    image = strip.grab().toImage()
    key, bookmark = strip.cell(4).center().y(), strip.cell(1).center().y()
    assert QColor(image.pixel(1, key)).name() == theme.AMBER
    assert QColor(image.pixel(image.width() - 2, bookmark)).name() == theme.ACCENT
    assert QColor(image.pixel(1, bookmark)).name() != theme.AMBER
    assert strip._describe(4) == "Slice 5, key image"


def test_a_measure_of_a_slice_that_is_gone_is_listed_as_such(
    session: Session, panel: MeasuresPanel, make_volume: Callable[..., Volume]
) -> None:
    put(session, replace(LENGTH, plane=SlicePlane("9.9")))
    assert rows(panel) == ["Length · gone · not measured !"]
    assert np.all(session.volume.loaded) if session.volume else False


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of every window
def test_a_guided_tool_brings_its_panel_to_the_front(qtbot: QtBot, session: Session) -> None:
    column = RightColumn(session)
    qtbot.addWidget(column)
    for tool, tab in ((Tool.LENGTH, 0), (Tool.MIDLINE, 2)):
        session.set_tool(tool)
        assert column.stack.currentIndex() == tab
    column.show_tab(0)
    session.set_tool(Tool.ABC2)
    assert column.stack.currentWidget() is column.measures


def test_buttons_tell_the_keys_that_are_bound_to_them(panel: MeasuresPanel, session: Session) -> None:
    session.bound.add(BINDABLE)
    assert panel.tools[Tool.LENGTH].toolTip() == "Length (D)"
    assert panel.tools[Tool.ABC2].toolTip().endswith("<p>Shift+V</p>")
    assert panel.key_image.toolTip().endswith("(K)")
    keys: dict[str, tuple[str, ...]] = {"measure_length": ("F7",), "key_image": (), "measure_abc2": ()}
    session.set_preferences(Preferences(Bindings(keys=keys)))
    assert panel.tools[Tool.LENGTH].toolTip() == "Length (F7)"
    assert "Shift+V" not in panel.tools[Tool.ABC2].toolTip()
    assert panel.key_image.toolTip() == "Mark this image for the report, or take the mark back"
