"""Studies without their patients: a new folder or ZIP, written whole or not at all, and a report of what changed."""

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import Cancelled, PterionError
from viewer.dicom.blackout import Rectangle, black_out, burned_in
from viewer.dicom.cleaning import Cleaner, Identity, patient_key
from viewer.dicom.files import file_error, whole_file
from viewer.dicom.guard import dicom_file, read_dataset
from viewer.dicom.profile import CODES, EDITION, Retain
from viewer.dicom.pseudonyms import Pseudonyms
from viewer.dicom.quiet import quiet
from viewer.dicom.sources import Sources
from viewer.dicom.syntaxes import DEFLATED, EXPLICIT, IMPLICIT
from viewer.dicom.zips import Password

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

REPORT = "deidentification.json"
_NO_PICTURES = (
    "1.2.840.10008.5.1.4.1.1.88",
    "1.2.840.10008.5.1.4.1.1.104",
    "1.2.840.10008.5.1.4.1.1.11",
    "1.2.840.10008.5.1.4.1.1.9",
)
_FACE = "Faces can be reconstructed from thin slices of a head; the pixels of heads are left as they are."
_IMPLEMENTATION = "2.25.327466018742104823937211186437049837"


class BurnedIn(StrEnum):
    """What to do where text is, or may be, burned into the pixels."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave-out"
    BLACKOUT = "blackout"


@dataclass(frozen=True)
class Choices:
    """How to de-identify. key: see `Pseudonyms`. rectangles: painted over where text is burned in."""

    retain: frozenset[Retain] = frozenset()
    burned_in: BurnedIn = BurnedIn.REFUSE
    rectangles: tuple[Rectangle, ...] = ()
    key: str | None = None

    def __post_init__(self) -> None:
        if (self.burned_in is BurnedIn.BLACKOUT) != bool(self.rectangles):
            text = "Blacking out needs the rectangles to paint over, and rectangles need blacking out."
            raise PterionError(text, code="BAD_RECTANGLE")


@dataclass
class _Work:
    """What the first look at all files found."""

    images: list[tuple[Path, str, bool]] = field(default_factory=list)  # file, patient, burned in
    identities: dict[str, Identity] = field(default_factory=dict)
    uids: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)


def deidentify(
    paths: Sequence[Path],
    out: Path,
    choices: Choices | None = None,
    *,
    password: Password | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Write the images in `paths` to `out`, a new folder or `.zip`, after PS3.15 E's Basic Profile.

    Returns the report, which lies beside them as JSON and names no patient. What is no image is left out.
    progress: (files done, files in all). Raises PterionError where `out` exists or lies within the originals,
    where text is burned into pixels and `choices` do not say what to do, and where an identifier would be left;
    then nothing is written. Cancelled.
    """
    choices = choices or Choices()
    _check_place([Path(path) for path in paths], out)
    work = _look([Path(path) for path in paths], choices, password, cancelled)
    if not work.images:
        why = "; ".join(f"{count} × {reason}" for reason, count in work.left_out.items()) or "no DICOM files"
        raise PterionError(
            f"There is no image to write ({why}). Choose a folder with a series.", code="NO_DICOM"
        )
    cleaner = Cleaner(Pseudonyms(choices.key), choices.retain)
    names = _Names(cleaner.pseudonyms)
    blacked = 0
    with _new(out) as folder:
        for number, (path, patient, burned) in enumerate(work.images):
            if cancelled():
                raise Cancelled
            rectangles = choices.rectangles if burned else ()
            data, dataset = _without_patient(path, cleaner, work.identities[patient], rectangles)
            blacked += burned
            _write(folder / names.of(dataset, patient), data)
            progress(number + 1, len(work.images))
        report = _report(work, cleaner, names, choices, blacked)
        _write(folder / REPORT, (json.dumps(report, indent=2) + "\n").encode())
    return report


