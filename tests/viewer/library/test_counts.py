"""What a library holds, in numbers."""

from pathlib import Path

import pytest

from viewer.annotation.document import Annotation, Document
from viewer.library import schema
from viewer.library.counts import TABLES, counts
from viewer.library.errors import LibraryError
from viewer.library.store import Library

OUTLINE = ((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))


def test_rows_are_counted_without_changing_the_file(tmp_path: Path) -> None:
    library = Library(tmp_path)
    drawn = tuple(Annotation(uid, "a", 0, "SDH", OUTLINE) for uid in "xy")
    library.save_document(Document("1", "2", drawn), action="draw SDH", reader="R")
    library.save_document(Document("1", "2", drawn[:1]), action="delete", reader="R")
    library.close()
    before = library.path.read_bytes()
    found = counts(library.path)
    assert library.path.read_bytes() == before
    assert found == dict.fromkeys(TABLES, 0) | {
        "documents": 1,
        "annotations": 1,
        "journal": 2,
        "schema": len(schema.MIGRATIONS),
        "bytes": len(before),
    }


@pytest.mark.parametrize("content", [None, b"", b"not a database, but long enough to be read as one" * 40])
def test_what_is_no_library_is_said_or_holds_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.sqlite3"
    if content == b"":
        path.write_bytes(content)
        assert counts(path) == {"schema": 0, "bytes": 0}
        return
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LibraryError):
        counts(path)
