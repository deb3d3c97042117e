"""Label volumes (NIfTI, NRRD) on the slices of a series: only where both have the same pixels, in any order of axes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from viewer.dicom.geometry import positions_of
from viewer.dicom.series import Series
from viewer.interchange.drawn import ExchangeError

Array = npt.NDArray[np.generic]
Affine = npt.NDArray[np.float64]
_OFF_GRID = 0.15
"""Of a voxel: how far a pixel may lie from a voxel's centre for both to be the same one."""


def on_slices(
    path: Path, values: Array, affine_lps: Affine, series: Series, spacing_mm: tuple[float, float]
) -> Iterator[Array]:
    """The values (i, j, k) of a volume on each slice of a series, (rows, columns), as views.

    affine_lps: (4, 4) from indices of voxel centres to patient mm. Raises ExchangeError where the volume's voxels are
    not the pixels of the series, or a slice lies outside it, or it has values that lie on no slice.
    """
    positions = positions_of(series.slices)
    if positions is None:
        raise ExchangeError(
            f"{path.name} holds a volume, and the positions of these slices are unknown, so its place cannot be "
            "found. Import masks by slice instead (NPZ, PNG). Nothing was imported."
        )
    try:
        to_index = np.asarray(np.linalg.inv(affine_lps), np.float64)
    except np.linalg.LinAlgError:
        raise ExchangeError(f"{path.name} says no place in the patient. Get it again.") from None
    views = [
        _one(path, values, to_index, series, index, position, spacing_mm)
        for index, position in enumerate(positions)
    ]
    if sum(int(np.count_nonzero(view)) for view in views) != int(np.count_nonzero(values)):
        raise ExchangeError(
            f"{path.name} marks voxels that lie on no slice of this series. Open the series that it was made of. "
            "Nothing was imported."
        )
    yield from views


def _one(
    path: Path,
    values: Array,
    to_index: Affine,
    series: Series,
    index: int,
    position: npt.NDArray[np.float64],
    spacing_mm: tuple[float, float],
) -> Array:
    place = series.slices[index]
    directions = np.asarray(place.orientation, np.float64)
    right, down = directions[:3] * spacing_mm[1], directions[3:] * spacing_mm[0]
    rows, columns = place.rows, place.columns
    corners = np.stack([position, position + right * (columns - 1), position + down * (rows - 1)])
    at = corners @ to_index[:3, :3].T + to_index[:3, 3]
    whole = np.rint(at).astype(np.int64)
    along_row, along_column = whole[1] - whole[0], whole[2] - whole[0]
    fits = (
        np.abs(at - whole).max() <= _OFF_GRID
        and np.abs(along_row).max() == np.abs(along_row).sum() == columns - 1
        and np.abs(along_column).max() == np.abs(along_column).sum() == rows - 1
        and not (np.abs(along_row) * np.abs(along_column)).any()
    )
    far = whole[0] + along_row + along_column
    inside = (np.minimum(whole[0], far) >= 0).all() and (np.maximum(whole[0], far) < values.shape).all()
    if not fits or not inside:
        what = "its voxels are not these pixels" if not fits else f"it does not reach slice {index + 1}"
        raise ExchangeError(
            f"{path.name} lies on another grid than this series: {what}. It belongs to another series or study, or "
            "was resampled. Nothing was imported."
        )
    row_axis, column_axis = _axes(along_row, along_column)
    cut: list[int | slice] = [int(start) for start in whole[0]]
    cut[column_axis] = _run(int(whole[0][column_axis]), int(along_row[column_axis]), columns)
    cut[row_axis] = _run(int(whole[0][row_axis]), int(along_column[row_axis]), rows)
    view = values[tuple(cut)]
    return view if row_axis < column_axis else view.T


def _axes(along_row: npt.NDArray[np.int64], along_column: npt.NDArray[np.int64]) -> tuple[int, int]:
    """The volume's axis that rows count along, and the one that columns count along."""
    column_axis, row_axis = int(np.abs(along_row).argmax()), int(np.abs(along_column).argmax())
    free = [axis for axis in range(3) if axis not in (column_axis, row_axis)]
    if not along_row.any():  # a single column
        column_axis = free[0] if row_axis == column_axis else column_axis
    if not along_column.any() and row_axis == column_axis:
        row_axis = free[0]
    return row_axis, column_axis


def _run(start: int, length: int, count: int) -> slice:
    """`count` indices from `start` on, upwards or downwards."""
    if length >= 0:
        return slice(start, start + count)
    stop = start - count
    return slice(start, stop if stop >= 0 else None, -1)
