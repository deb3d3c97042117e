"""The tables of the library, their version, and the steps from one version to the next."""

import sqlite3
from pathlib import Path

from viewer.library.errors import DAMAGED, NEWER, LibraryError

APPLICATION_ID = 0x50545231  # "PTR1" in the file's header: this database is a Pterion library
BUSY_SECONDS = 10.0

_FIRST = """
CREATE TABLE studies (
    study_uid TEXT PRIMARY KEY,
    facts TEXT NOT NULL,      -- JSON of what the scan said about patient and study
    seen TEXT NOT NULL        -- UTC, ISO 8601
) STRICT;
CREATE TABLE series (
    series_uid TEXT PRIMARY KEY,
    study_uid TEXT NOT NULL REFERENCES studies,
    facts TEXT NOT NULL,
    files TEXT NOT NULL,      -- JSON: paths in slice order
    seen TEXT NOT NULL
) STRICT;
CREATE INDEX series_of_study ON series (study_uid);

CREATE TABLE documents (
    series_uid TEXT PRIMARY KEY,
    study_uid TEXT NOT NULL,
    version INTEGER NOT NULL  -- journal number of the edit that made this state
) STRICT;
CREATE TABLE annotations (
    uid TEXT NOT NULL,
    series_uid TEXT NOT NULL REFERENCES documents,
    place INTEGER NOT NULL,   -- drawing order within the series
    sop_uid TEXT NOT NULL,
    frame INTEGER NOT NULL,
    subtype TEXT NOT NULL,
    body TEXT NOT NULL,       -- JSON of the whole annotation
    PRIMARY KEY (series_uid, uid)
) STRICT;
CREATE INDEX annotations_of_series ON annotations (series_uid, place);
CREATE TABLE reviewed_slices (
    series_uid TEXT NOT NULL REFERENCES documents,
    sop_uid TEXT NOT NULL,
    PRIMARY KEY (series_uid, sop_uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,       -- UTC, ISO 8601
    reader TEXT NOT NULL,
    action TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    before TEXT NOT NULL,     -- JSON of what the edit touched, as it was
    after TEXT NOT NULL       -- and as it became
) STRICT;
CREATE INDEX journal_of_series ON journal (series_uid, seq);
CREATE TRIGGER journal_is_kept BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_final BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE findings (
    series_uid TEXT NOT NULL,
    model_id TEXT NOT NULL,
    time TEXT NOT NULL,
    study_scores TEXT NOT NULL,
    volume_ml TEXT NOT NULL,
    cautions TEXT NOT NULL,
    seconds REAL NOT NULL,
    slice_scores BLOB NOT NULL,  -- float32, little endian, (slices, 6)
    shape TEXT NOT NULL,         -- JSON: (slices, rows, columns) of the masks
    masks BLOB NOT NULL,         -- zlib of the uint8 masks
    PRIMARY KEY (series_uid, model_id)
) STRICT;
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL          -- JSON
) STRICT;
"""

_SECOND = """
CREATE TABLE study_index (
    study_uid TEXT PRIMARY KEY,
    shape TEXT NOT NULL,      -- names of the stored values; those of another Pterion are not read
    files BLOB NOT NULL,      -- zlib of JSON: path, bytes and nanoseconds of the last change of every file
    body BLOB NOT NULL,       -- zlib of JSON: the study as it was found
    seen TEXT NOT NULL        -- UTC, ISO 8601
) STRICT;
CREATE TABLE indexed_folders (
    folder BLOB NOT NULL,     -- as the file system has it
    study_uid TEXT NOT NULL REFERENCES study_index ON DELETE CASCADE,
    PRIMARY KEY (folder, study_uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX folders_of_study ON indexed_folders (study_uid);
CREATE TABLE thumbnails (
    series_uid TEXT PRIMARY KEY,
    study_uid TEXT NOT NULL REFERENCES study_index ON DELETE CASCADE,
    rows INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    grey BLOB NOT NULL        -- uint8 (rows, columns)
) STRICT;
CREATE INDEX thumbnails_of_study ON thumbnails (study_uid);
"""

_MEASURES = """
CREATE TABLE measures (
    uid TEXT NOT NULL,
    series_uid TEXT NOT NULL REFERENCES documents,
    place INTEGER NOT NULL,   -- drawing order within the series
    kind TEXT NOT NULL,
    body TEXT NOT NULL,       -- JSON of the whole measure
    PRIMARY KEY (series_uid, uid)
) STRICT;
CREATE INDEX measures_of_series ON measures (series_uid, place);
CREATE TABLE marks (
    uid TEXT NOT NULL,
    series_uid TEXT NOT NULL REFERENCES documents,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL,       -- key image or bookmark
    body TEXT NOT NULL,       -- JSON of the whole mark
    PRIMARY KEY (series_uid, uid)
) STRICT;
CREATE INDEX marks_of_series ON marks (series_uid, place);
"""

