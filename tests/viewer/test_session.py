"""The session: one signal per fact, silence where nothing changed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from viewer.annotation.document import Document
from viewer.annotation.events import Preview, State
from viewer.dicom.series import Series, SliceHeader
from viewer.dicom.volume import Volume
from viewer.imaging.placement import ViewState
from viewer.imaging.windows import BONE, BRAIN, STROKE, SUBDURAL
from viewer.session import Findings, Mode, ModelEntry, Notice, Probe, Retraining, Session, Tool


def volume(count: int = 4) -> Volume:
    header = SliceHeader(Path("IM"), "1.2.3", 0, 1, None, None, None, 4, 4, None)
    series = Series("1.2", "1.2.3", 1, "CT", "", (header,) * count, (), (), 0.0, None, "", "", "", ())
    return Volume(
        series, np.zeros((count, 4, 4), np.int16), np.ones(count, bool), np.zeros(count, bool), (1, 1)
    )


@pytest.fixture
def session(qapp: object) -> Session:
    return Session()


@pytest.mark.parametrize(
    ("signal", "change"),
    [
        ("active_view_changed", lambda s: s.set_active_view(1)),
        ("maximised_view_changed", lambda s: s.set_maximised_view(2)),
        ("view_changed", lambda s: s.set_view(ViewState(zoom=2))),
        ("tool_changed", lambda s: s.set_tool(Tool.PAN)),
        ("subtype_changed", lambda s: s.set_subtype("EDH")),
        ("overlay_changed", lambda s: s.set_overlay(False)),
        ("document_changed", lambda s: s.set_document(Document("1.2", "1.2.3"))),
        ("selection_changed", lambda s: s.set_selection("a")),
        ("preview_changed", lambda s: s.set_preview(Preview(State.DRAWING))),
        ("save_state_changed", lambda s: s.set_save_state("Saved")),
        ("ai_state_changed", lambda s: s.set_ai_state("AI idle")),
        ("load_state_changed", lambda s: s.set_load_state("3/4")),
        ("model_changed", lambda s: s.set_model("m1")),
        ("models_changed", lambda s: s.set_models((ModelEntry("m1", "bundled", "2026-11-20", True, ""),))),
        ("annotated_changed", lambda s: s.set_annotated(2, 9)),
        ("retraining_changed", lambda s: s.set_retraining(Retraining("running"))),
        ("probe_changed", lambda s: s.set_probe(Probe(40, None, (1, 2)))),
        ("windows_changed", lambda s: s.set_window(0, STROKE)),
        ("study_status_changed", lambda s: s.set_study_status("1.2", "SDH .97")),
    ],
)
def test_a_fact_is_told_once(
    qtbot: QtBot, session: Session, signal: str, change: Callable[[Session], None]
) -> None:
    with qtbot.waitSignal(getattr(session, signal), timeout=200):
        change(session)
    with qtbot.assertNotEmitted(getattr(session, signal)):
        change(session)


def test_only_the_window_of_one_viewport_changes(session: Session) -> None:
    session.set_window(1, STROKE)
    assert session.windows == (BRAIN, STROKE, BONE)
    assert SUBDURAL not in session.windows


@pytest.mark.parametrize(("wanted", "shown"), [(-3, 0), (2, 2), (99, 3)])
def test_slices_beyond_the_ends_are_the_ends(session: Session, wanted: int, shown: int) -> None:
    session.set_volume(volume())
    session.set_slice_index(wanted)
    assert session.slice_index == shown


def test_without_a_volume_there_is_only_slice_zero(session: Session) -> None:
    session.set_slice_index(5)
    assert session.slice_index == 0


def test_another_volume_starts_anew(session: Session) -> None:
    first = volume()
    session.set_volume(first)
    session.set_slice_index(3)
    session.mark_slice_loaded(2, "ends early")
    session.set_selection("a")
    session.set_preview(Preview(State.DRAWING))
    session.set_findings(
        Findings("1.2.3", "m", np.zeros((4, 6), np.float32), np.zeros((4, 4, 4), np.uint8), 0, 4)
    )
    session.set_volume(volume())
    assert (session.slice_index, session.findings, session.selection) == (0, None, None)
    assert (session.slice_errors, session.preview) == ({}, Preview())
    assert session.series is session.volume.series  # type: ignore[union-attr]


def test_the_same_volume_again_keeps_the_place(session: Session) -> None:
    opened = volume()
    session.set_volume(opened)
    session.set_slice_index(3)
    session.set_volume(opened)
    assert session.slice_index == 3


def test_a_failed_slice_keeps_its_reason(qtbot: QtBot, session: Session) -> None:
    with qtbot.waitSignal(session.slice_loaded) as told:
        session.mark_slice_loaded(2, "IM0003 ends early.")
    assert told.args == [2]
    assert session.slice_errors == {2: "IM0003 ends early."}


def test_the_tool_follows_the_mode(session: Session) -> None:
    session.set_mode(Mode.ANNOTATE)
    assert session.tool is Tool.POLYGON
    session.set_mode(Mode.READ)
    assert session.tool is Tool.SCROLL


def test_findings_are_done_when_the_study_has_scores(session: Session) -> None:
    scores, masks = np.zeros((4, 6), np.float32), np.zeros((4, 4, 4), np.uint8)
    assert not Findings("1", "m", scores, masks, 4, 4).done
    assert Findings("1", "m", scores, masks, 4, 4, {"any": 0.1}).done


def test_a_thumbnail_is_kept_and_told(qtbot: QtBot, session: Session) -> None:
    grey = np.zeros((8, 8), np.uint8)
    with qtbot.waitSignal(session.thumbnail_ready) as told:
        session.set_thumbnail(volume().series, grey)
    assert told.args == [("1.2", "1.2.3")]
    assert session.thumbnails["1.2", "1.2.3"] is grey


def test_intentions_carry_what_is_meant(qtbot: QtBot, session: Session) -> None:
    with qtbot.waitSignal(session.open_requested) as told:
        session.request_open(Path("a"), Path("b"))
    assert told.args == [(Path("a"), Path("b"))]
    with qtbot.waitSignal(session.noticed) as told:
        session.notice("warning", "Disk full", "Free some room.")
    assert told.args == [Notice("warning", "Disk full", "Free some room.")]
