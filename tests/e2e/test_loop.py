"""The whole loop by mouse and keys: open, scroll, score, draw, close, reopen, retrain, switch."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from model.registry import Registry
from tests.tiny_version import make_tiny
from viewer.app import Application
from viewer.bench import drive
from viewer.jobs import retrain
from viewer.session import Mode
from viewer.ui.preflight import PreflightDialog
from viewer.ui.verdict import VerdictDialog

WAIT_MS = 120_000
SLICES, SIDE = 12, 128
CORNERS = ((50.0, 50.0), (70.0, 50.0), (70.0, 70.0), (50.0, 70.0))


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundled version small enough to be trained in seconds: the real network's shape, few channels, random."""
    return make_tiny(tmp_path_factory.mktemp("bundled")).parent


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round head of 12 slices of 128², 5 mm apart, with a bleed in the middle of slices 5 to 7, as DICOM."""
    from viewer.dicom.write import write_series

    row, column = np.mgrid[:SIDE, :SIDE] + 0.5
    distance = np.hypot(row - 64, column - 64)
    hu = np.where(distance < 44, 35, np.where(distance < 48, 1000, -1000)).astype(np.int16)
    volume = np.repeat(hu[None], SLICES, axis=0)
    volume[5:8, 50:70, 50:70] = 70
    folder = tmp_path_factory.mktemp("head") / "series"
    write_series(
        folder,
        volume,
        spacing_mm=(1.6, 1.6),
        positions_mm=np.array([(-102.4, -102.4, 5.0 * index) for index in range(SLICES)]),
        orientation=(1, 0, 0, 0, 1, 0),
        patient_name="Loop^Whole",
        patient_id="LOOP-1",
        study_description="CT HEAD",
        series_description="AXIAL 5 mm",
        thickness_mm=5.0,
    )
    return folder


@pytest.fixture
def open_window(bundled: Path, tmp_path: Path) -> Iterator[Callable[..., Application]]:
    running: list[Application] = []

    def make(*paths: Path) -> Application:
        registry = Registry(bundled, tmp_path / "models")
        application = Application(paths, library_dir=tmp_path / "library", registry=registry)
        application.window.resize(1400, 900)
        running.append(application)
        return application

    yield make
    for application in running:
        if not application.ended:
            drive.close(application)


@pytest.fixture(scope="module")
def colleagues(head: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same head as five other patients' studies."""
    from pydicom import dcmread

    folder = tmp_path_factory.mktemp("colleagues")
    for name in "ABCDE":
        (folder / name).mkdir()
        for number, path in enumerate(sorted(head.iterdir())):
            file = dcmread(path)
            file.PatientID = f"LOOP-{name}"
            uid = f"1.2.826.0.1.3680043.8.498.{ord(name)}"
            file.StudyInstanceUID, file.SeriesInstanceUID = f"{uid}.1", f"{uid}.2"
            file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = f"{uid}.3.{number}"
            file.save_as(folder / name / path.name)
    return folder


def annotate(library_dir: Path, colleagues: Path) -> None:
    """Each of them drawn before, slices 5 and 6, with two slices marked as without hemorrhage."""
    from viewer.annotation.document import Annotation, Document
    from viewer.dicom.scan import scan
    from viewer.library.store import Library

    library = Library(library_dir)
    for study in scan([colleagues]).studies:
        library.remember_study(study)
        series = study.series[0]
        drawn = tuple(
            Annotation(f"{series.series_uid}-{index}", series.slices[index].sop_uid, 0, "IPH", CORNERS)
            for index in (5, 6)
        )
        clean = frozenset(series.slices[index].sop_uid for index in (1, 10))
        document = Document(series.study_uid, series.series_uid, drawn, clean)
        library.save_document(document, action="draw", reader="r")
    library.close()


def small_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of a few steps on a few small simulated heads."""
    real = retrain.prepare_run

    def prepare(*given: object, **more: object) -> retrain.Prepared:
        small = {"steps": 8, "size": 64, "slices": 4, "threads": 1, "nice": 0}
        heads = {"replay": 1, "watched": 1, "reference": 2}
        return real(*given, **{**more, **small, **heads})  # type: ignore[arg-type]

    monkeypatch.setattr(retrain, "prepare_run", prepare)


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_open_scroll_score_draw_close_reopen_retrain_switch(
    qtbot: QtBot,
    open_window: Callable[..., Application],
    head: Path,
    colleagues: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # open: the study is listed, the middle slice shows, the model answers by itself
    first = open_window(head)
    session = first.session
    qtbot.waitUntil(lambda: session.volume is not None and session.volume.loaded.all(), timeout=WAIT_MS)
    assert session.slice_index == 6

    # scroll while scores and masks arrive
    drive.wheel(first, 3)
    assert session.slice_index == 9
    drive.wheel(first, -4)
    assert session.slice_index == 5
    qtbot.waitUntil(lambda: drive.scored(first), timeout=WAIT_MS)
    findings = session.findings
    assert findings is not None
    assert findings.model_id == "tiny-1"
    assert np.isfinite(findings.slice_scores).all()
    assert findings.masks.shape == (SLICES, SIDE, SIDE)
    qtbot.waitUntil(lambda: first.window.right.findings.title.text() == "Any hemorrhage", timeout=WAIT_MS)

    # draw: annotate mode, IPH, four clicks and the first point again
    session.set_mode(Mode.ANNOTATE)
    session.set_subtype("IPH")
    for index in (5, 6, 7):
        session.set_slice_index(index)
        drive.draw(first, CORNERS)
    assert [a.subtype for a in session.document.annotations] == ["IPH"] * 3
    drawn = session.document.annotations
    assert np.abs(np.array(drawn[0].outline) - np.array(CORNERS)).max() < 0.5  # a pixel of the screen
    qtbot.waitUntil(lambda: session.save_state == "Saved", timeout=WAIT_MS)
    drive.close(first)

    # reopen: the polygons are there, and so are the scores
    second = open_window(head)
    session = second.session
    qtbot.waitUntil(lambda: drive.scored(second), timeout=WAIT_MS)
    assert session.document.annotations == drawn
    qtbot.waitUntil(lambda: session.annotated == (1, 3), timeout=WAIT_MS)

    # retrain: refused with one patient, and what is missing is said
    small_training(monkeypatch)
    card = second.window.right.annotations.retraining
    dialogs, learning = second.window.learning, session.learning
    card.start.click()
    qtbot.waitUntil(lambda: bool(learning.preflight.refusal), timeout=WAIT_MS)
    assert "Annotate bleeds of 2 more patients." in learning.preflight.refusal
    before = dialogs.open_dialog
    assert isinstance(before, PreflightDialog)
    assert not before.start.isEnabled()
    before.cancel.click()

    # with five more it can be started, in the child process, with curves, to a candidate and its verdict
    annotate(tmp_path / "library", colleagues)
    card.start.click()
    qtbot.waitUntil(lambda: learning.preflight.expected is not None, timeout=WAIT_MS)
    assert (learning.preflight.patients, learning.preflight.slices) == (6, 23)
    assert sum(person.part == "test" for person in learning.preflight.people) == 1
    before = dialogs.open_dialog
    assert isinstance(before, PreflightDialog)
    before.start.click()
    dialogs.show_training()
    qtbot.waitUntil(lambda: session.retraining.state in ("candidate", "failed"), timeout=WAIT_MS)
    assert session.retraining.state == "candidate", session.retraining.text
    assert session.retraining.train_loss
    assert session.retraining.rows
    assert learning.examples
    verdict = dialogs.open_dialog
    assert isinstance(verdict, VerdictDialog)
    assert learning.judgement is not None
    assert learning.judgement.incumbent_id == "tiny-1"
    candidate = session.retraining.candidate_id
    assert session.model_id == "tiny-1"

    # use it: the open series is scored anew and the findings carry the new id; the old one stays
    qtbot.waitUntil(lambda: len(session.models) == 2, timeout=WAIT_MS)
    verdict.use.click()
    qtbot.waitUntil(lambda: answered_by(second, candidate), timeout=WAIT_MS)
    assert session.model_id == candidate
    assert "tiny-1" in [entry.id for entry in session.models]
    assert session.document.annotations == drawn

    # go back: the one before answers again
    session.roll_back_requested.emit()
    qtbot.waitUntil(lambda: answered_by(second, "tiny-1"), timeout=WAIT_MS)
    assert session.model_id == "tiny-1"


def answered_by(application: Application, model_id: str) -> bool:
    findings = application.session.findings
    return drive.scored(application) and findings is not None and findings.model_id == model_id
