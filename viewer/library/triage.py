"""The list of studies that are scored in the background: what waits, what was scored, what the reader has seen of it.

A study is in it once; what a killed process had in its hands waits again.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from viewer.dicom.series import Study
from viewer.library import index
from viewer.library.records import now
from viewer.library.store import Library

ATTEMPTS_MAX = 2
GAVE_UP = "The program ended twice while it scored this study. Its files may be damaged: open it by hand, or try again."


class State(StrEnum):
    """How far the scoring of a study is."""

    NEW = "new"
    SCORING = "scoring"
    SCORED = "scored"
    FAILED = "failed"


class Reading(StrEnum):
    """What the reader has done with a study."""

    NONE = ""
    OPENED = "opened"
    REVIEWED = "reviewed"


@dataclass(frozen=True)
class TriageRow:
    """One study of the list. reason: why it failed, a sentence without patient data, else empty. model_id: what scored
    it."""

    study_uid: str
    state: State
    reading: Reading = Reading.NONE
    reason: str = ""
    model_id: str = ""

    @property
    def word(self) -> str:
        """Its status in one word: what the reader did goes before what the model did."""
        return str(self.reading or self.state)


class TriageList:
    """The list in a library. Every method raises LibraryError where the library cannot be read or written."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def add(self, studies: Iterable[Study]) -> int:
        """Let studies wait to be scored; how many are new. One that is there waits again where it has other slices."""
        time, added = now(), 0
        with self._library.writing() as connection:
            for study in studies:
                body = index.pack(study)
                kept = connection.execute(
                    "SELECT body FROM triage WHERE study_uid = ?", (study.study_uid,)
                ).fetchone()
                if kept is not None and _same(kept[0], body):
                    continue
                connection.execute(
                    "INSERT INTO triage VALUES (?, ?, ?, 'new', '', '', 0, '', ?, ?) ON CONFLICT DO UPDATE SET"
                    " shape = excluded.shape, body = excluded.body, state = 'new', reason = '', attempts = 0,"
                    " changed = excluded.changed",
                    (study.study_uid, index.SHAPE, body, time, time),
                )
                added += kept is None
        return added

    def begin(self) -> None:
        """Let what was being scored when a process ended wait again; what ended it twice has failed."""
        with self._library.writing() as connection:
            connection.execute(
                "UPDATE triage SET state = 'failed', reason = ?, changed = ? WHERE state = 'scoring' AND attempts >= ?",
                (GAVE_UP, now(), ATTEMPTS_MAX),
            )
            connection.execute(
                "UPDATE triage SET state = 'new', changed = ? WHERE state = 'scoring'", (now(),)
            )

    def take(self) -> Study | None:
        """The study that waits longest, from now on being scored; None where none waits."""
        while True:
            with self._library.writing() as connection:
                row = connection.execute(
                    "SELECT study_uid, shape, body FROM triage WHERE state = 'new' ORDER BY added, rowid LIMIT 1"
                ).fetchone()
                if row is None:
                    return None
                study = _unpacked(row[1], row[2])
                connection.execute(
                    "UPDATE triage SET state = ?, reason = ?, attempts = attempts + 1, changed = ? WHERE study_uid = ?",
                    ("failed" if study is None else "scoring", "" if study else _STALE, now(), row[0]),
                )
            if study is not None:
                return study

    def scored(self, study_uid: str, model_id: str) -> None:
        """A study was scored."""
        self._set(study_uid, State.SCORED, model_id=model_id)

    def failed(self, study_uid: str, reason: str) -> None:
        """A study could not be scored."""
        self._set(study_uid, State.FAILED, reason)

    def again(self, study_uid: str) -> None:
        """Let a study wait once more."""
        with self._library.writing() as connection:
            connection.execute("UPDATE triage SET attempts = 0 WHERE study_uid = ?", (study_uid,))
        self._set(study_uid, State.NEW)

    def put_back(self, study_uid: str) -> None:
        """A study was left before it was scored; it waits as before."""
        with self._library.writing() as connection:
            connection.execute(
                "UPDATE triage SET state = 'new', attempts = max(attempts - 1, 0) WHERE study_uid = ?",
                (study_uid,),
            )

    def _set(self, study_uid: str, state: State, reason: str = "", model_id: str = "") -> None:
        with self._library.writing() as connection:
            connection.execute(
                "UPDATE triage SET state = ?, reason = ?, model_id = ?, changed = ? WHERE study_uid = ?",
                (str(state), reason, model_id, now(), study_uid),
            )

    def read(self, study_uid: str, reading: Reading) -> None:
        """Note what the reader has done with a study of the list."""
        with self._library.writing() as connection:
            connection.execute(
                "UPDATE triage SET reading = ?, changed = ? WHERE study_uid = ?",
                (str(reading), now(), study_uid),
            )

    def rows(self) -> tuple[TriageRow, ...]:
        """The whole list, the oldest first."""
        with self._library.reading() as connection:
            return tuple(
                TriageRow(study_uid, State(state), Reading(reading), reason, model_id)
                for study_uid, state, reading, reason, model_id in connection.execute(
                    "SELECT study_uid, state, reading, reason, model_id FROM triage ORDER BY added, rowid"
                )
            )

    def studies(self) -> tuple[Study, ...]:
        """The studies of the list as they were found, the oldest first; those of another Pterion are left out."""
        with self._library.reading() as connection:
            found = connection.execute("SELECT shape, body FROM triage ORDER BY added, rowid").fetchall()
        studies = (_unpacked(shape, body) for shape, body in found)
        return tuple(study for study in studies if study is not None)

    def remove(self, study_uids: Iterable[str]) -> None:
        """Take studies off the list; what was said about them stays."""
        with self._library.writing() as connection:
            connection.executemany("DELETE FROM triage WHERE study_uid = ?", [(uid,) for uid in study_uids])


_STALE = "This study was noted by another version of Pterion. Open its folder again."


def _unpacked(shape: str, body: bytes) -> Study | None:
    """A study as it was kept; None for that of another Pterion, or a damaged one."""
    if shape != index.SHAPE:
        return None
    try:
        return index.unpack(body)
    except (KeyError, TypeError, ValueError, zlib.error):
        return None


def _same(one: bytes, other: bytes) -> bool:
    """Whether two packed studies hold the same."""
    try:
        return zlib.decompress(one) == zlib.decompress(other)
    except zlib.error:
        return False
