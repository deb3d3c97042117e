"""Scores the studies of the triage list one by one in a process of its own, and looks for new ones in a watched folder.

Runs in one thread of the parent. A study whose process dies has failed; the next one gets a new process. What is
interrupted waits again: nothing is scored twice, as findings are kept in the library before a study counts as scored.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import Cancelled, PterionError
from model.file_lock import try_lock, unlock
from model.registry import Registry
from viewer.dicom.scan import scan
from viewer.dicom.series import Stamp, Study, stamp_of
from viewer.jobs.crew import ENTRY, PROGRESS, Model, Worker
from viewer.jobs.study_score import Task
from viewer.library.errors import LibraryError
from viewer.library.store import Library
from viewer.library.triage import TriageList

LOCK = "triage.lock"
WAIT_S = 0.2
LOOK_S = 5.0
"""How often a watched folder is looked into. A file counts once it has stayed the same from one look to the next."""
IDLE_S = 60.0
"""How long a process without work is kept, with the model loaded."""
ELSEWHERE = "Another window of Pterion scores this list."


@dataclass(frozen=True)
class Scored:
    """A study was scored, or could not be: then `error` says why."""

    study: Study
    error: str = ""


@dataclass(frozen=True)
class Progress:
    """How far the study in hand is; no study: nothing is being scored."""

    study_uid: str = ""
    scored: int = 0
    total: int = 0


@dataclass(frozen=True)
class Found:
    """Studies that have appeared in the watched folder."""

    studies: tuple[Study, ...]


Told = Scored | Progress | Found


class Triage:
    """The work behind the list. `run` belongs to a thread; the other methods may be called from any."""

    def __init__(self, library: Library, registry: Registry, tell: Callable[[Told], None]) -> None:
        self._library, self._registry, self._tell = library, registry, tell
        self._list = TriageList(library)
        self._awake = threading.Condition()
        self._folder: Path | None = None
        self._looked_at: dict[Path, Stamp] = {}
        self._settled: dict[Path, Stamp] = {}
        self._look_at = 0.0
        self._paused = self._yielding = self._ended = False
        self._worker: Worker | None = None
        self._idle_since = 0.0

    def wake(self) -> None:
        """The list has changed."""
        with self._awake:
            self._awake.notify_all()

    def watch(self, folder: Path | None) -> None:
        """Look for studies in this folder from now on, or in none."""
        with self._awake:
            self._folder, self._look_at = folder, 0.0
            self._looked_at, self._settled = {}, {}
            self._awake.notify_all()

    def pause(self, paused: bool) -> None:
        """Stop after the slice in hand until it is called with False."""
        self._hold(paused, self._yielding)

    def give_way(self, busy: bool) -> None:
        """Rest while the reader's own study is read and scored."""
        self._hold(self._paused, busy)

    def _hold(self, paused: bool, yielding: bool) -> None:
        with self._awake:
            self._paused, self._yielding = paused, yielding
            self._awake.notify_all()

    def end(self) -> None:
        """Make `run` return soon; the study in hand waits again."""
        with self._awake:
            self._ended = True
            self._awake.notify_all()

    @property
    def _held(self) -> bool:
        return self._paused or self._yielding

    def run(self) -> None:
        """Score until `end`. Raises PterionError where the library fails, or another process works on the list."""
        with _only_one(self._library.path.parent / LOCK):
            try:
                self._list.begin()
                while not self._ended:
                    self._look()
                    study = None if self._held else self._list.take()
                    if study is None:
                        self._rest()
                        self._wait(WAIT_S)
                    else:
                        self._score(study)
            finally:
                self._drop_worker()

    def _wait(self, seconds: float) -> None:
        with self._awake:
            if not self._ended:
                self._awake.wait(seconds)

    def _rest(self) -> None:
        """Let an idle process go after a while: it holds the model's memory."""
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if self._worker is not None and now - self._idle_since > IDLE_S:
            self._drop_worker()

    def _drop_worker(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def _score(self, study: Study) -> None:
        """Have one study scored; where this ends first, it waits again."""
        self._idle_since = 0.0
        self._tell(Progress(study.study_uid))
        try:
            entry = self._answer(study)
        except Cancelled:
            self._list.put_back(study.study_uid)
            return
        except LibraryError:
            raise
        except PterionError as error:  # no model answers
            entry = {"error": {"text": str(error)}}
        problem = entry.get("error")
        if problem:
            self._list.failed(study.study_uid, problem["text"])
        else:
            self._list.scored(study.study_uid, entry["model"])
        self._tell(Scored(study, problem["text"] if problem else ""))
        self._tell(Progress())

    def _answer(self, study: Study) -> dict[str, Any]:
        """The entry of a study. Raises Cancelled when this ends meanwhile, PterionError without a model."""
        version = self._registry.current()
        known = {(one.study_uid, one.series_uid) for one in self._library.study_scores(version.id)}
        if any(series.key in known for series in study.series):  # the window has asked this model before
            return {"model": version.id}
        model = Model(version.path, version.id, threads=1, background=True)
        if self._worker is None or self._worker.model != model or not self._worker.alive:
            self._drop_worker()
            self._worker = Worker(model)
        worker, held = self._worker, False
        worker.score(Task(study, library=self._library.path.parent))
        while not self._ended:
            told = worker.heard(WAIT_S)
            if told is not None and told[0] == ENTRY:
                return dict(told[1])
            if told is not None and told[0] == PROGRESS:
                self._tell(Progress(study.study_uid, *told[1]))
            if self._held != held:
                held = self._held
                (worker.pause if held else worker.go_on)()
        self._drop_worker()
        raise Cancelled

    # the watched folder

    def _look(self) -> None:
        """List new studies of the watched folder, once their files have stopped changing."""
        folder, now = self._folder, time.monotonic()
        if folder is None or now < self._look_at:
            return
        self._look_at = now + LOOK_S
        before, self._looked_at = self._looked_at, _stamps(folder)
        if self._looked_at != before or self._looked_at == self._settled or not self._looked_at:
            return
        try:
            result = scan([folder], known=self._library, cancelled=lambda: self._ended)
        except Cancelled:
            return
        except PterionError:  # nothing in it is DICOM yet, or it is gone for a while
            result = None
        self._settled = self._looked_at
        if result is None:
            return
        there = {row.study_uid for row in self._list.rows()}
        self._list.add(result.studies)
        fresh = tuple(study for study in result.studies if study.study_uid not in there)
        if fresh:
            self._library.index_studies(fresh, result.files)
            self._tell(Found(fresh))


def _stamps(folder: Path) -> dict[Path, Stamp]:
    """Every file below a folder, as it is now; what cannot be read is not there."""
    found = {}
    try:
        for path in folder.rglob("*"):
            stamp = stamp_of(path) if path.is_file() else None
            if stamp is not None:
                found[path] = stamp
    except OSError:  # it went away while it was listed
        return {}
    return found


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the lock of a list while the block runs. Raises PterionError where another process holds it."""
    with path.open("a+", encoding="ascii") as file:
        if not try_lock(file):
            raise PterionError(ELSEWHERE, code="BUSY")
        try:
            yield
        finally:
            unlock(file)
