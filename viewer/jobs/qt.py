"""Jobs as Qt sees them: work in threads of their own, answers as signals on the GUI thread. The only Qt in `jobs`.

Every signal is emitted on the thread that made the job (the GUI's), at most 60 times a second: answers that come
faster come in tuples. After `cancel` nothing but `finished` follows. `shutdown` also waits for the threads.
"""

import atexit
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from model.errors import Cancelled, PterionError
from model.predict import Predictor
from viewer.dicom.kept import KeptVolumes
from viewer.dicom.load import allocate, load_slice
from viewer.dicom.scan import Known, scan
from viewer.dicom.series import Series
from viewer.dicom.volume import Volume
from viewer.jobs import retrain
from viewer.jobs.infer import Inference, StudyAnswer, let_the_window_go_first

BATCH_MS = 17
LOADERS = 2
LOADERS_NICER = 10
"""How much loaders yield to the window (nice levels); inference yields to them."""
ANSWER_POLL_S = 0.1
IMPORTS_POLL_S = 0.02
imported = threading.Event()
"""Not set while packages are imported in the background: two threads that import one at a time may see it half made.
Jobs wait for it, but for those that run what they are given."""
imported.set()


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
    imports = True
    """Whether it needs packages that may just be imported."""
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
        while self.imports and not self._stop.is_set() and not imported.wait(IMPORTS_POLL_S):
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


class ScanJob(Job):
    """Finds the studies in files and folders."""

    studies_found = Signal(object)  # tuple[Study, ...], as they are complete
    scanned = Signal(object)  # ScanResult
    progressed = Signal(str, object, object)  # what is unpacked or copied first, bytes done, bytes in all
    password_wanted = Signal(
        str, bool
    )  # name of the archive, whether the last answer was wrong; then `answer`

    def __init__(
        self, paths: Sequence[Path], parent: QObject | None = None, known: Known | None = None
    ) -> None:
        """`known`: what earlier scans found, asked in the job's thread."""
        super().__init__(parent)
        self._paths = tuple(paths)
        self._known = known
        self._answers: SimpleQueue[str | None] = SimpleQueue()

    def answer(self, password: str | None) -> None:
        """The password that was wanted; None gives up."""
        self._answers.put(password)

    def _work(self) -> None:
        result = scan(
            self._paths,
            on_study=lambda study: self._relay.put(("study", study)),
            cancelled=self._stop.is_set,
            password=self._ask,
            on_progress=lambda *how_far: self._relay.put(("progress", how_far)),
            known=self._known,
        )
        self._relay.put(("result", result))

    def _ask(self, name: str, wrong: bool) -> str | None:
        """Wait for an answer from the GUI thread."""
        while not self._answers.empty():
            self._answers.get_nowait()  # to a question of another scan
        self._relay.put(("password", (name, wrong)))
        while not self._stop.is_set():
            try:
                return self._answers.get(timeout=ANSWER_POLL_S)
            except Empty:
                continue
        return None

    def _deliver(self, values: tuple[Any, ...]) -> None:
        studies = tuple(value for kind, value in values if kind == "study")
        if studies:
            self.studies_found.emit(studies)
        how_far = [value for kind, value in values if kind == "progress"]
        if how_far:
            self.progressed.emit(*how_far[-1])
        for kind, value in values:
            if kind == "password":
                self.password_wanted.emit(*value)
            if kind == "result":
                self.scanned.emit(value)


class LoadJob(Job):
    """Loads a series: the slice on screen first, then outward, sooner where the reader is heading."""

    volume_ready = Signal(object)  # Volume, its slices still to come
    slices_loaded = Signal(object)  # tuple[tuple[int, str | None], ...]: index, and why it could not be read
    loaded = Signal(object)  # Volume, whole

    def __init__(
        self,
        series: Series,
        first: int = 0,
        parent: QObject | None = None,
        volumes: KeptVolumes | None = None,
    ) -> None:
        """`volumes` keeps what is loaded for the next time; slices that it holds are not loaded again."""
        super().__init__(parent)
        self._series = series
        self._volumes = volumes
        self._target, self._direction = first, 1
        self._lock = threading.Lock()
        self.on_slice: Callable[[], None] = _nothing
        """Called in a loader's thread after each slice; set it before `start`, or when `volume_ready` comes."""

    def look_at(self, index: int) -> None:
        """Say which slice the reader sees."""
        if index != self._target:
            self._direction = 1 if index > self._target else -1
            self._target = index

    def _work(self) -> None:
        kept = self._volumes
        volume = allocate(self._series) if kept is None else kept.volume(self._series, allocate)
        self._relay.put(("volume", volume))
        pending = ~volume.loaded
        for index in map(int, np.flatnonzero(volume.loaded)):
            self._relay.put(("slice", (index, None)))
        errors: list[Exception] = []
        loaders = [
            threading.Thread(target=self._load, args=(volume, pending, errors)) for _ in range(LOADERS - 1)
        ]
        for loader in loaders:
            loader.start()
        self._load(volume, pending, errors)
        for loader in loaders:
            loader.join()
        if errors:
            raise errors[0]
        if not self._stop.is_set():
            self._relay.put(("loaded", volume))

    def _load(self, volume: Volume, pending: npt.NDArray[np.bool_], errors: list[Exception]) -> None:
        """Take slices until there are none; one thread of several."""
        let_the_window_go_first(LOADERS_NICER)
        while not self._stop.is_set() and not errors:
            with self._lock:
                index = next_to_load(pending, self._target, self._direction)
                if index is None:
                    return
                pending[index] = False
            try:
                error = load_slice(volume, index)
            except Exception as fault:  # noqa: BLE001  raised again by the job's own thread
                errors.append(fault)
                return
            self._relay.put(("slice", (index, error)))
            self.on_slice()

    def _deliver(self, values: tuple[Any, ...]) -> None:
        slices = tuple(value for kind, value in values if kind == "slice")
        for kind, value in values:
            if kind == "volume":
                self.volume_ready.emit(value)
        if slices:
            self.slices_loaded.emit(slices)
        for kind, value in values:
            if kind == "loaded":
                self.loaded.emit(value)