def _check_place(paths: Sequence[Path], out: Path) -> None:
    """Raise PterionError unless `out` is new and apart from the originals."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        text = (
            f"{out.name} exists already. De-identified files go to a new folder or ZIP; choose another name."
        )
        raise PterionError(text, code="FILE_EXISTS")
    place = out.resolve()
    for path in paths:
        original = path.resolve()
        if place == original or original in place.parents:
            text = f"{out.name} lies within the originals, which must not change. Choose a place beside them."
            raise PterionError(text, code="IN_PLACE")


def _look(
    paths: Sequence[Path], choices: Choices, password: Password | None, cancelled: Callable[[], bool]
) -> _Work:
    """Read every header once: what is an image, whose, and what must not be left of it."""
    work = _Work()
    sources = Sources(paths, password, cancelled)
    for path in sources.files():
        if cancelled():
            raise Cancelled
        _look_at(path, choices, work)
    for _, reason in sources.damaged:
        work.left_out[reason if "missing" in reason else "cannot be read"] += 1
    return work


def _look_at(path: Path, choices: Choices, work: _Work) -> None:
    """Take note of one file. Raises PterionError where text is burned in and nobody said what to do."""
    try:
        with path.open("rb") as file, quiet():
            dataset = read_dataset(file, path, stop_before_pixels=True)
            if "SOPClassUID" not in dataset:
                return  # no DICOM, or a DICOMDIR
            reason = _no_image(dataset, file.read(12))
            if not reason:
                patient = patient_key(dataset)
                identity = work.identities.setdefault(patient, Identity(uids=work.uids))
                identity.gather(dataset, choices.retain)
                burned = burned_in(dataset)
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    except Exception:  # noqa: BLE001  pydicom raises many kinds for damaged files
        work.left_out["damaged"] += 1
        return
    if reason:
        work.left_out[reason] += 1
    elif burned and choices.burned_in is BurnedIn.LEAVE_OUT:
        work.left_out["text burned into the pixels"] += 1
    elif burned and choices.burned_in is BurnedIn.REFUSE:
        text = f"{path.name} has, or may have, text burned into its pixels, which may name the patient."
        raise PterionError(
            f"{text} Leave such files out, or give rectangles to black out, after looking at them.",
            code="BURNED_IN",
        )
    else:
        work.images.append((path, patient, burned))


def _no_image(dataset: "Dataset", rest: bytes) -> str:
    """Why a DICOM file is not written, empty for images. rest: what follows the header in the file."""
    sop_class = str(dataset.get("SOPClassUID", ""))
    if sop_class.startswith(_NO_PICTURES):
        return "no image (reports and documents hold free text)"
    deflated = dataset.file_meta.get("TransferSyntaxUID") == DEFLATED
    pixels = "Rows" in dataset if deflated else rest[:2] in (b"\xe0\x7f", b"\x7f\xe0")
    if not pixels:
        return "no pixels"
    if (
        not dataset.get("StudyInstanceUID")
        or not dataset.get("SeriesInstanceUID")
        or not dataset.get("SOPInstanceUID")
    ):
        return "names no study, series and instance"
    return ""


def _without_patient(
    path: Path, cleaner: Cleaner, identity: Identity, rectangles: Sequence[Rectangle]
) -> tuple[bytes, "Dataset"]:
    """One file's new bytes, and its data set. Raises PterionError where an identifier would be left."""
    damaged = f"{path.name} is damaged and cannot be written without its patient. Take it out and try again."
    with dicom_file(path, damaged) as file:
        dataset = read_dataset(file, path)
        if rectangles:
            black_out(path, dataset, rectangles)
        cleaner.clean(dataset, identity, pixels_cleaned=bool(rectangles))
        data = _encoded(dataset)
    left = identity.found_in(data)
    if left:
        text = f"{path.name} would still hold {left} of the patient, in its pixels or a coded value."
        raise PterionError(
            f"{text} Nothing was written. Take the file out and try again.", code="IDENTIFIER_LEFT"
        )
    return data, dataset


def _encoded(dataset: "Dataset") -> bytes:
    """A whole file with an empty preamble and file meta information of our own."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    syntax = dataset.file_meta.get("TransferSyntaxUID") or (
        IMPLICIT if dataset.original_encoding[0] else EXPLICIT
    )
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    meta.ImplementationVersionName = "PTERION"
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


class _Names:
    """Paths of the new files: pseudonym, study, series and a number, in the order in which they come."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self.patients: set[str] = set()
        self.studies: dict[str, int] = {}
        self.series: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._within: Counter[str] = Counter()

    def of(self, dataset: "Dataset", patient: str) -> Path:
        """The path of a cleaned data set, relative to the output."""
        name = self._pseudonyms.name(patient)
        self.patients.add(name)
        study, series = (
            str(dataset.StudyInstanceUID),
            f"{dataset.StudyInstanceUID} {dataset.SeriesInstanceUID}",
        )
        if study not in self.studies:
            self._within[name] += 1
            self.studies[study] = self._within[name]
        if series not in self.series:
            self._within[study] += 1
            self.series[series] = self._within[study]
        self._counts[series] += 1
        file = f"IM{self._counts[series]:05d}.dcm"
        return Path(name, f"study-{self.studies[study]}", f"series-{self.series[series]}", file)


def _report(work: _Work, cleaner: Cleaner, names: _Names, choices: Choices, blacked: int) -> dict[str, Any]:
    """What was done, without anything that identifies."""
    from pydicom.datadict import dictionary_description, dictionary_has_tag

    options = [CODES[option] for option in sorted(choices.retain)] + ([CODES["pixels"]] if blacked else [])
    notices = [_FACE]
    if cleaner.aged:
        notices.append(f"{cleaner.aged} ages above 89 years are given as 90.")
    changes = [
        {
            "tag": f"({tag >> 16:04X},{tag & 0xFFFF:04X})",
            "name": dictionary_description(tag)
            if dictionary_has_tag(tag)
            else "private"
            if tag >> 16 & 1
            else "unknown",
            "action": str(action),
            "count": count,
        }
        for (tag, action), count in sorted(cleaner.changes.items())
    ]
    return {
        "profile": f"DICOM PS3.15 {EDITION} Annex E, {CODES['basic'][1]}",
        "options": [{"code": code, "meaning": meaning} for code, meaning in options],
        "patients": len(names.patients),
        "studies": len(names.studies),
        "series": len(names.series),
        "files": len(work.images),
        "blacked_out": blacked,
        "left_out": [{"reason": reason, "files": count} for reason, count in sorted(work.left_out.items())],
        "changes": changes,
        "notices": notices,
    }


def _write(path: Path, data: bytes) -> None:
    """Write a file of the new folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@contextmanager
def _new(out: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `out`, or is packed into it, when the block ends without an error."""
    work = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=out.parent, prefix=".pterion-"))
        folder = work / "new"
        folder.mkdir()
        yield folder
        if out.suffix.casefold() == ".zip":
            with whole_file(out) as file:
                _pack(folder, file)
        else:
            if out.is_dir():
                out.rmdir()
            os.replace(folder, out)
    except OSError as error:
        raise file_error(error, f"Writing {out.name}") from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _pack(folder: Path, file: Any) -> None:
    """Everything in a folder as a ZIP with the folder's own order and no times."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, path.read_bytes())
