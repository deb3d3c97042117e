"""Measuring on a prior beside the open series: measures belong to the series they are drawn on."""

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.annotation.document import Document
from viewer.annotation.events import Edit
from viewer.dicom.series import Study
from viewer.dicom.volume import Volume
from viewer.imaging.layouts import COMPARE, Plane
from viewer.measures.measure import Kind, Measure, SlicePlane
from viewer.measures.readings import read
from viewer.session import Session, Tool
from viewer.ui.beside import BesideDesk
from viewer.ui.desk import AnnotationDesk
from viewer.ui.measures import MeasuresPanel
from viewer.ui.measuring import ELSEWHERE
from viewer.ui.reading import ReadingArea

Mouse = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("test_measuring.py")))).Mouse
NOW, PRIOR = ("1.2", "1.2.3"), ("9.9", "9.9.1")


@pytest.fixture
def prior(make_volume: Callable[..., Volume]) -> Volume:
    """A year before: pixels twice as wide as high, every one of 55 HU."""
    made = make_volume(count=6, shape=(64, 64), spacing_mm=(1.0, 2.0), series_uid="9.9.1")
    made.hu[:] = 55
    return replace(made, series=replace(made.series, study_uid="9.9", frame_of_reference_uid="F9"))


@pytest.fixture
def kept(session: Session, make_volume: Callable[..., Volume], prior: Volume) -> list[Edit]:
    """Compare: the open series and its prior, each with a desk; edits as they are handed on to be kept."""
    edits: list[Edit] = []
    desk = AnnotationDesk(session, session)
    beside = BesideDesk(session, desk, session)
    for each in (desk, beside):
        each.edited.connect(edits.append)
    now = make_volume()
    about = {"sex": "", "age": "", "time": "", "description": "", "patient_name": "A", "patient_id": "1"}
    studies = (
        Study(study_uid="1.2", date="20260102", series=(now.series,), **about),
        Study(study_uid="9.9", date="20250101", series=(prior.series,), **about),
    )
    session.set_studies(studies)
    session.set_study(studies[0])
    session.set_prior(studies[1])
    session.set_volume(now)
    desk.open(Document(*NOW), now.hu.shape[1:])  # type: ignore[arg-type]
    session.panes.set_layout(COMPARE)
    session.panes.show_series(1, PRIOR)
    session.panes.add_volume(prior)
    beside.open(Document(*PRIOR))
    session.set_slice_index(3)
    return edits


@pytest.fixture
def area(qtbot: QtBot, session: Session, kept: list[Edit]) -> ReadingArea:
    widget = ReadingArea(session)
    qtbot.addWidget(widget)
    widget.resize(1200, 700)
    widget.show()
    widget.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is widget.viewports[0])
    return widget


def rows(panel: MeasuresPanel) -> list[str]:
    return [panel.list.item(row).text() for row in range(panel.list.count())]


def test_a_measure_belongs_to_the_series_it_is_drawn_on(
    area: ReadingArea, session: Session, prior: Volume, kept: list[Edit]
) -> None:
    """20 columns of 2 mm on the prior are 40 mm; on the open series, of 1 mm, they are 20."""
    session.set_tool(Tool.LENGTH)
    Mouse(area, 1).drag((10, 30), (30, 30))
    Mouse(area, 0).drag((10, 30), (30, 30))
    (of_prior,), (of_now,) = session.beside[PRIOR].measures, session.document.measures
    assert read(of_prior, prior).values[0].number == pytest.approx(40)
    assert read(of_now, session.volume).values[0].number == pytest.approx(20)  # type: ignore[arg-type]
    assert isinstance(of_prior.plane, SlicePlane)
    assert of_prior.plane.sop_uid.startswith("9.9.1.")
    assert [edit.document.key for edit in kept] == [PRIOR, NOW]


@pytest.mark.parametrize("tool", [Tool.ELLIPSE, Tool.RECTANGLE])
def test_statistics_of_a_region_are_of_the_pixels_of_its_series(
    area: ReadingArea, session: Session, prior: Volume, tool: Tool
) -> None:
    rng = np.random.default_rng(3)
    prior.hu[:] = rng.integers(0, 90, prior.hu.shape)
    session.set_tool(tool)
    Mouse(area, 1).drag((10, 20), (30, 40))
    (measure,) = session.beside[PRIOR].measures
    reading = read(measure, prior)
    assert reading.statistics is not None
    index = reading.slice_index
    assert index == session.panes.panes[1].stop
    row, column = np.mgrid[:64, :64] + 0.5
    inside = (np.abs(column - 20) <= 10) & (np.abs(row - 30) <= 10)
    if tool is Tool.ELLIPSE:
        inside = ((column - 20) / 10) ** 2 + ((row - 30) / 10) ** 2 <= 1
    hu = prior.hu[index][inside]  # type: ignore[index]
    assert reading.statistics.mean == pytest.approx(hu.mean(), abs=0.5)
    assert (reading.statistics.minimum, reading.statistics.maximum) == (hu.min(), hu.max())


