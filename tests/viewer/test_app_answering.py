"""Who answers, and when: on demand, another model's answer of before, a device that gives up."""

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from model.errors import PterionError
from model.predict import Predictor
from model.registry import Registry
from viewer.app import Application
from viewer.app.answering import WAITS
from viewer.session import Session

TESTS = Path(__file__).parents[1]
WAIT_MS = 60_000
Start = Callable[..., Application]


@pytest.fixture
def start(start: Start, tmp_path: Path) -> Start:
    """Starts the program with one of two models."""
    make = runpy.run_path(str(TESTS / "toy_version.py"))["make"]
    for name in ("toy-1", "toy-2"):
        make(tmp_path / name, name)

    def run(*paths: Path, model: str = "toy-1") -> Application:
        return start(*paths, registry=Registry(tmp_path / model, tmp_path / "models"))

    return run


def scored(session: Session) -> bool:
    return session.findings is not None and session.findings.done


def test_on_demand_the_model_waits_to_be_asked(qtbot: QtBot, start: Start, phantom_series: Path) -> None:
    application = start()
    session = application.session
    session.set_preferences(replace(session.preferences, model_run="on_demand"))
    session.request_open(phantom_series)
    qtbot.waitUntil(
        lambda: session.findings is not None and session.findings.not_run == WAITS, timeout=WAIT_MS
    )
    session.score_requested.emit()
    qtbot.waitUntil(lambda: scored(session), timeout=WAIT_MS)


def test_what_another_model_said_is_shown_as_its_own(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    first = start(phantom_series)
    qtbot.waitUntil(lambda: scored(first.session) and not first.tasks.busy, timeout=WAIT_MS)
    first.shutdown()
    second = start(phantom_series, model="toy-2")
    session, panel = second.session, second.window.right.findings
    qtbot.waitUntil(lambda: scored(session) and session.model_id == "toy-2", timeout=WAIT_MS)
    assert session.findings is not None
    assert session.findings.model_id == "toy-1"
    panel.refresh()
    assert panel._notes.count() >= 1
    session.score_requested.emit()
    qtbot.waitUntil(
        lambda: scored(session) and session.findings.model_id == "toy-2",  # type: ignore[union-attr]
        timeout=WAIT_MS,
    )


def test_where_a_card_gives_up_the_processor_answers_with_a_word(
    qtbot: QtBot, start: Start, phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = Predictor.score

    def fails_on_a_card(self: Predictor, *args: object) -> object:
        if self.device != "cpu":
            raise PterionError("The card has no memory left.")
        return score(self, *args)  # type: ignore[arg-type]

    original = Predictor.__init__

    def pretends(self: Predictor, path: Path, threads: int = 2, device: str = "cpu") -> None:
        original(self, path, threads, "cpu")
        self.device = "cuda" if device == "cuda" else "cpu"

    monkeypatch.setattr(Predictor, "score", fails_on_a_card)
    monkeypatch.setattr(Predictor, "__init__", pretends)
    application = start()
    session = application.session
    told: list[str] = []
    session.noticed.connect(lambda notice: told.append(notice.text))
    session.set_preferences(replace(session.preferences, model_device="cuda", model_threads=1))
    session.request_open(phantom_series)
    qtbot.waitUntil(lambda: scored(session), timeout=WAIT_MS)
    assert any("The card has no memory left. The processor goes on" in text for text in told)
    qtbot.waitUntil(lambda: session.ai_state == "AI idle · 1 thread", timeout=WAIT_MS)


def test_what_was_answered_meanwhile_is_not_taken_back(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    application = start(phantom_series)
    session = application.session
    qtbot.waitUntil(lambda: scored(session) and not application.tasks.busy, timeout=WAIT_MS)
    assert session.study is not None
    uid = session.study.study_uid
    other = replace(session.study, study_uid="1.2.3")
    application.answering.remember_statuses((session.study, other))
    session.set_study_status(uid, "newer")
    qtbot.waitUntil(lambda: "1.2.3" in session.study_status, timeout=WAIT_MS)
    assert session.study_status[uid] == "newer"
