"""The slice strip as a widget."""

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from model.labels import BY_CODE
from viewer.annotation.document import Annotation, Document
from viewer.dicom.volume import Volume
from viewer.library.work import Progress, Status
from viewer.session import Findings, Session
from viewer.ui.strip import TICK, SliceStrip
from viewer.working import Work


@pytest.fixture
def strip(qtbot: QtBot, open_session: Session) -> SliceStrip:
    widget = SliceStrip(open_session)
    qtbot.addWidget(widget)
    widget.resize(widget.width(), 120)  # six slices of 20 px
    widget.show()
    return widget


def colour(strip: SliceStrip, y: int, x: int = TICK + 5) -> str:
    return QColor(strip.grab().toImage().pixel(x, y)).name()


def test_click_and_drag_go_to_the_slice(qtbot: QtBot, strip: SliceStrip, open_session: Session) -> None:
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(10, 50))
    assert open_session.slice_index == 2
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(10, 110))
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(10, 119))
    assert open_session.slice_index == 5


def test_the_cell_of_each_slice(strip: SliceStrip) -> None:
    assert [strip.cell(i).top() for i in range(6)] == [0, 20, 40, 60, 80, 100]


def test_suspected_slices_take_the_subtypes_colour(
    strip: SliceStrip, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    dark = colour(strip, 50)
    open_session.set_findings(make_findings(open_session.volume, (2,)))
    shown, wanted = QColor(colour(strip, 50)), QColor(BY_CODE["SDH"].colour)
    assert abs(shown.blue() - wanted.blue()) < 12
    assert colour(strip, 70) == dark


def test_pending_and_failed_slices_differ(strip: SliceStrip, open_session: Session) -> None:
    assert open_session.volume is not None
    open_session.volume.loaded[3] = False
    open_session.volume.loaded[4], open_session.volume.failed[4] = False, True
    open_session.mark_slice_loaded(4, "ends early")
    assert len({colour(strip, y) for y in (50, 70, 90)}) == 3


def test_annotated_slices_are_ticked(strip: SliceStrip, open_session: Session) -> None:
    assert strip.annotated() == []
    outline = ((1, 1), (9, 1), (9, 9))
    open_session.set_document(Document("1.2", "1.2.3", (Annotation("a", "1.2.3.3", 0, "SDH", outline),)))
    assert strip.annotated() == [3]
    assert colour(strip, strip.cell(3).center().y(), 1) != "#000000"
    assert colour(strip, strip.cell(2).center().y(), 1) == "#000000"


def test_reviewed_slices_are_ticked_in_green(strip: SliceStrip, open_session: Session) -> None:
    open_session.set_document(Document("1.2", "1.2.3", reviewed_slices=frozenset({"1.2.3.4"})))
    assert strip.reviewed() == [4]
    tick = QColor(colour(strip, strip.cell(4).center().y(), 1))
    assert tick.green() > tick.red()


def test_what_was_noted_of_a_slice_stands_beside_it_and_in_its_words(
    qtbot: QtBot, strip: SliceStrip, open_session: Session
) -> None:
    noted = [
        ("1.2.3.1", Status.FLAGGED, "motion"),
        ("1.2.3.2", Status.DONE, ""),
        ("1.2.3.5", Status.CLEAN, ""),
    ]
    progress = tuple(Progress(sop, 0, status, words, "R", "") for sop, status, words in noted)
    whole = Progress("", 0, Status.DONE, "", "R", "")
    open_session.working.set_work(Work("R", progress=(*progress, whole)))
    assert sorted(strip.noted()) == [1, 2]
    red, green = (QColor(colour(strip, strip.cell(index).top() + 3, 0)) for index in (1, 2))
    assert red.red() > red.green()
    assert green.green() > green.red()
    assert colour(strip, strip.cell(5).top() + 3, 0) == "#000000"
    qtbot.mouseMove(strip, strip.cell(1).center())
    qtbot.waitUntil(lambda: strip.toolTip() == "Slice 2, flagged “motion”")


def test_the_current_slice_is_outlined(strip: SliceStrip, open_session: Session) -> None:
    open_session.set_slice_index(4)
    assert colour(strip, strip.cell(4).top()) == "#f2f4f7"


@pytest.mark.parametrize("count", [1, 2, 2000])
def test_any_number_of_slices(
    strip: SliceStrip, open_session: Session, make_volume: Callable[..., Volume], count: int
) -> None:
    open_session.set_volume(make_volume(count, (2, 2)))
    open_session.set_slice_index(count - 1)
    assert not strip.grab().isNull()
    assert strip.cell(count - 1).bottom() <= 120


def test_scores_of_another_number_of_slices_are_left_out(
    strip: SliceStrip,
    open_session: Session,
    make_volume: Callable[..., Volume],
    make_findings: Callable[..., Findings],
) -> None:
    dark = colour(strip, 50)
    open_session.set_findings(make_findings(make_volume(9)))
    assert colour(strip, 50) == dark


def test_the_tooltip_names_slice_and_suspicion(
    qtbot: QtBot, strip: SliceStrip, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    open_session.set_findings(make_findings(open_session.volume, (2,)))
    qtbot.mouseMove(strip, QPoint(10, 51))
    qtbot.waitUntil(lambda: strip.toolTip() == "Slice 3: suspected SDH .97")
    open_session.volume.failed[0] = np.True_
    open_session.slice_errors[0] = "IM0000 ends early."
    qtbot.mouseMove(strip, QPoint(10, 5))
    qtbot.waitUntil(lambda: strip.toolTip() == "Slice 1 cannot be read. IM0000 ends early.")


def test_nothing_open(qtbot: QtBot, session: Session) -> None:
    widget = SliceStrip(session)
    qtbot.addWidget(widget)
    widget.show()
    assert not widget.grab().isNull()
