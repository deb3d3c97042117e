"""The local library: one SQLite file with studies, annotations and their journal, findings, settings.

An edit is on the disk when `save_document` returns. Threads and processes may share a library: readers never
wait, writers take turns.
"""

import json
import sqlite3
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from viewer.annotation.document import Document, new_uid
from viewer.dicom.series import Stamp, Study
from viewer.library import documents, findings, index, schema
from viewer.library.errors import CLOSED, DAMAGED, LibraryError, library_error
from viewer.library.merge import apply_json, difference, merge
from viewer.library.records import (
    JournalEntry,
    SavedEdit,
    SeriesRow,
    StoredFindings,
    StoredScores,
    StudyRow,
    now,
)

FILE_NAME = "pterion.sqlite3"
_REMEMBERED_DOCUMENTS = 8
_STUDY_FACTS = ("patient_name", "patient_id", "sex", "age", "date", "time", "description")
_SERIES_FACTS = ("number", "modality", "description")


class Library:
    """The library in `folder`, which is created where it is missing.

    Every method raises LibraryError when the file cannot be read or written: disk full, read-only, locked,
    damaged, written by a newer Pterion. Nothing saved before is lost by that.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._remembered: OrderedDict[str, tuple[int, Document]] = OrderedDict()
        with self._sentences():
            folder.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            schema.prepare(connection, self.path)

    # documents

    def load_document(self, study_uid: str, series_uid: str, reading: str = "") -> Document:
        """The annotations of a series; an empty document when there are none.

        reading: uid of a reading of its own (`viewer.library.work.Reading`), empty for the shared one.
        """
        with self.reading() as connection:
            return self._stored(connection, study_uid, series_uid, reading)[2]

    def save_document(
        self,
        document: Document,
        *,
        action: str,
        reader: str,
        previous: Document | None = None,
        reading: str = "",
    ) -> SavedEdit:
        """Store what changed since `previous` and write it into the journal; durable when it returns.

        previous: the state this caller last loaded or saved. Only the difference is written, so that another
        window's work on the same series stays; see `viewer.library.merge`. None takes the stored state for it:
        the document then replaces everything.
        """
        with self.writing() as connection:
            key, version, stored = self._stored(connection, document.study_uid, document.series_uid, reading)
            merged = merge(stored, stored if previous is None else previous, document, new_uid)
            found = difference(stored, merged.document)
            if not found.empty:
                version = documents.write(
                    connection,
                    merged.document,
                    found,
                    time=now(),
                    reader=reader,
                    action=action,
                    key=key,
                )
        self._remember(key, version, merged.document)
        return SavedEdit(version, merged.document, merged.conflicts)

    def version(self, series_uid: str, reading: str = "", study_uid: str = "") -> int:
        """Journal number of the last edit of a series, 0 when there is none. study_uid: needed where two studies share
        the series' uid, here and in `journal`."""
        with self.reading() as connection:
            key = documents.key_of(connection, study_uid, series_uid, reading)
            return documents.version(connection, key)[0]

    def annotated_series(self) -> tuple[tuple[str, str], ...]:
        """(study_uid, series_uid) of every series with annotations or slices marked as reviewed, in the shared
        reading: a blinded second one, or a consensus that nobody has adopted, does not count."""
        with self.reading() as connection:
            return tuple(
                (study_uid, key.removeprefix(f"{study_uid}/"))
                for study_uid, key in connection.execute(
                    "SELECT study_uid, series_uid FROM documents AS d"
                    " WHERE d.series_uid NOT IN (SELECT reading_uid FROM readings)"
                    " AND (EXISTS (SELECT 1 FROM annotations AS a WHERE a.series_uid = d.series_uid)"
                    " OR EXISTS (SELECT 1 FROM reviewed_slices AS r WHERE r.series_uid = d.series_uid))"
                    " ORDER BY study_uid, series_uid"
                )
            )

    def journal(self, series_uid: str, reading: str = "", study_uid: str = "") -> tuple[JournalEntry, ...]:
        """Every saved edit of a series, the first one first."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT seq, time, reader, action, series_uid, before, after FROM journal"
                " WHERE series_uid = ? ORDER BY seq",
                (documents.key_of(connection, study_uid, series_uid, reading),),
            )
            return tuple(JournalEntry(*row) for row in rows)

    def replay(
        self, study_uid: str, series_uid: str, up_to: int | None = None, reading: str = ""
    ) -> Document:
        """The document as the journal alone tells it, after edit number `up_to` or the last one."""
        document = Document(study_uid, series_uid)
        for entry in self.journal(series_uid, reading, study_uid):
            if up_to is None or entry.seq <= up_to:
                document = apply_json(document, entry.after)
        return document

    # studies

    def remember_study(self, study: Study) -> None:
        """Note a study that a scan found, its series and where their files lie."""
        seen = now()
        facts = {name: getattr(study, name) for name in _STUDY_FACTS}
        with self.writing() as connection:
            connection.execute(
                "INSERT INTO studies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET facts = excluded.facts,"
                " seen = excluded.seen",
                (study.study_uid, json.dumps(facts), seen),
            )
            for series in study.series:
                first = series.slices[0] if series.slices else None
                values = {name: getattr(series, name) for name in _SERIES_FACTS} | {
                    "slices": len(series.slices),
                    "rows": first.rows if first else 0,
                    "columns": first.columns if first else 0,
                }
                files = json.dumps([str(header.path) for header in series.slices])
                connection.execute(
                    "INSERT INTO series VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " study_uid = excluded.study_uid, facts = excluded.facts, files = excluded.files,"
                    " seen = excluded.seen",
                    (series.series_uid, study.study_uid, json.dumps(values), files, seen),
                )

    def studies(self) -> tuple[StudyRow, ...]:
        """Every study seen, the latest first, with its series."""
        with self.reading() as connection:
            series: dict[str, list[SeriesRow]] = {}
            for series_uid, study_uid, facts, files in connection.execute(
                "SELECT series_uid, study_uid, facts, files FROM series ORDER BY rowid"
            ):
                paths = tuple(Path(name) for name in json.loads(files))
                row = SeriesRow(study_uid=study_uid, series_uid=series_uid, files=paths, **json.loads(facts))
                series.setdefault(study_uid, []).append(row)
            return tuple(
                StudyRow(
                    study_uid=study_uid,
                    seen=seen,
                    series=tuple(series.get(study_uid, ())),
                    **json.loads(facts),
                )
                for study_uid, facts, seen in connection.execute(
                    "SELECT study_uid, facts, seen FROM studies ORDER BY seen DESC, study_uid"
                )
            )

    # index

    def index_studies(self, studies: Sequence[Study], files: Mapping[str, Mapping[Path, Stamp]]) -> None:
        """Keep what a scan found; `files` says of each study (by its UID) what files it lies in, as they were then."""
        seen = now()
        with self.writing() as connection:
            for study in studies:
                index.write(connection, study, files.get(study.study_uid, {}), seen)

    def unchanged_studies(self, files: Mapping[Path, Stamp]) -> list[tuple[Study, dict[Path, Stamp]]]:
        """The known studies all of whose files are among these, as they were, each with its files."""
        with self.reading() as connection, self._whole("the index of studies"):
            return index.unchanged(connection, files)

    def indexed_study(self, study_uid: str) -> Study | None:
        """A known study, or None where it is not known or one of its files has changed or gone."""
        with self.reading() as connection, self._whole("the index of studies"):
            return index.still_there(connection, study_uid)

    def save_thumbnail(self, study_uid: str, series_uid: str, grey: npt.NDArray[np.uint8]) -> None:
        """Keep the small picture of a series of a known study, uint8 (rows, columns)."""
        with self.writing() as connection:
            index.write_thumbnail(connection, study_uid, series_uid, grey)

    def thumbnails(self, series_uids: Sequence[str]) -> dict[str, npt.NDArray[np.uint8]]:
        """The small pictures of series that are kept, uint8 (rows, columns), by SeriesInstanceUID."""
        with self.reading() as connection, self._whole("a thumbnail"):
            return index.thumbnails(connection, series_uids)

    # findings

    def save_findings(
        self,
        series_uid: str,
        model_id: str,
        *,
        study_scores: Mapping[str, float],
        slice_scores: npt.NDArray[np.float32],
        masks: npt.NDArray[np.uint8],
        volume_ml: Mapping[str, float],
        cautions: Sequence[str] = (),
        seconds: float = 0.0,
        study_uid: str = "",
    ) -> None:
        """Keep what a model said about a series, in the place of what it said before.

        slice_scores: float32 (slices, 6). masks: uint8 (slices, rows, columns).
        """
        row = findings.pack(
            StoredFindings(
                findings.key_of(study_uid, series_uid),
                model_id,
                now(),
                dict(study_scores),
                slice_scores,
                masks,
                dict(volume_ml),
                tuple(cautions),
                seconds,
            )
        )
        with self.writing() as connection:
            findings.write(connection, row)

    def load_findings(self, series_uid: str, model_id: str, study_uid: str = "") -> StoredFindings | None:
        """What this model said about this series, or None when it was not asked yet."""
        with self.reading() as connection:
            row = findings.read(connection, series_uid, model_id, study_uid)
        return self._unpacked(row)

    def latest_findings(self, series_uid: str, study_uid: str = "") -> StoredFindings | None:
        """What was said last about this series, by whichever model, or None when none was asked yet."""
        with self.reading() as connection:
            row = findings.read_latest(connection, series_uid, study_uid)
        return self._unpacked(row)

    def _unpacked(self, row: findings.Row | None) -> StoredFindings | None:
        if row is None:
            return None
        try:
            return findings.unpack(row)
        except ValueError as error:
            raise self._damaged(f"the findings of one series: {error}") from error

    def study_scores(self, model_id: str | None = None) -> tuple[StoredScores, ...]:
        """The latest scores of every series (by one model, or by any), the latest first."""
        with self.reading() as connection:
            return findings.latest_scores(connection, model_id)

    # settings

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting's JSON value, or `default`."""
        with self.reading() as connection:
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else default

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a setting; `value` is anything JSON can hold."""
        text = json.dumps(value)
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, text))

    def close(self) -> None:
        """Close the file. Calling it twice is fine; every other method then raises LibraryError."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # within

    def _damaged(self, what: str) -> LibraryError:
        return LibraryError(
            f"The library {self.path.name} is damaged ({what}). Put a backup copy in its place, or choose another "
            "folder with --library.",
            code=DAMAGED,
        )

    @contextmanager
    def _whole(self, what: str) -> Iterator[None]:
        """Take values that cannot be unpacked for what they are: damage."""
        try:
            yield
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            raise self._damaged(f"{what}: {error}") from error

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turn errors of SQLite and the file system into LibraryErrors; bugs pass as they are."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            known = library_error(error, self.path)
            if known is None:
                raise
            raise known from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for this thread alone while the block runs."""
        with self._lock:
            if self._closed:
                raise LibraryError("The library is closed. Open it again.", code=CLOSED)
            connection = self._idle.pop() if self._idle else None
        with self._sentences():
            connection = connection or schema.connect(self.path)
            try:
                yield connection
            except BaseException:
                connection.close()  # an error may have left it in any state
                raise
        with self._lock:
            if not self._closed and not isinstance(connection, schema.ReadOnly):
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the whole file."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on the disk when the block ends, or has left no trace."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def _stored(
        self, connection: sqlite3.Connection, study_uid: str, series_uid: str, reading: str = ""
    ) -> tuple[str, int, Document]:
        """Key, version and state of a series; from memory when no other process has saved since."""
        key = documents.key_of(connection, study_uid, series_uid, reading)
        version, known_study_uid = documents.version(connection, key)
        if version == 0:
            return key, 0, Document(study_uid, series_uid)
        with self._lock:
            remembered = self._remembered.get(key)
        if remembered and remembered[0] == version:
            return key, *remembered
        try:
            document = documents.read(connection, key, known_study_uid, series_uid)
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"an annotation: {error}") from error
        self._remember(key, version, document)
        return key, version, document

    def _remember(self, key: str, version: int, document: Document) -> None:
        with self._lock:
            self._remembered[key] = (version, document)
            self._remembered.move_to_end(key)
            while len(self._remembered) > _REMEMBERED_DOCUMENTS:
                self._remembered.popitem(last=False)
