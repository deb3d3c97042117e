"""What a head offers to bleeds: where its inner table, its fluid and its ventricles lie, found by HU and shape.

Found once for a case; painting then only looks it up. Works on patients and on phantoms alike.
"""

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.preprocess import PIXEL_MM

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_BONE_HU = 200
_EDGE_HU = 130
"""Bone thinned by partial volume, as in infants and at sutures."""
_SOLID_HU = 90
"""What is denser is bone or its blurred rim."""
_LEAST_BRAIN_MM2 = 1500
_MOST_BONE = 0.42
"""A slice whose filled skull is bone to this share lies in the skull base, where nothing is painted."""
_FORAMEN_MM = 128.0
"""Below the vertex of an adult; what lies lower is neck."""
_MOST_HOLE_PIXELS = 150
_LEAST_SHARE_AT_TOP = 0.36
"""Of the skull's filled outline, in the topmost slice with brain; less is face or neck."""
_LEAST_FLUID_PIXELS = 14
_MOST_BONE_AT_VERTEX = 0.6
_ADULT_HALF_MM = 66.0
"""Half the width of an adult's cranial cavity; heights in smaller heads are stretched to it."""


@dataclass(frozen=True)
class Background:
    """A head without its bleeds, in slices (S, N, N).

    inside: the cranial cavity. bone_share: how much of a pixel is bone. depth_mm: below the inner table.
    wall_mm: bone between the nearest point of the inner table and the outside: much where that is the skull base.
    arc_mm: way along the inner table from the forehead's middle, positive on the picture's right; of pixels inside,
    that of the nearest point of the table. perimeter_mm: (S,), of the table. across_mm, along_mm: distance from the
    midline (right positive) and from the skull's middle (back positive). smooth: HU without noise, bone left out.
    fluid: share of cerebrospinal fluid. ventricle: deep fluid that is a lateral or the third ventricle.
    z_mm: (S,), position of the slices. below_mm: (S,), how far below the vertex they would lie in an adult's head;
    nan where the vertex is not in the series. brain_hu, fluid_hu: typical values. half_mm: half the cavity's width.
    """

    inside: Mask
    bone_share: npt.NDArray[np.float16]
    depth_mm: npt.NDArray[np.float16]
    wall_mm: npt.NDArray[np.float16]
    arc_mm: npt.NDArray[np.float16]
    perimeter_mm: Floats
    across_mm: npt.NDArray[np.float16]
    along_mm: npt.NDArray[np.float16]
    smooth: npt.NDArray[np.float16]
    fluid: npt.NDArray[np.float16]
    ventricle: Mask
    z_mm: Floats
    below_mm: Floats
    brain_hu: float
    fluid_hu: float
    half_mm: float

    def cut(self, chosen: npt.NDArray[np.intp], box: tuple[slice, slice]) -> "Background":
        """The background of some slices in a box of rows and columns."""
        part = (chosen, *box)
        return Background(
            **{name: getattr(self, name)[part] for name in _MAPS},
            perimeter_mm=self.perimeter_mm[chosen],
            z_mm=self.z_mm[chosen],
            below_mm=self.below_mm[chosen],
            brain_hu=self.brain_hu,
            fluid_hu=self.fluid_hu,
            half_mm=self.half_mm,
        )

    def box(self, chosen: npt.NDArray[np.intp], margin: int = 3) -> tuple[slice, slice] | None:
        """Rows and columns around the cavity in some slices; None where they show none."""
        shown: Mask = np.any(self.inside[chosen], axis=0)
        rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
        if not len(rows):
            return None
        return (
            slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
            slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
        )


_MOST_KEPT = 96
"""Backgrounds in memory, some 4 MB each."""
_KEPT: OrderedDict[int, tuple["weakref.ref[npt.NDArray[np.int16]]", Background | None]] = OrderedDict()
_LOCK = threading.Lock()

_MAPS = (
    "inside", "bone_share", "depth_mm", "wall_mm", "arc_mm", "across_mm", "along_mm", "smooth", "fluid", "ventricle"
)  # fmt: skip


