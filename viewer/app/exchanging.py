"""Annotations in and out of other programs' formats, and the whole library to a folder and back, off the GUI thread."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject

from model.errors import Cancelled, PterionError
from viewer.app.keeping import Keeping
from viewer.app.tasks import Tasks
from viewer.interchange.drawn import Imported, NamesWantedError, added
from viewer.interchange.library_folder import Counts, Watch
from viewer.jobs.qt import Relay
from viewer.session import Session
from viewer.ui.desk import AnnotationDesk
from viewer.working import ExportOrder

NOT_LOADED = "The series is still being read. Wait until it is loaded, then try again."


class Exchanging(QObject):
    """Answers what readers ask to be imported and exported."""

    def __init__(
        self, session: Session, keeping: Keeping, desk: AnnotationDesk, tasks: Tasks, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._keeping, self._desk, self._tasks = session, keeping, desk, tasks
        self._stop, self._doing = threading.Event(), ""
        self._relay = Relay(self)
        self._relay.arrived.connect(lambda values: self._progressed(*values[-1]))
        session.exports.cancel_requested.connect(self._stop.set)
        part = session.working
        part.import_requested.connect(self.take_in)
        part.export_requested.connect(self.write)
        part.library_out_requested.connect(self.library_out)
        part.library_in_requested.connect(self.library_in)

    def take_in(self, path: Path, mapping: Mapping[str, str]) -> None:
        """Add what a file holds for the open series, as one step that undo takes back; all of it or nothing."""
        from viewer.interchange.reading import read_annotations

        session, volume = self._session, self._session.volume
        if volume is None:
            session.notice(
                "info", "Nothing to import to", "Open the series that the annotations belong to first."
            )
            return

        def show(found: Imported) -> None:
            if session.volume is not volume:
                return
            wanted, new = added(session.document, found)
            self._desk.revise(wanted, f"import {path.name}")
            there = len(found.annotations) - new
            words = [f"{new} annotation{'s' * (new != 1)} added. Undo takes them back."]
            words += [f"{there} were there already."] if there else []
            session.notice("info", "Imported", " ".join((*words, *found.remarks)))

        def failed(error: PterionError) -> None:
            if isinstance(error, NamesWantedError) and not mapping:
                session.working.names_wanted.emit(path, error.names)
            else:
                session.notice("error", "Nothing was imported", str(error))

        series, spacing_mm = volume.series, volume.spacing_mm
        self._tasks.ask("", lambda: read_annotations(path, series, spacing_mm, mapping), show, failed)

    def write(self, order: ExportOrder) -> None:
        """Write the annotations of the open series; they are read back and compared before it is called done."""
        from viewer.jobs.annotations_out import Form, write_annotations

        session, volume, document = self._session, self._session.volume, self._session.document
        if volume is None:
            session.notice("info", "Nothing to export", "Open a series first.")
            return
        form = Form(order.form)

        def tell(paths: tuple[Path, ...]) -> None:
            what = paths[0].name if len(paths) == 1 else f"{len(paths)} files in “{order.out.name}”"
            text = f"{what}, read back and compared. Research use only."
            session.notice("info", f"Annotations exported as {form}", text)

        self._tasks.ask(
            "The annotations were not exported",
            lambda: write_annotations(form, order.out, document, volume),
            tell,
        )

    def library_out(self, folder: Path) -> None:
        """Write the whole library to a folder."""
        from viewer.interchange.library_folder import write_library

        def work(watch: Watch) -> Counts:
            self._keeping.writer.flush()
            return write_library(self._keeping.library, folder, watch)

        def tell(counts: Counts) -> None:
            text = f"{counts.series} readings with {counts.edits} edits in “{folder.name}”, read back and compared."
            self._session.notice("info", "Library exported", f"{text} Research use only.")

        self._transfer("Exporting the library", "The library was not exported", work, tell)

    def library_in(self, folder: Path) -> None:
        """Put an exported library into this one."""
        from viewer.interchange.library_folder import read_library

        def work(watch: Watch) -> Counts:
            self._keeping.writer.flush()
            return read_library(self._keeping.library, folder, watch)

        def tell(counts: Counts) -> None:
            text = f"{counts.series} readings, {counts.edits} edits; {counts.merged} added to what was there."
            self._session.notice(
                "info", "Library imported", f"{text} Open a series again to see what is new."
            )
            self._keeping.saved()

        self._transfer("Importing a library", "The library was not imported", work, tell)

    def _transfer(
        self, doing: str, failure: str, work: Callable[[Watch], Counts], tell: Callable[[Counts], None]
    ) -> None:
        """Move a library off the GUI thread, with progress, until it is done or cancelled."""
        exports = self._session.exports
        if exports.progress:
            self._session.notice(
                "info", "Still exporting", "Wait until the export before is done, or cancel it."
            )
            return
        self._stop.clear()
        self._doing = doing
        exports.set_progress(f"{doing}…")
        watch = Watch(lambda done, total: self._relay.put((done, total)), self._stop.is_set)

        def moved() -> Counts | None:
            try:
                return work(watch)
            except Cancelled:
                return None

        def ended() -> None:
            self._doing = ""  # what was told before and comes later is not said
            exports.set_progress("")

        def then(counts: Counts | None) -> None:
            ended()
            if counts is not None:
                tell(counts)

        def failed(error: PterionError) -> None:
            ended()
            self._session.notice("error", failure, str(error))

        self._tasks.ask("", moved, then, failed)

    def _progressed(self, done: int, total: int) -> None:
        if self._doing:
            self._session.exports.set_progress(f"{self._doing}… {100 * done // max(total, 1)} %")

    def shutdown(self) -> None:
        """Stop; what is not finished leaves nothing behind."""
        self._stop.set()
