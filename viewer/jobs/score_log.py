"""Scores on the disk as they come: a JSON line and a CSV row a study. What is interrupted goes on where it was."""

import csv
import json
import os
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import IO, Any

from model.errors import PterionError
from model.labels import CODES, SCORES
from viewer.dicom.files import file_error, whole_file

NOTICE = "Research use only. Not for diagnosis."
COLUMNS = (
    "study_uid",
    "series_uid",
    "model",
    *SCORES,
    *(f"{code}_ml" for code in CODES),
    "seconds",
    "cautions",
    "error",
    "error_text",
    "notice",
)

Entry = dict[str, Any]


class ScoreLog:
    """The files of one run, either of them None. Entries that an earlier run left are in `earlier`."""

    def __init__(self, lines: Path | None, table: Path | None, *, resume: bool, model_id: str) -> None:
        """Raises PterionError where a file is there and is not to be gone on with, or cannot be written."""
        there = [path.name for path in (lines, table) if path is not None and path.exists()]
        if there and not resume:
            raise PterionError(
                f"{there[0]} is there already. Go on with it by --resume, or choose another name.",
                code="FILE_EXISTS",
            )
        if resume and lines is None:
            raise PterionError("--resume needs --jsonl FILE, which says what is done.", code="USAGE")
        kept = _kept(lines, model_id) if lines is not None and lines.exists() else []
        self.earlier: tuple[Entry, ...] = tuple(each for each in kept if each["model"] == model_id)
        self._lines = _opened(lines, "".join(map(_line, kept)))
        try:
            self._table = _opened(table, _row(COLUMNS) + "".join(_row(_values(each)) for each in kept))
        except PterionError:
            if self._lines is not None:
                self._lines.close()
            raise

    def done(self, study_uid: str, series_uid: str | None) -> bool:
        """Whether an earlier run has scored a study (this series of it) with this model."""
        return any(
            each["study_uid"] == study_uid and series_uid in (None, each["series_uid"])
            for each in self.earlier
        )

    def add(self, entry: Entry) -> None:
        """Write a study; it is on the disk when this returns. Raises PterionError where the disk refuses."""
        for file, text in ((self._lines, _line(entry)), (self._table, _row(_values(entry)))):
            if file is not None:
                _append(file, text)

    def close(self) -> None:
        """Close the files."""
        for file in (self._lines, self._table):
            if file is not None:
                file.close()


def _kept(path: Path, model_id: str) -> list[Entry]:
    """The entries of an interrupted run, each study once a model; those of this model that failed are tried again.

    A last line that was cut off is left out. Raises PterionError where the file is no such log.
    """
    try:
        texts = path.read_bytes().decode("utf-8", "replace").split("\n")
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    found: dict[tuple[str, str, str | None], Entry] = {}
    for number, text in enumerate(texts, start=1):
        if not text:
            continue
        try:
            entry = json.loads(text)
            key = (entry["study_uid"], entry["model"], entry["series_uid"])
        except (ValueError, TypeError, KeyError) as error:
            if number == len(texts):  # only whole lines end in a newline
                continue
            raise PterionError(
                f"Line {number} of {path.name} is no score of Pterion. Choose another file, or go without --resume.",
                code="NOT_A_LOG",
            ) from error
        if not (entry.get("error") and entry["model"] == model_id):
            found[key] = entry
    return list(found.values())


def _opened(path: Path | None, begun: str) -> IO[str] | None:
    """A file to append to, which holds `begun`."""
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(begun.encode("utf-8"))
        return path.open("a", encoding="utf-8", newline="")
    except OSError as error:
        raise file_error(error, f"Writing {path.name}") from error


def _append(file: IO[str], text: str) -> None:
    try:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise file_error(error, f"Writing {Path(file.name).name}") from error


def _line(entry: Entry) -> str:
    return json.dumps({**entry, "notice": NOTICE}, allow_nan=False) + "\n"


def _row(values: Iterable[object]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _values(entry: Entry) -> tuple[object, ...]:
    """A row; what is unknown is empty."""
    scores, volumes, error = entry["study"] or {}, entry["volume_ml"] or {}, entry.get("error") or {}
    return (
        entry["study_uid"],
        entry["series_uid"],
        entry["model"],
        *(scores.get(code) for code in SCORES),
        *(volumes.get(code) for code in CODES),
        entry["seconds"],
        " ".join(entry["cautions"]),
        error.get("code"),
        error.get("text"),
        NOTICE,
    )
