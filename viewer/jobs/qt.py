"""Jobs as Qt sees them: work in threads of their own, answers as signals on the GUI thread. `*_qt.py` hold the jobs.

Every signal is emitted on the thread that made the job (the GUI's), at most 60 times a second: answers that come
faster come in tuples. After `cancel` nothing but `finished` follows. `shutdown` also waits for the threads.
"""

import atexit
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any
from weakref import ref

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from model.errors import Cancelled, PterionError

BATCH_MS = 17
IMPORTS_POLL_S = 0.02
imported = threading.Event()
"""Not set while packages are imported in the background: two threads that import one at a time may see it half made.
Jobs wait for it, but for those that run what they are given."""
reading_imported = threading.Event()
"""The same for the packages that reading files needs, which come first."""
imported.set()
reading_imported.set()


class Relay(QObject):
    """Values put from any thread arrive on the relay's own, in order, in tuples, `interval_ms` apart at least."""

    arrived = Signal(object)  # tuple of values
    _filled = Signal()

    def __init__(self, parent: QObject | None = None, interval_ms: int = BATCH_MS) -> None:
        super().__init__(parent)
        self._interval_ms = interval_ms
        self._queue: SimpleQueue[object] = SimpleQueue()
        self._awake = threading.Event()
        self._since = QElapsedTimer()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._drain)
        self._filled.connect(self._schedule, Qt.ConnectionType.QueuedConnection)

    def put(self, value: object) -> None:
        """Send a value. May be called from any thread."""
        self._queue.put(value)
        if not self._awake.is_set():
            self._awake.set()
            self._filled.emit()

    def _schedule(self) -> None:
        passed = self._since.elapsed() if self._since.isValid() else self._interval_ms
        self._timer.start(max(self._interval_ms - passed, 0))

    def _drain(self) -> None:
        self._awake.clear()
        self._since.start()
        values = []
        while True:
            try:
                values.append(self._queue.get_nowait())
            except Empty:
                break
        if values:
            self.arrived.emit(tuple(values))


class Job(QObject):
    """One piece of work. Subclasses do it in `_work`, in a thread, and tell of it in `_deliver`, on the GUI's."""

    interval_ms = BATCH_MS
    needs: threading.Event | None = imported
    """What it waits for: the packages that it needs may just be imported."""
    failed = Signal(object)  # PterionError
    finished = Signal()  # the last signal of every job, whatever happened

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._relay = Relay(self, self.interval_ms)
        self._relay.arrived.connect(self._receive)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._ended = False

    def start(self) -> None:
        """Begin. A job runs once."""
        if self._thread is not None:
            raise RuntimeError("a job runs once; make another")
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        for gone in [thread for thread in _threads if not thread.is_alive()]:
            del _threads[gone]
        self._thread.start()
        _threads[self._thread] = ref(self)

    def cancel(self) -> None:
        """Ask the work to stop soon; answers on their way are dropped."""
        self._stop.set()

    def shutdown(self) -> None:
        """Cancel and wait until the threads are gone."""
        self.cancel()
        if self._thread is not None:
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether it has begun and `finished` has not been emitted yet."""
        return self._thread is not None and not self._ended

    def _work(self) -> None:
        raise NotImplementedError

    def _deliver(self, values: tuple[Any, ...]) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        end = _End(None)
        while self.needs and not self._stop.is_set() and not self.needs.wait(IMPORTS_POLL_S):
            pass
        try:
            self._work()
        except Cancelled:
            pass
        except Exception as error:  # noqa: BLE001  told on the GUI thread; a bug is raised there
            end = _End(error)
        self._relay.put(end)

    def _receive(self, values: tuple[object, ...]) -> None:
        answers = tuple(value for value in values if not isinstance(value, _End))
        if answers and not self._stop.is_set():
            self._deliver(answers)
        end = values[-1]
        if not isinstance(end, _End):
            return
        self._ended = True
        if isinstance(end.error, PterionError) and not self._stop.is_set():
            self.failed.emit(end.error)
        self.finished.emit()
        if end.error is not None and not isinstance(end.error, PterionError):
            raise end.error


class _End:
    """The last value of every job."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


_threads: dict[threading.Thread, ref[Job]] = {}


def end_all() -> None:
    """End every job, the cancelled and the finished too, whose threads may still be on their way out.

    A thread that Python's own end overtakes inside Qt takes the process down.
    """
    for thread, job in tuple(_threads.items()):
        if (alive := job()) is not None:
            alive.shutdown()
        thread.join()
    _threads.clear()


atexit.register(end_all)  # where nobody did


class WriterThread(Job):
    """Runs callables one after another in one thread, in the order in which they were submitted."""

    needs = None

    done = Signal(object)  # tuple[tuple[int, object], ...]: number and result
    not_done = Signal(object)  # tuple[tuple[int, PterionError], ...]

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: SimpleQueue[tuple[int, Callable[[], object]] | None] = SimpleQueue()
        self._count = 0

    def submit(self, task: Callable[[], object]) -> int:
        """Queue a task and return its number, counted from 1."""
        self._count += 1
        self._tasks.put((self._count, task))
        return self._count

    def shutdown(self) -> None:
        """Run what was submitted, then end; answers are dropped."""
        self._tasks.put(None)
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while (item := self._tasks.get()) is not None:
            number, task = item
            try:
                self._relay.put((number, task(), None))
            except PterionError as error:
                self._relay.put((number, None, error))

    def _deliver(self, values: tuple[Any, ...]) -> None:
        failures = tuple((number, error) for number, _, error in values if error is not None)
        results = tuple((number, result) for number, result, error in values if error is None)
        if results:
            self.done.emit(results)
        if failures:
            self.not_done.emit(failures)
