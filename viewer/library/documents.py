"""Documents in the tables: read, and written by difference together with their journal entry."""

import json
import sqlite3

from viewer.annotation.document import Annotation, Document
from viewer.library import measured
from viewer.library.merge import Difference, annotation_from_json, annotation_to_json


def key_of(connection: sqlite3.Connection, study_uid: str, series_uid: str, reading: str = "") -> str:
    """What the tables of documents call a series: its uid, or within a reading of its own that reading's uid.

    Careless copies give the series of two studies one uid: to the second study's the study's is added. An empty
    study_uid takes the one that came first.
    """
    if reading:
        return reading
    known = version(connection, series_uid)[1]
    return f"{study_uid}/{series_uid}" if study_uid and known and known != study_uid else series_uid


def version(connection: sqlite3.Connection, key: str) -> tuple[int, str]:
    """Number of the last edit of a document, and its study_uid; 0 and empty when there is none."""
    row = connection.execute(
        "SELECT version, study_uid FROM documents WHERE series_uid = ?", (key,)
    ).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "")


def read(connection: sqlite3.Connection, key: str, study_uid: str, series_uid: str) -> Document:
    """The stored state of a series. Raises ValueError, KeyError or TypeError when a row is damaged."""
    annotations = tuple(
        annotation_from_json(json.loads(body))
        for (body,) in connection.execute(
            "SELECT body FROM annotations WHERE series_uid = ? ORDER BY place", (key,)
        )
    )
    marks = connection.execute("SELECT sop_uid FROM reviewed_slices WHERE series_uid = ?", (key,))
    return Document(
        study_uid,
        series_uid,
        annotations,
        frozenset(sop_uid for (sop_uid,) in marks),
        measures=tuple(map(measured.measure_from_json, measured.read(connection, "measures", key))),
        marks=tuple(map(measured.mark_from_json, measured.read(connection, "marks", key))),
        verdicts=tuple(map(measured.verdict_from_json, measured.read(connection, "verdicts", key))),
    )


def write(
    connection: sqlite3.Connection,
    document: Document,
    found: Difference,
    *,
    time: str,
    reader: str,
    action: str,
    key: str,
) -> int:
    """Write what changed into the tables and the journal. Returns the number of the edit."""
    before, after = found.to_json()
    seq = connection.execute(
        "INSERT INTO journal (time, reader, action, series_uid, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        (time, reader, action, key, before, after),
    ).lastrowid
    connection.execute(
        "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version",
        (key, document.study_uid, seq),
    )
    _write_annotations(connection, key, found.after)
    if found.order:
        places = [(place, key, uid) for place, uid in enumerate(found.order[1])]
        connection.executemany("UPDATE annotations SET place = ? WHERE series_uid = ? AND uid = ?", places)
    if found.reviewed:
        was, now = found.reviewed
        taken_back = [(key, sop_uid) for sop_uid in was - now]
        connection.executemany("DELETE FROM reviewed_slices WHERE series_uid = ? AND sop_uid = ?", taken_back)
        new = [(key, sop_uid) for sop_uid in now - was]
        connection.executemany("INSERT INTO reviewed_slices VALUES (?, ?)", new)
    measured.write(connection, "measures", key, found.measures)
    measured.write(connection, "marks", key, found.marks)
    measured.write(connection, "verdicts", key, found.verdicts)
    return int(seq or 0)


def _write_annotations(
    connection: sqlite3.Connection, series_uid: str, after: dict[str, Annotation | None]
) -> None:
    """Delete those that are None now; store the others, new ones behind all there are."""
    gone = [(series_uid, uid) for uid, annotation in after.items() if annotation is None]
    connection.executemany("DELETE FROM annotations WHERE series_uid = ? AND uid = ?", gone)
    (last,) = connection.execute(
        "SELECT coalesce(max(place), 0) FROM annotations WHERE series_uid = ?", (series_uid,)
    ).fetchone()
    rows = [
        (
            annotation.uid,
            series_uid,
            place,
            annotation.sop_uid,
            annotation.frame,
            annotation.subtype,
            json.dumps(annotation_to_json(annotation), separators=(",", ":")),
        )
        for place, annotation in enumerate((a for a in after.values() if a), last + 1)
    ]
    connection.executemany(
        "INSERT INTO annotations VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " sop_uid = excluded.sop_uid, frame = excluded.frame, subtype = excluded.subtype, body = excluded.body",
        rows,
    )
