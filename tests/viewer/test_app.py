"""The application behind its window: open, score, keep, switch, close, and what goes wrong."""

import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from model.compare import MEASURES
from model.errors import PterionError
from model.labels import SCORES
from model.registry import Registry
from model.verdict import SETS
from viewer.annotation import events
from viewer.annotation.document import Document
from viewer.app import Application
from viewer.app.following import candidate_state, follow, judgement_of
from viewer.app.reporting import BugReporter
from viewer.app.teaching import count_annotated, vouched_slices
from viewer.jobs import retrain
from viewer.library.errors import LibraryError
from viewer.library.store import Library
from viewer.session import Notice, Retraining
from viewer.working import ExportOrder

TESTS = Path(__file__).parents[1]
WAIT_MS = 60_000
Start = Callable[..., Application]


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of bundled versions with `toy-1`, and beside it a candidate `toy-2`."""
    folder = tmp_path_factory.mktemp("toys")
    make = runpy.run_path(str(TESTS / "toy_version.py"))["make"]
    make(folder / "bundled", "toy-1")
    make(folder / "candidates", "toy-2", parent="toy-1")
    return folder


@pytest.fixture
def registry(toys: Path, tmp_path: Path) -> Registry:
    return Registry(toys / "bundled", tmp_path / "models")


def wait_until_scored(qtbot: QtBot, application: Application) -> None:
    def scored() -> bool:
        findings = application.session.findings
        return findings is not None and findings.done and not application.tasks.busy

    qtbot.waitUntil(scored, timeout=WAIT_MS)


def titles(application: Application) -> list[str]:
    notices: list[Notice] = application.notices  # type: ignore[attr-defined]
    return [notice.title for notice in notices]


def draw(application: Application) -> None:
    """A square of 10 × 10 pixels on the slice on screen."""
    volume = application.session.volume
    assert volume is not None
    sop_uid = volume.series.slices[application.session.slice_index].sop_uid
    for point in ((10.0, 10.0), (20.0, 10.0), (20.0, 20.0), (10.0, 20.0)):
        application.session.edit_requested.emit(events.Press(point, sop_uid, tolerance_px=1.0))
        application.session.edit_requested.emit(events.Release(point, sop_uid))
    application.session.edit_requested.emit(events.Key.CLOSE)


def test_opening_a_folder_shows_its_study_loads_and_scores_it(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    application = start(phantom_series)
    wait_until_scored(qtbot, application)
    session = application.session
    assert [study.patient_id for study in session.studies] == ["PHANTOM-1"]
    assert session.volume is not None
    assert session.volume.loaded.all()
    assert session.slice_index == 4  # the middle of eight
    assert session.load_state.startswith("Series 8/8 loaded")
    findings = session.findings
    assert findings is not None
    assert (findings.model_id, findings.scored, findings.total) == ("toy-1", 8, 8)
    assert session.study_status[session.studies[0].study_uid] != "not scored"
    assert [entry.id for entry in session.models] == ["toy-1"]
    qtbot.waitUntil(lambda: session.series.key in session.thumbnails, timeout=WAIT_MS)  # type: ignore[union-attr]


def test_findings_are_found_again_without_asking_the_model(
    qtbot: QtBot, start: Start, phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(phantom_series)
    wait_until_scored(qtbot, first)
    before = first.session.findings
    first.shutdown()
    second = start(phantom_series)
    monkeypatch.setattr(second.answering, "_start", lambda *_: pytest.fail("the model was asked again"))
    wait_until_scored(qtbot, second)
    after = second.session.findings
    assert before is not None
    assert after is not None
    assert after.study_scores == before.study_scores
    assert after.seconds == before.seconds
    assert np.array_equal(after.masks, before.masks)


def test_score_again_asks_the_model_anew(qtbot: QtBot, start: Start, phantom_series: Path) -> None:
    application = start(phantom_series)
    wait_until_scored(qtbot, application)
    before = application.session.findings
    application.session.score_requested.emit()
    qtbot.waitUntil(lambda: application.session.findings is not before, timeout=WAIT_MS)
    wait_until_scored(qtbot, application)


def test_cancelled_scoring_is_not_shown_as_an_answer(
    qtbot: QtBot, start: Start, phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = start()
    session = application.session

    def cancel(_: int) -> None:
        session.score_cancel_requested.emit()

    session.slice_scored.connect(cancel)
    session.request_open(phantom_series)
    qtbot.waitUntil(lambda: session.findings is not None and bool(session.findings.not_run), timeout=WAIT_MS)
    assert session.findings is not None
    assert session.findings.not_run.startswith("Scoring was cancelled after")
    assert not session.findings.done


def test_an_answer_for_a_series_no_longer_open_is_dropped(
    qtbot: QtBot, start: Start, phantom_series: Path, write_series_copy: Callable[[str], Path]
) -> None:
    application = start(phantom_series, write_series_copy("other"))
    session = application.session
    qtbot.waitUntil(lambda: len(session.studies) == 2 and session.volume is not None, timeout=WAIT_MS)
    other = next(
        s for s in session.studies if s is not session.study and s.study_uid != session.series.study_uid
    )  # type: ignore[union-attr]
    session.set_study(other)
    qtbot.waitUntil(lambda: session.series in other.series, timeout=WAIT_MS)
    wait_until_scored(qtbot, application)
    assert session.findings is not None
    assert session.findings.series_uid == other.series[0].series_uid


def test_a_study_left_while_it_is_scored_is_not_scored(
    qtbot: QtBot, start: Start, phantom_series: Path, write_series_copy: Callable[[str], Path]
) -> None:
    application = start(write_series_copy("other"), phantom_series)
    session = application.session
    qtbot.waitUntil(lambda: len(session.studies) == 2 and session.volume is not None, timeout=WAIT_MS)
    wait_until_scored(qtbot, application)
    one = next(s for s in session.studies if s.study_uid == session.series.study_uid)  # type: ignore[union-attr]
    other = next(s for s in session.studies if s is not one)
    before = session.study_status[one.study_uid]

    def leave(_: int) -> None:
        session.set_study(other)

    session.slice_scored.connect(leave)
    session.score_requested.emit()
    qtbot.waitUntil(lambda: session.series in other.series, timeout=WAIT_MS)
    session.slice_scored.disconnect(leave)
    wait_until_scored(qtbot, application)
    assert session.study_status[one.study_uid] == before


def test_a_study_that_cannot_be_loaded_leaves_no_other_patients_images(
    qtbot: QtBot,
    start: Start,
    phantom_series: Path,
    write_series_copy: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    application = start(phantom_series, write_series_copy("other"))
    session = application.session
    qtbot.waitUntil(lambda: len(session.studies) == 2 and session.volume is not None, timeout=WAIT_MS)

    def refuse(_: object) -> None:
        raise PterionError("The series needs 900 GB of memory. Open a thicker reconstruction.")

    monkeypatch.setattr("viewer.jobs.reading_qt.allocate", refuse)
    other = next(s for s in session.studies if s.study_uid != session.series.study_uid)  # type: ignore[union-attr]
    session.set_study(other)
    qtbot.waitUntil(lambda: session.volume is None, timeout=WAIT_MS)
    assert "The series could not be opened" in titles(application)


def test_a_study_without_pictures_leaves_no_other_patients_images(
    qtbot: QtBot, start: Start, phantom_series: Path, write_series_copy: Callable[[str], Path]
) -> None:
    other = write_series_copy("other")
    for path in other.iterdir():
        dataset = dcmread(path)
        del dataset.PixelData
        dataset.save_as(path)
    application = start(phantom_series, other)
    session = application.session
    qtbot.waitUntil(lambda: len(session.studies) == 2 and session.volume is not None, timeout=WAIT_MS)
    session.set_study(next(s for s in session.studies if s.study_uid != session.series.study_uid))  # type: ignore[union-attr]
    assert (session.volume, session.findings) == (None, None)
    assert "This study has no series that can be shown" in titles(application)


def test_a_drawn_polygon_is_saved_at_once_and_there_after_reopening(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    first = start(phantom_series)
    qtbot.waitUntil(lambda: first.session.volume is not None, timeout=WAIT_MS)
    draw(first)
    qtbot.waitUntil(lambda: first.session.save_state == "Saved", timeout=WAIT_MS)
    drawn = first.session.document.annotations
    assert len(drawn) == 1
    qtbot.waitUntil(lambda: first.session.annotated == (1, 1), timeout=WAIT_MS)
    first.shutdown()
    second = start(phantom_series)
    qtbot.waitUntil(lambda: second.session.volume is not None, timeout=WAIT_MS)
    assert second.session.document.annotations == drawn


def test_a_full_disk_keeps_edits_in_memory_says_so_and_saves_them_later(
    qtbot: QtBot, start: Start, phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = start(phantom_series)
    qtbot.waitUntil(lambda: application.session.volume is not None, timeout=WAIT_MS)
    save = application.library.save_document
    full = [True]

    def refuse(*args: object, **named: object) -> object:
        if full[0]:
            raise LibraryError("The disk that holds the library is full. Free some space.")
        return save(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(application.library, "save_document", refuse)
    draw(application)
    qtbot.waitUntil(lambda: application.session.save_state.startswith("Not saved"), timeout=WAIT_MS)
    assert titles(application) == ["The annotations are kept in memory"]
    asked: list[str] = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: asked.append(args[2]) or args[-1])
    assert not application.window.close()
    assert len(asked) == 1
    full[0] = False
    assert application.may_close()
    qtbot.waitUntil(lambda: application.session.save_state == "Saved", timeout=WAIT_MS)
    stored = application.library.load_document("", application.session.document.series_uid)
    assert stored.annotations == application.session.document.annotations


def test_a_folder_without_dicom_is_told_and_what_is_open_stays(
    qtbot: QtBot, start: Start, phantom_series: Path, tmp_path: Path
) -> None:
    application = start(phantom_series)
    qtbot.waitUntil(lambda: application.session.volume is not None, timeout=WAIT_MS)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "note.txt").write_text("hello")
    application.session.request_open(tmp_path / "letters")
    qtbot.waitUntil(lambda: "Nothing could be opened" in titles(application), timeout=WAIT_MS)
    assert application.session.volume is not None
    assert len(application.session.studies) == 1


def test_truncated_slices_are_gaps_and_are_named(
    qtbot: QtBot, start: Start, write_series_copy: Callable[[str], Path]
) -> None:
    folder = write_series_copy("cut")
    victim = sorted(folder.iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:-500])
    application = start(folder)
    wait_until_scored(qtbot, application)
    assert application.session.volume is not None
    assert int(application.session.volume.failed.sum()) <= 1
    assert application.notices  # type: ignore[attr-defined]


def test_switching_models_scores_anew_and_rolling_back_finds_the_old_answer(
    qtbot: QtBot, start: Start, phantom_series: Path, registry: Registry, toys: Path
) -> None:
    registry.add_candidate(toys / "candidates" / "toy-2")
    application = start(phantom_series)
    wait_until_scored(qtbot, application)
    session = application.session

    def answered_by(model_id: str) -> Callable[[], bool]:
        return lambda: (
            session.model_id == model_id
            and session.findings is not None
            and session.findings.done
            and session.findings.model_id == model_id
        )

    session.promote_requested.emit("toy-2")
    qtbot.waitUntil(answered_by("toy-2"), timeout=WAIT_MS)
    assert [entry.id for entry in session.models if entry.current] == ["toy-2"]
    session.roll_back_requested.emit()
    qtbot.waitUntil(answered_by("toy-1"), timeout=WAIT_MS)
    session.discard_requested.emit("toy-2")
    qtbot.waitUntil(lambda: [entry.id for entry in session.models] == ["toy-1"], timeout=WAIT_MS)


def test_without_a_model_reading_goes_on(
    qtbot: QtBot, start: Start, phantom_series: Path, tmp_path: Path
) -> None:
    application = start(phantom_series, registry=Registry(tmp_path / "none", tmp_path / "models"))
    session = application.session
    qtbot.waitUntil(lambda: session.findings is not None and bool(session.findings.not_run), timeout=WAIT_MS)
    assert session.volume is not None
    assert "There is no model to score with" in titles(application)


def test_accepted_findings_become_annotations_to_be_reviewed_once(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    application = start(phantom_series)
    wait_until_scored(qtbot, application)
    session = application.session
    assert session.findings is not None
    masks = np.zeros_like(session.findings.masks)
    masks[3, 40:60, 30:50], masks[4, 40:60, 30:50] = 2, 5
    scores = dict.fromkeys(session.findings.study_scores or {}, 0.0) | {"SDH": 0.9}
    session.set_findings(replace(session.findings, masks=masks, study_scores=scores))
    session.accept_findings_requested.emit()
    qtbot.waitUntil(lambda: bool(session.document.annotations), timeout=WAIT_MS)
    (accepted,) = session.document.annotations  # IPH is not suspected, so its mask is not taken
    assert (accepted.subtype, accepted.source, accepted.model_id, accepted.reviewed) == (
        "SDH", "model", "toy-1", False,
    )  # fmt: skip
    session.accept_findings_requested.emit()
    qtbot.waitUntil(lambda: "Nothing to accept" in titles(application), timeout=WAIT_MS)
    session.undo_requested.emit()
    assert session.document.annotations == ()


def test_exported_masks_are_told_of(qtbot: QtBot, start: Start, phantom_series: Path, tmp_path: Path) -> None:
    application = start(phantom_series)
    qtbot.waitUntil(lambda: application.session.volume is not None, timeout=WAIT_MS)
    draw(application)
    application.session.working.export_requested.emit(ExportOrder("PNG masks", tmp_path / "out"))
    qtbot.waitUntil(lambda: "Annotations exported as PNG masks" in titles(application), timeout=WAIT_MS)
    assert len(list((tmp_path / "out").glob("*.png"))) == 1


def test_a_bug_is_told_and_logged_without_its_text(qtbot: QtBot, start: Start, tmp_path: Path) -> None:
    application = start()
    reporter = BugReporter(application.session, tmp_path)
    try:
        raise ValueError("Doe^John")
    except ValueError as error:
        reporter.caught(ValueError, error, error.__traceback__)
    qtbot.waitUntil(lambda: "Something in Pterion went wrong" in titles(application), timeout=WAIT_MS)
    logged = (tmp_path / "pterion.log").read_text()
    reporter.remove()
    assert "ValueError at test_app.py" in logged
    assert "Doe" not in logged


def test_nothing_heavy_is_imported_before_the_window() -> None:
    heavy = ("torch", "monai", "SimpleITK", "highdicom", "onnxruntime", "skimage", "scipy", "shapely")
    code = f"import sys, viewer.app; print([name for name in {heavy!r} if name in sys.modules])"
    root = TESTS.parent
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


# retraining: what the card shows after each event


def test_events_of_a_training_become_progress_and_curves() -> None:
    now = Retraining("running")
    now = follow(now, {"event": "preparing", "done": 1, "total": 12})
    assert now.text.startswith("Simulated head 1 of 12")
    now = follow(now, {"event": "step", "step": 2, "steps": 8, "epoch": 1, "loss": 1.0, "seconds_left": 30.0})
    assert (now.progress, now.seconds_left, now.train_loss) == (0.25, 30.0, (1.0,))
    now = follow(
        now, {"event": "epoch", "time": 1.0, "step": 2, "loss": 1.0, "mine_loss": 0.7, "mine_dice": 0.5}
    )
    assert now.validation_loss == (0.7,)
    assert now.rows == ({"step": 2, "loss": 1.0, "mine_loss": 0.7, "mine_dice": 0.5},)
    paused = follow(now, {"event": "paused"})
    assert (paused.state, paused.seconds_left) == ("paused", None)
    assert follow(paused, {"event": "resumed"}).state == "running"
    assert follow(now, {"event": "smaller", "text": "The memory was full."}).text == "The memory was full."
    assert follow(now, {"event": "comparing", "step": 8, "ended": ""}).state == "comparing"
    assert (
        follow(now, {"event": "failed", "code": "X", "text": "The disk is full."}).text == "The disk is full."
    )
    assert follow(now, {"event": "cancelled"}).state == "idle"


def test_a_candidate_is_shown_with_its_comparison() -> None:
    row = {"before": 0.64, "after": 0.71, "difference": 0.07, "interval": None, "n": 2}
    none = dict.fromkeys(("before", "after", "difference", "interval")) | {"n": 0}
    tables = {name: {measure: dict.fromkeys(SCORES, row) for measure in MEASURES} for name in SETS}
    tables["yours"]["auc"] = dict.fromkeys(SCORES, none)
    fallen = {**row, "difference": -0.05}
    tables["reference"]["auc"] = dict.fromkeys(SCORES, fallen)
    info = {
        "id": "mine-1",
        "parent": "flagship-3",
        "incumbent": "mine-0",
        "metrics": tables,
        "verdict": {"kind": "better", "title": "Better.", "text": "Dice up."},
        "training": {
            "counts": {"slices": 9, "patients": 3, "bleeding_patients": 2},
            "seconds": 72.4,
            "seed": 7,
        },
    }
    judgement = judgement_of(info)
    assert judgement is not None
    assert judgement.incumbent_id == "mine-0"
    assert judgement.trained == "9 slices of 3 patients · 2 bleeding · trained 1 min 12 s · seed 7"
    shown = candidate_state(Retraining("running"), judgement)
    assert (shown.state, shown.candidate_id, shown.text, shown.verdict) == (
        "candidate",
        "mine-1",
        "Better.",
        "better",
    )
    assert shown.comparison == (
        ("Dice, your test patients", "0.64", "0.71"),
        ("Dice, simulated heads", "0.64", "0.71"),
        ("slice AUC, simulated heads", "0.64", "0.71"),
    )
    assert judgement.lost == {"auc"}
    assert judgement_of({"id": "flagship-3", "metrics": {"auc": 0.9}}) is None


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("verdict",), "better"),
        (("training",), [1]),
        (("metrics",), {"yours": {}}),
        (("metrics", "reference", "dice"), None),
        (("metrics", "yours", "dice", "SDH"), {"n": 3}),
        (("metrics", "yours", "auc", "any", "after"), "high"),
        (("metrics", "yours", "auc", "any", "after"), None),
        (("metrics", "yours", "auc", "any", "difference"), float("nan")),
        (("metrics", "yours", "auc", "any", "interval"), [0.1]),
        (("metrics", "yours", "auc", "any", "interval"), ["a", "b"]),
    ],
)
def test_a_version_that_tells_its_judgement_wrongly_has_none(where: tuple[str, ...], value: object) -> None:
    """It may have come from elsewhere."""
    row = {"before": 0.64, "after": 0.71, "difference": 0.07, "interval": [0.01, 0.1], "n": 2}
    tables = {name: {measure: {code: dict(row) for code in SCORES} for measure in MEASURES} for name in SETS}
    info: dict = {"id": "mine-1", "metrics": tables, "verdict": {"kind": "better"}}
    judgement = judgement_of(info)
    assert judgement is not None
    assert judgement.trained == "? slices of ? patients · ? bleeding · trained 0 s · seed ?"
    inside = info
    for name in where[:-1]:
        inside = inside[name]
    inside[where[-1]] = value
    assert judgement_of(info) is None


def test_only_slices_that_a_reader_vouches_for_count(tmp_path: Path) -> None:
    frame = runpy.run_path(str(TESTS / "viewer" / "ui" / "frame_fixtures.py"))
    document: Document = frame["document"]("SDH", "IPH")
    unsure = replace(document.annotations[1], reviewed=False)
    document = replace(
        document, annotations=(document.annotations[0], unsure), reviewed_slices=frozenset({"9.7"})
    )
    assert vouched_slices(document) == 2
    library = Library(tmp_path)
    library.save_document(document, action="test", reader="test")
    assert count_annotated(library) == (1, 2)
    library.close()


def test_a_candidate_left_by_an_earlier_window_is_offered(qtbot: QtBot, start: Start, toys: Path) -> None:
    folder = retrain.runs_dir() / "20260101-000000"
    shutil.copytree(toys / "candidates" / "toy-2", folder / "candidate")
    (folder / "events.jsonl").write_text(
        '{"event": "candidate", "id": "toy-2", "comparison": [], "verdict": "Kept."}\n'
    )
    application = start()
    qtbot.waitUntil(lambda: application.session.retraining.state == "candidate", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: len(application.session.models) == 2, timeout=WAIT_MS)
    application.session.promote_requested.emit("toy-2")
    qtbot.waitUntil(lambda: application.session.retraining.state == "idle", timeout=WAIT_MS)
    assert application.session.model_id == "toy-2"
