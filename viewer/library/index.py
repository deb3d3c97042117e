"""What scans found, as it was: a study whose files have not changed since is shown without reading them again."""

import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from viewer.dicom.series import Note, PixelLayout, Problem, Series, SliceHeader, Stamp, Study, stamp_of

_KEPT = 1000
_SETTLED_NS = 2 * 10**9
"""A file that changed less than this ago may change again without its time telling (as git has it)."""
_SHARED = ("orientation", "spacing_mm", "window", "pixels")
_TYPES = (Study, Series, SliceHeader, PixelLayout, Note)
_RULES = 2
"""Raised where the same files would come out on other stacks, or with other notes, than before."""
SHAPE = json.dumps([_RULES, [[field.name for field in fields(kind)] for kind in _TYPES]])
"""Of the values that are stored; another Pterion's are not read."""


def pack(study: Study) -> bytes:
    """A study as compressed JSON. Raises TypeError for one that JSON cannot hold."""
    paths: dict[Path, int] = {}
    shared: dict[Any, int] = {}
    series = []
    for one in study.series:
        slices = []
        for place in one.slices:
            row = [getattr(place, field.name) for field in fields(SliceHeader)]
            for number, field in enumerate(fields(SliceHeader)):
                if field.name == "path":
                    row[number] = paths.setdefault(place.path, len(paths))
                elif field.name in _SHARED and row[number] is not None:
                    row[number] = shared.setdefault(row[number], len(shared))
            slices.append(row)
        values = _values(one, "slices", "notes")
        notes = [[note.problem, note.badge, note.text, note.discreet] for note in one.notes]
        series.append(f"[{json.dumps(values)},{json.dumps(notes)},{_listed(slices)}]")
    whole = {
        "study": json.dumps(_values(study, "series")),
        "series": f"[{','.join(series)}]",
        "paths": _listed(str(path) for path in paths),
        "shared": _listed(
            list(astuple(value)) if isinstance(value, PixelLayout) else value for value in shared
        ),
    }
    body = ",".join(f'"{name}":{text}' for name, text in whole.items())
    return zlib.compress(f"{{{body}}}".encode("ascii"), 1)


def _listed(values: Iterable[Any]) -> str:
    """A list as JSON, made piece by piece: at once, that of thousands of slices would stop every other thread."""
    return f"[{','.join(map(json.dumps, values))}]"


def unpack(body: bytes) -> Study:
    """A study from what `pack` made. Raises ValueError, KeyError or TypeError where it is damaged."""
    whole = json.loads(zlib.decompress(body))
    paths = [Path(text) for text in whole["paths"]]
    raw = [_tuples(value) for value in whole["shared"]]
    layouts: dict[int, PixelLayout] = {}
    names = [field.name for field in fields(SliceHeader)]
    at_path, at_pixels = names.index("path"), names.index("pixels")
    at_shared = [names.index(name) for name in _SHARED]
    at_position = names.index("position_mm")

    def place(row: list[Any]) -> SliceHeader:
        row[at_path] = paths[row[at_path]]
        if row[at_position] is not None:
            row[at_position] = tuple(row[at_position])
        for at in at_shared:
            if row[at] is not None:
                number = row[at]
                if at == at_pixels and number not in layouts:
                    layouts[number] = PixelLayout(*raw[number])
                row[at] = layouts[number] if at == at_pixels else raw[number]
        return SliceHeader(*row)

    series = tuple(
        Series(
            **{name: _tuples(value) for name, value in values.items()},
            notes=tuple(Note(Problem(problem), *texts) for problem, *texts in notes),
            slices=tuple(map(place, slices)),
        )
        for values, notes, slices in whole["series"]
    )
    return Study(**whole["study"], series=series)


