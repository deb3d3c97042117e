"""How much a library holds, in numbers only: for a description that may be sent to somebody."""

import sqlite3
from contextlib import closing
from pathlib import Path

from viewer.library.errors import UNREACHABLE, LibraryError, library_error

TABLES = ("studies", "series", "documents", "annotations", "measures", "findings", "journal")


def counts(path: Path) -> dict[str, int]:
    """Rows of the library's tables, its `schema` version and its size in `bytes`. It only reads.

    Raises LibraryError where the file cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            found = {
                table: int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
                for table in TABLES
                if table in there
            }
            found["schema"] = int(connection.execute("PRAGMA user_version").fetchone()[0])
        found["bytes"] = path.stat().st_size
    except (sqlite3.Error, OSError) as error:
        damaged = LibraryError(f"The library {path.name} cannot be counted.", code=UNREACHABLE)
        raise library_error(error, path) or damaged from error
    return found
