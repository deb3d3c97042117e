"""Connected parts of masks over slices that may be tilted, shifted and unevenly spaced."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.uint8]

MOST_GAP_MM = 15.0
"""Slices further apart than this hold separate parts, whatever lies over each other."""


@dataclass(frozen=True, eq=False)
class Part:
    """One connected part. `pixels`: slice → places in the flattened slice (intp, ascending)."""

    pixels: dict[int, npt.NDArray[np.intp]]

    @property
    def slices(self) -> tuple[int, ...]:
        """The slices that it touches, ascending."""
        return tuple(sorted(self.pixels))

    @property
    def count(self) -> int:
        """Its pixels in all slices."""
        return sum(index.size for index in self.pixels.values())


@dataclass(frozen=True, eq=False)
class _Island:
    """A connected part within one slice: rows and columns of its pixels."""

    index: int
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]


def parts_of(
    bleeds: npt.NDArray[np.bool_],
    shifts_px: npt.NDArray[np.float64] | None = None,
    gaps_mm: Sequence[float] = (),
) -> tuple[Part, ...]:
    """The connected parts of `bleeds`, bool (slices, rows, columns), largest first: pixels of a slice that touch with
    a side or a corner, and those of neighbouring slices that lie over each other or touch so.

    shifts_px: (slices, 2), how many (rows, columns) the first pixel of each slice lies off the line along the normal
    (tilted gantries); None where they lie straight. gaps_mm: between slices, empty where unknown.
    """
    shape = bleeds.shape[1:]
    islands = [
        island for index in np.flatnonzero(bleeds.any((1, 2))) for island in _islands(bleeds, int(index))
    ]
    parent = list(range(len(islands)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    by_slice: dict[int, list[int]] = {}
    for number, island in enumerate(islands):
        by_slice.setdefault(island.index, []).append(number)
    for index, upper in by_slice.items():
        if index < 1 or (len(gaps_mm) >= index and gaps_mm[index - 1] > MOST_GAP_MM):
            continue
        step = np.zeros(2) if shifts_px is None else shifts_px[index] - shifts_px[index - 1]
        for below in by_slice.get(index - 1, ()):
            for above in upper:
                if root(below) != root(above) and _touch(islands[below], islands[above], step):
                    parent[root(above)] = root(below)
    groups: dict[int, dict[int, list[npt.NDArray[np.intp]]]] = {}
    for number, island in enumerate(islands):
        flat = island.rows * shape[1] + island.columns
        groups.setdefault(root(number), {}).setdefault(island.index, []).append(flat)
    found = [
        Part({index: np.sort(np.concatenate(pieces)) for index, pieces in group.items()})
        for group in groups.values()
    ]
    return tuple(sorted(found, key=lambda part: (-part.count, part.slices)))


def _islands(bleeds: npt.NDArray[np.bool_], index: int) -> list[_Island]:
    from scipy import ndimage

    rows, columns = np.flatnonzero(bleeds[index].any(1)), np.flatnonzero(bleeds[index].any(0))
    top, left = int(rows[0]), int(columns[0])
    cut = bleeds[index, top : rows[-1] + 1, left : columns[-1] + 1]
    labelled, count = ndimage.label(cut, structure=np.ones((3, 3), np.bool_))
    found = []
    for number, box in enumerate(ndimage.find_objects(labelled, count), 1):
        row, column = np.nonzero(labelled[box] == number)
        found.append(_Island(int(index), row + top + box[0].start, column + left + box[1].start))
    return found


def _touch(below: _Island, above: _Island, step: npt.NDArray[np.float64]) -> bool:
    """Whether a pixel of `above`, moved back by how far its slice is shifted, lies on or beside one of `below`."""
    rows, columns = above.rows + round(float(step[0])), above.columns + round(float(step[1]))
    if (
        rows.max() < below.rows.min() - 1
        or rows.min() > below.rows.max() + 1
        or columns.max() < below.columns.min() - 1
        or columns.min() > below.columns.max() + 1
    ):
        return False
    top, left = int(below.rows.min()) - 2, int(below.columns.min()) - 2
    size = int(below.rows.max()) - top + 3, int(below.columns.max()) - left + 3
    near = np.zeros(size, np.bool_)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            near[below.rows - top + down, below.columns - left + right] = True
    inside = (rows >= top) & (rows < top + size[0]) & (columns >= left) & (columns < left + size[1])
    return bool(near[rows[inside] - top, columns[inside] - left].any())
