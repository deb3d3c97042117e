"""Measuring with the mouse on a phantom of known geometry, in every layout, through the real widgets."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.annotation.document import Annotation
from viewer.dicom.series import Note, Problem
from viewer.dicom.volume import Volume
from viewer.imaging.layouts import LAYOUTS, Layout, Plane, grid
from viewer.imaging.placement import ViewState
from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.windows import BONE, BRAIN
from viewer.measures.measure import CutPlane, Kind, Measure, SlicePlane
from viewer.measures.readings import Reading, read
from viewer.session import Findings, Session, Tool
from viewer.ui.desk import AnnotationDesk
from viewer.ui.measure_layer import MeasureLayer
from viewer.ui.measuring import NO_PLACE, NOT_READ, ON_SLICES, lens_of
from viewer.ui.reading import ReadingArea

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHAPE, SPACING = (120, 100), (0.8, 1.25)  # rows × columns; mm between rows, between columns


@pytest.fixture
def volume(make_volume: Callable[..., Volume]) -> Volume:
    made = make_volume(count=9, shape=SHAPE, spacing_mm=SPACING)
    made.hu[:] = np.random.default_rng(5).integers(-20, 90, made.hu.shape)
    return made


@pytest.fixture
def desk(session: Session, volume: Volume) -> AnnotationDesk:
    made = AnnotationDesk(session)
    session.set_volume(volume)
    made.open(session.document, SHAPE)
    session.set_slice_index(4)
    return made


@pytest.fixture
def area(qtbot: QtBot, session: Session, desk: AnnotationDesk) -> ReadingArea:
    widget = ReadingArea(session)
    qtbot.addWidget(widget)
    widget.resize(1200, 800)
    widget.show()
    widget.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is widget.viewports[0])
    return widget


class Mouse:
    """A hand on one viewport that knows image points (column, row)."""

    def __init__(self, area: ReadingArea, view: int = 0) -> None:
        self.viewport = area.viewports[view]

    def send(self, type_: QMouseEvent.Type, at: tuple[float, float], button, down, held=NONE) -> None:
        placement = self.viewport.placement()
        assert placement is not None
        point = QPointF(*placement.to_screen(at))
        QApplication.sendEvent(self.viewport, QMouseEvent(type_, point, point, button, down, held))

    def press(self, at: tuple[float, float], held=NONE) -> None:
        self.send(QMouseEvent.Type.MouseButtonPress, at, LEFT, LEFT, held)

    def move(self, at: tuple[float, float], *, held: bool = True) -> None:
        down = LEFT if held else Qt.MouseButton.NoButton
        self.send(QMouseEvent.Type.MouseMove, at, Qt.MouseButton.NoButton, down)

    def release(self, at: tuple[float, float]) -> None:
        self.send(QMouseEvent.Type.MouseButtonRelease, at, LEFT, Qt.MouseButton.NoButton)

    def click(self, *points: tuple[float, float]) -> None:
        for at in points:
            self.move(at, held=False)
            self.press(at)
            self.release(at)

    def drag(self, start: tuple[float, float], end: tuple[float, float], held=NONE) -> None:
        self.press(start, held)
        self.move(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        self.move(end)
        self.release(end)

    def double(self, at: tuple[float, float]) -> None:
        self.click(at)
        self.send(QMouseEvent.Type.MouseButtonDblClick, at, LEFT, LEFT)
        self.release(at)


def readings(session: Session) -> list[Reading]:
    assert session.volume is not None
    return [read(measure, session.volume) for measure in session.document.measures]


def the_reading(session: Session) -> Reading:
    (found,) = readings(session)
    return found


VIEWS = [
    ViewState(),
    ViewState(zoom=2.5, centre=(0.4, 0.6)),
    ViewState(flip_horizontal=True, quarter_turns=1),
    ViewState(flip_vertical=True, quarter_turns=3, inverted=True, zoom=1.4),
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_length_is_the_phantoms_whatever_the_view(
    area: ReadingArea, session: Session, view: ViewState
) -> None:
    session.set_view(view)
    session.set_tool(Tool.LENGTH)
    Mouse(area).drag((30, 50), (54, 90))  # 24 × 1.25 mm, 40 × 0.8 mm
    found = the_reading(session)
    assert found.number("length") == pytest.approx(math.hypot(30.0, 32.0))
    assert (found.slice_index, found.measure.plane) == (4, SlicePlane("1.2.3.4"))


def test_an_angle(area: ReadingArea, session: Session) -> None:
    session.set_tool(Tool.ANGLE)
    Mouse(area).click((66, 50), (50, 50), (66, 75))  # arms of 20 mm, and of 20 mm with 20 mm down
    assert the_reading(session).number("angle") == pytest.approx(45.0)


def test_a_bidirectional_measure_is_perpendicular(area: ReadingArea, session: Session) -> None:
    session.set_tool(Tool.BIDIRECTIONAL)
    hand = Mouse(area)
    hand.drag((20, 60), (60, 60))
    hand.drag((40, 50), (43, 80))
    found = the_reading(session)
    assert (found.number("long"), found.number("short")) == pytest.approx((50.0, 24.0))


def ellipse(hu: np.ndarray) -> np.ndarray:
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    return hu[((column - 50) / 20) ** 2 + ((row - 60) / 25) ** 2 <= 1]


def square(hu: np.ndarray) -> np.ndarray:
    return hu[35:85, 30:70]


def triangle(hu: np.ndarray) -> np.ndarray:
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    return hu[(column > 30) & (row > 35) & ((column - 30) / 40 + (row - 35) / 50 < 1)]


REGIONS = [
    (Tool.ELLIPSE, ellipse, math.pi * 25 * 20),
    (Tool.RECTANGLE, square, 50 * 40),
    (Tool.POLYGON_ROI, triangle, 50 * 40 / 2),
]


def draw_region(hand: Mouse, tool: Tool) -> None:
    if tool is Tool.POLYGON_ROI:
        hand.click((30, 35), (70, 35))
        hand.double((30, 85))
    else:
        hand.drag((30, 35), (70, 85))


LAYOUTS_AND_GRIDS = [*LAYOUTS, grid(3, 4)]


@pytest.mark.parametrize("layout", LAYOUTS_AND_GRIDS, ids=lambda layout: layout.id)
@pytest.mark.parametrize(("tool", "inside", "area_mm2"), REGIONS, ids=lambda value: str(value)[:9])
def test_a_region_equals_numpy_on_source_hu_in_every_layout(
    area: ReadingArea, session: Session, volume: Volume, layout: Layout, tool: Tool, inside, area_mm2: float
) -> None:
    session.panes.set_layout(layout)
    session.set_slice_index(4)
    view = next(n for n in range(len(session.panes)) if session.panes.shows_open(n))
    session.panes.set_slab(view, Slab(SlabKind.MEAN, 15.0))  # shown thick; measured on the source slice
    session.set_tool(tool)
    draw_region(Mouse(area, view), tool)
    found = the_reading(session)
    values = inside(volume.hu[4])
    assert found.number("pixels") == values.size
    assert found.number("mean") == pytest.approx(values.mean())
    assert found.number("SD") == pytest.approx(values.std())
    assert (found.number("min"), found.number("max")) == (values.min(), values.max())
    assert found.number("area") == pytest.approx(area_mm2)


def test_a_freehand_region(area: ReadingArea, session: Session) -> None:
    session.set_tool(Tool.FREEHAND)
    hand = Mouse(area)
    turns = np.linspace(0, 2 * math.pi, 181)
    path = [(50 + 20 * math.cos(turn), 60 + 25 * math.sin(turn)) for turn in turns]
    hand.press(path[0])
    for at in path[1:]:
        hand.move(at)
    hand.release(path[-1])
    assert the_reading(session).number("area") == pytest.approx(math.pi * 25 * 20, rel=0.01)


def test_a_probe(area: ReadingArea, session: Session, volume: Volume) -> None:
    session.set_tool(Tool.PROBE)
    Mouse(area).click((33.4, 71.9))
    assert the_reading(session).number("HU") == volume.hu[4, 71, 33]


def test_a_midline_shift_in_three_clicks(area: ReadingArea, session: Session) -> None:
    session.set_tool(Tool.MIDLINE)
    Mouse(area).click((50, 10), (50, 110), (54, 60))
    found = the_reading(session)
    assert (found.number("shift"), found.side) == (pytest.approx(5.0), "left")


def test_abc2_beside_the_segmentation(
    area: ReadingArea, session: Session, volume: Volume, make_findings: Callable[..., Findings]
) -> None:
    """A block of 40 × 25 px (50 × 20 mm) in slices 3 to 5, half of it in slice 2, a corner in slice 6."""
    findings = make_findings(volume, ())
    findings.masks[3:6, 50:75, 30:70] = 2
    findings.masks[2, 50:75, 30:50] = 2
    findings.masks[6, 50:55, 30:40] = 2
    session.set_findings(findings)
    session.set_tool(Tool.ABC2)
    hand = Mouse(area)
    hand.drag((30, 62), (70, 62))
    hand.drag((50, 50), (50, 75))
    draft = session.measuring.drawing.draft
    assert draft is not None
    assert [(share.sop_uid[-1], share.weight) for share in draft.shares] == [
        ("2", 0.5), ("3", 1.0), ("4", 1.0), ("5", 1.0), ("6", 0.0)
    ]  # fmt: skip
    assert session.document.measures == ()
    session.measuring.finish_requested.emit()
    found = the_reading(session)
    numbers = [found.number(name) for name in ("A", "B", "C", "volume")]
    assert numbers == pytest.approx([50.0, 20.0, 17.5, 50 * 20 * 17.5 / 2000])


def test_a_coronal_length_is_in_mm(area: ReadingArea, session: Session) -> None:
    session.panes.set_plane(1, Plane.CORONAL)
    session.set_tool(Tool.LENGTH)
    hand = Mouse(area, 1)
    section = hand.viewport.section
    assert section is not None
    step = section.spacing_mm[0]
    hand.drag((10, 10), (10 + 12 / step, 10 + 9 / step))
    found = the_reading(session)
    assert found.number("length") == pytest.approx(15.0)
    assert isinstance(found.measure.plane, CutPlane)
    assert found.slice_index is None


def test_a_measure_on_a_cut_is_seen_on_that_cut_and_on_no_other(area: ReadingArea, session: Session) -> None:
    session.panes.set_plane(1, Plane.CORONAL)
    session.set_tool(Tool.LENGTH)
    Mouse(area, 1).drag((10, 10), (30, 20))
    (measure,) = session.document.measures
    lens = lens_of(area.viewports[1])
    assert lens is not None
    assert lens.shown(measure) == measure.points
    session.panes.scroll_to(1, session.panes.panes[1].stop + 1)
    lens = lens_of(area.viewports[1])
    assert lens is not None
    assert lens.shown(measure) is None
    other = lens_of(area.viewports[0])
    assert other is not None
    assert other.shown(measure) is None


def test_undo_goes_through_measures_and_annotations_in_the_order_they_were_made(
    area: ReadingArea, session: Session, desk: AnnotationDesk
) -> None:
    edits = []
    desk.edited.connect(edits.append)
    session.set_tool(Tool.LENGTH)
    Mouse(area).drag((30, 50), (54, 90))
    desk.add([Annotation("a", "1.2.3.4", 0, "SDH", ((0, 0), (9, 0), (9, 9)))], "draw SDH")
    Mouse(area).drag((10, 20), (54, 20))
    counts = [(len(session.document.measures), len(session.document.annotations))]
    for _ in range(3):
        area.commands["undo"].trigger()
        counts.append((len(session.document.measures), len(session.document.annotations)))
    assert counts == [(2, 1), (1, 1), (1, 0), (0, 0)]
    area.commands["redo"].trigger()
    assert len(session.document.measures) == 1
    assert [edit.action for edit in edits[:3]] == ["measure length", "draw SDH", "measure length"]


def test_a_grip_is_dragged_in_the_scroll_tool_and_beside_it_the_drag_scrolls(
    area: ReadingArea, session: Session
) -> None:
    session.set_tool(Tool.LENGTH)
    hand = Mouse(area)
    hand.drag((30, 60), (70, 60))
    session.set_tool(Tool.SCROLL)
    hand.drag((70, 60), (70, 100))
    assert the_reading(session).number("length") == pytest.approx(math.hypot(50.0, 32.0))
    assert session.measuring.selection == session.document.measures[0].uid
    assert session.slice_index == 4
    hand.drag((10, 20), (10, 40))
    assert session.slice_index != 4
    assert len(session.document.measures) == 1


def test_delete_takes_the_selected_measure_and_undo_brings_it_back(
    qtbot: QtBot, area: ReadingArea, session: Session
) -> None:
    session.set_tool(Tool.ELLIPSE)
    Mouse(area).drag((30, 35), (70, 85))
    (made,) = session.document.measures
    qtbot.keyClick(area.viewports[0], Qt.Key.Key_Delete)
    assert session.document.measures == ()
    qtbot.keyClick(area.viewports[0], Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.document.measures == (made,)


def test_escape_gives_up_the_draft_then_the_selection_then_the_tool(
    qtbot: QtBot, area: ReadingArea, session: Session
) -> None:
    session.set_tool(Tool.LENGTH)
    hand = Mouse(area)
    hand.drag((30, 50), (54, 90))
    hand.click((10, 10))
    assert session.measuring.drawing.draft is not None
    states = []
    for _ in range(3):
        qtbot.keyClick(area.viewports[0], Qt.Key.Key_Escape)
        states.append((session.measuring.drawing.draft is None, session.measuring.selection, session.tool))
    uid = session.document.measures[0].uid
    assert states[0][0]
    assert states[0][2] is Tool.LENGTH
    assert states[1][1] is None or states[0][1] != uid
    assert states[2] == (True, None, Tool.SCROLL)


@pytest.mark.parametrize(
    ("keys", "tool"), [("D", Tool.LENGTH), ("A", Tool.ANGLE), ("O", Tool.ELLIPSE), ("B", Tool.POLYGON_ROI)]
)
def test_the_keys_of_the_tools(
    qtbot: QtBot, area: ReadingArea, session: Session, keys: str, tool: Tool
) -> None:
    qtbot.keyClick(area.viewports[0], keys.lower())
    assert session.tool is tool


def test_without_spacing_the_window_measures_in_pixels(
    qtbot: QtBot, area: ReadingArea, session: Session, make_volume: Callable[..., Volume]
) -> None:
    plain = make_volume(shape=SHAPE, series_uid="1.9", notes=(Note(Problem.NO_SPACING, "", ""),))
    session.set_volume(plain)
    session.set_tool(Tool.LENGTH)
    Mouse(area).drag((30, 50), (60, 90))
    found = the_reading(session)
    assert (found.number("length"), found.values[0].unit) == (pytest.approx(50.0), "px")


def test_a_click_alone_is_no_region_and_a_flat_box_is_refused(area: ReadingArea, session: Session) -> None:
    told: list[str] = []
    session.noticed.connect(lambda notice: told.append(notice.text))
    session.set_tool(Tool.RECTANGLE)
    Mouse(area).drag((30, 50), (60, 50))
    assert session.document.measures == ()
    assert told == ["That has no extent: nothing to measure. Drag, or click at both ends."]


def test_what_cannot_be_measured_in_a_viewport_is_said(
    area: ReadingArea, session: Session, make_volume: Callable[..., Volume]
) -> None:
    told: list[str] = []
    session.noticed.connect(lambda notice: told.append(notice.text))
    session.panes.set_plane(1, Plane.SAGITTAL)
    session.set_tool(Tool.MIDLINE)
    Mouse(area, 1).click((10, 10))
    session.panes.add_volume(make_volume(series_uid="1.2.9"))
    session.panes.show_series(2, ("1.2", "1.2.9"))
    session.set_tool(Tool.LENGTH)
    Mouse(area, 2).click((10, 10))
    assert told == [ON_SLICES, NOT_READ]
    assert NO_PLACE not in told
    assert session.document.measures == ()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("plane", [Plane.CORONAL, Plane.SAGITTAL, Plane.OBLIQUE, Plane.ACQUIRED])
def test_a_point_of_the_screen_is_the_same_place_in_the_patient_for_measure_and_viewport(
    area: ReadingArea, session: Session, plane: Plane, view: ViewState
) -> None:
    session.panes.set_plane(0, plane)
    session.set_view(view)
    viewport = area.viewports[0]
    lens = lens_of(viewport)
    assert lens is not None
    for at in (QPointF(100, 80), QPointF(333, 512)):
        point, place = lens.point(at), viewport.to_patient_mm(at)
        assert place is not None
        if isinstance(lens.plane, CutPlane):
            assert lens.plane.patient_mm(point) == pytest.approx(place)
        back = lens.on_screen((point,))[0]
        assert (back.x(), back.y()) == pytest.approx((at.x(), at.y()))


def test_words_of_measures_that_lie_together_do_not_cover_each_other(
    area: ReadingArea, session: Session
) -> None:
    lines = tuple(
        Measure(f"m{i}", Kind.LENGTH, SlicePlane("1.2.3.4"), ((20, 60), (80, 60 + i))) for i in range(4)
    )
    document = type(session.document)("1.2", "1.2.3", measures=lines)
    session.measuring.revise_requested.emit(document, "measure length")
    area.viewports[0].grab()
    (layer,) = (each for each in area.layers if isinstance(each, MeasureLayer))
    boxes = layer._taken
    assert len(boxes) == 4
    assert not any(a.intersects(b) for a in boxes for b in boxes if a is not b)


def test_measures_are_painted_where_they_lie_and_only_on_their_slice(
    area: ReadingArea, session: Session, volume: Volume
) -> None:
    volume.hu[:] = -1000
    line = Measure("m", Kind.LENGTH, SlicePlane("1.2.3.4"), ((20, 60.5), (80, 60.5)))

    def bright(index: int) -> bool:
        session.set_slice_index(index)
        image = area.viewports[0].grab().toImage()
        placement = area.viewports[0].placement()
        assert placement is not None
        at = QPoint(*(round(value) for value in placement.to_screen((50, 60.5))))
        return max(QColor(image.pixel(at + QPoint(0, dy))).lightness() for dy in (-1, 0, 1)) > 150

    assert not bright(4)
    session.measuring.revise_requested.emit(
        type(session.document)("1.2", "1.2.3", measures=(line,)), "measure length"
    )
    assert bright(4)
    assert not bright(3)


def test_another_series_forgets_the_draft_and_the_selection(
    area: ReadingArea, session: Session, make_volume: Callable[..., Volume]
) -> None:
    session.set_tool(Tool.POLYGON_ROI)
    Mouse(area).click((30, 50), (60, 50))
    session.set_volume(make_volume(series_uid="1.7"))
    assert session.measuring.drawing.draft is None
    assert session.measuring.selection is None


def test_key_images_and_bookmarks_are_marked_undone_and_visited(
    qtbot: QtBot, area: ReadingArea, session: Session
) -> None:
    told: list[str] = []
    session.noticed.connect(lambda notice: told.append(notice.title))
    area.commands["next_mark"].trigger()
    assert told == ["Nothing marked"]
    qtbot.keyClick(area.viewports[0], "k")
    session.set_slice_index(7)
    qtbot.keyClick(area.viewports[0], "K", Qt.KeyboardModifier.ShiftModifier)
    marks = session.document.marks
    assert [(mark.kind.value, mark.sop_uid[-1]) for mark in marks] == [("key image", "4"), ("bookmark", "7")]
    assert marks[0].window == (80.0, 40.0)
    visited = []
    for _ in range(3):
        area.commands["next_mark"].trigger()
        visited.append(session.slice_index)
    assert visited == [4, 7, 4]
    qtbot.keyClick(area.viewports[0], "k")  # the mark on slice 4 goes
    assert [mark.sop_uid[-1] for mark in session.document.marks] == ["7"]
    area.commands["undo"].trigger()
    assert set(session.document.marks) == set(marks)


def test_a_bookmark_brings_its_window_back(qtbot: QtBot, area: ReadingArea, session: Session) -> None:
    session.set_window(0, BONE)
    area.commands["bookmark"].trigger()
    session.set_window(0, BRAIN)
    session.set_slice_index(0)
    area.commands["next_mark"].trigger()
    assert (session.slice_index, session.windows[0]) == (4, BONE)


def test_the_cursor_says_what_can_be_taken_hold_of(area: ReadingArea, session: Session) -> None:
    session.set_tool(Tool.LENGTH)
    hand = Mouse(area)
    hand.drag((30, 60), (70, 60))
    session.set_tool(Tool.SCROLL)
    shapes = []
    for at in ((50, 60), (70, 60), (10, 10)):
        hand.move(at, held=False)
        shapes.append(area.viewports[0].cursor().shape())
    assert shapes == [
        Qt.CursorShape.SizeAllCursor,
        Qt.CursorShape.PointingHandCursor,
        Qt.CursorShape.ArrowCursor,
    ]
