"""The left column: order, status, series tiles, what a click asks for."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from viewer.dicom.series import Note, Problem
from viewer.session import Session
from viewer.ui import study_text as worklist
from viewer.ui.worklist import VALUE_ROLE, Worklist

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Session, Worklist]:
    session = Session()
    column = Worklist(session)
    qtbot.addWidget(column)
    column.resize(236, 700)
    return session, column


def uids(column: Worklist) -> list[str]:
    model = column.study_model
    return [model.index(row).data(VALUE_ROLE).study_uid for row in range(model.rowCount())]


def test_studies_are_sorted_by_suspicion_and_again_when_one_is_scored(shown) -> None:
    session, column = shown
    session.set_studies((frame.study("1"), frame.study("2"), frame.study("3")))
    session.set_study_status("2", "any .04")
    session.set_study_status("3", "SDH .97")
    assert uids(column) == ["3", "2", "1"]


def test_a_long_list_is_sorted_once_for_many_statuses(
    shown, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, column = shown
    monkeypatch.setattr("viewer.ui.worklist.SORTED_AT_ONCE", 2)
    session.set_studies((frame.study("1"), frame.study("2"), frame.study("3")))
    resets: list[None] = []
    column.study_model.modelReset.connect(lambda: resets.append(None))
    session.set_study_status("2", "any .04")
    session.set_study_status("3", "SDH .97")
    qtbot.waitUntil(lambda: uids(column) == ["3", "2", "1"])
    assert len(resets) == 1


def test_a_click_on_the_heading_sorts_by_date(shown) -> None:
    session, column = shown
    session.set_studies((frame.study("1", date="20250101"), frame.study("2", date="20260101")))
    session.set_study_status("1", "SDH .97")
    assert uids(column) == ["1", "2"]
    column.order.click()
    assert uids(column) == ["2", "1"]
    assert column.order.text() == "WORKLIST · BY DATE"


def test_an_empty_worklist_says_what_will_appear(shown) -> None:
    session, column = shown
    assert not column.empty.isHidden()
    session.set_studies((frame.study("1"),))
    assert column.empty.isHidden()


def test_a_click_on_a_study_opens_it(shown) -> None:
    session, column = shown
    session.set_studies((frame.study("1"),))
    column.studies.clicked.emit(column.study_model.index(0))
    assert session.study is not None
    assert session.study.study_uid == "1"


def test_a_click_on_a_series_requests_it_unless_it_cannot_be_shown(shown, qtbot: QtBot) -> None:
    session, column = shown
    dead = frame.series("8", notes=(Note(Problem.NO_PIXELS, "no pixels", "It has no pixels."),))
    one = frame.study("1", frame.series("9"), dead)
    session.set_studies((one,))
    session.set_study(one)
    asked: list[str] = []
    session.series_requested.connect(asked.append)
    model = column.series.model()
    for row in range(model.rowCount()):
        column.series.clicked.emit(model.index(row, 0))
    assert asked == ["9"]


def test_localizers_come_last_and_are_put_aside_with_the_reason(shown) -> None:
    session, column = shown
    scout = frame.series("8", number=1, notes=(Note(Problem.LOCALIZER, "localizer", "It is a localizer."),))
    one = frame.study("1", scout, frame.series("9", number=2))
    session.set_studies((one,))
    session.set_study(one)
    model = column.series.model()
    assert [model.index(row, 0).data(VALUE_ROLE).series_uid for row in range(2)] == ["9", "8"]
    assert worklist.put_aside(scout)
    assert "It is a localizer." in worklist.tooltip(scout, hidden=False)


def test_series_of_a_study_that_grows_while_it_is_scanned_are_shown(shown) -> None:
    session, column = shown
    one = frame.study("1", frame.series("9"))
    session.set_studies((one,))
    session.set_study(one)
    session.set_studies((frame.study("1", frame.series("9"), frame.series("10", number=3)),))
    assert column.series.model().rowCount() == 2


def test_everything_paints(shown, qtbot: QtBot) -> None:
    session, column = shown
    notes = tuple(Note(problem, problem.value.lower(), "A sentence.") for problem in list(Problem)[4:12])
    one = frame.study("1", frame.series("9", notes=notes), frame.series("8", number=None, description=""))
    session.set_studies(
        (one, frame.study("2", patient_name="", description="A very long description of a study"))
    )
    for uid, status in (("1", "SDH .97"), ("2", "scoring 3/9")):
        session.set_study_status(uid, status)
    session.set_study(one)
    session.set_thumbnail(one.series[0], np.full((20, 30), 128, np.uint8))
    assert not column.grab().isNull()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "ANON, 0042 · 71 M"),
        ({"patient_name": "", "age": "", "sex": ""}, "42"),
        ({"patient_name": "", "patient_id": "", "age": "006M", "sex": "F"}, "Unnamed · 6m F"),
    ],
)
def test_who_a_study_is_of(fields: dict[str, str], text: str) -> None:
    assert worklist.person(frame.study("1", **fields)) == text


def test_when_a_study_was() -> None:
    assert worklist.details(frame.study("1")) == "CT head · 2026-11-19 · 1 se"
    assert worklist.details(frame.study("1", date="", description="")) == "1 se"
