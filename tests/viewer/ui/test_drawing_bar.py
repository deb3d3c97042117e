"""The bar of the drawing tools: a simulated mouse through every tool, what can be set, what waits to be accepted."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.annotation import events
from viewer.annotation.document import Annotation, Document
from viewer.annotation.options import (
    BrushOptions,
    Combination,
    FillOptions,
    GrowOptions,
    Layer,
    Overlap,
    ToolName,
)
from viewer.annotation.raster import annotation_mask
from viewer.annotation.stack import Stack
from viewer.session import Mode, Session, Tool
from viewer.ui.desk import AnnotationDesk
from viewer.ui.drawing_bar import DrawingBar
from viewer.ui.keys import KEYS
from viewer.ui.proposals_card import ProposalsCard
from viewer.ui.reading import ReadingArea
from viewer.ui.subtype_layers import SubtypeLayers

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

CLOT = (32.0, 32.0)
RADIUS = 6.0
Point = tuple[float, float]


def disc(radius: float) -> npt.NDArray[np.bool_]:
    rows, columns = np.mgrid[:64, :64] + 0.5
    return np.asarray(np.hypot(columns - CLOT[0], rows - CLOT[1]) <= radius)


@pytest.fixture
def desk(open_session: Session) -> AnnotationDesk:
    """A round head of 64 × 64 pixels of 1 mm with a clot of 65 HU in its middle, six slices, annotated with nothing."""
    volume = open_session.volume
    assert volume is not None
    volume.hu[:] = np.select([disc(RADIUS), disc(26.0), disc(30.0)], [65, 30, 1000], -1000)
    made = AnnotationDesk(open_session)
    made.open(Document("1.2", "1.2.3"), (64, 64), Stack.of(volume))
    open_session.set_mode(Mode.ANNOTATE)
    return made


@pytest.fixture
def bar(qtbot: QtBot, desk: AnnotationDesk, open_session: Session) -> DrawingBar:
    made = DrawingBar(open_session)
    qtbot.addWidget(made)
    made.resize(1500, 70)
    made.show()
    return made


@pytest.fixture
def area(qtbot: QtBot, open_session: Session, bar: DrawingBar) -> ReadingArea:
    widget = ReadingArea(open_session)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    return widget


class Hand:
    """A mouse over the first viewport, in pixels of the image."""

    def __init__(self, area: ReadingArea) -> None:
        self.view = area.viewports[0]

    def _send(self, kind: QMouseEvent.Type, at: Point, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        placement = self.view.placement()
        assert placement is not None
        point = QPointF(*placement.to_screen(at))
        event = QMouseEvent(kind, point, point, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self.view, event)

    def press(self, at: Point) -> None:
        left = Qt.MouseButton.LeftButton
        self._send(QMouseEvent.Type.MouseButtonPress, at, left, left)

    def move(self, at: Point, *, down: bool = True) -> None:
        held = Qt.MouseButton.LeftButton if down else Qt.MouseButton.NoButton
        self._send(QMouseEvent.Type.MouseMove, at, Qt.MouseButton.NoButton, held)

    def release(self, at: Point) -> None:
        self._send(
            QMouseEvent.Type.MouseButtonRelease, at, Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        )

    def drag(self, *points: Point) -> None:
        self.press(points[0])
        for start, end in itertools.pairwise(points):
            for step in range(1, 9):
                self.move(
                    (start[0] + (end[0] - start[0]) * step / 8, start[1] + (end[1] - start[1]) * step / 8)
                )
        self.release(points[-1])

    def click(self, *points: Point) -> None:
        for point in points:
            self.move(point, down=False)
            self.press(point)
            self.release(point)


@pytest.fixture
def hand(area: ReadingArea) -> Hand:
    return Hand(area)


def box(uid: str, left: float, top: float, right: float, bottom: float, index: int = 0) -> Annotation:
    ring = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Annotation(uid, f"1.2.3.{index}", 0, "SDH", ring)


def pixels(session: Session) -> int:
    """How many pixels of the first slice are annotated."""
    masks = [annotation_mask(a, (64, 64)) for a in session.document.on_slice("1.2.3.0")]
    return int(np.any(masks, axis=0).sum()) if masks else 0


def take(bar: DrawingBar, tool: ToolName) -> None:
    bar.tools[tool].click()
    assert bar.tools[tool].isChecked()
    assert [name for name, made in bar.tools.items() if made.isChecked()] == [tool]


def test_a_polygon_and_a_hole_in_it(bar: DrawingBar, hand: Hand, open_session: Session) -> None:
    hand.click((10, 10), (30, 10), (30, 30), (10, 30), (10, 10))
    assert pixels(open_session) == 400
    take(bar, ToolName.HOLE)
    hand.click((15, 15), (20, 15), (20, 20), (15, 20), (15, 15))
    assert pixels(open_session) == 400 - 25
    open_session.undo_requested.emit()
    assert pixels(open_session) == 400


def test_editing_moves_what_is_selected(
    bar: DrawingBar, hand: Hand, desk: AnnotationDesk, open_session: Session
) -> None:
    desk.add((box("a", 10, 10, 20, 20),), "draw")
    take(bar, ToolName.EDIT)
    hand.drag((15, 15), (25, 20))
    (moved,) = open_session.document.annotations
    assert [part for point in moved.outline for part in point] == pytest.approx(
        [20, 15, 30, 15, 30, 25, 20, 25], abs=0.1
    )


def test_a_cut_parts_a_polygon(
    bar: DrawingBar, hand: Hand, desk: AnnotationDesk, open_session: Session
) -> None:
    desk.add((box("a", 10, 10, 20, 20),), "draw")
    take(bar, ToolName.CUT)
    hand.drag((15, 5), (15, 25))
    assert len([part for a in open_session.document.annotations for part in a.parts]) == 2


def test_a_livewire_runs_around_the_clot(bar: DrawingBar, hand: Hand, open_session: Session) -> None:
    take(bar, ToolName.LIVEWIRE)
    left, top, right, bottom = 32 - RADIUS, 32 - RADIUS, 32 + RADIUS, 32 + RADIUS
    hand.click((left, 32), (32, top))
    hand.move((right, 32), down=False)
    assert len(open_session.preview.tail) > 2
    hand.click((right, 32), (32, bottom), (left, 32))
    assert pixels(open_session) == pytest.approx(int(disc(RADIUS).sum()), rel=0.2)


@pytest.mark.parametrize("tool", [ToolName.GROW, ToolName.FILL])
def test_a_press_on_the_clot_takes_the_clot(
    tool: ToolName, bar: DrawingBar, hand: Hand, open_session: Session
) -> None:
    take(bar, tool)
    hand.click(CLOT)
    assert pixels(open_session) == pytest.approx(int(disc(RADIUS).sum()), rel=0.1)


def test_a_brush_paints_in_mm_and_the_eraser_takes_away(
    bar: DrawingBar, hand: Hand, open_session: Session
) -> None:
    """8 mm wide, 10 mm long: about 8 · 10 + π · 16 pixels of 1 mm."""
    take(bar, ToolName.BRUSH)
    open_session.drawing.set_options(BrushOptions(8.0))
    hand.drag((20, 20), (30, 20))
    assert pixels(open_session) == pytest.approx(80 + np.pi * 16, rel=0.06)
    assert open_session.preview.brush is not None
    take(bar, ToolName.ERASER)
    hand.drag((10, 20), (40, 20))
    assert open_session.document.annotations == ()


def test_a_brush_with_a_range_paints_the_clot_alone(
    bar: DrawingBar, hand: Hand, open_session: Session
) -> None:
    take(bar, ToolName.BRUSH)
    open_session.drawing.set_options(BrushOptions(30.0, 50, 90))
    hand.click(CLOT)
    assert pixels(open_session) == int(disc(RADIUS).sum())


def test_push_moves_an_outline(
    bar: DrawingBar, hand: Hand, desk: AnnotationDesk, open_session: Session
) -> None:
    desk.add((box("a", 20, 20, 44, 44),), "draw")
    take(bar, ToolName.PUSH)
    hand.drag((10, 32), (20, 32))
    assert pixels(open_session) < 24 * 24


def test_interpolated_outlines_wait_until_they_are_accepted(
    bar: DrawingBar, desk: AnnotationDesk, open_session: Session
) -> None:
    desk.add((box("a", 10, 10, 20, 20), box("b", 10, 10, 20, 20, index=4)), "draw SDH")
    bar.interpolate.click()
    assert not bar.ghosts.isHidden()
    assert bar.ghosts.text.text() == "3 interpolated on 3 slices"
    assert not bar.ghosts.here.isEnabled()
    assert bar.overlap.isHidden()  # there is one thing to decide now
    open_session.set_slice_index(2)
    bar.ghosts.here.click()
    assert sorted(a.sop_uid for a in open_session.document.annotations) == ["1.2.3.0", "1.2.3.2", "1.2.3.4"]
    bar.ghosts.all.click()
    assert len(open_session.document.annotations) == 5
    assert bar.ghosts.isHidden()
    assert not bar.overlap.isHidden()
    open_session.undo_requested.emit()
    open_session.undo_requested.emit()
    assert len(open_session.document.annotations) == 2


def test_numbers_set_the_tool_and_bad_ones_go_back(bar: DrawingBar, open_session: Session) -> None:
    take(bar, ToolName.FILL)
    low, high, _ = bar.rows[ToolName.FILL].boxes
    high.setValue(90)
    assert open_session.drawing.options(FillOptions).high_hu == 90
    low.setValue(300)  # beyond the high one
    assert (open_session.drawing.options(FillOptions).low_hu, low.value()) == (48, 48)
    take(bar, ToolName.BRUSH)
    assert bar.rows[ToolName.FILL].isHidden()
    _, low, _ = bar.rows[ToolName.BRUSH].boxes
    assert low.text() == "any"
    low.setValue(40)
    assert open_session.drawing.options(BrushOptions).low_hu == 40
    low.setValue(low.minimum())
    assert open_session.drawing.options(BrushOptions).low_hu is None


def test_through_slices_is_said_to_the_editor(
    bar: DrawingBar, desk: AnnotationDesk, open_session: Session, hand: Hand
) -> None:
    take(bar, ToolName.GROW)
    bar.rows[ToolName.GROW].through.setChecked(True)
    assert desk.editor.options(GrowOptions).through_slices
    hand.click(CLOT)
    assert len({a.sop_uid for a in open_session.document.annotations}) == 6


def test_settings_go_along_to_the_next_series(
    bar: DrawingBar, desk: AnnotationDesk, open_session: Session
) -> None:
    drawing = open_session.drawing
    bar.combinations[Combination.SUBTRACT].click()
    bar.overlap.setCurrentIndex(2)
    bar.overlap.activated.emit(2)
    take(bar, ToolName.BRUSH)
    drawing.set_options(BrushOptions(12.0))
    drawing.set_layer("SAH", Layer(locked=True))
    desk.open(Document("1.2", "1.2.4"), (64, 64))
    core = desk.editor.core
    assert core.overlap is Overlap.KEEP
    assert (desk.editor.tool, core.combination, core.overlap) == (
        ToolName.BRUSH,
        Combination.SUBTRACT,
        Overlap.KEEP,
    )
    assert desk.editor.options(BrushOptions).diameter_mm == 12.0
    assert core.layers["SAH"].locked


def test_the_bar_belongs_to_annotating(bar: DrawingBar, open_session: Session) -> None:
    open_session.set_mode(Mode.READ)
    assert bar.isHidden()
    open_session.set_mode(Mode.ANNOTATE)
    assert not bar.isHidden()
    open_session.set_tool(Tool.SCROLL)
    assert not any(made.isChecked() for made in bar.tools.values())


def test_keys_take_the_tools_and_size_the_brush(area: ReadingArea, open_session: Session) -> None:
    commands = {command.id: command for command in KEYS}
    commands["tool_brush"].run(area.interaction)
    assert open_session.drawing.tool is ToolName.BRUSH
    commands["brush_larger"].run(area.interaction)
    assert open_session.drawing.options(BrushOptions).diameter_mm == 10.0
    commands["brush_smaller"].run(area.interaction)
    assert open_session.drawing.options(BrushOptions).diameter_mm == 8.0


def test_whole_shapes_are_changed_from_the_menu(
    bar: DrawingBar, desk: AnnotationDesk, open_session: Session
) -> None:
    desk.add((box("a", 10, 10, 20, 20), box("b", 15, 10, 25, 20)), "draw")
    actions = {text: run for text, run, able in bar.shape_actions() if able}
    actions["Unite with the others on this slice"]()
    assert pixels(open_session) == 150
    assert len(open_session.document.annotations) == 1
    actions = {text: run for text, run, able in bar.shape_actions() if able}
    actions["Copy to the next slice"]()
    assert {a.sop_uid for a in open_session.document.annotations} == {"1.2.3.0", "1.2.3.1"}
    actions = {text: run for text, run, able in bar.shape_actions() if able}
    actions["Delete all annotations"]()
    assert open_session.document.annotations == ()
    open_session.undo_requested.emit()
    assert len(open_session.document.annotations) == 2


def test_a_locked_subtype_is_not_changed_and_a_hidden_one_not_shown(
    qtbot: QtBot, bar: DrawingBar, hand: Hand, desk: AnnotationDesk, open_session: Session
) -> None:
    card = SubtypeLayers(open_session)
    qtbot.addWidget(card)
    desk.add((box("a", 20, 20, 40, 40),), "draw")
    card.locks["SDH"].click()
    take(bar, ToolName.ERASER)
    hand.drag((10, 30), (50, 30))
    assert pixels(open_session) == 400
    card.locks["SDH"].click()
    card.eyes["SDH"].click()
    assert open_session.drawing.layers["SDH"] == Layer(hidden=True)
    card.sliders["SDH"].setValue(40)
    assert open_session.drawing.layers["SDH"].opacity == pytest.approx(0.4)


def test_proposals_are_accepted_by_slice_by_subtype_and_undone(
    qtbot: QtBot, desk: AnnotationDesk, open_session: Session
) -> None:
    card = ProposalsCard(open_session)
    qtbot.addWidget(card)
    assert card.isHidden()
    desk.take(events.SetProposals((box("p", 1, 1, 5, 5), box("q", 1, 1, 5, 5, index=3))))
    assert not card.isHidden()
    assert card.text.text() == "2 proposals of the model are open"
    assert card.words["slice"].text() == "On image 1: 1"
    card.accept["slice"].click()
    assert [a.uid for a in open_session.document.annotations] == ["p"]
    assert card.text.text() == "1 proposal of the model is open"
    assert card.words["all"].text() == "All: 1"
    assert not card.accept["slice"].isEnabled()
    open_session.undo_requested.emit()
    assert card.words["all"].text() == "All: 2"
    card.reject["all"].click()
    assert card.isHidden()
    assert open_session.document.annotations == ()


def test_every_tool_says_how_it_is_used(bar: DrawingBar) -> None:
    for name in ToolName:
        take(bar, name)
        assert bar.hint.text().endswith(".")
