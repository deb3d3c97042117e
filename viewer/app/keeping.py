"""What the reader draws, kept: every finished edit to the library, in order, and whether it is safe."""

import getpass
from collections.abc import Callable

from PySide6.QtCore import QObject

from viewer.annotation.document import Document
from viewer.annotation.events import Edit
from viewer.jobs.qt import Relay
from viewer.library.errors import LibraryError
from viewer.library.store import Library
from viewer.library.writer import NotSaved, Saved, Writer
from viewer.session import Session


def reader_name() -> str:
    """Who is at work, for the journal of annotations."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "reader"


class Keeping(QObject):
    """Every finished edit to the library, in order; says whether the work is safe."""

    def __init__(self, session: Session, library: Library, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.library = library
        self.reader = reader_name()
        self.readings: dict[tuple[str, str], str] = {}
        """By UIDs of study and series the reading that its edits go to, where that is not the shared one."""
        self._told = False
        self._relay = Relay(self)
        self._relay.arrived.connect(self._heard)
        self.writer = Writer(library, self._relay.put)
        self.saved: Callable[[], None] = lambda: None

    def keep(self, edit: Edit) -> None:
        """Have an edit saved."""
        self._session.set_save_state("Saving…")
        reading = self.readings.get(edit.document.key, "")
        self.writer.submit(
            edit.document, previous=edit.previous, action=edit.action, reader=self.reader, reading=reading
        )

    def document(self, study_uid: str, series_uid: str) -> Document:
        """The annotations of a series, in the reading at hand: what still waits to be saved, else what the library
        holds."""
        reading = self.readings.get((study_uid, series_uid), "")
        waiting = self.writer.waiting(study_uid, series_uid, reading)
        if waiting is not None:
            return waiting
        try:
            return self.library.load_document(study_uid, series_uid, reading)
        except LibraryError as error:
            self._session.notice("error", "The annotations of this series could not be read", str(error))
            return Document(study_uid, series_uid)

    def _heard(self, answers: tuple[Saved | NotSaved, ...]) -> None:
        last = answers[-1]
        if isinstance(last, NotSaved):
            edits = f"{last.pending} edit{'s' * (last.pending != 1)}"
            self._session.set_save_state(f"Not saved: {edits} kept in memory")
            if not self._told:
                self._told = True
                title = "The annotations are kept in memory"
                text = f"{last.error} Do not close the window until “Saved” shows."
                self._session.notice("warning", title, text)
            return
        self._told = False
        self._session.set_save_state("Saving…" if last.pending else "Saved")
        for answer in answers:
            if isinstance(answer, Saved) and answer.saved.conflicts:
                self._session.notice(
                    "warning",
                    "Another window changed the same annotations",
                    "Both versions are kept and shown. Delete the one you do not want.",
                )
        if not last.pending:
            self.saved()
