"""The training sample: HU, geometry, labels, provenance. Read, written and validated here; numpy only."""

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.errors import InvalidSampleError
from model.labels import BACKGROUND, NOT_REVIEWED, SUBTYPES, UNKNOWN_SUBTYPE

FORMAT = 1
_VALUES = np.array([BACKGROUND, *(s.value for s in SUBTYPES), UNKNOWN_SUBTYPE, NOT_REVIEWED], np.uint8)


@dataclass(frozen=True)
class Sample:
    """Slices of one series of one patient.

    hu: int16 (slices, rows, columns), Hounsfield units, from the base up.
    spacing_mm: (row, column) distance between pixel centres.
    z_mm: float64 (slices,), position along the slice normal, ascending.
    labels: uint8 (slices, rows, columns): 0 none, 1..5 `model.labels.SUBTYPES`, 254 bleeding of unknown subtype,
        255 not reviewed.
    scores: int8 (slices, 6) in the order `model.labels.SCORES`: 1 present, 0 absent, -1 unknown.
    patient: stable pseudonym; samples of one patient never part between training and test.
    source: where it comes from, e.g. `phantom`, `ct-ich`, `annotations`.
    provenance: JSON-compatible facts worth keeping (seed, annotation versions, licence).
    """

    hu: npt.NDArray[np.int16]
    spacing_mm: tuple[float, float]
    z_mm: npt.NDArray[np.float64]
    labels: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.int8]
    patient: str
    source: str
    provenance: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise InvalidSampleError naming the first rule that does not hold."""
        count = self.hu.shape[0] if self.hu.ndim == 3 else 0
        wrong = {
            f"hu must be int16 (slices, rows, columns), got {self.hu.dtype} {self.hu.shape}": self.hu.dtype
            != np.int16
            or self.hu.ndim != 3
            or 0 in self.hu.shape,
            f"labels must be uint8 {self.hu.shape}, got {self.labels.dtype} {self.labels.shape}": self.labels.dtype
            != np.uint8
            or self.labels.shape != self.hu.shape,
            f"scores must be int8 ({count}, 6), got {self.scores.dtype} {self.scores.shape}": self.scores.dtype
            != np.int8
            or self.scores.shape != (count, 1 + len(SUBTYPES)),
            f"z_mm must be {count} ascending positions": self.z_mm.shape != (count,)
            or not np.isfinite(self.z_mm).all()
            or bool((np.diff(self.z_mm) <= 0).any()),
            f"spacing_mm must be two positive lengths, got {self.spacing_mm}": len(self.spacing_mm) != 2
            or not all(np.isfinite(s) and s > 0 for s in self.spacing_mm),
            "patient and source must not be empty": not self.patient or not self.source,
        }
        for text, broken in wrong.items():
            if broken:
                raise InvalidSampleError(f"{text}. Make the sample again from its source.")
        if not np.isin(self.labels, _VALUES).all():
            raise InvalidSampleError(
                f"labels may hold only {_VALUES.tolist()}. Make the sample again from its source."
            )
        if not np.isin(self.scores, (-1, 0, 1)).all():
            raise InvalidSampleError(
                "scores may hold only -1, 0 and 1. Make the sample again from its source."
            )


def slice_scores(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Per-slice scores (slices, 6) that a fully reviewed label map implies.

    A slice with unknown-subtype pixels knows `any`, and of the subtypes only those drawn; a slice with
    pixels that nobody reviewed knows only what is drawn.
    """
    flat = labels.reshape(len(labels), -1)
    scores = np.zeros((len(labels), 1 + len(SUBTYPES)), np.int8)
    for subtype in SUBTYPES:
        scores[:, subtype.value] = (flat == subtype.value).any(1)
    unknown, unreviewed = (flat == UNKNOWN_SUBTYPE).any(1), (flat == NOT_REVIEWED).any(1)
    scores[:, 0] = scores[:, 1:].any(1) | unknown
    vague = (unknown | unreviewed)[:, None] & (scores == 0)
    vague[:, 0] = unreviewed & (scores[:, 0] == 0)
    scores[vague] = -1
    return scores


def save_sample(sample: Sample, path: Path) -> None:
    """Write `sample` to `path` (.npz), whole or not at all."""
    header = {
        "format": FORMAT,
        "spacing_mm": list(sample.spacing_mm),
        "patient": sample.patient,
        "source": sample.source,
        "provenance": sample.provenance,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".sample-", suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(
                file,
                hu=sample.hu,
                z_mm=sample.z_mm,
                labels=sample.labels,
                scores=sample.scores,
                header=np.frombuffer(json.dumps(header).encode(), np.uint8),
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_sample(path: Path) -> Sample:
    """Read a sample. Raises InvalidSampleError for anything that is not one of this format."""
    try:
        # Opened here: numpy leaves a file open when it turns out to be damaged.
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            header = json.loads(bytes(file["header"]))
            if header["format"] != FORMAT:
                raise InvalidSampleError(
                    f"{path.name} is a sample of format {header['format']}, this program reads {FORMAT}. "
                    "Make it again, or update Pterion."
                )
            row, column = header["spacing_mm"]
            return Sample(
                hu=file["hu"],
                spacing_mm=(float(row), float(column)),
                z_mm=file["z_mm"],
                labels=file["labels"],
                scores=file["scores"],
                patient=header["patient"],
                source=header["source"],
                provenance=header["provenance"],
            )
    except InvalidSampleError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidSampleError(
            f"{path.name} cannot be read as a training sample ({error}). Make it again from its source."
        ) from error


def iterate_samples(folder: Path) -> Iterator[Sample]:
    """Samples of a folder in order of their file names, read one at a time."""
    for path in sorted(path for path in folder.glob("*.npz") if not path.name.startswith(".")):
        yield load_sample(path)
