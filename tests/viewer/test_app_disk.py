"""The application while its files go: a disk that is pulled out, a file that vanishes, a folder that refuses."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from viewer.app import Application
from viewer.dicom.load import load_slice
from viewer.dicom.volume import Volume
from viewer.session import Notice

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WAIT_MS = 20_000
Start = Callable[..., Application]


def heard(application: Application) -> list[Notice]:
    notices: list[Notice] = []
    application.session.noticed.connect(notices.append)
    return notices


def settled(application: Application, slices: int = 8) -> Callable[[], bool]:
    """Whether every slice of the open series is there or given up."""

    def check() -> bool:
        volume = application.session.volume
        return volume is not None and len(volume.hu) == slices and bool((volume.loaded | volume.failed).all())

    return check


def test_a_disk_pulled_out_while_a_series_loads(
    start: Start,
    write_series_copy: Callable[[str], Path],
    phantom_series: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three slices are there; the others are gaps with a reason; the window opens the next folder as ever."""
    folder, done = write_series_copy("DOE_JANE"), []

    def load(volume: Volume, index: int) -> str | None:
        if len(done) == 3 and volume.series.slices[index].path.is_relative_to(folder):
            shutil.rmtree(folder, ignore_errors=True)
        done.append(index)
        return load_slice(volume, index)

    monkeypatch.setattr("viewer.jobs.reading_qt.load_slice", load)
    application = start()
    notices = heard(application)
    application.session.request_open(folder)
    qtbot.waitUntil(settled(application), timeout=WAIT_MS)
    volume = application.session.volume
    assert volume is not None
    assert 0 < int(volume.failed.sum()) <= 5
    assert (volume.hu[volume.failed] == -1024).all()
    qtbot.waitUntil(lambda: any("could not be read" in notice.title for notice in notices), timeout=WAIT_MS)
    (said,) = [notice for notice in notices if "could not be read" in notice.title]
    assert "it does not exist" in said.text
    assert ".dcm" not in said.discreet
    application.session.request_open(phantom_series)
    qtbot.waitUntil(lambda: settled(application)() and bool(shown(application).loaded.all()), timeout=WAIT_MS)


def shown(application: Application) -> Volume:
    volume = application.session.volume
    assert volume is not None
    return volume


def test_a_file_that_vanishes_after_the_scan(
    start: Start, write_series_copy: Callable[[str], Path], qtbot: QtBot
) -> None:
    folder = write_series_copy("series")
    application = start()
    notices = heard(application)
    application.session.studies_changed.connect(lambda _: (folder / "IM0003.dcm").unlink(missing_ok=True))
    application.session.request_open(folder)
    qtbot.waitUntil(settled(application), timeout=WAIT_MS)
    assert shown(application).failed.tolist() == [False, False, True, *[False] * 5]
    title = "1 of 8 slices could not be read"
    qtbot.waitUntil(lambda: title in {notice.title for notice in notices}, timeout=WAIT_MS)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "permission is denied"),
        (errno.EIO, "the disk reports an error"),
        (errno.ENODEV, "the disk, or the connection to it, is gone"),
    ],
)
def test_a_folder_that_refuses_is_said_and_what_is_open_stays(
    start: Start,
    phantom_series: Path,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    words: str,
) -> None:
    application = start(phantom_series)
    qtbot.waitUntil(settled(application), timeout=WAIT_MS)
    notices, refused, scandir = heard(application), tmp_path / "DOE", os.scandir
    refused.mkdir()

    def refuse(path: object = ".") -> object:
        if str(path) == str(refused):
            raise OSError(number, os.strerror(number), str(refused))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refuse)
    application.session.request_open(refused)
    qtbot.waitUntil(lambda: bool(notices), timeout=WAIT_MS)
    assert words in notices[0].text
    assert "DOE" in notices[0].text
    assert "DOE" not in notices[0].discreet
    assert shown(application).loaded.all()
