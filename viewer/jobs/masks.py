"""The model's masks of one series as one file: NPZ by SOP instance UID, or NIfTI."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from viewer.dicom.files import file_error, whole_file
from viewer.dicom.series import Series

FORMATS = ("nifti", "npz")


def write_masks(
    folder: Path,
    series: Series,
    masks: npt.NDArray[np.uint8],
    form: str,
    spacing_mm: tuple[float, float],
) -> Path:
    """Write masks uint8 (slices, rows, columns; 0 none, 1..5 subtype), whole or not at all; return the file.

    `npz`: one array (rows, columns) a slice, its key the SOPInstanceUID (`UID:frame` in a multi-frame file).
    `nifti`: one volume with the series' geometry. Raises PterionError where NIfTI cannot hold it, or the disk is full.
    """
    if form not in FORMATS:
        raise ValueError(f"masks are written as {' or '.join(FORMATS)}, not {form!r}")
    name = re.sub(r"[^0-9A-Za-z.]", "_", series.series_uid).strip(".") or "series"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(error, f"Making the folder {folder.name}") from error
    if form == "npz":
        return _write_npz(folder / f"{name}.npz", series, masks)
    from viewer.dicom.nifti import write_nifti

    path = folder / f"{name}.nii.gz"
    write_nifti(path, masks, series, spacing_mm)
    return path


def _write_npz(path: Path, series: Series, masks: npt.NDArray[np.uint8]) -> Path:
    multi_frame = len({header.sop_uid for header in series.slices}) < len(series.slices)
    arrays = {
        f"{header.sop_uid}:{header.frame}" if multi_frame else header.sop_uid: mask
        for header, mask in zip(series.slices, masks, strict=True)
    }
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
    return path
