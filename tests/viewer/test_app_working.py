"""The work in the window: statuses and time kept, a second reading blinded, compared, joined, adopted; versions."""

import runpy
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer.annotation.document import Annotation, Document
from viewer.annotation.events import Accept, Key, Press, Release
from viewer.app import Application
from viewer.app.queueing import agreement_row, queue_of, sources_of
from viewer.interchange import library_folder
from viewer.interchange.library_folder import Counts, Watch
from viewer.jobs.agreement import SubtypeAgreement
from viewer.library.queue import Order
from viewer.library.records import StoredScores, StudyRow
from viewer.library.store import Library
from viewer.library.work import WHOLE, SeriesWork, Status, WorkLog
from viewer.session import Notice
from viewer.ui.work_dialogs import HistoryDialog, QueueDialog
from viewer.working import ExportOrder

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WAIT_MS = 20_000
Start = Callable[..., Application]


@pytest.fixture
def opened(qtbot: QtBot, tmp_path: Path, phantom_series: Path) -> Iterator[Application]:
    """The phantom series open in a window with a library of its own and no model."""
    registry = Registry(tmp_path / "no-models", tmp_path / "models")
    made = Application((phantom_series,), library_dir=tmp_path / "library", registry=registry)
    volume = lambda: made.session.volume  # noqa: E731
    qtbot.waitUntil(lambda: volume() is not None and bool(volume().loaded.all()), timeout=WAIT_MS)
    made.notices = []  # type: ignore[attr-defined]
    made.session.noticed.connect(made.notices.append)  # type: ignore[attr-defined]
    yield made
    made.shutdown()
    made.window.close()
    made.window.deleteLater()


def box(application: Application, uid: str, left: float, code: str = "SDH") -> Annotation:
    volume = application.session.volume
    assert volume is not None
    ring = ((left, 20.0), (left + 10.0, 20.0), (left + 10.0, 30.0), (left, 30.0))
    return Annotation(uid, volume.series.slices[2].sop_uid, 0, code, ring)


def uids(application: Application) -> list[str]:
    return [a.uid for a in application.session.document.annotations]


def said(application: Application) -> list[Notice]:
    return application.notices  # type: ignore[attr-defined,no-any-return]


def test_a_second_reader_is_blinded_until_done_then_compares_and_joins(
    opened: Application, qtbot: QtBot
) -> None:
    session, part = opened.session, opened.session.working
    opened.desk.add([box(opened, "first", 30.0)], "draw SDH")
    part.reader_named.emit("Second")
    assert part.work.reader == "Second"
    part.blinded_requested.emit()
    qtbot.waitUntil(lambda: part.work.reading is not None, timeout=WAIT_MS)
    assert uids(opened) == []
    assert part.work.others_hidden
    opened.desk.add([box(opened, "second", 35.0)], "draw SDH")
    part.reading_requested.emit("")
    assert "Other readings stay hidden" in [notice.title for notice in said(opened)]
    assert uids(opened) == ["second"]
    part.queue_requested.emit("choice")
    qtbot.waitUntil(lambda: bool(part.queue), timeout=WAIT_MS)
    assert (part.queue[0].readers, part.queue[0].status) == ("Second", Status.IN_PROGRESS)
    part.compare_requested.emit("", part.work.reading.uid)  # type: ignore[union-attr]
    assert part.agreement == ()
    own = part.work.reading
    assert own is not None
    part.noted.emit(WHOLE, Status.DONE, "")
    qtbot.waitUntil(lambda: not part.work.others_hidden, timeout=WAIT_MS)
    part.compare_requested.emit("", own.uid)
    qtbot.waitUntil(lambda: bool(part.agreement), timeout=WAIT_MS)
    assert part.agreement[0][:2] == ("SDH", "0.50")  # half of each lies in the other
    part.consensus_requested.emit(("", own.uid), "majority")
    qtbot.waitUntil(lambda: part.work.reading is not None and part.work.reading != own, timeout=WAIT_MS)
    assert part.work.reading is not None
    assert part.work.reading.made_of == "majority of the shared reading, Second"
    (joined,) = session.document.annotations
    assert (joined.source, {x for x, _ in joined.outline}) == ("consensus", {35.0, 40.0})
    part.adopt_requested.emit(part.work.reading.uid)
    qtbot.waitUntil(lambda: part.work.reading is None, timeout=WAIT_MS)
    assert session.document.annotations == (joined,)
    session.undo_requested.emit()
    assert uids(opened) == ["first"]