_VERDICTS = """
CREATE TABLE verdicts (
    uid TEXT NOT NULL,
    series_uid TEXT NOT NULL REFERENCES documents,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL,       -- accepted or dismissed
    body TEXT NOT NULL,       -- JSON of the whole verdict
    PRIMARY KEY (series_uid, uid)
) STRICT;
CREATE INDEX verdicts_of_series ON verdicts (series_uid, place);
"""

_WORK = """
CREATE TABLE readings (
    reading_uid TEXT PRIMARY KEY, -- what documents, annotations and the journal call the series in this reading
    study_uid TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    reader TEXT NOT NULL,
    kind TEXT NOT NULL,           -- blinded or consensus
    made_of TEXT NOT NULL,        -- JSON: the readings of a consensus, and how they were joined
    created TEXT NOT NULL         -- UTC, ISO 8601
) STRICT;
CREATE INDEX readings_of_series ON readings (series_uid);
CREATE TABLE work (
    study_uid TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    reading TEXT NOT NULL,        -- its uid, empty for the shared one
    sop_uid TEXT NOT NULL,        -- empty for the whole series
    frame INTEGER NOT NULL,
    status TEXT NOT NULL,
    comment TEXT NOT NULL,
    reader TEXT NOT NULL,
    changed TEXT NOT NULL,        -- UTC, ISO 8601
    PRIMARY KEY (study_uid, series_uid, reading, sop_uid, frame)
) STRICT;
CREATE TABLE work_time (
    study_uid TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    reading TEXT NOT NULL,
    reader TEXT NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (study_uid, series_uid, reading, reader)
) STRICT;
"""

_TRIAGE = """
CREATE TABLE triage (
    study_uid TEXT PRIMARY KEY,
    shape TEXT NOT NULL,      -- as in study_index
    body BLOB NOT NULL,       -- zlib of JSON: the study as it was found
    state TEXT NOT NULL,      -- new, scoring, scored or failed
    reading TEXT NOT NULL,    -- empty, opened or reviewed
    reason TEXT NOT NULL,     -- why it failed
    attempts INTEGER NOT NULL,
    model_id TEXT NOT NULL,   -- what scored it
    added TEXT NOT NULL,      -- UTC, ISO 8601
    changed TEXT NOT NULL
) STRICT;
CREATE INDEX triage_by_state ON triage (state, added);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _SECOND, _MEASURES, _VERDICTS, _WORK, _TRIAGE)
"""Statement scripts; the one at index i brings a library of version i to version i + 1."""


class ReadOnly(sqlite3.Connection):
    """A connection to a library that cannot be written now; it may be another day."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return; any thread may use it, one at a time.

    Where the file or its folder is read-only, one that reads: what is kept is shown, and writing says why not.
    """
    try:
        return _writable(path)
    except sqlite3.OperationalError as error:
        number = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if number not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or not path.is_file():
            raise
        return _readable(path)


def _readable(path: Path) -> ReadOnly:
    """Without the files that SQLite would make beside a library, unless they are there and hold edits."""
    waits = path.with_name(f"{path.name}-wal").is_file()
    where = f"{path.absolute().as_uri()}?mode=ro{'' if waits else '&immutable=1'}"
    connection = sqlite3.connect(
        where, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=ReadOnly
    )
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema")
    except BaseException:
        connection.close()
        raise
    return connection


def _writable(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves the data in the drive's cache
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables, or bring an older library to today's version after copying it beside itself.

    Raises LibraryError for a newer library, or for a database of another program.
    """
    today = len(MIGRATIONS)
    version = _number(connection, "user_version")
    if version == today and _number(connection, "application_id") == APPLICATION_ID:
        return
    used = bool(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    if used and _number(connection, "application_id") != APPLICATION_ID:
        raise LibraryError(
            f"{path.name} is a database of another program. Choose another folder with --library.",
            code=DAMAGED,
        )
    if version > today:
        raise LibraryError(
            f"The library {path.name} was written by a newer Pterion (version {version}, this one reads {today}). "
            "Update Pterion; the library is left as it is.",
            code=NEWER,
        )
    if used:
        _back_up(connection, path.with_name(f"{path.stem}.version{version}.backup{path.suffix}"))
    _migrate(connection, today)


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the database, whole or not at all. A copy made by an attempt before is kept: it is the older one."""
    if target.exists():
        return
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    copy = sqlite3.connect(partial)
    try:
        connection.backup(copy)
    except BaseException:
        copy.close()
        partial.unlink(missing_ok=True)
        raise
    copy.close()
    partial.replace(target)


def _migrate(connection: sqlite3.Connection, today: int) -> None:
    """Run the missing steps in one transaction; another process may have been quicker."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _number(connection, "user_version")
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(version, today)}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """The single statements of a script (`executescript` would commit in between)."""
    statements, text = [], ""
    for piece in script.split(";")[:-1]:
        text += piece + ";"
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements
