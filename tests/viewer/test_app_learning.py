"""Versions and the split as the window asks for them: named, moved, compared, pinned; errors as notices."""

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer.app.learning import LearningDesk
from viewer.app.tasks import Tasks
from viewer.jobs import retrain
from viewer.learning import Person, Preflight, Wanted
from viewer.library.store import Library
from viewer.session import Notice, Session

TOY = runpy.run_path(str(Path(__file__).parent.parent / "toy_version.py"))
WAIT_MS = 30_000


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Session, Registry, Library]]:
    """A bundled version and a candidate that was judged beside it."""
    row = {"before": 0.4, "after": 0.5, "difference": 0.1, "interval": None, "n": 2}
    judged = {
        "incumbent": "toy-1",
        "metrics": {"yours": {"dice": {"any": row}}},
        "verdict": {"kind": "better"},
    }
    TOY["make"](tmp_path / "bundled", "toy-1")
    registry = Registry(tmp_path / "bundled", tmp_path / "user")
    registry.add_candidate(TOY["make"](tmp_path / "new", "mine-1", "toy-1", **judged))
    owner, session, library = QObject(), Session(), Library(tmp_path / "library")
    tasks = Tasks(session, owner)
    made = LearningDesk(session, registry, library, tasks, owner)
    yield session, registry, library
    made.shutdown()
    tasks.shutdown()
    library.close()


def test_versions_are_listed_and_named(desk: tuple, qtbot: QtBot) -> None:
    session, _, _ = desk
    learning = session.learning
    with qtbot.waitSignal(learning.versions_changed, timeout=WAIT_MS):
        learning.versions_requested.emit()
    assert [(row.id, row.status, row.current, row.verdict) for row in learning.versions] == [
        ("toy-1", "bundled", True, ""),
        ("mine-1", "candidate", False, "better"),
    ]
    with qtbot.waitSignal(learning.versions_changed, timeout=WAIT_MS):
        learning.rename_requested.emit("mine-1", "My clinic")
    assert learning.versions[1].name == "My clinic"


def test_versions_are_compared(desk: tuple, qtbot: QtBot) -> None:
    learning = desk[0].learning
    with qtbot.waitSignal(learning.comparison_changed, timeout=WAIT_MS):
        learning.compare_requested.emit("mine-1", "toy-1")
    assert learning.comparison.rows == (("your test patients", "dice any", 0.5, 0.4),)
    with qtbot.waitSignal(learning.comparison_changed, timeout=WAIT_MS):
        learning.compare_requested.emit("toy-1", "toy-1")
    assert learning.comparison.text == "They were never measured on the same cases."


def test_a_version_goes_out_and_comes_in(desk: tuple, qtbot: QtBot, tmp_path: Path) -> None:
    session, registry, _ = desk
    learning, said = session.learning, []
    session.noticed.connect(said.append)
    with qtbot.waitSignal(session.noticed, timeout=WAIT_MS):
        learning.export_requested.emit("mine-1", tmp_path / "mine-1.zip")
    registry.discard("mine-1")
    with qtbot.waitSignal(session.noticed, timeout=WAIT_MS):
        learning.import_requested.emit(tmp_path / "mine-1.zip")
    assert registry.get("mine-1").status == "candidate"
    with qtbot.waitSignal(session.noticed, timeout=WAIT_MS):
        learning.import_requested.emit(tmp_path / "mine-1.zip")
    notice: Notice = said[-1]
    assert (notice.level, "is there already" in notice.text) == ("error", True)


def test_a_pin_is_kept_with_the_library_and_shown(desk: tuple, qtbot: QtBot) -> None:
    session, _, library = desk
    learning = session.learning
    learning.set_preflight(Preflight("done", people=(Person("p1", "ANON-1", True, "train", False),)))
    with qtbot.waitSignal(learning.preflight_changed, timeout=WAIT_MS):
        learning.pin_requested.emit("p1", "test")
    assert learning.preflight.people == (Person("p1", "ANON-1", True, "test", True),)
    assert retrain.read_split(library).parts == {"p1": "test"}


def test_an_empty_library_is_refused_with_what_to_do(desk: tuple, qtbot: QtBot) -> None:
    learning = desk[0].learning
    learning.preflight_requested.emit(Wanted(False, ("SDH",)))
    qtbot.waitUntil(lambda: learning.preflight.state == "done", timeout=WAIT_MS)
    assert "Draw polygons or mark slices as reviewed" in learning.preflight.refusal
    assert learning.preflight.expected is None
