"""`pterion score` over many studies: workers, logs that go on, files beside the scores."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import Cancelled, PterionError
from model.registry import Registry
from viewer.dicom.overlaid import overlay
from viewer.dicom.scan import scan
from viewer.dicom.segmentation import read_segmentation
from viewer.dicom.write import write_series
from viewer.jobs import headless
from viewer.jobs.crew import ENTRY, PROGRESS, STOPPED, Model, Worker, score_all
from viewer.jobs.outputs import Outputs
from viewer.jobs.score_log import COLUMNS, ScoreLog
from viewer.jobs.study_score import Task
from viewer.library.store import Library

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory, phantom_hu: np.ndarray) -> Path:
    """Three small heads, each a study of its own in a folder of its own. Do not write to it."""
    folder = tmp_path_factory.mktemp("heads")
    for name in "abc":
        write_series(
            folder / name,
            phantom_hu[2:5],
            spacing_mm=(1.75, 1.75),
            positions_mm=np.array([(0.0, 0.0, 5.0 * index) for index in range(3)]),
            patient_id=name,
            thickness_mm=5.0,
        )
    return folder


def uids(folder: Path) -> set[str]:
    return {study.study_uid for study in scan([folder]).studies}


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def without_time(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("seconds", "notice")}


def test_workers_score_what_one_process_scores(heads: Path, registry: Registry) -> None:
    alone = headless.score_paths([heads], registry=registry, threads=1)
    crew = headless.score_paths([heads], registry=registry, workers=2, threads=1)
    by_study = [{e["study_uid"]: without_time(e) for e in report["studies"]} for report in (alone, crew)]
    assert by_study[0] == by_study[1]
    assert set(by_study[0]) == uids(heads)
    assert all(entry["seconds"] > 0 for entry in crew["studies"])


def test_a_worker_that_is_killed_takes_one_study_with_it(heads: Path, registry: Registry) -> None:
    tasks = [Task(study) for study in scan([heads]).studies]
    version = registry.current()
    struck: list[int] = []

    def strike(place: int, scored: int, _: int) -> None:
        if place == 1 and not struck:
            struck.append(scored)
            for child in active_children():
                os.kill(child.pid or 0, signal.SIGTERM)

    entries = list(score_all(tasks, Model(version.path, version.id), 1, on_progress=strike))
    assert [e["study_uid"] for e in entries] == [task.study.study_uid for task in tasks]
    assert [e.get("error", {}).get("code") for e in entries] == [None, "WORKER_DIED", None]
    assert "signal" in entries[1]["error"]["text"]


def wait_for(worker: Worker, word: str) -> Any:
    """What a worker says with this word; everything before is skipped."""
    while True:
        told = worker.heard(60)
        assert told is not None
        if told[0] == word:
            return told[1]


def test_a_worker_pauses_goes_on_and_stops(heads: Path, registry: Registry) -> None:
    study = scan([heads / "a"]).studies[0]
    version = registry.current()
    worker = Worker(Model(version.path, version.id))
    try:
        worker.pause()
        worker.score(Task(study))
        worker.go_on()
        assert wait_for(worker, ENTRY)["study"] is not None
        worker.score(Task(study))
        wait_for(worker, PROGRESS)
        worker.stop()
        assert worker.heard(60) is not None  # one more slice, or that it has stopped, or the study was done
        worker.score(Task(study))
        worker.stop()
        wait_for(worker, STOPPED)
        assert worker.alive
    finally:
        worker.end()
    assert not worker.alive


def test_a_worker_keeps_findings_in_a_library(heads: Path, registry: Registry, tmp_path: Path) -> None:
    study = scan([heads / "a"]).studies[0]
    version = registry.current()
    (entry,) = score_all([Task(study, library=tmp_path)], Model(version.path, version.id), 1)
    library = Library(tmp_path)
    found = library.load_findings(study.series[0].series_uid, version.id)
    library.close()
    assert found is not None
    assert {code: round(value, 6) for code, value in found.study_scores.items()} == entry["study"]
    assert found.masks.shape == (3, 128, 96)
    assert found.masks.any()


def test_a_cancelled_crew_ends_its_processes(heads: Path, registry: Registry) -> None:
    version = registry.current()
    tasks = [Task(study) for study in scan([heads]).studies]
    with pytest.raises(Cancelled):
        list(score_all(tasks, Model(version.path, version.id), 2, cancelled=lambda: True))
    assert active_children() == []


# logs


def test_lines_and_rows_are_the_entries(heads: Path, registry: Registry, tmp_path: Path) -> None:
    lines, table = tmp_path / "new" / "scores.jsonl", tmp_path / "new" / "scores.csv"
    report = headless.score_paths([heads], registry=registry, lines=lines, table=table, light=True, threads=1)
    told = lines_of(lines)
    assert [each["study_uid"] for each in told] == [each["study_uid"] for each in report["studies"]]
    assert all(len(each["slices"]) == 3 for each in told)
    assert all(each["slices"] == [] for each in report["studies"])
    assert all("Research use only" in each["notice"] for each in told)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [float(row["any"]) for row in rows] == [each["study"]["any"] for each in told]
    assert [float(row["EDH_ml"]) for row in rows] == [each["volume_ml"]["EDH"] for each in told]
    assert all(row["error"] == "" and "Research use only" in row["notice"] for row in rows)


def test_a_log_that_is_there_is_not_overwritten(heads: Path, registry: Registry, tmp_path: Path) -> None:
    lines = tmp_path / "scores.jsonl"
    lines.write_text("mine\n", "utf-8")
    report = headless.score_paths([heads], registry=registry, lines=lines)
    assert report["error"]["code"] == "FILE_EXISTS"
    assert lines.read_text("utf-8") == "mine\n"
    report = headless.score_paths([heads], registry=registry, lines=lines, resume=True)
    assert report["error"]["code"] == "NOT_A_LOG"
    assert lines.read_text("utf-8") == "mine\n"


CHILD = """
import sys, time
from pathlib import Path
from model.registry import Registry
from viewer.jobs.headless import score_paths
bundled, heads, lines = map(Path, sys.argv[1:])
score_paths([heads], registry=Registry(bundled, bundled / "none"), lines=lines, threads=1, resume=True,
            on_progress=lambda _: time.sleep(0.1))
