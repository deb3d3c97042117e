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
        series_uid.rpartition("/")[2],
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


def key_of(study_uid: str, series_uid: str) -> str:
    """What the table calls a series: careless copies give series of two studies one UID, so the study's is added."""
    return f"{study_uid}/{series_uid}" if study_uid else series_uid


def _keys(study_uid: str, series_uid: str) -> tuple[str, str]:
    """What a row's key must be, or how it must end where the study does not matter."""
    key = key_of(study_uid, series_uid)
    return key, key if study_uid else f"%/{series_uid}"


def read(connection: sqlite3.Connection, series_uid: str, model_id: str, study_uid: str = "") -> Row | None:
    """The packed row, or None. study_uid: empty takes any study's series of this UID."""
    row: Row | None = connection.execute(
        "SELECT series_uid, model_id, time, study_scores, volume_ml, cautions, seconds, slice_scores, shape, masks"
        " FROM findings WHERE (series_uid = ?1 OR series_uid LIKE ?2) AND model_id = ?3",
        (*_keys(study_uid, series_uid), model_id),
    ).fetchone()
    return row


def read_latest(connection: sqlite3.Connection, series_uid: str, study_uid: str = "") -> Row | None:
    """The packed row that was stored last for a series, by whichever model, or None."""
    row: Row | None = connection.execute(
        "SELECT series_uid, model_id, time, study_scores, volume_ml, cautions, seconds, slice_scores, shape, masks"
        " FROM findings WHERE series_uid = ?1 OR series_uid LIKE ?2 ORDER BY time DESC, rowid DESC",
        _keys(study_uid, series_uid),
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
    for known_study, key, model, time, scores in rows:
        named_study, _, series_uid = key.rpartition("/")
        found = StoredScores(named_study or known_study, series_uid, model, time, json.loads(scores))
        latest.setdefault(key, found)
    return tuple(latest.values())
