"""The reading probes that need the real window. Each runs in a process of its own."""

import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer

from model.errors import PterionError
from viewer.bench import memory
from viewer.bench.screen import TICK_MS, AfterPaint, Answer, finish, launch


def open_fast(folder: Path) -> Answer:
    """Open a series: seconds to the first slice on screen, and the peak of memory until all are loaded."""
    from viewer.ui.viewport import Viewport

    application, loop = launch()
    session = application.session
    answer: Answer = {}
    idle = memory.resident()
    memory.reset_peak()
    start = time.perf_counter()

    def first_is_loaded() -> bool:
        return session.volume is not None and bool(session.volume.loaded[session.slice_index])

    def shown() -> None:
        answer["B.first_slice"] = time.perf_counter() - start
        look(0)

    def look(_: int) -> None:
        volume = session.volume
        if volume is not None and volume.loaded.all() and answer:
            answer["B.load_memory"] = (memory.peak() - idle) / volume.hu.nbytes
            loop.quit()

    AfterPaint(application.window.findChildren(Viewport)[0], shown, first_is_loaded)
    session.slice_loaded.connect(look)
    session.request_open(folder)
    finish(application, loop, "opening the series")
    return answer


def open_late(folder: Path) -> Answer:
    """99th percentile of the milliseconds by which a timer of the GUI thread is late while a series is read."""
    application, loop = launch()
    session = application.session

    def look(_: int) -> None:
        if session.volume is not None and session.volume.loaded.all():
            loop.quit()

    session.slice_loaded.connect(look)
    ticks = _ticks(application)
    session.request_open(folder)
    finish(application, loop, "opening the series")
    return {"B.gui_late_p99": _late_p99(ticks)}


def index_late(folder: Path) -> Answer:
    """The same while a large folder is looked through."""
    application, loop = launch()
    session = application.session
    files = sum(1 for path in folder.rglob("*") if path.is_file())

    def look(_: object) -> None:
        slices = sum(len(series.slices) for study in session.studies for series in study.series)
        if slices >= files:
            loop.quit()

    session.studies_changed.connect(look)
    ticks = _ticks(application)
    session.request_open(folder)
    finish(application, loop, "indexing the folder")
    return {"B.index_late_p99": _late_p99(ticks)}


def _ticks(application: object) -> list[float]:
    """Moments at which a timer of the GUI thread fired, from now on."""
    from PySide6.QtCore import QObject

    assert isinstance(application, QObject)
    ticks: list[float] = []
    timer = QTimer(application, timerType=Qt.TimerType.PreciseTimer, interval=TICK_MS)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    return ticks


def _late_p99(ticks: list[float]) -> float:
    """99th percentile of the milliseconds by which they came late. Raises PterionError where they are too few."""
    late_ms = np.diff(ticks) * 1e3 - TICK_MS
    if late_ms.size < 20:
        raise PterionError(f"it was over after {late_ms.size} ticks, which is too soon to measure")
    return float(max(np.percentile(late_ms, 99), 0.0))
