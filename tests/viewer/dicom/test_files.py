"""A file appears whole, or not at all."""

import errno
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

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


def test_a_full_disk_is_seen_through_pydicoms_wrapping(phantom_series: Path) -> None:
    class Full(BytesIO):
        def write(self, data: Any, /) -> int:
            if len(data) > 9000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    with pytest.raises(OSError, match="7FE0,0010") as met:
        dcmread(min(phantom_series.iterdir())).save_as(Full(), enforce_file_format=True)
    assert met.value.errno is None
    assert file_error(met.value, "Writing a").code == "DISK_FULL"


def test_a_place_that_refuses_even_the_tidying_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with (
        pytest.raises(PterionError, match=r"Writing a failed: the place is read-only\."),
        whole_file(tmp_path / "a"),
    ):
        pass


@pytest.mark.parametrize("code", [21, 55, 64, 1167])
def test_windows_has_numbers_of_its_own_for_a_disk_that_is_gone(code: int) -> None:
    error = OSError(errno.EINVAL, "Invalid argument")
    error.winerror = code  # type: ignore[attr-defined]
    said = file_error(error, "Reading a")
    assert said.code == "DISK_GONE"
    assert str(said).endswith("is gone. Put it back and open the files again.")
