"""The worklist's filters, statuses and menu, and what it asks of background scoring."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytestqt.qtbot import QtBot

from viewer.session import Session
from viewer.triaging import Reading, State, TriageRow
from viewer.ui.listing import VALUE_ROLE
from viewer.ui.triage_bar import Filter, status_of, wanted
from viewer.ui.worklist import NO_STUDIES, NONE_LISTED, Worklist

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))

ROWS = (
    TriageRow("1", State.SCORED),
    TriageRow("2", State.SCORED, Reading.OPENED),
    TriageRow("3", State.FAILED, reason="It is a chest."),
    TriageRow("4", State.SCORED, Reading.REVIEWED),
    TriageRow("5", State.NEW),
)


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Session, Worklist]:
    session = Session()
    column = Worklist(session)
    qtbot.addWidget(column)
    column.resize(236, 900)
    session.set_studies(tuple(frame.study(uid) for uid in "12345"))
    for uid, status in (("1", "SDH .97"), ("2", "any .04"), ("4", "bleed .70")):
        session.set_study_status(uid, status)
    session.triage.set_rows(ROWS)
    return session, column


def listed(column: Worklist) -> str:
    model = column.study_model
    return "".join(model.index(row).data(VALUE_ROLE).study_uid for row in range(model.rowCount()))


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter.ALL, "14235"),
        (Filter.UNREAD, "135"),
        (Filter.SUSPECTED, "14"),
        (Filter.REVIEWED, "4"),
        (Filter.FAILED, "3"),
    ],
)
def test_a_filter_lists_its_studies_the_most_suspicious_first(shown, chosen: Filter, expected: str) -> None:
    _, column = shown
    for action in column.triage.filters.actions():
        if action.text() == chosen:
            action.trigger()
    assert sorted(listed(column)) == sorted(expected)
    assert listed(column)[:1] == expected[:1]
    assert column.triage.chosen.text() == f"{chosen} ▾"


def test_the_open_study_stays_whatever_the_filter(shown) -> None:
    session, column = shown
    session.set_study(session.studies[1])
    column.triage.filters.actions()[list(Filter).index(Filter.REVIEWED)].trigger()
    assert sorted(listed(column)) == ["2", "4"]


def test_an_empty_filter_says_why_nothing_is_listed(shown) -> None:
    session, column = shown
    session.triage.set_rows([TriageRow("1", State.SCORED)])
    column.triage.filters.actions()[list(Filter).index(Filter.FAILED)].trigger()
    assert (listed(column), column.empty.text()) == ("", NONE_LISTED)
    session.set_studies(())
    assert column.empty.text() == NO_STUDIES


def test_a_card_says_how_far_its_study_is(shown) -> None:
    session, column = shown
    assert [status_of(session, uid) for uid in "12345"] == [
        "SDH .97",
        "any .04",
        "failed",
        "bleed .70",
        "waiting",
    ]
    session.triage.set_scoring("5", 3, 40)
    assert status_of(session, "5") == "scoring 3/40"
    model = column.study_model
    tips = [model.index(row).data(3) for row in range(model.rowCount())]  # Qt.ItemDataRole.ToolTipRole
    assert sum("Not scored: It is a chest." in tip for tip in tips) == 1


def test_studies_outside_the_list_are_unread_and_have_not_failed() -> None:
    assert [wanted(each, None, "not scored") for each in Filter] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("paused", "scoring", "folder", "text"),
    [
        (False, "", None, "1 waiting"),
        (False, "3", None, "scoring · 1 waiting"),
        (True, "", None, "paused · 1 waiting"),
        (True, "", Path("inbox"), "paused · 1 waiting"),
    ],
)
def test_the_bar_says_what_goes_on(shown, paused: bool, scoring: str, folder: Path | None, text: str) -> None:
    session, column = shown
    session.triage.set_paused(paused)
    session.triage.set_scoring(scoring)
    session.triage.set_folder(folder)
    assert column.triage.state.text() == text


def test_a_hidden_patient_s_folder_is_not_named(shown) -> None:
    session, column = shown
    session.triage.set_folder(Path("Müller"))
    assert "Müller" in column.triage.state.toolTip()
    session.set_patient_hidden(True)
    assert column.triage.state.toolTip() == ""


def test_the_menus_ask_for_what_they_say(shown, qtbot: QtBot) -> None:
    session, column = shown
    triage = session.triage
    actions = {action.id: action for action in column.triage.actions_by_name()}
    with qtbot.waitSignal(triage.score_requested) as asked:
        actions["score_worklist"].run()
    assert asked.args == [tuple("12345")]
    assert not actions["stop_watching"].enabled()
    with qtbot.waitSignal(triage.pause_requested) as asked:
        actions["pause_triage"].run()
    assert asked.args == [True]
    score, mark, remove = column.triage.study_menu("3").actions()
    assert score.text() == "Try again to score"
    with qtbot.waitSignal(triage.score_requested) as asked:
        score.trigger()
    assert asked.args == [("3",)]
    assert mark.text() == "Mark as reviewed"
    with qtbot.waitSignal(triage.remove_requested) as asked:
        remove.trigger()
    assert asked.args == ["3"]
    score, mark, _ = column.triage.study_menu("4").actions()
    assert (score.isEnabled(), mark.text()) == (False, "Mark as not reviewed")
    with qtbot.waitSignal(triage.reviewed_requested) as asked:
        mark.trigger()
    assert asked.args == ["4", False]


def test_every_status_paints(shown) -> None:
    session, column = shown
    column.grab()
    session.triage.set_scoring("5", 1, 9)
    assert not column.grab().isNull()