def test_an_unfinished_blinded_reading_is_the_one_that_opens(opened: Application, qtbot: QtBot) -> None:
    part = opened.session.working
    opened.desk.add([box(opened, "first", 30.0)], "draw SDH")
    part.blinded_requested.emit()
    qtbot.waitUntil(lambda: part.work.reading is not None, timeout=WAIT_MS)
    opened.desk.add([box(opened, "second", 35.0)], "draw SDH")
    volume = opened.session.volume
    assert volume is not None
    opened.keeping.readings.clear()
    opened.annotating.opening(volume)
    assert [a.uid for a in opened.keeping.document(*volume.series.key).annotations] == ["second"]
    assert part.work.others_hidden


def test_notes_and_names_reach_the_library(opened: Application, qtbot: QtBot) -> None:
    session, part = opened.session, opened.session.working
    volume = session.volume
    assert volume is not None
    place = (volume.series.slices[3].sop_uid, 0)
    part.reader_named.emit("Dr A")
    part.noted.emit(place, Status.FLAGGED, "motion?")
    qtbot.waitUntil(lambda: part.work.noted(place) is not None, timeout=WAIT_MS)
    noted = WorkLog(opened.library).progress(volume.series.series_uid)[place]
    assert (noted.status, noted.comment, noted.reader) == (Status.FLAGGED, "motion?", "Dr A")
    opened.desk.add([box(opened, "a", 30.0)], "draw SDH")
    assert opened.keeping.writer.flush()
    assert [entry.reader for entry in opened.library.journal(volume.series.series_uid)] == ["Dr A"]
    qtbot.waitUntil(lambda: opened.library.setting("reader") == "Dr A", timeout=WAIT_MS)


def test_a_version_is_gone_back_to_and_undone(opened: Application, qtbot: QtBot) -> None:
    session, part = opened.session, opened.session.working
    opened.desk.add([box(opened, "a", 30.0)], "draw SDH")
    opened.desk.add([box(opened, "b", 50.0, "IPH")], "draw IPH")
    part.history_requested.emit()
    qtbot.waitUntil(lambda: len(part.history) == 2, timeout=WAIT_MS)
    assert [(entry.action, entry.sources) for entry in part.history] == [
        ("draw IPH", "manual"),
        ("draw SDH", "manual"),
    ]
    part.restore_requested.emit(part.history[1].seq)
    qtbot.waitUntil(lambda: uids(opened) == ["a"], timeout=WAIT_MS)
    session.undo_requested.emit()
    assert uids(opened) == ["a", "b"]


def test_what_was_exported_is_imported_as_one_step(opened: Application, qtbot: QtBot, tmp_path: Path) -> None:
    session, part = opened.session, opened.session.working
    opened.desk.add([box(opened, "a", 30.0), box(opened, "b", 50.0, "IPH")], "draw")
    part.export_requested.emit(ExportOrder("NRRD segmentation", tmp_path / "out.seg.nrrd"))
    qtbot.waitUntil(lambda: (tmp_path / "out.seg.nrrd").exists(), timeout=WAIT_MS)
    session.undo_requested.emit()
    assert uids(opened) == []
    part.import_requested.emit(tmp_path / "out.seg.nrrd", {})
    qtbot.waitUntil(lambda: len(uids(opened)) == 2, timeout=WAIT_MS)
    assert {a.source for a in session.document.annotations} == {"imported"}
    session.undo_requested.emit()
    assert uids(opened) == []