def _values(value: Any, *without: str) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value) if field.name not in without}


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def write(connection: sqlite3.Connection, study: Study, files: Mapping[Path, Stamp], now: str) -> None:
    """Keep a study, found in `files`, in the place of what was known of it; the oldest of too many go."""
    connection.execute("DELETE FROM study_index WHERE study_uid = ?", (study.study_uid,))
    if not files or max(changed for _, changed in files.values()) > time.time_ns() - _SETTLED_NS:
        return
    try:
        body = pack(study)
        listed = zlib.compress(
            _listed([str(path), *stamp] for path, stamp in files.items()).encode("ascii"), 1
        )
    except TypeError:
        return  # it holds what JSON cannot: it is read again each time
    connection.execute(
        "INSERT INTO study_index VALUES (?, ?, ?, ?, ?)", (study.study_uid, SHAPE, listed, body, now)
    )
    folders = {os.fsencode(path.parent) for path in files}
    connection.executemany(
        "INSERT INTO indexed_folders VALUES (?, ?)", [(folder, study.study_uid) for folder in folders]
    )
    connection.execute(
        "DELETE FROM study_index WHERE study_uid IN"
        " (SELECT study_uid FROM study_index ORDER BY seen DESC, study_uid LIMIT -1 OFFSET ?)",
        (_KEPT,),
    )


def unchanged(
    connection: sqlite3.Connection, files: Mapping[Path, Stamp]
) -> list[tuple[Study, dict[Path, Stamp]]]:
    """The studies all of whose files are among these and have not changed, each with its files."""
    folders = {os.fsencode(folder) for folder in {path.parent for path in files}}
    candidates: dict[str, int] = {}
    for folder in folders:
        for (uid,) in connection.execute("SELECT study_uid FROM indexed_folders WHERE folder = ?", (folder,)):
            candidates[uid] = candidates.get(uid, 0) + 1
    found = []
    for uid, count in candidates.items():
        (needed,) = connection.execute(
            "SELECT count(*) FROM indexed_folders WHERE study_uid = ?", (uid,)
        ).fetchone()
        known = _files(connection, uid) if count == needed else None
        if known is not None and all(files.get(path) == stamp for path, stamp in known.items()):
            study = read(connection, uid)
            if study is not None:
                found.append((study, known))
    return found


def read(connection: sqlite3.Connection, study_uid: str) -> Study | None:
    """A study as it was found, or None where it is not known (or by another Pterion only)."""
    row = connection.execute(
        "SELECT body FROM study_index WHERE study_uid = ? AND shape = ?", (study_uid, SHAPE)
    ).fetchone()
    return unpack(row[0]) if row else None


def _files(connection: sqlite3.Connection, study_uid: str) -> dict[Path, Stamp] | None:
    """The files of a study as they were."""
    row = connection.execute(
        "SELECT files FROM study_index WHERE study_uid = ? AND shape = ?", (study_uid, SHAPE)
    ).fetchone()
    if row is None:
        return None
    return {Path(path): (size, changed) for path, size, changed in json.loads(zlib.decompress(row[0]))}


def still_there(connection: sqlite3.Connection, study_uid: str) -> Study | None:
    """A known study if all its files are where they were and have not changed; they are asked, not read."""
    known = _files(connection, study_uid)
    if known is None or any(stamp_of(path) != stamp for path, stamp in known.items()):
        return None
    return read(connection, study_uid)


def write_thumbnail(
    connection: sqlite3.Connection, study_uid: str, series_uid: str, grey: npt.NDArray[np.uint8]
) -> None:
    """Keep the small picture of a series, uint8 (rows, columns), while its study is known."""
    connection.execute(
        "INSERT OR REPLACE INTO thumbnails SELECT ?, ?, ?, ?, ? WHERE EXISTS"
        " (SELECT 1 FROM study_index WHERE study_uid = ?)",
        (series_uid, study_uid, *grey.shape, grey.tobytes(), study_uid),
    )


def thumbnails(
    connection: sqlite3.Connection, series_uids: Iterable[str]
) -> dict[str, npt.NDArray[np.uint8]]:
    """The small pictures that are kept, uint8 (rows, columns), by series. Raises ValueError where one is damaged."""
    found = {}
    for series_uid in series_uids:
        row = connection.execute(
            "SELECT rows, columns, grey FROM thumbnails WHERE series_uid = ?", (series_uid,)
        ).fetchone()
        if row:
            found[series_uid] = np.frombuffer(row[2], np.uint8).reshape(row[0], row[1])
    return found
