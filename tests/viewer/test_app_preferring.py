"""Preferences over the life of the application, and a description of it that names nobody."""

import json
import runpy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer import preferences
from viewer.app import Application
from viewer.app.describing import log_lines
from viewer.app.reporting import BugReporter
from viewer.bindings import Bindings
from viewer.library.counts import counts
from viewer.library.errors import LibraryError
from viewer.preferences import FILE_NAME, Preferences
from viewer.resources import data_dir
from viewer.session import Notice, Tool
from viewer.ui import theme

TESTS = Path(__file__).parents[1]
WAIT_MS = 20_000
Start = Callable[..., Application]


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toys")
    runpy.run_path(str(TESTS / "toy_version.py"))["make"](folder / "bundled", "toy-1")
    return folder / "bundled"


@pytest.fixture
def registry(bundled: Path, tmp_path: Path) -> Registry:
    return Registry(bundled, tmp_path / "models")


@pytest.fixture
def start(looks_as_before: None, start: Start, tmp_path: Path) -> Start:
    """Starts the program with a library whose folder names a patient."""
    return partial(start, library_dir=tmp_path / "Schmidt^Anna 4711")


@pytest.fixture
def looks_as_before(qtbot: QtBot) -> Iterator[None]:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    looks = (QApplication.font(), QApplication.palette(), app.styleSheet())
    yield
    theme.use(Preferences())
    QApplication.setFont(looks[0])
    QApplication.setPalette(looks[1])
    app.setStyleSheet(looks[2])


def told(qtbot: QtBot, application: Application, title: str) -> Notice:
    notices: list[Notice] = application.notices  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: title in [notice.title for notice in notices], timeout=WAIT_MS)
    return next(notice for notice in notices if notice.title == title)


def test_preferences_are_kept_and_in_effect_from_the_first_moment(qtbot: QtBot, start: Start) -> None:
    first = start()
    chosen = Preferences(Bindings("weasis"), text_scale=1.2, hide_patient=True, memory_mb=512)
    first.session.set_preferences(Preferences(model_threads=2))
    first.session.set_preferences(chosen)
    assert first.session.patient_hidden
    qtbot.waitUntil(lambda: preferences.load(data_dir()).preferences == chosen, timeout=WAIT_MS)
    assert first.opening.volumes.budget == 512 << 20
    first.session.set_recent_actions(("invert",))
    first.shutdown()
    second = start()
    assert second.session.preferences == chosen
    assert second.session.patient_hidden
    assert second.session.tool is Tool.WINDOW
    assert second.window.top_bar.presets[2].key == "3"
    qtbot.waitUntil(lambda: second.session.recent_actions == ("invert",), timeout=WAIT_MS)


def test_a_damaged_file_is_backed_up_and_said_in_a_notice(qtbot: QtBot, start: Start) -> None:
    path = data_dir() / FILE_NAME
    path.write_bytes(b'{"format": "pterion pref')
    application = start()
    said = told(qtbot, application, "Preferences damaged")
    (aside,) = data_dir().glob("preferences.damaged-*.json")
    assert aside.read_bytes() == b'{"format": "pterion pref'
    assert aside.name in said.text
    assert str(data_dir()) not in said.text
    assert application.session.preferences == Preferences()


def test_a_disk_that_takes_no_preferences_is_said_and_they_stay_in_effect(
    qtbot: QtBot, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = start()

    def refuse(*_: object) -> None:
        raise preferences.file_error(OSError(28, "no space"), "Writing preferences.json")

    monkeypatch.setattr(preferences, "save", refuse)
    application.session.set_preferences(Preferences(model_threads=7))
    assert "disk is full" in told(qtbot, application, "Your preferences could not be kept").text
    assert application.session.preferences.model_threads == 7


def test_diagnostics_describe_everything_and_name_nobody(
    qtbot: QtBot, start: Start, write_series_copy: Callable[[str], Path]
) -> None:
    log = data_dir() / "pterion.log"
    application = start(write_series_copy("Phantom^Test PHANTOM-1"))
    session = application.session
    qtbot.waitUntil(lambda: session.volume is not None and session.volume.loaded.all(), timeout=WAIT_MS)
    reporter = BugReporter(session, data_dir())
    reporter.caught(ValueError, ValueError("Phantom^Test"), None)
    reporter.remove()
    with log.open("a", encoding="utf-8") as file:
        file.write("2026-11-21 10:00:00,000 KeyError: 'Phantom^Test' in /home/schmidt/x\n")
    session.diagnostics_requested.emit()
    told(qtbot, application, "Diagnostics copied")
    text = QApplication.clipboard().text()
    for wanted in (
        "Pterion 0.1.0 · diagnostics · research use only",
        "System: ",
        "Qt: 6.",
        "Processor: ",
        "GPU: ",
        "onnxruntime ",
        "Model: toy-1",
        "Open series: 8×128×96, transfer syntax 1.2.840.10008.1.2.1",
        "Library: schema ",
        "1 studies",
        "ValueError at ",
        "Preferences: keys pterion",
    ):
        assert wanted in text, wanted
    for secret in (
        "Phantom",
        "PHANTOM",
        "Schmidt",
        "schmidt",
        "4711",
        "CT HEAD",
        str(data_dir()),
        str(Path.home()),
    ):
        assert secret not in text.replace("PHANTOM-free", ""), secret


def test_of_a_log_only_lines_of_its_own_form_are_copied(tmp_path: Path) -> None:
    good = "2026-11-21 10:00:00,123 KeyError at app.py:12 run < app.py:3 <module>"
    bad = ("Doe^Jane", "2026-11-21 10:00:00,123 KeyError: Doe", "2026-11-21 Doe at a.py:1 f, Doe^Jane")
    (tmp_path / "log").write_text("\n".join([*bad, good, *bad]), "utf-8")
    assert log_lines(tmp_path / "log") == [f"  {good}"]
    assert log_lines(tmp_path / "missing") == ["  none"]


def test_licences_are_read_when_somebody_asks(qtbot: QtBot, start: Start) -> None:
    application = start()
    assert application.session.licences == ()
    application.session.licences_requested.emit()
    qtbot.waitUntil(lambda: len(application.session.licences) > 20, timeout=WAIT_MS)
    assert application.session.licences[0].name == "Pterion"


def test_a_library_is_counted_without_being_changed(start: Start, tmp_path: Path) -> None:
    application = start()
    path = application.library.path
    found = counts(path)
    assert (found["annotations"], found["studies"]) == (0, 0)
    assert found["bytes"] == path.stat().st_size
    with pytest.raises(LibraryError):
        counts(tmp_path / "missing.sqlite3")
    (tmp_path / "no.sqlite3").write_bytes(json.dumps({}).encode() * 600)
    with pytest.raises(LibraryError):
        counts(tmp_path / "no.sqlite3")
