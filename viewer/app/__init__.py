"""The only part that knows everyone: builds the session, the library, the jobs and the window, and connects them.

Intentions of the session go to jobs, answers of jobs go to the session; an answer for a series that is no longer
open is dropped.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication, QMessageBox

from model.errors import PterionError
from model.registry import Registry
from viewer.annotation.document import Document
from viewer.annotation.stack import Stack
from viewer.app.annotating import Annotating
from viewer.app.answering import Answering
from viewer.app.copying import Copying
from viewer.app.describing import Describing
from viewer.app.examining import Examining
from viewer.app.exporting import Exporting
from viewer.app.hanging import Hanging
from viewer.app.inspecting import Inspecting
from viewer.app.keeping import Keeping
from viewer.app.knowing import Knowing
from viewer.app.learning import LearningDesk
from viewer.app.opening import Opening
from viewer.app.placing import KeptPlaces
from viewer.app.preferring import Preferring
from viewer.app.receiving import Receiving
from viewer.app.recent import Recent
from viewer.app.reporting import LOG_NAME, BugReporter
from viewer.app.restoring import Restoring
from viewer.app.tasks import Tasks
from viewer.app.teaching import Teaching
from viewer.app.tidying import Tidying
from viewer.app.triaging import Triaging
from viewer.app.visiting import Visiting
from viewer.app.warming import warm
from viewer.app.windowing import Windowing
from viewer.dicom.cache import with_origins
from viewer.dicom.series import Study
from viewer.dicom.volume import Volume
from viewer.jobs.qt import end_all, imported, reading_imported
from viewer.jobs.reading_qt import LoadJob
from viewer.library.store import Library
from viewer.resources import assets_dir, data_dir
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.beside import BesideDesk
from viewer.ui.desk import AnnotationDesk
from viewer.ui.main_window import MainWindow
from viewer.ui.reading import ReadingArea
from viewer.ui.received import ReceivedWindow

DEMO_FOLDER = "demo"


def default_registry() -> Registry:
    """The versions that came with the program and the user's own."""
    return Registry(assets_dir() / "models", data_dir() / "models")


