"""Processes that score studies: one that dies takes no more than the study in its hands with it.

Each loads the model once; in the background, at the lowest priority. The parent sends a task, then gets progress and an
entry.
"""

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from model.errors import Cancelled, PterionError
from viewer.jobs.study_score import Task, error_entry, without_score

POLL_S = 0.2
END_S = 1.0
"""How long a process that was told to end may take before it is made to."""
_IDLE_PRIORITY_CLASS = 0x40

PROGRESS, ENTRY, STOPPED = "progress", "entry", "stopped"
Told = tuple[str, Any]
"""What a worker says: (PROGRESS, (slices scored, in all)), (ENTRY, entry), (STOPPED, None) after `stop`."""


@dataclass(frozen=True)
class Model:
    """The version that scores: its folder, its id, how many threads.

    background: at the lowest priority.
    """

    path: Path
    id: str
    threads: int = 1
    background: bool = False


class Worker:
    """One process. Its methods belong to one thread of the parent."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.task: Task | None = None
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, model), name="pterion-score", daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process has ended."""
        return self._process.sentinel

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return self._process.pid

    def score(self, task: Task) -> None:
        """Begin a study. A process that has died in the meantime is noticed by `heard`."""
        self.task = task
        self._send("score", task)

    def pause(self) -> None:
        """Wait after the slice in hand until `go_on`."""
        self._send("pause", None)

    def go_on(self) -> None:
        """End a pause."""
        self._send("go on", None)

    def stop(self) -> None:
        """Leave the study in hand within one slice; STOPPED follows."""
        self._send("stop", None)

    def _send(self, word: str, value: Task | None) -> None:
        with suppress(OSError):  # it has died
            self.connection.send((word, value))

    def heard(self, wait_s: float = 0.0) -> Told | None:
        """The next word, None where none comes in time; of a process that died, an entry that says so."""
        ready = connection.wait([self.connection, self.sentinel], wait_s)
        if self.connection in ready:
            with suppress(EOFError, OSError):
                return self._taken(self.connection.recv())
        elif self.sentinel not in ready:
            return None
        self._process.join()
        task, self.task = self.task, None
        if task is None:
            return None
        entry = without_score(task.study, self.model.id) | {
            "error": error_entry(_died(self._process.exitcode))
        }
        return (ENTRY, entry)

    def _taken(self, told: Told) -> Told:
        if told[0] != PROGRESS:
            self.task = None
        return told

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def end(self) -> None:
        """End the process, in the middle of a study too."""
        self.connection.close()  # it stops where it reads from it next
        self._process.join(END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _died(code: int | None) -> PterionError:
    killed = code is not None and code < 0
    how = f"was ended by the system (signal {-code})" if killed and code else f"ended by itself (code {code})"
    return PterionError(
        f"The process that scored this study {how}: its files may be damaged, or memory ran out. The other studies "
        "go on; score this one alone to see more.",
        code="WORKER_DIED",
    )


def score_all(
    tasks: Sequence[Task],
    model: Model,
    workers: int,
    *,
    on_progress: Callable[[int, int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Generator[dict[str, Any], None, None]:
    """Entries of all tasks as they become ready. on_progress: place of the task, slices scored, slices in all.

    Raises Cancelled. Closing the iterator ends the processes.
    """
    waiting = iter(enumerate(tasks))
    crew: dict[Worker, int] = {}
    try:
        for _ in range(min(workers, len(tasks))):
            _begin(crew, Worker(model), waiting)
        while crew:
            if cancelled is not None and cancelled():
                raise Cancelled
            connection.wait([each.connection for each in crew] + [each.sentinel for each in crew], POLL_S)
            for worker in list(crew):
                told = worker.heard()
                if told is None:
                    continue
                if told[0] == PROGRESS:
                    if on_progress is not None:
                        on_progress(crew[worker], *told[1])
                    continue
                yield told[1]
                del crew[worker]
                fresh = worker if worker.alive else Worker(model)
                if fresh is not worker:
                    worker.end()
                _begin(crew, fresh, waiting)
    finally:
        for worker in crew:
            worker.end()


def _begin(crew: dict[Worker, int], worker: Worker, waiting: Iterator[tuple[int, Task]]) -> None:
    """Give a worker the next task; without one it ends."""
    following = next(waiting, None)
    if following is None:
        worker.end()
        return
    crew[worker], task = following
    worker.score(task)


# in the process


class _Ear:
    """Hears the parent between two slices: pauses, stops, and ends with it."""

    def __init__(self, parent: "Connection[Any, Any]") -> None:
        self._parent = parent

    def next_task(self) -> Task:
        """Wait for a study. Raises EOFError when the parent has gone."""
        while True:
            word, value = self._parent.recv()
            if word == "score":
                return value  # type: ignore[no-any-return]

    def stopped(self) -> bool:
        """Whether to leave the study in hand; waits while paused. Raises EOFError when the parent has gone."""
        paused = False
        while paused or self._parent.poll():
            word, _ = self._parent.recv()
            if word == "stop":
                return True
            paused = word == "pause" if word in ("pause", "go on") else paused
        return False


def _serve(parent: "Connection[Any, Any]", model: Model) -> None:
    """Score what comes until the parent goes."""
    from model.predict import Predictor
    from viewer.jobs.study_score import score_study

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl+C goes to all; the parent decides
    if model.background:
        give_way_to_all()
    ear = _Ear(parent)
    predictor: Predictor | None = None
    with suppress(EOFError, OSError):  # the parent has gone
        while True:
            task = ear.next_task()
            try:
                predictor = predictor or Predictor(model.path, model.threads)
                entry = score_study(
                    task,
                    predictor,
                    keep=None if task.library is None else _keeper(task.library),
                    on_progress=lambda scored, total: parent.send((PROGRESS, (scored, total))),
                    cancelled=ear.stopped,
                )
            except Cancelled:
                parent.send((STOPPED, None))
                continue
            except PterionError as error:  # the model does not load
                entry = without_score(task.study, model.id) | {"error": error_entry(error)}
            parent.send((ENTRY, entry))


def _keeper(folder: Path) -> Callable[[Any], None]:
    """Keeps findings in a library, in one transaction: there whole or not at all."""

    def keep(score: Any) -> None:
        from model.labels import SCORES
        from viewer.library.store import Library

        library = Library(folder)
        try:
            library.save_findings(
                score.series.series_uid,
                score.model_id,
                study_scores=dict(zip(SCORES, map(float, score.result.scores), strict=True)),
                slice_scores=score.result.slice_scores,
                masks=score.masks,
                volume_ml=score.volume_ml or {},
                cautions=[caution.text for caution in score.cautions],
                seconds=score.seconds,
                study_uid=score.series.study_uid,
            )
        finally:
            library.close()

    return keep


def give_way_to_all() -> None:
    """Run at the lowest priority from now on."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _IDLE_PRIORITY_CLASS)
    else:
        os.nice(19)
