"""How thick a bleed at the skull is, measured perpendicular to the inner table on each slice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viewer.findings.head import Head

REACH_MM = 5.0
"""A bleed whose near side lies further from the inner table than this does not lie at the skull."""
_STEP_MM = 0.25
_APART_MM = 0.9
"""Slices nearer to each other than this are as thick."""
_DEEPEST_MM = 60.0
_MARGIN_MM = 8.0
_HOLE_MM = 1.0
"""Gaps within a bleed up to this are measured as bleed."""
_BESIDE_MM = 4.0
_STRAIGHT = 0.8
"""How far from the nearest inner table a ray must be, of the way that it has come from its own."""
_RIM_MM = 2.5
"""A gap to the inner table up to this is bone's glare, in which no mask is drawn: measured as bleed, too."""


@dataclass(frozen=True)
class Thickness:
    """The thickest place, mm, and the slice that it lies on. ends: its two ends as (column, row), image-relative."""

    mm: float
    index: int
    ends: tuple[tuple[float, float], tuple[float, float]]


def thickest(pixels: dict[int, npt.NDArray[np.intp]], head: Head, shape: tuple[int, int]) -> Thickness | None:
    """The thickest place of a part on any of its slices, or None where none of it lies at the skull.

    pixels: slice → places in the flattened slice of `shape` (rows, columns).
    """
    best: Thickness | None = None
    largest = max(index.size for index in pixels.values())
    wide = [index for index in sorted(pixels) if pixels[index].size * 20 >= largest]  # the others are chance
    for index in head.frame.spaced(wide, _APART_MM):
        found = _on_slice(index, pixels[index], head, shape)
        if found is not None and (best is None or found.mm > best.mm):
            best = found
    return best


def thickest_sheet(
    pixels: dict[int, npt.NDArray[np.intp]], spacing_mm: tuple[float, float], shape: tuple[int, int]
) -> Thickness | None:
    """The thickest place of a part along the falx or the tentorium: the widest circle that fits into it."""
    from scipy import ndimage

    best: Thickness | None = None
    for index, flat in pixels.items():
        rows, columns = np.divmod(flat, shape[1])
        cut = np.zeros((int(np.ptp(rows)) + 3, int(np.ptp(columns)) + 3), np.bool_)
        cut[rows - rows.min() + 1, columns - columns.min() + 1] = True
        depth, nearest = ndimage.distance_transform_edt(cut, sampling=spacing_mm, return_indices=True)
        row, column = (int(at) for at in np.unravel_index(int(depth.argmax()), depth.shape))
        mm = 2 * float(depth[row, column]) - min(spacing_mm)  # from edge to edge of pixels
        if best is None or mm > best.mm:
            way = np.array([row - nearest[0, row, column], column - nearest[1, row, column]], np.float64)
            way *= mm / 2 / max(float(np.hypot(way[0] * spacing_mm[0], way[1] * spacing_mm[1])), 1e-6)
            middle = np.array([row + rows.min() - 0.5, column + columns.min() - 0.5])
            (r0, c0), (r1, c1) = middle - way, middle + way
            best = Thickness(mm, index, ((float(c0), float(r0)), (float(c1), float(r1))))
    return best


