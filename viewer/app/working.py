"""The work on the open series: who reads it in which reading, how far they are, how long it takes; agreement,
consensus, history, and the queue of studies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QElapsedTimer, QObject, QTimer

from viewer.annotation.document import Document
from viewer.annotation.stack import Stack
from viewer.app.keeping import Keeping
from viewer.app.queueing import agreement_row, blinded, queue_of, sources_of
from viewer.app.tasks import Tasks, unheard
from viewer.dicom.volume import Volume
from viewer.library.errors import LibraryError
from viewer.library.queue import Order
from viewer.library.work import WHOLE, Progress, Reading, ReadingKind, Status, WorkLog
from viewer.session import Mode, Session
from viewer.ui.desk import AnnotationDesk
from viewer.working import HistoryEntry, QueueEntry, Work

T = TypeVar("T")
READER = "reader"
TICK_S = 15.0
IDLE_S = 60.0
"""Who has done nothing for so long is no longer counted as working."""
MOST_VERSIONS = 500


class Working(QObject):
    """Answers what readers ask about the work on the open series."""

    def __init__(
        self, session: Session, keeping: Keeping, desk: AnnotationDesk, tasks: Tasks, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._keeping, self._desk, self._tasks = session, keeping, desk, tasks
        self._log = WorkLog(keeping.library)
        self._active = QElapsedTimer()
        self._since = QElapsedTimer()
        self._timer = QTimer(self, interval=round(TICK_S * 1000))
        self._timer.timeout.connect(self._spend)
        part = session.working
        part.reader_named.connect(self.name_reader)
        part.noted.connect(self.note)
        part.reading_requested.connect(self.show_reading)
        part.blinded_requested.connect(self.begin_blinded)
        part.compare_requested.connect(self.compare)
        part.consensus_requested.connect(self.join)
        part.adopt_requested.connect(self.adopt)
        part.queue_requested.connect(self.list_queue)
        part.study_requested.connect(self.open_study)
        part.history_requested.connect(self.list_history)
        part.restore_requested.connect(self.restore)
        session.document_changed.connect(self._touch)
        session.slice_index_changed.connect(self._touch)
        session.preview_changed.connect(self._touch)

    def begin(self) -> None:
        """Learn who reads, from the library's settings."""
        name = self._safely(lambda: self._keeping.library.setting(READER), None)
        if isinstance(name, str) and name.strip():
            self._keeping.reader = name
        part = self._session.working
        part.set_work(replace(part.work, reader=self._keeping.reader))
        self._timer.start()

    # the open series

    def opening(self, volume: Volume) -> None:
        """Choose the reading of a series that opens: the reader's own blinded one while it is not done."""
        self._spend()
        key = volume.series.key
        mine = self._safely(lambda: self._unfinished(key), None)
        self._keeping.readings.pop(key, None)
        if mine is not None:
            self._keeping.readings[key] = mine.uid
        self._refresh(key)

    def _unfinished(self, key: tuple[str, str]) -> Reading | None:
        study_uid, series_uid = key
        found = self._log.readings(series_uid, study_uid)
        return next((reading for reading in found if self._under_way(reading, self._keeping.reader)), None)

    def _under_way(self, reading: Reading, reader: str) -> bool:
        """Whether a reading is the reader's own, blinded and not done."""
        if reading.kind is not ReadingKind.BLINDED or reading.reader != reader:
            return False
        noted = self._log.progress(reading.series_uid, reading.uid).get(WHOLE)
        return noted is None or noted.status is not Status.DONE

    def _refresh(self, key: tuple[str, str]) -> None:
        """Read what the library knows of the work on the open series."""
        study_uid, series_uid = key

        def read() -> Work:
            reading = self._keeping.readings.get(key, "")
            readings = self._log.readings(series_uid, study_uid)
            return Work(
                self._keeping.reader,
                next((each for each in readings if each.uid == reading), None),
                readings,
                tuple(self._log.progress(series_uid, reading, study_uid).values()),
                sum(self._log.time_spent(series_uid, reading, study_uid).values()),
            )

        self._session.working.set_work(self._safely(read, Work(self._keeping.reader)))
        self._session.working.set_history(())
        self._session.working.set_agreement(())

    def _safely(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except LibraryError as error:
            self._session.notice("error", "The library could not be read", str(error))
            return otherwise

    @property
    def _open(self) -> tuple[str, str] | None:
        series = self._session.series
        return (series.study_uid, series.series_uid) if series is not None else None

    def name_reader(self, name: str) -> None:
        """Take another reader's name, for everything from now on."""
        name = name.strip()
        if not name or name == self._keeping.reader:
            return
        self._spend()
        self._desk.finish()
        self._keeping.reader = name
        self._tasks.ask(
            "The reader's name could not be kept", lambda: self._keeping.library.set_setting(READER, name)
        )
        part = self._session.working
        part.set_work(replace(part.work, reader=name))
        volume = self._session.volume
        if volume is not None:
            self.opening(volume)
            self._reopen(volume)

    def note(self, place: tuple[str, int], status: Status, comment: str) -> None:
        """Keep status and comment of a slice or the series."""
        where = self._open
        if where is None:
            return
        reading, reader = self._keeping.readings.get(where, ""), self._keeping.reader

        def keep() -> Progress:
            return self._log.note(
                *where, status=status, comment=comment, reader=reader, place=place, reading=reading
            )

        def show(noted: Progress) -> None:
            if self._open != where:
                return
            part = self._session.working
            others = tuple(p for p in part.work.progress if (p.sop_uid, p.frame) != place)
            part.set_work(replace(part.work, progress=(*others, noted)))

        self._tasks.ask("The note could not be saved", keep, show)

    # readings

    def show_reading(self, uid: str) -> None:
        """Show another reading of the open series, unless the reader is blinded to it."""
        volume, work = self._session.volume, self._session.working.work
        if volume is None:
            return
        if work.others_hidden and (work.reading is None or uid != work.reading.uid):
            text = "Your own reading is blinded until you mark it as done. Then the others can be shown and compared."
            self._session.notice("info", "Other readings stay hidden", text)
            return
        self._switch(volume, uid)

    def _switch(self, volume: Volume, uid: str) -> None:
        self._spend()
        self._desk.finish()
        key = volume.series.key
        self._keeping.readings.pop(key, None)
        if uid:
            self._keeping.readings[key] = uid
        self._refresh(key)
        self._reopen(volume)

    def _reopen(self, volume: Volume) -> None:
        """Show the annotations of the reading at hand; undo starts anew."""
        rows, columns = volume.hu.shape[1:]
        document = self._keeping.document(volume.series.study_uid, volume.series.series_uid)
        self._desk.open(document, (rows, columns), Stack.of(volume))

    def begin_blinded(self) -> None:
        """Start (or go on with) the reader's own reading, which shows nothing of the others."""
        volume = self._session.volume
        if volume is None:
            return
        series, reader = volume.series, self._keeping.reader

        def show(reading: Reading) -> None:
            if self._session.volume is volume:
                self._switch(volume, reading.uid)

        self._tasks.ask(
            "A reading could not be begun",
            lambda: self._log.begin_blinded(series.study_uid, series.series_uid, reader),
            show,
        )

    def _documents(self, where: tuple[str, str], uids: tuple[str, ...]) -> list[Document]:
        """The state of readings as it is on the disk, once what waits is there. Any thread."""
        self._keeping.writer.flush()
        return [self._keeping.library.load_document(*where, uid) for uid in uids]

    def compare(self, one: str, other: str) -> None:
        """Measure how far two readings of the open series agree."""
        from viewer.jobs.agreement import SubtypeAgreement, agreement

        volume = self._session.volume
        if volume is None or self._session.working.work.others_hidden:
            return

        def work() -> tuple[SubtypeAgreement, ...]:
            first, second = self._documents(volume.series.key, (one, other))
            return agreement(first, second, volume)

        def show(rows: tuple[SubtypeAgreement, ...]) -> None:
            if self._session.volume is volume:
                self._session.working.set_agreement(tuple(map(agreement_row, rows)))

        self._tasks.ask("The readings could not be compared", work, show)

    def join(self, uids: tuple[str, ...], rule: str) -> None:
        """Join readings to a new one; it is shown, and the others stay as they are."""
        from viewer.jobs.consensus import Rule, consensus

        volume, part = self._session.volume, self._session.working
        if volume is None or part.work.others_hidden:
            return
        series, reader = volume.series, self._keeping.reader
        names = {reading.uid: reading.reader for reading in part.work.readings}
        made_of = f"{rule} of {', '.join(names.get(uid, 'the shared reading') for uid in uids)}"

        def work() -> Reading:
            joined = consensus(self._documents(series.key, uids), series.slices, Rule(rule))
            made = self._log.add_consensus(series.study_uid, series.series_uid, reader, made_of)
            empty = Document(series.study_uid, series.series_uid)
            self._keeping.library.save_document(
                joined, action=f"join by {made_of}", reader=reader, previous=empty, reading=made.uid
            )
            return made

        def show(made: Reading) -> None:
            if self._session.volume is volume:
                self._switch(volume, made.uid)

        self._tasks.ask("The readings could not be joined", work, show)

    def adopt(self, uid: str) -> None:
        """Put a reading in the place of the shared one's annotations, as a step that undo takes back."""
        volume = self._session.volume
        if volume is None or self._session.working.work.others_hidden:
            return

        def show(found: list[Document]) -> None:
            if self._session.volume is not volume:
                return
            self._switch(volume, "")
            wanted = replace(
                self._session.document,
                annotations=found[0].annotations,
                reviewed_slices=found[0].reviewed_slices,
            )
            self._desk.revise(wanted, "adopt another reading")

        self._tasks.ask(
            "The reading could not be adopted", lambda: self._documents(volume.series.key, (uid,)), show
        )

    # history

    def list_history(self) -> None:
        """Tell the versions of the reading at hand."""
        where = self._open
        if where is None:
            return
        reading = self._keeping.readings.get(where, "")

        def read() -> tuple[HistoryEntry, ...]:
            self._keeping.writer.flush()
            entries = self._keeping.library.journal(where[1], reading, where[0])[-MOST_VERSIONS:]
            return tuple(
                HistoryEntry(e.seq, e.time, e.reader, e.action, sources_of(e.after))
                for e in reversed(entries)
            )

        def show(entries: tuple[HistoryEntry, ...]) -> None:
            if self._open == where:
                self._session.working.set_history(entries)

        self._tasks.ask("The history could not be read", read, show)

    def restore(self, seq: int) -> None:
        """Go back to a version, as a new step that undo takes back."""
        where = self._open
        if where is None:
            return
        reading = self._keeping.readings.get(where, "")

        def show(document: Document) -> None:
            if self._open == where:
                self._desk.revise(document, f"restore version {seq}")

        self._tasks.ask(
            "The version could not be restored",
            lambda: self._keeping.library.replay(*where, up_to=seq, reading=reading),
            show,
        )

    # queue

    def list_queue(self, order: str) -> None:
        """Tell what there is to work on, in an order."""
        library = self._keeping.library

        reader = self._keeping.reader

        def read() -> tuple[QueueEntry, ...]:
            mine = {r.study_uid for r in self._log.readings() if self._under_way(r, reader)}
            found = queue_of(
                library.studies(),
                self._log.queue(),
                library.study_scores(),
                self._log.subtypes(),
                Order(order),
            )
            return tuple(blinded(entry, reader) if entry.study_uid in mine else entry for entry in found)

        self._tasks.ask("The queue could not be read", read, self._session.working.set_queue)

    def open_study(self, study_uid: str) -> None:
        """Open a study of the queue: from the worklist where it is there, else from where its files were."""
        session, library = self._session, self._keeping.library
        here = next((study for study in session.studies if study.study_uid == study_uid), None)
        if here is not None:
            session.set_study(here)
            return

        def places() -> tuple[Path, ...]:
            rows = [row for row in library.studies() if row.study_uid == study_uid]
            files = [path for row in rows for series in row.series for path in series.files]
            return tuple(folder for folder in dict.fromkeys(path.parent for path in files) if folder.is_dir())

        def show(found: tuple[Path, ...]) -> None:
            if found:
                session.request_open(*found)
            else:
                text = "Its files are no longer where they were. Open the folder or the disc that holds them."
                session.notice("error", "The study could not be opened", text)

        self._tasks.ask("The study could not be opened", places, show)

    # time

    def _touch(self, *_: object) -> None:
        if self._session.mode is Mode.ANNOTATE and self._session.series is not None:
            self._active.start()
            if not self._since.isValid():
                self._since.start()

    def _spend(self) -> None:
        """Book the time since the last booking, if the reader has been at work."""
        where = self._open
        if not self._since.isValid():
            return
        seconds = self._since.elapsed() / 1000
        idle = self._active.elapsed() / 1000 if self._active.isValid() else seconds
        self._since.invalidate()
        if where is None:
            return
        if idle < IDLE_S and self._session.mode is Mode.ANNOTATE:
            self._since.start()
        spent = min(seconds, TICK_S + IDLE_S)
        reading, reader = self._keeping.readings.get(where, ""), self._keeping.reader
        part = self._session.working
        part.set_work(replace(part.work, seconds=part.work.seconds + spent))
        self._tasks.ask(
            "",
            lambda: self._log.add_time(*where, reader, spent, reading),
            failed=unheard,  # the writer of annotations says what is wrong with the library
        )

    def shutdown(self) -> None:
        """Book what was not booked yet."""
        self._timer.stop()
        self._spend()
