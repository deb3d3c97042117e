"""Jobs on the GUI thread's side: signals arrive there, in order, in batches, and no thread stays behind."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from model import run_folder
from model.errors import PterionError
from model.predict import Predictor
from viewer.dicom.kept import KeptVolumes
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.jobs import qt, reading_qt
from viewer.jobs.model_qt import InferJob, RetrainJob
from viewer.jobs.qt import Job, Relay, WriterThread
from viewer.jobs.reading_qt import LoadJob, ScanJob, next_to_load


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    # Threads that Python only met through a Qt signal are not ours to end.
    left = [t for t in threading.enumerate() if t not in before and not t.name.startswith("Dummy")]
    for thread in left:
        thread.join(5)
    assert not [thread for thread in left if thread.is_alive()]


def test_values_arrive_in_order_on_the_relays_thread(qtbot: QtBot) -> None:
    relay = Relay()
    got: list[object] = []
    threads: set[int] = set()

    def take(values: tuple[object, ...]) -> None:
        got.extend(values)
        threads.add(threading.get_ident())

    relay.arrived.connect(take)
    sender = threading.Thread(target=lambda: [relay.put(number) for number in range(2000)])
    sender.start()
    qtbot.waitUntil(lambda: len(got) == 2000)
    sender.join()
    assert got == list(range(2000))
    assert threads == {threading.get_ident()}


def test_values_come_in_batches(qtbot: QtBot) -> None:
    relay = Relay()
    batches: list[int] = []
    relay.arrived.connect(lambda values: batches.append(len(values)))
    for number in range(500):
        relay.put(number)
    qtbot.waitUntil(lambda: sum(batches) == 500)
    assert len(batches) == 1


def test_studies_stream_in(qtbot: QtBot, phantom_series: Path) -> None:
    job = ScanJob([phantom_series])
    found: list[object] = []
    results: list[object] = []
    job.studies_found.connect(found.extend)
    job.scanned.connect(results.append)
    with qtbot.waitSignal(job.finished):
        job.start()
    assert [study.study_uid for study in found] == [scan([phantom_series]).studies[0].study_uid]  # type: ignore[attr-defined]
    assert len(results) == 1
    assert not job.running


def test_failure_is_a_signal(qtbot: QtBot, tmp_path: Path) -> None:
    job = ScanJob([tmp_path / "missing"])
    errors: list[object] = []
    job.failed.connect(errors.append)
    with qtbot.waitSignal(job.finished):
        job.start()
    assert len(errors) == 1
    assert isinstance(errors[0], PterionError)


def test_bug_keeps_its_traceback(qtbot: QtBot) -> None:
    class Broken(Job):
        def _work(self) -> None:
            raise ZeroDivisionError

    job = Broken()
    with qtbot.captureExceptions() as exceptions, qtbot.waitSignal(job.finished):
        job.start()
    assert [kind for kind, *_ in exceptions] == [ZeroDivisionError]


def test_job_runs_once(qtbot: QtBot, phantom_series: Path) -> None:
    job = ScanJob([phantom_series])
    with qtbot.waitSignal(job.finished):
        job.start()
    with pytest.raises(RuntimeError, match="runs once"):
        job.start()


def test_slice_on_screen_is_loaded_first(
    qtbot: QtBot, phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_qt, "LOADERS", 1)
    (series,) = scan([phantom_series]).studies[0].series
    job = LoadJob(series, first=5)
    order: list[int] = []
    volumes: list[Volume] = []
    arrived: list[int] = []
    job.on_slice = lambda: arrived.append(1)
    job.volume_ready.connect(volumes.append)
    job.slices_loaded.connect(lambda slices: order.extend(index for index, _ in slices))
    with qtbot.waitSignal(job.loaded):
        job.start()
    assert order == [5, 6, 7, 4, 3, 2, 1, 0]
    assert len(arrived) == 8
    assert volumes[0].loaded.all()
    assert volumes[0].hu[4, 64, 35] == 70
    job.shutdown()


def test_two_loaders_load_every_slice_once(qtbot: QtBot, phantom_series: Path) -> None:
    (series,) = scan([phantom_series]).studies[0].series
    job = LoadJob(series)
    order: list[int] = []
    job.slices_loaded.connect(lambda slices: order.extend(index for index, _ in slices))
    with qtbot.waitSignal(job.finished):
        job.start()
    assert sorted(order) == list(range(8))


def test_what_is_kept_is_not_loaded_again(
    qtbot: QtBot, phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (series,) = scan([phantom_series]).studies[0].series
    volumes = KeptVolumes(1 << 30)
    for index in (2, 6):
        assert reading_qt.load_slice(volumes.volume(series), index) is None
    loaded: list[int] = []
    load_slice = reading_qt.load_slice

    def load(volume: Volume, index: int) -> str | None:
        loaded.append(index)
        return load_slice(volume, index)

    monkeypatch.setattr(reading_qt, "load_slice", load)
    for expected in ([0, 1, 3, 4, 5, 7], []):
        told: list[int] = []
        loaded.clear()
        job = LoadJob(series, 5, volumes=volumes)
        job.slices_loaded.connect(lambda slices, told=told: told.extend(index for index, _ in slices))
        with qtbot.waitSignal(job.finished):
            job.start()
        assert sorted(loaded) == expected
        assert sorted(told) == list(range(8))  # whoever follows the job hears of every slice


def test_next_slice_lies_where_the_reader_is_heading() -> None:
    pending = np.ones(20, np.bool_)
    assert next_to_load(pending, 10, 1) == 10
    for down, expected in ((1, [11, 12, 9, 13, 14, 8]), (-1, [9, 8, 11, 7, 6, 12])):
        pending = np.ones(20, np.bool_)
        pending[10] = False
        order = []
        for _ in expected:
            index = next_to_load(pending, 10, down)
            assert index is not None
            order.append(index)
            pending[index] = False
        assert order == expected
    assert next_to_load(np.zeros(3, np.bool_), 0, 1) is None


def test_cancelled_load_stops_and_says_nothing_more(
    qtbot: QtBot, phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (series,) = scan([phantom_series]).studies[0].series
    gate, started, loaded = threading.Event(), threading.Event(), []

    def load_slice(volume: Volume, index: int) -> None:
        loaded.append(index)
        started.set()
        gate.wait(10)

    monkeypatch.setattr(reading_qt, "load_slice", load_slice)
    job = LoadJob(series)
    told: list[object] = []
    job.slices_loaded.connect(told.append)
    job.loaded.connect(told.append)
    job.start()
    assert started.wait(10)
    job.cancel()
    gate.set()
    with qtbot.waitSignal(job.finished):
        pass
    assert len(loaded) <= reading_qt.LOADERS
    assert told == []


def test_inference_streams_while_the_volume_loads(qtbot: QtBot, make_volume, predictor: Predictor) -> None:
    volume = make_volume(10, 80, 60, 90, 30)
    job = InferJob(volume, lambda: predictor, on_screen=2)
    indices: list[int] = []
    job.slices_scored.connect(lambda results: indices.extend(result.index for result in results))
    job.start()
    volume.loaded[1:4] = True
    job.slices_arrived()
    qtbot.waitUntil(lambda: indices == [2])
    volume.loaded[:] = True
    with qtbot.waitSignal(job.scored) as caught:
        job.slices_arrived()
    assert sorted(indices) == [0, 1, 2, 3, 4]
    assert caught.args[0].model_id == "toy-1"
    job.shutdown()


def test_shutdown_ends_a_waiting_inference(make_volume, predictor: Predictor, qtbot: QtBot) -> None:
    job = InferJob(make_volume(10, 20), lambda: predictor)
    job.start()
    job.shutdown()
    assert job._thread is not None
    assert not job._thread.is_alive()


def test_jobs_wait_while_packages_are_imported(qtbot: QtBot, phantom_series: Path) -> None:
    found: list[object] = []
    qt.reading_imported.clear()
    try:
        waiting, given_up = ScanJob([phantom_series]), ScanJob([phantom_series])
        waiting.scanned.connect(found.append)
        waiting.start()
        given_up.start()
        given_up.shutdown()
        assert not found
        assert waiting.running
    finally:
        qt.reading_imported.set()
    qtbot.waitUntil(lambda: bool(found))
    waiting.shutdown()


def test_reading_does_not_wait_for_what_only_scoring_needs(
    make_volume, predictor: Predictor, qtbot: QtBot, phantom_series: Path
) -> None:
    qt.imported.clear()
    try:
        reading, scoring = ScanJob([phantom_series]), InferJob(make_volume(10, 20), lambda: predictor)
        scored: list[object] = []
        scoring.slices_scored.connect(scored.append)
        scoring.start()
        with qtbot.waitSignal(reading.scanned):
            reading.start()
        assert not scored
    finally:
        qt.imported.set()
    scoring.shutdown()
    reading.shutdown()


def test_all_end_those_too_that_nobody_holds_any_more(qtbot: QtBot, phantom_series: Path) -> None:
    class Endless(Job):
        def _work(self) -> None:
            self._stop.wait()

    held = Endless()
    held.start()
    (study,) = scan([phantom_series]).studies
    LoadJob(study.series[0]).start()
    qt.end_all()
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"Endless", "LoadJob"}


def test_writer_keeps_the_order_and_tells_results_and_failures(qtbot: QtBot) -> None:
    writer = WriterThread()
    done: list[tuple[int, object]] = []
    failures: list[tuple[int, PterionError]] = []
    writer.done.connect(done.extend)
    writer.not_done.connect(failures.extend)
    ran: list[int] = []

    def fail() -> None:
        raise PterionError("The disk is full.")

    writer.start()
    for number in range(1, 50):
        assert writer.submit(lambda number=number: ran.append(number) or number) == number
    writer.submit(fail)
    qtbot.waitUntil(lambda: len(failures) == 1)
    assert ran == list(range(1, 50))
    assert done == [(number, number) for number in range(1, 50)]
    assert failures[0][0] == 50
    writer.shutdown()


def test_writer_finishes_what_was_submitted_before_it_ends(qtbot: QtBot) -> None:
    writer = WriterThread()
    ran: list[int] = []
    writer.start()
    for number in range(20):
        writer.submit(lambda number=number: ran.append(number))
    writer.shutdown()
    assert ran == list(range(20))


def test_events_of_a_run_arrive(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    log = run_folder.EventLog(folder)
    log("started", patients=3)
    job = RetrainJob(lambda cancelled: folder)
    kinds: list[str] = []
    job.events.connect(lambda events: kinds.extend(event["event"] for event in events))
    with run_folder.running_lock(folder.parent, "one"):
        with qtbot.waitSignal(job.started):
            job.start()
        qtbot.waitUntil(lambda: kinds == ["started"])
        log("heartbeat")
        log("step", loss=1.0)
        with qtbot.waitSignal(job.finished):
            log("cancelled")
    assert kinds == ["started", "step", "cancelled"]


def test_stop_wanted_before_the_child_runs_reaches_it(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    run_folder.EventLog(folder)("cancelled")
    job = RetrainJob(lambda cancelled: folder)
    job.stop_training()
    with qtbot.waitSignal(job.finished):
        job.start()
    assert (folder / run_folder.STOP).exists()


def test_window_may_close_while_training_goes_on(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    run_folder.EventLog(folder)("started")
    job = RetrainJob(lambda cancelled: folder)
    with run_folder.running_lock(folder.parent, "one"):
        with qtbot.waitSignal(job.started):
            job.start()
        job.shutdown()
    assert not (folder / run_folder.STOP).exists()
