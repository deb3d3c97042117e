"""Livewire: each click is an anchor, and between two anchors the outline runs along edges of HU."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from viewer.annotation.core import Core
from viewer.annotation.document import Point, Ring
from viewer.annotation.events import Edit, Press
from viewer.annotation.geometry import without_repeats
from viewer.annotation.gestures import OpenPath
from viewer.annotation.options import LivewireOptions, ToolName
from viewer.annotation.preview import Preview
from viewer.annotation.raster import simplify
from viewer.annotation.stack import Place
from viewer.annotation.tools.polygon import PolygonTool
from viewer.annotation.wire import Costs, edge_costs, trace

Trace = Callable[[Point, Point], tuple[Point, ...]]


@dataclass
class WirePath(OpenPath):
    """An outline of anchors (`points`) with a leg of wire from each to the next. tail: from the last to the cursor."""

    trace: Trace = field(default=lambda start, end: (start, end))
    legs: list[tuple[Point, ...]] = field(default_factory=list)
    tail: tuple[Point, ...] = ()
    _legs_back: list[tuple[Point, ...]] = field(default_factory=list)

    def press(self, point: Point, tolerance_px: float) -> bool:
        """Add an anchor; True when it is the first one again. A press on the last anchor adds none."""
        last = self.points[-1]
        if self._on_first(point):
            return True
        if point != last:
            self.legs.append(self.trace(last, point))
            self._legs_back.clear()
            super().press(point, tolerance_px)
        self.tail = ()
        return False

    def move(self, point: Point, tolerance_px: float) -> None:
        """Lead the wire from the last anchor to the cursor."""
        self.tolerance_px, self.cursor = tolerance_px, point
        self.closes = self._on_first(point)
        self.tail = self.trace(self.points[-1], self.points[0] if self.closes else point)

    def release(self) -> bool:
        """A wire is never finished by a drag."""
        return False

    def take_back(self) -> bool:
        """Take the last anchor and its leg back; False when none is left."""
        if self.legs:
            self._legs_back.append(self.legs.pop())
        self.tail = ()
        return super().take_back()

    def put_back(self) -> None:
        """Add the anchor and the leg again that were taken back last."""
        if self.taken_back:
            self.legs.append(self._legs_back.pop())
            self.tail = ()
        super().put_back()

    def ring(self) -> Ring:
        """All legs and the one that closes, without points that add nothing."""
        if len(self.points) < 2:
            return tuple(self.points)
        closing = self.trace(self.points[-1], self.points[0])
        ring = without_repeats([point for leg in (*self.legs, closing) for point in leg[:-1]])
        return simplify(ring) if len(ring) >= 3 else ring

    @property
    def line(self) -> tuple[Point, ...]:
        """The wire so far."""
        return (self.points[0], *(point for leg in self.legs for point in leg[1:]))


class LivewireTool(PolygonTool):
    """Anchors by clicks; the rest as with the polygon tool."""

    name = ToolName.LIVEWIRE
    action = "livewire"

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._costs: tuple[Place, LivewireOptions, Costs] | None = None

    def open_path(self, event: Press) -> OpenPath | None:
        """The first anchor; nothing without pixels."""
        hu = self.core.hu()
        if hu is None:
            return None
        options = self.core.options[LivewireOptions]
        assert isinstance(options, LivewireOptions)
        if self._costs is None or self._costs[:2] != (self.core.place, options):
            self._costs = (self.core.place, options, edge_costs(hu, options.smooth))
        costs = self._costs[2]
        return WirePath(
            self.core.place,
            [event.point],
            event.tolerance_px,
            event.point,
            trace=lambda start, end: trace(costs, start, end),
        )

    def preview(self, base: Preview) -> Preview:
        """The wire and its anchors."""
        shown = super().preview(base)
        if not isinstance(self._path, WirePath):
            return shown
        return replace(shown, path=self._path.line, tail=self._path.tail, anchors=tuple(self._path.points))

    def close(self) -> Edit | None:
        """Close the wire."""
        edit = super().close()
        if self._path is None:
            self._costs = None
        return edit
