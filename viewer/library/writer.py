"""Saves edits in order on a thread of its own, and keeps what could not be saved until it can be."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from viewer.annotation.document import Document
from viewer.library.errors import LibraryError
from viewer.library.records import SavedEdit
from viewer.library.store import Library

_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Saved:
    """Every edit up to number `edit` is on the disk. `pending`: how many wait behind it."""

    edit: int
    saved: SavedEdit
    pending: int


@dataclass(frozen=True)
class NotSaved:
    """Edit number `edit` could not be saved and is kept, with the `pending - 1` behind it, to be tried again."""

    edit: int
    error: LibraryError
    pending: int


@dataclass(frozen=True)
class _Edit:
    number: int
    document: Document
    previous: Document
    action: str
    reader: str
    reading: str = ""


class Writer:
    """Takes edits without waiting, saves them one by one in order, tells `listener` on the writer's thread.

    After an error the edits stay in memory and are tried again every few seconds, or at once by `retry`.
    """

    def __init__(self, library: Library, listener: Callable[[Saved | NotSaved], None]) -> None:
        self._library = library
        self._listener = listener
        self._edits: deque[_Edit] = deque()
        self._changed = threading.Condition()
        self._count = 0
        self._failures = 0
        self._closing = False
        self._bug: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="library writer", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """How many edits are not on the disk yet."""
        with self._changed:
            return len(self._edits)

    def unsaved(self) -> tuple[Document, ...]:
        """The latest state of every series (in every reading) whose last edit is not on the disk yet."""
        with self._changed:
            return tuple({(*edit.document.key, edit.reading): edit.document for edit in self._edits}.values())

    def waiting(self, study_uid: str, series_uid: str, reading: str = "") -> Document | None:
        """The latest state of a series in a reading, where it is not on the disk yet."""
        with self._changed:
            for edit in reversed(self._edits):
                if (*edit.document.key, edit.reading) == (study_uid, series_uid, reading):
                    return edit.document
        return None

    def submit(
        self, document: Document, *, previous: Document, action: str, reader: str, reading: str = ""
    ) -> int:
        """Have the step from `previous` to `document` saved. Returns the edit's number, counted from 1."""
        with self._changed:
            if self._closing:
                raise RuntimeError("the writer is closed")
            if self._bug:
                raise RuntimeError("the writer has died of a bug") from self._bug
            self._count += 1
            self._edits.append(_Edit(self._count, document, previous, action, reader, reading))
            self._changed.notify_all()
            return self._count

    def retry(self) -> None:
        """Try at once what could not be saved."""
        with self._changed:
            self._failures = 0
            self._changed.notify_all()

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until every edit is on the disk. False when that does not come about: see `unsaved`."""
        self.retry()
        with self._changed:
            self._changed.wait_for(lambda: not self._edits or self._failures or self._bug, timeout_s)
            return not self._edits

    def close(self, timeout_s: float = 10.0) -> bool:
        """Save what waits and stop. False when something could not be saved; `unsaved` still tells what."""
        done = self.flush(timeout_s)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return done

    def _run(self) -> None:
        try:
            while (edit := self._next()) is not None:
                self._save(edit)
        except BaseException as error:
            with self._changed:
                self._bug = error
                self._changed.notify_all()
            raise

    def _next(self) -> _Edit | None:
        """Wait for the first edit, and after a failure for the time to try again. None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._edits or self._closing)
            if self._failures and not self._closing:
                due = time.monotonic() + _RETRY_SECONDS[min(self._failures, len(_RETRY_SECONDS)) - 1]
                self._changed.wait_for(
                    lambda: not self._failures or self._closing, max(0.0, due - time.monotonic())
                )
            return None if self._closing else self._edits[0]

    def _save(self, edit: _Edit) -> None:
        try:
            saved = self._library.save_document(
                edit.document,
                previous=edit.previous,
                action=edit.action,
                reader=edit.reader,
                reading=edit.reading,
            )
        except LibraryError as error:
            with self._changed:
                self._failures += 1
                pending = len(self._edits)
                self._changed.notify_all()
            self._listener(NotSaved(edit.number, error, pending))
            return
        with self._changed:
            self._failures = 0
            self._edits.popleft()
            pending = len(self._edits)
            self._changed.notify_all()
        self._listener(Saved(edit.number, saved, pending))