def _on_slice(index: int, flat: npt.NDArray[np.intp], head: Head, shape: tuple[int, int]) -> Thickness | None:
    """Rays from the inner table into the head, along which the bleed's near and far side are looked for."""
    from scipy import ndimage

    if not head.inside[index].any():
        return None
    down, right = head.frame.spacing_mm
    rows, columns = np.divmod(flat, shape[1])
    pad_rows = int(np.ceil((_MARGIN_MM + REACH_MM) / down))
    pad_columns = int(np.ceil((_MARGIN_MM + REACH_MM) / right))
    top, bottom = max(rows.min() - pad_rows, 0), min(rows.max() + pad_rows + 1, shape[0])
    left, end = max(columns.min() - pad_columns, 0), min(columns.max() + pad_columns + 1, shape[1])
    inside = _fine(head, index, (int(top), int(bottom)), (int(left), int(end)))
    depth = _depth_mm(inside, (down, right))
    bleed = np.zeros(inside.shape, np.float32)
    bleed[rows - top, columns - left] = 1
    at_rim = (bleed > 0) & (depth <= REACH_MM)
    bleed = ndimage.gaussian_filter(bleed, 0.6)
    smooth = ndimage.gaussian_filter(depth, (1.5 / down, 1.5 / right))
    slope_row, slope_column = np.gradient(smooth, down, right)
    seeds = np.argwhere(at_rim)
    if len(seeds) == 0:
        return None
    if len(seeds) > 1500:
        seeds = seeds[:: len(seeds) // 1500 + 1]
    direction = np.stack([slope_row[tuple(seeds.T)], slope_column[tuple(seeds.T)]], 1)
    length = np.linalg.norm(direction, axis=1)
    seeds, direction, length = seeds[length > 0.2], direction[length > 0.2], length[length > 0.2]
    if len(seeds) == 0:
        return None
    direction /= length[:, None]
    # Back to the inner table, then inwards.
    start_mm = -(depth[tuple(seeds.T)] + 1.0)
    along = np.arange(0, _DEEPEST_MM + REACH_MM, _STEP_MM)
    mm = start_mm[:, None] + along[None, :]
    row = seeds[:, :1] + mm * direction[:, :1] / down
    column = seeds[:, 1:] + mm * direction[:, 1:] / right
    held = ndimage.map_coordinates(bleed, [row, column], order=1, mode="constant") >= 0.5
    within = ndimage.map_coordinates(inside.astype(np.float32), [row, column], order=1, mode="nearest") >= 0.5
    deep = ndimage.map_coordinates(depth, [row, column], order=1, mode="nearest")
    # In a corner of the skull a ray leaves one wall and runs along another: there it is not perpendicular any more.
    held &= within & (deep >= _STRAIGHT * (along[None, :] - 1.0) - 1.0)
    return _longest(held, within, row, column, index, (int(top), int(left)), (down, right))


def _longest(
    held: npt.NDArray[np.bool_],
    within: npt.NDArray[np.bool_],
    row: npt.NDArray[np.float64],
    column: npt.NDArray[np.float64],
    index: int,
    corner: tuple[int, int],
    spacing_mm: tuple[float, float],
) -> Thickness | None:
    """The longest first stretch of any ray (rays, steps) that is `held`, short holes bridged, from where the ray is
    `within` the skull."""
    some, begin, table = held.any(1), held.argmax(1), within.argmax(1)
    first = np.where(begin - table <= _RIM_MM / _STEP_MM, table, begin)
    position = np.arange(held.shape[1])[None, :]
    held = held | ((position >= first[:, None]) & (position < begin[:, None]))
    holes = int(_HOLE_MM / _STEP_MM)
    last_held = np.maximum.accumulate(np.where(held, position, -1), axis=1)
    broken = (position > first[:, None]) & (position - last_held > holes)
    stop = np.where(broken.any(1), broken.argmax(1), held.shape[1] - 1)
    last = last_held[np.arange(len(held)), stop]
    steps = np.where(some, last - first + 1, 0)
    ray = int(steps.argmax())
    if steps[ray] == 0:
        return None
    rays = np.arange(len(held))
    down, right = spacing_mm
    away_mm = np.hypot(
        (row[rays, first] - row[ray, first[ray]]) * down,
        (column[rays, first] - column[ray, first[ray]]) * right,
    )
    # Edges of pixels make single rays too long: those beside the longest have their say.
    mm = float(steps[some & (away_mm <= _BESIDE_MM)].mean() * _STEP_MM)
    ends = [
        (float(column[ray, at] + corner[1] + 0.5), float(row[ray, at] + corner[0] + 0.5))
        for at in (first[ray], min(first[ray] + round(mm / _STEP_MM), row.shape[1] - 1))
    ]
    return Thickness(mm, index, (ends[0], ends[1]))


def _fine(head: Head, index: int, rows: tuple[int, int], columns: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The inside of the skull on the pixels of a box, from the coarse grid."""
    from scipy import ndimage

    down, right = head.step
    row = (np.arange(*rows) - down // 2) / down
    column = (np.arange(*columns) - right // 2) / right
    coarse = ndimage.gaussian_filter(head.inside[index].astype(np.float32), 0.6)
    grid = np.meshgrid(row, column, indexing="ij")
    return np.asarray(ndimage.map_coordinates(coarse, grid, order=1, mode="nearest") >= 0.5)


def _depth_mm(inside: npt.NDArray[np.bool_], spacing_mm: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Distance to the inner table, mm, negative outside."""
    from scipy import ndimage

    if inside.all():
        return np.full(inside.shape, _DEEPEST_MM)
    inner = ndimage.distance_transform_edt(inside, sampling=spacing_mm)
    outer = ndimage.distance_transform_edt(~inside, sampling=spacing_mm) if inside.any() else 0.0
    half = min(spacing_mm) / 2
    return np.asarray(np.where(inside, inner - half, -(outer - half)))
