"""A whole library as a folder of JSON files, and back: annotations with their history, readings, statuses, time.

`library.json` names the format and its version; each file in `series` holds one reading of one series: `document`
(its state), `journal` (every edit: time, reader, action, what it made of what), `work` (statuses and comments),
`seconds` (by reader). Names and dates of patients are not in it; UIDs are. Images, findings and settings stay behind.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.errors import Cancelled, PterionError
from viewer.annotation.document import Document
from viewer.dicom.files import file_error
from viewer.interchange.coco import NOTICE
from viewer.interchange.drawn import ExchangeError
from viewer.interchange.labelme import json_of
from viewer.library.records import JournalEntry
from viewer.library.store import Library
from viewer.library.transfer import add_history, document_from, everything
from viewer.library.work import Progress, Reading, ReadingKind, Status, WorkLog

NOTE_NAME = "library.json"
SERIES_FOLDER = "series"
FORMAT = "Pterion library"
VERSION = 1


@dataclass(frozen=True)
class Counts:
    """What went in or out: readings of series, those whose annotations were added to what was there, edits."""

    series: int
    merged: int
    edits: int


@dataclass(frozen=True)
class _Part:
    """One reading of one series."""

    study_uid: str
    series_uid: str
    reading: Reading | None
    document: Document
    journal: tuple[JournalEntry, ...]
    work: tuple[Progress, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Watch:
    """Who watches a long transfer. progress: readings done, in all. cancelled: whether to stop."""

    progress: Callable[[int, int], None] = lambda _done, _total: None
    cancelled: Callable[[], bool] = lambda: False

    def tell(self, done: int, total: int) -> None:
        """After each reading. Raises Cancelled."""
        if self.cancelled():
            raise Cancelled
        self.progress(done, total)


NOBODY = Watch()


def write_library(library: Library, folder: Path, watch: Watch = NOBODY) -> Counts:
    """Write a library into a new or empty folder, whole or not at all; it is read back and compared first.

    Raises ExchangeError where the folder holds something or what was written reads back otherwise, PterionError where
    the disk or the library refuses, Cancelled.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExchangeError(
            f"{folder.name} is not empty. Choose an empty or a new folder. Nothing was written."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".pterion-library-", dir=folder.parent))
    except OSError as error:
        raise file_error(error, f"Writing {folder.name}") from error
    try:
        total = 2 * _count(library)
        counts = _write(library, work, lambda done: watch.tell(done, total))
        for number, (path, part) in enumerate(zip(_files(work), _parts(library), strict=True), counts.series):
            watch.tell(number, total)
            if _part(path) != part:
                raise ExchangeError(
                    f"{path.name} did not read back as it was written, so nothing was exported. Check the disk, or "
                    "choose another place."
                )
        if folder.exists():
            folder.rmdir()
        os.replace(work, folder)
    except OSError as error:
        raise file_error(error, f"Writing {folder.name}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return counts


def read_library(library: Library, folder: Path, watch: Watch = NOBODY) -> Counts:
    """Put what a folder holds into a library. A series that the library does not know comes with its whole history;
    to one that it knows, the annotations are added as one edit, and both versions of what differs are kept.

    Every file is read before anything is written, and until then it can be cancelled. Raises ExchangeError for a
    damaged folder or one of a newer Pterion, Cancelled.
    """
    note = json_of(folder / NOTE_NAME)
    if not isinstance(note, dict) or note.get("format") != FORMAT:
        raise ExchangeError(
            f"{folder.name} is no exported library: {NOTE_NAME} does not say so. Choose another."
        )
    if not isinstance(note.get("version"), int) or note["version"] > VERSION:
        raise ExchangeError(
            f"{folder.name} was written by a newer Pterion. Update Pterion; nothing was imported."
        )
    files = _files(folder)
    parts: list[_Part] = []
    for path in files:
        watch.tell(len(parts), 2 * len(files))
        parts.append(_part(path))
    if len(parts) != note.get("series"):
        raise ExchangeError(
            f"{folder.name} holds {len(parts)} of {note.get('series')} series. Copy the folder again; nothing was "
            "imported."
        )
    log = WorkLog(library)
    merged = edits = 0
    for number, part in enumerate(parts, len(parts)):
        watch.progress(number, 2 * len(parts))
        if part.reading is not None:
            log.put_reading(part.reading)
        reading = part.reading.uid if part.reading is not None else ""
        if add_history(library, part.study_uid, part.series_uid, part.journal, reading):
            edits += len(part.journal)
            for reader, seconds in part.seconds.items():
                log.add_time(part.study_uid, part.series_uid, reader, seconds, reading)
        else:
            merged += _merge(library, part, reading)
        log.put_progress(part.study_uid, part.series_uid, reading, part.work)
    return Counts(len(parts), merged, edits)


def _merge(library: Library, part: _Part, reading: str) -> bool:
    """Add a document to one that is there, as one edit. Whether that changed anything."""
    before = library.version(part.series_uid, reading, part.study_uid)
    saved = library.save_document(
        part.document,
        action="import a library",
        reader=next(iter(part.seconds), "") or (part.journal[-1].reader if part.journal else "import"),
        previous=Document(part.study_uid, part.series_uid),
        reading=reading,
    )
    return saved.seq != before


def _count(library: Library) -> int:
    log = WorkLog(library)
    return len(log.queue()) + len(log.readings())


def _parts(library: Library) -> Iterator[_Part]:
    """Every reading of every series that somebody worked on, always in the same order."""
    log = WorkLog(library)
    shared = [(each.study_uid, each.series_uid, None) for each in log.queue()]
    others = [(each.study_uid, each.series_uid, each) for each in log.readings()]
    for study_uid, series_uid, reading in (*shared, *others):
        uid = reading.uid if reading is not None else ""
        yield _Part(
            study_uid,
            series_uid,
            reading,
            library.load_document(study_uid, series_uid, uid),
            tuple(_plain(entry, series_uid) for entry in library.journal(series_uid, uid, study_uid)),
            tuple(log.progress(series_uid, uid, study_uid).values()),
            log.time_spent(series_uid, uid, study_uid),
        )


def _plain(entry: JournalEntry, series_uid: str) -> JournalEntry:
    """A journal entry as it stands in any library: numbers are each library's own."""
    return JournalEntry(0, entry.time, entry.reader, entry.action, series_uid, entry.before, entry.after)


def _write(library: Library, folder: Path, tell: Callable[[int], None]) -> Counts:
    (folder / SERIES_FOLDER).mkdir()
    series = edits = 0
    for number, part in enumerate(_parts(library), 1):
        tell(number - 1)
        content = {
            "study_uid": part.study_uid,
            "series_uid": part.series_uid,
            "reading": asdict(part.reading) if part.reading is not None else None,
            "document": json.loads(everything(part.document)),
            "journal": [
                {
                    "time": entry.time,
                    "reader": entry.reader,
                    "action": entry.action,
                    "before": json.loads(entry.before),
                    "after": json.loads(entry.after),
                }
                for entry in part.journal
            ],
            "work": [asdict(each) for each in part.work],
            "seconds": dict(part.seconds),
        }
        _save(folder / SERIES_FOLDER / f"{number:06d}.json", content)
        series, edits = series + 1, edits + len(part.journal)
    about = " ".join((__doc__ or "").split("\n\n", 1)[-1].split())
    note = {"format": FORMAT, "version": VERSION, "notice": NOTICE, "series": series, "about": about}
    _save(folder / NOTE_NAME, note)
    return Counts(series, 0, edits)


def _save(path: Path, content: Mapping[str, Any]) -> None:
    with path.open("wb") as file:
        file.write(json.dumps(content, separators=(",", ":")).encode())
        file.flush()
        os.fsync(file.fileno())


def _files(folder: Path) -> list[Path]:
    return sorted((folder / SERIES_FOLDER).glob("*.json"))


def _part(path: Path) -> _Part:
    content = json_of(path)
    try:
        study_uid, series_uid = str(content["study_uid"]), str(content["series_uid"])
        said = content["reading"]
        reading = Reading(**{**said, "kind": ReadingKind(said["kind"])}) if said else None
        document = document_from(study_uid, series_uid, json.dumps(content["document"]))
        journal = tuple(
            JournalEntry(
                0,
                str(entry["time"]),
                str(entry["reader"]),
                str(entry["action"]),
                series_uid,
                json.dumps(entry["before"], separators=(",", ":")),
                json.dumps(entry["after"], separators=(",", ":")),
            )
            for entry in content["journal"]
        )
        work = tuple(Progress(**{**each, "status": Status(each["status"])}) for each in content["work"])
        seconds = {str(reader): float(value) for reader, value in content["seconds"].items()}
    except PterionError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExchangeError(
            f"{path.name} cannot be read ({error}). Copy the folder again; nothing was imported."
        ) from error
    return _Part(study_uid, series_uid, reading, document, journal, work, seconds)
