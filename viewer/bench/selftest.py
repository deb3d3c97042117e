"""Whether this installation works: the whole loop on the demo, in a window that is painted into memory.

It opens, scrolls, scores, draws, retrains for a moment in the training's own process, promotes, rolls back and closes.
The user's own data are not touched: everything goes to a folder that is deleted afterwards.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import PterionError
from viewer.annotation.document import Point
from viewer.bench import drive

if TYPE_CHECKING:
    from viewer.app import Application

DRAWN_SLICES = 3
PATIENTS, SIZE_PX, SLICES = 3, 128, 12
"""What a training learns from beside the demo: annotated simulated heads."""
SHORT: dict[str, Any] = {
    "minutes": 0.2,
    "steps": 3,
    "threads": 1,
    "replay": 1,
    "watched": 1,
    "reference": 1,
    "size": 64,
    "slices": 6,
}
"""A training of a few steps on small simulated heads."""
RETRAIN_S = 1200.0
"""How long it may take: it has the lowest priority on a machine that may have other work."""

Answer = dict[str, Any]


def run(*, training: bool = True) -> Answer:
    """What was done and how long it took, seconds. Raises PterionError, which names the step that failed.

    training: also retrain; where the installation cannot, check that it says so.
    """
    drive.without_screen()
    made = tempfile.TemporaryDirectory(prefix="pterion-selftest-", ignore_cleanup_errors=True)
    with made as data, environment("PTERION_DATA", data):
        return _run(training)


def _run(training: bool) -> Answer:
    answer: Answer = {}
    if training:
        with _timed(answer, "prepare_s"):
            _annotated_heads()
    with _timed(answer, "open_s"):
        application = drive.open_window(demo=True)
        drive.wait(lambda: drive.loaded(application), "Opening the demo")
    try:
        _scroll(application, answer)
        with _timed(answer, "score_s"):
            drive.wait(lambda: drive.scored(application), "Scoring the demo")
        findings = application.session.findings
        assert findings is not None
        assert findings.study_scores is not None
        answer["scores"] = {name: round(score, 4) for name, score in findings.study_scores.items()}
        with _timed(answer, "draw_s"):
            answer["drawn"] = draw(application)
        if training:
            with _timed(answer, "retrain_s"):
                answer["candidate"] = retrain(application)
    finally:
        with _timed(answer, "close_s"):
            drive.close(application)
    return answer


def _annotated_heads() -> None:
    from viewer.jobs.demo import ANNOTATED, write_demo_library
    from viewer.resources import data_dir

    bleeding = [patient for patient in ANNOTATED if patient.lesions][:PATIENTS]
    small = [replace(patient, size=SIZE_PX, slices=SLICES) for patient in bleeding]
    write_demo_library(data_dir() / "annotated", data_dir(), patients=small)


def _scroll(application: "Application", answer: Answer) -> None:
    session = application.session
    start = session.slice_index
    drive.wheel(application, 5)
    drive.wheel(application, -3)
    answer["scrolled"] = session.slice_index - start
    if answer["scrolled"] != 2:
        raise PterionError(f"The wheel led from slice {start} to {session.slice_index}.", code="SELFTEST")


def draw(application: "Application") -> int:
    """Outline something in the middle of a few slices; how many outlines are kept."""
    from viewer.session import Mode

    session = application.session
    assert session.volume is not None
    count, rows, columns = session.volume.hu.shape
    session.set_mode(Mode.ANNOTATE)
    session.set_subtype("IPH")
    x, y, half = columns / 2, rows / 2, min(rows, columns) / 16
    corners: tuple[Point, ...] = (
        (x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)
    )  # fmt: skip
    before = len(session.document.annotations)
    for index in range(count // 2, count // 2 + DRAWN_SLICES):
        session.set_slice_index(index)
        drive.pause(drive.LOOK_MS)
        drive.draw(application, corners)
    drive.wait(lambda: session.save_state == "Saved", "Keeping what was drawn")
    drawn = len(session.document.annotations) - before
    if drawn != DRAWN_SLICES:
        raise PterionError(f"{DRAWN_SLICES} outlines were drawn and {drawn} were kept.", code="SELFTEST")
    return drawn


def retrain(application: "Application") -> str:
    """Train for a moment, promote what comes out, roll back; the candidate's id, empty without training."""
    from viewer.resources import NO_TRAINING, can_train

    session = application.session
    before = session.model_id
    drive.wait(lambda: session.annotated[1] >= DRAWN_SLICES, "Counting what was drawn")
    with short_training():
        application.teaching.start()
        drive.wait(lambda: session.retraining.state in ("candidate", "failed"), "Retraining", RETRAIN_S)
    if not can_train():
        if session.retraining.text != NO_TRAINING:
            raise PterionError("It is not said that training was left out.", code="SELFTEST")
        return ""
    if session.retraining.state == "failed":
        raise PterionError(f"Retraining failed: {session.retraining.text}", code="SELFTEST")
    candidate = session.retraining.candidate_id
    session.promote_requested.emit(candidate)
    drive.wait(lambda: session.model_id == candidate, "Promoting the candidate")
    drive.wait(lambda: drive.scored(application), "Scoring with the candidate")
    session.roll_back_requested.emit()
    drive.wait(lambda: session.model_id == before, "Rolling back")
    drive.wait(lambda: drive.scored(application), "Scoring with the model before")
    return candidate


@contextmanager
def short_training() -> Iterator[None]:
    """Trainings that start in here end after a moment."""
    from model.run_folder import Request
    from viewer.jobs import retrain

    launch = retrain.launch

    def launch_short(folder: Path) -> None:
        replace(Request.read(folder), **SHORT).write(folder)
        launch(folder)

    retrain.launch = launch_short
    try:
        yield
    finally:
        retrain.launch = launch


@contextmanager
def _timed(answer: Answer, name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    answer[name] = round(time.perf_counter() - start, 2)


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """A variable of the environment, for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
