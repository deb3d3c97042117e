"""CT-ICH v1.0.0 (M. Hssayeni et al., PhysioNet 2019, CC BY 4.0): a patient's folder of windowed JPEGs → Sample.

HU are recovered from two windows: 40/120 where it is not clipped, 700/3200 elsewhere. The pixel size is not stored;
it is estimated from the width of the skull, and slices are 5 mm apart (Data 2020, 5(1), 14).
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from model.labels import NOT_REVIEWED, UNKNOWN_SUBTYPE
from model.preprocess import ADULT_SKULL_MM, estimate_spacing_mm
from model.sample import Sample

TABLE = "hemorrhage_diagnosis.csv"
SLICE_GAP_MM = 5.0
LICENCE = "CC BY 4.0, M. Hssayeni et al., CT-ICH 1.0.0, PhysioNet 2019"

_COLUMNS = ("Epidural", "Subdural", "Subarachnoid", "Intraventricular", "Intraparenchymal")
_JPEG_END = b"\xff\xd9"
_GREY_BLACK, _GREY_WHITE, _MASK_GREY = 2, 253, 128


@dataclass(frozen=True)
class CtIch:
    """The folder as a source of samples, one a patient. numbers: only these patients, all where empty."""

    folder: Path
    numbers: Sequence[str] = ()
    command = "ct-ich"

    @property
    def options(self) -> dict[str, Any]:
        """Nothing but the data decides what comes out."""
        return {}

    def items(self) -> dict[str, None]:
        """The patients' numbers. Raises PterionError where one that is asked for is not there."""
        present = patients(self.folder)
        strange = sorted(set(self.numbers) - set(present))
        if strange:
            raise PterionError(f"There is no patient {strange[0]} in {self.folder.name}. Check the number.")
        _table(self.folder / TABLE)
        return dict.fromkeys(self.numbers or present)

    def read(self, item: str, _content: None, /) -> Iterator[Sample]:
        """The one sample of a patient. Raises as `read_patient` does."""
        yield read_patient(self.folder, item)


def patients(folder: Path) -> tuple[str, ...]:
    """Numbers of the patients in a CT-ICH folder, as its sub-folders are named. Raises PterionError if none."""
    root = folder / "Patients_CT"
    numbers = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    if not numbers:
        raise PterionError(
            f"{folder.name} holds no folder Patients_CT with patients. Choose the folder that holds it and {TABLE}."
        )
    names: dict[str, str] = {}
    for number in numbers:
        other = names.setdefault(number.lstrip("0"), number)
        if other != number:
            raise PterionError(
                f"Patient {number} is in two folders, {other} and {number}. Remove one of them."
            )
    return tuple(numbers)


def read_patient(folder: Path, number: str) -> Sample:
    """One patient of the CT-ICH folder as a sample, slices from the base up.

    A mask takes its subtype where the table names exactly one for its slice, UNKNOWN_SUBTYPE where several. A slice
    that the table calls bleeding and nobody drew in is NOT_REVIEWED. The pixel size is that of an adult's skull, also
    where the patient is a child: the set does not tell, and prediction normalises a head of unknown scale likewise.
    An end slice stored in one window only is left out (patient 084 has one); provenance says so.
    Raises PterionError for a missing or contradictory table, slice, mask or image.
    """
    scores_of = _table(folder / TABLE)
    place = folder / "Patients_CT" / number
    brain, bone, unpaired = _paired(place, number)
    both = sorted(brain)
    slices, labels, scores = [], [], []
    for k in both:
        score = scores_of.get((int(number), k)) if number.isdigit() else None
        if score is None:
            raise PterionError(
                f"{TABLE} has no row for patient {number}, slice {k}. Copy the data set again."
            )
        hu = hu_from_windows(read_grey(brain[k]), read_grey(bone[k]))
        slices.append(hu)
        labels.append(_label(place / "brain" / f"{k}_HGE_Seg.jpg", hu.shape, score, number))
        scores.append(score)
    if len({hu.shape for hu in slices}) > 1:
        raise PterionError(f"Patient {number} has slices of different sizes. Copy the data set again.")
    volume = np.stack(slices)
    spacing = estimate_spacing_mm(volume)
    return Sample(
        hu=volume,
        spacing_mm=(spacing, spacing),
        z_mm=np.arange(len(slices), dtype=np.float64) * np.float64(SLICE_GAP_MM),
        labels=np.stack(labels),
        scores=np.stack(scores),
        patient=f"ct-ich-{number}",
        source="ct-ich",
        provenance={
            "licence": LICENCE,
            "spacing_estimated": True,
            "skull_width_assumed_mm": ADULT_SKULL_MM,
            "slices": both,
            "left_out": unpaired,
            "notes": _notes(unpaired, both, labels),
        },
    )


def _paired(place: Path, number: str) -> tuple[dict[int, Path], dict[int, Path], list[int]]:
    """Files of the slices that are there in both windows, by slice, and the end slices that are in one only."""
    brain, bone = _slice_files(place / "brain"), _slice_files(place / "bone")
    if not brain:
        raise PterionError(f"Patient {number} has no slices in brain/. Copy the data set again.")
    both, unpaired = sorted(set(brain) & set(bone)), sorted(set(brain) ^ set(bone))
    if not both or any(both[0] < k < both[-1] for k in unpaired):
        raise PterionError(
            f"Patient {number} has slices {unpaired} in only one of brain/ and bone/. Copy the data set again."
        )
    return {k: brain[k] for k in both}, {k: bone[k] for k in both}, unpaired


