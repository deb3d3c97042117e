"""One series → a file of HU with its geometry: `.nii`, `.nii.gz` or `.npz`."""

from pathlib import Path
from typing import Any

import numpy as np

from model.errors import PterionError
from viewer.dicom.files import whole_file
from viewer.dicom.geometry import positions_of
from viewer.dicom.load import load_all
from viewer.dicom.nifti import affine_lps, sheared, write_nifti
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series
from viewer.dicom.volume import Volume

_SHEARED = (
    "The gantry was tilted, so the matrix in the file (sform) is sheared and qform is left out. Programs that cannot "
    "read a shear (ITK among them) refuse the file: give them the .npz."
)


def convert(path: Path, out: Path, *, series_uid: str | None = None) -> dict[str, Any]:
    """Write the series found under `path` to `out` and say what was written (JSON-compatible).

    `.npz` holds hu int16 (slices, rows, columns), failed (slices,), positions_mm (slices, 3),
    orientation (6,), spacing_mm (2,), gaps_mm (slices - 1,), z_mm (slices,), sop_uids (slices,), tilt_deg, study_uid
    and series_uid; what is unknown is NaN. NIfTI holds HU and one matrix, and is refused where that cannot be exact.

    Raises PterionError: more than one series and none chosen, unreadable files, uneven slices for NIfTI, an
    ending that is neither, disk full.
    """
    writes_npz = out.name.lower().endswith(".npz")
    if not writes_npz and not out.name.lower().endswith((".nii", ".nii.gz")):
        raise PterionError(
            f"{out.name} ends in neither .nii.gz, .nii nor .npz. Choose one of them.", code="BAD_NAME"
        )
    if not out.parent.is_dir():
        raise PterionError(f"The folder for {out.name} does not exist. Make it first.", code="NOT_FOUND")
    series = choose(path, series_uid)
    if not writes_npz:
        affine_lps(series, series.slices[0].spacing_mm or (1.0, 1.0))
    volume = load_all(series)
    warnings = [note.text for note in series.notes]
    if writes_npz:
        _write_npz(out, volume)
    else:
        warnings += _write_nifti(out, volume)
    return {
        "out": str(out),
        "study_uid": series.study_uid,
        "series_uid": series.series_uid,
        "slices": len(series.slices),
        "rows": volume.hu.shape[1],
        "columns": volume.hu.shape[2],
        "unreadable_slices": int(volume.failed.sum()),
        "warnings": warnings,
    }


def choose(path: Path, series_uid: str | None) -> Series:
    """The series with this UID, or the only one that is a stack. Raises PterionError if there is no such one."""
    found = [series for study in scan(path).studies for series in study.series]
    if series_uid is not None:
        chosen = [series for series in found if series.series_uid == series_uid]
        if not chosen:
            raise PterionError(
                f"{path.name} holds no series {series_uid}. List them with `index`.", code="NO_SERIES"
            )
    else:
        chosen = [one for one in found if one.showable and Problem.LOCALIZER not in one.problems]
        if not chosen:
            why = found[0].notes[0].text if found and found[0].notes else "It holds no image series."
            raise PterionError(f"{path.name} holds no series to convert. {why}", code="NO_SERIES")
        if len(chosen) > 1:
            listed = "; ".join(f"{one.series_uid} ({one.description or one.modality})" for one in chosen[:8])
            raise PterionError(
                f"{path.name} holds {len(chosen)} series. Choose one by its UID: {listed}.",
                code="SEVERAL_SERIES",
            )
    return chosen[0]


def _write_nifti(out: Path, volume: Volume) -> list[str]:
    """Write a volume all of whose slices could be read; return warnings."""
    if volume.failed.any():
        raise PterionError(
            f"{int(volume.failed.sum())} of {len(volume.hu)} slices cannot be read, and NIfTI cannot leave them out. "
            "Write .npz instead, which marks them.",
            code="UNREADABLE_FILES",
        )
    write_nifti(out, volume.hu, volume.series, volume.spacing_mm)
    return [_SHEARED] if sheared(affine_lps(volume.series, volume.spacing_mm)) else []


def _write_npz(out: Path, volume: Volume) -> None:
    """Write everything that is known about a volume."""
    series = volume.series
    count = len(series.slices)
    positions = positions_of(series.slices)
    first = series.slices[0]
    unknown = np.full(count, np.nan)
    with whole_file(out) as file:
        np.savez_compressed(
            file,
            hu=volume.hu,
            failed=volume.failed,
            positions_mm=np.full((count, 3), np.nan) if positions is None else positions,
            orientation=np.array(first.orientation or [np.nan] * 6, np.float64),
            spacing_mm=np.array(first.spacing_mm or [np.nan] * 2, np.float64),
            gaps_mm=np.array(series.gaps_mm if series.z_mm else unknown[1:], np.float64),
            z_mm=np.array(series.z_mm or unknown, np.float64),
            sop_uids=np.array([one.sop_uid for one in series.slices]),
            tilt_deg=np.float64(series.tilt_deg),
            study_uid=np.array(series.study_uid),
            series_uid=np.array(series.series_uid),
        )
