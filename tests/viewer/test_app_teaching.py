"""A training as the window follows it: paused, stopped, abandoned, gone on with after a cut."""

import os
import runpy
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from model.compare import MEASURES
from model.examples import Slice, save_slices
from model.labels import SCORES
from model.registry import Registry
from model.run_folder import EventLog, Request
from model.verdict import SETS
from viewer.app.tasks import Tasks
from viewer.app.teaching import Teaching
from viewer.jobs import retrain
from viewer.learning import Wanted
from viewer.library.store import Library
from viewer.session import Session

WAIT_MS = 30_000


@pytest.fixture
def taught(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Session, Teaching, Path]]:
    """A window's teaching whose child never starts: the test writes the events that it would."""
    folder = retrain.runs_dir() / "20260101-000000"
    (folder / "samples").mkdir(parents=True)
    (folder / "samples" / "00001.npz").write_bytes(b"")
    Request("b", "i", "mine-1", "c").write(folder)
    monkeypatch.setattr(retrain, "start", lambda *_, **__: folder)
    monkeypatch.setattr(retrain, "launch", lambda _: None)
    owner, session, library = QObject(), Session(), Library(tmp_path / "library")
    tasks = Tasks(session, owner)
    teaching = Teaching(session, Registry(tmp_path / "bundled", tmp_path / "user"), library, tasks, owner)
    yield session, teaching, folder
    teaching.shutdown()
    tasks.shutdown()
    library.close()


def test_pause_stop_and_abandon_reach_the_run(taught: tuple, qtbot: QtBot) -> None:
    session, _, folder = taught
    session.learning.start_requested.emit(Wanted(False, ("SDH",)))
    qtbot.waitUntil(lambda: session.retraining.state == "running", timeout=WAIT_MS)
    session.learning.pause_requested.emit(True)
    assert (folder / "pause").exists()
    session.learning.pause_requested.emit(False)
    assert not (folder / "pause").exists()
    log = EventLog(folder)
    log("step", step=1, steps=4, loss=0.5, seconds_left=3.0)
    log("epoch", step=1, mine_dice=0.5)
    session.retrain_cancel_requested.emit()
    assert session.retraining.state == "stopping"
    assert (folder / "stop").exists()
    assert not (folder / "abandon").exists()
    session.learning.abandon_requested.emit()
    assert (folder / "abandon").exists()


def test_a_run_that_was_cut_short_is_gone_on_with(
    taught: tuple, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, teaching, folder = taught
    EventLog(folder)("started", slices=9)
    launched: list[Path] = []

    def launch(run: Path) -> None:
        os.utime(run / "request.json", (time.time() + 5, time.time() + 5))
        launched.append(run)

    monkeypatch.setattr(retrain, "launch", launch)
    teaching.begin()
    qtbot.waitUntil(lambda: launched == [folder], timeout=WAIT_MS)
    qtbot.waitUntil(lambda: session.retraining.state == "running", timeout=WAIT_MS)
    EventLog(folder)("cancelled")
    qtbot.waitUntil(lambda: session.retraining.state == "idle", timeout=WAIT_MS)


def test_a_child_that_dies_is_told_of(taught: tuple, qtbot: QtBot) -> None:
    session, _, folder = taught
    EventLog(folder)("started", slices=9)
    session.learning.start_requested.emit(Wanted(False, ("SDH",)))
    qtbot.waitUntil(lambda: session.retraining.state == "failed", timeout=WAIT_MS)
    assert "ended without a word" in session.retraining.text


def test_a_verdict_shows_its_slices_as_far_as_they_can_be_read(
    taught: tuple, qtbot: QtBot, tmp_path: Path
) -> None:
    """Of a series that is not in this library they cannot be opened; of a damaged file there are none."""
    session, _, _ = taught
    toy = runpy.run_path(str(Path(__file__).parent.parent / "toy_version.py"))
    row = {"before": 0.4, "after": 0.5, "difference": 0.1, "interval": None, "n": 2}
    tables = {name: {measure: dict.fromkeys(SCORES, row) for measure in MEASURES} for name in SETS}
    judged = {"incumbent": "toy-1", "metrics": tables, "verdict": {"kind": "better", "title": "Better."}}
    Registry(tmp_path / "bundled", tmp_path / "user").add_candidate(
        toy["make"](tmp_path / "new", "mine-one", "toy-1", **judged)
    )
    (retrain.runs_dir() / "one").mkdir()
    worst = retrain.runs_dir() / "one" / "worst.npz"
    blank = np.zeros((4, 4), np.uint8)
    save_slices(worst, [Slice(blank, blank, blank, blank, (0.8, 0.5), "elsewhere/1:0")])
    for shown in (1, 0):
        with qtbot.waitSignal(session.learning.judgement_changed, timeout=WAIT_MS):
            session.learning.judgement_requested.emit("mine-one")
        judgement = session.learning.judgement
        assert judgement is not None
        assert (judgement.title, [one.place for one in judgement.worst]) == ("Better.", [""] * shown)
        worst.write_bytes(b"no")
