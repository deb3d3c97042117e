"""The probes that need the real window. Each runs in a process of its own."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

from model.errors import PterionError
from viewer.bench import memory

if TYPE_CHECKING:
    from viewer.app import Application

Answer = dict[str, float]

SLOW = ("torch", "monai", "SimpleITK", "highdicom")
GIVE_UP_S = 120
WINDOW_PX = (1600, 1000)
STEPS = 600
TICK_MS = 5


class AfterPaint(QObject):
    """Calls `then` once, after a widget was painted while `when` holds and the picture has left for the screen."""

    def __init__(
        self, widget: QObject, then: Callable[[], None], when: Callable[[], bool] = lambda: True
    ) -> None:
        super().__init__(widget)
        self._then, self._when, self._seen = then, when, False
        widget.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        """See the paint event go by; it is finished when the event loop comes round again."""
        if event.type() == QEvent.Type.Paint and not self._seen and self._when():
            self._seen = True
            QTimer.singleShot(0, self, self._then)
        return False


def window(started: float) -> Answer:
    """Seconds from `started` (the parent's `time.monotonic()`) to the first paint of `pterion view`."""
    answer: Answer = {}

    def painted() -> None:
        answer["A.window_up"] = time.monotonic() - started
        answer["A.window_imports"] = sum(name in sys.modules for name in SLOW)
        QApplication.quit()

    run = QApplication.exec

    def watched(*_: object) -> int:
        (shown,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
        AfterPaint(shown, painted)
        shown.update()
        return run()

    QApplication.exec = watched  # type: ignore[method-assign]
    from viewer.cli import main

    if main(["view"]) != 0 or not answer:
        raise PterionError("the window did not come up")
    return answer


def launch() -> tuple["Application", QEventLoop]:
    """The application with its window up and at rest, and a loop that gives up after a while."""
    from viewer.app import Application
    from viewer.ui import theme

    app = QApplication.instance() or QApplication(sys.argv[:1])
    theme.apply(app)  # type: ignore[arg-type]
    application = Application(empty=True)
    application.window.resize(*WINDOW_PX)
    loop = QEventLoop()
    pause(loop, 500)
    while application.chores.busy:
        pause(loop, 50)
    QTimer.singleShot(GIVE_UP_S * 1000, loop, lambda: loop.exit(1))
    return application, loop


def pause(loop: QEventLoop, ms: int) -> None:
    """Let the window do what it has to for a while."""
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def finish(application: "Application", loop: QEventLoop, what: str) -> None:
    """Run until the probe quits the loop. Raises PterionError where that never happens."""
    failed = loop.exec()
    application.shutdown()
    if failed:
        raise PterionError(f"{what} did not happen within {GIVE_UP_S} s")


def open_series(folder: Path) -> Answer:
    """Open a series: seconds to the first slice on screen and to all slices loaded, and the peak of memory."""
    first, every, peak = opened(folder)
    return {"A.first_slice": first, "A.all_slices": every, "A.load_memory": peak}


def opened(folder: Path) -> tuple[float, float, float]:
    """Seconds from the action to the first slice on screen and to the last one loaded, and the peak of memory beyond
    the idle window, as a multiple of the volume.
    """
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
        answer["first"] = time.perf_counter() - start
        look(0)

    def look(_: int) -> None:
        volume = session.volume
        if volume is None or not volume.loaded.all():
            return
        if "every" not in answer:
            answer["every"] = time.perf_counter() - start
            answer["peak"] = (memory.peak() - idle) / volume.hu.nbytes
        if "first" in answer:
            loop.quit()

    AfterPaint(application.window.findChildren(Viewport)[0], shown, first_is_loaded)
    session.slice_loaded.connect(look)
    session.request_open(folder)
    finish(application, loop, "opening the series")
    return answer["first"], answer["every"], answer["peak"]


def loaded(folder: Path) -> tuple["Application", QEventLoop]:
    """The application with every slice of a series loaded."""
    application, loop = launch()
    session = application.session

    def look(_: int) -> None:
        if session.volume is not None and session.volume.loaded.all():
            loop.quit()

    session.slice_loaded.connect(look)
    session.request_open(folder)
    if loop.exec():
        raise PterionError(f"the series was not loaded within {GIVE_UP_S} s")
    session.slice_loaded.disconnect(look)
    while application.opening.busy or application.tasks.busy or application.chores.busy:
        pause(loop, 50)  # what was left on the series before is read, thumbnails are made
    return application, loop


def scroll(folder: Path) -> Answer:
    """99th percentile of the milliseconds that a step through the linked views takes, masks painted over."""
    from viewer.imaging.layouts import READ
    from viewer.session import Findings
    from viewer.ui.reading import ReadingArea

    application, _ = loaded(folder)
    session = application.session
    session.panes.set_layout(READ)
    session.score_cancel_requested.emit()
    assert session.series is not None
    assert session.volume is not None
    count, rows, columns = session.volume.hu.shape
    masks = np.zeros((count, rows, columns), np.uint8)
    for value in range(1, 6):
        masks[:, rows // 3 : rows // 2, value * columns // 8 : (value + 1) * columns // 8] = value
    scores = np.full((count, 6), 0.5, np.float32)
    session.set_findings(Findings(session.series.series_uid, "bench", scores, masks, count, count))
    area = application.window.findChildren(ReadingArea)[0]
    area.time_steps(20)  # so that caches are as they are while scrolling
    steps = area.time_steps(STEPS)
    application.shutdown()
    return {"A.scroll_p99": float(np.percentile(steps, 99))}


def late(folder: Path) -> Answer:
    """99th percentile of the milliseconds by which a timer of the GUI thread is late while a series is scored."""
    application, loop = launch()
    session = application.session
    ticks: list[float] = []
    timer = QTimer(application, timerType=Qt.TimerType.PreciseTimer, interval=TICK_MS)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))

    def look(_: object) -> None:
        findings = session.findings
        if findings is not None and findings.not_run:
            loop.exit(1)
        elif findings is not None and findings.done:
            loop.quit()
        elif findings is not None and not timer.isActive():
            timer.start()

    session.findings_changed.connect(look)
    session.request_open(folder)
    finish(application, loop, "scoring the series")
    late_ms = np.diff(ticks) * 1e3 - TICK_MS
    if late_ms.size < 20:
        raise PterionError(f"scoring was over after {late_ms.size} ticks, which is too soon to measure")
    return {"A.gui_late_p99": float(max(np.percentile(late_ms, 99), 0.0))}
