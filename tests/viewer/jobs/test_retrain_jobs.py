"""From the library to a candidate through a real child process, and what is left when that is killed."""

import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from model import run_folder
from model.errors import Cancelled, PterionError
from model.registry import Registry
from model.run_folder import EventLog, Request
from model.sample import load_sample
from tests.tiny_version import make_tiny
from viewer.annotation.document import Annotation, Document
from viewer.dicom.scan import scan
from viewer.dicom.write import write_series
from viewer.jobs import retrain, retrain_headless
from viewer.library.store import Library

SMALL = {
    "steps": 2,
    "replay": 0,
    "watched": 0,
    "reference": 1,
    "size": 48,
    "slices": 2,
    "threads": 1,
    "nice": 0,
}
SQUARE = ((30.0, 60.0), (42.0, 60.0), (42.0, 70.0), (30.0, 70.0))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with an untrained version of a very small network, `tiny-1`."""
    return make_tiny(tmp_path_factory.mktemp("trained")).parent


@pytest.fixture
def registry(trained: Path, tmp_path: Path) -> Registry:
    return Registry(trained, tmp_path / "models")


@pytest.fixture(scope="session")
def patients(tmp_path_factory: pytest.TempPathFactory, phantom_hu: np.ndarray) -> Path:
    """Three patients as DICOM, four slices each."""
    folder = tmp_path_factory.mktemp("patients")
    for name in ("A", "B", "C"):
        write_series(
            folder / name,
            phantom_hu[2:6],
            spacing_mm=(1.75, 1.75),
            positions_mm=np.array([(0.0, 0.0, 5.0 * index) for index in range(4)]),
            patient_id=f"P-{name}",
            thickness_mm=5.0,
        )
    return folder


@pytest.fixture
def library(tmp_path: Path, patients: Path) -> Iterator[Library]:
    """Each patient with a bleed drawn on the second and third slice."""
    library = Library(tmp_path / "library")
    for study in scan([patients]).studies:
        library.remember_study(study)
        series = study.series[0]
        drawn = tuple(
            Annotation(f"a{index}", series.slices[index].sop_uid, 0, "IPH", SQUARE) for index in (1, 2)
        )
        library.save_document(Document(series.study_uid, series.series_uid, drawn), action="draw", reader="r")
    yield library
    library.close()


def test_run_is_prepared_from_the_library(library: Library, registry: Registry) -> None:
    prepared = retrain.prepare_run(library, registry, **SMALL)
    folder, counts = prepared.folder, prepared.counts
    assert (counts.patients, counts.bleeding_patients, counts.slices, counts.negatives) == (3, 3, 6, 0)
    assert counts.subtypes == {"EDH": 0, "SDH": 0, "SAH": 0, "IVH": 0, "IPH": 6}
    assert counts.regions["IPH"] == 6
    samples = [load_sample(path) for path in sorted((folder / "samples").iterdir())]
    assert [sample.hu.shape for sample in samples] == [(4, 128, 96)] * 3
    assert len({sample.patient for sample in samples}) == 3
    request = Request.read(folder)
    assert Path(request.base) == registry.bundled().path
    assert request.steps == 2
    assert sorted(request.split.values()) == ["test", "train", "train"]
    assert retrain.read_split(library).parts == request.split
    assert retrain.find_running() is None


def test_nothing_annotated_leaves_no_folder(tmp_path: Path, registry: Registry) -> None:
    library = Library(tmp_path / "empty")
    with pytest.raises(PterionError, match="no annotated slice"):
        retrain.prepare_run(library, registry)
    assert list(retrain.runs_dir().iterdir()) == []
    library.close()


def test_cancelled_preparation_leaves_no_folder(library: Library, registry: Registry) -> None:
    with pytest.raises(Cancelled):
        retrain.prepare_run(library, registry, cancelled=lambda: True)
    assert list(retrain.runs_dir().iterdir()) == []


def test_full_disk_leaves_no_folder(
    library: Library, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(retrain, "save_sample", full)
    with pytest.raises(PterionError, match="No space left"):
        retrain.prepare_run(library, registry)
    assert list(retrain.runs_dir().iterdir()) == []


def test_second_training_waits_for_the_first(library: Library, registry: Registry) -> None:
    with run_folder.running_lock(retrain.runs_dir(), "other"):
        assert retrain.find_running() == retrain.runs_dir() / "other"
        with pytest.raises(PterionError, match="runs already"):
            retrain.prepare_run(library, registry)


def test_a_training_does_not_wait_for_the_timing_of_its_steps_to_end(
    library: Library, registry: Registry
) -> None:
    """The timing holds the lock until it is asked to give way."""
    timing = retrain.prepare_run(library, registry, probe=True).folder
    holds, told = threading.Event(), []

    def child() -> None:
        with run_folder.running_lock(retrain.runs_dir(), timing.name):
            holds.set()
            while not (timing / run_folder.ABANDON).exists():
                holds.wait(0.01)

    thread = threading.Thread(target=child)
    thread.start()
    holds.wait()
    prepared = retrain.prepare_run(library, registry, on_progress=told.append)
    thread.join()
    assert told[0] == "Waiting until the timing has ended"
    assert prepared.counts.patients == 3


def test_waiting_for_the_timing_can_be_cancelled(library: Library, registry: Registry) -> None:
    timing = retrain.prepare_run(library, registry, probe=True).folder
    with run_folder.running_lock(retrain.runs_dir(), timing.name), pytest.raises(Cancelled):
        retrain.prepare_run(library, registry, cancelled=lambda: True)
    assert list(retrain.runs_dir().glob("*/")) == [timing]


def test_moved_files_are_told(library: Library, tmp_path: Path, registry: Registry) -> None:
    row = next(series for study in library.studies() for series in study.series)
    gone = type(row)(**{**vars(row), "files": (tmp_path / "IM1.dcm",)})
    with pytest.raises(PterionError, match=r"1 of 1 files .* are gone \(IM1.dcm"):
        retrain.read_volume(gone)


def test_unknown_pixel_size_is_guessed(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from viewer.dicom.load import load_all

    def without_spacing(series: object) -> object:
        volume = load_all(series)  # type: ignore[arg-type]
        slices = tuple(replace(header, spacing_mm=None) for header in volume.series.slices)
        return replace(volume, series=replace(volume.series, slices=slices), spacing_mm=(1.0, 1.0))

    row = next(series for study in library.studies() for series in study.series)
    real = scan(list(row.files))
    blind = [
        replace(s, slices=tuple(replace(h, spacing_mm=None) for h in s.slices))
        for s in real.studies[0].series
    ]
    studies = (replace(real.studies[0], series=tuple(blind)),)
    monkeypatch.setattr(retrain, "scan", lambda files: replace(real, studies=studies))
    monkeypatch.setattr(retrain, "load_all", without_spacing)
    # 80 columns of skull taken for 150 mm
    assert retrain.read_volume(row).spacing_mm == pytest.approx((1.875, 1.875), abs=0.01)


def test_a_library_that_is_not_there_is_not_made(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(PterionError, match="There is no library in nowhere"):
        retrain_headless.retrain_headless(tmp_path / "nowhere", registry=registry, dry_run=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_library_of_a_newer_version_is_refused_and_left_as_it_is(
    library: Library, tmp_path: Path, registry: Registry
) -> None:
    library.close()
    with closing(sqlite3.connect(library.path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version + 1}")
    before = library.path.read_bytes()
    for dry_run in (True, False):
        with pytest.raises(PterionError, match="Update Pterion"):
            retrain_headless.retrain_headless(tmp_path / "library", registry=registry, dry_run=dry_run)
    assert library.path.read_bytes() == before
    assert list(retrain.runs_dir().glob("2*")) == []


def test_dry_run_only_counts(library: Library, tmp_path: Path, registry: Registry) -> None:
    result = retrain_headless.retrain_headless(
        tmp_path / "library", registry=registry, dry_run=True, **{**SMALL, "steps": 0}
    )
    assert (result["patients"], result["slices"], result["dry_run"]) == (3, 6, True)
    assert any("A pilot: 6 annotated slices" in warning for warning in result["warnings"])
    assert result["split"] == {"train": 2, "validation": 0, "test": 1}
    assert result["expected"]["device"]
    assert result["expected"]["seconds_a_step"] > 0
    assert list(retrain.runs_dir().glob("2*")) == []
    assert retrain.read_split(library).parts == {}


# the tail


def run_with(*events: str) -> Path:
    folder = retrain.runs_dir() / "one"
    folder.mkdir(parents=True)
    log = EventLog(folder)
    for event in events:
        log(event)
    return folder


def test_tail_ends_with_the_last_word() -> None:
    folder = run_with("started", "heartbeat", "step", "cancelled")
    assert [event["event"] for event in retrain.tail(folder)] == ["started", "step", "cancelled"]


def test_child_that_died_is_told_once() -> None:
    follower = retrain.Tail(run_with("started"))
    events = follower.poll()
    assert [event["event"] for event in events] == ["started", "failed"]
    assert events[-1]["code"] == "CHILD_DIED"
    assert follower.ended
    assert follower.poll() == []


def test_child_that_has_not_begun_is_waited_for() -> None:
    folder = run_with()
    Request("b", "i", "c", "k").write(folder)
    follower = retrain.Tail(folder)
    assert follower.poll() == []
    assert not follower.ended
    os.utime(folder / "request.json", (0, 0))
    assert follower.poll()[0]["code"] == "CHILD_DIED"


# a real child


def wait_for(folder: Path, wanted: str) -> None:
    deadline = time.monotonic() + 60
    while not any(event["event"] == wanted for event in run_folder.read_events(folder)[0]):
        assert time.monotonic() < deadline, (folder / "log.txt").read_text()
        retrain._children[-1].poll()
        # a file is all that tells of another process
        time.sleep(0.02)


def test_child_trains_a_candidate_that_can_be_promoted(
    library: Library, tmp_path: Path, registry: Registry
) -> None:
    events: list[str] = []
    result = retrain_headless.retrain_headless(
        tmp_path / "library", registry=registry, on_event=lambda event: events.append(event["event"]), **SMALL
    )
    assert result["outcome"] == "candidate"
    assert events[0] == "started"
    assert events[-1] == "candidate"
    assert {"step", "epoch"} <= set(events)
    assert registry.current().id == "tiny-1"
    assert registry.promote(result["candidate"]).info["parent"] == "tiny-1"
    assert retrain.unclaimed() == ()
    assert retrain.find_running() is None
    assert list(Path(result["run"]).glob("samples/*")) == []


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_killed_child_leaves_the_registry_as_it_was(
    library: Library, tmp_path: Path, registry: Registry
) -> None:
    folder = retrain.prepare_run(library, registry, **{**SMALL, "steps": 5000}).folder
    retrain.launch(folder)
    wait_for(folder, "step")
    assert retrain.find_running() == folder
    child = retrain._children[-1]
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    assert retrain.find_running() is None
    events = list(retrain.tail(folder))
    assert events[-1]["code"] == "CHILD_DIED"
    assert [version.id for version in registry.versions()] == ["tiny-1"]
    assert registry.current().notice == ""
    assert retrain.unclaimed() == ()
    # started again, it goes on where it was
    assert retrain.interrupted() == folder
    retrain.launch(folder)
    retrain.stop(folder)

    retrain._children[-1].wait(60)
    kinds = [event["event"] for event in run_folder.read_events(folder)[0]]
    assert kinds[-1] in run_folder.TERMINAL
    assert kinds.count("started") == 2
    assert retrain.interrupted() is None


def test_a_timing_that_was_cut_short_is_not_gone_on_with(library: Library, registry: Registry) -> None:
    folder = retrain.prepare_run(library, registry, probe=True, **SMALL).folder
    EventLog(folder)("preparing", done=1, total=2)
    assert retrain.interrupted() is None
    assert not folder.exists()
    assert retrain.read_split(library).parts == {}


def test_pause_and_abandon_are_asked_for_in_the_folder(library: Library, registry: Registry) -> None:
    folder = retrain.prepare_run(library, registry, **SMALL).folder
    retrain.pause(folder)
    assert (folder / "pause").exists()
    retrain.pause(folder, paused=False)
    retrain.pause(folder, paused=False)
    retrain.abandon(folder)
    assert {path.name for path in folder.iterdir()} == {"samples", "request.json", "abandon"}
    with pytest.raises(PterionError, match="cannot be reached"):
        retrain.stop(folder / "gone")


def test_pinned_patients_keep_their_part(library: Library, tmp_path: Path, registry: Registry) -> None:
    for patient, part in (("P-A", "test"), ("P-B", "train"), ("P-C", "train")):
        retrain_headless.pin(library, patient, part)
    prepared = retrain.prepare_run(library, registry, **SMALL)
    split = retrain.read_split(library)
    assert sorted(split.parts.values()) == ["test", "train", "train"]
    assert split.pinned == set(prepared.bleeds)
    with pytest.raises(PterionError, match="not in this library"):
        retrain_headless.pin(library, "P-Z", "test")


def test_stopped_child_says_so(library: Library, registry: Registry) -> None:
    folder = retrain.prepare_run(library, registry, **{**SMALL, "steps": 5000}).folder
    retrain.launch(folder)
    retrain.stop(folder)
    assert [event["event"] for event in retrain.tail(folder)][-1] == "cancelled"
    retrain._children[-1].wait(10)


def test_child_inherits_quiet_threads_and_stands_alone(
    library: Library, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], dict]] = []

    def popen(command: list[str], **more: object) -> object:
        calls.append((command, more))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(retrain.subprocess, "Popen", popen)
    monkeypatch.setattr(retrain, "_children", [])
    folder = retrain.prepare_run(library, registry, **SMALL).folder
    retrain.launch(folder)
    command, more = calls[0]
    assert command[1:] == ["-m", "viewer", "--train-child", str(folder)]
    assert more["env"]["OMP_WAIT_POLICY"] == "PASSIVE"
    assert more["env"]["OMP_NUM_THREADS"] == "1"
    assert os.name != "posix" or more["start_new_session"] is True
    monkeypatch.setattr(retrain.sys, "frozen", True, raising=False)
    retrain.launch(folder)
    assert calls[1][0][1:] == ["--train-child", str(folder)]


def test_candidate_finished_while_no_window_was_open_is_found(
    trained: Path, registry: Registry, tmp_path: Path, write_version: Callable[[Path, str], None]
) -> None:
    folder = run_with("candidate")
    write_version(folder / "candidate", "mine-1")
    assert retrain.unclaimed() == (folder,)
    assert retrain.claim(folder, registry).id == "mine-1"
    assert retrain.unclaimed() == ()


def test_pictures_go_with_their_version(
    registry: Registry, tmp_path: Path, write_version: Callable[[Path, str], None]
) -> None:
    folder = run_with("candidate")
    (folder / "worst.npz").write_bytes(b"pixels")
    write_version(folder / "candidate", "mine-one")
    retrain.claim(folder, registry)
    retrain.forget_run_of("mine-one", registry)
    assert folder.exists()
    registry.discard("mine-one")
    for other in ("tiny-1", "mine-", "mine-..", "mine-../.."):
        retrain.forget_run_of(other, registry)
    assert folder.exists()
    retrain.forget_run_of("mine-one", registry)
    assert not folder.exists()


@pytest.fixture
def write_version(trained: Path) -> Callable[[Path, str], None]:
    """Write `tiny-1` again under another id."""
    import json
    import shutil

    def write(folder: Path, version_id: str) -> None:
        shutil.copytree(trained / "tiny-1", folder)
        info = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**info, "id": version_id}))

    return write
