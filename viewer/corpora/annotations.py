"""A reader's polygons and the slices they lie on → training samples. Names and UIDs stay behind: only digests go."""

import secrets
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from model.datasets.names import digest
from model.errors import PterionError
from model.labels import NOT_REVIEWED
from model.sample import Sample, slice_scores
from viewer.annotation.document import Document
from viewer.annotation.raster import slice_labels
from viewer.corpora.stacks import positions_mm
from viewer.dicom.volume import Volume
from viewer.library.records import SeriesRow
from viewer.library.store import Library

SOURCE = "annotations"
CONTEXT = 1
"""Slices on either side that go along unlabelled, because the network looks at neighbours."""

_SALT = "pseudonym_salt"

ReadVolume = Callable[[SeriesRow], Volume]


def annotated_samples(
    library: Library, read_volume: ReadVolume, on_skipped: Callable[[str], None] | None = None
) -> Iterator[Sample]:
    """One sample for each run of neighbouring slices that a reader annotated or marked as reviewed.

    Labels are 255 on slices that nobody reviewed: those that only go along, and those that carry an annotation
    which awaits review. `on_skipped` is told of series whose files cannot be read; the others still come.
    Raises LibraryError.
    """
    salt = library.setting(_SALT)
    if not salt:
        salt = secrets.token_hex(16)
        library.set_setting(_SALT, salt)
    rows = {row.series_uid: (study, row) for study in library.studies() for row in study.series}
    for study_uid, series_uid in library.annotated_series():
        try:
            if series_uid not in rows:
                raise PterionError(
                    "An annotated series was never opened on this computer. Open its folder once."
                )
            study, row = rows[series_uid]
            volume = read_volume(row)
        except PterionError as error:
            if on_skipped is not None:
                on_skipped(str(error))
            continue
        document = library.load_document(study_uid, series_uid)
        patient = digest(study.patient_id or study_uid, salt)
        yield from document_samples(document, volume, patient, salt, library.version(series_uid))


def document_samples(
    document: Document, volume: Volume, patient: str, salt: str, version: int = 0
) -> Iterator[Sample]:
    """Samples of one series. version: the library's number of the document's last edit."""
    reviewed = reviewed_slices(document, volume)
    shape = (volume.hu.shape[1], volume.hu.shape[2])
    z_mm = positions_mm(volume)
    for first, end in runs(reviewed, ~volume.failed):
        headers = volume.series.slices[first:end]
        labels = np.full((end - first, *shape), NOT_REVIEWED, np.uint8)
        for place, header in enumerate(headers):
            if reviewed[first + place]:
                labels[place] = slice_labels(document, header.sop_uid, shape, header.frame)
        provenance: dict[str, object] = {
            "series": digest(volume.series.series_uid, salt),
            "slices": [f"{digest(header.sop_uid, salt)}:{header.frame}" for header in headers],
            "document_version": version,
            "reviewed": reviewed[first:end].tolist(),
        }
        yield Sample(
            hu=np.ascontiguousarray(volume.hu[first:end]),
            spacing_mm=volume.spacing_mm,
            z_mm=z_mm[first:end],
            labels=labels,
            scores=slice_scores(labels),
            patient=patient,
            source=SOURCE,
            provenance=provenance,
        )


def reviewed_slices(document: Document, volume: Volume) -> npt.NDArray[np.bool_]:
    """Which slices (slices,) a reader vouches for: marked as reviewed, or annotated with nothing left to confirm."""
    result = np.zeros(len(volume.hu), np.bool_)
    for index, header in enumerate(volume.series.slices):
        found = document.on_slice(header.sop_uid, header.frame)
        vouched = header.sop_uid in document.reviewed_slices or bool(found)
        result[index] = vouched and all(annotation.reviewed for annotation in found)
    return result & ~volume.failed


def runs(wanted: npt.NDArray[np.bool_], readable: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches [first, end) of readable slices that hold every wanted one with its neighbours, each slice once."""
    taken = wanted.copy()
    for step in range(1, CONTEXT + 1):
        taken[:-step] |= wanted[step:]
        taken[step:] |= wanted[:-step]
    taken &= readable
    edges = np.flatnonzero(np.diff(np.concatenate([[False], taken, [False]]).astype(np.int8)))
    stretches = [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
    return [(first, end) for first, end in stretches if wanted[first:end].any()]
