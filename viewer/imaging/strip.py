"""The slice strip as numbers: which slice a height means, and the colour of every row of pixels."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

RGB = tuple[int, int, int]

GROUND, PENDING, FAILED = (0x1A, 0x1E, 0x25), (0x0E, 0x11, 0x15), (0x5A, 0x2A, 0x26)
GAP_FROM_PX = 4.0
"""Cells at least this tall are parted by a dark line."""


@lru_cache(maxsize=8)
def cell_edges(count: int, height: int) -> npt.NDArray[np.intp]:
    """First pixel row of each of `count` cells and the end of the last, intp (count + 1,). Read-only."""
    edges = np.round(np.arange(count + 1) * (height / max(count, 1))).astype(np.intp)
    edges.flags.writeable = False
    return edges


def slice_at(y: float, count: int, height: int) -> int:
    """The slice whose cell holds the height `y`; above and below the strip the first and the last."""
    return min(max(int(y / max(height, 1) * count), 0), max(count - 1, 0))


def cell_colours(
    loaded: npt.NDArray[np.bool_],
    failed: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float32] | None,
    thresholds: npt.NDArray[np.float32],
    colours: tuple[RGB, ...],
) -> npt.NDArray[np.uint8]:
    """Colours of each slice's cell, uint8 (slices, 2, 3): the cell, and its right-hand band.

    The cell takes the colour of the strongest suspected subtype, the band that of the second; as strong as the
    score. loaded, failed: bool (slices,). scores: (slices, subtypes), NaN where not scored; thresholds and
    colours: one for each subtype.
    """
    ground = np.where(loaded[:, None], GROUND, PENDING).astype(np.float64)
    ground[failed] = FAILED
    cells = np.repeat(ground[:, None], 2, axis=1)
    if scores is not None and scores.size:
        known = np.nan_to_num(scores, nan=0.0)
        strength = np.where(known >= thresholds, known, 0.0)
        order = np.argsort(-strength, axis=1, kind="stable")[:, :2]
        strength = np.take_along_axis(strength, order, axis=1)
        # A cell with one subtype is that colour in its whole width.
        single = strength[:, 1] == 0
        order[single, 1], strength[single, 1] = order[single, 0], strength[single, 0]
        tint = np.asarray(colours, np.float64)[order]
        cells += (tint - cells) * strength[..., None]
    return np.rint(cells).astype(np.uint8)


def strip_rows(
    cells: npt.NDArray[np.uint8], weight: npt.NDArray[np.float32], height: int
) -> npt.NDArray[np.uint32]:
    """The strip as RGB32 pixels, uint32 (height, 2).

    Where slices share a pixel row, the one with the greatest `weight` (slices,) shows: no suspicion is averaged
    away. Tall cells are parted by a dark line.
    """
    count = len(cells)
    edges = cell_edges(count, height)
    if count <= height:
        pick = np.repeat(np.arange(count), np.diff(edges))
    else:
        starts = np.minimum((np.arange(height) * count) // height, count - 1)
        ends = np.append(starts[1:], count)
        pick = np.array([a + int(np.argmax(weight[a:b])) for a, b in zip(starts, ends, strict=True)], np.intp)
    rgb = cells[pick].astype(np.uint32)
    rows = np.uint32(0xFF000000) | rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    if height / max(count, 1) >= GAP_FROM_PX:
        rows[edges[1:] - 1] = 0xFF000000
    return np.ascontiguousarray(rows)