def look(
    hu: npt.NDArray[np.float32] | npt.NDArray[np.int16], gaps_mm: Floats | None = None
) -> Background | None:
    """The background of slices hu (S, N, N), from the base up; None where they show no closed skull with brain.

    gaps_mm: (S,), distance of each slice to the one before; 5 mm each where None.
    """
    hu = hu.astype(np.float32)
    gaps = np.full(len(hu), 5.0, np.float32) if gaps_mm is None else gaps_mm.astype(np.float32)
    z_mm = np.cumsum(gaps, dtype=np.float32)
    skulls = [_filled(image) for image in hu]
    inside, brain_hu = _cavities(hu, skulls)
    if brain_hu is None:
        return None
    smooth = np.stack([_smooth(image, mask, brain_hu) for image, mask in zip(hu, inside, strict=True)])
    across, along, half = _axes(smooth - brain_hu, inside, skulls)
    below = _below(inside, z_mm, half)
    inside[below > _FORAMEN_MM] = False
    depth, wall, arc, perimeter = _tables(inside, skulls, across, along)
    fluid_hu = float(np.clip(np.percentile(smooth[depth > 4], 0.5), brain_hu - 32, brain_hu - 20))
    fluid = _fluid(smooth, inside, brain_hu, fluid_hu)
    half_precision = np.float16
    return Background(
        inside=inside,
        bone_share=np.clip((hu - _SOLID_HU) / 900, 0, 1).astype(half_precision),
        depth_mm=depth.astype(half_precision),
        wall_mm=wall.astype(half_precision),
        arc_mm=arc.astype(half_precision),
        perimeter_mm=perimeter,
        across_mm=across.astype(half_precision),
        along_mm=along.astype(half_precision),
        smooth=smooth.astype(half_precision),
        fluid=fluid.astype(half_precision),
        ventricle=_ventricles(fluid, depth, across, along, below, half),
        z_mm=z_mm,
        below_mm=below,
        brain_hu=brain_hu,
        fluid_hu=fluid_hu,
        half_mm=half,
    )


def recall(hu: npt.NDArray[np.int16], gaps_mm: Floats) -> Background | None:
    """`look`, remembered for the last `_MOST_KEPT` series that were asked for and still exist."""
    with _LOCK:
        known = _KEPT.get(id(hu))
        if known is not None and known[0]() is hu:
            _KEPT.move_to_end(id(hu))
            return known[1]
    found = look(hu, gaps_mm)
    with _LOCK:
        _KEPT[id(hu)] = (weakref.ref(hu), found)
        _KEPT.move_to_end(id(hu))
        for key in [key for key, (series, _) in _KEPT.items() if series() is None]:
            del _KEPT[key]
        while len(_KEPT) > _MOST_KEPT:
            _KEPT.popitem(last=False)
    return found


def _filled(image: Floats) -> Mask:
    """The skull and all that it encloses; nothing where no closing of its gaps makes it enclose much."""
    from scipy import ndimage

    bone = image > _EDGE_HU
    head = (image > -200).sum()
    padded = np.pad(bone, 16)
    for gap in (2, 6, 13):  # sutures and burr holes, open sutures, bone flaps
        near = ndimage.distance_transform_edt(~padded) <= gap
        closed = ndimage.distance_transform_edt(near) > gap
        outside, _ = ndimage.label(~closed)
        filled: Mask = (outside != outside[0, 0])[16:-16, 16:-16]
        if filled.sum() > 1.4 * bone.sum() and filled.sum() > 0.4 * head:
            return filled
    return np.zeros_like(bone)


def _cavities(hu: Floats, skulls: list[Mask]) -> tuple[Mask, float | None]:
    """Cranial cavity of each slice, and the typical HU of brain; from the vertex down, as cavities hang together."""
    from scipy import ndimage

    inside = np.zeros(hu.shape, np.bool_)
    above: Mask | None = None
    typical: float | None = None
    for z in range(len(hu) - 1, -1, -1):
        image, filled = hu[z], skulls[z]
        if not filled.any():
            continue
        soft = ndimage.binary_opening(filled & (image > -15) & (image < _SOLID_HU), iterations=2)
        labelled, count = ndimage.label(soft)
        if not count:
            continue
        sizes = np.bincount(labelled.ravel(), minlength=count + 1)
        sizes[0] = 0
        kept = labelled == int(sizes.argmax())
        if above is not None:
            for k in np.flatnonzero(sizes * PIXEL_MM**2 > 150):
                part = labelled == k
                if above[part].mean() > 0.6 and abs(float(np.median(image[part])) - (typical or 35)) < 8:
                    kept |= part
        brain = float(np.median(image[kept]))
        share = (filled & (image > _BONE_HU)).sum() / filled.sum()
        bony = share > (_MOST_BONE if above is not None else _MOST_BONE_AT_VERTEX)
        if kept.sum() * PIXEL_MM**2 < _LEAST_BRAIN_MM2 or not 12 < brain < 60 or (bony and above is None):
            continue
        if above is None and kept.sum() < _LEAST_SHARE_AT_TOP * filled.sum():
            continue
        if above is not None and (kept & above).sum() < (0.8 if bony else 0.65) * min(
            kept.sum(), above.sum()
        ):
            continue
        inside[z] = _without_small_holes(ndimage.binary_dilation(kept, iterations=2) & filled & (image < 150))
        above = inside[z]
        typical = brain
    if not inside.any():
        return inside, None
    return inside, float(np.median(hu[inside & (hu > 0) & (hu < 70)]))


