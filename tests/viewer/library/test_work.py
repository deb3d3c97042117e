"""Statuses, comments, time and readings are kept; a reading of its own hides nothing and shows nothing of another."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from viewer.annotation.document import Annotation, Document
from viewer.findings.verdict import Decision, Verdict
from viewer.library.errors import LibraryError
from viewer.library.store import Library
from viewer.library.work import WHOLE, ReadingKind, Status, WorkLog

TRIANGLE = ((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


@pytest.fixture
def log(library: Library) -> WorkLog:
    return WorkLog(library)


def document(*uids: str) -> Document:
    return Document("study", "series", tuple(Annotation(uid, "a", 0, "SDH", TRIANGLE) for uid in uids))


def test_notes_of_slices_and_of_the_series_survive_a_restart(library: Library, log: WorkLog) -> None:
    log.note("study", "series", status=Status.FLAGGED, comment="motion?", reader="A", place=("a", 2))
    log.note("study", "series", status=Status.DONE, comment="", reader="A")
    library.close()
    found = WorkLog(Library(library.path.parent)).progress("series")
    assert {place: (each.status, each.comment, each.reader) for place, each in found.items()} == {
        ("a", 2): (Status.FLAGGED, "motion?", "A"),
        WHOLE: (Status.DONE, "", "A"),
    }


def test_a_later_note_replaces_the_one_before(log: WorkLog) -> None:
    log.note("study", "series", status=Status.FLAGGED, comment="look again", reader="A", place=("a", 0))
    log.note("study", "series", status=Status.DONE, comment="", reader="B", place=("a", 0))
    (noted,) = log.progress("series").values()
    assert (noted.status, noted.comment, noted.reader) == (Status.DONE, "", "B")


def test_an_older_note_does_not_replace_a_newer_one(log: WorkLog) -> None:
    old = log.note("study", "series", status=Status.IN_PROGRESS, comment="", reader="A")
    with log._library.writing() as connection:
        connection.execute("UPDATE work SET changed = '9999', status = 'done'")
    log.put_progress("study", "series", "", (old,))
    assert log.progress("series")[WHOLE].status is Status.DONE


def test_time_adds_up_by_reader_and_reading(log: WorkLog) -> None:
    log.add_time("study", "series", "A", 10.5)
    log.add_time("study", "series", "A", 4.5)
    log.add_time("study", "series", "B", 1.0)
    log.add_time("study", "series", "B", 7.0, reading="own")
    assert log.time_spent("series") == {"A": 15.0, "B": 1.0}
    assert log.time_spent("series", "own") == {"B": 7.0}
    with pytest.raises(ValueError, match="never less than 0"):
        log.add_time("study", "series", "A", -1.0)


def test_a_second_reader_starts_from_nothing_and_leaves_the_first_alone(
    library: Library, log: WorkLog
) -> None:
    library.save_document(document("1"), action="draw SDH", reader="A")
    own = log.begin_blinded("study", "series", "B")
    assert (own.kind, own.reader) == (ReadingKind.BLINDED, "B")
    assert library.load_document("study", "series", own.uid) == Document("study", "series")
    library.save_document(document("2", "3"), action="draw SDH", reader="B", reading=own.uid)
    assert library.load_document("study", "series") == document("1")
    assert library.load_document("study", "series", own.uid) == document("2", "3")
    assert [entry.reader for entry in library.journal("series")] == ["A"]
    assert [entry.reader for entry in library.journal("series", own.uid)] == ["B"]
    assert library.replay("study", "series", reading=own.uid) == document("2", "3")
    assert log.begin_blinded("study", "series", "B") == own
    assert log.begin_blinded("study", "series", "C") != own


def test_only_the_shared_reading_is_trained_on(library: Library, log: WorkLog) -> None:
    own = log.begin_blinded("study", "series", "B")
    library.save_document(document("2"), action="draw", reader="B", reading=own.uid)
    assert library.annotated_series() == ()
    library.save_document(document("1"), action="draw", reader="A")
    assert library.annotated_series() == (("study", "series"),)


def test_readings_are_listed_in_the_order_they_were_begun(log: WorkLog) -> None:
    first = log.begin_blinded("study", "series", "B")
    second = log.add_consensus("study", "series", "B", "majority of A, B and C")
    third = log.add_consensus("study", "other", "B", "STAPLE of A and B")
    assert log.readings("series") == (first, second)
    assert log.readings() == (first, second, third)
    assert second.made_of == "majority of A, B and C"


def test_the_queue_tells_status_readers_and_time(library: Library, log: WorkLog) -> None:
    library.save_document(document("1"), action="draw", reader="A")
    library.save_document(document("1", "2"), action="draw", reader="B", previous=document("1"))
    log.add_time("study", "series", "C", 30.0)
    log.note("study", "other", status=Status.FLAGGED, comment="ask", reader="A")
    own = log.begin_blinded("study", "series", "D")
    library.save_document(document("3"), action="draw", reader="D", reading=own.uid)
    (other, series) = log.queue()
    assert (other.series_uid, other.status, other.comment) == ("other", Status.FLAGGED, "ask")
    assert (series.status, series.readers, series.seconds) == (Status.IN_PROGRESS, ("A", "B", "C"), 30.0)


def test_a_damaged_note_is_said(library: Library, log: WorkLog) -> None:
    log.note("study", "series", status=Status.DONE, comment="", reader="A")
    connection = sqlite3.connect(library.path)
    connection.execute("UPDATE work SET status = 'perhaps'")
    connection.commit()
    connection.close()
    with pytest.raises(LibraryError, match="damaged"):
        log.progress("series")


def test_a_damaged_reading_is_said(library: Library, log: WorkLog) -> None:
    log.begin_blinded("study", "series", "R")
    connection = sqlite3.connect(library.path)
    connection.execute("UPDATE readings SET kind = 'perhaps'")
    connection.commit()
    connection.close()
    with pytest.raises(LibraryError, match="damaged"):
        log.readings("series")


def test_the_subtypes_of_each_series_are_told(library: Library, log: WorkLog) -> None:
    drawn = document("x", "y")
    both = replace(drawn, annotations=(drawn.annotations[0], replace(drawn.annotations[1], subtype="IPH")))
    library.save_document(both, action="draw", reader="R")
    library.save_document(replace(drawn, series_uid="other"), action="draw", reader="R")
    assert log.subtypes() == {"series": frozenset({"SDH", "IPH"}), "other": frozenset({"SDH"})}


def test_a_comment_without_end_is_refused(log: WorkLog) -> None:
    with pytest.raises(ValueError, match="10000 characters"):
        log.note("study", "series", status=Status.DONE, comment="x" * 10_001, reader="A")


def test_studies_whose_series_share_a_uid_share_nothing(library: Library, log: WorkLog) -> None:
    """A careless copy: another study, the same series and slices."""
    mine, copy = document("1"), Document("copy", "series", document("2").annotations)
    library.save_document(mine, action="draw", reader="A")
    library.save_document(copy, action="draw", reader="B")
    assert library.load_document("study", "series") == mine
    assert library.load_document("copy", "series") == copy
    assert library.annotated_series() == (("copy", "series"), ("study", "series"))
    assert [entry.reader for entry in library.journal("series", study_uid="copy")] == ["B"]
    assert [entry.reader for entry in library.journal("series", study_uid="study")] == ["A"]
    assert library.replay("copy", "series") == copy
    log.note("copy", "series", status=Status.DONE, comment="", reader="B")
    log.add_time("copy", "series", "B", 5.0)
    own = log.begin_blinded("copy", "series", "C")
    assert log.progress("series", study_uid="study") == {}
    assert log.time_spent("series", study_uid="study") == {}
    assert log.readings("series", "study") == ()
    assert log.readings("series", "copy") == (own,)
    assert [(w.study_uid, w.series_uid, w.status, w.readers) for w in log.queue()] == [
        ("copy", "series", Status.DONE, ("B",)),
        ("study", "series", Status.IN_PROGRESS, ("A",)),
    ]


def test_verdicts_belong_to_their_reading(tmp_path: Path) -> None:
    """A blinded reader neither sees nor loses what was decided about the model's regions."""
    library = Library(tmp_path)
    log = WorkLog(library)
    mine = Verdict(Decision.DISMISSED, "m", "SDH", "1.2.3.1", 0, (4, 5), "Artefact")
    theirs = replace(mine, pixel=(7, 8))
    reading = log.begin_blinded("study", "series", "R").uid
    for verdict, uid in ((theirs, ""), (mine, reading)):
        library.save_document(
            Document("study", "series", verdicts=(verdict,)), action="dismiss", reader="R", reading=uid
        )
    library.close()
    again = Library(tmp_path)
    assert again.load_document("study", "series").verdicts == (theirs,)
    assert again.load_document("study", "series", reading).verdicts == (mine,)
    again.close()
