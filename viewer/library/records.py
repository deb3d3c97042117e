"""What the library tells about studies, findings and its own journal."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from viewer.annotation.document import Document


def now() -> str:
    """The time as the library writes it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class SeriesRow:
    """A series seen before. `files`: one path a slice, in slice order; a file of many frames comes once a frame."""

    study_uid: str
    series_uid: str
    number: int | None
    modality: str
    description: str
    slices: int
    rows: int
    columns: int
    files: tuple[Path, ...]


@dataclass(frozen=True)
class StudyRow:
    """A study seen before, the one seen last first. `seen`: UTC, ISO 8601."""

    study_uid: str
    patient_name: str
    patient_id: str
    sex: str
    age: str
    date: str
    time: str
    description: str
    seen: str
    series: tuple[SeriesRow, ...]


@dataclass(frozen=True)
class JournalEntry:
    """One saved edit. `before` and `after` are JSON of what it touched."""

    seq: int
    time: str
    reader: str
    action: str
    series_uid: str
    before: str
    after: str


@dataclass(frozen=True)
class SavedEdit:
    """What is stored after a save.

    seq: number of the edit in the journal; that of the last one when there was nothing to write.
    document: the stored state; it differs from what was given when another window has saved in between.
    conflicts: annotations that both had changed; both versions are kept.
    """

    seq: int
    document: Document
    conflicts: int


@dataclass(frozen=True)
class StoredFindings:
    """What one model said about one series.

    slice_scores: float32 (slices, 6) in `model.labels.SCORES` order. masks: uint8 (slices, rows, columns).
    volume_ml: mL by subtype. time: UTC, ISO 8601.
    """

    series_uid: str
    model_id: str
    time: str
    study_scores: dict[str, float]
    slice_scores: npt.NDArray[np.float32]
    masks: npt.NDArray[np.uint8]
    volume_ml: dict[str, float]
    cautions: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class StoredScores:
    """The study scores of one series by one model, for the worklist. `study_uid` is empty for unknown series."""

    study_uid: str
    series_uid: str
    model_id: str
    time: str
    scores: dict[str, float]
