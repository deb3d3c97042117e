"""Score a volume while it is still loading, the slices near the screen first. One thread, no Qt.

The worker reads a snapshot (the volume's arrays, filled by the loader) and hands values to a callback.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import Cancelled
from model.labels import SCORES
from model.predict import Predictor, SliceResult, VolumeSource
from viewer.dicom.volume import Volume
from viewer.jobs.choose import Caution, cautions, sampled_slices, skull_width_mm
from viewer.jobs.score import areas_px, physical_spacing, volumes_ml

LOADER_POLL_S = 0.5
"""How long the worker sleeps at most before it looks again whether it was cancelled."""
SCROLLING_S, PAUSE_S = 0.15, 0.025
"""How long after a step the reader counts as scrolling, and how long the worker rests between slices then."""
CROWDED = 2
"""So few processors are all taken while a series is loaded."""
HEAD_START_S = 4.0
"""How long the loaders have them to themselves then, at most. Whoever works beside them waits for a processor with
Python's lock in hand, for which the window waits too."""
NICER = 15
"""How much the worker's threads yield to the window's (nice levels)."""


@dataclass(frozen=True)
class StudyAnswer:
    """The final answer for one volume.

    scores: the study's six by code. slice_scores: float32 (slices, 6), NaN where a slice could not be read.
    volume_ml: by subtype, empty where distances between slices are unknown. seconds: since the first slice was in.
    """

    model_id: str
    scores: dict[str, float]
    slice_scores: npt.NDArray[np.float32]
    volume_ml: dict[str, float]
    thresholds: dict[str, float]
    study_thresholds: dict[str, float]
    cautions: tuple[Caution, ...]
    seconds: float


class Inference:
    """Scores one volume. `run` belongs to a worker thread; the other methods may be called from any."""

    def __init__(
        self, volume: Volume, load_predictor: Callable[[], Predictor], head_start_s: float = 0.0
    ) -> None:
        """`load_predictor` is called in the worker, so that loading the model holds nobody up.

        head_start_s: how long to wait at most until all slices are in before the first is scored.
        """
        self._volume = volume
        self._head_start_s = head_start_s
        self._load_predictor = load_predictor
        self._changed = threading.Condition()
        self._cancelled = False
        self._on_screen = 0
        self._direction = 1
        self._moved = 0.0

    def look_at(self, index: int) -> None:
        """Say which slice the reader sees."""
        if index != self._on_screen:
            self._direction = 1 if index > self._on_screen else -1
            self._moved = time.monotonic()
        self._on_screen = index

    def slices_arrived(self) -> None:
        """Wake the worker: `loaded` or `failed` of the volume changed."""
        with self._changed:
            self._changed.notify_all()

    def cancel(self) -> None:
        """Stop within one slice."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def run(self, on_slice: Callable[[SliceResult], None]) -> StudyAnswer:
        """Score the volume; `on_slice` gets each slice's answer at once, in this thread.

        Raises Cancelled, or PterionError where it cannot be scored.
        """
        let_the_window_go_first()
        until = time.monotonic() + self._head_start_s
        self._wait_until(lambda: bool(self._ready().all()) or time.monotonic() >= until)
        predictor = self._load_predictor()
        self._wait_until(lambda: bool(self._ready().any()))
        volume, start = self._volume, time.perf_counter()
        if volume.series.slices[0].spacing_mm is None:
            self._wait_until(lambda: bool(self._ready().all()))  # pixel size is guessed from the whole head
        spacing_mm, estimated = physical_spacing(volume)
        areas = np.zeros((len(volume.hu), len(SCORES)), np.int64)

        def take(answer: SliceResult) -> None:
            areas[answer.index] = areas_px(answer.mask)
            on_slice(answer)

        source = VolumeSource(len(volume.hu), spacing_mm, volume.series.z_mm or None, self._slice_at)
        result = predictor.score(source, self._next_index, take, lambda: self._cancelled)
        width = skull_width_mm(sampled_slices(volume), spacing_mm)
        return StudyAnswer(
            predictor.id,
            {code: float(score) for code, score in zip(SCORES, result.scores, strict=True)},
            result.slice_scores,
            volumes_ml(areas, volume, spacing_mm) or {},
            predictor.thresholds,
            predictor.study_thresholds,
            cautions(volume, width, spacing_estimated=estimated, novelty=result.novelty),
            time.perf_counter() - start,
        )

    def _ready(self) -> npt.NDArray[np.bool_]:
        return self._volume.loaded | self._volume.failed

    def _wait_until(self, holds: Callable[[], bool]) -> None:
        with self._changed:
            while not self._cancelled and not holds():
                self._changed.wait(LOADER_POLL_S)
        if self._cancelled:
            raise Cancelled

    def _slice_at(self, index: int) -> npt.NDArray[np.int16] | None:
        self._wait_until(lambda: bool(self._ready()[index]))
        return None if self._volume.failed[index] else self._volume.hu[index]

    def _next_index(self, done: npt.NDArray[np.bool_]) -> int:
        """The slice on screen, then those the reader is about to see, of those whose neighbours are in where there
        are any."""
        self._give_way()
        chosen = nearest(done, self._scorable(), self._on_screen, self._direction)
        while chosen is None:
            self._wait_until(lambda: bool((self._scorable() & ~done).any()))
            chosen = nearest(done, self._scorable(), self._on_screen, self._direction)
        return chosen

    def _give_way(self) -> None:
        """While the reader scrolls, leave the processor to the window for a moment between two slices."""
        if time.monotonic() - self._moved < SCROLLING_S:
            with self._changed:
                if not self._cancelled:
                    self._changed.wait(PAUSE_S)

    def _scorable(self) -> npt.NDArray[np.bool_]:
        """Slices that are in, and both their neighbours too."""
        ready = np.pad(self._ready(), 1, constant_values=True)
        return ready[:-2] & ready[1:-1] & ready[2:]


def head_start_s() -> float:
    """What this computer's loaders need of a head start."""
    return HEAD_START_S if (os.cpu_count() or 1) <= CROWDED else 0.0


def let_the_window_go_first(levels: int = NICER) -> None:
    """Lower the priority of this thread and of those that it will start; only Linux knows threads'."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        priority = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(priority + levels, 19))


def nearest(
    done: npt.NDArray[np.bool_], able: npt.NDArray[np.bool_], target: int, direction: int = 1
) -> int | None:
    """The index next to be scored that is able and not done, or None: `target`, then outward, two ahead in the
    direction of travel (1 or -1) for each one behind."""
    open_indices = np.flatnonzero(able & ~done)
    if open_indices.size == 0:
        return None
    ahead = (open_indices - target) * direction
    return int(open_indices[np.where(ahead >= 0, ahead, -2 * ahead + 0.5).argmin()])
