"""Livewire: the way from one point to another along edges of HU (Mortensen and Barrett, doi:10.1145/218380.218442).

The cheapest way is looked for on a coarse grid first and then, to the pixel, in a corridor around it, so that a long
wire takes hardly more time than a short one.
"""

import math

import numpy as np
import numpy.typing as npt

from viewer.annotation.document import Point
from viewer.annotation.stack import Hu

CLIP_HU = (-10.0, 110.0)
"""Beyond these an edge says nothing about blood: bone would outshine every clot."""
HALF_EDGE_HU = 12.0
"""Change of HU per pixel at which a pixel costs half."""
MARGIN_PX = 12
COARSE_PX = 64
CORRIDOR_CELLS = 1
Costs = npt.NDArray[np.float64]


def edge_costs(hu: Hu, smooth: float = 0.5) -> Costs:
    """What a step onto each pixel costs: little on edges. smooth: 0 follows every bend, 1 prefers short ways."""
    from scipy import ndimage

    soft = ndimage.gaussian_filter(np.clip(hu, *CLIP_HU).astype(np.float32), 0.8)
    down, across = np.gradient(soft)
    change = np.hypot(down, across)
    return np.asarray((HALF_EDGE_HU / (HALF_EDGE_HU + change)) ** 2 + 0.02 + 0.3 * smooth, np.float64)


def trace(costs: Costs, start: Point, end: Point) -> tuple[Point, ...]:
    """The cheapest way over `costs` (rows, columns) from one image point to another, both included.

    In between it runs through centres of pixels.
    """
    from skimage.graph import route_through_array

    (c0, r0), (c1, r1) = (_pixel(point, costs.shape) for point in (start, end))
    top, left = max(min(r0, r1) - MARGIN_PX, 0), max(min(c0, c1) - MARGIN_PX, 0)
    window = costs[top : max(r0, r1) + MARGIN_PX + 1, left : max(c0, c1) + MARGIN_PX + 1]
    ends = (r0 - top, c0 - left), (r1 - top, c1 - left)
    cell = math.ceil(max(window.shape) / COARSE_PX)
    if cell > 1:
        window = np.where(_corridor(window, ends, cell), window, -1.0)
    way, _ = route_through_array(window, *ends)  # type: ignore[no-untyped-call]
    middle = [(c + left + 0.5, r + top + 0.5) for r, c in way[1:-1]]
    return (start, *middle, end)


def _pixel(point: Point, shape: tuple[int, ...]) -> tuple[int, int]:
    """(column, row) of the pixel around a point."""
    return (
        min(max(math.floor(point[0]), 0), shape[1] - 1),
        min(max(math.floor(point[1]), 0), shape[0] - 1),
    )


def _corridor(
    window: Costs, ends: tuple[tuple[int, int], tuple[int, int]], cell: int
) -> npt.NDArray[np.bool_]:
    """The pixels near the cheapest way on a grid of cells of `cell` × `cell` pixels, each as cheap as its cheapest."""
    from skimage.graph import route_through_array

    rows, columns = (-(-size // cell) for size in window.shape)
    padded = np.full((rows * cell, columns * cell), np.inf)
    padded[: window.shape[0], : window.shape[1]] = window
    coarse = padded.reshape(rows, cell, columns, cell).min((1, 3))
    (r0, c0), (r1, c1) = ((r // cell, c // cell) for r, c in ends)
    way, _ = route_through_array(coarse, (r0, c0), (r1, c1))  # type: ignore[no-untyped-call]
    near = np.zeros((rows, columns), np.bool_)
    for row, column in way:
        near[
            max(row - CORRIDOR_CELLS, 0) : row + CORRIDOR_CELLS + 1,
            max(column - CORRIDOR_CELLS, 0) : column + CORRIDOR_CELLS + 1,
        ] = True
    return near.repeat(cell, 0).repeat(cell, 1)[: window.shape[0], : window.shape[1]]
