"""Layouts, planes, slabs, links, crosshair, cine and dropped series, through the real widgets."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QKeySequence, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QInputDialog
from pytestqt.qtbot import QtBot

from viewer.annotation.document import Annotation
from viewer.dicom.volume import Volume
from viewer.imaging.layouts import AI, FOUR, LAYOUTS, READ, SINGLE, Plane, grid
from viewer.imaging.pane import Links
from viewer.imaging.sections import Across
from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.windows import BRAIN, Window
from viewer.session import Findings, Mode, Session, Tool
from viewer.ui.reading import ReadingArea
from viewer.ui.study_text import SERIES_MIME
from viewer.ui.worklist import Worklist

Maker = Callable[..., Volume]


@pytest.fixture
def area(qtbot: QtBot, open_session: Session) -> ReadingArea:
    widget = ReadingArea(open_session)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    widget.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is widget.viewports[0])
    return widget


def press(qtbot: QtBot, area: ReadingArea, keys: str) -> None:
    combination = QKeySequence(keys)[0]
    view = area.viewports[area.panes.active]
    qtbot.keyClick(view, combination.key(), combination.keyboardModifiers())


def click(
    area: ReadingArea, number: int, at: QPointF, button: Qt.MouseButton = Qt.MouseButton.LeftButton
) -> None:
    for kind, down in (
        (QEvent.Type.MouseButtonPress, button),
        (QEvent.Type.MouseButtonRelease, Qt.MouseButton.NoButton),
    ):
        event = QMouseEvent(kind, at, at, button, down, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(area.viewports[number], event)


def marker(open_session: Session, maker: Maker) -> Volume:
    """Air with one white block: slices 3 and 4, rows 10 to 19, columns 40 to 49."""
    volume = maker(8)
    volume.hu[...] = -1000
    volume.hu[3:5, 10:20, 40:50] = 3000
    open_session.set_volume(volume)
    return volume


def white(area: ReadingArea, number: int) -> tuple[float, float]:
    """Where the white pixels of a viewport's picture lie in the middle (screen), words covered up."""
    viewport = area.viewports[number]
    viewport.large = False
    area.strip.hide()
    image = viewport.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    grey = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    rows, columns = np.nonzero(grey[40:-40, 60 : image.width() - 60] > 250)
    assert rows.size
    return float(columns.mean() + 60.5), float(rows.mean() + 40.5)


@pytest.mark.parametrize(
    ("keys", "layout"), [("Ctrl+1", READ), ("Ctrl+2", SINGLE), ("Ctrl+3", FOUR), ("Ctrl+5", AI)]
)
def test_keys_choose_layouts(qtbot: QtBot, area: ReadingArea, keys: str, layout: object) -> None:
    area.panes.set_layout(grid(1, 2))
    press(qtbot, area, keys)
    assert area.panes.layout == layout
    assert sum(viewport.isVisible() for viewport in area._made) == len(area.viewports)


