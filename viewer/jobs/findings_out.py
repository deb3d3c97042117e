"""The open series' findings as one file, in the form that is asked for."""

from pathlib import Path

from viewer.jobs.answer import Answer


def write_seg(path: Path, answer: Answer) -> None:
    """A DICOM segmentation. Raises PterionError as the writers of `viewer.jobs` do, here and below."""
    from viewer.jobs.dicom_segmentation import segments_of, write_segmentation

    segments = segments_of(answer.masks, answer.model_id, answer.remarks())
    write_segmentation(path, answer.volume.series, segments)


def write_sr(path: Path, answer: Answer) -> None:
    """A DICOM report after TID 1500."""
    from viewer.jobs.dicom_findings import write_findings

    write_findings(path, answer)


def write_sc(path: Path, answer: Answer) -> None:
    """A page as DICOM secondary capture."""
    from viewer.jobs.dicom_capture import write_capture

    write_capture(path, answer)


def write_nrrd(path: Path, answer: Answer) -> None:
    """NRRD with segments."""
    from viewer.dicom.nrrd import masks_of, write_seg_nrrd

    write_seg_nrrd(path, masks_of(answer.masks), answer.volume.series, answer.volume.spacing_mm)


def write_nifti(path: Path, answer: Answer) -> None:
    """NIfTI label map: 0 none, 1 EDH, 2 SDH, 3 SAH, 4 IVH, 5 IPH."""
    from viewer.dicom.nifti import write_nifti as write

    write(path, answer.masks, answer.volume.series, answer.volume.spacing_mm)
