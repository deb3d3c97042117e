"""Our own masks back in: PNG a slice or NPZ, as `viewer.annotation.export` and `viewer.jobs.masks` write them."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.labels import BY_VALUE
from viewer.annotation import png
from viewer.annotation.document import slice_name
from viewer.annotation.export import NOTE_NAME, NPZ_NAME
from viewer.dicom.files import file_error
from viewer.dicom.series import Series
from viewer.interchange.drawn import Drawn, ExchangeError, Found, Places
from viewer.interchange.labelme import json_of

_FORMAT = 1
_LARGEST = 1 << 31


def read_export(folder: Path, series: Series) -> Found:
    """A folder of masks with its `masks.json`. Raises ExchangeError where it belongs to another series."""
    note = json_of(folder / NOTE_NAME)
    try:
        if int(note["format"]) > _FORMAT:
            raise ExchangeError(f"{folder.name} was written by a newer Pterion. Update Pterion.")
        if note["series_uid"] != series.series_uid:
            raise ExchangeError(
                f"{folder.name} holds the masks of another series. Open that series. Nothing was imported."
            )
        places, drawn = Places(series), []
        arrays = _arrays(folder / NPZ_NAME) if any("key" in each for each in note["slices"]) else None
        for each in note["slices"]:
            index = places.of_uid(str(each["sop_uid"]), int(each["frame"]))
            if index is None:
                raise ExchangeError(
                    f"{folder.name} has a mask of a slice that this series lacks. Open the whole series. Nothing was "
                    "imported."
                )
            labels = arrays[each["key"]] if arrays is not None else _png(folder, str(each["file"]))
            drawn += _of_labels(folder, labels, index)
        clean = frozenset(str(uid) for uid in note.get("reviewed_without_hemorrhage", ()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExchangeError(
            f"{folder.name}/{NOTE_NAME} cannot be read ({error}). Get the folder again."
        ) from error
    return Found(tuple(drawn), clean & {slice_name(place.sop_uid, place.frame) for place in series.slices})


def read_npz(path: Path, series: Series) -> Found:
    """An NPZ file with one label map a slice under its SOP instance UID (`UID#frame` or `UID:frame` for one of many
    frames). Raises ExchangeError."""
    places, drawn = Places(series), []
    for key, labels in _arrays(path).items():
        uid, _, frame = (
            key.replace(":", "#").rpartition("#") if key.replace(":", "#").count("#") else (key, "", "0")
        )
        index = places.of_uid(key) if places.of_uid(key) is not None else None
        if index is None and frame.isdigit():
            index = places.of_uid(uid, int(frame))
        if index is None:
            raise ExchangeError(
                f"{path.name} has a mask of a slice that this series lacks. Open the series that it belongs to. "
                "Nothing was imported."
            )
        drawn += _of_labels(path, labels, index)
    return Found(tuple(drawn))


def _of_labels(path: Path, labels: npt.NDArray[Any], index: int) -> list[Drawn]:
    if labels.ndim != 2 or labels.dtype.kind not in "iub":
        raise ExchangeError(f"A mask of {path.name} is no label map of rows and columns. Get it again.")
    values = np.unique(labels[labels != 0]).tolist()
    return [
        Drawn(BY_VALUE[v].code if v in BY_VALUE else f"label {v}", index, mask=np.asarray(labels == v))
        for v in values
    ]


def _png(folder: Path, name: str) -> npt.NDArray[np.uint8]:
    if Path(name).name != name:
        raise ValueError(f"{name} is no name of a file beside it")
    try:
        return png.decode((folder / name).read_bytes())
    except OSError as error:
        raise file_error(error, f"Reading {name}") from error


def _arrays(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    """Every array of an NPZ file; none of them may be an object, which could be a program."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise ExchangeError(f"{path.name} unpacks to more than 2 GB. Choose a smaller file.")
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise ExchangeError(f"{path.name} cannot be read as NPZ ({error}). Get it again.") from error
