"""Findings in the tables: arrays as bytes, everything else as JSON."""

import json
import sqlite3
import zlib

import numpy as np

from viewer.library.records import StoredFindings, StoredScores

Row = tuple[str, str, str, str, str, str, float, bytes, str, bytes]


def pack(findings: StoredFindings) -> Row:
    """The row of one model's findings on one series (outside of any transaction, as it takes time)."""
    return (
        findings.series_uid,
        findings.model_id,
        findings.time,
        json.dumps({code: float(score) for code, score in findings.study_scores.items()}),
        json.dumps({code: float(volume) for code, volume in findings.volume_ml.items()}),
        json.dumps(list(findings.cautions)),
        float(findings.seconds),
        np.ascontiguousarray(findings.slice_scores, "<f4").tobytes(),
        json.dumps(findings.masks.shape),
        zlib.compress(np.ascontiguousarray(findings.masks, np.uint8).tobytes(), 1),
    )


def unpack(row: Row) -> StoredFindings:
    """The findings of a row. Raises ValueError when it is damaged."""
    series_uid, model_id, time, study_scores, volume_ml, cautions, seconds, slice_scores, shape, masks = row
    try:
        values = np.frombuffer(bytearray(zlib.decompress(masks)), np.uint8).reshape(json.loads(shape))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    scores = np.frombuffer(bytearray(slice_scores), "<f4").reshape(len(values), -1)
    return StoredFindings(
        series_uid,
        model_id,
        time,
        json.loads(study_scores),
        scores.astype(np.float32, copy=False),
        values,
        json.loads(volume_ml),
        tuple(json.loads(cautions)),
        seconds,
    )


def write(connection: sqlite3.Connection, row: Row) -> None:
    """Store a packed row in the place of an earlier one."""
    connection.execute("INSERT OR REPLACE INTO findings VALUES (?,?,?,?,?,?,?,?,?,?)", row)


def read(connection: sqlite3.Connection, series_uid: str, model_id: str) -> Row | None:
    """The packed row, or None."""
    row: Row | None = connection.execute(
        "SELECT series_uid, model_id, time, study_scores, volume_ml, cautions, seconds, slice_scores, shape, masks"
        " FROM findings WHERE series_uid = ? AND model_id = ?",
        (series_uid, model_id),
    ).fetchone()
    return row


def read_latest(connection: sqlite3.Connection, series_uid: str) -> Row | None:
    """The packed row that was stored last for a series, by whichever model, or None."""
    row: Row | None = connection.execute(
        "SELECT series_uid, model_id, time, study_scores, volume_ml, cautions, seconds, slice_scores, shape, masks"
        " FROM findings WHERE series_uid = ? ORDER BY time DESC, rowid DESC",
        (series_uid,),
    ).fetchone()
    return row


def latest_scores(connection: sqlite3.Connection, model_id: str | None) -> tuple[StoredScores, ...]:
    """The latest study scores of every series, the latest first."""
    rows = connection.execute(
        "SELECT coalesce(s.study_uid, ''), f.series_uid, f.model_id, f.time, f.study_scores"
        " FROM findings AS f LEFT JOIN series AS s USING (series_uid)"
        " WHERE ?1 IS NULL OR f.model_id = ?1 ORDER BY f.time DESC, f.rowid DESC",
        (model_id,),
    )
    latest: dict[str, StoredScores] = {}
    for study_uid, series_uid, model, time, scores in rows:
        latest.setdefault(series_uid, StoredScores(study_uid, series_uid, model, time, json.loads(scores)))
    return tuple(latest.values())
