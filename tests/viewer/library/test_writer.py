"""Edits are saved in order off the caller's thread, and kept until they can be."""

import sqlite3
import threading
from pathlib import Path

import pytest

from viewer.annotation.document import Annotation, Document
from viewer.library import schema
from viewer.library import writer as writers
from viewer.library.store import Library
from viewer.library.writer import NotSaved, Saved, Writer

EMPTY = Document("study", "series")


def document(count: int, series_uid: str = "series") -> Document:
    ring = tuple((float(x), x * x / 7) for x in range(200))
    drawn = tuple(Annotation(str(number), "a", 0, "SDH", ring) for number in range(count))
    return Document("study", series_uid, drawn)


class Listener:
    """Keeps what it is told; `wait` blocks until it has been told so much."""

    def __init__(self) -> None:
        self.told: list[Saved | NotSaved] = []
        self.threads: set[str] = set()
        self._more = threading.Condition()

    def __call__(self, event: Saved | NotSaved) -> None:
        with self._more:
            self.told.append(event)
            self.threads.add(threading.current_thread().name)
            self._more.notify_all()

    def wait(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.told) >= count, 20)


@pytest.fixture
def listener() -> Listener:
    return Listener()


def submit(writer: Writer, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        new, old = document(number + 1), document(number)
        writer.submit(new, previous=old, action=f"draw {number + 1}", reader="R")


class Disk:
    """A disk that can be full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self._connect = schema.connect
        monkeypatch.setattr(schema, "connect", self.connect)

    def connect(self, path: Path) -> sqlite3.Connection:
        connection = self._connect(path)
        if self.full:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection


def test_edits_are_saved_in_order_and_acknowledged_one_by_one(tmp_path: Path, listener: Listener) -> None:
    library = Library(tmp_path)
    writer = Writer(library, listener)
    submit(writer, 12)
    assert writer.flush()
    assert writer.pending == 0
    assert writer.close()
    assert [event.edit for event in listener.told] == list(range(1, 13))
    assert all(isinstance(event, Saved) for event in listener.told)
    assert listener.threads == {"library writer"}
    assert [entry.action for entry in library.journal("series")] == [f"draw {n}" for n in range(1, 13)]
    assert library.load_document("study", "series") == document(12)


def test_close_saves_what_waits(tmp_path: Path, listener: Listener) -> None:
    library = Library(tmp_path)
    writer = Writer(library, listener)
    submit(writer, 5)
    assert writer.close()
    assert library.load_document("study", "series") == document(5)
    with pytest.raises(RuntimeError, match="closed"):
        submit(writer, 1)


def test_a_full_disk_keeps_the_edits_until_there_is_space(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "_RETRY_SECONDS", (60.0,))
    disk = Disk(monkeypatch)
    library = Library(tmp_path)
    library._idle.pop().close()
    disk.full = True
    writer = Writer(library, listener)
    submit(writer, 3)
    listener.wait(1)
    told = listener.told[0]
    assert isinstance(told, NotSaved)
    assert told.edit == 1
    assert told.error.code == "LIBRARY_FULL"
    assert not writer.flush()
    assert writer.unsaved() == (document(3),)
    disk.full = False
    writer.retry()
    assert writer.flush()
    assert writer.unsaved() == ()
    assert library.load_document("study", "series") == document(3)
    assert [e.edit for e in listener.told if isinstance(e, Saved)] == [1, 2, 3]
    writer.close()


def test_space_that_returns_is_noticed_without_being_told(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "_RETRY_SECONDS", (0.01,))
    disk = Disk(monkeypatch)
    library = Library(tmp_path)
    library._idle.pop().close()
    disk.full = True
    writer = Writer(library, listener)
    submit(writer, 1)
    listener.wait(3)
    assert all(isinstance(event, NotSaved) for event in listener.told)
    disk.full = False
    with writer._changed:
        assert writer._changed.wait_for(lambda: not writer._edits, 20)
    writer.close()
    assert library.load_document("study", "series") == document(1)


def test_close_on_a_full_disk_says_what_is_not_saved(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    library = Library(tmp_path)
    library._idle.pop().close()
    disk.full = True
    writer = Writer(library, listener)
    submit(writer, 2)
    writer.submit(document(1, "other"), previous=document(0, "other"), action="draw", reader="R")
    assert writer.waiting("study", "series") == document(2)
    assert writer.waiting("study", "other") == document(1, "other")
    assert writer.waiting("study", "other", "a reading of its own") is None
    assert not writer.close()
    assert writer.unsaved() == (document(2), document(1, "other"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_is_not_hidden(tmp_path: Path) -> None:
    def listen(event: Saved | NotSaved) -> None:
        raise KeyError("bug")

    writer = Writer(Library(tmp_path), listen)
    writer.submit(document(1), previous=EMPTY, action="draw", reader="R")
    writer._thread.join(20)
    assert not writer._thread.is_alive()
    with pytest.raises(RuntimeError, match="bug"):
        writer.submit(document(2), previous=document(1), action="draw", reader="R")
