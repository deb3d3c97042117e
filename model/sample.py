"""The training sample: HU, geometry, labels, provenance. Read, written and validated here; numpy only."""

import json
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from model.errors import InvalidSampleError
from model.labels import BACKGROUND, CODES, NOT_REVIEWED, SUBTYPES, UNKNOWN_SUBTYPE

FORMAT = 1
MAX_BYTES = 4 << 30
"""Most bytes of arrays that a file may hold unpacked; more is taken for a trap, not for a head."""

_ADVICE = "Make the sample again from its source."
_MAX_HEADER = 16 << 20
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What a file that is no sample raises; zipfile raises RuntimeErrors for encryption and unknown compressions."""
_MEMBERS = {"hu": 3, "z_mm": 1, "labels": 3, "scores": 2, "header": 1}
"""Arrays of a file and how many axes each has."""
_KNOWN = np.zeros(256, np.bool_)
_KNOWN[[BACKGROUND, *(s.value for s in SUBTYPES), UNKNOWN_SUBTYPE, NOT_REVIEWED]] = True


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
    provenance: JSON-compatible facts worth keeping (seed, annotation versions, licence). `notes`, where there
        are any, is a list of sentences about what was left out or doubtful.

    Labels and scores agree (`_check_agreement` has the rules).
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
        _check_form(self)
        _check_agreement(self.labels, self.scores)


def _check_form(sample: Sample) -> None:
    """Shapes, types and values of each part by itself."""
    hu, labels, scores, z_mm = sample.hu, sample.labels, sample.scores, sample.z_mm
    count = hu.shape[0] if hu.ndim == 3 else 0
    kinds = 1 + len(SUBTYPES)
    lengths = np.asarray(sample.spacing_mm, np.float64)
    rules = (
        (
            hu.dtype == np.int16 and hu.ndim == 3 and 0 not in hu.shape,
            f"hu must be int16 (slices, rows, columns), got {hu.dtype} {hu.shape}",
        ),
        (
            labels.dtype == np.uint8 and labels.shape == hu.shape,
            f"labels must be uint8 {hu.shape}, got {labels.dtype} {labels.shape}: a mask must lie on the grid of hu",
        ),
        (
            scores.dtype == np.int8 and scores.shape == (count, kinds),
            f"scores must be int8 ({count}, {kinds}), got {scores.dtype} {scores.shape}",
        ),
        (
            z_mm.shape == (count,) and bool(np.isfinite(z_mm).all()) and not (np.diff(z_mm) <= 0).any(),
            f"z_mm must be {count} ascending positions",
        ),
        (
            lengths.shape == (2,) and bool(np.isfinite(lengths).all()) and bool((lengths > 0).all()),
            f"spacing_mm must be two positive lengths, got {sample.spacing_mm}",
        ),
        (bool(sample.patient) and bool(sample.source), "patient and source must not be empty"),
        (_is_json(sample.provenance), "provenance must be a dictionary that JSON can hold"),
    )
    for holds, text in rules:
        if not holds:
            raise InvalidSampleError(f"{text}. {_ADVICE}")
    if not np.isin(scores, (-1, 0, 1)).all():
        raise InvalidSampleError(f"scores may hold only -1, 0 and 1. {_ADVICE}")


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return isinstance(value, dict)


def _check_agreement(labels: npt.NDArray[np.uint8], scores: npt.NDArray[np.int8]) -> None:
    """Labels hold known values, and what is drawn in a slice agrees with what its scores say.

    A subtype that is drawn is not scored absent. One that is scored present is drawn, unless pixels of the slice
    are unreviewed or bleed with an unknown subtype. `any` is present where a subtype is, or something bleeds, and
    is not where all five are absent.
    """
    drawn = np.stack([np.bincount(label.ravel(), minlength=256) > 0 for label in labels])
    if drawn[:, ~_KNOWN].any():
        raise InvalidSampleError(f"labels may hold only {np.flatnonzero(_KNOWN).tolist()}. {_ADVICE}")
    subtypes, any_score = scores[:, 1:], scores[:, 0]
    shown = drawn[:, 1 : 1 + len(SUBTYPES)]
    vague = drawn[:, UNKNOWN_SUBTYPE] | drawn[:, NOT_REVIEWED]
    for code, column in zip(CODES, range(len(SUBTYPES)), strict=True):
        _refuse(shown[:, column] & (subtypes[:, column] == 0), f"{code} is drawn, but scored absent")
        missing = (subtypes[:, column] == 1) & ~shown[:, column] & ~vague
        _refuse(missing, f"{code} is scored present, but drawn nowhere although all pixels are reviewed")
    bleeds = shown.any(1) | drawn[:, UNKNOWN_SUBTYPE]
    _refuse(bleeds & (any_score == 0), "bleeding is drawn, but `any` is scored absent")
    _refuse((subtypes == 1).any(1) & (any_score != 1), "a subtype is scored present, but `any` is not")
    _refuse(
        (any_score == 1) & (subtypes == 0).all(1), "`any` is scored present, but all five subtypes absent"
    )
    nothing = ~bleeds & ~drawn[:, NOT_REVIEWED]
    _refuse(
        nothing & (any_score == 1), "`any` is scored present, but nothing is drawn in the reviewed pixels"
    )


def _refuse(slices: npt.NDArray[np.bool_], text: str) -> None:
    if slices.any():
        number = int(np.flatnonzero(slices)[0]) + 1
        raise InvalidSampleError(
            f"labels contradict scores in slice {number} of {len(slices)}: {text}. {_ADVICE}"
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
    """Read a sample; nothing in the file is run. Raises InvalidSampleError for what is not one of this format."""
    try:
        # Opened here: numpy leaves a file open when it turns out to be damaged.
        with path.open("rb") as handle:
            _check_sizes(handle)
            with np.load(handle, allow_pickle=False) as file:
                return _sample_of(file)
    except InvalidSampleError as error:
        raise InvalidSampleError(f"{path.name}: {error}") from error
    except _UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InvalidSampleError(
            f"{path.name} cannot be read as a training sample ({reason}). {_ADVICE}"
        ) from error


def _check_sizes(handle: BinaryIO) -> None:
    """Judge the arrays by what the archive says of them before memory is taken. Raises as `load_sample` does."""
    with zipfile.ZipFile(handle) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        missing, strange = sorted(set(_MEMBERS) - set(members)), sorted(set(members) - set(_MEMBERS))
        if missing or strange or len(members) != len(archive.infolist()):
            raise ValueError(f"it lacks {missing}" if missing else f"it holds {strange or 'a part twice'}")
        needed = sum(info.file_size for info in members.values())
        if needed > MAX_BYTES or members["header"].file_size > _MAX_HEADER:
            raise ValueError(f"it would need more than {MAX_BYTES >> 30} GB of memory")
        for name, info in members.items():
            with archive.open(info) as stream:
                _check_array(name, info.file_size, cast("BinaryIO", stream))
    handle.seek(0)


def _check_array(name: str, size: int, stream: BinaryIO) -> None:
    """That the shape at the start of an array is the one of its bytes: numpy would take memory for any shape."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject or len(shape) != _MEMBERS[name]:
        raise ValueError(f"{name} is {dtype} {shape}")
    if math.prod(shape) * dtype.itemsize != size - stream.tell():
        raise ValueError(f"{name} claims {dtype} {shape}, which are not the bytes it has")


def _sample_of(file: Mapping[str, npt.NDArray[Any]]) -> Sample:
    """The sample of an open archive. Raises as `load_sample` does."""
    header = json.loads(bytes(file["header"]))
    if header["format"] != FORMAT:
        raise InvalidSampleError(
            f"it is a sample of format {header['format']}, this program reads {FORMAT}. "
            "Make it again, or update Pterion."
        )
    row, column = header["spacing_mm"]
    return Sample(
        hu=file["hu"],
        spacing_mm=(float(row), float(column)),
        z_mm=file["z_mm"],
        labels=file["labels"],
        scores=file["scores"],
        patient=str(header["patient"]),
        source=str(header["source"]),
        provenance=header["provenance"],
    )


def iterate_samples(folder: Path) -> Iterator[Sample]:
    """Samples of a folder in order of their file names, read one at a time."""
    for path in sorted(path for path in folder.glob("*.npz") if not path.name.startswith(".")):
        yield load_sample(path)
