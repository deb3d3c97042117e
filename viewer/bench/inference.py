"""The numbers of scoring while a reader reads: how soon a mask shows, how long a head takes, how the window feels."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.errors import PterionError
from viewer.bench.rows import Promise

if TYPE_CHECKING:
    from viewer.app import Application

Answer = dict[str, float]

PROMISES = (
    Promise("E.overlay_cold", "s", 1.2, "from the first slice on screen to its mask, model not loaded yet"),
    Promise("E.overlay_warm", "s", 0.3, "the same with the model loaded"),
    Promise("E.score_40", "s", 2.0, "40 slices scored on two cores, window idle"),
    Promise("E.score_40_scrolling", "s", 4.0, "the same while the reader scrolls 30 steps a second"),
    Promise("E.scroll_p99", "ms", 12, "a step of that scrolling, until everything is painted"),
    Promise("E.gui_late_p99", "ms", 16, "a 5 ms timer of the window while 40 slices are scored"),
    Promise("E.evidence", "s", 2.0, "an evidence map of one slice, model loaded"),
    Promise("E.regions", "s", None, "regions with side, place, thickness and midline shift, 40 slices"),
)
PROBES: tuple[tuple[str, tuple[str, ...], tuple[int, float] | str | None], ...] = (
    ("overlay", ("E.overlay_cold", "E.overlay_warm", "E.score_40", "E.gui_late_p99"), (40, 5.0)),
    ("score_scrolling", ("E.score_40_scrolling", "E.scroll_p99"), (40, 5.0)),
    ("evidence", ("E.evidence",), (40, 5.0)),
    ("regions", ("E.regions",), (40, 5.0)),
)
STEP_MS = 1000 / 30


class Watch:
    """When things happen to one series that is opened in a window."""

    def __init__(self, application: "Application") -> None:
        self.session = application.session
        self.first_slice = self.first_mask = self.begun = self.done = 0.0
        self.session.slice_loaded.connect(self._loaded)
        self.session.slice_scored.connect(self._scored)
        self.session.findings_changed.connect(self._findings)

    def clear(self) -> None:
        """Wait for the next series."""
        self.first_slice = self.first_mask = self.begun = self.done = 0.0

    def _loaded(self, index: int) -> None:
        if not self.first_slice and index == self.session.slice_index:
            self.first_slice = time.perf_counter()

    def _scored(self, index: int) -> None:
        if not self.first_mask and index == self.session.slice_index:
            self.first_mask = time.perf_counter()

    def _findings(self, _: object) -> None:
        findings = self.session.findings
        if findings is not None and findings.not_run:
            raise PterionError(findings.not_run)
        if findings is not None and findings.done and not self.done:
            self.begun = time.perf_counter() - findings.seconds
            self.done = time.perf_counter()


def _wait(application: "Application", holds: Callable[[], bool], what: str) -> None:
    from PySide6.QtCore import QEventLoop

    from viewer.bench.screen import GIVE_UP_S, pause

    loop, end = QEventLoop(application), time.perf_counter() + GIVE_UP_S
    while not holds():
        if time.perf_counter() > end:
            raise PterionError(f"{what} did not happen within {GIVE_UP_S} s")
        pause(loop, 5)


def overlay(folder: Path) -> Answer:
    """Open a head with the model on disk, then score it anew with the model loaded, the window idle."""
    from PySide6.QtCore import Qt, QTimer

    from viewer.bench.screen import TICK_MS, launch

    application, _ = launch()
    session, watch = application.session, Watch(application)
    session.request_open(folder)
    _wait(application, lambda: bool(watch.done), "scoring the series")
    cold = watch.first_mask - watch.first_slice
    _wait(application, lambda: session.suspecting.suspected is not None, "measuring the regions")
    watch.clear()
    ticks: list[float] = []
    timer = QTimer(application, timerType=Qt.TimerType.PreciseTimer, interval=TICK_MS)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    asked = time.perf_counter()
    session.score_requested.emit()
    _wait(application, lambda: bool(watch.done), "scoring the series again")
    timer.stop()
    seconds = session.findings.seconds if session.findings is not None else 0.0
    late_ms = np.maximum(np.diff(ticks) * 1e3 - TICK_MS, 0)
    application.shutdown()
    return {
        "E.overlay_cold": cold,
        "E.overlay_warm": watch.first_mask - asked,
        "E.score_40": seconds,
        "E.gui_late_p99": float(np.percentile(late_ms, 99)),
    }


def score_scrolling(folder: Path) -> Answer:
    """Score a head while the reader scrolls through it without a pause."""
    from viewer.bench.screen import loaded
    from viewer.ui.reading import ReadingArea

    application, _ = loaded(folder)
    session, watch = application.session, Watch(application)
    _wait(application, lambda: session.findings is not None and session.findings.done, "scoring the series")
    area = application.window.findChildren(ReadingArea)[0]
    area.time_steps(20)
    watch.clear()
    session.score_requested.emit()
    steps, index, ahead = [], 0, 1
    count = len(session.volume.hu) if session.volume is not None else 1
    following = time.perf_counter()

    def step() -> bool:
        nonlocal index, ahead, following
        if time.perf_counter() >= following:
            following += STEP_MS / 1e3
            ahead = -ahead if not 0 <= index + ahead < count else ahead
            index += ahead
            start = time.perf_counter()
            session.set_slice_index(index)
            area.paint_now()
            steps.append((time.perf_counter() - start) * 1e3)
        return bool(watch.done)

    _wait(application, step, "scoring while scrolling")
    seconds = session.findings.seconds if session.findings is not None else 0.0
    application.shutdown()
    return {"E.score_40_scrolling": seconds, "E.scroll_p99": float(np.percentile(steps, 99))}


def evidence(folder: Path) -> Answer:
    """The evidence map of the middle slice, asked for three times; the median."""
    from model.evidence import evidence_map
    from model.predict import Predictor
    from viewer.cli.work import registry
    from viewer.dicom.load import load_all
    from viewer.dicom.scan import scan

    volume = load_all(scan([folder]).studies[0].series[0])
    predictor = Predictor(registry().current().path, threads=2)
    middle = len(volume.hu) // 2
    around = volume.hu[middle - 1], volume.hu[middle], volume.hu[middle + 1]
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        evidence_map(predictor, around, volume.spacing_mm, "IPH")
        taken.append(time.perf_counter() - start)
    return {"E.evidence": float(np.median(taken))}


def regions(folder: Path) -> Answer:
    """The regions of a head whose bleeds fill a tenth of ten slices."""
    from viewer.dicom.load import load_all
    from viewer.dicom.scan import scan
    from viewer.findings.region import find_regions

    volume = load_all(scan([folder]).studies[0].series[0])
    masks = np.zeros(volume.hu.shape, np.uint8)
    masks[15:25][volume.hu[15:25] > 55] = 2
    masks[volume.hu > 250] = 0
    scores = np.full((len(masks), 6), 0.9, np.float32)
    find_regions(volume, masks[:], scores, ("SDH",), {})  # so that scipy is in
    start = time.perf_counter()
    find_regions(volume, masks, scores, ("SDH",), {})
    return {"E.regions": time.perf_counter() - start}


CHILD = {"evidence": evidence, "regions": regions}
ON_SCREEN = {"overlay": overlay, "score_scrolling": score_scrolling}
