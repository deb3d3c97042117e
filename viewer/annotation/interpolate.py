"""Outlines between slices: what lies between two of them, by their signed distances (Raya and Udupa,
doi:10.1109/42.52980)."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from viewer.annotation.core import Core
from viewer.annotation.document import Annotation, Point
from viewer.annotation.raster import Mask, annotation_mask
from viewer.annotation.stack import Stack
from viewer.annotation.vectorise import exact_shapes

MARGIN_PX = 3
Distances = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """Two slices with outlines and none between them, by number."""

    below: int
    above: int


def gaps(core: Core, subtype: str, uid: str | None = None) -> list[Gap]:
    """The gaps between slices with shown outlines of a subtype; those beside one annotation only, where it is given."""
    stack = core.stack
    if stack is None:
        return []
    drawn = {stack.number(a.place) for a in core.document.annotations if a.subtype == subtype}
    there = sorted(number for number in drawn if number is not None)
    found = [Gap(low, high) for low, high in itertools.pairwise(there) if high > low + 1]
    only = core.document.find(uid)
    if uid is None:
        return found
    number = stack.number(only.place) if only and only.subtype == subtype else None
    return [gap for gap in found if number in (gap.below, gap.above)]


def between(
    stack: Stack, below: Sequence[Annotation], above: Sequence[Annotation], gap: Gap
) -> Iterator[tuple[int, Mask]]:
    """The mask of each slice between two, by slice number. At a third of the way in mm it is a third of the way from
    one shape to the other; where they lie beside each other it moves as well."""
    first, second = (_joined(annotations, stack.shape) for annotations in (below, above))
    if not first.any() or not second.any():
        return
    middle_first, middle_second = _middle(first), _middle(second)
    shift = (middle_second[0] - middle_first[0], middle_second[1] - middle_first[1])
    if (first & second).any():
        shift = (0.0, 0.0)
    box = _box(first | second)
    low, high = _distance(first[box], stack.spacing_mm), _distance(second[box], stack.spacing_mm)
    heights = stack.heights_mm
    span = heights[gap.above] - heights[gap.below]
    for number in range(gap.below + 1, gap.above):
        share = (heights[number] - heights[gap.below]) / span if span else 0.5
        moved_low = _moved(low, (share * shift[0], share * shift[1]))
        moved_high = _moved(high, ((share - 1) * shift[0], (share - 1) * shift[1]))
        mask = np.zeros(stack.shape, np.bool_)
        mask[box] = (1 - share) * moved_low + share * moved_high > 0
        if mask.any():
            yield number, mask


def ghosts(core: Core, subtype: str, uid: str | None = None) -> tuple[Annotation, ...]:
    """Annotations for every slice in the gaps of a subtype, not reviewed; empty where there are no gaps."""
    stack, document = core.stack, core.document
    found = []
    for gap in gaps(core, subtype, uid):
        assert stack is not None
        ends = [
            [a for a in document.on_slice(*stack.places[number]) if a.subtype == subtype]
            for number in (gap.below, gap.above)
        ]
        for number, mask in between(stack, ends[0], ends[1], gap):
            (outline, holes), *islands = exact_shapes(mask)
            place = stack.places[number]
            ghost = Annotation(core.new_uid(), *place, subtype, outline, holes=holes, islands=tuple(islands))
            found.append(replace(ghost, reviewed=False))
    return tuple(found)


def _joined(annotations: Sequence[Annotation], shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, np.bool_)
    for annotation in annotations:
        mask |= annotation_mask(annotation, shape)
    return mask


def _middle(mask: Mask) -> Point:
    """Centre of area, (column, row)."""
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def _box(mask: Mask) -> tuple[slice, slice]:
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    return (
        slice(max(int(rows[0]) - MARGIN_PX, 0), int(rows[-1]) + MARGIN_PX + 1),
        slice(max(int(columns[0]) - MARGIN_PX, 0), int(columns[-1]) + MARGIN_PX + 1),
    )


def _distance(mask: Mask, spacing_mm: tuple[float, float]) -> Distances:
    """Distance (mm) to the edge of the mask, positive within it."""
    from scipy import ndimage

    inside = ndimage.distance_transform_edt(mask, spacing_mm)
    outside = ndimage.distance_transform_edt(~mask, spacing_mm)
    half = min(spacing_mm) / 2
    return np.asarray(np.where(mask, inside - half, half - outside))


def _moved(distance: Distances, by: Point) -> Distances:
    """The distances moved by (columns, rows); what comes in from beside lies far outside."""
    right, down = (math.floor(step + 0.5) for step in by)
    if not right and not down:
        return distance
    result = np.full_like(distance, distance.min())
    rows, columns = distance.shape
    result[max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)] = distance[
        max(-down, 0) : rows + min(-down, 0), max(-right, 0) : columns + min(-right, 0)
    ]
    return result
