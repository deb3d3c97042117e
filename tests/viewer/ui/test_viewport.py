"""What a viewport paints: the right pixels, never a stale picture, letters and badges that tell the truth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QPainter
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from viewer.dicom.series import Note, Problem
from viewer.dicom.volume import Volume
from viewer.imaging.windows import STROKE
from viewer.session import Findings, Session
from viewer.ui import picture as pictures
from viewer.ui.corners import Corners
from viewer.ui.lettering import Lettering
from viewer.ui.reading import ReadingArea
from viewer.ui.viewport import Viewport


@pytest.fixture
def area(qtbot: QtBot, open_session: Session) -> ReadingArea:
    widget = ReadingArea(open_session)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    return widget


def picture(area: ReadingArea, view: int = 0) -> QImage:
    return area.viewports[view].grab().toImage()


def at(area: ReadingArea, image: tuple[float, float], view: int = 0) -> QColor:
    """Colour on the screen at an image point."""
    placement = area.viewports[view].placement()
    assert placement is not None
    x, y = placement.to_screen(image)
    return QColor(picture(area, view).pixel(int(x), int(y)))


def words(
    monkeypatch: pytest.MonkeyPatch, area: ReadingArea, view: int = 0
) -> dict[str, tuple[float, float]]:
    """Every word in the corners of a viewport, and where its left upper corner is: those that stay from picture to
    picture, and those that were painted anew."""
    drawn: dict[str, tuple[float, float]] = {}
    original = Lettering.draw

    def draw(self: Lettering, painter: object, left: float, top: float, text: str, colour: str) -> None:
        drawn[text] = (left, top)
        original(self, painter, left, top, text, colour)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Lettering, "draw", draw)
        area.viewports[view].grab()
    still = area.viewports[view]._corners._still
    assert len(still.lines) == len(still.words)
    return drawn | {text: (left, top) for left, top, text, _ in still.lines}


def test_grey_follows_slice_and_window(area: ReadingArea, open_session: Session) -> None:
    open_session.set_slice_index(4)  # 40 HU
    assert at(area, (32, 32)).red() == 129
    open_session.set_window(0, STROKE)  # ((40 - 39.5) / 39 + 0.5) × 255 = 130.8
    assert at(area, (32, 32)).red() == 131
    assert at(area, (32, 32), view=1).red() != 131


def test_every_viewport_redraws_on_every_change(area: ReadingArea, open_session: Session) -> None:
    for change in (
        lambda: open_session.set_slice_index(2),
        lambda: open_session.set_view(replace(open_session.view, inverted=True)),
        lambda: open_session.set_overlay(False),
    ):
        area.paint_now()
        assert not any(viewport.stale for viewport in area.viewports)
        change()
        assert all(viewport.stale for viewport in area.viewports)


def test_the_mask_is_painted_and_hidden(
    area: ReadingArea, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    open_session.set_findings(make_findings(open_session.volume, (0,)))
    tinted = at(area, (45, 25))
    assert tinted.blue() > tinted.red()
    open_session.set_overlay(False)
    plain = at(area, (45, 25))
    assert plain.red() == plain.blue()


def test_a_mask_that_arrives_is_painted(
    area: ReadingArea, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    findings = make_findings(open_session.volume, ())
    open_session.set_findings(findings)
    assert at(area, (45, 25)).red() == at(area, (45, 25)).blue()
    findings.masks[0, 20:30, 40:50] = 2
    open_session.mark_slice_scored(0)
    assert at(area, (45, 25)).blue() > at(area, (45, 25)).red()


def test_masks_of_another_shape_are_not_painted(
    area: ReadingArea,
    open_session: Session,
    make_volume: Callable[..., Volume],
    make_findings: Callable[..., Findings],
) -> None:
    open_session.set_findings(make_findings(make_volume(shape=(60, 64)), (0,)))
    assert at(area, (45, 25)).red() == at(area, (45, 25)).blue()


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_the_picture_turns_with_the_placement(
    area: ReadingArea, open_session: Session, make_volume: Callable[..., Volume], turns: int, flip: bool
) -> None:
    volume = make_volume(1, (48, 64), (2.0, 1.0))
    volume.hu[:] = 0
    volume.hu[0, 4:12, 40:60] = 200
    open_session.set_volume(volume)
    open_session.set_view(replace(open_session.view, quarter_turns=turns, flip_horizontal=flip))
    assert at(area, (50, 8)).red() == 255
    assert at(area, (14, 8)).red() == 0
    assert at(area, (50, 40)).red() == 0


def test_tall_pixels_are_shown_tall(
    area: ReadingArea, open_session: Session, make_volume: Callable[..., Volume]
) -> None:
    volume = make_volume(1, (50, 50), (3.0, 1.0))
    volume.hu[:] = 200
    open_session.set_volume(volume)
    shown = picture(area)
    middle = shown.height() // 2
    wide = sum(QColor(shown.pixel(x, middle)).red() > 200 for x in range(shown.width() - 30))
    assert wide == pytest.approx(600 / 3, abs=8)


def test_a_slice_not_yet_read_is_never_the_last_picture(area: ReadingArea, open_session: Session) -> None:
    assert open_session.volume is not None
    open_session.volume.loaded[5] = False
    open_session.set_slice_index(4)
    area.paint_now()
    open_session.set_slice_index(5)
    assert at(area, (10, 50)).name() == "#000000"


def test_a_failed_slice_says_which_and_why(area: ReadingArea, open_session: Session) -> None:
    assert open_session.volume is not None
    before = picture(area)
    open_session.volume.loaded[0], open_session.volume.failed[0] = False, True
    open_session.mark_slice_loaded(0, "IM0000 ends early.")
    reddish = [
        QColor(picture(area).pixel(x, 300)).red() > QColor(picture(area).pixel(x, 300)).blue() + 40
        for x in range(200, 400, 3)
    ]
    assert picture(area) != before
    assert any(reddish)


def test_a_slice_is_composed_once(area: ReadingArea, open_session: Session) -> None:
    area.paint_now()
    counts = [viewport._picture.composed for viewport in area.viewports]
    for _ in range(3):
        area.viewports[0].repaint()
    assert [viewport._picture.composed for viewport in area.viewports] == counts
    open_session.set_slice_index(1)
    area.paint_now()
    assert [viewport._picture.composed for viewport in area.viewports] == [count + 1 for count in counts]


def test_corner_words(
    monkeypatch: pytest.MonkeyPatch,
    area: ReadingArea,
    make_findings: Callable[..., Findings],
    open_session: Session,
) -> None:
    assert open_session.volume is not None
    open_session.set_findings(make_findings(open_session.volume))
    open_session.set_slice_index(2)
    drawn = words(monkeypatch, area)
    wanted = {
        "Doe, Jane · 71 F",
        "2026-11-19 03:12",
        "W 80 L 40",
        "120 kV · 300 mAs",
        "Im 3 / 6 · z +10.0 mm",
        "5.0 mm · 1.000 mm/px",
        "Suspected SDH 11.6 mL",
        "Research use only",
    }
    assert wanted <= set(drawn)
    assert drawn["W 80 L 40"][0] > 400 > drawn["Doe, Jane · 71 F"][0]
    assert drawn["Research use only"][1] > 400 > drawn["W 80 L 40"][1]


def test_a_reviewed_slice_says_so(
    monkeypatch: pytest.MonkeyPatch, area: ReadingArea, open_session: Session
) -> None:
    assert "Reviewed: no hemorrhage" not in words(monkeypatch, area)
    marks = frozenset({"1.2.3.0"})
    open_session.set_document(replace(open_session.document, reviewed_slices=marks))
    assert "Reviewed: no hemorrhage" in words(monkeypatch, area)


def test_small_viewports_say_less(monkeypatch: pytest.MonkeyPatch, area: ReadingArea) -> None:
    drawn = words(monkeypatch, area, view=1)
    assert set(drawn) == {"Subdural", "W 200 L 75", "Im 1 / 6", "R", "L", "A", "P"}


def test_letters_follow_flip_turn_and_scroll(
    monkeypatch: pytest.MonkeyPatch, area: ReadingArea, open_session: Session
) -> None:
    def left_and_right() -> tuple[str, str]:
        drawn = {
            text: where for text, where in words(monkeypatch, area).items() if text in {"R", "L", "A", "P"}
        }
        ordered = sorted(drawn, key=lambda text: drawn[text][0])
        return ordered[0], ordered[-1]

    assert left_and_right() == ("R", "L")
    open_session.set_view(replace(open_session.view, flip_horizontal=True))
    open_session.set_slice_index(3)
    assert left_and_right() == ("L", "R")
    open_session.set_view(replace(open_session.view, flip_horizontal=False, quarter_turns=1))
    assert left_and_right() == ("P", "A")


def test_without_orientation_there_are_no_letters(
    monkeypatch: pytest.MonkeyPatch,
    area: ReadingArea,
    open_session: Session,
    make_volume: Callable[..., Volume],
) -> None:
    open_session.set_volume(make_volume(orientation=None))
    assert not {"R", "L", "A", "P"} & set(words(monkeypatch, area))


def test_a_long_name_does_not_run_into_the_window(
    monkeypatch: pytest.MonkeyPatch, area: ReadingArea, open_session: Session
) -> None:
    (study,) = open_session.studies
    open_session.set_studies((replace(study, patient_name="Bartholomew^" + "Maximilian " * 12),))
    drawn = words(monkeypatch, area)
    assert any(text.startswith("Bartholomew") and text.endswith("…") for text in drawn)


def test_words_that_stay_follow_every_fact_that_they_tell_of(
    area: ReadingArea,
    open_session: Session,
    make_volume: Callable[..., Volume],
    make_findings: Callable[..., Findings],
) -> None:
    """After each change a viewport says what one says that was never painted before."""
    volume = open_session.volume
    assert volume is not None
    tilted = make_volume(notes=(Note(Problem.GANTRY_TILT, "tilt 18.5°", "The gantry was tilted by 18.5°."),))
    findings = make_findings(volume, (0, 5))
    changes: tuple[Callable[[], None], ...] = (
        lambda: open_session.set_slice_index(3),
        lambda: open_session.set_window(0, STROKE),
        lambda: open_session.set_view(replace(open_session.view, zoom=2.0)),
        lambda: open_session.set_view(replace(open_session.view, flip_horizontal=True)),
        lambda: open_session.set_view(replace(open_session.view, inverted=True)),
        lambda: open_session.set_findings(findings),
        lambda: (np.copyto(findings.slice_scores, 0.99), open_session.mark_slice_scored(3))[1],
        lambda: open_session.set_overlay(False),
        lambda: open_session.set_patient_hidden(True),
        lambda: open_session.set_volume(tilted),
        lambda: open_session.set_patient_hidden(False),
        lambda: area.resize(1200, 700),
        lambda: open_session.set_study(None),
    )
    viewport, seen = area.viewports[0], []
    for change in changes:
        change()
        viewport.grab()
        kept = viewport._corners._still
        viewport._corners = Corners(open_session, 0)
        viewport.grab()
        fresh = viewport._corners._still
        assert (kept.lines, kept.badges, kept.result) == (fresh.lines, fresh.badges, fresh.result)
        seen.append((kept.lines, kept.badges, kept.result))
    assert len(set(map(str, seen))) >= 7  # what changes with window and zoom is never kept


def test_badges_tell_their_problem(
    monkeypatch: pytest.MonkeyPatch,
    area: ReadingArea,
    open_session: Session,
    make_volume: Callable[..., Volume],
    make_findings: Callable[..., Findings],
) -> None:
    tilt = Note(Problem.GANTRY_TILT, "tilt 18.5°", "The gantry was tilted by 18.5°.")
    volume = make_volume(notes=(tilt,))
    open_session.set_volume(volume)
    open_session.set_findings(replace(make_findings(volume), cautions=("SINGLE_SLICE",)))
    area.paint_now()
    corners: Corners = area.viewports[0]._corners
    assert [note.badge for _, note in corners._still.badges] == ["tilt 18.5°", "AI: scored with caution"]
    box = corners._still.badges[0][0]
    assert corners.sentence_at(box.center()) == tilt.text
    spot = box.center().toPoint()
    help_event = QHelpEvent(QEvent.Type.ToolTip, spot, area.viewports[0].mapToGlobal(spot))
    shown: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _place, text, _widget: shown.append(text))
    QApplication.sendEvent(area.viewports[0], help_event)
    assert shown == [tilt.text]


def test_a_series_the_model_did_not_read_says_so(
    area: ReadingArea, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    open_session.set_findings(replace(make_findings(open_session.volume, done=False), not_run="bone kernel"))
    area.paint_now()
    assert [note.problem for _, note in area.viewports[0]._corners._still.badges] == [Problem.AI_NOT_RUN]


def test_the_active_viewport_is_framed_in_the_accent(area: ReadingArea, open_session: Session) -> None:
    assert QColor(picture(area).pixel(300, 0)).name() == "#8f7df2"
    open_session.set_active_view(2)
    assert QColor(picture(area).pixel(300, 0)).name() != "#8f7df2"
    assert QColor(picture(area, 2).pixel(100, 0)).name() == "#8f7df2"


def test_the_keyboard_focus_makes_a_viewport_active(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    area.activateWindow()
    area.viewports[1].setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(lambda: open_session.active_view == 1)


def test_extreme_sizes_do_not_break(qtbot: QtBot, open_session: Session) -> None:
    area = ReadingArea(open_session)
    qtbot.addWidget(area)
    area.show()
    for width, height in ((360, 240), (2600, 300), (400, 1600)):
        area.resize(width, height)
        area.paint_now()
        assert sum(viewport.isVisible() for viewport in area.viewports) == 3


def test_lettering_remembers_only_so_many_words(
    qtbot: QtBot, area: ReadingArea, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.ui.lettering.KEPT", 8)
    viewport: Viewport = area.viewports[0]
    words, canvas = viewport._corners._words, QImage(9, 9, QImage.Format.Format_RGB32)
    painter = QPainter(canvas)
    for index in range(6):
        words.draw(painter, 0, 0, f"unheard of {index}", "#ffffff")
        area._session.set_slice_index(index)
        viewport.repaint()
    painter.end()
    assert len(words._words) <= 8


def test_hovering_is_reported_until_the_cursor_leaves(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    qtbot.mouseMove(area.viewports[0], QPoint(300, 300))
    qtbot.waitUntil(lambda: open_session.probe is not None)
    QApplication.sendEvent(area.viewports[0], QEvent(QEvent.Type.Leave))
    assert open_session.probe is None


def test_overlays_are_found_once_and_forgotten_with_other_masks(
    area: ReadingArea, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    findings = make_findings(open_session.volume, (0,), done=False)
    open_session.set_findings(findings)
    overlays = area.viewports[0]._overlays
    first = overlays.of(0)
    open_session.set_findings(replace(findings, scored=2))  # the same masks, one slice further
    assert overlays.of(0) is first
    open_session.set_findings(replace(findings, masks=np.zeros_like(findings.masks)))
    assert overlays.of(0) is not first


def test_overlays_of_a_scored_series_are_found_ahead_and_those_of_a_closed_one_are_not(
    qtbot: QtBot,
    area: ReadingArea,
    open_session: Session,
    make_findings: Callable[..., Findings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert open_session.volume is not None
    found: list[int] = []
    made = pictures.overlay_of
    monkeypatch.setattr(pictures, "overlay_of", lambda mask: found.append(1) or made(mask))
    open_session.set_findings(make_findings(open_session.volume, (0, 5)))
    qtbot.waitUntil(lambda: len(found) == 6)
    for index in range(6):
        open_session.set_slice_index(index)
        area.paint_now()
    assert len(found) == 6
    open_session.set_findings(make_findings(open_session.volume, (1,)))
    open_session.set_volume(None)
    overlays = area.viewports[0]._overlays
    assert overlays._coming == []
    overlays._find_ahead()
    assert not overlays._idle.isActive()
