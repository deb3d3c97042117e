"""A library to a folder and back: annotations, history, readings, statuses and time come along, whole or not at all."""

import json
from pathlib import Path

import pytest

from model.errors import Cancelled
from viewer.annotation.document import Annotation, Document
from viewer.interchange import library_folder
from viewer.interchange.drawn import ExchangeError
from viewer.interchange.library_folder import Counts, Watch, read_library, write_library
from viewer.library.store import Library
from viewer.library.work import Status, WorkLog

RING = ((0.1, 0.2), (10.0 / 3.0, 1e-17), (5.0, 7.25))


def annotation(uid: str, **fields: object) -> Annotation:
    return Annotation(uid, "a", 0, "SDH", RING, **fields)  # type: ignore[arg-type]


def document(*drawn: Annotation, series: str = "series", clean: str = "") -> Document:
    return Document("study", series, drawn, frozenset(clean))


@pytest.fixture
def full(tmp_path: Path) -> Library:
    """Two edits of one series, a blinded reading of it, notes, and time."""
    library = Library(tmp_path / "full")
    first = document(annotation("1", holes=(RING,)), clean="b")
    second = document(annotation("1", source="model edited", model_id="m 1"), annotation("2"), clean="b")
    library.save_document(first, action="draw SDH", reader="A")
    library.save_document(second, action="edit", reader="B", previous=first)
    log = WorkLog(library)
    own = log.begin_blinded("study", "series", "C")
    library.save_document(document(annotation("3")), action="draw", reader="C", reading=own.uid)
    log.note("study", "series", status=Status.FLAGGED, comment="motion", reader="A", place=("a", 0))
    log.note("study", "series", status=Status.DONE, comment="", reader="C", reading=own.uid)
    log.add_time("study", "series", "A", 61.5)
    return library


def told(library: Library) -> object:
    """Everything that should survive, in one value."""
    log = WorkLog(library)
    uids = ["", *(reading.uid for reading in log.readings("series"))]
    return [
        (
            library.load_document("study", "series", uid),
            [(e.time, e.reader, e.action, e.before, e.after) for e in library.journal("series", uid)],
            log.progress("series", uid),
            log.time_spent("series", uid),
        )
        for uid in uids
    ] + [log.readings("series")]


def test_everything_comes_back(full: Library, tmp_path: Path) -> None:
    assert write_library(full, tmp_path / "out") == Counts(series=2, merged=0, edits=3)
    note = json.loads((tmp_path / "out" / "library.json").read_text())
    assert (note["format"], note["version"], note["series"]) == ("Pterion library", 1, 2)
    assert "Research use only" in note["notice"]
    again = Library(tmp_path / "again")
    assert read_library(again, tmp_path / "out") == Counts(series=2, merged=0, edits=3)
    assert told(again) == told(full)
    assert again.replay("study", "series") == full.load_document("study", "series")


def test_both_ways_tell_how_far_they_are(full: Library, tmp_path: Path) -> None:
    """Two readings: each is written and read back, or read and put in."""
    told: list[tuple[int, int]] = []
    watch = Watch(lambda done, total: told.append((done, total)))
    write_library(full, tmp_path / "out", watch)
    read_library(Library(tmp_path / "again"), tmp_path / "out", watch)
    assert told == 2 * [(0, 4), (1, 4), (2, 4), (3, 4)]


@pytest.mark.parametrize("after", range(4))
def test_a_cancelled_export_leaves_nothing(full: Library, tmp_path: Path, after: int) -> None:
    answers = iter([False] * after + [True])
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(Cancelled):
        write_library(full, tmp_path / "out", Watch(cancelled=lambda: next(answers)))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_cancelled_import_puts_nothing_in(full: Library, tmp_path: Path) -> None:
    write_library(full, tmp_path / "out")
    again = Library(tmp_path / "again")
    answers = iter([False, True])
    with pytest.raises(Cancelled):
        read_library(again, tmp_path / "out", Watch(cancelled=lambda: next(answers)))
    assert WorkLog(again).queue() == ()


def test_a_second_import_changes_nothing(full: Library, tmp_path: Path) -> None:
    write_library(full, tmp_path / "out")
    before = told(full)
    assert read_library(full, tmp_path / "out").merged == 0
    assert told(full) == before


def test_what_is_there_stays_and_both_versions_are_kept(full: Library, tmp_path: Path) -> None:
    """Annotation 1 differs here and in the folder, 2 is new, 9 is here alone."""
    write_library(full, tmp_path / "out")
    other = Library(tmp_path / "other")
    mine = document(annotation("1", source="imported"), annotation("9"))
    other.save_document(mine, action="draw", reader="Z")
    assert read_library(other, tmp_path / "out").merged == 1
    found = other.load_document("study", "series").annotations
    assert {a.uid for a in found} >= {"1", "2", "9"}
    assert sorted(a.source for a in found) == ["imported", "manual", "manual", "model edited"]
    assert [e.action for e in other.journal("series")] == ["draw", "import a library"]


def test_a_damaged_file_keeps_all_of_it_out(full: Library, tmp_path: Path) -> None:
    write_library(full, tmp_path / "out")
    path = tmp_path / "out" / "series" / "000002.json"
    content = json.loads(path.read_text())
    del content["document"]["annotations"]["3"]["outline"]
    path.write_text(json.dumps(content))
    empty = Library(tmp_path / "empty")
    with pytest.raises(ExchangeError, match=r"000002.json cannot be read"):
        read_library(empty, tmp_path / "out")
    assert WorkLog(empty).queue() == ()
    path.unlink()
    with pytest.raises(ExchangeError, match="1 of 2 series"):
        read_library(empty, tmp_path / "out")


def test_folders_that_are_no_library_or_a_newer_one(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "library.json").write_text('{"format": "something"}')
    with pytest.raises(ExchangeError, match="no exported library"):
        read_library(library, folder)
    (folder / "library.json").write_text('{"format": "Pterion library", "version": 2, "series": 0}')
    with pytest.raises(ExchangeError, match="newer Pterion"):
        read_library(library, folder)
    with pytest.raises(ExchangeError, match="not empty"):
        write_library(library, folder)


def test_a_folder_that_reads_back_otherwise_is_refused_whole(
    full: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = library_folder._save

    def spoilt(path: Path, content: dict[str, object]) -> None:
        honest(path, content | ({"seconds": {}} if "seconds" in content else {}))

    monkeypatch.setattr(library_folder, "_save", spoilt)
    with pytest.raises(ExchangeError, match="did not read back"):
        write_library(full, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
