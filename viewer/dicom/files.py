"""Files that are written whole or not at all, and the operating system's errors as sentences."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from model.errors import PterionError

READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)
LONG_WINDOWS_PATH = 240
"""Of 260 characters that Windows takes without being asked for more, some are left for names that are added."""
_CAUSES = {
    errno.ENOSPC: ("DISK_FULL", "the disk is full", "Free some space, or choose another place"),
    errno.EDQUOT: ("DISK_FULL", "the disk quota is used up", "Free some space, or choose another place"),
    errno.EACCES: ("NO_PERMISSION", "permission is denied", "Choose another place, or ask for access to it"),
    errno.EPERM: ("NO_PERMISSION", "permission is denied", "Choose another place, or ask for access to it"),
    errno.EROFS: ("NO_PERMISSION", "the place is read-only", "Choose another place"),
    errno.ENOENT: ("NOT_FOUND", "it does not exist", "Check the path"),
    errno.ENOTDIR: ("NOT_FOUND", "a part of the path is a file, not a folder", "Check the path"),
    errno.ENAMETOOLONG: ("BAD_PATH", "the name is too long", "Choose a shorter one"),
    errno.EIO: ("READ_ERROR", "the disk reports an error", "Copy the files to another disk and try again"),
}
_GONE = ("DISK_GONE", "the disk, or the connection to it, is gone", "Put it back and open the files again")
_GONE_NAMES = (
    "ENODEV",
    "ENXIO",
    "ESTALE",
    "ENOTCONN",
    "EHOSTDOWN",
    "ENETDOWN",
    "ETIMEDOUT",
    "ENOMEDIUM",
    "ESHUTDOWN",
)
_CAUSES |= {getattr(errno, name): _GONE for name in _GONE_NAMES if hasattr(errno, name)}
_GONE_ON_WINDOWS = frozenset(
    {21, 53, 55, 59, 64, 67, 1117, 1167}
)  # not ready, no network path, device removed …


def file_error(error: OSError, doing: str) -> PterionError:
    """What the operating system refused, as a sentence: `doing` is like `Writing IM0001.dcm`."""
    while error.errno is None and isinstance(error.__cause__, OSError):
        error = error.__cause__  # pydicom wraps what it meets, and its wrapping has no number
    if getattr(error, "winerror", None) in _GONE_ON_WINDOWS:
        return PterionError(f"{doing} failed: {_GONE[1]}. {_GONE[2]}.", code=_GONE[0])
    code, cause, advice = _CAUSES.get(
        error.errno or 0,
        ("FILE_ERROR", error.strerror or type(error).__name__, "Check the place and try again"),
    )
    return PterionError(f"{doing} failed: {cause}. {advice}.", code=code)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` when the block ends without an error, and never by halves.

    Raises PterionError where the operating system refuses; the folder must exist.
    """
    temporary = path.with_name(f".pterion-{uuid.uuid4().hex}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):  # a read-only place refuses this as well
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise file_error(error, f"Writing {path.name}") from error
        raise


def extended(path: Path | str) -> str:
    """A path as Windows takes it beyond 260 characters; elsewhere the path itself."""
    if os.name != "nt":
        return str(path)
    text = str(Path(path).absolute())
    if text.startswith("\\\\?\\"):
        return text
    return f"\\\\?\\UNC\\{text[2:]}" if text.startswith("\\\\") else f"\\\\?\\{text}"


def plain(text: str) -> Path:
    """A path without what `extended` added, where it is short enough for everybody."""
    if text.startswith("\\\\?\\") and len(text) < LONG_WINDOWS_PATH:
        text = text[4:]
        text = f"\\\\{text[4:]}" if text.startswith("UNC\\") else text
    return Path(text)


def reachable(path: Path | str) -> Path:
    """A path as the system takes it however long it is."""
    whole = extended(path)
    return Path(whole) if os.name == "nt" and len(whole) >= LONG_WINDOWS_PATH else Path(path)
