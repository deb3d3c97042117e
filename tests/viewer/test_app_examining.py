"""Regions behind the window: found once a series is scored, decided about, kept, undone; answers that come too late."""

import random
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer.annotation.events import Accept, Reject
from viewer.app import Application
from viewer.findings.style import Look, OverlayStyle
from viewer.findings.verdict import Decision
from viewer.session import Mode, Session

TESTS = Path(__file__).parents[1]
WAIT_MS = 60_000
Start = Callable[..., Application]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    runpy.run_path(str(TESTS / "toy_version.py"))["make"](tmp_path / "bundled", "toy-1")
    return Registry(tmp_path / "bundled", tmp_path / "models")


def examined(qtbot: QtBot, application: Application) -> Session:
    """Two regions of SDH, the larger on slices 2 to 4."""
    session = application.session

    def scored() -> bool:
        return session.findings is not None and session.findings.done and not application.tasks.busy

    qtbot.waitUntil(scored, timeout=WAIT_MS)
    assert session.findings is not None
    masks = np.zeros_like(session.findings.masks)
    masks[2:5, 40:60, 20:40], masks[6, 80:90, 50:60] = 2, 2
    scores = dict.fromkeys(session.findings.study_scores or {}, 0.0) | {"any": 0.9, "SDH": 0.9}
    table = np.where(masks.any((1, 2)), 0.9, 0.1)[:, None].repeat(6, 1).astype(np.float32)
    session.set_findings(replace(session.findings, masks=masks, study_scores=scores, slice_scores=table))
    qtbot.waitUntil(lambda: len(session.suspecting.found) == 2, timeout=WAIT_MS)
    return session