def test_undo_goes_to_the_series_that_was_changed_last(area: ReadingArea, session: Session) -> None:
    session.set_tool(Tool.LENGTH)
    prior, now = Mouse(area, 1), Mouse(area, 0)
    counts = lambda: (len(session.document.measures), len(session.beside[PRIOR].measures))  # noqa: E731
    for row, hand in ((10, now), (10, prior), (40, now)):
        hand.drag((10, row), (40, row))
    assert counts() == (2, 1)
    seen = []
    for _ in range(4):
        session.undo_requested.emit()
        seen.append(counts())
    assert seen == [(1, 1), (1, 0), (0, 0), (0, 0)]
    seen.clear()
    for _ in range(3):
        session.redo_requested.emit()
        seen.append(counts())
    assert seen == [(1, 0), (1, 1), (2, 1)]


def test_a_measure_is_dragged_selected_and_deleted_where_it_is(area: ReadingArea, session: Session) -> None:
    session.set_tool(Tool.LENGTH)
    hand = Mouse(area, 1)
    hand.drag((10, 30), (40, 30))
    session.set_tool(Tool.SCROLL)
    hand.move((40, 30), held=False)
    hand.drag((40, 30), (40, 50))
    (measure,) = session.beside[PRIOR].measures
    assert measure.points[1] == pytest.approx((40, 50), abs=0.3)
    assert session.measuring.selection == measure.uid
    assert area.interaction.measures.delete()
    assert session.beside[PRIOR].measures == ()
    assert session.document.measures == ()


def test_the_panel_lists_measures_under_their_series(
    qtbot: QtBot, area: ReadingArea, session: Session
) -> None:
    panel = MeasuresPanel(session)
    qtbot.addWidget(panel)
    session.set_tool(Tool.LENGTH)
    Mouse(area, 1).drag((10, 30), (30, 30))
    assert rows(panel) == ["Prior of 2025-01-01 · series 2", "Length · im 4 · 40.0\N{NO-BREAK SPACE}mm"]
    Mouse(area, 0).drag((10, 30), (30, 30))
    assert rows(panel)[0] == "Length · im 4 · 20.0\N{NO-BREAK SPACE}mm"
    assert panel.heading.text() == "MEASURES · 2"
    session.set_patient_hidden(True)
    assert rows(panel)[1] == "Prior · series 2"
    panel.copy_text()
    copied = QGuiApplication.clipboard().text()
    assert copied.index("20.0") < copied.index("Prior · series 2") < copied.index("40.0")
    session.panes.show_series(1, None)
    assert rows(panel) == ["Length · im 4 · 20.0\N{NO-BREAK SPACE}mm"]


def test_a_row_of_the_prior_scrolls_the_prior_and_names_it(
    qtbot: QtBot, area: ReadingArea, session: Session
) -> None:
    measure = Measure("m", Kind.LENGTH, SlicePlane("9.9.1.1"), ((1, 1), (5, 1)))
    panel = MeasuresPanel(session)
    qtbot.addWidget(panel)
    session.measuring.revise_requested.emit(Document(*PRIOR, measures=(measure,)), "measure length")
    panel._go(panel.list.item(1))
    assert session.panes.panes[1].stop == 1
    assert session.measuring.selection == "m"
    panel.label.setText("haematoma then")
    panel._rename()
    assert session.beside[PRIOR].measures[0].label == "haematoma then"


def test_a_draft_stays_on_its_series(area: ReadingArea, session: Session) -> None:
    """Coronal cuts of both at one depth are one plane in numbers; a click on the other does not go on there."""
    told: list[str] = []
    session.noticed.connect(lambda notice: told.append(notice.text))
    for number in (0, 1):
        session.panes.set_plane(number, Plane.CORONAL)
    session.set_tool(Tool.ANGLE)
    Mouse(area, 0).click((10, 4))
    Mouse(area, 1).click((20, 4))
    assert told == [ELSEWHERE]
    draft = session.measuring.drawing.draft
    assert draft is not None
    assert len(draft.points) == 1
    assert session.measuring.drawing.series == NOW


def test_a_series_that_becomes_the_open_one_is_not_beside_it_any_longer(
    area: ReadingArea, session: Session, prior: Volume
) -> None:
    session.set_tool(Tool.LENGTH)
    Mouse(area, 1).drag((10, 30), (30, 30))
    session.set_volume(prior)
    assert session.beside == {}
