"""Distances between the surfaces of two masks, in mm, at the true positions of the slices.

The surface is the pixels of a mask with a face neighbour outside it, as MONAI and INSTANCE take it. Distances are
between pixel centres in space, so slices may be unevenly spaced.
"""

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]


def surface_mm(mask: Mask, spacing_mm: tuple[float, float], z_mm: Points) -> Points:
    """Centres (n, 3), z y x in mm, of the surface pixels of `mask` (Z, rows, columns)."""
    from scipy import ndimage

    if not mask.any():
        return np.zeros((0, 3))
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inside = mask[box]
    index = np.argwhere(inside & ~ndimage.binary_erosion(inside)) + [part.start for part in box]
    return np.stack([z_mm[index[:, 0]], index[:, 1] * spacing_mm[0], index[:, 2] * spacing_mm[1]], 1)


def distances_mm(truth: Points, found: Points) -> tuple[Points, Points]:
    """Of each surface point of the one to the nearest of the other, both ways. Neither may be empty."""
    from scipy.spatial import cKDTree

    if not len(truth) or not len(found):
        raise ValueError("a distance needs two surfaces, one is empty")
    # Balanced trees crash where a process flushes denormals, as training does (SciPy 1.17).
    trees = (cKDTree(points, balanced_tree=False) for points in (found, truth))
    return next(trees).query(truth)[0], next(trees).query(found)[0]


def surface_dice(truth: Points, found: Points, tolerance_mm: float = 2.0) -> float:
    """Normalised surface Dice: share of both surfaces that lies within `tolerance_mm` of the other.

    0 where only one is empty, NaN where both are. Nikolov et al., JMIR 23(7) 2021, with pixels for surface area.
    """
    if not len(truth) and not len(found):
        return float("nan")
    if not len(truth) or not len(found):
        return 0.0
    there, back = distances_mm(truth, found)
    tolerance_mm += 1e-6  # so that 1.2 and 1.6 mm apart is 2 mm, whatever the rounding of the positions
    return float(((there <= tolerance_mm).sum() + (back <= tolerance_mm).sum()) / (len(there) + len(back)))


def hausdorff95_mm(truth: Points, found: Points) -> float:
    """The larger of the two directed 95th percentiles of distance; NaN where a surface is empty."""
    if not len(truth) or not len(found):
        return float("nan")
    there, back = distances_mm(truth, found)
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))
