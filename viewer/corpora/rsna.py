"""RSNA 2019 (A. Flanders et al., Radiol. Artif. Intell. 2020, 2(3), e190211): stage_2_train.csv and DICOM → Sample.

The table has a row for each image and kind, `ID_12cadc6af_epidural,0`; images lie in one folder, named after their
ID. They are gathered by series, sorted by position, and named after their patient. Nobody drew in them: a slice
without bleeding is all background, any other is NOT_REVIEWED.
"""

import csv
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets.names import digest, is_rsna_id, rsna_patient
from model.errors import PterionError
from model.labels import ANY, NOT_REVIEWED, SUBTYPES
from model.sample import Sample
from viewer.corpora.stacks import Stack, stacks_of
from viewer.dicom.header import NotDicomError, read_header
from viewer.dicom.instance import PATIENT_ID, SERIES_UID, SOP_UID
from viewer.dicom.series import SliceHeader
from viewer.dicom.stencil import Stencils
from viewer.dicom.walk import DamagedError

TABLE = "stage_2_train.csv"
LICENCE = "RSNA 2019 challenge data: non-commercial and academic use, A. Flanders et al."
_FOLDERS = ("stage_2_train", "stage_2_train_images", "dcms")
_KINDS = {name: place for place, name in enumerate((ANY, *(subtype.name for subtype in SUBTYPES)))}
_UNKNOWN = (-1,) * len(_KINDS)
_WANTED = frozenset({PATIENT_ID, SERIES_UID, SOP_UID})
_WRAP, _SHIFT, _LEAST_INTERCEPT = 4096, 1000, -100

Scores = tuple[int, ...]


