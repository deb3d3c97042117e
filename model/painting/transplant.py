"""Real bleeds of one patient in another's head: same kind of place, turned, mirrored and scaled.

Bleeds that lie on the inner table or near it are lifted and set in its coordinates (way along it, depth below it),
so that they fit another skull; those in the brain in the picture's.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.batches import Case
from model.painting.background import Background, Floats, Mask
from model.painting.bleeds import way_from
from model.painting.canvas import Blood, Canvas, pick
from model.preprocess import PIXEL_MM

_MARGIN_MM = 3.0
_LEAST_PIXELS = 8
_MOST_DEPTH_MM = 34.0
_AT_TABLE = (1, 2, 3)
_IN_BRAIN = (5,)


@dataclass(frozen=True)
class Donor:
    """A real bleed out of its head.

    value: of its subtype. patient: whose it is. contrast: HU above the typical brain, and share: how much of a pixel
    bleeds, both (Z, A, B) on a grid of PIXEL_MM: way along the inner table and depth below it where `at_table`, else
    rows and columns with the midline upright. start_mm: of the grid's second axis; the bleed's middle is 0. gap_mm:
    between slices. below_mm: depth of its middle below the vertex, nan where unknown. across_mm, along_mm: its middle.
    """

    value: int
    patient: str
    at_table: bool
    contrast: Floats
    share: Floats
    start_mm: tuple[float, float]
    gap_mm: float
    below_mm: float
    across_mm: float
    along_mm: float


def lift(case: Case) -> list[Donor]:
    """The bleeds of known subtype that a labelled case can give away; none where its skull is not understood."""
    from scipy import ndimage

    back = case.background
    if back is None:
        return []
    donors = []
    for value in (*_AT_TABLE, *_IN_BRAIN):
        labelled, count = ndimage.label((case.labels == value) & back.inside, np.ones((3, 3, 3)))
        for index, place in enumerate(ndimage.find_objects(labelled, count), 1):
            bleed = labelled == index
            if bleed.sum() >= _LEAST_PIXELS:
                slices = np.arange(place[0].start, place[0].stop)
                donors.append(_lift(case, back, bleed, slices, value))
    return donors


def _lift(case: Case, back: Background, bleed: Mask, slices: npt.NDArray[np.intp], value: int) -> Donor:
    at_table = value in _AT_TABLE
    middle = _middle(bleed)
    first, second = _axes(back, middle, at_table)
    shown = (first[bleed], second[bleed])
    low = [float(np.floor(v.min() - _MARGIN_MM)) for v in shown]
    high = [float(v.max() + _MARGIN_MM) for v in shown]
    if at_table:
        low[1] = 0.0
    grid = [np.arange(a, b, PIXEL_MM, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    a, b = np.meshgrid(*grid, indexing="ij")
    contrast = np.zeros((len(slices), *a.shape), np.float32)
    share = np.zeros_like(contrast)
    for k, z in enumerate(slices):
        contrast[k], share[k] = _flatten(back, bleed[z], int(z), first[z], second[z], a, b)
    return Donor(
        value=value,
        patient=case.patient,
        at_table=at_table,
        contrast=contrast,
        share=share,
        start_mm=(low[0], low[1]),
        gap_mm=float(np.median(case.gaps_mm)),
        below_mm=float(back.below_mm[middle[0]]),
        across_mm=float(back.across_mm[middle]),
        along_mm=float(back.along_mm[middle]),
    )


def _middle(bleed: Mask) -> tuple[int, int, int]:
    """The bleed's pixel nearest to its centroid, in its largest slice."""
    z = int(bleed.sum((1, 2)).argmax())
    rows, columns = np.nonzero(bleed[z])
    nearest = int(np.hypot(rows - rows.mean(), columns - columns.mean()).argmin())
    return z, int(rows[nearest]), int(columns[nearest])


def _axes(back: Background, middle: tuple[int, int, int], at_table: bool) -> tuple[Floats, Floats]:
    """The two coordinates in a slice of every pixel, mm, from the bleed's middle (S, N, N)."""
    if at_table:
        return way_from(back, middle)[0], back.depth_mm.astype(np.float32)
    along = back.along_mm.astype(np.float32) - np.float32(back.along_mm[middle])
    return along, back.across_mm.astype(np.float32) - np.float32(back.across_mm[middle])


