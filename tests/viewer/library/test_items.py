"""Measures and marked slices in the library: kept exactly, journaled, merged, and brought in from an older one."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from viewer.annotation.document import Annotation, Document
from viewer.library import schema
from viewer.library.errors import LibraryError
from viewer.library.store import FILE_NAME, Library
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.measure import CutPlane, Kind, Measure, Share, SlicePlane

CUT = CutPlane((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), 1 / 3)
LENGTH = Measure("l", Kind.LENGTH, SlicePlane("a", 2), ((0.1, 1e-17), (10 / 3, 7.25)), label="Blut é")
ABC = Measure(
    "b",
    Kind.ABC2,
    SlicePlane("a"),
    ((0, 0), (9, 0), (4, 4), (4, 0)),
    shares=(Share("a", 0, 1.0), Share("b", 0, 0.5)),
)
CORONAL = Measure("c", Kind.ELLIPSE, CUT, ((-10.5, 2), (1, 3)))
KEY = Mark(MarkKind.KEY_IMAGE, "a", 0, "thickest here", (80.0, 40.0))
BOOKMARK = Mark(MarkKind.BOOKMARK, "b", 3)
OUTLINE = Annotation("x", "a", 0, "SDH", ((0, 0), (1, 0), (1, 1)))
EMPTY = Document("study", "series")
FULL = replace(EMPTY, annotations=(OUTLINE,), measures=(LENGTH, ABC, CORONAL), marks=(KEY, BOOKMARK))


def save(library: Library, new: Document, previous: Document | None = None) -> Document:
    return library.save_document(new, action="measure", reader="R", previous=previous).document


def test_every_field_survives_a_restart_bit_by_bit(library: Library) -> None:
    save(library, FULL)
    library.close()
    assert Library(library.path.parent).load_document("study", "series") == FULL


def test_the_journal_alone_tells_every_state(library: Library) -> None:
    states = [
        replace(EMPTY, measures=(LENGTH,)),
        replace(EMPTY, measures=(LENGTH, ABC), marks=(KEY,)),
        replace(
            EMPTY, measures=(replace(LENGTH, label="other"), ABC), marks=(replace(KEY, note=""), BOOKMARK)
        ),
        replace(EMPTY, annotations=(OUTLINE,), measures=(ABC,), marks=(BOOKMARK,)),
        EMPTY,
    ]
    before = EMPTY
    for state in states:
        assert save(library, state, before) == state
        before = state
    entries = library.journal("series")
    assert [library.replay("study", "series", entry.seq) for entry in entries] == states
    assert json.loads(entries[0].before)["measures"] == {"l": None}


def test_two_windows_keep_each_others_measures(library: Library) -> None:
    base = save(library, replace(EMPTY, measures=(LENGTH,), marks=(KEY,)))
    save(library, replace(base, measures=(replace(LENGTH, label="theirs"), ABC)), base)
    mine = replace(
        base, measures=(replace(LENGTH, label="mine"),), marks=(replace(KEY, note="mine"), BOOKMARK)
    )
    saved = library.save_document(mine, action="measure", reader="R", previous=base)
    assert saved.conflicts == 1
    assert sorted(m.label for m in saved.document.measures) == ["", "mine", "theirs"]
    assert [mark.note for mark in saved.document.marks] == ["mine", ""]
    assert library.load_document("study", "series") == saved.document


def test_what_one_window_deletes_and_the_other_changes_stays(library: Library) -> None:
    base = save(library, replace(EMPTY, measures=(LENGTH, ABC)))
    save(library, replace(base, measures=(replace(LENGTH, label="theirs"), ABC)), base)
    saved = library.save_document(replace(base, measures=()), action="delete", reader="R", previous=base)
    assert [m.label for m in saved.document.measures] == ["theirs"]


def test_a_library_from_before_measures_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        connection = schema.connect(tmp_path / FILE_NAME)
        schema.prepare(connection, tmp_path / FILE_NAME)
        connection.execute("INSERT INTO journal VALUES (1, 't', 'R', 'draw', 'series', '{}', '{}')")
        connection.execute("INSERT INTO documents VALUES ('series', 'study', 1)")
        body = json.dumps(
            {
                "uid": "x", "sop_uid": "a", "frame": 0, "subtype": "SDH", "outline": OUTLINE.outline,
                "source": "manual", "model_id": "", "reviewed": True, "holes": [],
            }
        )  # fmt: skip
        connection.execute("INSERT INTO annotations VALUES ('x', 'series', 0, 'a', 0, 'SDH', ?)", (body,))
        connection.close()
    library = Library(tmp_path)
    old = library.load_document("study", "series")
    assert old == replace(EMPTY, annotations=(OUTLINE,))
    assert save(library, replace(old, measures=FULL.measures, marks=FULL.marks), old) == FULL
    backup = sqlite3.connect(tmp_path / FILE_NAME.replace(".sqlite3", ".version2.backup.sqlite3"))
    assert backup.execute("PRAGMA user_version").fetchone() == (2,)
    backup.close()


def test_a_damaged_measure_is_a_sentence(library: Library) -> None:
    save(library, FULL)
    library.close()
    connection = sqlite3.connect(library.path)
    connection.execute("UPDATE measures SET body = replace(body, '\"length\"', '\"girth\"')")
    connection.commit()
    connection.close()
    with pytest.raises(LibraryError, match="damaged"):
        Library(library.path.parent).load_document("study", "series")
