"""Regions in the Findings tab: verdicts, the walk, the overlay's style, the evidence map."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from scipy.ndimage import binary_erosion

from model.labels import SCORES
from viewer.findings.places import Side
from viewer.findings.region import Region, Regions
from viewer.findings.shift import Shift
from viewer.findings.style import Look, OverlayStyle
from viewer.findings.thickness import Thickness
from viewer.findings.verdict import Decision
from viewer.findings.verdict_on import verdict_of
from viewer.imaging.layouts import SINGLE, Plane
from viewer.imaging.windows import BRAIN
from viewer.session import Findings, Session
from viewer.suspecting import Evidence, Suspected
from viewer.ui.captions import ai_result
from viewer.ui.evidence_layer import LEAST, heat
from viewer.ui.findings import FindingsPanel
from viewer.ui.picture import Overlays, Picture, Wanted
from viewer.ui.reading import ReadingArea

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))
SLICES = {2: {"any": 0.9, "SDH": 0.8}, 3: {"any": 0.95, "SDH": 0.9}, 6: {"SDH": 0.6}}
LEFT = Region(
    "SDH", 2, 3, 3, 0.9, {2: np.array([2]), 3: np.array([2])}, (2, 0), 11.6, 61.0, Side.LEFT,
    "convexity, frontal", Thickness(9.4, 3, ((1.0, 1.0), (3.0, 1.0))),
)  # fmt: skip
RIGHT = Region("SDH", 6, 6, 6, 0.6, {6: np.array([2])}, (2, 0), 0.4, 60.0, Side.RIGHT, "convexity, parietal")
SHIFT = Shift(5.6, "right", 4, (4.0, 4.0), (3.4, 4.0))


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Session, FindingsPanel]:
    session = Session()
    panel = FindingsPanel(session)
    qtbot.addWidget(panel)
    session.set_volume(frame.volume())
    session.set_findings(frame.findings({"any": 0.98, "SDH": 0.97}, SLICES))
    tell(session)
    panel.refresh()
    return session, panel


def tell(session: Session, **dismissed: object) -> None:
    """Two regions; `dismissed` says whether the first is."""
    assert session.findings is not None
    assert session.volume is not None
    regions = (
        session.suspecting.suspected.regions
        if session.suspecting.suspected
        else Regions((LEFT, RIGHT), {"SDH": 3}, SHIFT)
    )
    verdicts, masks = {}, session.findings.masks
    if dismissed:
        slices = session.volume.series.slices
        verdicts[0] = verdict_of(LEFT, Decision.DISMISSED, "toy-1", slices, "Artefact")
        masks = masks.copy()
        masks[2:4] = 0
    session.suspecting.set_suspected(Suspected("toy-1", regions, verdicts, masks))


def test_a_region_says_what_where_and_how_thick(shown) -> None:
    _, panel = shown
    first, second = panel.region_rows
    assert first.text == "SDH · left convexity, frontal"
    assert first.detail == "slices 3–4 · 9 mm thick · 0.90"
    assert second.detail == "slice 7 · 0.60"
    assert panel.specks.text() == "and 3 smaller parts"
    assert panel.rows["SDH"].detail == "from .50 · 2 regions · sl. 3–7"


def test_the_shift_is_called_an_estimate_and_leads_to_its_slice(shown) -> None:
    session, panel = shown
    assert panel.shift.link.text() == "Midline shift ≈ 6 mm to the right · estimate"
    panel.shift.link.click()
    assert session.slice_index == 4
    assert panel.shift.text.isHidden()


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        (Regions(no_shift="none is seen"), "Midline shift not measurable: none is seen."),
        (Regions(shift=replace(SHIFT, mm=0.0)), "No midline shift of 4.5 mm or more · estimate"),
        (Regions(), ""),
    ],
)
def test_that_there_is_no_shift_is_told_from_not_knowing(shown, regions: Regions, said: str) -> None:
    session, panel = shown
    assert session.findings is not None
    session.suspecting.set_suspected(Suspected("toy-1", regions, {}, session.findings.masks))
    panel.refresh()
    assert panel.shift.link.isHidden()
    assert (panel.shift.text.text(), panel.shift.text.isHidden()) == (said, not said)


def test_accept_edit_and_dismiss_are_intentions(shown, qtbot: QtBot) -> None:
    session, panel = shown
    row = panel.region_rows[0]
    with qtbot.waitSignal(session.suspecting.accept_requested) as accepted:
        row.accept.click()
    with qtbot.waitSignal(session.suspecting.edit_requested):
        row.edit.click()
    with qtbot.waitSignal(session.suspecting.dismiss_requested) as gone:
        row.dismissed.emit("Calcification")
    assert accepted.args == [LEFT]
    assert gone.args == [LEFT, "Calcification"]


def test_a_dismissed_region_says_why_and_can_be_reopened(shown, qtbot: QtBot) -> None:
    session, panel = shown
    tell(session, first=True)
    panel.refresh()
    row = panel.region_rows[0]
    assert row.detail == "slices 3–4 · dismissed: artefact"
    with qtbot.waitSignal(session.suspecting.reopen_requested):
        row.reopen.click()


def test_a_click_makes_a_region_the_current_one(shown) -> None:
    session, panel = shown
    panel.region_rows[1].clicked.emit(6)
    assert (session.slice_index, session.suspecting.current) == (6, 1)
    assert [row.current for row in panel.region_rows] == [False, True]


def test_an_eye_hides_a_subtype_and_the_bar_changes_the_look(shown) -> None:
    session, panel = shown
    panel.rows["SDH"].eye.click()
    assert session.suspecting.style.hidden == {"SDH"}
    panel.rows["SDH"].opacity_chosen.emit(0.5)
    assert session.suspecting.style.own == {"SDH": 0.5}
    assert not session.suspecting.style.hidden
    panel.overlay_bar.looks[Look.OUTLINE].click()
    assert session.suspecting.style.look is Look.OUTLINE
    panel.overlay_bar.opacity.setValue(40)
    assert session.suspecting.style.opacity == pytest.approx(0.4)


def test_a_mask_below_its_operating_point_is_painted_only_when_asked_for_and_only_as_an_outline(
    shown,
) -> None:
    session, panel = shown
    assert session.findings is not None
    masks = np.zeros((10, 8, 8), np.uint8)
    masks[2, 1:5, 1:5] = 3
    scores = {**session.findings.study_scores, "SAH": 0.3}
    session.set_findings(
        replace(session.findings, masks=masks, study_scores=scores, volume_ml={"SDH": 1.5, "SAH": 8.0})
    )
    session.suspecting.set_suspected(Suspected("toy-1", Regions(), {}, masks))
    panel.refresh()
    row = panel.rows["SAH"]
    assert not painted(session, OverlayStyle()).any()
    assert row.detail == "from .50 · below: not painted"
    assert (row.volume, row.eye.isChecked()) == ("8.0 mL", False)
    row.eye.click()
    edge = np.zeros((10, 8, 8), bool)
    edge[2, 1:5, 1:5] = True
    edge[2, 2:4, 2:4] = False
    for look in Look:
        assert np.array_equal(painted(session, OverlayStyle(look)), edge)
    assert (row.detail, row.eye.isChecked()) == ("from .50 · below: outlined", True)
    assert ai_result(session.findings, estimated=False, asked={"SAH"}) == (
        "Suspected SDH 1.5 mL · SAH outlined: below operating point"
    )
    row.eye.click()
    assert not painted(session, OverlayStyle()).any()


def test_where_a_bleed_is_suspected_but_no_subtype_every_mask_is_painted(shown) -> None:
    session, _ = shown
    assert session.findings is not None
    scores = dict.fromkeys(SCORES, 0.1)
    session.set_findings(replace(session.findings, study_scores={**scores, "any": 0.9}))
    assert painted(session, OverlayStyle()).sum() == 3
    session.set_findings(replace(session.findings, study_scores=scores))
    assert not painted(session, OverlayStyle()).any()


def test_the_evidence_map_is_asked_for_and_explained(shown, qtbot: QtBot) -> None:
    session, panel = shown
    session.set_slice_index(3)
    with qtbot.waitSignal(session.suspecting.evidence_requested) as asked:
        panel.why.click()
    assert asked.args == ["SDH"]
    values = np.zeros((8, 8), np.float32)
    session.suspecting.set_evidence(Evidence(3, "SDH", "shown", values, 0.9, 0.1))
    assert panel.because.text().startswith("What SDH on slice 4 rests on: .90")
    session.set_slice_index(2)
    assert panel.because.text() == "Looking for what the score rests on…"
    session.suspecting.set_evidence(Evidence(2, "SDH", "The slice is not loaded."))
    assert panel.because.text() == "The slice is not loaded."
    with qtbot.waitSignal(session.suspecting.evidence_requested) as hidden:
        panel.why.click()
    assert hidden.args == [""]


def test_n_walks_through_regions_that_nobody_decided_about(qtbot: QtBot) -> None:
    session = Session()
    area = ReadingArea(session)
    qtbot.addWidget(area)
    session.set_volume(frame.volume())
    session.set_findings(frame.findings({"any": 0.98, "SDH": 0.97}, SLICES))
    tell(session)
    visited = []
    for _ in range(3):
        area.interaction.next_suspicious()
        visited.append((session.suspecting.current, session.slice_index))
    assert visited == [(0, 3), (1, 6), (0, 3)]
    tell(session, first=True)
    area.interaction.next_suspicious()
    assert session.suspecting.current == 1


def test_everything_paints(shown) -> None:
    session, panel = shown
    panel.resize(280, 800)
    tell(session, first=True)
    session.suspecting.set_current(1)
    panel.refresh()
    assert not panel.grab().isNull()


def test_heat_is_clear_where_there_is_no_evidence_and_premultiplied() -> None:
    pixels = heat(np.array([[0.0, LEAST / 2, 0.5, 1.0]], np.float32))
    alpha = pixels >> 24
    assert alpha[0, :2].tolist() == [0, 0]
    assert alpha[0, 2] < alpha[0, 3]
    for shift in (0, 8, 16):
        assert ((pixels >> shift & 0xFF) <= alpha).all()


def painted(session: Session, style: OverlayStyle) -> np.ndarray:
    """Which pixels (slices, rows, columns) of plain slices are coloured."""
    session.suspecting.set_style(style)
    overlays = Overlays(session)
    assert session.volume is not None
    found = []
    for index, hu in enumerate(session.volume.hu):
        wanted = Wanted(
            (index,), lambda hu=hu: hu, BRAIN, overlays.of(index), False, palette=overlays.palette()
        )
        picture = Picture()  # its buffer is what the image looks at
        image = picture.of(wanted)
        rgb = np.frombuffer(image.constBits(), np.uint32).reshape(hu.shape)
        red, green, blue = (rgb >> shift & 0xFF for shift in (16, 8, 0))
        found.append((red != green) | (green != blue))
    return np.stack(found)


def test_painted_are_the_masks_pixels_but_what_is_hidden_or_dismissed(shown) -> None:
    session, _ = shown
    masks = session.findings.masks
    assert np.array_equal(painted(session, OverlayStyle()), masks > 0)
    assert np.array_equal(
        painted(session, OverlayStyle(hidden=frozenset({"SDH"}))), (masks > 0) & (masks != 2)
    )
    tell(session, first=True)
    assert np.array_equal(painted(session, OverlayStyle()), session.suspecting.suspected.shown > 0)
    assert not painted(session, OverlayStyle(opacity=0.0)).any()


def coloured(image: QImage) -> np.ndarray:
    """Which pixels (rows, columns) of a picture are not grey."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    rgb = np.frombuffer(plain.constBits(), np.uint32).reshape(plain.height(), -1)
    red, green, blue = ((rgb >> shift & 0xFF).astype(int) for shift in (16, 8, 0))
    return (abs(red - green) > 6) | (abs(green - blue) > 6)


