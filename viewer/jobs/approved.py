"""What of a library's annotations is approved to learn from, and why the rest is not."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from model.datasets.names import digest
from model.deal import without_subtypes
from model.errors import PterionError
from model.labels import CODES
from model.sample import Sample
from viewer.annotation.document import Annotation, Document, slice_name
from viewer.annotation.raster import annotation_mask
from viewer.corpora.annotations import document_samples, salt_of
from viewer.dicom.volume import Volume
from viewer.library.errors import LibraryError
from viewer.library.records import SeriesRow, StudyRow
from viewer.library.store import Library
from viewer.library.work import WHOLE, Progress, Status, WorkLog

OVERLAP = 0.25
"""Share of the smaller of two shapes of different subtypes from which on they contradict each other."""

ReadVolume = Callable[[SeriesRow], Volume]
Place = tuple[str, int]
Noted = Mapping[Place, Progress]


@dataclass(frozen=True)
class Choice:
    """What a retraining is to use. everything: also what is flagged, or awaits review. subtypes: those looked for."""

    everything: bool = False
    subtypes: tuple[str, ...] = CODES


@dataclass
class LeftOut:
    """Counts of what is not used, by reason."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str, count: int = 1) -> None:
        """Count something that is left out."""
        if count:
            self.counts[reason] += count

    @property
    def sentences(self) -> tuple[str, ...]:
        """Each reason, with how often."""
        return tuple(f"{reason}: {count}." for reason, count in self.counts.items())


UNREVIEWED = "Annotations that await review (confirm them, or set their series to done)"
FLAGGED = "Slices that are flagged (settle them first)"
CLEAN_DRAWN = "Slices noted as without hemorrhage that carry annotations (labels that contradict)"
TWO_SUBTYPES = "Slices on which shapes of two subtypes cover each other (labels that contradict)"
NEVER_OPENED = "Annotated series that were never opened on this computer (open their folder once)"
GONE = "Annotated series whose files are gone (put them back, or open the study from its new place)"
UNREADABLE = "Annotated series that cannot be read"


def approve(document: Document, noted: Noted, choice: Choice, left_out: LeftOut) -> Document:
    """The part of a document to learn from.

    An annotation counts once it is reviewed, or its slice or series is done. A slice without annotations counts
    where it is marked as reviewed, or noted as without hemorrhage.
    """
    whole = _status(noted, WHOLE)
    if whole is Status.FLAGGED and not choice.everything:
        left_out.add(FLAGGED, len(document.drawn_on | document.reviewed_slices))
        return replace(document, annotations=(), reviewed_slices=frozenset())
    kept, refused = [], set()
    for place, shapes in _by_place(document).items():
        status = _status(noted, place)
        if Status.CLEAN in (status, whole):
            left_out.add(CLEAN_DRAWN)
            refused.add(slice_name(*place))
        elif status is Status.FLAGGED and not choice.everything:
            left_out.add(FLAGGED)
            refused.add(slice_name(*place))
        elif choice.everything or Status.DONE in (status, whole):
            kept += [replace(shape, reviewed=True) for shape in shapes]
        else:
            left_out.add(UNREVIEWED, sum(not shape.reviewed for shape in shapes))
            kept += shapes
    marked = set(document.reviewed_slices)
    for place, progress in noted.items():
        name = slice_name(*place)
        if progress.status is Status.CLEAN and place != WHOLE:
            marked.add(name)
        elif progress.status is Status.FLAGGED and not choice.everything and name in marked:
            left_out.add(FLAGGED)
            refused.add(name)
    return replace(document, annotations=tuple(kept), reviewed_slices=frozenset(marked - refused))


def _status(noted: Noted, place: Place) -> Status | None:
    return noted[place].status if place in noted else None


def _by_place(document: Document) -> dict[Place, list[Annotation]]:
    places: dict[Place, list[Annotation]] = {}
    for annotation in document.annotations:
        places.setdefault(annotation.place, []).append(annotation)
    return places


def without_contradictions(document: Document, volume: Volume, left_out: LeftOut) -> Document:
    """Without the slices on which shapes of two subtypes cover each other by more than `OVERLAP`."""
    shape = volume.hu.shape[1], volume.hu.shape[2]
    wrong = {place for place, shapes in _by_place(document).items() if _contradict(shapes, shape)}
    left_out.add(TWO_SUBTYPES, len(wrong))
    gone = {slice_name(*place) for place in wrong}
    return replace(
        document,
        annotations=tuple(a for a in document.annotations if a.place not in wrong),
        reviewed_slices=document.reviewed_slices - gone,
    )


def _contradict(shapes: list[Annotation], size: tuple[int, int]) -> bool:
    if len({shape.subtype for shape in shapes}) < 2:
        return False
    masks = [(shape.subtype, annotation_mask(shape, size)) for shape in shapes]
    return any(
        first != second and (one & other).sum() > OVERLAP * max(min(one.sum(), other.sum()), 1)
        for number, (first, one) in enumerate(masks)
        for second, other in masks[:number]
    )


@dataclass(frozen=True)
class ApprovedSeries:
    """One series with something to learn from. patient: pseudonym. row: where its files are."""

    study: StudyRow
    row: SeriesRow
    patient: str
    document: Document
    version: int
    clean: bool


def approved_series(library: Library, choice: Choice, left_out: LeftOut) -> Iterator[ApprovedSeries]:
    """Every series whose approved part is not empty, without looking at pixels. Raises LibraryError."""
    rows = {
        (study.study_uid, row.series_uid): (study, row) for study in library.studies() for row in study.series
    }
    work, salt = WorkLog(library), salt_of(library)
    places = dict.fromkeys(library.annotated_series())
    places |= {
        (each.study_uid, each.series_uid): None for each in work.queue() if each.status is Status.CLEAN
    }
    for study_uid, series_uid in places:
        if (study_uid, series_uid) not in rows:
            left_out.add(NEVER_OPENED)
            continue
        study, row = rows[study_uid, series_uid]
        if not all(path.is_file() for path in dict.fromkeys(row.files)):
            left_out.add(GONE)
            continue
        noted = work.progress(series_uid, study_uid=study_uid)
        document = approve(library.load_document(study_uid, series_uid), noted, choice, left_out)
        clean = _status(noted, WHOLE) is Status.CLEAN
        if document.annotations or document.reviewed_slices or clean:
            patient = digest(study.patient_id or study_uid, salt)
            version = library.version(series_uid, study_uid=study_uid)
            yield ApprovedSeries(study, row, patient, document, version, clean)


def approved_samples(
    library: Library, read_volume: ReadVolume, choice: Choice, left_out: LeftOut
) -> Iterator[Sample]:
    """The samples of all that is approved, one at a time. Raises LibraryError."""
    salt = salt_of(library)
    for series in approved_series(library, choice, left_out):
        try:
            volume = read_volume(series.row)
        except LibraryError:
            raise
        except PterionError:
            left_out.add(UNREADABLE)
            continue
        document = series.document
        if series.clean:
            seen = {slice_name(header.sop_uid, header.frame) for header in volume.series.slices}
            seen -= library.load_document(*document.key).drawn_on
            document = replace(document, reviewed_slices=document.reviewed_slices | seen)
        document = without_contradictions(document, volume, left_out)
        for sample in document_samples(document, volume, series.patient, salt, series.version):
            yield without_subtypes(sample, choice.subtypes)


def pseudonym(library: Library, patient_id: str) -> str:
    """What a patient is called in samples and splits."""
    return digest(patient_id, salt_of(library))


def sample_folder_bytes(folder: Path) -> int:
    """Size of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
