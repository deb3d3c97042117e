"""The numbers of a built program, taken from a script that stands in for it."""

import sys
from pathlib import Path

import pytest

from model.errors import PterionError
from viewer.bench import packaged

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")


def stand_in(folder: Path, body: str) -> None:
    """A program in `folder` that runs `body`."""
    folder.mkdir()
    (folder / "pterion").write_text(f"#!/bin/sh\n{body}\n", "utf-8")
    (folder / "pterion").chmod(0o755)


def test_window_and_size_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(
        tmp_path / "built",
        'test "$1 $2 $3 $4" = "-P -m viewer.bench.child window" && echo \'{"A.window_up": 1.25}\'',
    )
    (tmp_path / "built" / "library.so").write_bytes(bytes(2_000_000))
    (tmp_path / "built" / "link.so").symlink_to("library.so")
    monkeypatch.setenv("PTERION_BUILT", str(tmp_path / "built"))
    found = packaged.packaged(Path())
    assert found["H.window_cold"] == 1.25
    assert found["H.folder"] == pytest.approx(2.0, abs=0.001)
    assert set(found) == {promise.name for promise in packaged.PROMISES}


def test_a_program_that_does_not_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "built", "echo no such library >&2; exit 127")
    monkeypatch.setenv("PTERION_BUILT", str(tmp_path / "built"))
    with pytest.raises(PterionError, match="did not start: no such library"):
        packaged.packaged(Path())


def test_without_a_build_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTERION_BUILT", str(tmp_path))
    with pytest.raises(PterionError, match=r"packaging/build\.py makes one"):
        packaged.built()