class Application(QObject):
    """One window and everything behind it. The constructor shows the window; `shutdown` ends every thread.

    Raises LibraryError where the library cannot be opened: nothing could be kept then.
    """

    def __init__(
        self,
        paths: Sequence[Path] = (),
        *,
        library_dir: Path | None = None,
        demo: bool = False,
        empty: bool = False,
        registry: Registry | None = None,
    ) -> None:
        """empty: do not show the last session again, where there are neither paths nor the demo to open."""
        super().__init__()
        _give_way()
        self.ended = False
        self.library = Library(library_dir or data_dir())
        self.registry = registry or default_registry()
        self.session = Session(self)
        self._build_services()
        self._build_window()
        self._connect()
        self.window.show()
        self.window.activateWindow()  # where no window manager does it, keys would go nowhere
        QTimer.singleShot(0, self, lambda: self._begin(tuple(paths), demo=demo, empty=empty))

    def _build_services(self) -> None:
        """All that works for the session without a widget."""
        session, library = self.session, self.library
        self.tasks, self.chores = Tasks(session, self), Tasks(session, self)
        self.preferring = Preferring(session, data_dir(), self)
        self.desk = AnnotationDesk(session, self)
        self.beside = BesideDesk(session, self.desk, self)
        self.keeping = Keeping(session, library, self)
        self.opening = Opening(session, self.chores, Knowing(library, self.tasks), self)
        self.tidying = Tidying(self._busy, lambda: (QCursor.pos(), session.slice_index), self)
        self.inspecting = Inspecting(session, self)
        self.copying = Copying(session, self)
        self.describing = Describing(session, self.chores, library.path, data_dir() / LOG_NAME, self)
        self.recent = Recent(session, library, self.tasks, self)
        self.answering = Answering(session, self.registry, library, self.tasks, self)
        self.examining = Examining(session, library, self.desk, self.answering.predictor, self)
        self.receiving = Receiving(session, self.chores, self)
        join = self.opening.join
        self.triaging = Triaging(session, library, self.registry, self.tasks, self.answering, join, self)
        self.teaching = Teaching(session, self.registry, library, self.tasks, self)
        self.learning = LearningDesk(session, self.registry, library, self.tasks, self)
        self.visiting = Visiting(session, library, self.tasks, self)
        self.hanging = Hanging(session, self.opening.volumes, library, self.tasks, self)
        self.windowing = Windowing(session, library, self.chores, self.tasks, self)
        self.annotating = Annotating(session, self.keeping, self.desk, self.tasks, self.chores, self)

    def _build_window(self) -> None:
        """The window, and what works with its widgets."""
        session = self.session
        reading = ReadingArea(session)
        self.window = MainWindow(session, reading, reading.commands.values())
        self.restoring = Restoring(
            session,
            self.library,
            self.tasks,
            self.opening,
            self.hanging,
            reading,
            self.window.placing,
            self,
        )
        self.places = KeptPlaces(self.window.placing, self.library, self.tasks, self)
        self.received = ReceivedWindow(session, self.window)
        self.window.top_bar.layout_clicked.connect(reading.menu.popup)
        self.window.top_bar.windows_clicked.connect(reading.window_menu.popup)
        self.exporting = Exporting(session, lambda number: reading.viewports[number].size(), self)

    def _connect(self) -> None:
        session = self.session
        self.window.may_close = self.may_close
        self.hanging.may_mix = self.may_mix
        self.desk.edited.connect(self.keeping.keep)
        self.beside.edited.connect(self.keeping.keep)
        session.panes.volume_added.connect(self._hung_beside)
        self.keeping.saved = self.teaching.count_later
        self.teaching.claimed = self.learning.changed = self.answering.refresh_models
        self.opening.scanned = self._scanned
        self.opening.opened = self._opened
        self.opening.arrived = self.answering.arrived
        self.opening.closed = self._closed
        session.demo_requested.connect(self.open_demo)
        session.accept_findings_requested.connect(self.examining.accept_all)
        self.examining.accepted = lambda: self.window.right.show_tab(1)

    def _begin(self, paths: tuple[Path, ...], *, demo: bool, empty: bool) -> None:
        """What can wait until the window is up."""
        if self.ended:
            return
        self.answering.refresh_models()
        self.examining.begin()
        self.teaching.begin()
        self.triaging.begin()
        self.recent.begin()
        self.places.begin()
        self.annotating.begin()
        self.preferring.begin(self.library, self.tasks, self.opening.volumes)
        self.hanging.begin()
        self.windowing.begin()
        imported.clear()
        reading_imported.clear()
        self.chores.ask("", _warm)
        self.tidying.begin()
        if paths:
            self.session.request_open(*paths)
        elif demo:
            self.open_demo()
        if paths or demo or empty:
            self.restoring.watch()
        else:
            self.restoring.begin()

    def _busy(self) -> bool:
        """Whether something is loaded, looked for or scored just now."""
        findings = self.session.findings
        scoring = findings is not None and not (findings.done or findings.not_run)
        return scoring or self.opening.busy

    def _scanned(self, studies: tuple[Study, ...]) -> None:
        self.answering.remember_statuses(studies)
        self.recent.opened()
        self.restoring.scanned()
        self.visiting.scanned()

    def _opened(self, volume: Volume, load: LoadJob) -> None:
        series = volume.series
        self.annotating.opening(volume)
        document = self.keeping.document(series.study_uid, series.series_uid)
        rows, columns = volume.hu.shape[1:]
        self.desk.open(document, (rows, columns), Stack.of(volume))
        self.session.set_save_state(
            "Saved" if document.annotations or document.measures or document.marks else ""
        )
        study = self.session.study
        if study is not None:  # where its files are: a later training reads them again
            remember = "The study could not be noted in the library"
            self.tasks.ask(remember, lambda: self.library.remember_study(with_origins(study)))
        self.answering.begin(volume, load)
        self.restoring.opened(volume)
        self.visiting.opened(volume)

    def _hung_beside(self, volume: Volume) -> None:
        """A series hangs beside the open one: what was measured on it is shown, and may be added to."""
        self.beside.open(self.keeping.document(*volume.series.key))

    def _closed(self) -> None:
        """Nothing is open any more: a series of another study could not be loaded."""
        self.desk.open(Document(), None)
        self.session.set_volume(None)
        self.session.set_load_state("")

    def open_demo(self) -> None:
        """Write the demo study where it is not there yet, and open it."""
        folder = data_dir() / DEMO_FOLDER

        def write() -> None:
            from viewer.jobs.demo import write_demo

            write_demo(folder)

        self.session.set_load_state("Making the demo study…")

        def written(_: object) -> None:
            self.session.request_open(folder)

        def failed(error: PterionError) -> None:
            self.session.set_load_state("")
            self.session.notice("error", "The demo study could not be made", str(error))

        self.chores.ask("", write, written, failed)

    def may_mix(self, question: str) -> bool:
        """Ask before images of two patients are shown side by side."""
        answer = QMessageBox.question(
            self.window,
            "Another patient",
            question,
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Yes

    def may_close(self) -> bool:
        """Save what waits; where that fails, ask the reader before anything is lost."""
        self.desk.finish()
        if self.keeping.writer.flush():
            return True
        count = self.keeping.writer.pending
        answer = QMessageBox.warning(
            self.window,
            "Not saved",
            f"{count} edit{'s' * (count != 1)} could not be saved yet: the library takes no data. Free some space on "
            "its disk and try again. Close anyway and lose them?",
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Discard

    def shutdown(self) -> None:
        """End every thread; what was drawn is on the disk before. A training goes on without the window."""
        if self.ended:
            return
        self.ended = True
        self.tidying.end()
        self.annotating.shutdown()
        self.restoring.finish()
        parts = (self.triaging, self.exporting, self.teaching, self.opening, self.hanging, self.answering)
        for part in (*parts, self.examining, self.learning):
            part.shutdown()
        self.chores.shutdown(drop=True)
        self.tasks.shutdown()
        reading_imported.set()
        imported.set()
        end_all()
        self.keeping.writer.close()
        self.library.close()


def _warm() -> None:
    try:
        warm(reading_imported.set)
    finally:
        reading_imported.set()
        imported.set()


def _give_way() -> None:
    """Let the window have the processor and the interpreter as soon as it wants them."""
    # Qt would split each picture over threads of its own: a fifth more work, and waits for busy cores.
    os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
    # A thread that computes gives way to the window at once: painting asks for it dozens of times.
    sys.setswitchinterval(0.0002)


def cannot_start(error: PterionError) -> None:
    """Say in a window why there will be none: who starts from a menu sees no console."""
    box = QMessageBox(QMessageBox.Icon.Critical, "Pterion cannot start", str(error))
    box.setInformativeText("Research use only. Not for diagnosis.")
    box.exec()


def run(
    paths: Sequence[Path], *, library_dir: Path | None = None, demo: bool = False, empty: bool = False
) -> int:
    """Open the window on `paths` and return when it is closed. 0 where all went well."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("Pterion")
    theme.apply(app)
    try:
        application = Application(paths, library_dir=library_dir, demo=demo, empty=empty)
        reporter = BugReporter(application.session, data_dir())
    except PterionError as error:
        cannot_start(error)
        raise
    reporter.install()
    application.window.placing.fit()
    try:
        return app.exec()
    finally:
        application.shutdown()
        reporter.remove()
