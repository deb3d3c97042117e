"""The files that a score leaves behind: masks, DICOM segmentation, report and page, NIfTI, NRRD. One each a series."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.errors import PterionError
from viewer.dicom.files import file_error
from viewer.jobs.masks import write_masks
from viewer.jobs.score import SeriesScore


@dataclass(frozen=True)
class Outputs:
    """Folders to write to, None for what is not wanted. mask_format: `npz` or `nifti`, of `masks`."""

    masks: Path | None = None
    mask_format: str = "npz"
    seg: Path | None = None
    sr: Path | None = None
    sc: Path | None = None
    nifti: Path | None = None
    nrrd: Path | None = None


NOTHING = Outputs()
"""No files."""


def write_outputs(outputs: Outputs, score: SeriesScore) -> tuple[dict[str, str | None], PterionError | None]:
    """Write what is wanted; what was written by name (None: there is nothing to write), and the first that failed.

    One that cannot be written holds up none of the others.
    """
    files: dict[str, str | None] = {}
    failed: PterionError | None = None
    for name, write in _writers(outputs, score).items():
        try:
            path = write()
            files[name] = None if path is None else str(path)
        except PterionError as error:
            failed = failed or error
    return files, failed


def _writers(outputs: Outputs, score: SeriesScore) -> dict[str, Callable[[], Path | None]]:
    """What is wanted, in the order in which it is written: a report names the segmentation."""
    made: dict[str, Callable[[], Path | None]] = {}
    if outputs.masks is not None:
        made["masks"] = lambda: _masks(outputs.masks, score, outputs.mask_format)
    if outputs.nifti is not None:
        made["nifti"] = lambda: _masks(outputs.nifti, score, "nifti")
    if outputs.nrrd is not None:
        made["nrrd"] = lambda: _nrrd(_file(outputs.nrrd, score, ".seg.nrrd"), score)
    if outputs.seg is not None or outputs.sr is not None:
        made |= _dicom(outputs, score)
    if outputs.sc is not None:
        made["sc"] = lambda: _capture(_file(outputs.sc, score, ".sc.dcm"), score)
    return made


def _masks(folder: Path | None, score: SeriesScore, form: str) -> Path:
    assert folder is not None
    return write_masks(folder, score.series, score.masks, form, score.spacing_mm)


def _nrrd(path: Path, score: SeriesScore) -> Path | None:
    from viewer.dicom.nrrd import masks_of, write_seg_nrrd

    found = masks_of(score.masks)
    if not found:
        return None
    write_seg_nrrd(path, found, score.series, score.spacing_mm)
    return path


def _dicom(outputs: Outputs, score: SeriesScore) -> dict[str, Callable[[], Path | None]]:
    from viewer.jobs.dicom_findings import write_findings
    from viewer.jobs.dicom_segmentation import segments_of, write_segmentation

    answer = score.answer()
    written = []

    def seg() -> Path | None:
        segments = segments_of(answer.masks, answer.model_id, answer.remarks())
        if not segments:
            return None
        path = _file(outputs.seg, score, ".seg.dcm")
        written.append(write_segmentation(path, score.series, segments))
        return path

    def sr() -> Path:
        path = _file(outputs.sr, score, ".sr.dcm")
        write_findings(path, answer, written[0] if written else None)
        return path

    made: dict[str, Callable[[], Path | None]] = {}
    if outputs.seg is not None:
        made["seg"] = seg
    if outputs.sr is not None:
        made["sr"] = sr
    return made


def _capture(path: Path, score: SeriesScore) -> Path:
    from viewer.jobs.dicom_capture import write_capture

    write_capture(path, score.answer())
    return path


def _file(folder: Path | None, score: SeriesScore, suffix: str) -> Path:
    """A file named after the series, in a folder that is made where it is missing."""
    assert folder is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(error, f"Making the folder {folder.name}") from error
    name = re.sub(r"[^0-9A-Za-z.]", "_", score.series.series_uid).strip(".") or "series"
    return folder / f"{name}{suffix}"
