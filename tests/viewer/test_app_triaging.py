"""Background scoring behind the window: what is asked of it, what it shows, and when it tells."""

import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer.app.answering import Answering
from viewer.app.tasks import Tasks
from viewer.app.triaging import NOTICE, TITLE, Triaging
from viewer.dicom.scan import scan
from viewer.dicom.write import write_series
from viewer.jobs import triage
from viewer.library.store import Library
from viewer.library.triage import TriageList
from viewer.session import Notice, Session

TESTS = Path(__file__).parents[1]
WAIT_MS = 120_000


class Room:
    """A session with background scoring, without a window."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.session = Session()
        self.library = Library(folder)
        self.tasks = Tasks(self.session, self.session)
        self.told: list[Notice] = []
        self.session.noticed.connect(self.told.append)
        self.answering = Answering(self.session, registry, self.library, self.tasks, self.session)
        self.triaging = Triaging(
            self.session, self.library, registry, self.tasks, self.answering, self.join, self.session
        )

    def join(self, studies: tuple) -> None:
        there = {study.study_uid: study for study in (*studies, *self.session.studies)}
        self.session.set_studies(tuple(there.values()))

    def words(self) -> list[str]:
        return [row.word for row in self.session.triage.rows.values()]

    def close(self) -> None:
        self.triaging.shutdown()
        self.answering.shutdown()
        self.tasks.shutdown()
        self.library.close()


@pytest.fixture
def room(qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Room]]:
    runpy.run_path(str(TESTS / "toy_version.py"))["make"](tmp_path / "bundled")
    registry = Registry(tmp_path / "bundled", tmp_path / "models")
    monkeypatch.setattr(triage, "LOOK_S", 0.05)
    made: list[Room] = []

    def enter() -> Room:
        made.append(Room(tmp_path / "library", registry))
        return made[-1]

    yield enter
    for each in made:
        each.close()


def write_head(folder: Path, hu: np.ndarray) -> None:
    positions = np.array([(0.0, 0.0, 5.0 * index) for index in range(3)])
    write_series(folder, hu[2:5], spacing_mm=(1.75, 1.75), positions_mm=positions, patient_id="Müller")


def test_a_watched_folder_is_scored_told_of_and_gone_on_with(
    qtbot: QtBot, room: Callable[[], Room], phantom_hu: np.ndarray, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    write_head(inbox / "a", phantom_hu)
    here = room()
    session = here.session
    session.set_preferences(replace(session.preferences, notify_triage=True))
    session.triage.watch_requested.emit(inbox)
    qtbot.waitUntil(lambda: here.words() == ["scored"], timeout=WAIT_MS)
    (study,) = session.studies
    qtbot.waitUntil(lambda: study.study_uid in session.study_status, timeout=WAIT_MS)
    status = session.study_status[study.study_uid]
    assert status.split()[0] in ("bleed", "EDH", "SDH", "SAH", "IVH", "IPH")
    (notice,) = here.told
    assert (notice.title, notice.text) == (TITLE, f"{status}. {NOTICE}")
    assert "Müller" not in notice.text
    session.set_study(study)
    qtbot.waitUntil(lambda: here.words() == ["opened"], timeout=WAIT_MS)
    session.triage.reviewed_requested.emit(study.study_uid, True)
    qtbot.waitUntil(lambda: here.words() == ["reviewed"], timeout=WAIT_MS)
    session.triage.pause_requested.emit(True)
    here.close()

    later = room()
    later.triaging.begin()
    qtbot.waitUntil(lambda: later.words() == ["reviewed"], timeout=WAIT_MS)
    assert (later.session.triage.folder, later.session.triage.paused) == (inbox, True)
    qtbot.waitUntil(lambda: bool(later.session.study_status), timeout=WAIT_MS)
    assert later.session.study_status[study.study_uid] == status
    assert later.told == []
    here.close = lambda: None  # type: ignore[method-assign]


class Tray(QObject):
    """A tray that takes messages, as an offscreen screen has none."""

    messageClicked = Signal()  # noqa: N815

    def __init__(self, *_: object) -> None:
        super().__init__()
        self.messages: list[tuple[str, str]] = []

    isSystemTrayAvailable = supportsMessages = staticmethod(lambda: True)  # noqa: N815

    def show(self) -> None:
        pass

    hide = show

    def showMessage(self, title: str, text: str) -> None:
        self.messages.append((title, text))


def test_the_tray_tells_and_opens_the_study(
    room: Callable[[], Room], phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.app.triaging.QSystemTrayIcon", Tray)
    here = room()
    session = here.session
    session.set_preferences(replace(session.preferences, notify_triage=True))
    session.set_studies(scan([phantom_series]).studies)
    (study,) = session.studies
    here.triaging._fresh.add(study.study_uid)
    session.set_study_status(study.study_uid, "any .04")
    assert here.triaging.tray is None
    here.triaging._fresh.add(study.study_uid)
    session.set_study_status(study.study_uid, "SDH .97")
    tray = here.triaging.tray
    assert isinstance(tray, Tray)
    assert tray.messages == [(TITLE, f"SDH .97. {NOTICE}")]
    assert here.told == []
    tray.messageClicked.emit()
    assert session.study == study


def test_nothing_is_told_unless_it_is_wanted(
    qtbot: QtBot, room: Callable[[], Room], phantom_hu: np.ndarray, tmp_path: Path
) -> None:
    write_head(tmp_path / "a", phantom_hu)
    here = room()
    session = here.session
    session.set_preferences(replace(session.preferences, notify_triage=False))
    session.set_studies(scan([tmp_path / "a"]).studies)
    (study,) = session.studies
    session.set_study(study)
    session.triage.score_requested.emit((study.study_uid,))
    qtbot.waitUntil(lambda: study.study_uid in session.study_status, timeout=WAIT_MS)
    assert here.words() == ["opened"]  # it was on screen when it joined the list
    assert here.told == []


def test_a_study_that_fails_says_why_and_is_tried_again(
    qtbot: QtBot, room: Callable[[], Room], phantom_hu: np.ndarray, tmp_path: Path
) -> None:
    write_head(tmp_path / "a", phantom_hu)
    here = room()
    session = here.session
    session.set_studies(scan([tmp_path / "a"]).studies)
    uid = session.studies[0].study_uid
    kept = {path: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    for path in kept:
        path.unlink()
    session.triage.score_requested.emit((uid,))
    qtbot.waitUntil(lambda: here.words() == ["failed"], timeout=WAIT_MS)
    row = session.triage.row(uid)
    assert row is not None
    assert row.reason
    for path, content in kept.items():
        path.write_bytes(content)
    session.triage.score_requested.emit((uid,))
    qtbot.waitUntil(lambda: here.words() == ["scored"], timeout=WAIT_MS)
    assert TriageList(here.library).rows()[0].reason == ""
    session.triage.remove_requested.emit(uid)
    qtbot.waitUntil(lambda: here.words() == [], timeout=WAIT_MS)
    assert TriageList(here.library).rows() == ()