@dataclass(frozen=True)
class _Series:
    """One series: its UID, its patients (more than one is a mistake), its files, and the row of each image by ID."""

    uid: str
    patients: tuple[str, ...]
    folder: Path
    files: tuple[str, ...]
    scores: Mapping[str, Scores]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rsna:
    """The folder as a source of samples, one a stack of a series.

    salt: a secret that pseudonyms are made with where IDs are not RSNA's own. on_found: told how many headers are
    read, while that lasts.
    """

    folder: Path
    salt: str
    on_found: Callable[[int], None] | None = None
    command = "rsna"

    @property
    def options(self) -> dict[str, Any]:
        """Nothing but the data decides what comes out."""
        return {}

    def items(self) -> dict[str, _Series | str]:
        """By series, what is known of it, or why it cannot be read. Raises PterionError for missing files."""
        scores, doubts = read_table(self.folder / TABLE)
        images = next((self.folder / name for name in _FOLDERS if (self.folder / name).is_dir()), None)
        if images is None:
            raise PterionError(
                f"{self.folder.name} has no folder {_FOLDERS[0]}. Choose the folder that holds it and {TABLE}."
            )
        found: dict[str, _Series | str] = {}
        for uid, headers in _by_series(images, found, self.on_found).items():
            ids = [_image_of(name, sop, scores) for name, _, sop in headers]
            rows = {image: scores[image] for image in ids if image in scores}
            name = uid if is_rsna_id(uid) else digest(uid, self.salt)
            found[name] = _Series(
                uid,
                tuple(sorted({patient for _, patient, _ in headers})),
                images,
                tuple(name for name, _, _ in headers),
                rows,
                tuple(doubts[image] for image in ids if image in doubts),
            )
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Workers have nobody to tell."""
        return {"folder": self.folder, "salt": self.salt, "on_found": None}

    def read(self, item: str, content: _Series | str, /) -> Iterator[Sample]:
        """The stacks of a series. Raises PterionError."""
        if isinstance(content, str):
            raise PterionError(content)
        if len(content.patients) > 1:
            raise PterionError(
                f"Series {item} has images of {len(content.patients)} patients. Part them first."
            )
        if not content.scores:
            raise PterionError(f"{TABLE} has no row for any image of series {item}.")
        patient = rsna_patient(content.patients[0], f"rsna-{digest(content.patients[0], self.salt)}")
        for stack in stacks_of([content.folder / name for name in content.files], content.uid):
            yield _sample(stack, content, patient, item)


def _sample(stack: Stack, series: _Series, patient: str, item: str) -> Sample:
    """One stack with what the table says of its slices."""
    ids = [_image_of(place.path.name, place.dicom_sop_uid, series.scores) for place in stack.slices]
    scores = np.array([series.scores.get(image, _UNKNOWN) for image in ids], np.int8)
    labels = np.full(stack.hu.shape, NOT_REVIEWED, np.uint8)
    labels[scores[:, 0] == 0] = 0
    mended = [mend_wrapped(hu, place) for hu, place in zip(stack.hu, stack.slices, strict=True)]
    rowless = sum(image not in series.scores for image in ids)
    notes = [*stack.notes, *series.notes] + ([f"{TABLE} has no row for {rowless} images."] if rowless else [])
    return Sample(
        hu=stack.hu,
        spacing_mm=stack.spacing_mm,
        z_mm=stack.z_mm,
        labels=labels,
        scores=scores,
        patient=patient,
        source=Rsna.command,
        provenance={"licence": LICENCE, "series": item, "slices_mended": sum(mended), "notes": notes},
    )


def mend_wrapped(hu: npt.NDArray[np.int16], place: SliceHeader) -> bool:
    """Put right, in place, a slice whose 12-bit values wrapped around 4096; whether it was one.

    Some files store unsigned 12 bits with an intercept near 0, so that what should be negative stands at the top of
    the range: -1000 as 3096. The rule (12 bits stored, unsigned, intercept above -100; add 1000, wrap at 4096, take
    1000 away) is that of J. Howard, *Cleaning the data for rapid prototyping*, and of the 11th place's code (appian42).
    """
    layout = place.pixels
    if layout is None or layout.signed or layout.bits_stored != 12 or layout.slope != 1:
        return False
    if layout.intercept <= _LEAST_INTERCEPT:
        return False
    stored = hu.astype(np.int32) - round(layout.intercept)
    inside = (stored >= 0) & (stored < _WRAP)
    hu[inside] = ((stored[inside] + _SHIFT) % _WRAP - _SHIFT).astype(np.int16)
    return True


def read_table(path: Path) -> tuple[dict[str, Scores], dict[str, str]]:
    """Scores by image in our order, -1 where unknown; and by image, what is doubtful about its rows.

    A row that is there twice counts once; with different values, the image's scores are unknown. So they are where a
    row is missing, or `any` and the subtypes contradict each other.
    Raises PterionError where the file is missing or is another one.
    """
    found: dict[str, list[int]] = {}
    doubts: dict[str, str] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            if next(rows, []) != ["ID", "Label"]:
                raise ValueError("its first row is not ID,Label")
            for row in filter(None, rows):
                name, label = row
                image, _, kind = name.rpartition("_")
                place, value = _KINDS[kind], ("0", "1").index(label)
                held = found.setdefault(image, list(_UNKNOWN))
                if held[place] not in (-1, value):
                    doubts[image] = f"The row {name} is twice in {path.name}, with different values."
                held[place] = value
    except FileNotFoundError:
        raise PterionError(
            f"{path.name} is missing in {path.parent.name}. Copy the data set again."
        ) from None
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise PterionError(f"{path.name} cannot be read as RSNA's table ({error}). Get it again.") from error
    for image, held in found.items():
        if image not in doubts and -1 not in held and held[0] != max(held[1:]):
            doubts[image] = f"The rows of {image} contradict each other: `any` is {held[0]}."
        if image in doubts or -1 in held:
            held[:] = _UNKNOWN
    return {image: tuple(row) for image, row in found.items()}, doubts


def _by_series(
    images: Path, wrong: dict[str, _Series | str], on_found: Callable[[int], None] | None
) -> dict[str, list[tuple[str, str, str]]]:
    """(file name, PatientID, SOPInstanceUID) of every image by SeriesInstanceUID; into `wrong`, what cannot be read."""
    series: dict[str, list[tuple[str, str, str]]] = {}
    seen: dict[str, str] = {}
    stencils = Stencils()
    for count, name in enumerate(sorted(_files(images)), 1):
        path = images / name
        try:
            header = read_header(path, _WANTED, stencils)
        except (NotDicomError, DamagedError, OSError) as error:
            reason = str(error) or "it is no DICOM file"
            wrong[path.stem] = f"{path.name} cannot be read: {reason}. Copy it again."
            continue
        uid, sop = header.text(SERIES_UID), header.text(SOP_UID)
        if not uid or not header.text(PATIENT_ID):
            wrong[path.stem] = f"{path.name} names no series or no patient. Get it again."
        elif sop and seen.setdefault(sop, name) != name:
            wrong[path.stem] = f"{path.name} and {seen[sop]} have one SOP instance UID. Remove one of them."
        else:
            series.setdefault(uid, []).append((name, header.text(PATIENT_ID), sop))
        if on_found is not None and count % 1000 == 0:
            on_found(count)
    if not series:
        raise PterionError(f"{images.name} holds no DICOM images. Unpack the data set again.")
    return series


def _files(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_file() and entry.name.endswith(".dcm"):
                yield entry.name


def _image_of(name: str, sop_uid: str, known: Mapping[str, Any]) -> str:
    """The image's ID: its SOP instance UID, as in the published files, else its file name."""
    return sop_uid if sop_uid in known else name.removesuffix(".dcm")
