"""What tools share that make masks: the pixel under the mouse, and polygons out of masks."""

import math
from collections.abc import Mapping

from viewer.annotation import words
from viewer.annotation.core import Core
from viewer.annotation.document import Annotation, Point
from viewer.annotation.events import Edit
from viewer.annotation.options import Combination
from viewer.annotation.raster import Mask
from viewer.annotation.vectorise import exact_shapes


def seed_at(core: Core, point: Point) -> tuple[int, int, int] | None:
    """(slice, row, column) of the pixel around a point of the slice at hand; None beside the image and, with a
    message, where no pixels are loaded."""
    if core.hu() is None or core.stack is None:
        return None
    column, row = math.floor(point[0]), math.floor(point[1])
    number = core.stack.number(core.place)
    rows, columns = core.stack.shape
    return (number, row, column) if number is not None and 0 <= row < rows and 0 <= column < columns else None


def draw_masks(core: Core, masks: Mapping[int, Mask], action: str) -> Edit | None:
    """The shapes of whole-slice masks by slice number: one annotation a slice, or a change of the selected one."""
    if core.stack is None:
        return None
    shapes = {number: exact_shapes(mask) for number, mask in masks.items() if mask.any()}
    if not shapes:
        core.tell(words.NOTHING_THERE)
        return None
    here = core.stack.number(core.place)
    if core.combination is not Combination.NEW:
        return core.draw(shapes[here], core.place, action) if here in shapes else None
    if not core.may_change(core.subtype):
        return None
    order = sorted(shapes, key=lambda number: number != here)  # the slice at hand first: it gets selected
    drawn = []
    for number in order:
        (outline, holes), *islands = shapes[number]
        place = core.stack.places[number]
        drawn.append(
            Annotation(core.new_uid(), *place, core.subtype, outline, holes=holes, islands=tuple(islands))
        )
    return core.add(drawn, f"{action} {core.subtype}")
