"""Jobs that read: files are looked for, and a series is loaded while it is looked at."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from viewer.dicom.kept import KeptVolumes
from viewer.dicom.load import allocate, load_slice
from viewer.dicom.scan import Known, scan
from viewer.dicom.series import Series
from viewer.dicom.volume import Volume
from viewer.jobs.infer import let_the_window_go_first
from viewer.jobs.qt import Job, reading_imported

LOADERS = 2
LOADERS_NICER = 10
"""How much loaders yield to the window (nice levels); inference yields to them."""
ANSWER_POLL_S = 0.1
_SHORT_SCAN_S = 0.1
_TURN_S = 0.001


class ScanJob(Job):
    """Finds the studies in files and folders."""

    needs = reading_imported
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
        self._turn_began = self._began = 0.0

    def answer(self, password: str | None) -> None:
        """The password that was wanted; None gives up."""
        self._answers.put(password)

    def _work(self) -> None:
        self._turn_began = self._began = time.perf_counter()
        result = scan(
            self._paths,
            on_study=lambda study: self._relay.put(("study", study)),
            cancelled=self._stopped,
            password=self._ask,
            on_progress=lambda *how_far: self._relay.put(("progress", how_far)),
            known=self._known,
        )
        self._relay.put(("result", result))

    def _stopped(self) -> bool:
        """Asked every few files. A long scan leaves every other millisecond to the window.

        Python runs one thread at a time, and a paint asks for its turn a hundred times: beside a thread that computes
        without a pause it waits each time.
        """
        now = time.perf_counter()
        if now - self._began > _SHORT_SCAN_S and now - self._turn_began > _TURN_S:
            self._stop.wait(_TURN_S)
            self._turn_began = time.perf_counter()
        return self._stop.is_set()

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

    needs = reading_imported
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


def _nothing() -> None:
    """Nobody wants to know."""