def bleeding(folder: Path) -> dict[str, bool]:
    """Whether a slice of each patient bleeds, by the patient's number, from the table alone."""
    positive = {number for (number, _), scores in _table(folder / TABLE).items() if scores[0] == 1}
    return {number: number.isdigit() and int(number) in positive for number in patients(folder)}


def hu_from_windows(brain: npt.NDArray[np.uint8], bone: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """HU int16 from the same slice shown at 40/120 (`brain`) and 700/3200 (`bone`), 8-bit grey.

    Raises PterionError when the two differ in size.
    """
    if brain.shape != bone.shape:
        raise PterionError(
            f"The brain and bone images differ in size: {brain.shape} and {bone.shape}. Copy them again."
        )
    fine = brain * (120 / 255) - 20
    coarse = bone * (3200 / 255) - 900
    unclipped = (brain > _GREY_BLACK) & (brain < _GREY_WHITE)
    return np.rint(np.where(unclipped, fine, coarse)).astype(np.int16)


def _label(
    path: Path, shape: tuple[int, ...], score: npt.NDArray[np.int8], number: str
) -> npt.NDArray[np.uint8]:
    """Label map of one slice, from its mask file (none: no bleed) and its row of the table."""
    label = np.zeros(shape, np.uint8)
    mask = read_grey(path) >= _MASK_GREY if path.exists() else np.zeros(shape, np.bool_)
    if mask.shape != shape:
        raise PterionError(f"{path.name} is {mask.shape}, its slice {shape}. Copy the data set again.")
    named = np.flatnonzero(score[1:]) + 1
    if mask.any() and not len(named):
        raise PterionError(
            f"Patient {number} has a bleed drawn in {path.name}, but {TABLE} names none there. Correct one of them."
        )
    if not mask.any() and len(named):
        label[:] = NOT_REVIEWED
    label[mask] = int(named[0]) if len(named) == 1 else UNKNOWN_SUBTYPE
    return label


def _notes(
    unpaired: Sequence[int], both: Sequence[int], labels: Sequence[npt.NDArray[np.uint8]]
) -> list[str]:
    """What a reader of the summary should know, in sentences."""
    notes = [f"Slice {k} is there in one window only and was left out." for k in unpaired]
    undrawn = [k for k, label in zip(both, labels, strict=True) if (label == NOT_REVIEWED).any()]
    return notes + [f"Slice {k} bleeds, but nobody drew where." for k in undrawn]


def _table(path: Path) -> dict[tuple[int, int], npt.NDArray[np.int8]]:
    """Scores (6,) by patient and slice number."""
    try:
        state = path.stat()
        return _read_table(path, state.st_mtime_ns, state.st_size)
    except FileNotFoundError:
        raise PterionError(
            f"{path.name} is missing in {path.parent.name}. Copy the data set again."
        ) from None


@lru_cache(maxsize=4)
def _read_table(path: Path, _changed: int, _size: int) -> dict[tuple[int, int], npt.NDArray[np.int8]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows: dict[tuple[int, int], npt.NDArray[np.int8]] = {}
            for row in csv.DictReader(file):
                flags = np.array([int(row[c]) for c in _COLUMNS], np.int8)
                scores = np.concatenate([[flags.max()], flags]).astype(np.int8)
                key = (int(row["PatientNumber"]), int(row["SliceNumber"]))
                if not np.isin(flags, (0, 1)).all():
                    raise ValueError(f"patient {key[0]}, slice {key[1]} has a value other than 0 and 1")
                if not np.array_equal(rows.setdefault(key, scores), scores):
                    raise ValueError(
                        f"patient {key[0]}, slice {key[1]} is there twice, with different values"
                    )
            return rows
    except FileNotFoundError:
        raise
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise PterionError(
            f"{path.name} cannot be read as CT-ICH's table ({error}). Copy it again."
        ) from error


def _slice_files(folder: Path) -> dict[int, Path]:
    if not folder.is_dir():
        raise PterionError(f"{folder.parent.name}/{folder.name} is missing. Copy the data set again.")
    return {int(p.stem): p for p in folder.glob("*.jpg") if p.stem.isdigit()}


def read_grey(path: Path) -> npt.NDArray[np.uint8]:
    """A whole grey JPEG as uint8 (rows, columns). Raises PterionError where it is damaged or cut short."""
    import imagecodecs

    try:
        content = path.read_bytes()
        if not content.endswith(_JPEG_END):  # the decoder fills what is missing with grey, silently
            raise ValueError("the file ends early")
        grey = imagecodecs.jpeg8_decode(content, outcolorspace="GRAYSCALE")
    except (OSError, RuntimeError, ValueError) as error:
        raise PterionError(
            f"{path.parent.parent.name}/{path.parent.name}/{path.name} is not a readable JPEG ({error}). Copy it again."
        ) from error
    if grey.ndim != 2:
        raise PterionError(f"{path.name} is not a grey image. Copy the data set again.")
    return np.asarray(grey, np.uint8)
