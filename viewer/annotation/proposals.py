"""The model's masks as editable outlines, for *Accept as annotations*."""

import uuid
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from model.labels import SUBTYPES
from viewer.annotation.document import Annotation, Ring
from viewer.annotation.export import SliceShape
from viewer.annotation.geometry import Shape, repair, signed_area
from viewer.annotation.raster import dice, mask_outlines, polygon_mask, simplify

SMALLEST_REGION_PX = 8
LEAST_DICE = 0.95


def _new_uid() -> str:
    return uuid.uuid4().hex


def _rounded(ring: Ring) -> Ring:
    """The staircase of pixel edges through the middles of its edges, one point a pixel.

    It keeps every pixel centre on its side, so its mask is the same (the contour that marching squares draws).
    """
    points = np.array(ring)
    ahead = np.roll(points, -1, axis=0) - points
    steps = np.abs(ahead).sum(1).astype(int)
    start = np.repeat(points, steps, axis=0)
    share = np.concatenate([(np.arange(n) + 0.5) / n for n in steps])
    middles = start + np.repeat(ahead, steps, axis=0) * share[:, None]
    return tuple((float(x), float(y)) for x, y in middles)


def smooth_shape(shape: Shape, least_dice: float = LEAST_DICE) -> Shape:
    """A pixel-edge polygon as a smooth one with few points, whose mask stays within `least_dice` of it."""
    outline, holes = shape
    columns, rows = (int(size) + 1 for size in np.array(outline).max(0))
    before = polygon_mask(outline, (rows, columns), holes)
    for tolerance_px in (1.0, 0.5, 0.25):
        rings = [simplify(_rounded(ring), tolerance_px, least_dice) for ring in (outline, *holes)]
        smooth = rings[0], tuple(rings[1:])
        if (
            repair(*smooth) == (smooth,)
            and dice(polygon_mask(rings[0], (rows, columns), rings[1:]), before) >= least_dice
        ):
            return smooth
    return shape


def propose(
    masks: npt.NDArray[np.uint8],
    slices: Sequence[SliceShape],
    model_id: str,
    *,
    smallest_px: int = SMALLEST_REGION_PX,
    new_uid: Callable[[], str] = _new_uid,
) -> tuple[Annotation, ...]:
    """Annotations for every region of a model's label maps, slice by slice and subtype by subtype.

    masks: uint8 (slices, rows, columns), 0 none, 1..5 subtype. Regions (and holes) under `smallest_px` pixels are
    left out (filled). The result has source `model` and is not reviewed: a reader has accepted it as a whole, not
    looked at each.
    """
    found = []
    for index in np.nonzero(masks.any((1, 2)))[0].tolist():
        for subtype in SUBTYPES:
            for outline, all_holes in mask_outlines(masks[index] == subtype.value):
                holes = tuple(hole for hole in all_holes if abs(signed_area(hole)) >= smallest_px)
                if abs(signed_area(outline)) - sum(abs(signed_area(hole)) for hole in holes) < smallest_px:
                    continue
                smooth, inner = smooth_shape((outline, holes))
                place = slices[index]
                found.append(
                    Annotation(
                        new_uid(),
                        place.sop_uid,
                        place.frame,
                        subtype.code,
                        smooth,
                        source="model",
                        model_id=model_id,
                        reviewed=False,
                        holes=inner,
                    )
                )
    return tuple(found)