def _flatten(
    back: Background, bleed: Mask, z: int, first: Floats, second: Floats, a: Floats, b: Floats
) -> tuple[Floats, Floats]:
    """Contrast and share of one slice on the grid (a, b), each from the nearest pixel inside the skull."""
    from scipy import ndimage, spatial

    inside = back.inside[z]
    soft = ndimage.gaussian_filter(bleed.astype(np.float32), 0.6)
    contrast = back.smooth[z].astype(np.float32) - back.brain_hu
    # The rim is a mixture with what lay beside the bleed; it takes the nearest density from within.
    core = ndimage.binary_erosion(bleed) if ndimage.binary_erosion(bleed).any() else bleed
    if core.any():
        nearest = ndimage.distance_transform_edt(~core, return_distances=False, return_indices=True)
        contrast = np.where(core, contrast, contrast[tuple(nearest)])
    # Balanced trees crash where a process flushes denormals, as training does (SciPy 1.17).
    tree = spatial.cKDTree(np.stack([first[inside], second[inside]], 1), balanced_tree=False)
    away, index = tree.query(np.stack([a.ravel(), b.ravel()], 1))
    index = index.reshape(a.shape)
    known = (away < 2 * PIXEL_MM).reshape(a.shape)
    return contrast[inside][index], np.where(known, soft[inside][index], 0).astype(np.float32)


def transplant(canvas: Canvas, donor: Donor, rng: np.random.Generator) -> Blood | None:
    """The donor's bleed at a fitting place of the canvas; None where there is none."""
    from scipy import ndimage

    back = canvas.background
    at = _place(canvas, donor, rng)
    if at is None:
        return None
    scale, mirror = rng.uniform(0.8, 1.25), float(rng.choice((-1, 1)))
    first, second = _axes(back, at, donor.at_table)
    if donor.at_table:
        first = first * mirror
    else:
        angle = rng.uniform(-0.5, 0.5)
        second = second * mirror
        first, second = (
            np.cos(angle) * first - np.sin(angle) * second,
            np.sin(angle) * first + np.cos(angle) * second,
        )
    middle = float(donor.share.sum((1, 2)).argmax())
    z = (back.z_mm - back.z_mm[at[0]]) / donor.gap_mm + middle
    places = np.stack(
        [
            np.broadcast_to(z[:, None, None], first.shape),
            (first / scale - donor.start_mm[0]) / PIXEL_MM,
            (second / scale - donor.start_mm[1]) / PIXEL_MM,
        ]
    )
    near = ((places > -1) & (places < np.reshape(donor.share.shape, (3, 1, 1, 1)))).all(0) & back.inside
    share, contrast = np.zeros_like(canvas.structure), np.zeros_like(canvas.structure)
    share[near] = ndimage.map_coordinates(donor.share, places[:, near], order=1)
    contrast[near] = ndimage.map_coordinates(donor.contrast, places[:, near], order=1, mode="nearest")
    if donor.value in (1, 2):  # what lies on the skull's vault does not wrap its base
        share *= np.clip((20 - back.wall_mm) * 0.25, 0, 1)
    if donor.value == 2:  # does not cross the falx
        share *= back.across_mm * np.sign(back.across_mm[at]) > 0
    hu = back.brain_hu + contrast * np.float32(rng.uniform(0.85, 1.15)) + canvas.fine
    return Blood(donor.value, share, hu.astype(np.float32), drawn=0.45)


def _place(canvas: Canvas, donor: Donor, rng: np.random.Generator) -> tuple[int, int, int] | None:
    """A pixel for the bleed's middle: as high in the head and as far from the midline as it was, on either side."""
    back = canvas.background
    size = back.half_mm / 66
    level = np.ones(len(back.z_mm), np.bool_)
    if np.isfinite(donor.below_mm) and np.isfinite(back.below_mm).all():
        level = np.abs(back.below_mm - donor.below_mm) < 16
    allowed = back.inside & level[:, None, None] & (np.abs(back.along_mm - donor.along_mm * size) < 24 * size)
    if donor.at_table:
        return pick(allowed & (back.depth_mm < 2.2) & (back.wall_mm < 16), rng)
    aside = np.abs(np.abs(back.across_mm) - abs(donor.across_mm) * size) < 14 * size
    return pick(allowed & aside & (back.depth_mm > 3) & (back.fluid < 0.5) & ~back.ventricle, rng)
