"""Libraries of every older version, as Pterion wrote them then (`old/`, as SQL): brought up to date with a copy."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viewer.annotation.document import Annotation, Document
from viewer.library.schema import MIGRATIONS
from viewer.library.store import FILE_NAME, Library

OLD = sorted((Path(__file__).parent / "old").glob("*.sql"), key=lambda path: path.name)
RING = ((10.0, 20.0), (30.0, 20.0), (30.0, 45.5), (10.0, 45.5))
DRAWN = Document(
    "1.2.3",
    "1.2.3.1",
    (Annotation("a1", "1.2.3.4", 0, "SDH", RING), Annotation("a2", "1.2.3.5", 0, "IPH", RING)),
    frozenset({"1.2.3.5"}),
)
"""What a reader drew in each of them, in two edits."""


def made(folder: Path, script: Path) -> Path:
    """A library of an older version."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.executescript(script.read_text("utf-8"))
    return folder


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_there_is_one_of_every_version() -> None:
    assert [path.stem for path in OLD] == [f"version{number}" for number in range(1, len(MIGRATIONS))]


@pytest.mark.parametrize("script", OLD, ids=lambda path: path.stem)
def test_everything_in_it_is_there(script: Path, tmp_path: Path) -> None:
    with closing(Library(made(tmp_path, script))) as library:
        assert library.load_document("1.2.3", "1.2.3.1") == DRAWN
        assert library.replay("1.2.3", "1.2.3.1") == DRAWN
        assert [entry.action for entry in library.journal("1.2.3.1")] == ["draw SDH", "draw IPH"]
        assert library.setting("window") == "bone"
        findings = library.load_findings("1.2.3.1", "flagship-1")
        assert findings is not None
        assert (findings.study_scores["any"], findings.volume_ml["SDH"], findings.cautions) == (
            0.75,
            1.5,
            ("a kernel",),
        )
        assert np.argwhere(findings.masks).tolist() == [[1, 1, 1], [1, 1, 2], [1, 2, 1], [1, 2, 2]]


@pytest.mark.parametrize("script", OLD, ids=lambda path: path.stem)
def test_its_copy_is_as_it_was_and_work_goes_on(script: Path, tmp_path: Path) -> None:
    before = content(made(tmp_path, script) / FILE_NAME)
    less = replace(DRAWN, annotations=DRAWN.annotations[:1])
    with closing(Library(tmp_path)) as library:
        library.save_document(less, action="delete", reader="B", previous=DRAWN)
    with closing(Library(tmp_path)) as library:
        assert library.load_document("1.2.3", "1.2.3.1") == less
    number = script.stem.removeprefix("version")
    (copy,) = tmp_path.glob("*.backup.*")
    assert copy.name == f"pterion.version{number}.backup.sqlite3"
    assert content(copy) == before
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (int(number),)
