"""Background scoring: keeps the session's triage list true, and tells of a suspicious study if that is wanted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from model.errors import PterionError
from model.labels import ANY
from model.registry import Registry
from viewer.app.answering import Answering
from viewer.app.tasks import Tasks
from viewer.dicom.series import Study
from viewer.jobs.triage import Progress, Scored
from viewer.jobs.triage_qt import TriageJob
from viewer.library.store import Library
from viewer.library.triage import Reading, State, TriageList, TriageRow
from viewer.session import Findings, Session
from viewer.ui import regions

FOLDER, PAUSED = "triage_folder", "triage_paused"
"""Settings in the library."""
TITLE = "A bleed is suspected in the worklist"
NOTICE = "Research use only."


class Triaging(QObject):
    """Owns the job that scores in the background. join: adds studies to the worklist."""

    def __init__(
        self,
        session: Session,
        library: Library,
        registry: Registry,
        tasks: Tasks,
        answering: Answering,
        join: Callable[[tuple[Study, ...]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._library, self._registry = session, library, registry
        self._tasks, self._answering, self._join = tasks, answering, join
        self._list = TriageList(library)
        self._job: TriageJob | None = None
        self._fresh: set[str] = set()
        self._told = ""
        self._ended = False
        self.tray: QSystemTrayIcon | None = None
        triage = session.triage
        triage.watch_requested.connect(self.watch)
        triage.score_requested.connect(self.score)
        triage.pause_requested.connect(self.pause)
        triage.reviewed_requested.connect(self._review)
        triage.again_requested.connect(lambda uid: self._change(lambda: self._list.again(uid)))
        triage.remove_requested.connect(lambda uid: self._change(lambda: self._list.remove([uid])))
        session.study_opened.connect(self._opened)
        session.findings_changed.connect(self._give_way)
        session.load_state_changed.connect(lambda _: self._give_way(session.findings))
        session.study_status_changed.connect(self._notify)

    def begin(self) -> None:
        """Show the list as it was left, and go on with it."""

        def read() -> tuple[tuple[TriageRow, ...], tuple[Study, ...], Any, bool]:
            setting = self._library.setting
            rows = self._list.rows()
            studies = self._list.studies() if rows else ()
            return rows, studies, setting(FOLDER), bool(setting(PAUSED, False))

        def show(found: tuple[tuple[TriageRow, ...], tuple[Study, ...], Any, bool]) -> None:
            rows, studies, folder, paused = found
            self._session.triage.set_paused(paused)
            self._session.triage.set_folder(Path(folder) if isinstance(folder, str) else None)
            self._session.triage.set_rows(rows)
            if studies and (folder or self._session.triage.waiting):
                self._join(studies)
                self._answering.remember_statuses(studies)
            if folder or self._session.triage.waiting:
                self._work()

        self._tasks.ask("The list of studies to score could not be read", read, show)

    # what is asked

    def watch(self, folder: Path | None) -> None:
        """Score what appears in a folder from now on; None: no folder."""
        self._session.triage.set_folder(folder)
        text = None if folder is None else str(folder.absolute())
        self._tasks.ask("The watched folder was not noted", lambda: self._library.set_setting(FOLDER, text))
        if self._job is not None:
            self._job.watch(folder)
        elif folder is not None:
            self._work()

    def score(self, study_uids: tuple[str, ...]) -> None:
        """Let these studies of the worklist wait to be scored; those that failed, or that another model scored, too."""
        studies = [s for s in self._session.studies if s.study_uid in study_uids]
        opened = self._session.study.study_uid if self._session.study is not None else ""
        model_id = self._session.model_id

        def add() -> None:
            self._list.add(studies)
            for row in self._list.rows():
                old = row.state is State.SCORED and row.model_id != model_id
                if row.study_uid in study_uids and (old or row.state is State.FAILED):
                    self._list.again(row.study_uid)
            if opened in study_uids:
                self._list.read(opened, Reading.OPENED)

        self._change(add)

    def pause(self, paused: bool) -> None:
        """Let background scoring rest, or go on."""
        self._session.triage.set_paused(paused)
        self._tasks.ask("", lambda: self._library.set_setting(PAUSED, paused), failed=lambda _: None)
        if self._job is not None:
            self._job.pause(paused)

    def _review(self, study_uid: str, reviewed: bool) -> None:
        studies = [s for s in self._session.studies if s.study_uid == study_uid]
        reading = Reading.REVIEWED if reviewed else Reading.OPENED

        def note() -> None:
            if study_uid not in {row.study_uid for row in self._list.rows()}:
                self._list.add(studies)
            self._list.read(study_uid, reading)

        self._change(note)

    def _opened(self, study: Study | None) -> None:
        """The reader looks at a study: where it is in the list, it is no longer unread."""
        if study is not None and self._session.triage.unread(study.study_uid):
            self._change(lambda: self._list.read(study.study_uid, Reading.OPENED), work=False)

    # the list and the work

    def _change(self, change: Callable[[], object], *, work: bool = True) -> None:
        """Change the list, show it, and go on working on it."""

        def changed(rows: tuple[TriageRow, ...]) -> None:
            self._session.triage.set_rows(rows)
            if work and self._session.triage.waiting:
                self._work()

        self._tasks.ask(
            "The list of studies to score was not changed", lambda: (change(), self._list.rows())[1], changed
        )

    def _work(self) -> None:
        """Start the job, or wake it."""
        if self._ended:
            return
        if self._job is not None:
            self._job.wake()
            return
        job = self._job = TriageJob(self._library, self._registry, self)
        job.scored.connect(self._scored)
        job.progressed.connect(self._progressed)
        job.found.connect(self._found)
        job.failed.connect(self._failed)
        job.finished.connect(lambda: self._finished(job))
        job.watch(self._session.triage.folder)
        job.pause(self._session.triage.paused)
        self._give_way(self._session.findings)
        job.start()

    def _give_way(self, findings: Findings | None) -> None:
        """Rest while the open study is loaded and scored: the reader waits for that one."""
        if self._job is not None:
            scoring = findings is not None and not (findings.done or findings.not_run)
            volume = self._session.volume
            loading = volume is not None and not bool((volume.loaded | volume.failed).all())
            self._job.give_way(scoring or loading)

    def _progressed(self, progress: Progress) -> None:
        self._session.triage.set_scoring(progress.study_uid, progress.scored, progress.total)

    def _found(self, studies: tuple[Study, ...]) -> None:
        self._join(studies)
        self._change(lambda: None)

    def _scored(self, told: Scored) -> None:
        uid = told.study.study_uid
        self._change(lambda: None, work=False)
        if not told.error:
            self._fresh.add(uid)
            self._answering.remember_statuses((told.study,))

    def _failed(self, error: PterionError) -> None:
        self._session.notice("warning", "Nothing is scored in the background", str(error))

    def _finished(self, job: TriageJob) -> None:
        if job is self._job:
            self._job = None
            self._session.triage.set_scoring("")
        job.deleteLater()

    # telling

    def _notify(self, study_uid: str) -> None:
        """Tell of a study that was scored just now and is suspicious. Nothing said names the patient."""
        if study_uid not in self._fresh:
            return
        self._fresh.discard(study_uid)
        status = self._session.study_status.get(study_uid, "")
        parsed = regions.parse_status(status)
        opened = self._session.study is not None and self._session.study.study_uid == study_uid
        if parsed is None or parsed[0] == ANY or opened or not self._session.preferences.notify_triage:
            return
        text = f"{status}. {NOTICE}"
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            self._told = study_uid
            self._tray().showMessage(TITLE, text)
        else:
            self._session.notice("warning", TITLE, text)

    def _tray(self) -> QSystemTrayIcon:
        """The icon in the tray, there from the first message on."""
        if self.tray is None:
            self.tray = QSystemTrayIcon(QApplication.windowIcon(), self)
            self.tray.messageClicked.connect(self.open_told)
            self.tray.show()
        return self.tray

    def open_told(self) -> None:
        """Open the study that was told of last, in a window that is in front."""
        study = next((s for s in self._session.studies if s.study_uid == self._told), None)
        if study is not None:
            self._session.set_study(study)
            for window in QApplication.topLevelWidgets():
                if window.isVisible() and window.isWindow() and window.parent() is None:
                    window.raise_()
                    window.activateWindow()

    def shutdown(self) -> None:
        """End the job and its process; the study in hand waits until the next start."""
        self._ended = True
        if self.tray is not None:
            self.tray.hide()
        job, self._job = self._job, None
        if job is not None:
            job.shutdown()
