"""Brush and eraser: a disc of some mm that adds pixels or takes them away, where their HU are in a range."""

from dataclasses import replace

import numpy as np

from viewer.annotation.booleans import boxes_meet, combined
from viewer.annotation.changes import edited, replaced
from viewer.annotation.core import Core
from viewer.annotation.document import Annotation, Point, Shape
from viewer.annotation.events import Edit, Move, Press, Release
from viewer.annotation.options import BrushOptions, Combination, EraserOptions, ToolName
from viewer.annotation.preview import Patch, Preview, State
from viewer.annotation.raster import Mask, annotation_mask
from viewer.annotation.tools.tool import RoundTool
from viewer.annotation.vectorise import exact_shapes


class BrushTool(RoundTool):
    """Paint. The stroke joins the polygon of the subtype that it touches, the selected one first; touching none, it
    becomes one of its own."""

    name = ToolName.BRUSH
    kind: type[BrushOptions] = BrushOptions
    erases = False

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._stroke: Mask | None = None
        self._allowed: Mask | None = None
        self._box = (0, 0, 0, 0)  # left, top, right, bottom
        self._last: Point = (0.0, 0.0)

    @property
    def state(self) -> State:
        """Shaping while the button is down."""
        return State.IDLE if self._stroke is None else State.SHAPING

    @property
    def options(self) -> BrushOptions:
        """Diameter and range."""
        found = self.core.options[self.kind]
        assert isinstance(found, BrushOptions)
        return found

    @property
    def diameter_mm(self) -> float:
        """How wide the disc is."""
        return self.options.diameter_mm

    def press(self, event: Press) -> Edit | None:
        """Begin a stroke."""
        core = self.core
        core.place = (event.sop_uid, event.frame)
        self.cursor = event.point
        if core.image is None or not (self.erases or core.may_change(core.subtype)):
            return None
        low, high = self.options.range_hu
        self._allowed = None
        if (low, high) != (-np.inf, np.inf):
            hu = core.hu()
            if hu is None:
                return None
            self._allowed = (hu >= low) & (hu <= high)
        self._stroke = np.zeros(core.image, np.bool_)
        self._box = (core.image[1], core.image[0], 0, 0)
        self._last = event.point
        self._stamp(event.point)
        return None

    def move(self, event: Move) -> None:
        """Paint on, with the button down."""
        place = (event.sop_uid, event.frame)
        if self._stroke is None:
            self.core.place = place
        elif place != self.core.place:
            return
        self.cursor = event.point
        if self._stroke is not None:
            self._stamp(event.point)

    def _stamp(self, point: Point) -> None:
        """Add the pixels whose centre is within the disc on its way from the last point to this one."""
        assert self._stroke is not None
        rows, columns = self._stroke.shape
        radius_x, radius_y = self.radii_px
        (x0, y0), (x1, y1) = self._last, point
        self._last = point
        left = min(max(int(min(x0, x1) - radius_x), 0), columns)
        top = min(max(int(min(y0, y1) - radius_y), 0), rows)
        right = min(max(int(max(x0, x1) + radius_x) + 1, 0), columns)
        bottom = min(max(int(max(y0, y1) + radius_y) + 1, 0), rows)
        if left >= right or top >= bottom:
            return
        across = (np.arange(left, right) + 0.5 - x0)[None] / radius_x
        down = (np.arange(top, bottom) + 0.5 - y0)[:, None] / radius_y
        to_x, to_y = (x1 - x0) / radius_x, (y1 - y0) / radius_y
        length = to_x**2 + to_y**2
        along = np.clip((across * to_x + down * to_y) / length, 0, 1) if length else 0.0
        disc = (across - along * to_x) ** 2 + (down - along * to_y) ** 2 <= 1
        if self._allowed is not None:
            disc &= self._allowed[top:bottom, left:right]
        self._stroke[top:bottom, left:right] |= disc
        box = self._box
        self._box = (min(box[0], left), min(box[1], top), max(box[2], right), max(box[3], bottom))

    def release(self, event: Release) -> Edit | None:
        """The stroke becomes an edit."""
        stroke = self._stroke
        if stroke is None:
            return None
        self.move(Move(event.point, event.sop_uid, event.frame))
        self._stroke = self._allowed = None
        return self.apply(exact_shapes(stroke)) if stroke.any() else None

    def apply(self, shapes: tuple[Shape, ...]) -> Edit | None:
        """Add the stroke."""
        core = self.core
        assert core.image is not None
        (outline, holes), *islands = shapes
        new = Annotation(
            core.new_uid(), *core.place, core.subtype, outline, holes=holes, islands=tuple(islands)
        )
        near = _grown(annotation_mask(new, core.image))
        same = [a for a in core.here if a.subtype == core.subtype]
        same.sort(key=lambda a: a.uid != core.selection)
        for annotation in same:
            if (
                boxes_meet(annotation.parts, shapes)
                and (annotation_mask(annotation, core.image) & near).any()
            ):
                edit = core.change(annotation, combined(annotation.parts, shapes, Combination.ADD), "paint")
                core.selection = annotation.uid
                return edit
        return core.add([new], f"paint {core.subtype}")

    def cancel(self) -> None:
        """Forget the stroke."""
        self._stroke = self._allowed = None

    def preview(self, base: Preview) -> Preview:
        """The disc, and the stroke so far."""
        shown = super().preview(base)
        left, top, right, bottom = self._box
        if self._stroke is None or right <= left:
            return shown
        return replace(
            shown, patch=Patch(left, top, self._stroke[top:bottom, left:right].copy(), self.erases)
        )


class EraserTool(BrushTool):
    """Take away from the selected polygon of the slice; without one, from all that are not locked."""

    name = ToolName.ERASER
    kind = EraserOptions
    erases = True

    def apply(self, shapes: tuple[Shape, ...]) -> Edit | None:
        """Take the stroke away."""
        core = self.core
        selected = core.selected_here
        document = core.document
        for annotation in (selected,) if selected else core.here:
            if not boxes_meet(annotation.parts, shapes):
                continue
            left = combined(annotation.parts, shapes, Combination.SUBTRACT)
            if left == annotation.parts:
                continue
            if core.layers[annotation.subtype].locked:
                core.may_change(annotation.subtype)
                continue
            pieces = (edited(annotation, parts=left),) if left else ()
            document = replaced(document, annotation.uid, pieces)
        return core.commit(document, "erase")


def _grown(mask: Mask) -> Mask:
    """The mask and the pixels beside it."""
    near = mask.copy()
    near[1:] |= mask[:-1]
    near[:-1] |= mask[1:]
    near[:, 1:] |= mask[:, :-1]
    near[:, :-1] |= mask[:, 1:]
    return near