def test_a_library_goes_out_and_is_told_of(opened: Application, qtbot: QtBot, tmp_path: Path) -> None:
    opened.session.working.library_out_requested.emit(tmp_path / "out")
    assert opened.session.exports.progress == "Exporting the library…"
    qtbot.waitUntil(lambda: opened.session.exports.progress == "", timeout=WAIT_MS)
    assert said(opened)[-1].title == "Library exported"
    assert (tmp_path / "out" / "library.json").is_file()


def test_a_library_on_its_way_tells_how_far_it_is_until_it_is_cancelled(
    opened: Application, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, asleep = opened.session, threading.Event()

    def endless(_library: Library, _folder: Path, watch: Watch) -> Counts:
        while True:
            watch.tell(1, 4)
            asleep.wait(0.01)

    monkeypatch.setattr(library_folder, "write_library", endless)
    session.working.library_out_requested.emit(tmp_path / "out")
    qtbot.waitUntil(lambda: session.exports.progress == "Exporting the library… 25 %", timeout=WAIT_MS)
    session.working.library_in_requested.emit(tmp_path / "in")
    assert said(opened)[-1].title == "Still exporting"
    count = len(said(opened))
    session.exports.cancel_requested.emit()
    qtbot.waitUntil(lambda: session.exports.progress == "", timeout=WAIT_MS)
    assert len(said(opened)) == count


def test_an_import_that_does_not_belong_is_said(opened: Application, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    opened.session.working.import_requested.emit(tmp_path / "a.json", {})
    qtbot.waitUntil(lambda: "Nothing was imported" in [n.title for n in said(opened)], timeout=WAIT_MS)
    assert uids(opened) == []


def test_names_that_nobody_knows_are_asked_for_once(
    opened: Application, qtbot: QtBot, tmp_path: Path
) -> None:
    part, volume = opened.session.working, opened.session.volume
    assert volume is not None
    uid = volume.series.slices[1].path.name
    path = tmp_path / "a.json"
    path.write_text(
        f'{{"imagePath": "{uid}", "shapes": [{{"label": "clot", "points": [[9, 9], [19, 9], [19, 19]]}}]}}'
    )
    with qtbot.waitSignal(part.names_wanted, timeout=WAIT_MS) as asked:
        part.import_requested.emit(path, {})
    assert asked.args == [path, ("clot",)]
    part.import_requested.emit(path, {"clot": "EDH"})
    qtbot.waitUntil(lambda: len(uids(opened)) == 1, timeout=WAIT_MS)
    assert opened.session.document.annotations[0].subtype == "EDH"


def test_the_time_of_work_is_booked_at_the_end(opened: Application, qtbot: QtBot) -> None:
    from viewer.session import Mode

    session = opened.session
    series = session.series
    assert series is not None
    session.set_mode(Mode.ANNOTATE)
    opened.desk.add([box(opened, "a", 30.0)], "draw SDH")
    qtbot.wait(30)
    opened.annotating.shutdown()
    log = WorkLog(opened.library)
    qtbot.waitUntil(lambda: bool(log.time_spent(series.series_uid)), timeout=WAIT_MS)
    assert log.time_spent(series.series_uid)[opened.keeping.reader] > 0


def row(study_uid: str) -> StudyRow:
    return StudyRow(
        study_uid, "Doe^Jane", f"ID {study_uid}", "F", "071Y", "20260101", "120000", "", "2026", ()
    )


def test_the_queue_says_why_each_study_stands_where_it_does() -> None:
    scores = (
        StoredScores("b", "s2", "m", "2026", {"any": 0.5, "SDH": 0.1}),
        StoredScores("a", "s1", "m", "2026", {"any": 0.97, "SDH": 0.95}),
    )
    work = (SeriesWork("a", "s1", Status.IN_PROGRESS, "", ("A", "B"), 65.0),)
    drawn = {"s1": frozenset({"IPH"})}
    entries = queue_of([row("a"), row("b"), row("c")], work, scores, drawn, Order.SUSPICION)
    assert [(e.study_uid, e.reason) for e in entries] == [
        ("a", "any .97"),
        ("b", "any .50"),
        ("c", "not scored"),
    ]
    assert entries[0].title == "ID a · 2026-01-01"
    assert (entries[0].readers, entries[0].seconds, entries[0].status) == ("A, B", 65.0, Status.IN_PROGRESS)
    entries = queue_of([row("a"), row("b"), row("c")], work, scores, drawn, Order.DOUBT)
    assert [(e.study_uid, e.reason) for e in entries] == [
        ("b", "unsure 1.00"),
        ("a", "differs by .95"),
        ("c", "not scored"),
    ]


def test_numbers_that_do_not_exist_are_dashes() -> None:
    nan = float("nan")
    shown = agreement_row(SubtypeAgreement("SDH", 0.5, nan, (1.25, 0.5), nan, (3, 2, 1)))
    assert shown == ("SDH", "0.50", "–", "1.2", "0.5", "−0.8", "–", "3 / 2 / 1")


def test_a_version_tells_where_its_annotations_came_from() -> None:
    after = '{"annotations":{"1":{"source":"model","model_id":"m 1"},"2":{"source":"manual","model_id":""},"3":null}}'
    assert sources_of(after) == "model m 1, manual"


def test_a_study_of_the_queue_is_opened_from_where_its_files_were(
    opened: Application, qtbot: QtBot, phantom_series: Path
) -> None:
    session, study = opened.session, opened.session.study
    assert study is not None
    rows = lambda: opened.library.studies()  # noqa: E731
    qtbot.waitUntil(lambda: bool(rows()), timeout=WAIT_MS)
    session.set_study(None)
    session.working.study_requested.emit(study.study_uid)
    assert session.study == study  # it is in the worklist
    session.set_study(None)
    session.set_studies(())
    with qtbot.waitSignal(session.open_requested, timeout=WAIT_MS) as asked:
        session.working.study_requested.emit(study.study_uid)
    assert asked.args == [(phantom_series,)]
    session.working.study_requested.emit("9.9.9")
    qtbot.waitUntil(
        lambda: "The study could not be opened" in [n.title for n in said(opened)], timeout=WAIT_MS
    )


def test_what_another_window_saves_appears_and_is_told_of_once(opened: Application, qtbot: QtBot) -> None:
    """Two libraries on one file, as two windows have them: nothing is overwritten, and undo takes back one's own."""
    series = opened.session.series
    assert series is not None
    other = Library(opened.library.path.parent)
    opened.desk.add([box(opened, "mine", 30.0)], "draw SDH")
    assert opened.keeping.writer.flush()
    first = other.load_document(*series.key)
    theirs = replace(first, annotations=(*first.annotations, box(opened, "theirs", 50.0)))
    other.save_document(theirs, previous=first, action="draw SDH", reader="Other")
    qtbot.waitUntil(lambda: uids(opened) == ["mine", "theirs"], timeout=WAIT_MS)
    opened.session.undo_requested.emit()
    assert uids(opened) == ["theirs"]
    opened.session.redo_requested.emit()
    assert sorted(uids(opened)) == ["mine", "theirs"]
    opened.desk.add([box(opened, "mine too", 40.0)], "draw SDH")
    assert opened.keeping.writer.flush()
    known = other.load_document(*series.key)
    assert {a.uid for a in known.annotations} == {"theirs", "mine", "mine too"}
    gone = replace(known, annotations=tuple(a for a in known.annotations if a.uid != "theirs"))
    other.save_document(gone, previous=known, action="delete", reader="Other")
    qtbot.waitUntil(lambda: sorted(uids(opened)) == ["mine", "mine too"], timeout=WAIT_MS)
    assert len([n for n in said(opened) if "Another window" in n.title]) == 1
    other.close()


def test_nothing_of_others_appears_in_the_middle_of_a_stroke(opened: Application, qtbot: QtBot) -> None:
    series = opened.session.series
    assert series is not None
    place = series.slices[2].sop_uid
    opened.desk.take(Press((20.0, 20.0), place))
    opened.desk.take(Release((20.0, 20.0), place))
    stored = Document(*series.key, (box(opened, "theirs", 50.0),))
    assert not opened.desk.catch_up(stored, lambda document: document)
    opened.desk.take(Key.ESCAPE)
    assert opened.desk.catch_up(stored, lambda document: document)
    assert uids(opened) == ["theirs"]


def test_dialogs_show_versions_and_go_back(opened: Application, qtbot: QtBot) -> None:
    opened.desk.add([box(opened, "a", 30.0)], "draw SDH")
    opened.desk.add([box(opened, "b", 50.0, "IPH")], "draw IPH")
    dialog = HistoryDialog(opened.session, opened.window)
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 2, timeout=WAIT_MS)
    assert not dialog.restore.isEnabled()
    dialog.list.setCurrentItem(dialog.list.topLevelItem(1))
    dialog.restore.click()
    qtbot.waitUntil(lambda: uids(opened) == ["a"], timeout=WAIT_MS)
    queue = QueueDialog(opened.session, opened.window)
    queue.open()
    qtbot.waitUntil(lambda: queue.list.topLevelItemCount() == 1, timeout=WAIT_MS)
    item = queue.list.topLevelItem(0)
    assert item is not None
    assert item.text(1) == "in progress"
    opened.session.set_patient_hidden(True)
    queue.refresh()
    hidden = queue.list.topLevelItem(0)
    assert hidden is not None
    assert hidden.text(0) == "Study 1"


def test_what_the_model_suspects_is_proposed_and_accepted_once(
    qtbot: QtBot, tmp_path: Path, phantom_series: Path
) -> None:
    """The toy suspects one region on the phantom: it is open as a proposal, accepted by either way, undone, open."""
    runpy.run_path(str(Path(__file__).parents[1] / "toy_version.py"))["make"](tmp_path / "bundled", "toy-1")
    registry = Registry(tmp_path / "bundled", tmp_path / "models")
    made = Application((phantom_series,), library_dir=tmp_path / "library", registry=registry)
    session = made.session
    try:
        qtbot.waitUntil(lambda: bool(session.drawing.proposals), timeout=WAIT_MS)
        first = session.drawing.proposals[0]
        assert (first.source, first.model_id, first.reviewed) == ("model", "toy-1", False)
        count = len(session.drawing.proposals)
        session.edit_requested.emit(Accept(first.uid))
        assert uids(made) == [first.uid]
        assert len(session.drawing.proposals) == count - 1
        session.undo_requested.emit()
        assert len(session.drawing.proposals) == count
        session.accept_findings_requested.emit()
        qtbot.waitUntil(lambda: not session.drawing.proposals, timeout=WAIT_MS)
        assert len(uids(made)) == count
    finally:
        made.shutdown()
        made.window.close()
        made.window.deleteLater()


def test_the_same_in_another_order_is_nobodys_work(opened: Application, qtbot: QtBot) -> None:
    both = [box(opened, "a", 30.0), box(opened, "b", 50.0)]
    opened.desk.add(both, "draw SDH")
    assert opened.keeping.writer.flush()
    other = Library(opened.library.path.parent)
    shown = opened.session.document
    turned = replace(shown, annotations=shown.annotations[::-1])
    other.save_document(turned, previous=shown, action="reorder", reader="Other")
    other.close()
    qtbot.waitUntil(lambda: uids(opened) == ["b", "a"], timeout=WAIT_MS)
    assert not [notice for notice in said(opened) if "Another window" in notice.title]
