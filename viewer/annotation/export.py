"""Masks out of annotations: one label map per annotated slice, with a note of what they are. Whole or not at all."""

import io
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from model.labels import BACKGROUND, SUBTYPES
from viewer.annotation import png
from viewer.annotation.document import Document
from viewer.annotation.raster import slice_labels

NOTE_NAME = "masks.json"
NPZ_NAME = "masks.npz"
FORMAT = 1
Labels = npt.NDArray[np.uint8]


class ExportError(PterionError):
    """Masks cannot be exported. Nothing was written, and what was there before is untouched."""

    code = "EXPORT"


class SliceShape(Protocol):
    """A slice of the series, as `viewer.dicom.series.SliceHeader` is one."""

    @property
    def sop_uid(self) -> str:
        """SOP instance UID of the file."""

    @property
    def frame(self) -> int:
        """Index in a multi-frame file, 0 else."""

    @property
    def rows(self) -> int:
        """Height in pixels."""

    @property
    def columns(self) -> int:
        """Width in pixels."""


@dataclass(frozen=True)
class _Mask:
    """One annotated slice. `number` counts the slices of the series from 1; `key` is its name in an NPZ file."""

    number: int
    sop_uid: str
    frame: int
    labels: Labels

    @property
    def file_name(self) -> str:
        frame = f"_frame{self.frame}" if self.frame else ""
        suffix = "".join(c if c.isalnum() or c in ".-" else "-" for c in self.sop_uid[-16:]).strip(".")
        return f"{self.number:04d}_{suffix}{frame}.png"

    @property
    def key(self) -> str:
        return f"{self.sop_uid}#{self.frame}" if self.frame else self.sop_uid


def export_masks(
    document: Document,
    slices: Sequence[SliceShape],
    folder: Path,
    format: Literal["png", "npz"] = "png",  # noqa: A002 - the word for it
) -> list[Path]:
    """Write one label map per annotated slice into `folder`; the paths written, `masks.json` last.

    png: a uint8 grey PNG per slice, `<slice number from 1>_<end of the SOP instance UID>.png`. npz: `masks.npz`
    with one uint8 array per slice, keyed by SOP instance UID. Values as in `model.labels`: 0 none, 1..5 subtype.
    `slices` are all slices of the series in order. An earlier export of the same series is replaced.

    Every file is read back and compared before anything appears in `folder`. Raises ExportError.
    """
    masks = _masks(document, slices)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stale = _earlier_files(document, folder)
        work = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        names = _write_png(masks, work) if format == "png" else _write_npz(masks, work)
        note = _note(document, masks, names, format)
        _write(work / NOTE_NAME, json.dumps(note, indent=2).encode())
        names = [*dict.fromkeys(names), NOTE_NAME]
        _put_in_place(work, folder, names, stale)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return [folder / name for name in names]


def _unwritable(folder: Path, error: OSError) -> ExportError:
    return ExportError(
        f"The masks cannot be written to {folder.name} ({error.strerror or error}). Free some space or choose another "
        "folder; nothing was exported."
    )


def _masks(document: Document, slices: Sequence[SliceShape]) -> list[_Mask]:
    """The label maps of all annotated slices, in slice order."""
    annotated = {(a.sop_uid, a.frame) for a in document.annotations}
    if not annotated:
        raise ExportError("There are no annotations in this series to export. Draw or accept some first.")
    known = {(each.sop_uid, each.frame) for each in slices}
    if annotated - known:
        raise ExportError(
            f"{len(annotated - known)} annotated slices are not part of the open series, so their masks have no size. "
            "Open the series that holds all its files, then export."
        )
    return [
        _Mask(number, s.sop_uid, s.frame, slice_labels(document, s.sop_uid, (s.rows, s.columns), s.frame))
        for number, s in enumerate(slices, 1)
        if (s.sop_uid, s.frame) in annotated
    ]


def _write(path: Path, data: bytes) -> None:
    """Write and push to the disk, so that a full disk shows here."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _write_png(masks: Sequence[_Mask], folder: Path) -> list[str]:
    for mask in masks:
        _write(folder / mask.file_name, png.encode(mask.labels))
        try:
            same = np.array_equal(png.decode((folder / mask.file_name).read_bytes()), mask.labels)
        except ValueError:
            same = False
        _must_be_same(same, mask.file_name)
    return [mask.file_name for mask in masks]


def _write_npz(masks: Sequence[_Mask], folder: Path) -> list[str]:
    arrays: Mapping[str, Labels] = {mask.key: mask.labels for mask in masks}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    _write(folder / NPZ_NAME, buffer.getvalue())
    try:
        with np.load(io.BytesIO((folder / NPZ_NAME).read_bytes()), allow_pickle=False) as file:
            same = set(file.files) == set(arrays) and all(
                np.array_equal(file[k], v) for k, v in arrays.items()
            )
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        same = False
    _must_be_same(same, NPZ_NAME)
    return [NPZ_NAME] * len(masks)


def _must_be_same(same: bool, name: str) -> None:
    if not same:
        raise ExportError(
            f"{name} did not read back as it was written, so nothing was exported. Check the disk, or choose another."
        )


def _note(document: Document, masks: Sequence[_Mask], names: Sequence[str], form: str) -> dict[str, object]:
    """What lies beside the masks to explain them."""
    values: dict[str, object] = {str(BACKGROUND): {"code": "none", "name": "no hemorrhage"}}
    values |= {str(s.value): {"code": s.code, "name": s.name} for s in SUBTYPES}
    return {
        "format": FORMAT,
        "notice": "Research use only. Not for diagnosis.",
        "study_uid": document.study_uid,
        "series_uid": document.series_uid,
        "rule": "A pixel is in a polygon if its centre is; where two overlap, the one drawn later counts.",
        "values": values,
        "slices": [
            {
                "file": name,
                **({"key": mask.key} if form == "npz" else {}),
                "number": mask.number,
                "sop_uid": mask.sop_uid,
                "frame": mask.frame,
                "rows": mask.labels.shape[0],
                "columns": mask.labels.shape[1],
                "pixels": {s.code: n for s in SUBTYPES if (n := int((mask.labels == s.value).sum()))},
            }
            for mask, name in zip(masks, names, strict=True)
        ],
        "reviewed_without_hemorrhage": sorted(document.reviewed_slices),
    }


def _earlier_files(document: Document, folder: Path) -> list[str]:
    """Names of the files of an earlier export into `folder`. Raises ExportError for another series' export."""
    try:
        note = json.loads((folder / NOTE_NAME).read_text("utf-8"))
        series_uid, files = note["series_uid"], [str(each["file"]) for each in note["slices"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        series_uid, files = None, []
    if series_uid != document.series_uid:
        raise ExportError(f"{folder.name} holds the masks of another series. Choose an empty folder.")
    return [name for name in {*files, NOTE_NAME} if Path(name).name == name and (folder / name).is_file()]


def _put_in_place(work: Path, folder: Path, names: Sequence[str], stale: Sequence[str]) -> None:
    """Move the new files where they belong and the old ones away; on an error everything goes back."""
    away = work / "earlier"
    away.mkdir()
    moved: list[tuple[Path, Path]] = []
    try:
        for name in {*stale, *(n for n in names if (folder / n).exists())}:
            os.replace(folder / name, away / name)
            moved.append((away / name, folder / name))
        for name in names:
            os.replace(work / name, folder / name)
            moved.append((folder / name, work / name))
    except BaseException:
        for here, there in reversed(moved):
            os.replace(here, there)
        raise
