"""The reading probes that need the real window. Each runs in a process of its own."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer

from model.errors import PterionError
from viewer.bench.reading import SYNTAXES
from viewer.bench.screen import GIVE_UP_S, TICK_MS, Answer, launch, opened, pause

if TYPE_CHECKING:
    from viewer.app import Application

POLL_MS = 20
ENOUGH = 20
"""Ticks without which no percentile is told."""


def open_fast(folder: Path) -> Answer:
    """Open a series: seconds to the first slice on screen, and the peak of memory until all are loaded."""
    first, _, peak = opened(folder)
    return {"B.first_slice": first, "B.load_memory": peak}


def open_late(folder: Path) -> Answer:
    """99th percentile of the milliseconds by which a timer of the GUI thread is late while series are read.

    `folder` holds a series in every syntax; they are opened one after the other in one window, and the ticks of all
    of it count, from the first action to the last note in the library.
    """
    application, loop = launch()
    ticks = _ticks(application)
    for syntax in SYNTAXES:
        application.session.request_open(folder / syntax)
        _until(loop, partial(_loaded_from, application, folder / syntax), f"opening {syntax}")
    _until(loop, lambda: len(ticks) > ENOUGH, "ticking")
    late_ms = _late_p99(ticks)
    application.shutdown()
    return {"B.gui_late_p99": late_ms}


def index_late(folder: Path) -> Answer:
    """The same while a large folder is looked through, shown, and noted in the library."""
    application, loop = launch()
    session = application.session
    files = sum(1 for path in folder.rglob("*") if path.is_file())

    def all_found() -> bool:
        return files <= sum(len(series.slices) for study in session.studies for series in study.series)

    ticks = _ticks(application)
    session.request_open(folder)
    _until(loop, lambda: len(ticks) > ENOUGH and all_found() and _at_rest(application), "indexing the folder")
    late_ms = _late_p99(ticks)
    application.shutdown()
    return {"B.index_late_p99": late_ms}


def _loaded_from(application: "Application", folder: Path) -> bool:
    """Whether the series of a folder is open and whole, and nothing else is done for it any more."""
    volume = application.session.volume
    ours = volume is not None and volume.series.slices[0].path.parent == folder
    return ours and volume is not None and bool(volume.loaded.all()) and _at_rest(application)


def _at_rest(application: "Application") -> bool:
    """Whether nothing is looked for, loaded, drawn small or written to the library any more."""
    return not (application.opening.busy or application.chores.busy or application.tasks.busy)


def _until(loop: QEventLoop, holds: Callable[[], bool], what: str) -> None:
    """Run the window until something holds, looked at between ticks. Raises PterionError where it never does."""
    until = time.monotonic() + GIVE_UP_S
    pause(loop, POLL_MS)
    while not holds():
        if time.monotonic() > until:
            raise PterionError(f"{what} did not happen within {GIVE_UP_S} s")
        pause(loop, POLL_MS)


def _ticks(application: "Application") -> list[float]:
    """Moments at which a timer of the GUI thread fired, from now on."""
    ticks: list[float] = []
    timer = QTimer(application, timerType=Qt.TimerType.PreciseTimer, interval=TICK_MS)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    return ticks


def _late_p99(ticks: list[float]) -> float:
    """99th percentile of the milliseconds by which they came late. Raises PterionError where they are too few."""
    late_ms = np.diff(ticks) * 1e3 - TICK_MS
    if late_ms.size < ENOUGH:
        raise PterionError(f"it was over after {late_ms.size} ticks, which is too soon to measure")
    return float(max(np.percentile(late_ms, 99), 0.0))
