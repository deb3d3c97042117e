"""Simulated patients as DICOM series: the demo study, and annotated ones to try retraining on."""

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from model.labels import CODES
from model.phantom import VERSION, Scanner, generate
from model.sample import Sample
from viewer.annotation.document import Document
from viewer.annotation.proposals import propose
from viewer.dicom.files import file_error
from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.dicom.write import write_series
from viewer.jobs.whole_folder import holds_series, whole_folder
from viewer.library.store import Library

NOTICE = "Simulated by Pterion; not a patient"
READER = "simulation"
THICKNESS_MM = 5.0

_SOFT = Scanner(blur_mm=0.5, sharpening=0.08, noise_hu=1.9, grain_per_mm=0.34)
_UID_SPACE = uuid.UUID("6f4c2f0e-3d1b-5e0e-9a55-5d3a7a1c9b10")


@dataclass(frozen=True)
class SimulatedPatient:
    """Who is simulated: a seed of the phantom, and the bleeds that it is to show."""

    seed: int
    lesions: tuple[str, ...]
    name: str
    size: int
    slices: int


DEMO = SimulatedPatient(11697, ("SDH", "SAH", "IPH"), "DEMO^SIMULATED", 512, 34)

ANNOTATED = tuple(
    SimulatedPatient(seed, lesions, f"DEMO^ANNOTATED {number}", 256, 30)
    for number, (seed, lesions) in enumerate(
        (
            (701, ("SDH",)),
            (702, ("IPH", "IVH")),
            (703, ("SAH",)),
            (704, ()),
            (705, ("EDH",)),
            (706, ("SDH", "SAH")),
            (707, ()),
            (708, ("IPH",)),
        ),
        1,
    )
)
"""Patients of the demo library. Those without bleeds are marked as reviewed throughout."""


def write_demo(folder: Path) -> dict[str, Any]:
    """Write the demo study into `folder`, unless it is there already, and say where it lies.

    It appears whole or not at all; one that misses files is written again.
    Raises PterionError where the disk is full or the folder cannot be written.
    """
    place = _place(folder, "simulated-head")
    written = not holds_series(place, DEMO.slices)
    if written:
        _write(place, DEMO)
    return {"demo": str(place), "patient": DEMO.name, "slices": DEMO.slices, "newly_written": written}


def write_demo_library(
    folder: Path,
    library_dir: Path,
    *,
    patients: Sequence[SimulatedPatient] = ANNOTATED,
    on_progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write annotated simulated patients into `folder` and their polygons into the library of `library_dir`.

    The polygons outline the true bleeds; every other slice is marked as reviewed without hemorrhage. A series
    that has annotations keeps them. Raises PterionError as `write_demo` does, LibraryError from the library.
    """
    tell = on_progress or (lambda _: None)
    try:
        library_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(error, f"Making the folder {library_dir.name}") from error
    library = Library(library_dir)
    polygons = 0
    try:
        for number, patient in enumerate(patients, 1):
            tell(f"simulated patient {number} of {len(patients)}")
            polygons += _annotated_patient(folder, library, patient)
    finally:
        library.close()
    return {"library": str(library_dir), "patients": len(patients), "polygons": polygons}


def _annotated_patient(folder: Path, library: Library, patient: SimulatedPatient) -> int:
    """Write what is missing of one annotated patient; returns how many polygons the library holds for it."""
    place = _place(folder, f"simulated-patient-{patient.seed}")
    sample = None if holds_series(place, patient.slices) else _write(place, patient)
    study = scan(place).studies[0]
    series = study.series[0]
    library.remember_study(study)
    known = library.load_document(study.study_uid, series.series_uid)
    if known.annotations or known.reviewed_slices:
        return len(known.annotations)
    document = true_document(study, sample or _simulate(patient))
    library.save_document(document, action="import the simulated bleeds", reader=READER, previous=known)
    return len(document.annotations)


def true_document(study: Study, sample: Sample) -> Document:
    """The labels of `sample` as reviewed polygons on the study's first series, which holds the same slices."""
    series = study.series[0]
    found = propose(sample.labels, series.slices, "")
    annotations = tuple(
        replace(
            annotation,
            uid=uuid.uuid5(_UID_SPACE, f"{annotation.sop_uid} {number}").hex,
            source="imported",
            reviewed=True,
        )
        for number, annotation in enumerate(found)
    )
    bleeding = {annotation.sop_uid for annotation in annotations}
    # A slice whose only bleed is too small for a polygon is neither: nobody vouches for it.
    clear = np.logical_not(sample.labels.any((1, 2)))
    reviewed = {header.sop_uid for header, none in zip(series.slices, clear, strict=True) if none}
    return Document(study.study_uid, series.series_uid, annotations, frozenset(reviewed - bleeding))


def _place(folder: Path, name: str) -> Path:
    """The series' folder; another phantom makes another series."""
    return folder / f"{name}-{VERSION}"


def _simulate(patient: SimulatedPatient) -> Sample:
    return generate(
        patient.seed,
        size=patient.size,
        slices=patient.slices,
        thickness_mm=THICKNESS_MM,
        lesions=patient.lesions,
        scanner=_SOFT,
        threads=min(4, os.cpu_count() or 1),
    )


def _write(place: Path, patient: SimulatedPatient) -> Sample:
    with whole_folder(place) as folder:
        sample = _simulate(patient)
        _write_dicom(folder, patient, sample)
    return sample


def _write_dicom(folder: Path, patient: SimulatedPatient, sample: Sample) -> None:
    row_mm, column_mm = sample.spacing_mm
    first = (-(patient.size - 1) / 2 * column_mm, -(patient.size - 1) / 2 * row_mm)
    write_series(
        folder,
        sample.hu,
        spacing_mm=sample.spacing_mm,
        positions_mm=np.array([(*first, z) for z in sample.z_mm]),
        patient_name=patient.name,
        patient_id=f"SIMULATED-{patient.seed}",
        study_description="Simulated head CT, not a patient",
        series_description=f"Axial {THICKNESS_MM:g} mm soft, simulated",
        thickness_mm=THICKNESS_MM,
        derived_notes=f"{NOTICE}. Phantom {VERSION}, seed {patient.seed}, bleeds: {_listed(patient.lesions)}.",
        kernel="SIMULATED SOFT",
        study_date="20260101",
        study_time="120000",
        seed=f"phantom {VERSION} seed {patient.seed} size {patient.size}",
    )


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(sorted(codes, key=CODES.index)) or "none"