def _without_small_holes(mask: Mask) -> Mask:
    """The mask with calcifications and shunts in it."""
    from scipy import ndimage

    holes, count = ndimage.label(~mask)
    small = np.bincount(holes.ravel(), minlength=count + 1) < _MOST_HOLE_PIXELS
    return np.asarray(mask | small[holes])


def _smooth(image: Floats, inside: Mask, brain_hu: float) -> Floats:
    """HU with noise averaged away, of soft tissue inside alone; brain elsewhere."""
    from scipy import ndimage

    weight = ndimage.gaussian_filter((inside & (image < _SOLID_HU)).astype(np.float32), 0.9)
    total = ndimage.gaussian_filter(np.where(inside & (image < _SOLID_HU), image, 0).astype(np.float32), 0.9)
    return np.where(weight > 0.05, total / np.maximum(weight, 0.05), brain_hu).astype(np.float32)


def _axes(contrast: Floats, inside: Mask, skulls: list[Mask]) -> tuple[Floats, Floats, float]:
    """Distances across and along the midline in mm (S, N, N), and half the cavity's largest width."""
    areas = inside.sum((1, 2))
    best = np.argsort(areas)[-5:]
    angle, shift = _symmetry(contrast[best] * inside[best], [skulls[z] for z in best])
    rows, columns = np.indices(inside.shape[1:], dtype=np.float32)
    across, along = np.empty(inside.shape, np.float32), np.empty(inside.shape, np.float32)
    middle = np.zeros(2)
    for z in range(len(inside) - 1, -1, -1):
        if skulls[z].any():
            middle = np.array([float(v.mean()) for v in np.nonzero(skulls[z])])
        y, x = (rows - middle[0]) * PIXEL_MM, (columns - middle[1]) * PIXEL_MM
        across[z] = np.cos(angle) * x - np.sin(angle) * y - shift
        along[z] = np.sin(angle) * x + np.cos(angle) * y
    widest = across[best[-1]][inside[best[-1]]]
    return across, along, float(max(np.percentile(np.abs(widest), 99.5), 35.0))


def _symmetry(contrast: Floats, skulls: list[Mask]) -> tuple[float, float]:
    """Angle in radians and sideways shift in mm of the axis that mirrors the slices onto themselves best."""
    from scipy import ndimage

    step = 3
    grid = np.arange(-28, 28.1)
    y, x = np.meshgrid(grid, grid, indexing="ij")
    first = _long_axis(skulls[-1])
    best = (-np.inf, first, 0.0)
    shown = [(c, s) for c, s in zip(contrast, skulls, strict=True) if s.any()][-3:]
    pictures = [np.clip(c, -20, 20) + 40.0 * s for c, s in shown]
    for turn in np.deg2rad(np.arange(-16, 16.1, 2)):
        angle = first + turn
        total = np.zeros(7)
        for picture, skull in zip(pictures, (s for _, s in shown), strict=True):
            row, column = (float(v.mean()) for v in np.nonzero(skull))
            places = [
                row + step * (np.cos(angle) * y - np.sin(angle) * x),
                column + step * (np.cos(angle) * x + np.sin(angle) * y),
            ]
            turned = ndimage.map_coordinates(picture, places, order=1)
            mirrored = turned[:, ::-1]
            for k in range(7):  # shifted by k - 3
                total[k] -= np.abs(mirrored[:, 3 : -3 or None] - turned[:, k : k + 51]).mean()
        k = int(total.argmax())
        if total[k] > best[0]:
            best = (float(total[k]), angle, (k - 3) * step / 2 * PIXEL_MM)
    return best[1], best[2]


def _long_axis(skull: Mask) -> float:
    """Angle of the skull's long axis to the vertical, radians, at most 45°."""
    row, column = np.nonzero(skull)
    row, column = row - row.mean(), column - column.mean()
    angle = 0.5 * np.arctan2(2 * (row * column).mean(), (row**2).mean() - (column**2).mean())
    return float(np.clip(angle, -np.pi / 4, np.pi / 4))


