"""The window on machines that are not as they should be: libraries of other versions, no place to write, no fonts, a
tiny screen, a clock that is wrong."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from viewer.app import Application
from viewer.cli import main
from viewer.library.schema import MIGRATIONS
from viewer.library.store import FILE_NAME, Library

WAIT_MS = 60_000
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def told(qtbot: QtBot) -> list[str]:
    """The texts of message boxes, each closed as soon as it is up."""
    texts: list[str] = []

    def look() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            texts.append(f"{box.windowTitle()}: {box.text()}")
            box.accept()
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(20, look)
    return texts


def newer(folder: Path) -> bytes:
    """Make a library of a version that does not exist yet; its bytes."""
    Library(folder).close()
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    return (folder / FILE_NAME).read_bytes()


@pytest.mark.qt_log_ignore("propagateSizeHints")  # of the platform without a screen
def test_a_newer_library_is_refused_in_a_window_and_left_as_it_is(
    told: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = newer(tmp_path)
    assert main(["view", "--fresh", "--library", str(tmp_path)]) == 1
    (text,) = told
    assert text.startswith("Pterion cannot start: The library pterion.sqlite3 was written by a newer Pterion")
    assert "Update Pterion" in text
    assert "newer Pterion" in capsys.readouterr().err
    assert (tmp_path / FILE_NAME).read_bytes() == before


@pytest.mark.qt_log_ignore("propagateSizeHints")  # of the platform without a screen
def test_no_place_to_write_is_said_in_a_window(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PTERION_DATA", str(tmp_path / "file" / "data"))
    assert main(["view", "--fresh"]) == 1
    (text,) = told
    assert "data folder" in text and "PTERION_DATA" in text


def close_when(holds: Callable[[Application], bool]) -> None:
    """End the window that `run` opens once something holds in it."""

    def look() -> None:
        windows = [each for each in QApplication.topLevelWidgets() if type(each).__name__ == "MainWindow"]
        if windows and holds(windows[0]):
            windows[0].close()
        else:
            QTimer.singleShot(50, look)

    QTimer.singleShot(50, look)


def test_a_wrong_clock_stops_nothing(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phantom_series: Path
) -> None:
    """1971: before every file, every study and the library's own rows."""
    real, shift = time.time, time.time() - 366 * 86400
    monkeypatch.setattr(time, "time", lambda: real() - shift)
    application = Application([phantom_series], library_dir=tmp_path)
    try:
        session = application.session
        qtbot.waitUntil(
            lambda: (
                session.volume is not None and session.volume.loaded.all() and session.findings is not None
            ),
            timeout=WAIT_MS,
        )
        assert application.window.isVisible() or application.window.close()
    finally:
        application.window.close()
        application.shutdown()
        application.window.deleteLater()


@pytest.mark.parametrize("ground", ["no fonts", "tiny screen"])
def test_the_window_comes_up(ground: str, tmp_path: Path) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PTERION_DATA": str(tmp_path / "data")}
    if ground == "no fonts":
        (tmp_path / "fonts.conf").write_text("<fontconfig></fontconfig>", "utf-8")
        environment |= {"FONTCONFIG_FILE": str(tmp_path / "fonts.conf"), "QT_QPA_FONTDIR": str(tmp_path)}
    else:
        screens = tmp_path / "screens.json"
        screens.write_text(
            '{"screens": [{"name": "small", "x": 0, "y": 0, "width": 800, "height": 600}]}', "utf-8"
        )
        environment["QT_QPA_PLATFORM"] = f"offscreen:configfile={screens}"
    script = (
        "from viewer.bench import drive\n"
        "from PySide6.QtGui import QFontInfo\n"
        "application = drive.open_window(empty=True)\n"
        "window = application.window\n"
        "window.placing.fit()\n"
        "drive.pause(300)\n"
        "screen = window.screen().availableGeometry()\n"
        "print(window.isVisible(), screen.width(), window.width() <= 800 and window.height() <= 600,"
        " QFontInfo(window.font()).family())\n"
        "drive.close(application)\n"
    )
    words = [sys.executable, "-P", "-c", script]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    visible, width, inside, family = done.stdout.split(maxsplit=3)
    assert visible == "True"
    assert family.strip() == "Inter"
    if ground == "tiny screen":
        assert (width, inside) == ("800", "True")
