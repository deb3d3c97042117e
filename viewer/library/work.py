"""How far the work on a series is: statuses, comments, time, and readings beside the shared one.

A reading is one set of annotations of a series. The shared one every reader opens first; a blinded one belongs to a
second reader, who sees no other while it is under way; a consensus joins several.
"""

import json
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from viewer.library import documents
from viewer.library.errors import DAMAGED, LibraryError
from viewer.library.records import now
from viewer.library.store import Library

WHOLE = ("", 0)
"""In the place of a slice: the whole series."""
LONGEST_COMMENT = 10_000


class Status(StrEnum):
    """How far the work on a slice or a series is."""

    UNTOUCHED = "untouched"
    IN_PROGRESS = "in progress"
    DONE = "done"
    FLAGGED = "flagged"
    CLEAN = "reviewed: no hemorrhage"


class ReadingKind(StrEnum):
    """What a reading beside the shared one is."""

    BLINDED = "blinded"
    CONSENSUS = "consensus"


@dataclass(frozen=True)
class Reading:
    """A reading beside the shared one. made_of: what a consensus joins, in words. created: UTC, ISO 8601."""

    uid: str
    study_uid: str
    series_uid: str
    reader: str
    kind: ReadingKind
    made_of: str
    created: str


@dataclass(frozen=True)
class Progress:
    """What was noted of a slice, or of the whole series (sop_uid empty). changed: UTC, ISO 8601."""

    sop_uid: str
    frame: int
    status: Status
    comment: str
    reader: str
    changed: str


@dataclass(frozen=True)
class SeriesWork:
    """What a queue shows of one series: the shared reading's status, its readers, and the time they spent."""

    study_uid: str
    series_uid: str
    status: Status
    comment: str
    readers: tuple[str, ...]
    seconds: float


