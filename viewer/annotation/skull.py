"""What of a slice lies inside the skull, and where the inner table is."""

import math

import numpy as np
import numpy.typing as npt

from viewer.annotation.document import Shape
from viewer.annotation.raster import Mask, polygon_mask
from viewer.annotation.stack import Hu

BONE_HU = 160.0
"""Above every clot, below the partial volume of thin bone with brain."""
GAP_MM = 5.0
"""Sutures, fractures and foramina up to twice this wide are taken for closed."""
LEAST_INSIDE_CM2 = 8.0
CELL = 2
Distances = npt.NDArray[np.float64]


def bone_of(hu: Hu) -> Mask:
    """The bone of a slice: mask bool (rows, columns)."""
    return np.asarray(hu >= BONE_HU)


def inside_skull(hu: Hu, spacing_mm: tuple[float, float]) -> Mask:
    """Mask bool (rows, columns) of what bone surrounds. Where no bone closes around anything of size (the base of the
    skull, a missing flap), all that is neither bone nor air."""
    from scipy import ndimage

    bone = bone_of(hu)
    rows, columns = (size // CELL * CELL for size in hu.shape)
    coarse = bone[:rows, :columns].reshape(rows // CELL, CELL, columns // CELL, CELL).any((1, 3))
    cell_mm = (spacing_mm[0] * CELL, spacing_mm[1] * CELL)
    reach = math.ceil(GAP_MM / min(cell_mm)) + 1
    padded = np.pad(coarse, reach)
    thick = ndimage.distance_transform_edt(~padded, cell_mm) <= GAP_MM
    hollow = ndimage.binary_fill_holes(thick) & ~thick
    inner = hollow
    if hollow.any():
        inner = ndimage.distance_transform_edt(~hollow, cell_mm) <= GAP_MM + max(cell_mm)
    inner = inner[reach:-reach, reach:-reach]
    if inner.sum() * cell_mm[0] * cell_mm[1] < 100 * LEAST_INSIDE_CM2:
        return np.asarray(~bone & (hu > -200))
    full = np.zeros(hu.shape, np.bool_)
    full[:rows, :columns] = inner.repeat(CELL, 0).repeat(CELL, 1)
    return full & ~bone


def snapped(
    parts: tuple[Shape, ...], hu: Hu, spacing_mm: tuple[float, float], reach_mm: float
) -> Mask | None:
    """The pixels of a shape and of the gap between it and the inner table, none of bone; None where no bone is within
    `reach_mm`.

    A pixel lies in the gap when it is on (nearly) the shortest way from the nearest pixel of the shape to bone.
    """
    from scipy import ndimage

    rings = [ring for outline, holes in parts for ring in (outline, *holes)]
    shape = polygon_mask(rings[0], hu.shape, rings[1:])
    if not shape.any():
        return None
    window = _around(shape, reach_mm, spacing_mm)
    there, bone = shape[window] & ~bone_of(hu)[window], bone_of(hu)[window]
    if not bone.any() or not there.any():
        return None
    to_bone = ndimage.distance_transform_edt(~bone, spacing_mm)
    to_shape, (rows, columns) = ndimage.distance_transform_edt(~there, spacing_mm, return_indices=True)
    across = to_bone[rows, columns]  # from the nearest pixel of the shape to bone
    between = (across <= reach_mm) & (to_shape + to_bone <= across + max(spacing_mm)) & ~bone
    if not (there & (to_bone <= reach_mm)).any():
        return None
    full = np.zeros(hu.shape, np.bool_)
    together = there | between
    together |= ndimage.binary_closing(together) & (to_bone <= reach_mm) & ~bone
    full[window] = there | (together & inside_skull(hu, spacing_mm)[window])
    return full


def _around(mask: Mask, margin_mm: float, spacing_mm: tuple[float, float]) -> tuple[slice, slice]:
    """The box of a mask with a margin."""
    found = []
    for axis, pixel_mm in enumerate(spacing_mm):
        numbers = np.nonzero(mask.any(1 - axis))[0]
        margin = math.ceil(margin_mm / pixel_mm) + 2
        found.append(slice(max(int(numbers[0]) - margin, 0), int(numbers[-1]) + margin + 1))
    return found[0], found[1]
