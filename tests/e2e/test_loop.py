"""The whole loop by mouse and keys: open, scroll, score, draw, close, reopen, retrain, switch."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer.app import Application
from viewer.jobs import retrain
from viewer.session import Mode
from viewer.ui.reading import ReadingArea

WAIT_MS = 120_000
SLICES, SIDE = 12, 128
CORNERS = ((50.0, 50.0), (70.0, 50.0), (70.0, 70.0), (50.0, 70.0))


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundled version small enough to be trained in seconds: the real network's shape, few channels, random."""
    import torch

    from model.export import export
    from model.networks.flagship import Flagship, FlagshipConfig

    torch.manual_seed(0)
    config = FlagshipConfig(
        widths=(4, 6, 8, 8, 8),
        depths=(1, 1, 1, 1, 1),
        expansion=1,
        decoder=(8, 6, 4, 4),
        pooled=8,
        sequence_width=8,
    )
    folder = tmp_path_factory.mktemp("bundled")
    export(Flagship(config).eval(), folder / "tiny-1", id="tiny-1", parent=None, info={})
    return folder


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
            close(application)


def close(application: Application) -> None:
    assert application.window.close()
    application.shutdown()
    application.window.deleteLater()


def scored(application: Application) -> bool:
    findings = application.session.findings
    return findings is not None and findings.done and not application.tasks.busy


def wheel(application: Application, steps: int) -> None:
    """Turn the wheel over the large viewport, towards the reader for positive steps."""
    reading = application.window.centre
    assert isinstance(reading, ReadingArea)
    viewport = reading.viewports[0]
    middle = QPointF(viewport.rect().center())
    for _ in range(abs(steps)):
        turn = QWheelEvent(
            middle,
            QPointF(viewport.mapToGlobal(middle.toPoint())),
            QPoint(),
            QPoint(0, -120 if steps > 0 else 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(viewport, turn)


def draw_by_mouse(qtbot: QtBot, application: Application, corners: tuple[tuple[float, float], ...]) -> None:
    """Click the corners, then the first one again, in the large viewport."""
    reading = application.window.centre
    assert isinstance(reading, ReadingArea)
    viewport = reading.viewports[0]
    placement = viewport.placement()
    assert placement is not None
    for corner in (*corners, corners[0]):
        at = QPointF(*placement.to_screen(corner)).toPoint()
        qtbot.mouseMove(viewport, at)
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at)


def small_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training of one epoch on two small simulated heads."""

    def start(library, registry, *, on_progress=None, cancelled=None):
        folder, _ = retrain.prepare_run(
            library,
            registry,
            on_progress=on_progress,
            cancelled=cancelled,
            epochs=1,
            minutes=0.5,
            replay=1,
            regression=1,
            size=64,
            slices=6,
            threads=1,
        )
        retrain.launch(folder)
        return folder

    monkeypatch.setattr(retrain, "start", start)


def test_open_scroll_score_draw_close_reopen_retrain_switch(
    qtbot: QtBot, open_window: Callable[..., Application], head: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # open: the study is listed, the middle slice shows, the model answers by itself
    first = open_window(head)
    session = first.session
    qtbot.waitUntil(lambda: session.volume is not None and session.volume.loaded.all(), timeout=WAIT_MS)
    assert session.slice_index == 6

    # scroll while scores and masks arrive
    wheel(first, 3)
    assert session.slice_index == 9
    wheel(first, -4)
    assert session.slice_index == 5
    qtbot.waitUntil(lambda: scored(first), timeout=WAIT_MS)
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
        draw_by_mouse(qtbot, first, CORNERS)
    assert [a.subtype for a in session.document.annotations] == ["IPH"] * 3
    drawn = session.document.annotations
    assert np.abs(np.array(drawn[0].outline) - np.array(CORNERS)).max() < 0.5  # a pixel of the screen
    qtbot.waitUntil(lambda: session.save_state == "Saved", timeout=WAIT_MS)
    close(first)

    # reopen: the polygons are there, and so are the scores
    second = open_window(head)
    session = second.session
    qtbot.waitUntil(lambda: scored(second), timeout=WAIT_MS)
    assert session.document.annotations == drawn
    qtbot.waitUntil(lambda: session.annotated == (1, 3), timeout=WAIT_MS)

    # retrain in the child process, with a curve, to a candidate
    small_training(monkeypatch)
    card = second.window.right.annotations.retraining
    assert card.start.isEnabled()
    card.start.click()
    qtbot.waitUntil(lambda: session.retraining.state in ("candidate", "failed"), timeout=WAIT_MS)
    assert session.retraining.state == "candidate", session.retraining.text
    assert session.retraining.train_loss
    assert session.retraining.comparison
    candidate = session.retraining.candidate_id
    assert session.model_id == "tiny-1"

    # use it: the open series is scored anew and the findings carry the new id; the old one stays
    qtbot.waitUntil(lambda: len(session.models) == 2, timeout=WAIT_MS)
    card.use.click()
    qtbot.waitUntil(
        lambda: scored(second) and session.findings is not None and session.findings.model_id == candidate,
        timeout=WAIT_MS,
    )
    assert session.model_id == candidate
    assert "tiny-1" in [entry.id for entry in session.models]
    assert session.document.annotations == drawn
