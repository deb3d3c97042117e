"""Masks that Pterion exported (`masks.json` with PNG or NPZ files), and the series they lie on → samples.

A slice with a mask, or one marked as reviewed without hemorrhage, is reviewed throughout; of the others only the
neighbours go along, as with annotations in the library.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets.names import digest
from model.errors import PterionError
from model.labels import BACKGROUND, NOT_REVIEWED, SUBTYPES
from model.sample import Sample, slice_scores
from viewer.annotation import png
from viewer.annotation.document import slice_name
from viewer.annotation.export import FORMAT, NOTE_NAME, NPZ_NAME
from viewer.corpora.annotations import SOURCE, runs
from viewer.corpora.stacks import Stack, stacks_of
from viewer.dicom.scan import scan

_VALUES = (BACKGROUND, *(subtype.value for subtype in SUBTYPES))
_LARGEST = 64 << 20

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Exported:
    """One export: its folder, and the series it was drawn on."""

    folder: Path
    series_uid: str
    patient: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Exports:
    """Folders of exported masks (searched to the bottom) with the DICOM files of their series, as a source of samples.

    salt: a secret that pseudonyms are made with.
    """

    masks: Path
    images: Path
    salt: str
    command = "exports"

    @property
    def options(self) -> dict[str, Any]:
        """Nothing but the data decides what comes out."""
        return {}

    def items(self) -> dict[str, _Exported | str]:
        """By series, its export, or why it cannot be used. Raises PterionError where there is none."""
        notes = sorted(self.masks.rglob(NOTE_NAME))
        if not notes:
            raise PterionError(
                f"{self.masks.name} holds no {NOTE_NAME}. Choose a folder that masks were exported to."
            )
        series = {
            each.series_uid: (study, each) for study in scan(self.images).studies for each in study.series
        }
        found: dict[str, _Exported | str] = {}
        for path in notes:
            place = path.parent.name
            try:
                uid = str(_note(path)["series_uid"])
            except PterionError as error:
                found[place] = str(error)
                continue
            name = digest(uid, self.salt)
            if uid not in series:
                found[place] = (
                    f"The series of the masks in {place} is not in {self.images.name}. Add its files."
                )
            elif name in found:
                found[place] = (
                    f"The masks in {place} are of a series whose masks are in another folder too. Remove one."
                )
            else:
                study, each = series[uid]
                patient = digest(study.patient_id or study.study_uid, self.salt)
                files = tuple(dict.fromkeys(header.path for header in each.slices))
                found[name] = _Exported(path.parent, uid, patient, files)
        return found

    def read(self, item: str, content: _Exported | str, /) -> Iterator[Sample]:
        """The samples of one export, one a run of slices. Raises PterionError."""
        if isinstance(content, str):
            raise PterionError(content)
        note = _note(content.folder / NOTE_NAME)
        (stack,) = stacks_of(content.files, content.series_uid.partition("#")[0])
        labels, reviewed = self._labels(stack, note, content.folder)
        for first, end in runs(reviewed, np.ones(len(reviewed), np.bool_)):
            yield Sample(
                hu=stack.hu[first:end],
                spacing_mm=stack.spacing_mm,
                z_mm=stack.z_mm[first:end],
                labels=labels[first:end],
                scores=slice_scores(labels[first:end]),
                patient=content.patient,
                source=SOURCE,
                provenance={
                    "series": item,
                    "reviewed": reviewed[first:end].tolist(),
                    "notes": list(stack.notes),
                },
            )

    def _labels(
        self, stack: Stack, note: dict[str, Any], folder: Path
    ) -> tuple[Labels, npt.NDArray[np.bool_]]:
        """Labels of the stack, and which slices a reader vouches for."""
        labels = np.full(stack.hu.shape, NOT_REVIEWED, np.uint8)
        places = {(header.sop_uid, header.frame): index for index, header in enumerate(stack.slices)}
        negative = set(note["reviewed_without_hemorrhage"])
        for place, index in places.items():
            if slice_name(*place) in negative:
                labels[index] = BACKGROUND
        for each in note["slices"]:
            mask = _mask(folder, each)
            index_of = places.get((str(each["sop_uid"]), int(each["frame"])))
            if index_of is None:
                raise PterionError(
                    f"Slice {each['number']} of the masks in {folder.name} is not among the files of its series that "
                    "can be read. Add it."
                )
            grid = labels[index_of].shape
            if mask.shape != grid:
                found, wanted = (" × ".join(map(str, shape)) for shape in (mask.shape, grid))
                raise PterionError(
                    f"{each['file']} in {folder.name} is {found}, its slice {wanted}. Export the masks again."
                )
            labels[index_of] = mask
        return labels, (labels != NOT_REVIEWED).any((1, 2))


def _note(path: Path) -> dict[str, Any]:
    """What lies beside exported masks. Raises PterionError where it is damaged or of another version."""
    try:
        note = json.loads(path.read_text("utf-8"))
        if note["format"] != FORMAT:
            raise PterionError(
                f"{path.name} in {path.parent.name} is of format {note['format']}, this program reads {FORMAT}. "
                "Export the masks again."
            )
        names = [str(each["file"]) for each in note["slices"] if {"sop_uid", "frame", "number"} <= set(each)]
        if len(names) != len(note["slices"]) or any(Path(name).name != name for name in names):
            raise ValueError("it names no files")
        str(note["series_uid"]), list(note["reviewed_without_hemorrhage"])
    except OSError as error:
        raise PterionError(f"{path.name} in {path.parent.name} cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PterionError(
            f"{path.name} in {path.parent.name} is damaged ({error}). Export the masks again."
        ) from error
    return dict(note)


def _mask(folder: Path, each: dict[str, Any]) -> Labels:
    """The label map of one slice. Raises PterionError where its file is missing, damaged, or holds other values."""
    path = folder / str(each["file"])
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large for a mask")
        if path.name == NPZ_NAME:
            with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                mask = file[str(each["key"])]
        else:
            mask = png.decode(path.read_bytes())
        if mask.ndim != 2 or mask.dtype != np.uint8 or not np.isin(mask, _VALUES).all():
            raise ValueError(f"it holds other values than {_VALUES[0]} to {_VALUES[-1]}")
    except FileNotFoundError:
        raise PterionError(f"{path.name} is missing in {folder.name}. Export the masks again.") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise PterionError(
            f"{path.name} in {folder.name} cannot be read as masks ({error}). Export them again."
        ) from error
    return np.asarray(mask, np.uint8)
