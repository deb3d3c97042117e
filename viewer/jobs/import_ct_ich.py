"""The CT-ICH set → DICOM series in recovered HU, so that real bleeds can be opened; its masks → annotations."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from model.datasets import ct_ich
from model.errors import PterionError
from model.labels import UNKNOWN_SUBTYPE
from model.sample import Sample
from viewer.annotation.document import Document
from viewer.annotation.proposals import propose
from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.dicom.write import write_series
from viewer.jobs.whole_folder import holds_series, whole_folder
from viewer.library.store import Library

NOTES = f"HU recovered from 8-bit JPEGs in two windows; pixel spacing estimated from the skull width. {ct_ich.LICENCE}."
READER = "CT-ICH"

_UID_SPACE = uuid.UUID("3f0d3a55-7f1c-5a0b-8f6b-0b6f6d1f9c77")


def import_ct_ich(
    source: Path,
    out: Path,
    *,
    patients: Sequence[str] | None = None,
    library: Library | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write one study a patient of the CT-ICH folder `source` into `out`/patient-NNN.

    patients: their numbers (`049`), None for all. library: takes the masks as annotations, where the slice has
    exactly one subtype, and the slices without bleed as reviewed.
    A patient that cannot be read or written is skipped and reported; a patient already there is left as it is.
    Raises PterionError where `source` is no CT-ICH folder, or where not one patient could be imported.
    """
    tell = on_progress or (lambda _: None)
    numbers = tuple(patients) if patients is not None else ct_ich.patients(source)
    imported: list[str] = []
    skipped: list[dict[str, str]] = []
    slices = polygons = 0
    for place, number in enumerate(numbers, 1):
        tell(f"patient {number} ({place} of {len(numbers)})")
        try:
            sample = ct_ich.read_patient(source, number)
            _write(out / f"patient-{number}", number, sample)
            if library is not None:
                polygons += _annotate(library, out / f"patient-{number}", sample)
        except PterionError as error:
            skipped.append({"patient": number, "code": error.code, "text": str(error)})
            continue
        imported.append(number)
        slices += len(sample.hu)
    if not imported:
        reason = skipped[0]["text"] if skipped else "No patient was chosen."
        raise PterionError(f"No patient of {source.name} could be imported. {reason}")
    return {
        "out": str(out),
        "patients": len(imported),
        "slices": slices,
        "polygons": polygons,
        "imported": imported,
        "skipped": skipped,
    }


def _write(goal: Path, number: str, sample: Sample) -> None:
    """Write one patient's series, unless it is there already."""
    if holds_series(goal, len(sample.hu)):
        return
    rows, columns = sample.hu.shape[1:]
    row_mm, column_mm = sample.spacing_mm
    first = (-(columns - 1) / 2 * column_mm, -(rows - 1) / 2 * row_mm)
    with whole_folder(goal) as folder:
        write_series(
            folder,
            sample.hu,
            spacing_mm=sample.spacing_mm,
            spacing_estimated=True,
            lossy_source=True,
            positions_mm=np.array([(*first, z) for z in sample.z_mm]),
            patient_name=f"CT-ICH^{number}",
            patient_id=f"CT-ICH-{number}",
            study_description="CT-ICH 1.0.0, head CT",
            series_description="Axial 5 mm, recovered HU",
            thickness_mm=ct_ich.SLICE_GAP_MM,
            derived_notes=NOTES,
            seed=f"ct-ich 1.0.0 patient {number}",
        )


def _annotate(library: Library, folder: Path, sample: Sample) -> int:
    """Take the masks of one patient into the library, unless it has annotations; returns how many polygons it has."""
    study = scan(folder).studies[0]
    library.remember_study(study)
    known = library.load_document(study.study_uid, study.series[0].series_uid)
    if known.annotations or known.reviewed_slices:
        return len(known.annotations)
    document = mask_document(study, sample)
    library.save_document(document, action="import CT-ICH masks", reader=READER, previous=known)
    return len(document.annotations)


def mask_document(study: Study, sample: Sample) -> Document:
    """The masks of `sample` as reviewed polygons on the study's first series, which holds the same slices.

    A slice with several subtypes gets none, because nobody knows which pixel is which.
    """
    series = study.series[0]
    named = np.where(sample.labels == UNKNOWN_SUBTYPE, 0, sample.labels).astype(np.uint8)
    annotations = tuple(
        replace(
            annotation,
            uid=uuid.uuid5(_UID_SPACE, f"{annotation.sop_uid} {number}").hex,
            source="imported",
            reviewed=True,
        )
        for number, annotation in enumerate(propose(named, series.slices, ""))
    )
    clear = (sample.scores[:, 0] == 0) & ~sample.labels.any((1, 2))
    reviewed = frozenset(header.sop_uid for header, none in zip(series.slices, clear, strict=True) if none)
    return Document(study.study_uid, series.series_uid, annotations, reviewed)