def blob(session: Session) -> np.ndarray:
    """A mask without symmetry, painted in the active viewport alone; (slices, rows, columns)."""
    assert session.volume is not None
    masks = np.zeros(session.volume.hu.shape, np.uint8)
    masks[1:4, 20:32, 36:50] = 2
    masks[1:4, 24:28, 30:36] = 2
    count = len(masks)
    scores = np.full((count, 6), 0.9, np.float32)
    session.volume.hu[:] = 30
    session.set_findings(
        Findings(
            session.volume.series.series_uid, "toy-1", scores, masks, count, count, dict.fromkeys(SCORES, 0.9)
        )
    )
    session.panes.set_layout(SINGLE)
    return masks


def agrees(area: ReadingArea, truth: np.ndarray) -> None:
    """Where the picture is coloured is where `truth` (rows, columns) of the image is, but for its outermost pixels."""
    viewport = area.viewports[0]
    found, placement = coloured(viewport.grab().toImage()), viewport.placement()
    assert placement is not None
    inner = binary_erosion(truth, iterations=2)
    outer = binary_erosion(~truth, iterations=2)
    for wanted, coloured_there in ((inner, True), (outer, False)):
        rows, columns = np.nonzero(wanted)
        for row, column in list(zip(rows, columns, strict=True))[:: max(1, len(rows) // 60)]:
            x, y = placement.to_screen((column + 0.5, row + 0.5))
            if 90 < x < found.shape[1] - 90 and 90 < y < found.shape[0] - 90:  # away from words and strip
                assert bool(found[int(y), int(x)]) is coloured_there


@pytest.fixture
def area(qtbot: QtBot, open_session: Session) -> ReadingArea:
    widget = ReadingArea(open_session)
    qtbot.addWidget(widget)
    widget.resize(900, 700)
    widget.show()
    return widget


@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("zoom", [0.6, 1.0, 2.7])
def test_masks_and_evidence_lie_on_their_pixels(
    area: ReadingArea, open_session: Session, flips: tuple[bool, bool], turns: int, zoom: float
) -> None:
    masks = blob(open_session)
    open_session.set_slice_index(2)
    open_session.set_view(
        replace(
            open_session.view,
            zoom=zoom,
            flip_horizontal=flips[0],
            flip_vertical=flips[1],
            quarter_turns=turns,
        )
    )
    agrees(area, masks[2] > 0)
    open_session.suspecting.set_style(OverlayStyle(opacity=0.0))
    values = np.zeros(masks.shape[1:], np.float32)
    values[40:56, 8:20] = 1
    open_session.suspecting.set_evidence(Evidence(2, "SDH", "shown", values, 0.9, 0.1))
    agrees(area, values > 0)


@pytest.mark.parametrize("plane", [Plane.CORONAL, Plane.SAGITTAL])
def test_masks_lie_on_their_pixels_in_reformats(
    area: ReadingArea, open_session: Session, plane: Plane
) -> None:
    masks = blob(open_session)
    area.paint_now()
    open_session.panes.set_plane(0, plane)
    section = open_session.panes.section(0)
    stop = 25 if plane is Plane.CORONAL else 42
    open_session.panes.scroll_to(0, stop)
    truth = section.labels(stop, masks) > 0
    assert truth.any()
    agrees(area, truth)
