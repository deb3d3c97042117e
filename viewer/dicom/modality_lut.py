"""Modality LUT (PS3.3 C.11.1): stored values become values of a unit by a table instead of slope and intercept.

CT of today has none; scanned films and some secondary captures do. A table travels with the layout of its file as a
string, which compares and is stored like its other fields.
"""

import base64
import functools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from viewer.dicom.guard import read_dataset
from viewer.dicom.quiet import quiet
from viewer.dicom.walk import DamagedError

_ENTRIES_MAX = 1 << 16
_HEAD = struct.Struct("<i")


def read_lut(path: Path) -> tuple[str, str]:
    """The first table in a file's Modality LUT Sequence, and its type (`HU`, `OD`, `US` …).

    Raises DamagedError where it is none, OSError.
    """
    try:
        with path.open("rb") as file, quiet():
            dataset = read_dataset(file, path, stop_before_pixels=True)
            item = dataset.ModalityLUTSequence[0]
            count, first, _ = map(int, item.LUTDescriptor)
            values = _values(
                item.LUTData, count or _ENTRIES_MAX, little=dataset.original_encoding[1] is not False
            )
            unit = str(item.get("ModalityLUTType") or "US").strip().upper()
            signed = dataset.get("PixelRepresentation") == 1
    except (OSError, DamagedError):
        raise
    except Exception as error:
        # pydicom raises many kinds for damaged headers.
        raise DamagedError(type(error).__name__) from error
    if signed and first >= 1 << 15:
        first -= 1 << 16
    return packed(first, values), unit


def _values(data: Any, count: int, *, little: bool) -> npt.NDArray[np.uint16]:
    """LUTData as `count` numbers: a list, or bytes, one or two a number. Raises DamagedError."""
    if isinstance(data, bytes):
        wide = len(data) >= 2 * count
        data = np.frombuffer(data, ("<u2" if little else ">u2") if wide else "u1")
    values = np.atleast_1d(np.asarray(data, np.int64))
    if not 0 < count <= _ENTRIES_MAX or values.size < count or values.min() < 0 or values.max() >= 1 << 16:
        raise DamagedError(f"{values.size} of {count} entries")
    return np.asarray(values[:count], np.uint16)


def packed(first: int, values: npt.NDArray[np.uint16]) -> str:
    """A table as a string. first: the stored value that the first entry stands for."""
    return base64.b64encode(_HEAD.pack(first) + values.astype("<u2").tobytes()).decode("ascii")


@functools.lru_cache(maxsize=8)
def unpacked(lut: str) -> tuple[int, npt.NDArray[np.uint16]]:
    """First stored value and entries of a table that `packed` made."""
    data = base64.b64decode(lut)
    return _HEAD.unpack_from(data)[0], np.frombuffer(data, "<u2", offset=_HEAD.size)


def looked_up(lut: str, stored: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """The entries of a table for stored values; those beyond its ends get its first or last (C.11.1.1.1)."""
    first, values = unpacked(lut)
    return values[np.clip(stored.astype(np.int64) - first, 0, values.size - 1)]
