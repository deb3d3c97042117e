"""A full disk, a read-only or damaged file, another version: a sentence, and nothing saved is lost."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from viewer.annotation.document import Annotation, Document
from viewer.library import schema
from viewer.library.errors import LibraryError, library_error
from viewer.library.store import Library
from viewer.library.writer import NotSaved, Writer

ROOT = Path(__file__).resolve().parents[3]


def document(count: int, points: int = 3) -> Document:
    ring = tuple((float(x), x * x / 7) for x in range(points))
    return Document("study", "series", tuple(Annotation(str(n), "a", 0, "SDH", ring) for n in range(count)))


def save(library: Library, new: Document, previous: Document) -> None:
    library.save_document(new, action="draw", reader="R", previous=previous)


def fails(code: str, library: Library) -> str:
    with pytest.raises(LibraryError) as caught:
        save(library, document(2, 40_000), document(1))
    assert caught.value.code == code
    return str(caught.value)


def test_a_full_disk_is_said_and_what_was_saved_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(Library(tmp_path), document(1), document(0))
    real = schema.connect

    def small(path: Path) -> sqlite3.Connection:
        connection = real(path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(schema, "connect", small)
        library = Library(tmp_path)
        assert "is full" in fails("LIBRARY_FULL", library)
        assert library.load_document("study", "series") == document(1)
        library.close()
    library = Library(tmp_path)
    assert library.load_document("study", "series") == document(1) == library.replay("study", "series")
    save(library, document(2, 40_000), document(1))
    assert library.load_document("study", "series") == document(2, 40_000)


NO_MORE_BYTES = """
import resource, sys
from pathlib import Path
from viewer.annotation.document import Annotation, Document
from viewer.library.errors import LibraryError
from viewer.library.store import Library
library = Library(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
mine = Document("study", "series")
ring = tuple((float(x), x * x / 7) for x in range(1000))
for number in range(100):
    more = Document("study", "series", (*mine.annotations, Annotation(str(number), "a", 0, "SDH", ring)))
    try:
        library.save_document(more, action="draw", reader="R", previous=mine)
    except LibraryError as error:
        print(len(mine.annotations), error.code, error)
        break
    mine = more
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of files")
def test_a_disk_that_takes_no_more_bytes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", NO_MORE_BYTES, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    acknowledged, code, *_ = answer.stdout.split()
    assert code == "LIBRARY_FULL"
    assert 0 < int(acknowledged) < 100
    library = Library(tmp_path)
    stored = library.load_document("study", "series")
    assert [a.uid for a in stored.annotations] == [str(number) for number in range(int(acknowledged))]
    assert library.replay("study", "series") == stored


def test_a_read_only_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(Library(tmp_path), document(1), document(0))

    def read_only(
        path: Path,
    ) -> sqlite3.Connection:  # chmod does not bind root, so the connection is the limit
        return sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )

    monkeypatch.setattr(schema, "connect", read_only)
    library = Library(tmp_path)
    assert "read-only" in fails("LIBRARY_READ_ONLY", library)
    assert library.load_document("study", "series") == document(1)