def test_compare_is_asked_for(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    with qtbot.waitSignal(open_session.compare_requested):
        press(qtbot, area, "Ctrl+4")


@pytest.mark.parametrize("layout", [*LAYOUTS, grid(4, 4), grid(2, 3)], ids=lambda layout: layout.id)
def test_every_viewport_of_every_layout_shows_the_marker_in_its_place(
    area: ReadingArea, open_session: Session, make_volume: Maker, layout: object
) -> None:
    marker(open_session, make_volume)
    area.resize(1600, 1400)
    area.panes.set_layout(layout)  # type: ignore[arg-type]
    place = (12.5, -17.5, 17.5)  # the middle of the block
    area.panes.go_to_place(place)
    area.panes.set_crosshair(None)
    area.panes.set_reference_lines(False)
    for viewport in area.viewports:
        expected, off_mm = viewport.from_patient_mm(place)  # type: ignore[misc]
        assert off_mm < 3.0
        scale = viewport.placement().px_per_mm  # type: ignore[union-attr]
        assert (
            np.hypot(*np.subtract(white(area, viewport.number), (expected.x(), expected.y()))) < 1.3 * scale
        )


def test_a_cut_is_not_drawn_on(area: ReadingArea, open_session: Session, qtbot: QtBot) -> None:
    area.panes.set_plane(0, Plane.CORONAL)
    open_session.set_mode(Mode.ANNOTATE)
    with qtbot.assertNotEmitted(open_session.edit_requested), qtbot.waitSignal(open_session.noticed):
        click(area, 0, QPointF(200, 200))


def test_plane_keys_and_turning(qtbot: QtBot, area: ReadingArea) -> None:
    for keys, plane in (("Alt+3", Plane.CORONAL), ("Alt+4", Plane.SAGITTAL), ("Alt+1", Plane.ACQUIRED)):
        press(qtbot, area, keys)
        assert area.panes.panes[0].plane is plane
    press(qtbot, area, "Alt+3")
    press(qtbot, area, "Alt+Right")
    assert area.panes.panes[0].plane is Plane.OBLIQUE
    section = area.panes.section(0)
    assert section is not None
    right = section.orientation(0)[:3]  # type: ignore[index]
    assert abs(right[0]) == pytest.approx(np.cos(np.radians(5)))  # turned by 5° about the vertical
    assert right[2] == pytest.approx(0, abs=1e-9)


def test_a_plane_that_cannot_be_says_why(
    qtbot: QtBot, area: ReadingArea, open_session: Session, make_volume: Maker
) -> None:
    open_session.set_volume(make_volume(2))
    with qtbot.waitSignal(open_session.noticed) as told:
        press(qtbot, area, "Alt+3")
    assert "at least three slices" in told.args[0].text
    assert area.panes.panes[0].plane is Plane.ACQUIRED


def test_slab_keys(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    press(qtbot, area, "Shift+B")
    assert area.panes.panes[0].slab == Slab(SlabKind.MEAN, 5.0)
    press(qtbot, area, "Ctrl+]")
    press(qtbot, area, "Shift+B")
    assert area.panes.panes[0].slab == Slab(SlabKind.MAX, 6.0)
    for _ in range(2):
        press(qtbot, area, "Shift+B")
    assert area.panes.panes[0].slab is None


def test_a_slab_is_shown_and_probed_but_not_while_annotating(
    area: ReadingArea, open_session: Session
) -> None:
    open_session.set_slice_index(2)
    area.panes.set_slab(0, Slab(SlabKind.MAX, 15.0))  # slices 1 to 3
    assert area.viewports[0].hu_at((5, 5)) == 30
    open_session.set_mode(Mode.ANNOTATE)
    assert area.viewports[0].hu_at((5, 5)) == 20


def test_the_probe_reads_a_cut_and_its_place(area: ReadingArea, open_session: Session) -> None:
    area.panes.set_plane(0, Plane.CORONAL)
    viewport = area.viewports[0]
    place = (3.0, -0.5, 15.0)
    point, off_mm = viewport.from_patient_mm(place)  # type: ignore[misc]
    assert off_mm <= 0.5
    event = QMouseEvent(
        QEvent.Type.MouseMove, point, point, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)
    probe = open_session.probe
    assert probe is not None
    assert probe.hu == pytest.approx(30, abs=1)  # slice 3, at 15 mm
    assert probe.patient_mm is not None
    assert (probe.patient_mm[0], probe.patient_mm[2]) == pytest.approx((3.0, 15.0))


def test_masks_are_seen_in_cuts(
    area: ReadingArea, open_session: Session, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    open_session.set_findings(
        make_findings(open_session.volume)
    )  # rows 20 to 29, columns 40 to 49, slices 2 and 3
    area.panes.set_plane(0, Plane.CORONAL)
    area.panes.go_to_place((13.0, -7.0, 12.5))
    area.panes.set_crosshair(None)
    viewport = area.viewports[0]

    def tint() -> int:
        point, _ = viewport.from_patient_mm((13.0, -7.0, 12.5))  # type: ignore[misc]
        colour = viewport.grab().toImage().pixelColor(point.toPoint())
        return colour.blue() - colour.red()

    assert tint() > 20
    area.panes.set_overlay(0, False)
    assert tint() == 0


def test_what_was_drawn_is_seen_in_cuts_and_goes_when_it_is_deleted(
    area: ReadingArea, open_session: Session
) -> None:
    square = ((40.0, 20.0), (50.0, 20.0), (50.0, 30.0), (40.0, 30.0))
    drawn = tuple(Annotation(f"a{i}", f"1.2.3.{i}", 0, "SDH", square) for i in (2, 3))
    open_session.set_document(replace(open_session.document, annotations=drawn))
    area.panes.set_plane(0, Plane.CORONAL)
    area.panes.go_to_place((8.0, -7.0, 12.5))
    area.panes.set_crosshair(None)
    viewport = area.viewports[0]

    def tint(x: float) -> int:
        point, _ = viewport.from_patient_mm((x, -7.0, 12.5))  # type: ignore[misc]
        colour = viewport.grab().toImage().pixelColor(point.toPoint())
        return colour.blue() - colour.red()

    # Column 40 is at x = 8 mm, column 49 at 17 mm.
    assert [tint(x) > 60 for x in (8.0, 12.0, 17.0, 19.0)] == [True, False, True, False]
    open_session.set_document(replace(open_session.document, annotations=drawn[:1]))
    area.panes.set_plane(0, Plane.SAGITTAL)
    open_session.set_document(replace(open_session.document, annotations=()))
    area.panes.set_plane(0, Plane.CORONAL)
    assert tint(8.0) == 0


def test_the_crosshair_tool_takes_the_others_along(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    area.panes.set_layout(FOUR)
    press(qtbot, area, "X")
    assert open_session.tool is Tool.CROSSHAIR
    point, _ = area.viewports[1].from_patient_mm((5.0, 0.0, 20.0))  # type: ignore[misc]
    click(area, 1, point)
    assert area.panes.crosshair is not None
    assert area.panes.crosshair[0] == pytest.approx(5.0, abs=0.1)
    assert area.panes.panes[0].stop == 4  # z = 20 mm
    assert open_session.slice_index == 4
    press(qtbot, area, "Shift+X")
    assert area.panes.crosshair is None


def test_links_are_switched_by_keys_and_menu(qtbot: QtBot, area: ReadingArea) -> None:
    press(qtbot, area, "Ctrl+L")
    assert area.panes.links == Links(scroll=False, zoom=False, pan=False, window=False)
    press(qtbot, area, "Down")
    assert [pane.stop for pane in area.panes.panes] == [1, 0, 0]
    area.commands["link_window"].trigger()
    press(qtbot, area, "4")
    assert len(set(area.panes.windows)) == 1
    assert {"link_window"} == {name for name in area.menu.switched_on() if name.startswith("link_")}


def test_alt_wheel_scrolls_one_alone(area: ReadingArea) -> None:
    point = QPointF(50, 50)
    event = QWheelEvent(
        point, point, QPoint(), QPoint(-120, 0), Qt.MouseButton.NoButton, Qt.KeyboardModifier.AltModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip  # Qt turns the wheel sideways while Alt is held
    before = area.panes.panes[0].stop
    QApplication.sendEvent(area.viewports[1], event)
    assert [pane.stop for pane in area.panes.panes] == [before, before + 1, before]


def test_actual_size_shows_pixel_for_pixel(qtbot: QtBot, area: ReadingArea) -> None:
    press(qtbot, area, "Shift+Z")
    assert area.viewports[0].placement().magnification == pytest.approx(1)  # type: ignore[union-attr]


def test_cine_plays_round_at_its_speed(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    cine = area.interaction.cine
    seen: list[int] = []
    open_session.set_slice_index(4)
    open_session.slice_index_changed.connect(seen.append)
    cine.set_fps(60)
    press(qtbot, area, "C")
    assert cine.playing
    qtbot.waitUntil(lambda: len(seen) >= 4)
    press(qtbot, area, "C")
    assert not cine.playing
    assert seen[:4] == [5, 0, 1, 2]
    press(qtbot, area, "[")
    assert cine.fps == 45
    cine.set_fps(1000)
    assert cine.fps == 60


def test_cine_needs_something_to_play(area: ReadingArea, open_session: Session, make_volume: Maker) -> None:
    open_session.set_volume(make_volume(1))
    area.interaction.cine.toggle()
    assert not area.interaction.cine.playing


def dropped(area: ReadingArea, number: int, mime: QMimeData) -> QDropEvent:
    viewport = area.viewports[number]
    held = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(viewport, QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, mime, *held))
    event = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, *held)
    QApplication.sendEvent(viewport, event)
    return event


def test_a_series_from_the_list_is_asked_for_where_it_is_dropped(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    worklist = Worklist(open_session)
    qtbot.addWidget(worklist)
    model = worklist.series.model()
    assert model.flags(model.index(1, 0)) & Qt.ItemFlag.ItemIsDragEnabled
    with qtbot.waitSignal(open_session.pane_series_requested) as asked:
        dropped(area, 2, model.mimeData([model.index(1, 0)]))
    assert asked.args == [2, "1.2.4"]
    studies = worklist.study_model
    with qtbot.waitSignal(open_session.pane_series_requested) as asked:
        dropped(area, 0, studies.mimeData([studies.index(0, 0)]))
    assert asked.args == [0, "1.2"]


def test_other_things_are_not_taken(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    mime = QMimeData()
    mime.setText("1.2.4")
    held = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    event = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, mime, *held)
    QApplication.sendEvent(area.viewports[0], event)
    assert not event.isAccepted()
    assert not mime.hasFormat(SERIES_MIME)


def test_another_series_has_no_mask_no_outline_and_its_own_words(
    area: ReadingArea, open_session: Session, make_volume: Maker, make_findings: Callable[..., Findings]
) -> None:
    assert open_session.volume is not None
    open_session.set_findings(make_findings(open_session.volume, (0, 1, 2, 3, 4, 5)))
    other = make_volume(series_uid="1.2.4")
    area.panes.show_series(1, ("1.2", "1.2.4"))
    area.panes.add_volume(other)
    viewport = area.viewports[1]
    assert viewport.volume is other
    assert not area.panes.shows_open(1)
    point = viewport.placement().to_screen((45, 25))  # type: ignore[union-attr]
    colour = viewport.grab().toImage().pixelColor(QPointF(*point).toPoint())
    assert colour.blue() == colour.red()


def test_a_right_click_opens_the_menu_and_a_right_drag_does_not(area: ReadingArea) -> None:
    opened: list[QPoint] = []
    area.interaction.show_menu = lambda _viewport, at: opened.append(at)
    click(area, 1, QPointF(40, 40), Qt.MouseButton.RightButton)
    assert len(opened) == 1
    assert area.panes.active == 1
    right, none = Qt.MouseButton.RightButton, Qt.MouseButton.NoButton
    for kind, at, button, down in (
        (QEvent.Type.MouseButtonPress, 40, right, right),
        (QEvent.Type.MouseMove, 90, none, right),
        (QEvent.Type.MouseButtonRelease, 90, right, none),
    ):
        point = QPointF(at, 40)
        event = QMouseEvent(kind, point, point, button, down, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(area.viewports[1], event)
    assert len(opened) == 1


def test_the_menu_says_what_is_on(area: ReadingArea) -> None:
    area.panes.set_slab(0, Slab(SlabKind.MIN, 3.0))
    area.menu.aboutToShow.emit()
    checked = {action.text().split("\t")[0] for action in area.menu.actions() if action.isChecked()}
    assert "Read" in checked
    assert "slab_min" in area.menu.switched_on()
    assert {"plane_acquired", "reference_lines", "layout_read"} <= area.menu.switched_on()


def test_windows_of_ones_own(
    qtbot: QtBot, area: ReadingArea, open_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with qtbot.waitSignal(open_session.noticed):
        press(qtbot, area, "8")
    open_session.set_window(0, Window("", 95, 33))
    monkeypatch.setattr(QInputDialog, "getText", lambda *_args, **_more: ("Mine", True))
    area.window_menu.keep()
    assert open_session.own_windows == (Window("Mine", 95, 33),)
    open_session.set_window(0, BRAIN)
    press(qtbot, area, "8")
    assert open_session.windows[0] == Window("Mine", 95, 33)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_args, **_more: ("  ", True))
    with qtbot.waitSignal(open_session.noticed):
        area.window_menu.keep()
    area.window_menu.fill()
    texts = [action.text() for action in area.window_menu.actions()]
    assert any(text.startswith("Mine · W 95 L 33") for text in texts)
    assert any(text.startswith("Header · W 100 L 35") for text in texts)


def test_the_same_window_key_goes_through_the_header(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    volume = open_session.volume
    assert volume is not None
    many = tuple((Window("Header: A", 80, 40 + i), Window("Header: B", 2000, 500)) for i in range(6))
    area.panes.set_header_windows(volume, many)
    press(qtbot, area, "1")
    press(qtbot, area, "1")
    assert open_session.windows[0] == many[0][1]
    press(qtbot, area, "1")
    press(qtbot, area, "End")
    assert open_session.windows[0] == many[5][0]


def test_a_maximised_cut_hides_the_strip(area: ReadingArea, open_session: Session) -> None:
    area.panes.set_layout(FOUR)
    assert area.strip.isVisible()
    open_session.set_maximised_view(1)
    assert isinstance(area.viewports[1].section, Across)
    assert not area.strip.isVisible()
    open_session.set_maximised_view(None)
    assert area.strip.isVisible()


def test_slices_that_arrive_are_seen_in_cuts(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    volume = open_session.volume
    assert volume is not None
    volume.loaded[3:] = False
    open_session.volume_changed.emit(volume)
    area.panes.set_plane(0, Plane.CORONAL)
    place = (0.0, area.viewports[0].to_patient_mm(QPointF(300, 300))[1], 20.0)  # type: ignore[index]
    point, _ = area.viewports[0].from_patient_mm(place)  # type: ignore[misc]

    def shown() -> int:
        return area.viewports[0].grab().toImage().pixelColor(point.toPoint()).red()

    assert shown() == 0
    volume.loaded[3:] = True
    open_session.mark_slice_loaded(4)
    qtbot.waitUntil(lambda: abs(shown() - 129) <= 4)  # 40 HU in the brain window


def test_cuts_are_made_anew_a_few_times_a_second_while_slices_arrive(
    qtbot: QtBot, area: ReadingArea, open_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, viewport = open_session.volume, area.viewports[0]
    assert volume is not None
    area.panes.set_plane(0, Plane.CORONAL)
    stops: list[int] = []
    monkeypatch.setattr(
        Across, "hu", lambda cut, stop, slab=None: stops.append(stop) or np.zeros(cut.shape, np.int16)
    )
    volume.loaded[:] = False
    open_session.volume_changed.emit(volume)

    def load(indices: range) -> None:
        for index in indices:
            volume.loaded[index] = True
            open_session.mark_slice_loaded(index)
            viewport.grab()

    load(range(3))
    assert not stops  # single slices are shown first
    qtbot.waitUntil(lambda: len(stops) == 1)
    load(range(3, len(volume.loaded)))
    assert len(stops) == 1
    qtbot.waitUntil(lambda: len(stops) == 2)  # one of all that came meanwhile
    assert viewport._gathering.there == len(volume.loaded)


def test_the_document_on_other_slices_is_not_drawn_where_scrolling_is_not_linked(
    area: ReadingArea, open_session: Session
) -> None:
    """Each viewport draws the outlines of the slice that it shows."""
    area.panes.set_links(Links(scroll=False))
    area.panes.scroll_to(0, 1)
    area.panes.scroll_to(1, 4)
    assert (area.viewports[0].slice_index, area.viewports[1].slice_index) == (1, 4)
    open_session.set_active_view(1)
    assert open_session.slice_index == 4
    open_session.set_active_view(0)
    assert open_session.slice_index == 1
    assert [pane.stop for pane in area.panes.panes[:2]] == [1, 4]
    open_session.set_document(replace(open_session.document, reviewed_slices=frozenset({"1.2.3.1"})))


def test_a_slice_that_arrives_is_shown_first_where_the_reader_works(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    """The other viewports that show it follow one after the other."""
    open_session.set_active_view(1)
    area.paint_now()
    assert not any(viewport.stale for viewport in area.viewports)
    turns: list[int] = []
    for viewport in area.viewports:
        viewport._gathering.renewed.connect(lambda number=viewport.number: turns.append(number))
    open_session.mark_slice_loaded(open_session.slice_index)
    assert [viewport.stale for viewport in area.viewports] == [False, True, False]
    qtbot.waitUntil(lambda: len(turns) == 2)
    assert turns == [0, 2]
    open_session.mark_slice_loaded(open_session.slice_index + 1)
    assert not any(viewport._gathering._turn.isActive() for viewport in area.viewports)
