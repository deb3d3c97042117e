"""The desk between session and editor, and the polygon layer on the screen."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from model.labels import BY_CODE
from viewer.annotation import events
from viewer.annotation.document import Annotation, Document
from viewer.annotation.events import Edit, State
from viewer.session import Mode, Session
from viewer.ui.desk import AnnotationDesk
from viewer.ui.reading import ReadingArea

SQUARE = ((10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0))


@pytest.fixture
def desk(open_session: Session) -> AnnotationDesk:
    made = AnnotationDesk(open_session)
    made.open(Document("1.2", "1.2.3"), (64, 64))
    return made


@pytest.fixture
def area(qtbot: QtBot, open_session: Session, desk: AnnotationDesk) -> ReadingArea:
    widget = ReadingArea(open_session)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    return widget


def square(uid: str = "a", code: str = "SDH", index: int = 0) -> Annotation:
    return Annotation(uid, f"1.2.3.{index}", 0, code, SQUARE)


def click(area: ReadingArea, image: tuple[float, float], *, double: bool = False) -> None:
    placement = area.viewports[0].placement()
    assert placement is not None
    point, left = QPointF(*placement.to_screen(image)), Qt.MouseButton.LeftButton
    down = QMouseEvent.Type.MouseButtonDblClick if double else QMouseEvent.Type.MouseButtonPress
    nothing, held = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    view = area.viewports[0]
    QApplication.sendEvent(
        view, QMouseEvent(QMouseEvent.Type.MouseMove, point, point, nothing, nothing, held)
    )
    QApplication.sendEvent(view, QMouseEvent(down, point, point, left, left, held))
    QApplication.sendEvent(
        view, QMouseEvent(QMouseEvent.Type.MouseButtonRelease, point, point, left, nothing, held)
    )


def colour_near(area: ReadingArea, image: tuple[float, float], reach: int = 2) -> set[str]:
    """Colours on the screen around an image point."""
    placement = area.viewports[0].placement()
    assert placement is not None
    x, y = (round(part) for part in placement.to_screen(image))
    shown: QImage = area.viewports[0].grab().toImage()
    around = range(-reach, reach + 1)
    return {QColor(shown.pixel(x + dx, y + dy)).name() for dx in around for dy in around}


def is_sdh(area: ReadingArea, image: tuple[float, float], reach: int = 2) -> bool:
    """Whether something in the colour of a subdural bleed is painted around an image point (lines are smoothed)."""
    wanted = QColor(BY_CODE["SDH"].colour)
    found = (QColor(name) for name in colour_near(area, image, reach))
    return any(abs(c.hue() - wanted.hue()) < 8 and c.value() > 100 and c.saturation() > 100 for c in found)


@pytest.mark.parametrize(
    "view", [{}, {"flip_horizontal": True}, {"quarter_turns": 1}, {"zoom": 1.5, "quarter_turns": 3}]
)
def test_clicks_draw_a_polygon_in_any_flip_turn_and_zoom(
    area: ReadingArea, desk: AnnotationDesk, open_session: Session, view: dict[str, object]
) -> None:
    open_session.set_view(replace(open_session.view, **view))  # type: ignore[arg-type]
    open_session.set_mode(Mode.ANNOTATE)
    edits: list[Edit] = []
    desk.edited.connect(edits.append)
    for corner in SQUARE:
        click(area, corner)
    click(area, SQUARE[0])
    (drawn,) = open_session.document.annotations
    assert drawn.subtype == "SDH"
    assert drawn.sop_uid == "1.2.3.0"
    assert [part for point in drawn.outline for part in point] == pytest.approx(
        [part for point in SQUARE for part in point]
    )
    assert [edit.action for edit in edits] == ["draw SDH"]
    assert open_session.selection == drawn.uid


def test_a_double_click_closes_the_outline(area: ReadingArea, open_session: Session) -> None:
    open_session.set_mode(Mode.ANNOTATE)
    for corner in SQUARE[:3]:
        click(area, corner)
    click(area, SQUARE[3])
    click(area, SQUARE[3], double=True)
    assert len(open_session.document.annotations) == 1


def test_undo_and_redo_through_the_session(desk: AnnotationDesk, open_session: Session) -> None:
    desk.add((square(),), "accept findings")
    open_session.undo_requested.emit()
    assert open_session.document.annotations == ()
    open_session.redo_requested.emit()
    assert open_session.document.annotations == (square(),)


def test_a_subtype_changes_the_polygon_selected_by_hand(desk: AnnotationDesk, open_session: Session) -> None:
    desk.add((square(),), "accept findings")
    open_session.set_subtype("IVH")
    assert open_session.document.annotations == (square(),)
    open_session.edit_requested.emit(events.Select(square().uid))
    open_session.set_subtype("EDH")
    assert open_session.document.annotations[0].subtype == "EDH"


def test_a_selection_in_a_list_reaches_the_editor(desk: AnnotationDesk, open_session: Session) -> None:
    desk.add((square("a"), square("b")), "accept findings")
    open_session.set_selection("b")
    assert desk.editor.selection == "b"
    open_session.edit_requested.emit(events.Key.DELETE)
    assert [a.uid for a in open_session.document.annotations] == ["a"]
    assert open_session.selection is None


def test_what_the_editor_refuses_is_told(qtbot: QtBot, desk: AnnotationDesk, open_session: Session) -> None:
    open_session.edit_requested.emit(events.Press((5, 5), "1.2.3.0"))
    open_session.edit_requested.emit(events.Release((5, 5), "1.2.3.0"))
    with qtbot.waitSignal(open_session.noticed) as told:
        open_session.edit_requested.emit(events.Key.CLOSE)
    assert "three points" in told.args[0].text


def test_another_series_starts_another_history(desk: AnnotationDesk, open_session: Session) -> None:
    desk.add((square(),), "accept findings")
    desk.open(Document("1.2", "1.2.4", (square("b"),)), (64, 64))
    open_session.undo_requested.emit()
    assert [a.uid for a in open_session.document.annotations] == ["b"]


def test_an_open_outline_is_kept_when_another_series_opens(
    desk: AnnotationDesk, open_session: Session
) -> None:
    edits: list[Edit] = []
    desk.edited.connect(edits.append)
    for point in SQUARE[:3]:
        open_session.edit_requested.emit(events.Press(point, "1.2.3.0"))
        open_session.edit_requested.emit(events.Release(point, "1.2.3.0"))
    desk.open(Document("1.2", "1.2.4"), (64, 64))
    assert [len(edit.document.annotations) for edit in edits] == [1]
    assert open_session.document.annotations == ()


def test_two_points_are_no_outline_to_keep(qtbot: QtBot, desk: AnnotationDesk, open_session: Session) -> None:
    open_session.edit_requested.emit(events.Press((5, 5), "1.2.3.0"))
    with qtbot.assertNotEmitted(open_session.noticed):
        desk.finish()


def test_an_open_outline_is_shown_by_the_preview(desk: AnnotationDesk, open_session: Session) -> None:
    open_session.edit_requested.emit(events.Press((5, 5), "1.2.3.0"))
    assert open_session.preview.state is State.DRAWING
    open_session.edit_requested.emit(events.Key.ESCAPE)
    assert open_session.preview.state is State.IDLE


def test_outlines_are_painted_in_the_subtypes_colour(area: ReadingArea, desk: AnnotationDesk) -> None:
    desk.add((square(),), "accept findings")
    assert is_sdh(area, (20, 10))


def test_an_annotation_of_another_slice_is_not_painted(
    area: ReadingArea, desk: AnnotationDesk, open_session: Session
) -> None:
    desk.add((square(index=1),), "accept findings")
    assert not is_sdh(area, (20, 10))
    open_session.set_slice_index(1)
    assert is_sdh(area, (20, 10))


def test_handles_are_painted_while_annotating_only(
    area: ReadingArea, desk: AnnotationDesk, open_session: Session
) -> None:
    desk.add((square(),), "accept findings")
    assert "#f2f4f7" not in colour_near(area, (10, 10), 5)
    open_session.set_mode(Mode.ANNOTATE)
    assert "#f2f4f7" in colour_near(area, (10, 10), 5)


def test_the_open_outline_and_its_rubber_band_are_painted(area: ReadingArea, open_session: Session) -> None:
    open_session.set_mode(Mode.ANNOTATE)
    for corner in SQUARE[:3]:
        click(area, corner)
    assert is_sdh(area, (20, 10))
    open_session.edit_requested.emit(events.Move(SQUARE[0], "1.2.3.0", 0, 5.0))
    assert open_session.preview.closes
    assert is_sdh(area, (10.5, 10.5), 4)


def test_a_cursor_over_nothing_repaints_nothing(area: ReadingArea, open_session: Session) -> None:
    open_session.set_mode(Mode.ANNOTATE)
    area.paint_now()
    for x in range(20, 30):
        open_session.edit_requested.emit(events.Move((x, 20), "1.2.3.0"))
    assert not any(viewport.stale for viewport in area.viewports)
    open_session.edit_requested.emit(events.Press((30, 20), "1.2.3.0"))
    assert all(viewport.stale for viewport in area.viewports)


def test_a_dragged_vertex_is_shown_where_it_is_dragged(
    area: ReadingArea, desk: AnnotationDesk, open_session: Session
) -> None:
    desk.add((square(),), "accept findings")
    open_session.set_mode(Mode.ANNOTATE)
    open_session.edit_requested.emit(events.Press((10, 10), "1.2.3.0", 0, tolerance_px=2.0))
    open_session.edit_requested.emit(events.Move((5, 5), "1.2.3.0", 0, 2.0))
    assert open_session.document.annotations == (square(),)
    assert "#f2f4f7" in colour_near(area, (5, 5), 6)
    open_session.edit_requested.emit(events.Release((5, 5), "1.2.3.0"))
    assert open_session.document.annotations[0].outline[0] == (5, 5)
