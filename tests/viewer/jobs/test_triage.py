"""The background list: what a kill leaves, what a dead process takes, what a watched folder brings."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.errors import PterionError
from model.registry import Registry
from viewer.dicom.series import Study
from viewer.jobs import triage
from viewer.jobs.crew import Model
from viewer.jobs.triage import Found, Progress, Scored, Told, Triage
from viewer.library.store import Library
from viewer.library.triage import TriageList

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _at_usual_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside other tests the lowest priority would wait for minutes."""
    monkeypatch.setattr(triage, "Model", lambda *args, background, **more: Model(*args, **more))


def states(library: Library) -> list[str]:
    return [str(row.state) for row in TriageList(library).rows()]


# the work


class Listener:
    """Ends the work once as many studies are done as are waited for, or studies were found."""

    def __init__(self, library: Library, registry: Registry, count: int) -> None:
        self.told: list[Told] = []
        self.count = count
        self.triage = Triage(library, registry, self.hear)

    def hear(self, told: Told) -> None:
        self.told.append(told)
        if len(self.scored) == self.count:
            self.triage.end()

    @property
    def scored(self) -> list[Scored]:
        return [each for each in self.told if isinstance(each, Scored)]


def test_the_list_is_scored_and_kept_in_the_library(
    library: Library, registry: Registry, small_heads: tuple[Study, ...]
) -> None:
    chest = replace(small_heads[2], series=(replace(small_heads[2].series[0], modality="MR"),))
    TriageList(library).add([*small_heads[:2], chest])
    listener = Listener(library, registry, 3)
    listener.triage.run()
    assert [each.study.study_uid for each in listener.scored] == [study.study_uid for study in small_heads]
    assert [bool(each.error) for each in listener.scored] == [False, False, True]
    assert states(library) == ["scored", "scored", "failed"]
    assert "the model reads CT" in TriageList(library).rows()[2].reason
    for study in small_heads[:2]:
        assert library.load_findings(study.series[0].series_uid, "toy-1") is not None
    assert Progress(small_heads[0].study_uid, 3, 3) in listener.told


def test_a_process_that_dies_takes_one_study_with_it(
    library: Library, registry: Registry, small_heads: tuple[Study, ...]
) -> None:
    TriageList(library).add(small_heads[:2])
    listener = Listener(library, registry, 2)
    struck = []

    def hear(told: Told) -> None:
        worker = listener.triage._worker
        if isinstance(told, Progress) and told.scored and not struck and worker is not None:
            struck.append(worker.pid)
            worker._process.kill()
        listener.hear(told)

    listener.triage._tell = hear
    listener.triage.run()
    assert sorted(states(library)) == ["failed", "scored"]
    assert "ended by the system" in next(each.error for each in listener.scored if each.error)


CHILD = """
import sys, time
from pathlib import Path
from model.registry import Registry
from viewer.jobs.triage import Triage
from viewer.library.store import Library
if __name__ == "__main__":
    bundled, folder = map(Path, sys.argv[1:])
    Triage(Library(folder), Registry(bundled, bundled / "none"), lambda told: time.sleep(0.1)).run()
"""


def test_a_kill_while_scoring_loses_nothing_and_doubles_nothing(
    library: Library, bundled: Path, registry: Registry, small_heads: tuple[Study, ...], tmp_path: Path
) -> None:
    TriageList(library).add(small_heads)
    script = tmp_path / "child.py"
    script.write_text(CHILD, "utf-8")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}
    child = subprocess.Popen(
        [sys.executable, str(script), str(bundled), str(library.path.parent)], env=environment
    )
    while child.poll() is None and states(library)[:2] != ["scored", "scoring"]:
        time.sleep(0.02)
    assert child.poll() is None
    child.kill()
    child.wait()
    assert states(library) == ["scored", "scoring", "new"]
    listener = Listener(library, registry, 2)
    listener.triage.run()
    assert [each.study.study_uid for each in listener.scored] == [
        study.study_uid for study in small_heads[1:]
    ]
    assert states(library) == ["scored"] * 3
    assert len(library.study_scores("toy-1")) == 3


def test_what_this_model_has_scored_is_not_scored_again(
    library: Library, registry: Registry, small_heads: tuple[Study, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    study_uid, uid = small_heads[0].series[0].key
    masks, slices = np.zeros((3, 4, 4), np.uint8), np.zeros((3, 6), np.float32)
    library.save_findings(
        uid, "toy-1", study_scores={}, slice_scores=slices, masks=masks, volume_ml={}, study_uid=study_uid
    )
    TriageList(library).add(small_heads[:1])
    monkeypatch.setattr(triage, "Worker", None)  # none may be started
    listener = Listener(library, registry, 1)
    listener.triage.run()
    assert states(library) == ["scored"]


def test_only_one_process_scores_a_list(library: Library, registry: Registry) -> None:
    with (
        triage._only_one(library.path.parent / triage.LOCK),
        pytest.raises(PterionError, match="Another window"),
    ):
        Triage(library, registry, lambda _: None).run()


def test_a_watched_folder_brings_studies_once_they_are_whole(
    library: Library,
    registry: Registry,
    write_small_head: Callable[[Path, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(triage, "LOOK_S", 0.0)
    found: list[Told] = []
    work = Triage(library, registry, found.append)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    work.watch(inbox)
    for _ in range(3):
        work._look()
    write_small_head(inbox / "a", "a")
    work._look()
    assert found == []  # it may still be on its way
    (inbox / "a" / "late.txt").write_text("more", "utf-8")
    work._look()
    assert found == []
    work._look()
    (new,) = found
    assert isinstance(new, Found)
    assert len(new.studies) == 1
    assert states(library) == ["new"]
    work._look()
    assert len(found) == 1
    write_small_head(inbox / "b", "b")
    work._look()
    work._look()
    assert len(found) == 2
    assert states(library) == ["new", "new"]
    work.watch(None)
    write_small_head(inbox / "c", "c")
    for _ in range(3):
        work._look()
    assert len(found) == 2


def test_a_paused_list_is_left_alone(
    library: Library, registry: Registry, small_heads: tuple[Study, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    TriageList(library).add(small_heads[:1])
    listener = Listener(library, registry, 1)
    work = listener.triage
    waits: list[list[str]] = []
    real = work._wait

    def wait(seconds: float) -> None:
        waits.append(states(library))
        if len(waits) == 3:
            work.give_way(False)
        real(0)

    monkeypatch.setattr(work, "_wait", wait)
    work.give_way(True)
    work.run()
    assert waits[:3] == [["new"]] * 3
    assert states(library) == ["scored"]
