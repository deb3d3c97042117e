"""Grow: press on a bleed and drag right to take in HU further from the seed's, left to take in fewer."""

import math
from dataclasses import replace

import numpy as np

from viewer.annotation import words
from viewer.annotation.core import Core
from viewer.annotation.document import Point
from viewer.annotation.events import Edit, Move, Press, Release
from viewer.annotation.options import Combination, GrowOptions, ToolName
from viewer.annotation.preview import Patch, Preview, State
from viewer.annotation.raster import Mask
from viewer.annotation.regions import Growth
from viewer.annotation.tools.pixels import draw_masks, seed_at
from viewer.annotation.tools.tool import Tool

MOST_TOLERANCE_HU = 200.0


class GrowTool(Tool):
    """A drag by the mouse's reach (`tolerance_px`) changes the tolerance by 1 HU."""

    name = ToolName.GROW

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._growth: Growth | None = None
        self._pressed: Point = (0.0, 0.0)
        self._cursor: Point = (0.0, 0.0)
        self._reach_px = 5.0
        self._tolerance_hu = 0.0
        self._mask: Mask | None = None

    @property
    def state(self) -> State:
        """Shaping while the button is down."""
        return State.SHAPING if self._growth else State.IDLE

    @property
    def _options(self) -> GrowOptions:
        options = self.core.options[GrowOptions]
        assert isinstance(options, GrowOptions)
        return options

    def press(self, event: Press) -> Edit | None:
        """The seed."""
        core = self.core
        core.place = (event.sop_uid, event.frame)
        seed = seed_at(core, event.point)
        if seed is None or core.stack is None:
            return None
        self._growth = Growth(core.stack, seed, self._options)
        self._pressed, self._reach_px = event.point, max(event.tolerance_px, 1e-6)
        self._widen(event.point)
        return None

    def move(self, event: Move) -> None:
        """Another tolerance."""
        if self._growth is None:
            self.core.place = (event.sop_uid, event.frame)
        elif (event.sop_uid, event.frame) == self.core.place:
            self._widen(event.point)

    def _widen(self, point: Point) -> None:
        assert self._growth is not None
        self._cursor = point
        wider = (point[0] - self._pressed[0]) / self._reach_px
        tolerance = min(max(self._options.tolerance_hu + wider, 0.0), MOST_TOLERANCE_HU)
        if self._mask is None or tolerance != self._tolerance_hu:
            self._tolerance_hu = tolerance
            self._mask = self._growth.on_slice(tolerance)

    def release(self, event: Release) -> Edit | None:
        """The region becomes polygons: on this slice, or on all it reaches. The tolerance is kept for the next."""
        growth, core = self._growth, self.core
        if growth is None or core.stack is None:
            return None
        self.move(Move(event.point, event.sop_uid, event.frame))
        mask, tolerance = self._mask, self._tolerance_hu
        self.cancel()
        number = core.stack.number(core.place)
        if mask is None or number is None or not mask.any():
            core.tell(words.NOTHING_THERE)
            return None
        core.options[GrowOptions] = replace(self._options, tolerance_hu=round(tolerance, 1))
        through = self._options.through_slices and core.combination is Combination.NEW
        masks = growth.through_slices(tolerance) if through else {number: mask}
        full = {}
        for each, window in masks.items():
            full[each] = np.zeros(core.stack.shape, np.bool_)
            full[each][growth.top : growth.top + mask.shape[0], growth.left : growth.left + mask.shape[1]] = (
                window
            )
        return draw_masks(core, full, "grow")

    def cancel(self) -> None:
        """Forget the region."""
        self._growth = self._mask = None

    def preview(self, base: Preview) -> Preview:
        """The region, and its tolerance in words."""
        if self._growth is None or self._mask is None:
            return base
        area_mm2 = float(self._mask.sum()) * math.prod(self.core.spacing_mm)
        note = f"{self._growth.seed_hu:.0f} ± {self._tolerance_hu:.0f} HU · {area_mm2 / 100:.1f} cm²"
        patch = Patch(self._growth.left, self._growth.top, self._mask)
        return replace(base, cursor=self._cursor, patch=patch, note=note)
