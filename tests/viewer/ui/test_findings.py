"""The Findings tab in every state of an answer."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytestqt.qtbot import QtBot

from viewer.dicom.series import Note, Problem
from viewer.session import Session
from viewer.ui.findings import FindingsPanel

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))
SLICES = {2: {"any": 0.9, "SDH": 0.8}, 3: {"any": 0.95, "SDH": 0.9}, 6: {"SDH": 0.6}}


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Session, FindingsPanel]:
    session = Session()
    panel = FindingsPanel(session)
    qtbot.addWidget(panel)
    return session, panel


def answer(session: Session, panel: FindingsPanel, findings: object) -> None:
    session.set_volume(frame.volume())
    session.set_findings(findings)  # type: ignore[arg-type]
    panel.refresh()


def test_without_a_series_the_panel_says_what_will_appear(shown) -> None:
    _, panel = shown
    assert not panel.empty.isHidden()
    assert panel.again.isHidden()


def test_a_whole_answer_shows_score_bars_regions_and_model(shown) -> None:
    session, panel = shown
    answer(session, panel, frame.findings({"any": 0.98, "SDH": 0.97, "IPH": 0.11}, SLICES))
    assert panel.score.text() == "0.98"
    assert panel.about.text() == "suspected from .50 · calibrated\nmodel toy-1 · 10 slices in 3.1 s"
    assert panel.rows["SDH"].score == pytest.approx(0.97)
    assert panel.rows["SDH"].volume == "1.5 mL"
    assert panel.rows["IPH"].volume == ""
    assert [(r.region.code, r.region.first, r.region.last) for r in panel.region_rows] == [
        ("SDH", 2, 3), ("SDH", 6, 6),
    ]  # fmt: skip
    assert panel.cancel.isHidden()
    assert not panel.accept.isHidden()
    assert panel.accept.isEnabled()
    assert not panel.research.isHidden()


def test_a_click_on_a_region_goes_to_its_most_suspicious_slice(shown, qtbot: QtBot) -> None:
    session, panel = shown
    answer(session, panel, frame.findings({"any": 0.98, "SDH": 0.97}, SLICES))
    panel.region_rows[0].clicked.emit(panel.region_rows[0].region.peak)
    assert session.slice_index == 3


def test_while_scoring_there_is_progress_and_cancel(shown, qtbot: QtBot) -> None:
    session, panel = shown
    answer(session, panel, replace(frame.findings(None, {2: {"any": 0.6}}), scored=4))
    assert panel.about.text() == "model toy-1 · scoring 4 of 10"
    assert (panel.progress.value(), panel.progress.maximum()) == (4, 10)
    assert panel.again.isHidden()
    with qtbot.waitSignal(session.score_cancel_requested):
        panel.cancel.click()


def test_before_the_first_slice_there_is_no_score(shown) -> None:
    session, panel = shown
    running = replace(frame.findings(None, {}), scored=0)
    answer(session, panel, running)
    assert panel.score.text() == "–"


def test_not_run_says_why_and_offers_to_score(shown, qtbot: QtBot) -> None:
    session, panel = shown
    answer(session, panel, replace(frame.findings(None, {}), not_run="The series is a localizer."))
    assert panel.title.text() == "Not scored"
    assert panel.about.text() == "The series is a localizer."
    assert panel.rows["SDH"].score is None
    with qtbot.waitSignal(session.score_requested):
        panel.again.click()


def test_no_suspicion_is_said_in_words_not_with_none(shown) -> None:
    session, panel = shown
    answer(session, panel, frame.findings({"any": 0.04}, {}))
    assert panel.none_found.text() == "No subtype is above its threshold."
    assert panel.accept.isHidden()


def test_a_bleed_of_unclear_subtype_is_a_region(shown) -> None:
    session, panel = shown
    answer(session, panel, frame.findings({"any": 0.7}, {2: {"any": 0.8}}))
    assert [row.text for row in panel.region_rows] == ["Subtype unclear"]
    assert panel.none_found.isHidden()
    panel.region_rows[0].grab()


def test_cautions_are_said(shown) -> None:
    session, panel = shown
    answer(session, panel, replace(frame.findings({"any": 0.04}, {}), cautions=("A sharp kernel.",)))
    assert panel._notes.count() == 1


def test_findings_of_another_model_are_marked(shown) -> None:
    session, panel = shown
    session.set_model("toy-2")
    answer(session, panel, frame.findings({"any": 0.04}, {}))
    assert panel._notes.count() == 1


def test_estimated_spacing_marks_volumes(shown) -> None:
    session, panel = shown
    note = Note(Problem.SPACING_ESTIMATED, "≈ mm", "The pixel size was estimated.")
    session.set_volume(frame.volume(frame.series(notes=(note,))))
    session.set_findings(frame.findings({"any": 0.98, "SDH": 0.97}, SLICES))
    panel.refresh()
    assert panel.rows["SDH"].volume == "≈ 1.5 mL"


def test_answers_that_come_fast_are_shown_within_a_moment(shown, qtbot: QtBot) -> None:
    session, panel = shown
    session.set_volume(frame.volume())
    for scored in range(1, 6):
        session.set_findings(replace(frame.findings(None, {}), scored=scored))
    qtbot.waitUntil(lambda: panel.about.text() == "model toy-1 · scoring 5 of 10", timeout=2000)


def test_accepting_is_an_intention(shown, qtbot: QtBot) -> None:
    session, panel = shown
    answer(session, panel, frame.findings({"any": 0.98, "SDH": 0.97}, SLICES))
    with qtbot.waitSignal(session.accept_findings_requested):
        panel.accept.click()


def test_everything_paints(shown, qtbot: QtBot) -> None:
    session, panel = shown
    answer(session, panel, frame.findings({"any": 0.98, "SDH": 0.97}, SLICES))
    panel.resize(280, 700)
    assert not panel.grab().isNull()
