"""pydicom's reader behind a guard: it unpacks deflated data sets whole, whatever they become."""

import importlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from model.errors import PterionError
from viewer.dicom.files import file_error
from viewer.dicom.quiet import quiet
from viewer.dicom.syntaxes import DEFLATED

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

INFLATED_MAX = 512 << 20
_HEAD, _CHUNK = 2048, 1 << 20


def load_reader() -> None:
    """Import pydicom (0.2 s) before a header needs it; call it from a worker thread."""
    importlib.import_module("pydicom")


@contextmanager
def dicom_file(path: Path, damaged: str) -> Iterator[BinaryIO]:
    """An open file within `quiet`. Whatever goes wrong in the block leaves it as PterionError.

    damaged: the sentence for what pydicom raises, of many kinds; its own texts quote values, so they are not passed on.
    """
    try:
        with path.open("rb") as file, quiet():
            yield file
    except PterionError:
        raise
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    except Exception as error:
        raise PterionError(damaged, code="UNREADABLE_FILES") from error


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
