"""The card of the work: what it shows, and what it asks for."""

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from viewer.annotation.document import Annotation, Document
from viewer.library.work import WHOLE, Progress, Reading, ReadingKind, Status
from viewer.session import Session
from viewer.ui.desk import AnnotationDesk
from viewer.ui.work_card import WorkCard, duration
from viewer.working import Work

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

TRIANGLE = ((1.0, 1.0), (9.0, 1.0), (1.0, 9.0))
PLACE = ("1.2.3.0", 0)


@pytest.fixture
def card(qtbot: QtBot, open_session: Session) -> WorkCard:
    open_session.desk = AnnotationDesk(open_session, open_session)  # type: ignore[attr-defined]
    open_session.desk.open(Document("1.2", "1.2.3"), (64, 64))  # type: ignore[attr-defined]
    made = WorkCard(open_session)
    qtbot.addWidget(made)
    return made


def reading(uid: str, reader: str, kind: ReadingKind = ReadingKind.BLINDED) -> Reading:
    return Reading(uid, "1.2", "1.2.3", reader, kind, "majority of A, B", "2026")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00 min"), (65.9, "1:05 min"), (3599, "59:59 min"), (3660, "1:01 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_slice_is_in_progress_once_it_is_drawn_on(card: WorkCard, open_session: Session) -> None:
    assert card.slice_status.currentData() == Status.UNTOUCHED
    drawn = Annotation("a", PLACE[0], 0, "SDH", TRIANGLE)
    open_session.desk.add((drawn,), "draw SDH")  # type: ignore[attr-defined]
    assert card.slice_status.currentData() == Status.IN_PROGRESS
    open_session.set_slice_index(1)
    assert card.slice_status.currentData() == Status.UNTOUCHED
    assert card.series_status.currentData() == Status.IN_PROGRESS


def test_what_was_noted_is_shown_and_what_is_chosen_asked_for(
    card: WorkCard, open_session: Session, qtbot: QtBot
) -> None:
    part = open_session.working
    noted = Progress(*PLACE, Status.FLAGGED, "motion?", "A", "2026")
    part.set_work(Work("A", progress=(noted,), seconds=65.0))
    assert (card.slice_status.currentData(), card.comment.text()) == (Status.FLAGGED, "motion?")
    assert card.time.text() == "Time spent: 1:05 min"
    assert card.reader.text() == "A"
    with qtbot.waitSignal(part.noted) as asked:
        card.slice_status.setCurrentIndex(card.slice_status.findData(Status.DONE))
        card.slice_status.activated.emit(2)
    assert asked.args == [PLACE, Status.DONE, "motion?"]
    with qtbot.waitSignal(part.noted) as asked:
        card.series_status.setCurrentIndex(card.series_status.findData(Status.DONE))
        card.series_status.activated.emit(2)
    assert asked.args == [WHOLE, Status.DONE, ""]


def test_free_of_hemorrhage_is_an_annotation_that_undo_takes_back(
    card: WorkCard, open_session: Session
) -> None:
    clean = card.slice_status.findData(Status.CLEAN)
    card.slice_status.setCurrentIndex(clean)
    card.slice_status.activated.emit(clean)
    assert open_session.document.reviewed_slices == {PLACE[0]}
    assert card.slice_status.currentData() == Status.CLEAN
    open_session.undo_requested.emit()
    assert open_session.document.reviewed_slices == frozenset()
    assert card.slice_status.currentData() == Status.UNTOUCHED


def test_a_slice_with_annotations_cannot_be_called_free(card: WorkCard, open_session: Session) -> None:
    drawn = Annotation("a", PLACE[0], 0, "SDH", TRIANGLE)
    open_session.desk.add((drawn,), "draw SDH")  # type: ignore[attr-defined]
    clean = card.slice_status.findData(Status.CLEAN)
    card.slice_status.setCurrentIndex(clean)
    card.slice_status.activated.emit(clean)
    assert open_session.document.reviewed_slices == frozenset()
    assert card.slice_status.currentData() == Status.IN_PROGRESS


def test_a_blinded_reader_sees_no_other_reading(card: WorkCard, open_session: Session) -> None:
    mine, other = reading("m", "B"), reading("o", "C")
    work = Work("B", mine, (mine, other))
    open_session.working.set_work(work)
    assert [card.reading.itemText(n) for n in range(card.reading.count())] == ["B, blinded"]
    assert not card.compare.isEnabled()
    done = Progress(*WHOLE, Status.DONE, "", "B", "2026")
    open_session.working.set_work(replace(work, progress=(done,)))
    names = [card.reading.itemText(n) for n in range(card.reading.count())]
    assert names == ["Shared reading", "B, blinded", "C, blinded"]
    assert card.compare.isEnabled()


def test_a_consensus_is_called_what_it_was_made_of(card: WorkCard, open_session: Session) -> None:
    joined = reading("j", "A", ReadingKind.CONSENSUS)
    open_session.working.set_work(Work("A", joined, (joined,)))
    assert card.reading.currentText() == "majority of A, B"
    assert not open_session.working.work.others_hidden


def test_a_comment_stays_with_the_slice_it_was_typed_on(
    card: WorkCard, open_session: Session, qtbot: QtBot
) -> None:
    """Typed, and then scrolled on with the wheel: the line still has the keyboard."""
    qtbot.keyClicks(card.comment, "motion")
    with qtbot.waitSignal(open_session.working.noted) as asked:
        open_session.set_slice_index(1)
    assert asked.args == [PLACE, Status.UNTOUCHED, "motion"]
    assert card.comment.text() == ""
    with qtbot.assertNotEmitted(open_session.working.noted):
        card.comment.editingFinished.emit()