def next_to_load(pending: npt.NDArray[np.bool_], target: int, direction: int) -> int | None:
    """The pending slice to load next: `target`, then outward, two ahead (`direction` ±1) for each one behind."""
    indices = np.flatnonzero(pending)
    if indices.size == 0:
        return None
    ahead = (indices - target) * direction
    return int(indices[np.where(ahead >= 0, ahead, -2 * ahead + 0.5).argmin()])


class InferJob(Job):
    """Scores a volume while it loads. Feed it with `look_at` and `slices_arrived`."""

    interval_ms = 60  # each batch paints the views, the strip and the findings anew
    slices_scored = Signal(object)  # tuple[SliceResult, ...]
    scored = Signal(object)  # StudyAnswer

    def __init__(
        self,
        volume: Volume,
        load_predictor: Callable[[], Predictor],
        on_screen: int = 0,
        parent: QObject | None = None,
        head_start_s: float = 0.0,
    ) -> None:
        """As `Inference` has it; on_screen: the slice that the reader sees."""
        super().__init__(parent)
        self._inference = Inference(volume, load_predictor, head_start_s)
        self._inference.look_at(on_screen)
        self.look_at = self._inference.look_at
        self.slices_arrived = self._inference.slices_arrived

    def cancel(self) -> None:
        """Stop within one slice."""
        super().cancel()
        self._inference.cancel()

    def _work(self) -> None:
        self._relay.put(self._inference.run(self._relay.put))

    def _deliver(self, values: tuple[Any, ...]) -> None:
        slices = tuple(value for value in values if not isinstance(value, StudyAnswer))
        if slices:
            self.slices_scored.emit(slices)
        for value in values:
            if isinstance(value, StudyAnswer):
                self.scored.emit(value)


class RetrainJob(Job):
    """Starts a training child, or finds the one that runs, and tells what it reports.

    Cancelling the job leaves the child alone (it outlives the window); `stop_training` asks the child to end.
    """

    started = Signal(object)  # Path of the run's folder
    events = Signal(object)  # tuple[dict, ...], as `model.retrain` wrote them

    def __init__(self, make_run: Callable[[Callable[[], bool]], Path], parent: QObject | None = None) -> None:
        """`make_run(cancelled)` returns the folder of a run that was launched; it works in the job's thread."""
        super().__init__(parent)
        self._make_run = make_run
        self._folder: Path | None = None
        self._stop_wanted = threading.Event()

    def stop_training(self) -> None:
        """Ask the child to end and to keep the best so far. Works before the child runs, too."""
        self._stop_wanted.set()
        if self._folder is not None:
            retrain.stop(self._folder)

    def _work(self) -> None:
        folder = self._make_run(lambda: self._stop.is_set() or self._stop_wanted.is_set())
        self._folder = folder
        if self._stop_wanted.is_set():
            retrain.stop(folder)
        self._relay.put(("folder", folder))
        tail = retrain.Tail(folder)
        while not tail.ended:
            for event in tail.poll():
                self._relay.put(("event", event))
            if self._stop.wait(retrain.POLL_S):
                return

    def _deliver(self, values: tuple[Any, ...]) -> None:
        for kind, value in values:
            if kind == "folder":
                self.started.emit(value)
        found = tuple(value for kind, value in values if kind == "event")
        if found:
            self.events.emit(found)


class WriterThread(Job):
    """Runs callables one after another in one thread, in the order in which they were submitted."""

    imports = False

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


def _nothing() -> None:
    """Nobody wants to know."""