def test_a_dismissed_region_is_hidden_kept_and_comes_back_by_undo(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    application = start(phantom_series)
    session = examined(qtbot, application)
    findings, suspecting = session.findings, session.suspecting
    suspecting.dismiss_requested.emit(suspecting.found[0], "Artefact")
    (verdict,) = session.document.verdicts
    assert (verdict.decision, verdict.reason, verdict.model_id) == (Decision.DISMISSED, "Artefact", "toy-1")
    assert findings is not None
    assert suspecting.suspected is not None
    assert not suspecting.suspected.shown[2:5].any()
    assert suspecting.suspected.shown[6].any()
    assert findings.masks[2:5].any()
    assert application.keeping.writer.flush()
    document = session.document
    kept = application.library.load_document(document.study_uid, document.series_uid)
    assert kept.verdicts == (verdict,)
    session.undo_requested.emit()
    assert session.document.verdicts == ()
    assert suspecting.suspected.shown[2:5].any()
    session.redo_requested.emit()
    suspecting.reopen_requested.emit(suspecting.found[0])
    assert session.document.verdicts == ()


def test_an_accepted_region_becomes_annotations_in_one_step(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    session = examined(qtbot, start(phantom_series))
    suspecting = session.suspecting
    suspecting.accept_requested.emit(suspecting.found[0])
    qtbot.waitUntil(lambda: bool(session.document.annotations), timeout=WAIT_MS)
    assert {(a.subtype, a.source, a.model_id) for a in session.document.annotations} == {
        ("SDH", "model", "toy-1")
    }
    assert len({a.sop_uid for a in session.document.annotations}) == 3
    assert [v.decision for v in session.document.verdicts] == [Decision.ACCEPTED]
    session.undo_requested.emit()
    assert session.document.annotations == ()
    assert session.document.verdicts == ()


def test_editing_a_region_opens_its_outline_on_its_slice(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    session = examined(qtbot, start(phantom_series))
    region = session.suspecting.found[1]
    session.suspecting.edit_requested.emit(region)
    qtbot.waitUntil(lambda: session.selection is not None, timeout=WAIT_MS)
    assert session.mode is Mode.ANNOTATE
    assert session.slice_index == region.peak == 6
    selected = session.document.find(session.selection)
    assert selected is not None
    assert session.volume is not None
    assert selected.sop_uid == session.volume.series.slices[6].sop_uid


def test_accepting_all_leaves_out_what_was_dismissed(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    session = examined(qtbot, start(phantom_series))
    session.suspecting.dismiss_requested.emit(session.suspecting.found[0], "Other")
    session.accept_findings_requested.emit()
    qtbot.waitUntil(lambda: bool(session.document.annotations), timeout=WAIT_MS)
    assert len(session.document.annotations) == 1
    assert {v.decision for v in session.document.verdicts} == {Decision.ACCEPTED, Decision.DISMISSED}


def test_evidence_comes_for_the_slice_on_screen_and_goes_with_the_series(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    session = examined(qtbot, start(phantom_series))
    session.set_slice_index(4)
    session.suspecting.evidence_requested.emit("SDH")

    def there() -> bool:
        found = session.suspecting.evidence
        return found is not None and found.state == "shown"

    qtbot.waitUntil(there, timeout=WAIT_MS)
    found = session.suspecting.evidence
    assert found is not None
    assert found.values is not None
    assert session.volume is not None
    assert (found.index, found.code, found.values.shape) == (4, "SDH", session.volume.hu.shape[1:])
    session.set_volume(None)
    assert session.suspecting.evidence is None
    assert session.suspecting.suspected is None


def test_the_look_of_the_overlay_is_remembered(qtbot: QtBot, start: Start, phantom_series: Path) -> None:
    style = OverlayStyle(Look.OUTLINE, 0.6, frozenset({"IVH"}))
    application = start(phantom_series)
    application.session.suspecting.set_style(style)
    application.shutdown()
    again = start()
    qtbot.waitUntil(lambda: again.session.suspecting.style == style, timeout=WAIT_MS)


def test_a_study_that_was_left_before_it_came_does_not_come(
    qtbot: QtBot, start: Start, phantom_series: Path, write_series_copy: Callable[[str], Path]
) -> None:
    application = start(phantom_series, write_series_copy("b"))
    session = application.session
    qtbot.waitUntil(lambda: len(session.studies) == 2 and not application.opening.busy, timeout=WAIT_MS)
    assert session.volume is not None
    here, index = session.volume, session.slice_index + 1
    session.set_slice_index(index)
    (mine,) = (study for study in session.studies if study.study_uid == here.series.study_uid)
    (other,) = (study for study in session.studies if study is not mine)
    shown: list[object] = []
    session.volume_changed.connect(shown.append)
    session.set_study(other)
    session.set_study(mine)
    qtbot.waitUntil(lambda: not application.opening.busy, timeout=WAIT_MS)
    qtbot.wait(100)
    assert shown == []
    assert session.volume is here
    assert (session.study, session.slice_index) == (mine, index)


def test_no_answer_of_another_series_is_ever_shown(
    qtbot: QtBot, start: Start, phantom_series: Path, write_series_copy: Callable[[str], Path]
) -> None:
    application = start(phantom_series, write_series_copy("b"), write_series_copy("c"))
    session = application.session
    qtbot.waitUntil(lambda: len(session.studies) == 3 and session.volume is not None, timeout=WAIT_MS)
    wrong: list[str] = []

    def look(_: object = None) -> None:
        findings, volume = session.findings, session.volume
        if findings is not None and (volume is None or findings.series_uid != volume.series.series_uid):
            wrong.append(findings.series_uid)
        suspected = session.suspecting.suspected
        if suspected is not None and (volume is None or suspected.shown.shape != volume.hu.shape):
            wrong.append("regions")

    for signal in (session.findings_changed, session.suspecting.changed, session.slice_scored):
        signal.connect(look)
    chosen = random.Random(4)
    for _ in range(100):
        session.set_study(chosen.choice(session.studies))
        qtbot.wait(chosen.choice((0, 0, 1, 5, 20)))
    last = chosen.choice([study for study in session.studies if study is not session.study])
    session.set_study(last)
    qtbot.waitUntil(
        lambda: session.volume is not None and session.volume.series.study_uid == last.study_uid,
        timeout=WAIT_MS,
    )
    qtbot.waitUntil(lambda: session.findings is not None and session.findings.done, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: session.suspecting.suspected is not None, timeout=WAIT_MS)
    assert wrong == []
    assert session.findings is not None
    assert session.findings.series_uid == last.series[0].series_uid


def test_proposals_taken_one_by_one_decide_about_their_region_and_a_rejection_is_kept(
    qtbot: QtBot, start: Start, phantom_series: Path
) -> None:
    application = start(phantom_series)
    session = examined(qtbot, application)
    proposed = session.drawing.proposals
    assert len(proposed) == 4
    large, small = session.suspecting.found
    assert session.volume is not None
    last = session.volume.series.slices[4].sop_uid
    session.edit_requested.emit(Reject(slice_name=last))
    session.edit_requested.emit(Accept(slice_name=session.volume.series.slices[2].sop_uid))
    assert session.suspecting.suspected is not None
    assert not session.suspecting.suspected.verdicts
    session.edit_requested.emit(Accept(slice_name=session.volume.series.slices[3].sop_uid))
    assert [v.decision for v in session.suspecting.suspected.verdicts.values()] == [Decision.ACCEPTED]
    assert session.drawing.proposals == proposed[3:]
    session.suspecting.dismiss_requested.emit(small, "Artefact")
    assert session.drawing.proposals == ()
    session.suspecting.reopen_requested.emit(large)
    assert [a.sop_uid for a in session.drawing.proposals] == [last]
    session.undo_requested.emit()
    assert application.keeping.writer.flush()
    document = session.document
    kept = application.library.load_document(document.study_uid, document.series_uid)
    assert kept == document
    assert {v.decision for v in kept.verdicts} == {*Decision}
