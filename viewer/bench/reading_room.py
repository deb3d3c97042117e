"""The numbers of the reading room: steps in the viewports, cuts, layouts, idling, memory while reading.

Every step is timed from the intention to the painted pixels of all viewports, in one process with nothing else open.
Percentiles are over all steps of a run, the slowest kind of step counts.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.errors import PterionError
from viewer.bench import memory
from viewer.bench.rows import Promise

if TYPE_CHECKING:
    from viewer.app import Application
    from viewer.ui.reading import ReadingArea

Answer = dict[str, float]

STEPS, WARM_UP = 200, 10
GROWTH_STEPS, GROWTH_CHANGES = 10_000, 100
IDLE_S = 5.0
SETTLE_MS = 300
CALM_MS = 8000
"""Until what a pause starts is done: a full collection of garbage, once, after five seconds."""

PROMISES = (
    Promise(
        "D.linked_p99", "ms", 8, "a step of scroll, window or pan: three linked 600-px views, masks, measures"
    ),
    Promise("D.single_p99", "ms", 4, "the same in one 1000-px view"),
    Promise("D.cut_p99", "ms", 8, "a step through coronal or sagittal pictures of 512 × 512 × 300"),
    Promise("D.cut_slab_p99", "ms", None, "the same as 5 mm mean slabs"),
    Promise("D.oblique_p99", "ms", 16, "a step through oblique pictures of 512 × 512 × 300"),
    Promise(
        "D.layout",
        "ms",
        100,
        "another layout, until it is painted: the slowest of several",
    ),
    Promise("D.idle_cpu", "%", 1, "processor time while nothing is done"),
    Promise(
        "D.growth", "MB", 20, "memory after 10 000 steps and 100 series changes above that after 500 and 10"
    ),
)
PROBES: tuple[tuple[str, tuple[str, ...], tuple[int, float]], ...] = (
    ("room_views", ("D.linked_p99", "D.single_p99"), (300, 0.5)),
    ("room_cuts", ("D.cut_p99", "D.cut_slab_p99", "D.oblique_p99"), (300, 0.5)),
    ("room_layouts", ("D.layout", "D.idle_cpu"), (300, 0.5)),
    ("room_growth", ("D.growth",), (40, 5.0)),
)


def views(folder: Path) -> Answer:
    """Steps in three linked viewports of 600 px, then in one of 1000 px, with masks and outlines on every slice."""
    from viewer.imaging.layouts import SINGLE, grid

    application, area = _open(folder)
    _mark(application)
    panes = application.session.panes
    panes.set_layout(grid(1, 3))
    _resize(area, 1804, 600)
    linked = _slowest(area, _steps(area))
    panes.set_layout(SINGLE)
    _resize(area, 1000, 1000)
    single = _slowest(area, _steps(area))
    application.shutdown()
    return {"D.linked_p99": linked, "D.single_p99": single}


def cuts(folder: Path) -> Answer:
    """Steps through coronal, sagittal and oblique pictures in a viewport of 600 px."""
    from viewer.imaging.layouts import SINGLE, THIN_SLAB, Plane

    application, area = _open(folder)
    panes = application.session.panes
    panes.set_layout(SINGLE)
    _resize(area, 600, 600)
    plain, slabs = [], []
    for plane in (Plane.CORONAL, Plane.SAGITTAL):
        panes.set_plane(0, plane)
        panes.set_slab(0, None)
        plain.append(_p99(area, _scroll(area)))
        panes.set_slab(0, THIN_SLAB)
        slabs.append(_p99(area, _scroll(area)))
    panes.set_slab(0, None)
    panes.set_plane(0, Plane.OBLIQUE, panes.panes[0].facing.turned(25, 40))
    oblique = _p99(area, _scroll(area))
    application.shutdown()
    return {"D.cut_p99": max(plain), "D.cut_slab_p99": max(slabs), "D.oblique_p99": oblique}


def layouts(folder: Path) -> Answer:
    """Layout changes in a window of 1060 × 940 px, then some seconds of nothing."""
    from PySide6.QtCore import QEventLoop, QTimer

    from viewer.imaging.layouts import AI, FOUR, READ, SINGLE, grid

    application, area = _open(folder)
    panes = application.session.panes
    _resize(area, 1060, 940)
    taken = []
    for layout in (SINGLE, READ, FOUR, AI, grid(3, 3)) * 3:
        start = time.perf_counter()
        panes.set_layout(layout)
        area.paint_now()
        taken.append((time.perf_counter() - start) * 1e3)
    panes.set_layout(READ)
    loop = QEventLoop()
    QTimer.singleShot(CALM_MS, loop.quit)
    loop.exec()
    used, start = time.process_time(), time.perf_counter()
    QTimer.singleShot(round(IDLE_S * 1000), loop.quit)
    loop.exec()
    share = (time.process_time() - used) / (time.perf_counter() - start)
    application.shutdown()
    return {"D.layout": max(taken[1:]), "D.idle_cpu": 100 * share}


def growth(folder: Path) -> Answer:
    """Memory after much scrolling and many series changes, beside that after a little of both."""
    from viewer.imaging.layouts import READ

    application, area = _open(folder)
    session = application.session
    session.panes.set_layout(READ)
    _resize(area, 500, 340)
    volume = session.volume
    assert volume is not None
    twin = replace(volume, series=replace(volume.series, series_uid=volume.series.series_uid + ".1"))

    def work(steps: int, changes: int) -> int:
        for change in range(changes):
            session.set_volume(twin if change % 2 else volume)
            area.time_steps(steps // changes)
        return memory.resident()

    before = work(500, 10)
    after = work(GROWTH_STEPS, GROWTH_CHANGES)
    application.shutdown()
    return {"D.growth": max(after - before, 0) / 2**20}


def _open(folder: Path) -> tuple["Application", "ReadingArea"]:
    """The application with every slice loaded, nothing scored, its viewports in a window of their own."""
    from viewer.bench.screen import loaded
    from viewer.ui.reading import ReadingArea

    application, _ = loaded(folder)
    application.session.score_cancel_requested.emit()
    area = application.window.findChildren(ReadingArea)[0]
    area.setParent(None)
    _resize(area, 800, 600)
    application.window.hide()
    return application, area


def _resize(area: "ReadingArea", width: int, height: int) -> None:
    """Give the viewports another size, and wait until they are on the screen: nothing is painted before."""
    from PySide6.QtCore import QEventLoop, QTimer

    area.resize(width, height)
    area.show()
    loop = QEventLoop()
    QTimer.singleShot(SETTLE_MS, loop.quit)
    loop.exec()


def _mark(application: "Application") -> None:
    """Masks of all subtypes, two outlines, a length and a region on every slice."""
    from viewer.annotation.document import Annotation
    from viewer.measures.measure import Kind, Measure, SlicePlane
    from viewer.session import Findings

    session = application.session
    assert session.volume is not None
    count, rows, columns = session.volume.hu.shape
    masks = np.zeros((count, rows, columns), np.uint8)
    for value in range(1, 6):
        masks[:, rows // 3 : rows // 2, value * columns // 8 : (value + 1) * columns // 8] = value
    scores = np.full((count, 6), 0.5, np.float32)
    uid = session.volume.series.series_uid
    session.set_findings(Findings(uid, "bench", scores, masks, count, count))
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = tuple((float(200 + 60 * np.cos(a)), float(250 + 90 * np.sin(a))) for a in turn)
    drawn = [
        Annotation(f"{index}-{code}", header.sop_uid, header.frame, code, ring)
        for index, header in enumerate(session.volume.series.slices)
        for code in ("SDH", "IPH")
    ]
    measured = [
        Measure(f"{index}-{kind}", kind, SlicePlane(header.sop_uid, header.frame), points)
        for index, header in enumerate(session.volume.series.slices)
        for kind, points in (
            (Kind.LENGTH, ((120.5, 300.5), (260.5, 340.5))),
            (Kind.ELLIPSE, ((300.5, 200.5), (380.5, 260.5))),
        )
    ]
    marked = replace(session.document, annotations=tuple(drawn), measures=tuple(measured))
    application.desk.revise(marked, "mark")
    if not application.keeping.writer.flush() or session.document != marked:
        raise PterionError("the annotations were not saved")


def _steps(area: "ReadingArea") -> tuple[Callable[[int], None], ...]:
    """Scrolling, windowing and panning, as functions of the number of the step."""
    from viewer.imaging.windows import Window

    panes = area.panes

    def window(step: int) -> None:
        for number in range(len(panes)):
            panes.set_window(number, Window("", 60.0 + step % 90, 30.0 + step % 25))

    def pan(step: int) -> None:
        view = panes.panes[0].view
        panes.set_view(0, replace(view, zoom=1.4, centre=(0.4 + 0.002 * (step % 90), 0.5)))

    return _scroll(area), window, pan


def _scroll(area: "ReadingArea") -> Callable[[int], None]:
    """Scrolling the active viewport to the end and back."""
    panes = area.panes

    def scroll(step: int) -> None:
        section = panes.section(panes.active)
        assert section is not None
        turn = 2 * (section.count - 1)
        panes.scroll_to(panes.active, min(step % turn, turn - step % turn))

    return scroll


def _slowest(area: "ReadingArea", steps: tuple[Callable[[int], None], ...]) -> float:
    return max(_p99(area, step) for step in steps)


def _p99(area: "ReadingArea", step: Callable[[int], None]) -> float:
    """99th percentile of the milliseconds that a step takes until it is painted."""
    taken = []
    before = sum(viewport.pictures for viewport in area.viewports)
    for number in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step(number + 1)
        area.paint_now()
        taken.append((time.perf_counter() - start) * 1e3)
    painted = sum(viewport.pictures for viewport in area.viewports) - before
    if painted < STEPS:
        raise PterionError(f"{painted} pictures were painted in {STEPS} steps: nothing was measured")
    return float(np.percentile(taken[WARM_UP:], 99))


ON_SCREEN: dict[str, Callable[[Path], Answer]] = {
    "room_views": views,
    "room_cuts": cuts,
    "room_layouts": layouts,
    "room_growth": growth,
}
"""The probes, which all need a window."""
