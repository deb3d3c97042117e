"""What another window, or another process, saves about the open series: shown here, too, without opening it again."""

import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from viewer.annotation.document import Document, new_uid
from viewer.app.keeping import Keeping
from viewer.app.tasks import Tasks
from viewer.dicom.series import Stamp, stamp_of
from viewer.library.merge import merge
from viewer.session import Session
from viewer.ui.desk import AnnotationDesk

EVERY_MS = 1500
SETTLED_NS = 10**9
"""A file that changed less than this ago may change again without its time telling."""


class Noticing(QObject):
    """Looks at the library's files now and then, and asks it once they have changed, by whomever."""

    def __init__(
        self, session: Session, keeping: Keeping, desk: AnnotationDesk, chores: Tasks, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._keeping, self._desk, self._chores = session, keeping, desk, chores
        self._asked = False
        self._told: set[tuple[str, str]] = set()
        self._seen: tuple[object, ...] = ()
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.look)

    def begin(self) -> None:
        """Look from now on."""
        self._timer.start()

    def look(self) -> None:
        """Ask what is stored of the open series, unless an edit of this window still waits to be."""
        shown = self._session.document
        if self._asked or not shown.series_uid or self._keeping.writer.pending:
            return
        reading = self._keeping.readings.get(shown.key, "")
        stamps = _stamps(self._keeping.library.path)
        seen = (shown, reading, *stamps)
        if _settled(stamps) and len(seen) == len(self._seen) and all(map(_same, seen, self._seen)):
            return
        self._seen, self._asked = seen, True

        def take(stored: Document) -> None:
            self._asked = False
            same = self._session.document is shown and self._keeping.readings.get(shown.key, "") == reading
            if same and stored != shown and not self._keeping.writer.pending:
                self._show(shown, stored)

        def failed(_: object) -> None:
            self._seen, self._asked = (), False

        library = self._keeping.library
        self._chores.ask("", lambda: library.load_document(*shown.key, reading), take, failed)

    def _show(self, shown: Document, stored: Document) -> None:
        """Put what is stored in the place of what is shown; what undo leads to gets the same changes."""

        def carried(document: Document) -> Document:
            return merge(stored, shown, document, new_uid).document

        shown_here = self._desk.catch_up(stored, carried)
        if shown_here and shown.key not in self._told and not _same_but_for_order(stored, shown):
            self._told.add(shown.key)
            text = "What it saves is shown here, too. Nobody's work is overwritten."
            self._session.notice("info", "Another window draws on this series", text)

    def shutdown(self) -> None:
        """Look no more."""
        self._timer.stop()


def _same_but_for_order(one: Document, other: Document) -> bool:
    """Whether two documents hold the same, in whatever order the library gave it back."""
    kinds = ("annotations", "measures", "marks", "verdicts")
    return one.reviewed_slices == other.reviewed_slices and all(
        {item.uid: item for item in getattr(one, kind)} == {item.uid: item for item in getattr(other, kind)}
        for kind in kinds
    )


def _stamps(library: Path) -> tuple[Stamp | None, ...]:
    """Of the database and of its log of what was written last (SQLite's `-wal`)."""
    return tuple(map(stamp_of, (library, library.with_name(f"{library.name}-wal"))))


def _settled(stamps: tuple[Stamp | None, ...]) -> bool:
    return all(stamp is None or time.time_ns() - stamp[1] > SETTLED_NS for stamp in stamps)


def _same(one: object, other: object) -> bool:
    """Documents are compared by identity: they may hold thousands of outlines."""
    return one is other or (not isinstance(one, Document) and one == other)
