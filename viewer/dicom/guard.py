"""pydicom's reader behind a guard: it unpacks deflated data sets whole, whatever they become."""

import importlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from model.errors import PterionError
from viewer.dicom.syntaxes import DEFLATED

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

INFLATED_MAX = 512 << 20
_HEAD, _CHUNK = 2048, 1 << 20


def load_reader() -> None:
    """Import pydicom (0.2 s) before a header needs it; call it from a worker thread."""
    importlib.import_module("pydicom")


def read_dataset(file: BinaryIO, path: Path, **options: Any) -> "FileDataset":
    """`pydicom.dcmread(file, **options)`, forced by default, unless a deflated data set is beyond 512 MB unpacked.

    Raises PterionError for that, OSError, and whatever pydicom raises for damaged files. Call it within `quiet`.
    """
    import pydicom

    head = file.read(_HEAD)
    if head[128:132] == b"DICM" and DEFLATED.encode("ascii") in head:
        _check_inflated(file, head, path)
    file.seek(0)
    return pydicom.dcmread(file, **({"force": True} | options))


def _check_inflated(file: BinaryIO, head: bytes, path: Path) -> None:
    """Unpack to nowhere, counting; damaged data are left to pydicom, which stops at them."""
    start = 144 + int.from_bytes(head[140:144], "little")
    file.seek(start)
    unpacker, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
    data = file.read(_CHUNK)
    while data and not unpacker.eof:
        try:
            count += len(unpacker.decompress(data, _CHUNK))
        except zlib.error:
            return
        if count > INFLATED_MAX:
            limit = INFLATED_MAX >> 20
            text = (
                f"{path.name} unpacks to more than {limit} MB, which no slice does. Ask where it came from."
            )
            raise PterionError(text, code="UNREADABLE_FILES")
        data = unpacker.unconsumed_tail or file.read(_CHUNK)