def test_a_library_that_is_read_only_from_the_start_is_shown_and_saved_to_once_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder takes no file beside the library, which SQLite asks for first; chmod does not bind root."""
    first = Library(tmp_path)
    save(first, document(1), document(0))
    first.close()
    assert [path.name for path in tmp_path.iterdir()] == ["pterion.sqlite3"]

    def refuse(path: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY_DIRECTORY
        raise error

    told: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_writable", refuse)
        patch.setattr("viewer.library.writer._RETRY_SECONDS", (60.0,))
        library = Library(tmp_path)
        assert library.load_document("study", "series") == document(1)
        writer = Writer(library, told.append)
        writer.submit(document(2), previous=document(1), action="draw", reader="R")
        assert not writer.flush()
        assert isinstance(told[0], NotSaved)
        assert told[0].error.code == "LIBRARY_READ_ONLY"
        assert writer.unsaved() == (document(2),)
        assert [path.name for path in tmp_path.iterdir()] == ["pterion.sqlite3"]
    writer.retry()
    assert writer.flush()
    assert writer.close()
    assert library.load_document("study", "series") == document(2)


def test_a_library_locked_by_another_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.05)
    library = Library(tmp_path)
    other = sqlite3.connect(library.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in fails("LIBRARY_BUSY", library)
    other.execute("ROLLBACK")
    other.close()
    save(library, document(1), document(0))


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\x07" * 8000])
def test_a_damaged_file_is_said_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pterion.sqlite3"
    path.write_bytes(content)
    with pytest.raises(LibraryError, match="damaged"):
        Library(tmp_path)
    assert path.read_bytes() == content


def test_pages_overwritten_with_noise_are_said(tmp_path: Path) -> None:
    library = Library(tmp_path)
    save(library, document(50, 100), document(0))
    library.close()
    content = library.path.read_bytes()
    library.path.write_bytes(content[:4096] + bytes(b ^ 0x5A for b in content[4096:]))
    with pytest.raises(LibraryError, match="damaged") as caught:
        Library(tmp_path).load_document("study", "series")
    assert caught.value.code == "LIBRARY_DAMAGED"


def test_a_damaged_row_is_said(tmp_path: Path) -> None:
    library = Library(tmp_path)
    save(library, document(1), document(0))
    connection = sqlite3.connect(library.path)
    connection.execute("UPDATE annotations SET body = '{}'")
    connection.commit()
    connection.close()
    with pytest.raises(LibraryError, match="damaged"):
        Library(tmp_path).load_document("study", "series")


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(LibraryError, match="--library"):
        Library(tmp_path / "file")
    (tmp_path / "pterion.sqlite3").mkdir()
    with pytest.raises(LibraryError, match="cannot be opened") as caught:
        Library(tmp_path)
    assert caught.value.code == "LIBRARY_UNREACHABLE"


def test_a_newer_library_is_left_as_it_is(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.close()
    connection = sqlite3.connect(library.path)
    connection.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    connection.close()
    before = library.path.read_bytes()
    with pytest.raises(LibraryError, match="Update Pterion") as caught:
        Library(tmp_path)
    assert caught.value.code == "LIBRARY_NEWER"
    assert library.path.read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "pterion.sqlite3")
    connection.execute("CREATE TABLE bookmarks (name TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(LibraryError, match="another program"):
        Library(tmp_path)


def test_an_older_library_is_copied_and_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(Library(tmp_path), document(1), document(0))
    today = len(schema.MIGRATIONS)
    newer = (*schema.MIGRATIONS, "CREATE TABLE lessons (name TEXT); INSERT INTO lessons VALUES ('one; two');")
    monkeypatch.setattr(schema, "MIGRATIONS", newer)
    library = Library(tmp_path)
    assert library.load_document("study", "series") == document(1)
    library.close()
    connection = sqlite3.connect(library.path)
    assert connection.execute("SELECT name FROM lessons").fetchall() == [("one; two",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (today + 1,)
    connection.close()
    backup = sqlite3.connect(tmp_path / f"pterion.version{today}.backup.sqlite3")
    assert backup.execute("SELECT count(*) FROM annotations").fetchone() == (1,)
    assert backup.execute("PRAGMA user_version").fetchone() == (today,)
    backup.close()


def test_a_step_that_fails_leaves_the_older_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(Library(tmp_path), document(1), document(0))
    with monkeypatch.context() as patch:
        steps = (*schema.MIGRATIONS, "CREATE TABLE lessons (name TEXT); INSERT INTO nowhere VALUES (1);")
        patch.setattr(schema, "MIGRATIONS", steps)
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            Library(tmp_path)
    assert Library(tmp_path).load_document("study", "series") == document(1)


def test_edits_are_pushed_to_the_disk(tmp_path: Path) -> None:
    connection = schema.connect(tmp_path / "pterion.sqlite3")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    connection.close()


def test_a_bug_keeps_its_own_name() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("SELECT nothing FROM nowhere")
    connection.close()
    assert library_error(caught.value, Path("x")) is None
    assert library_error(KeyError("x"), Path("x")) is None