class WorkLog:
    """The work in one library. Every method raises LibraryError as those of `Library` do."""

    def __init__(self, library: Library) -> None:
        self._library = library

    # readings

    def begin_blinded(self, study_uid: str, series_uid: str, reader: str) -> Reading:
        """The reader's own reading of a series: the one begun before, else a new and empty one."""
        for known in self.readings(series_uid, study_uid):
            if known.kind is ReadingKind.BLINDED and known.reader == reader:
                return known
        return self._add(study_uid, series_uid, reader, ReadingKind.BLINDED, "")

    def add_consensus(self, study_uid: str, series_uid: str, reader: str, made_of: str) -> Reading:
        """A new reading for what several were joined to; earlier ones stay."""
        return self._add(study_uid, series_uid, reader, ReadingKind.CONSENSUS, made_of)

    def _add(self, study_uid: str, series_uid: str, reader: str, kind: ReadingKind, made_of: str) -> Reading:
        made = Reading(uuid.uuid4().hex, study_uid, series_uid, reader, kind, made_of, now())
        self.put_reading(made)
        return made

    def put_reading(self, reading: Reading) -> None:
        """Store a reading as it is; one of the same uid stays."""
        with self._library.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO readings VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    reading.uid,
                    reading.study_uid,
                    reading.series_uid,
                    reading.reader,
                    str(reading.kind),
                    json.dumps(reading.made_of),
                    reading.created,
                ),
            )

    def readings(self, series_uid: str | None = None, study_uid: str = "") -> tuple[Reading, ...]:
        """The readings of a series (of all, for None) beside the shared one, in the order they were begun.

        study_uid: needed where two studies share the series' uid, here and below.
        """
        with self._library.reading() as connection:
            rows = connection.execute(
                "SELECT reading_uid, study_uid, series_uid, reader, kind, made_of, created FROM readings"
                " WHERE (?1 IS NULL OR series_uid = ?1) AND ?2 IN ('', study_uid) ORDER BY created, rowid",
                (series_uid, study_uid),
            ).fetchall()
        try:
            return tuple(
                Reading(uid, study, series, reader, ReadingKind(kind), str(json.loads(made_of)), created)
                for uid, study, series, reader, kind, made_of, created in rows
            )
        except ValueError as error:
            raise self._damaged() from error

    # statuses

    def note(
        self,
        study_uid: str,
        series_uid: str,
        *,
        status: Status,
        comment: str,
        reader: str,
        place: tuple[str, int] = WHOLE,
        reading: str = "",
    ) -> Progress:
        """Keep status and comment of a slice (sop_uid, frame), or of the whole series. A later note replaces it."""
        if len(comment) > LONGEST_COMMENT:
            raise ValueError(f"a comment has {LONGEST_COMMENT} characters at most, got {len(comment)}")
        noted = Progress(*place, status, comment, reader, now())
        self.put_progress(study_uid, series_uid, reading, (noted,))
        return noted

    def put_progress(self, study_uid: str, series_uid: str, reading: str, noted: Sequence[Progress]) -> None:
        """Store notes as they are; of two about one place the later stays."""
        with self._library.writing() as connection:
            connection.executemany(
                "INSERT INTO work VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET status = excluded.status, comment = excluded.comment,"
                " reader = excluded.reader, changed = excluded.changed WHERE excluded.changed >= work.changed",
                [
                    (
                        study_uid,
                        series_uid,
                        reading,
                        n.sop_uid,
                        n.frame,
                        str(n.status),
                        n.comment,
                        n.reader,
                        n.changed,
                    )
                    for n in noted
                ],
            )

    def progress(
        self, series_uid: str, reading: str = "", study_uid: str = ""
    ) -> dict[tuple[str, int], Progress]:
        """What was noted of a series, by slice; the whole series under `WHOLE`."""
        with self._library.reading() as connection:
            rows = connection.execute(
                "SELECT sop_uid, frame, status, comment, reader, changed FROM work"
                " WHERE series_uid = ? AND reading = ? AND ? IN ('', study_uid) ORDER BY rowid",
                (series_uid, reading, study_uid),
            ).fetchall()
        try:
            noted = [Progress(uid, frame, Status(status), *rest) for uid, frame, status, *rest in rows]
        except ValueError as error:
            raise self._damaged() from error
        return {(each.sop_uid, each.frame): each for each in noted}

    # time

    def add_time(
        self, study_uid: str, series_uid: str, reader: str, seconds: float, reading: str = ""
    ) -> None:
        """Add to the time that a reader has spent on a series."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"time spent is finite and never less than 0, got {seconds}")
        with self._library.writing() as connection:
            connection.execute(
                "INSERT INTO work_time VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET seconds = seconds + excluded.seconds",
                (study_uid, series_uid, reading, reader, seconds),
            )

    def time_spent(self, series_uid: str, reading: str = "", study_uid: str = "") -> dict[str, float]:
        """Seconds by reader."""
        with self._library.reading() as connection:
            rows = connection.execute(
                "SELECT reader, seconds FROM work_time"
                " WHERE series_uid = ? AND reading = ? AND ? IN ('', study_uid)",
                (series_uid, reading, study_uid),
            ).fetchall()
        return {reader: float(seconds) for reader, seconds in rows}

    # all of it

    def queue(self) -> tuple[SeriesWork, ...]:
        """Every series that somebody worked on or was noted about, in the shared reading."""
        with self._library.reading() as connection:
            worked = _worked_on(connection)
            notes = {
                (study, uid): (Status(status), comment)
                for study, uid, status, comment in connection.execute(
                    "SELECT study_uid, series_uid, status, comment FROM work WHERE reading = '' AND sop_uid = ''"
                )
            }
            spent: dict[tuple[str, str], dict[str, float]] = {}
            for study, uid, reader, seconds in connection.execute(
                "SELECT study_uid, series_uid, reader, seconds FROM work_time WHERE reading = ''"
            ):
                spent.setdefault((study, uid), {})[reader] = float(seconds)
            drew: dict[str, list[str]] = {}
            for key, reader in connection.execute(
                "SELECT series_uid, reader FROM journal GROUP BY series_uid, reader ORDER BY min(seq)"
            ):
                drew.setdefault(key, []).append(reader)
        found = []
        for (study, uid), key in worked.items():
            begun = Status.IN_PROGRESS if key in drew else Status.UNTOUCHED
            status, comment = notes.get((study, uid), (begun, ""))
            times = spent.get((study, uid), {})
            names = tuple(dict.fromkeys((*drew.get(key, ()), *times)))
            found.append(SeriesWork(study, uid, status, comment, names, sum(times.values())))
        return tuple(found)

    def subtypes(self) -> dict[str, frozenset[str]]:
        """By series, the subtypes that are annotated in the shared reading."""
        with self._library.reading() as connection:
            found: dict[str, set[str]] = {}
            for uid, code in connection.execute("SELECT DISTINCT series_uid, subtype FROM annotations"):
                found.setdefault(uid, set()).add(code)
        return {uid: frozenset(codes) for uid, codes in found.items()}

    def _damaged(self) -> LibraryError:
        return LibraryError(
            f"The library {self._library.path.name} is damaged (a note of work). Put a backup copy in its place, or "
            "choose another folder with --library.",
            code=DAMAGED,
        )


def _worked_on(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """By UIDs of study and series what the tables of documents call it, of those with a document, a note or time in
    the shared reading."""
    noted = connection.execute(
        "SELECT study_uid, series_uid FROM work WHERE reading = ''"
        " UNION SELECT study_uid, series_uid FROM work_time WHERE reading = '' ORDER BY 1, 2"
    )
    found = {(study, uid): documents.key_of(connection, study, uid) for study, uid in noted.fetchall()}
    for study, key in connection.execute(
        "SELECT study_uid, series_uid FROM documents WHERE series_uid NOT IN (SELECT reading_uid FROM readings)"
    ).fetchall():
        found[(study, key.removeprefix(f"{study}/"))] = key
    return dict(sorted(found.items()))
