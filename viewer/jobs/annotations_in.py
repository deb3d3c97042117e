"""Annotations into and out of a library without a window: the same readers, makers and comparisons as it has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viewer.annotation.document import Document
from viewer.dicom.load import load_all
from viewer.dicom.series import Series
from viewer.interchange.drawn import added
from viewer.interchange.reading import read_annotations
from viewer.jobs.annotations_out import Form, write_annotations
from viewer.library.store import Library

FORMS = {form.name.lower().replace("_", "-"): form for form in Form}
"""What is asked for by name."""


def import_annotations(
    library: Library, series: Series, path: Path, *, reader: str, names: Mapping[str, str], reading: str = ""
) -> dict[str, Any]:
    """Add what a file or folder holds for a series, as one edit of the journal; all of it or nothing.

    names: see `viewer.interchange.drawn.imported`. Raises PterionError as `read_annotations` and the library do.
    """
    found = read_annotations(path, series, series.slices[0].spacing_mm or (1.0, 1.0), names)
    before = library.load_document(series.study_uid, series.series_uid, reading)
    after, count = added(before, found)
    library.save_document(
        after, previous=before, action=f"import {path.name}", reader=reader, reading=reading
    )
    there = len(found.annotations) - count
    return _about(series, after) | {"added": count, "there_already": there, "remarks": list(found.remarks)}


def export_annotations(
    library: Library, series: Series, form: Form, out: Path, *, reading: str = ""
) -> dict[str, Any]:
    """Write the annotations of a series; they are read back and compared before they appear at `out`.

    Raises PterionError as `write_annotations` and the library do.
    """
    document = library.load_document(series.study_uid, series.series_uid, reading)
    paths = write_annotations(form, out, document, load_all(series))
    return _about(series, document) | {"form": str(form), "files": [str(path) for path in paths]}


def _about(series: Series, document: Document) -> dict[str, Any]:
    return {
        "study_uid": series.study_uid,
        "series_uid": series.series_uid,
        "annotations": len(document.annotations),
    }
