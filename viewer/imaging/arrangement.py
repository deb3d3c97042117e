"""How the viewports are arranged, as a value: to be kept between sessions, written as plain JSON values."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from viewer.imaging.layouts import Layout, Plane, layout_of
from viewer.imaging.pane import Links, Pane, SeriesKey
from viewer.imaging.placement import ViewState, clamped_zoom
from viewer.imaging.reformat import Vector
from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.turned import Facing
from viewer.imaging.windows import Function, Table, Window

_UNIT = 1e-4


@dataclass(frozen=True)
class Arrangement:
    """Everything that the viewports of a window show and how.

    offsets_mm: of series in another frame of reference, what is added to places of the open series. crosshair: a place
    in the open series.
    """

    layout: Layout
    panes: tuple[Pane, ...]
    active: int = 0
    maximised: int | None = None
    links: Links = Links()  # noqa: RUF009  frozen
    offsets_mm: tuple[tuple[SeriesKey, Vector], ...] = ()
    crosshair: Vector | None = None
    reference_lines: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError where layout and viewports do not fit each other."""
        count = len(self.layout.cells)
        if len(self.panes) != count:
            raise ValueError(f"{self.layout.name} has {count} viewports, got {len(self.panes)}")
        if not 0 <= self.active < count:
            raise ValueError(f"the active viewport must be one of {count}, got {self.active}")
        if self.maximised is not None and not 0 <= self.maximised < count:
            raise ValueError(f"the maximised viewport must be one of {count}, got {self.maximised}")

    @property
    def series(self) -> frozenset[SeriesKey]:
        """The series that hang beside the open one."""
        return frozenset(pane.series for pane in self.panes if pane.series is not None)


def to_json(arrangement: Arrangement) -> dict[str, Any]:
    """An arrangement as values that JSON can hold."""
    return {
        "layout": arrangement.layout.id,
        "panes": [_pane_out(pane) for pane in arrangement.panes],
        "active": arrangement.active,
        "maximised": arrangement.maximised,
        "links": asdict(arrangement.links),
        "offsets_mm": [[*series, *offset] for series, offset in arrangement.offsets_mm],
        "crosshair": arrangement.crosshair,
        "reference_lines": arrangement.reference_lines,
    }


def from_json(kept: Mapping[str, Any]) -> Arrangement:
    """What `to_json` wrote. Raises ValueError for anything else."""
    try:
        layout = layout_of(str(kept["layout"]))
        if layout is None:
            raise ValueError(f"no layout is called {kept['layout']!r}")
        maximised = kept["maximised"]
        return Arrangement(
            layout,
            tuple(_pane_in(pane) for pane in kept["panes"]),
            int(kept["active"]),
            None if maximised is None else int(maximised),
            Links(**{name: bool(kept["links"][name]) for name in asdict(Links())}),
            tuple(((str(a), str(b)), _vector((x, y, z))) for a, b, x, y, z in kept["offsets_mm"]),
            None if kept["crosshair"] is None else _vector(kept["crosshair"]),
            bool(kept["reference_lines"]),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not an arrangement of viewports: {error}") from error


def without(arrangement: Arrangement, gone: frozenset[SeriesKey]) -> Arrangement:
    """The arrangement with the open series in the place of those that are gone, as it is first shown."""
    panes = tuple(
        replace(pane, series=None, stop=0, view=ViewState(), header=None) if pane.series in gone else pane
        for pane in arrangement.panes
    )
    offsets = tuple((key, offset) for key, offset in arrangement.offsets_mm if key not in gone)
    return replace(arrangement, panes=panes, offsets_mm=offsets)


def _pane_out(pane: Pane) -> dict[str, Any]:
    return {
        "window": _window_out(pane.window),
        "plane": pane.plane.value,
        "slab": None if pane.slab is None else [pane.slab.kind.value, pane.slab.thickness_mm],
        "overlay": pane.overlay,
        "series": pane.series,
        "stop": pane.stop,
        "facing": [*pane.facing.right, *pane.facing.down],
        "view": asdict(pane.view),
        "header": pane.header,
    }


def _pane_in(kept: Mapping[str, Any]) -> Pane:
    slab, series, header = kept["slab"], kept["series"], kept["header"]
    if series is not None:
        study_uid, series_uid = series
        series = (str(study_uid), str(series_uid))
    right, down = _vector(kept["facing"][:3]), _vector(kept["facing"][3:])
    return Pane(
        window=_window_in(kept["window"]),
        plane=Plane(kept["plane"]),
        slab=None if slab is None else Slab(SlabKind(slab[0]), float(slab[1])),
        overlay=bool(kept["overlay"]),
        series=series,
        stop=max(int(kept["stop"]), 0),
        facing=_facing(right, down),
        view=_view_in(kept["view"]),
        header=None if header is None else max(int(header), 0),
    )


def _window_out(window: Window) -> dict[str, Any]:
    table = window.table
    return {
        "name": window.name,
        "width": window.width,
        "level": window.level,
        "function": window.function.value,
        "table": None
        if table is None
        else [table.first_hu, base64.b64encode(bytes(table.greys)).decode("ascii")],
    }


def _window_in(kept: Mapping[str, Any]) -> Window:
    table = kept["table"]
    made = None if table is None else Table(int(table[0]), base64.b64decode(table[1], validate=True))
    name, width, level = str(kept["name"]), float(kept["width"]), float(kept["level"])
    return Window(name, width, level, Function(kept["function"]), made)


def _view_in(kept: Mapping[str, Any]) -> ViewState:
    zoom, (x, y) = float(kept["zoom"]), (float(side) for side in kept["centre"])
    if not all(math.isfinite(value) for value in (zoom, x, y)):
        raise ValueError(f"a view needs finite numbers, got {zoom}, {x}, {y}")
    return ViewState(
        zoom=clamped_zoom(zoom),
        centre=(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)),
        flip_horizontal=bool(kept["flip_horizontal"]),
        flip_vertical=bool(kept["flip_vertical"]),
        quarter_turns=int(kept["quarter_turns"]) % 4,
        inverted=bool(kept["inverted"]),
    )


def _vector(values: Sequence[Any]) -> Vector:
    x, y, z = (float(value) for value in values)
    if not all(math.isfinite(value) for value in (x, y, z)):
        raise ValueError(f"a place needs finite numbers, got {x}, {y}, {z}")
    return (x, y, z)


def _facing(right: Vector, down: Vector) -> Facing:
    """Raises ValueError unless the directions are perpendicular unit vectors."""
    lengths = (math.dist(right, (0, 0, 0)), math.dist(down, (0, 0, 0)))
    dot = sum(a * b for a, b in zip(right, down, strict=True))
    if any(abs(length - 1) > _UNIT for length in lengths) or abs(dot) > _UNIT:
        raise ValueError(f"a plane needs perpendicular unit vectors, got {right} and {down}")
    return Facing(right, down)
