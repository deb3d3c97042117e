"""What can go wrong with the library, in sentences that say what to do."""

import sqlite3
from pathlib import Path

from model.errors import PterionError


class LibraryError(PterionError):
    """The library cannot be read or written. What was saved before is untouched."""

    code = "LIBRARY"


FULL = "LIBRARY_FULL"
READ_ONLY = "LIBRARY_READ_ONLY"
BUSY = "LIBRARY_BUSY"
DAMAGED = "LIBRARY_DAMAGED"
UNREACHABLE = "LIBRARY_UNREACHABLE"
NEWER = "LIBRARY_NEWER"
CLOSED = "LIBRARY_CLOSED"

_TEXTS = {
    sqlite3.SQLITE_FULL: (
        FULL,
        (
            "The disk that holds the library {name} is full. Nothing saved before is lost; free some space and "
            "the work is saved."
        ),
    ),
    sqlite3.SQLITE_IOERR: (
        FULL,
        (
            "The disk that holds the library {name} takes no more data ({error}). Nothing saved before is lost; free "
            "some space, or check the disk, and the work is saved."
        ),
    ),
    sqlite3.SQLITE_READONLY: (
        READ_ONLY,
        (
            "The library {name} is read-only. Make its folder and its files writable, or choose another folder with "
            "--library."
        ),
    ),
    sqlite3.SQLITE_BUSY: (
        BUSY,
        "Another program keeps the library {name} locked. Close it; the work is saved as soon as the library is free.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        DAMAGED,
        (
            "The library {name} is damaged ({error}). Move it and the files beside it of the same name elsewhere, put "
            "a backup copy in its place, or start with an empty library."
        ),
    ),
    sqlite3.SQLITE_NOTADB: (
        DAMAGED,
        (
            "{name} is not a library, or it is damaged. Move it elsewhere, put a backup copy in its place, or start "
            "with an empty library."
        ),
    ),
    sqlite3.SQLITE_CANTOPEN: (
        UNREACHABLE,
        (
            "The library {name} cannot be opened or created. Check that its folder exists and is writable, or choose "
            "another with --library."
        ),
    ),
    sqlite3.SQLITE_PERM: (
        UNREACHABLE,
        "The library {name} may not be opened. Check who owns it, or choose another folder with --library.",
    ),
}
_MOVED = "The library {name} was moved or deleted while it was open. Put it back, or close Pterion and start it again."
_TEXTS[sqlite3.SQLITE_LOCKED] = _TEXTS[sqlite3.SQLITE_BUSY]


def library_error(error: Exception, path: Path) -> LibraryError | None:
    """The sentence for an error of SQLite or the file system; None when it is a bug of ours."""
    if isinstance(error, sqlite3.Error):
        number = getattr(error, "sqlite_errorcode", None)
        if number == sqlite3.SQLITE_READONLY_DBMOVED:
            code, text = UNREACHABLE, _MOVED
        elif number is not None and number & 0xFF in _TEXTS:
            code, text = _TEXTS[number & 0xFF]
        else:
            return None
    elif isinstance(error, OSError):
        code = UNREACHABLE
        text = "The folder of the library {name} cannot be used ({error}). Choose another with --library."
        error = OSError(error.strerror or type(error).__name__)
    else:
        return None
    return LibraryError(text.format(name=path.name, error=error), code=code)
