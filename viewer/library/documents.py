"""Documents in the tables: read, and written by difference together with their journal entry."""

import json
import sqlite3
from typing import Any, Literal

from viewer.annotation.document import Document
from viewer.library import items
from viewer.library.items import Touched
from viewer.library.merge import Difference

Table = Literal["annotations", "measures", "marks", "verdicts"]
_FACTS: dict[Table, tuple[str, ...]] = {
    "annotations": ("sop_uid", "frame", "subtype"),
    "measures": ("kind",),
    "marks": ("kind",),
    "verdicts": ("kind",),
}
"""What the rows of a table tell beside the whole item as JSON."""


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
    reviewed = connection.execute("SELECT sop_uid FROM reviewed_slices WHERE series_uid = ?", (key,))
    return Document(
        study_uid,
        series_uid,
        tuple(map(items.annotation_from_json, _bodies(connection, "annotations", key))),
        frozenset(sop_uid for (sop_uid,) in reviewed),
        measures=tuple(map(items.measure_from_json, _bodies(connection, "measures", key))),
        marks=tuple(map(items.mark_from_json, _bodies(connection, "marks", key))),
        verdicts=tuple(map(items.verdict_from_json, _bodies(connection, "verdicts", key))),
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
    _write_items(connection, "annotations", key, found.annotations)
    if found.order:
        places = [(place, key, uid) for place, uid in enumerate(found.order[1])]
        connection.executemany("UPDATE annotations SET place = ? WHERE series_uid = ? AND uid = ?", places)
    if found.reviewed:
        was, become = found.reviewed
        taken_back = [(key, sop_uid) for sop_uid in was - become]
        connection.executemany("DELETE FROM reviewed_slices WHERE series_uid = ? AND sop_uid = ?", taken_back)
        new = [(key, sop_uid) for sop_uid in become - was]
        connection.executemany("INSERT INTO reviewed_slices VALUES (?, ?)", new)
    _write_items(connection, "measures", key, found.measures)
    _write_items(connection, "marks", key, found.marks)
    _write_items(connection, "verdicts", key, found.verdicts)
    return int(seq or 0)


def _bodies(connection: sqlite3.Connection, table: Table, series_uid: str) -> list[dict[str, Any]]:
    """The JSON values of every row of a series, in order. Raises ValueError when a row is damaged."""
    rows = connection.execute(f"SELECT body FROM {table} WHERE series_uid = ? ORDER BY place", (series_uid,))
    return [json.loads(body) for (body,) in rows]


def _write_items(connection: sqlite3.Connection, table: Table, key: str, found: Touched) -> None:
    """Delete those that are None now; store the others, new ones behind all there are."""
    gone = [(key, uid) for uid, item in found.after.items() if item is None]
    connection.executemany(f"DELETE FROM {table} WHERE series_uid = ? AND uid = ?", gone)
    (last,) = connection.execute(
        f"SELECT coalesce(max(place), 0) FROM {table} WHERE series_uid = ?", (key,)
    ).fetchone()
    columns = (*_FACTS[table], "body")
    kept = [item for item in found.after.values() if item is not None]
    rows = [
        (
            item.uid,
            key,
            place,
            *(getattr(item, fact) for fact in _FACTS[table]),
            json.dumps(items.to_json(item), separators=(",", ":")),
        )
        for place, item in enumerate(kept, last + 1)
    ]
    connection.executemany(
        f"INSERT INTO {table} (uid, series_uid, place, {', '.join(columns)})"
        f" VALUES ({', '.join('?' * (3 + len(columns)))})"
        f" ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in columns)}",
        rows,
    )
