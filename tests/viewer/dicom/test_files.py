"""A file appears whole, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from model.errors import PterionError
from viewer.dicom.files import file_error, whole_file


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as file:
        file.write(b"new")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def half() -> None:
        with whole_file(tmp_path / "a") as file:
            file.write(b"new")
            raise KeyError

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(KeyError):
        half()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_others_may_read_it_as_far_as_the_umask_allows(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with whole_file(tmp_path / "a"):
        pass
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (
            errno.ENOSPC,
            "DISK_FULL",
            "Writing a failed: the disk is full. Free some space, or choose another place.",
        ),
        (errno.EACCES, "NO_PERMISSION", "permission is denied"),
        (errno.EROFS, "NO_PERMISSION", "the place is read-only. Choose another place."),
        (errno.EPIPE, "FILE_ERROR", "Check the place and try again."),
    ],
)
def test_the_system_speaks_in_sentences(number: int, code: str, text: str) -> None:
    error = file_error(OSError(number, os.strerror(number)), "Writing a")
    assert isinstance(error, PterionError)
    assert error.code == code
    assert text in str(error)