def _tables(
    inside: Mask, skulls: list[Mask], across: Floats, along: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Depth below the inner table, wall there, way along it (S, N, N) and its length (S,), mm."""
    from scipy import ndimage

    depth, wall, arc = (np.zeros(inside.shape, np.float32) for _ in range(3))
    perimeter = np.full(len(inside), 1.0, np.float32)
    for z, mask in enumerate(inside):
        if not mask.any():
            continue
        distance, (row, column) = ndimage.distance_transform_edt(mask, return_indices=True)
        depth[z] = distance * PIXEL_MM
        wall[z] = ndimage.distance_transform_edt(skulls[z])[row, column] * PIXEL_MM
        # Bins of the direction from the middle: the skull is round enough to be walked along by angle.
        angles = np.arctan2(across[z], -along[z])
        rim = mask & (distance < 1.5)
        bins = np.clip(((angles[rim] + np.pi) * (72 / (2 * np.pi))).astype(int), 0, 71)
        radii = np.hypot(across[z], along[z])[rim]
        count = np.bincount(bins, minlength=72)
        mean = np.bincount(bins, radii, 72) / np.maximum(count, 1)
        mean = np.where(count > 0, mean, radii.mean())
        edges = np.concatenate([[0], np.cumsum(mean * (2 * np.pi / 72))])
        walked = np.interp(angles, np.linspace(-np.pi, np.pi, 73), edges - edges[36])
        arc[z] = walked[row, column]
        perimeter[z] = edges[-1]
    return depth, wall, arc, perimeter


def _below(inside: Mask, z_mm: Floats, half_mm: float) -> Floats:
    """Height below the vertex, stretched to an adult's head; nan where the series ends before the vertex."""
    areas = inside.sum((1, 2)) * PIXEL_MM**2
    shown = np.flatnonzero(areas)
    if not len(shown) or areas[shown[-1]] > 0.72 * areas.max():
        return np.full(len(inside), np.nan, np.float32)
    # The topmost slices with brain are small; a cap of radius r reaches r²/(2·80) above its slice.
    cap = areas[shown[-1]] / np.pi / (2 * 80)
    below: Floats = ((z_mm[shown[-1]] + cap - z_mm) * (_ADULT_HALF_MM / half_mm)).astype(np.float32)
    return below


def _fluid(smooth: Floats, inside: Mask, brain_hu: float, fluid_hu: float) -> Floats:
    """Share of fluid, without the specks that noise makes."""
    from scipy import ndimage

    share = np.clip((brain_hu - 8 - smooth) / (brain_hu - 10 - fluid_hu), 0, 1) * inside
    labelled, count = ndimage.label(
        share > 0.25, np.array([[[0, 0, 0]] * 3, [[1, 1, 1]] * 3, [[0, 0, 0]] * 3])
    )
    large = np.bincount(labelled.ravel(), minlength=count + 1) >= _LEAST_FLUID_PIXELS
    large[0] = False
    rim = ndimage.binary_dilation(large[labelled], np.ones((1, 3, 3), np.bool_))
    return np.asarray(np.where(rim, share, 0), np.float32)


def _ventricles(
    fluid: Floats, depth: Floats, across: Floats, along: Floats, below: Floats, half_mm: float
) -> Mask:
    """Lateral and third ventricles: deep fluid near the middle, not at the height of the basal cisterns."""
    from scipy import ndimage

    size = half_mm / _ADULT_HALF_MM
    height = np.where(np.isnan(below), 60, below)
    deep = (fluid > 0.45) & (depth > 20 * size) & (np.abs(across) < 36 * size) & (np.abs(along) < 62 * size)
    deep &= ((height > 34) & (height < 86))[:, None, None]
    in_slice = np.array([[[0, 0, 0]] * 3, [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[0, 0, 0]] * 3])
    labelled, count = ndimage.label(deep, in_slice)
    if not count:
        return deep
    found = np.arange(1, count + 1)
    pixels = ndimage.sum(deep, labelled, found)
    x = np.abs(ndimage.mean(across, labelled, found)) / size
    y = np.asarray(ndimage.mean(along, labelled, found)) / size
    z = ndimage.mean(np.broadcast_to(height[:, None, None], deep.shape), labelled, found)
    central = x < 6
    # Behind the third ventricle the midline holds the cisterns round the midbrain, below it those round the sella.
    ours = (pixels * PIXEL_MM**2 > 30) & ~(
        central & ((y > 12) | (y < -32) | (z > 76)) & (pixels * PIXEL_MM**2 < 500)
    )
    return np.asarray(np.concatenate([[False], ours])[labelled])
