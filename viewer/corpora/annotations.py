"""A reader's polygons and the slices they lie on → training samples. Names and UIDs stay behind: only digests go."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets.names import digest
from model.errors import PterionError
from model.labels import NOT_REVIEWED
from model.sample import Sample, slice_scores
from viewer.annotation.document import Document, slice_name
from viewer.annotation.raster import slice_labels
from viewer.corpora.stacks import positions_mm
from viewer.dicom.volume import Volume
from viewer.library.errors import LibraryError
from viewer.library.records import SeriesRow
from viewer.library.store import FILE_NAME, Library

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
    for series in annotated_series(library).values():
        try:
            yield from series_samples(library, series, read_volume)
        except LibraryError:
            raise
        except PterionError as error:
            if on_skipped is not None:
                on_skipped(str(error))


@dataclass(frozen=True)
class AnnotatedLibrary:
    """The library in `folder` as a source of samples, one a run of slices.

    An item is named after a series and its last edit, so that a series that was edited since is made again.
    read_volume: a function of a module, so that a worker process finds it.
    """

    folder: Path
    read_volume: ReadVolume
    command = "annotations"

    @property
    def options(self) -> dict[str, Any]:
        """Nothing but the annotations decides what comes out."""
        return {}

    def items(self) -> dict[str, tuple[str, str]]:
        """(StudyInstanceUID, SeriesInstanceUID) by item. Raises PterionError where there is no library."""
        if not (self.folder / FILE_NAME).is_file():
            raise PterionError(
                f"There is no library in {self.folder.name}. Annotate a study first, or name its folder."
            )
        with closing(Library(self.folder)) as library:
            found = annotated_series(library)
        if not found:
            raise PterionError(
                "The library holds no annotations and no reviewed slices. Annotate a study first."
            )
        return found

    def read(self, _item: str, content: tuple[str, str], /) -> Iterator[Sample]:
        """The samples of one series. Raises PterionError where its files cannot be read."""
        with closing(Library(self.folder)) as library:
            samples = list(series_samples(library, content, self.read_volume))
        if not samples:
            raise PterionError("All annotations of a series await review. Confirm them, and try again.")
        yield from samples


def annotated_series(library: Library) -> dict[str, tuple[str, str]]:
    """(StudyInstanceUID, SeriesInstanceUID) of every annotated series, by a name that tells its last edit."""
    salt = salt_of(library)
    return {
        f"{digest(series, salt)}-{library.version(series, study_uid=study)}": (study, series)
        for study, series in library.annotated_series()
    }


def series_samples(library: Library, series: tuple[str, str], read_volume: ReadVolume) -> Iterator[Sample]:
    """The samples of one annotated series. Raises PterionError where its files cannot be read, and LibraryError."""
    study_uid, series_uid = series
    rows = {row.series_uid: (study, row) for study in library.studies() for row in study.series}
    if series_uid not in rows:
        raise PterionError("An annotated series was never opened on this computer. Open its folder once.")
    study, row = rows[series_uid]
    salt = salt_of(library)
    yield from document_samples(
        library.load_document(study_uid, series_uid),
        read_volume(row),
        digest(study.patient_id or study_uid, salt),
        salt,
        library.version(series_uid),
    )


def salt_of(library: Library) -> str:
    """The library's secret that pseudonyms are made with; drawn when first needed."""
    salt = library.setting(_SALT)
    if not salt:
        salt = secrets.token_hex(16)
        library.set_setting(_SALT, salt)
    return str(salt)


def document_samples(
    document: Document, volume: Volume, patient: str, salt: str, version: int = 0
) -> Iterator[Sample]:
    """Samples of one series. version: the library's number of the document's last edit."""
    reviewed = reviewed_slices(document, volume)
    shape = (volume.hu.shape[1], volume.hu.shape[2])
    labels = np.full(volume.hu.shape, NOT_REVIEWED, np.uint8)
    for index in np.flatnonzero(reviewed):
        header = volume.series.slices[index]
        labels[index] = slice_labels(document, header.sop_uid, shape, header.frame)
    for first, end in runs(reviewed, ~volume.failed):
        headers = volume.series.slices[first:end]
        provenance: dict[str, object] = {
            "series": digest(volume.series.series_uid, salt),
            "slices": [f"{digest(header.sop_uid, salt)}:{header.frame}" for header in headers],
            "document_version": version,
            "reviewed": reviewed[first:end].tolist(),
        }
        yield Sample(
            hu=np.ascontiguousarray(volume.hu[first:end]),
            spacing_mm=volume.spacing_mm,
            z_mm=positions_mm(volume)[first:end],
            labels=labels[first:end],
            scores=slice_scores(labels[first:end]),
            patient=patient,
            source=SOURCE,
            provenance=provenance,
        )


def reviewed_slices(document: Document, volume: Volume) -> npt.NDArray[np.bool_]:
    """Which slices (slices,) a reader vouches for: marked as reviewed, or annotated with nothing left to confirm."""
    result = np.zeros(len(volume.hu), np.bool_)
    for index, header in enumerate(volume.series.slices):
        found = document.on_slice(header.sop_uid, header.frame)
        vouched = slice_name(header.sop_uid, header.frame) in document.reviewed_slices or bool(found)
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
