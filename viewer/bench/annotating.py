"""Drawing: how long the editor takes for one event, for regions and interpolation through slices, for a raster.

The series is a simulated head, 40 slices of 512² pixels, with a bleed of 65 HU. An event is timed from its arrival to
the preview that the window draws. Everything that tools import is imported before the clock starts, as the window does
it while it idles.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from viewer.annotation import events
from viewer.annotation.document import Annotation, Document, Point
from viewer.annotation.editor import Editor
from viewer.annotation.events import Event, Move, Press, Release
from viewer.annotation.geometry import load_repair
from viewer.annotation.options import BrushOptions, GrowOptions, ToolName
from viewer.annotation.raster import polygon_mask
from viewer.annotation.stack import Stack
from viewer.bench.rows import Promise

PROMISES = (
    Promise(
        "F.drag_p99", "ms", 16, "an event while a vertex, then the whole of a 200-vertex polygon is dragged"
    ),
    Promise("F.brush_p99", "ms", 16, "an event of a brush stroke, 3000 events as a 1000 Hz mouse sends them"),
    Promise("F.livewire_p99", "ms", 16, "a move with a livewire open on 512²"),
    Promise("F.push_p99", "ms", 16, "an event while a 200-vertex outline is pushed"),
    Promise("F.grow_slice", "ms", 50, "grow on a slice: the slowest of press, 100 moves and release"),
    Promise("F.grow_40", "ms", 500, "grow through 40 slices: the release"),
    Promise("F.fill_slice", "ms", None, "smart fill: the click"),
    Promise("F.interpolate_20", "ms", 500, "20 slices interpolated"),
    Promise(
        "F.raster_200", "ms", 1, "a 200-vertex polygon of 60 px radius as a mask", "skimage polygon2mask"
    ),
)
PROBES = (
    ("annotate", tuple(promise.name for promise in PROMISES), (40, 5.0)),
    ("raster_peer", ("F.raster_200",), (40, 5.0)),
)
SOP = "20"
BLEED: Point = (317.0, 204.0)
"""The middle of the bleed, (column, row); its radii are 18 and 21 pixels."""


def annotate(_folder: Path) -> dict[str, float]:
    """Use the tools as a hand would."""
    load_repair()
    stack = _stack()
    warm = Editor(_circled(), stack=stack)
    _times(warm, _stroke(ToolName.BRUSH, 20))
    _times(warm, _wire())
    return {
        "F.drag_p99": _p99(_times(Editor(_circled(), stack=stack), _drags())),
        "F.brush_p99": _p99(_times(Editor(stack=stack), _stroke(ToolName.BRUSH, 3000))),
        "F.livewire_p99": _p99(_times(Editor(stack=stack), _wire(), only=Move)),
        "F.push_p99": _p99(_times(Editor(_circled(), stack=stack), _stroke(ToolName.PUSH, 500))),
        "F.grow_slice": max(_times(Editor(stack=stack), _grow(through=False))),
        "F.grow_40": _times(Editor(stack=stack), _grow(through=True), only=Release)[-1],
        "F.fill_slice": max(_times(Editor(stack=stack), (*_choose(ToolName.FILL), Press(BLEED, SOP)))),
        "F.interpolate_20": max(_times(Editor(_gap(), stack=stack), (events.Interpolate("SDH"),))),
        "F.raster_200": _usual(lambda: polygon_mask(_circle(), (512, 512))),
    }


def raster_peer(_folder: Path) -> dict[str, float]:
    """The same polygon by scikit-image."""
    from skimage.draw import polygon2mask

    corners = np.array(_circle())[:, ::-1] - 0.5
    return {"peer": _usual(lambda: polygon2mask((512, 512), corners))}  # type: ignore[no-untyped-call]


CHILD = {"annotate": annotate, "raster_peer": raster_peer}


def _stack() -> Stack:
    from viewer.bench.series import head_hu

    hu = head_hu(40)
    hu[:] = hu[20] + (hu - hu[20]) // 2  # the bleed on every slice, the noise of each
    places = tuple((str(number), 0) for number in range(40))
    return Stack(hu, np.ones(40, np.bool_), places, (0.45, 0.45), tuple(5.0 * number for number in range(40)))


def _circle(middle: Point = BLEED, radius: float = 60.0, count: int = 200) -> tuple[Point, ...]:
    angles = (2 * math.pi * number / count for number in range(count))
    return tuple((middle[0] + radius * math.cos(a), middle[1] + radius * math.sin(a)) for a in angles)


def _circled() -> Document:
    return Document("study", "series", (Annotation("a", SOP, 0, "SDH", _circle()),))


def _gap() -> Document:
    """Two outlines with twenty slices between them."""
    ends = (("5", 60.0), ("26", 25.0))
    return Document(
        "study", "series", tuple(Annotation(sop, sop, 0, "SDH", _circle(radius=r)) for sop, r in ends)
    )


def _choose(tool: ToolName) -> tuple[Event, ...]:
    return (events.ChooseTool(tool), events.Select("a"))


def _mouse(path: Sequence[Point]) -> Iterable[Event]:
    yield Press(path[0], SOP, 0, tolerance_px=2.0)
    yield from (Move(point, SOP, 0, 2.0) for point in path)
    yield Release(path[-1], SOP)


def _drags() -> Iterable[Event]:
    yield from _choose(ToolName.EDIT)
    x, y = _circle()[0]
    yield from _mouse([(x + 0.1 * step, y + 0.05 * step) for step in range(300)])
    yield from _mouse([(BLEED[0] + 0.2 * step, BLEED[1]) for step in range(300)])


def _stroke(tool: ToolName, count: int) -> Iterable[Event]:
    """Round and round, the disc across the rim of the circle of `_circled`."""
    yield events.SetOptions(BrushOptions(diameter_mm=20.0, low_hu=20.0))
    yield from _choose(tool)
    angles = [2 * math.pi * step / 400 for step in range(count)]
    yield from _mouse(
        [(BLEED[0] + 50 * math.cos(a), BLEED[1] + 50 * math.sin(a) * math.cos(a / 9)) for a in angles]
    )


def _wire() -> Iterable[Event]:
    """Around the bleed in six clicks, then once far across the slice."""
    yield from _choose(ToolName.LIVEWIRE)
    around = [
        (BLEED[0] + 18 * math.cos(a), BLEED[1] + 21 * math.sin(a))
        for a in np.linspace(0, 2 * math.pi, 361)[:-1]
    ]
    for start in range(0, 360, 60):
        yield Press(around[start], SOP, 0, tolerance_px=2.0)
        yield Release(around[start], SOP)
        yield from (Move(point, SOP, 0, 2.0) for point in around[start : start + 60])
    yield from (Move((BLEED[0] - step, BLEED[1] + step), SOP, 0, 2.0) for step in range(0, 280, 2))


def _grow(*, through: bool) -> Iterable[Event]:
    yield events.SetOptions(GrowOptions(tolerance_hu=5.0, through_slices=through))
    yield from _choose(ToolName.GROW)
    yield from _mouse([(BLEED[0] + 0.2 * step, BLEED[1]) for step in range(100)])


def _times(editor: Editor, events_: Iterable[Event], only: type | None = None) -> list[float]:
    """Milliseconds of each event, or of those of one type, with the preview that follows."""
    found = []
    for event in events_:
        start = time.perf_counter()
        editor.handle(event)
        _ = editor.preview
        elapsed = time.perf_counter() - start
        if only is None or isinstance(event, only):
            found.append(1000 * elapsed)
    return found


def _p99(times: list[float]) -> float:
    return float(np.quantile(times, 0.99))


def _usual(work: Callable[[], Any], count: int = 200) -> float:
    """Median milliseconds of `work`."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))