"""


def test_what_is_killed_goes_on_without_duplicates(heads: Path, bundled: Path, tmp_path: Path) -> None:
    lines = tmp_path / "scores.jsonl"
    command = [sys.executable, "-c", CHILD, str(bundled), str(heads), str(lines)]
    for wanted in (1, 2):  # killed twice, each time with a study more
        child = subprocess.Popen(command, cwd=ROOT)
        while child.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < wanted):
            time.sleep(0.01)
        assert child.poll() is None
        child.kill()
        child.wait()
    with lines.open("ab") as file:  # as if killed in the middle of a line
        file.write(b'{"study_uid": "1.2')
    registry = Registry(bundled, tmp_path / "none")
    report = headless.score_paths([heads], registry=registry, lines=lines, resume=True, threads=1)
    told = lines_of(lines)
    assert len(told) == 3
    assert {each["study_uid"] for each in told} == uids(heads)
    assert {each["study_uid"] for each in report["studies"]} == uids(heads)
    assert "scored by an earlier run" in report["notices"][0]


def entry_of(study_uid: str, **more: object) -> dict[str, Any]:
    return {
        "study_uid": study_uid,
        "series_uid": f"{study_uid}.1",
        "model": "m-1",
        "seconds": 1.0,
        "study": None,
        "volume_ml": None,
        "slices": [],
        "cautions": [],
        **more,
    }


def test_a_log_tries_again_what_failed_and_keeps_other_models(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    told = [
        entry_of("1"),
        entry_of("2", error={"code": "NO_PIXELS", "text": "…"}),
        entry_of("3", model="m-0"),
        entry_of("1"),
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in told), "utf-8")
    log = ScoreLog(path, tmp_path / "scores.csv", resume=True, model_id="m-1")
    log.close()
    assert [log.done(uid, None) for uid in "123"] == [True, False, False]
    assert (log.done("1", "1.1"), log.done("1", "1.2")) == (True, False)
    assert [each["study_uid"] for each in lines_of(path)] == ["1", "3"]
    assert (tmp_path / "scores.csv").read_text("utf-8").count("\n") == 3


def test_a_disk_that_fills_up_ends_the_run_and_keeps_what_is_done(
    heads: Path, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tmp_path / "scores.jsonl"
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:  # the empty log, the first study, the second
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("viewer.jobs.score_log.os.fsync", full)
    report = headless.score_paths([heads], registry=registry, lines=lines, threads=1)
    assert report["error"]["code"] == "DISK_FULL"
    assert len(report["studies"]) == 1


# files


def test_every_output_is_written_and_says_the_same(
    phantom_series: Path, registry: Registry, tmp_path: Path
) -> None:
    import nibabel

    names = ("masks", "seg", "sr", "sc", "nifti", "nrrd")
    outputs = Outputs(**{name: tmp_path / name for name in names})
    report = headless.score_paths([phantom_series], registry=registry, outputs=outputs, threads=1)
    (entry,) = report["studies"]
    assert entry.get("error") is None
    assert all(Path(entry[name]).is_file() for name in names)
    with np.load(entry["masks"]) as file:
        masks = np.stack([file[each["sop_uid"]] for each in entry["slices"]])
    series = scan([phantom_series]).studies[0].series[0]
    (segment,) = overlay(read_segmentation(Path(entry["seg"])), series).segments
    assert segment.name == "EDH"
    assert {index: int(mask.sum()) for index, mask in segment.masks.items()} == {
        index: int(mask.sum()) for index, mask in enumerate(masks) if mask.any()
    }
    volume = np.asarray(nibabel.load(entry["nifti"]).dataobj)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(volume.transpose(2, 1, 0), masks)


def test_an_output_that_cannot_be_written_holds_up_no_other(
    phantom_hu: np.ndarray, registry: Registry, tmp_path: Path
) -> None:
    positions = np.array([(0.0, 0.0, z) for z in (0.0, 5.0, 12.0, 16.0)])
    write_series(tmp_path / "in", phantom_hu[2:6], spacing_mm=(1.75, 1.75), positions_mm=positions)
    outputs = Outputs(nifti=tmp_path / "nifti", nrrd=tmp_path / "nrrd", seg=tmp_path / "seg")
    report = headless.score_paths([tmp_path / "in"], registry=registry, outputs=outputs, threads=1)
    (entry,) = report["studies"]
    assert headless.failed(report)
    assert entry["error"]["code"] == "UNEVEN_SPACING"
    assert entry["study"] is not None
    assert Path(entry["seg"]).is_file()


def test_no_bleed_leaves_no_segmentation(phantom_hu: np.ndarray, registry: Registry, tmp_path: Path) -> None:
    positions = np.array([(0.0, 0.0, 5.0 * i) for i in range(8)])
    calm = np.where(phantom_hu == 70, 35, phantom_hu).astype(np.int16)
    calm[calm > 500] = 35  # no skull that the toy could take for a bleed
    write_series(tmp_path / "in", calm, spacing_mm=(1.75, 1.75), positions_mm=positions)
    outputs = Outputs(seg=tmp_path / "seg", sr=tmp_path / "sr", nrrd=tmp_path / "nrrd")
    report = headless.score_paths([tmp_path / "in"], registry=registry, outputs=outputs, threads=1)
    (entry,) = report["studies"]
    assert (entry["seg"], entry["nrrd"]) == (None, None)
    assert Path(entry["sr"]).is_file()
    assert "error" not in entry


def test_a_log_refuses_to_go_on_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="--jsonl"):
        ScoreLog(None, tmp_path / "a.csv", resume=True, model_id="m-1")
