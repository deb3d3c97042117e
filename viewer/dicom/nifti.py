"""NIfTI-1 files with the exact place of a series (nifti.nimh.nih.gov, nifti1.h)."""

import gzip
import struct
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom.files import whole_file
from viewer.dicom.geometry import normal_of, positions_of
from viewer.dicom.series import Series

TOLERANCE_MM = 0.1
"""How far a slice may lie from where the file's one matrix puts it."""
_TYPES = {np.dtype(np.uint8): (2, 8), np.dtype(np.int16): (4, 16)}
_SCANNER = 1
_MILLIMETRES = 2
_OFFSET = 352


def affine_lps(
    series: Series, spacing_mm: tuple[float, float], form: str = "NIfTI"
) -> npt.NDArray[np.float64]:
    """The matrix (4, 4) from indices (column, row, slice, 1) of pixel centres to patient mm (LPS).

    It may be sheared (a tilted gantry). Raises PterionError where no matrix is exact: unknown positions or
    spacing, uneven or missing slices, slices shifted against each other.
    """
    positions = positions_of(series.slices)
    advice = "Write .npz instead, which keeps the position of every slice."
    if positions is None or series.slices[0].orientation is None or not series.z_mm:
        raise PterionError(
            f"{form} needs the slices' positions, which are unknown. {advice}", code="NO_POSITION"
        )
    if series.slices[0].spacing_mm is None:
        raise PterionError(f"{form} needs the pixel spacing, which is unknown. {advice}", code="NO_SPACING")
    orientation = np.asarray(series.slices[0].orientation, np.float64)
    count = len(positions)
    step = (
        (positions[-1] - positions[0]) / (count - 1)
        if count > 1
        else normal_of(orientation.tolist()) * (series.thickness_mm or 1.0)
    )
    expected = positions[0] + np.arange(count)[:, None] * step
    worst = float(np.linalg.norm(positions - expected, axis=1).max())
    if worst > TOLERANCE_MM:
        raise PterionError(
            f"{form} has one distance for all slices, and these lie up to {worst:.1f} mm off it. {advice}",
            code="UNEVEN_SPACING",
        )
    matrix = np.eye(4)
    matrix[:3, 0] = orientation[:3] * spacing_mm[1]
    matrix[:3, 1] = orientation[3:] * spacing_mm[0]
    matrix[:3, 2] = step
    matrix[:3, 3] = positions[0]
    return matrix


def sheared(affine: npt.NDArray[np.float64]) -> bool:
    """Whether the axes of a matrix are not perpendicular, beyond the rounding of positions."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > 1e-3)


def write_nifti(
    path: Path,
    values: npt.NDArray[np.int16] | npt.NDArray[np.uint8],
    series: Series,
    spacing_mm: tuple[float, float],
) -> None:
    """Write values, uint8 or int16 (slices, rows, columns), as `.nii` or `.nii.gz`, whole or not at all.

    sform holds the exact matrix (RAS). qform equals it; where the matrix is sheared, which a quaternion cannot
    say, qform_code is 0. Raises PterionError as `affine_lps` does, or where the file cannot be written.
    """
    if values.shape != (len(series.slices), series.slices[0].rows, series.slices[0].columns):
        raise ValueError(f"values must have the shape of the series, got {values.shape}")
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_lps(series, spacing_mm)
    header = _header(values, ras)
    data = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    with whole_file(path) as file:
        if path.name.endswith(".gz"):
            with gzip.GzipFile("", "wb", compresslevel=3, fileobj=file, mtime=0) as packed:
                _write(cast("BinaryIO", packed), header, data)
        else:
            _write(file, header, data)


def _write(file: BinaryIO, header: bytes, data: npt.NDArray[Any]) -> None:
    """Header, empty extension, then the slices; the column index runs fastest, as it does in `data`."""
    file.write(header)
    file.writelines(one.tobytes() for one in data)


def _header(values: npt.NDArray[Any], ras: npt.NDArray[np.float64]) -> bytes:
    """The 348 bytes of nifti1.h and the four that say there is no extension."""
    datatype, bits = _TYPES[values.dtype]
    count, rows, columns = values.shape
    lengths = np.linalg.norm(ras[:3, :3], axis=0)
    factor, quaternion = (1.0, (0.0, 0.0, 0.0)) if sheared(ras) else _quaternion(ras[:3, :3] / lengths)
    header = bytearray(_OFFSET)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, columns, rows, count, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, datatype, bits)
    struct.pack_into("<8f", header, 76, factor, *lengths, 0, 0, 0, 0)
    struct.pack_into("<fff", header, 108, _OFFSET, 1.0, 0.0)
    header[123] = _MILLIMETRES
    header[148 : 148 + 7] = b"Pterion"
    struct.pack_into("<hh", header, 252, 0 if sheared(ras) else _SCANNER, _SCANNER)
    struct.pack_into("<6f", header, 256, *quaternion, *ras[:3, 3])
    struct.pack_into("<12f", header, 280, *ras[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header)


def _quaternion(rotation: npt.NDArray[np.float64]) -> tuple[float, tuple[float, float, float]]:
    """The sign qfac and (b, c, d) of an orthonormal matrix, as nifti1.h's METHOD 2 reads them back."""
    left, _, right = np.linalg.svd(rotation)
    nearest = left @ right
    factor = 1.0 if np.linalg.det(nearest) > 0 else -1.0
    r = nearest * np.array([1.0, 1.0, factor])
    # Eigenvector of the largest eigenvalue (I. Y. Bar-Itzhack, J. Guidance 23(6), 2000): stable at 180°.
    k = (
        np.array(
            [
                [r[0, 0] - r[1, 1] - r[2, 2], r[1, 0] + r[0, 1], r[2, 0] + r[0, 2], r[2, 1] - r[1, 2]],
                [r[1, 0] + r[0, 1], r[1, 1] - r[0, 0] - r[2, 2], r[2, 1] + r[1, 2], r[0, 2] - r[2, 0]],
                [r[2, 0] + r[0, 2], r[2, 1] + r[1, 2], r[2, 2] - r[0, 0] - r[1, 1], r[1, 0] - r[0, 1]],
                [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], r[0, 0] + r[1, 1] + r[2, 2]],
            ]
        )
        / 3
    )
    b, c, d, a = np.linalg.eigh(k)[1][:, -1]
    sign = -1.0 if a < 0 else 1.0
    return factor, (float(b * sign), float(c * sign), float(d * sign))
