"""What is in a folder, as the JSON of `pterion index`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from viewer.dicom.cache import origin
from viewer.dicom.scan import scan
from viewer.dicom.series import Note, Series


def index_paths(paths: Sequence[Path]) -> dict[str, Any]:
    """Studies, series and their problems, JSON-compatible. Only names of files may name the patient.

    Raises PterionError where `viewer.dicom.scan.scan` does.
    """
    found = scan(paths)
    return {
        "studies": [
            {
                "study_uid": study.study_uid,
                "date": study.date,
                "description": study.description,
                "series": [_series(series) for series in study.series],
            }
            for study in found.studies
        ],
        "notes": [_note(note) for note in found.notes],
    }


def _series(series: Series) -> dict[str, Any]:
    """One series; lengths in mm."""
    first = series.slices[0] if series.slices else None
    spacing = first.spacing_mm if first else None
    return {
        "series_uid": series.series_uid,
        "number": series.number,
        "modality": series.modality,
        "description": series.description,
        "slices": len(series.slices),
        "rows": first.rows if first else 0,
        "columns": first.columns if first else 0,
        "spacing_mm": list(spacing) if spacing else None,
        "gaps_mm": [round(gap, 6) for gap in series.gaps_mm],
        "tilt_deg": round(series.tilt_deg, 6),
        "thickness_mm": series.thickness_mm,
        "kernel": series.kernel,
        "technique": series.technique,
        "transfer_syntax": series.transfer_syntax,
        "problems": list(dict.fromkeys(str(note.problem) for note in series.notes)),
        "notes": [_note(note) for note in series.notes],
        "paths": list(dict.fromkeys(str(origin(one.path)) for one in series.slices)),
    }


def _note(note: Note) -> dict[str, str]:
    """One problem, for machines and for people."""
    return {"code": str(note.problem), "badge": note.badge, "text": note.text}
