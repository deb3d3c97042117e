"""Push: a disc that shoves the outline of a polygon before it, from inside outwards or from outside in."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from viewer.annotation import words
from viewer.annotation.changes import with_rings
from viewer.annotation.core import Core
from viewer.annotation.document import Annotation, Point, Ring
from viewer.annotation.events import Edit, Move, Press, Release
from viewer.annotation.geometry import contains, nearest_edge
from viewer.annotation.options import PushOptions, ToolName
from viewer.annotation.preview import Preview, State
from viewer.annotation.raster import simplify
from viewer.annotation.tools.tool import RoundTool

STEP_PX = 1.0
"""While it is pushed an outline has a point at least this often near the disc."""
Points = npt.NDArray[np.float64]


class PushTool(RoundTool):
    """It pushes the selected polygon where the disc is put down on or beside it, else the one that it is put into."""

    name = ToolName.PUSH

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._base: Annotation | None = None
        self._rings: list[Points] = []
        self._touched: set[int] = set()
        self._last: Point = (0.0, 0.0)

    @property
    def diameter_mm(self) -> float:
        """How wide the disc is."""
        options = self.core.options[PushOptions]
        assert isinstance(options, PushOptions)
        return options.diameter_mm

    @property
    def state(self) -> State:
        """Shaping while the button is down."""
        return State.SHAPING if self._base else State.IDLE

    def press(self, event: Press) -> Edit | None:
        """Begin to push the selected polygon where the disc touches it, else the one under the cursor."""
        core = self.core
        core.place = (event.sop_uid, event.frame)
        self.cursor = self._last = event.point
        selected = core.selected_here
        base = (
            selected
            if selected and self._touches(selected, event.point)
            else core.at(event.point) or selected
        )
        if base is None:
            core.tell(words.SELECT_FIRST)
        elif core.may_change(base.subtype):
            core.selection = base.uid
            self._base = base
            self._rings = [np.array(ring) for ring in base.rings]
            self._touched = set()
        return None

    def _touches(self, annotation: Annotation, point: Point) -> bool:
        """Whether the disc, put down there, reaches into a polygon."""
        across, down = self.radii_px
        scaled = [tuple((x / across, y / down) for x, y in ring) for ring in annotation.rings]
        middle = (point[0] / across, point[1] / down)
        return contains(middle, scaled) or nearest_edge(middle, scaled, 1.0) is not None

    def move(self, event: Move) -> None:
        """Push on, with the button down, in steps of a third of the disc at most."""
        place = (event.sop_uid, event.frame)
        if self._base is None:
            self.core.place = place
        elif place != self.core.place:
            return
        self.cursor = event.point
        if self._base is None:
            return
        (x0, y0), (x1, y1) = self._last, event.point
        radii = np.array(self.radii_px)
        steps = min(math.ceil(math.hypot((x1 - x0) / radii[0], (y1 - y0) / radii[1]) * 3), 200)
        for step in range(1, steps + 1):
            share = step / steps
            self._push(np.array((x0 + share * (x1 - x0), y0 + share * (y1 - y0))), radii)
        self._last = event.point

    def _push(self, centre: Points, radii: Points) -> None:
        """Move the points within the disc to its rim, away from its middle."""
        image = self.core.image
        for number, ring in enumerate(self._rings):
            dense = _dense(ring, centre, radii)
            away = (dense - centre) / radii
            distance = np.hypot(*away.T)
            inside = distance < 1
            if not inside.any():
                continue
            pushed = away[inside] / np.maximum(distance[inside], 1e-9)[:, None]
            dense[inside] = centre + pushed * radii
            if image:
                dense = np.clip(dense, 0, (image[1], image[0]))
            self._rings[number] = dense
            self._touched.add(number)

    def release(self, event: Release) -> Edit | None:
        """The pushed outline becomes an edit."""
        if self._base is None:
            return None
        self.move(Move(event.point, event.sop_uid, event.frame))
        base, rings, touched = self._base, self._rings, self._touched
        self.cancel()
        if not touched:
            return None
        thinned = [_ring(ring, thin=number in touched) for number, ring in enumerate(rings)]
        changed = with_rings(base, thinned)
        if changed is None:
            self.core.tell(words.WOULD_VANISH)
            return None
        return self.core.reshape(changed, "push")

    def cancel(self) -> None:
        """Forget what was pushed."""
        self._base = None
        self._rings = []

    def preview(self, base: Preview) -> Preview:
        """The disc, and the outline as pushed."""
        shown = super().preview(base)
        if self._base is None or not self._touched:
            return shown
        return replace(
            shown, changed=with_rings(self._base, [_ring(ring, thin=False) for ring in self._rings])
        )


def _ring(points: Points, *, thin: bool) -> Ring:
    ring = tuple((float(x), float(y)) for x, y in points)
    return simplify(ring) if thin else ring


def _dense(ring: Points, centre: Points, radii: Points) -> Points:
    """The ring with more points on edges that pass the disc; those further away stay as they are."""
    ahead = np.roll(ring, -1, axis=0)
    way = ahead - ring
    length = np.hypot(*way.T)
    to = centre - ring
    share = np.clip((to * way).sum(1) / np.maximum(length**2, 1e-12), 0, 1)
    nearest = ring + share[:, None] * way
    near = np.hypot(*((nearest - centre) / radii).T) < 1
    counts = np.where(near, np.maximum(np.ceil(length / STEP_PX), 1), 1).astype(int)
    if counts.max() == 1:
        return ring.copy()
    start = np.repeat(np.arange(len(ring)), counts)
    number = np.arange(len(start)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(ring[start] + (number / counts[start])[:, None] * way[start])
