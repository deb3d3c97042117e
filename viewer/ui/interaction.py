"""The mouse to what the session should show; what buttons and wheel do is asked in `viewer.ui.mouse`.

The rules are elsewhere (`imaging.placement`, `imaging.windows`, `annotation.editor`); this only translates.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QCursor, QMouseEvent, QWheelEvent

from viewer.annotation import events
from viewer.annotation.events import Modifier
from viewer.imaging.linking import shifted
from viewer.imaging.placement import Placement
from viewer.imaging.windows import Window, dragged
from viewer.session import Probe, Session, Tool
from viewer.ui import mouse
from viewer.ui.acting import ZOOM_STEP, Acting
from viewer.ui.annotate import REACH_PX
from viewer.ui.arranging import THICKER_MM
from viewer.ui.viewport import Viewport

WHEEL_STEP = 120
CLICK_PX = 4
"""A right button that moves less than this opens the menu instead of changing the window."""
DRAW_ON_SLICES = (
    "Outlines belong to the slices of the open series. Draw in a viewport that shows them as acquired."
)
NO_PLACES = "The positions of these slices are unknown, so no place can be shown in other viewports."
ZOOM_DRAG_PX = 180.0
"""A drag of this many pixels zooms by e."""
SLICE_DRAG_PX = (3.0, 24.0)
"""A scroll drag moves one slice every so many pixels: the whole stack in the viewport's height, within these."""
_CURSORS = {
    Tool.SCROLL: Qt.CursorShape.ArrowCursor,
    Tool.WINDOW: Qt.CursorShape.SizeAllCursor,
    Tool.ZOOM: Qt.CursorShape.SizeVerCursor,
    Tool.PAN: Qt.CursorShape.OpenHandCursor,
    Tool.POLYGON: Qt.CursorShape.CrossCursor,
    Tool.CROSSHAIR: Qt.CursorShape.CrossCursor,
}


def cursor_of(tool: Tool) -> Qt.CursorShape:
    """The mouse cursor that says what the left button does."""
    return _CURSORS.get(tool, Qt.CursorShape.CrossCursor)


@dataclass(frozen=True)
class _Drag:
    """What a drag started from; each move is reckoned from here, so that nothing drifts."""

    tool: Tool | None
    start: QPointF
    window: Window
    placement: Placement
    stop: int


class Interaction(Acting):
    """What hands do to the viewports of one session: commands, and the mouse."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._drag: _Drag | None = None
        self._editing = False
        self._wheel = 0
        self._hover: tuple[Viewport, QPointF] | None = None
        self.show_menu: Callable[[Viewport, QPoint], None] = lambda _viewport, _at: None
        """Opens the menu of a viewport where the right button was clicked and not dragged."""
        for signal in (
            session.slice_index_changed,
            session.slice_loaded,
            session.view_changed,
            session.panes.changed,
        ):
            signal.connect(self._probe_again)

    def press(self, viewport: Viewport, event: QMouseEvent) -> None:
        """A button goes down: the viewport becomes active and a drag begins, or the editor gets the point."""
        session = self._session
        session.set_active_view(viewport.number)
        viewport.setFocus(Qt.FocusReason.MouseFocusReason)
        tool, draws = mouse.drag_of(session, event), mouse.draws(session, event)
        placement = viewport.placement()
        if event.button() in mouse.AT_ONCE:
            self._click(viewport, event)
            return
        if placement is None:
            return
        if draws and self.measures.press(viewport, event):
            return
        if tool is Tool.POLYGON and draws:
            if not self._panes.shows_open(viewport.number):
                session.notice("info", "Draw on slices", DRAW_ON_SLICES)
                return
            self._editing = True
            point, place, tolerance_px = self._aim(viewport, placement, event)
            session.edit_requested.emit(events.Press(point, *place, _modifiers(event), tolerance_px))
            return
        self._drag = _Drag(tool, event.position(), viewport.window_shown, placement, viewport.pane.stop)
        if tool is Tool.CROSSHAIR:
            self._mark(viewport, event.position())
        if tool is Tool.PAN:
            viewport.setCursor(Qt.CursorShape.ClosedHandCursor)

    def move(self, viewport: Viewport, event: QMouseEvent) -> None:
        """The cursor moves: probe, then the drag or the editor."""
        placement = viewport.placement()
        if placement is None:
            return
        self._hover = (viewport, event.position())
        self._probe(viewport, placement, event.position())
        if self._drag is not None:
            self._pull(self._drag, viewport, event.position())
            return
        if self.measures.move(viewport, event):
            return
        shape = self.measures.cursor or cursor_of(self._session.tool)
        if viewport.cursor().shape() is not shape:
            viewport.setCursor(shape)
        if self._session.tool is Tool.POLYGON and self._panes.shows_open(viewport.number):
            point, place, tolerance_px = self._aim(viewport, placement, event)
            self._session.edit_requested.emit(events.Move(point, *place, tolerance_px))

    def release(self, viewport: Viewport, event: QMouseEvent) -> None:
        """A button comes up."""
        placement = viewport.placement()
        if self._editing and event.button() == Qt.MouseButton.LeftButton and placement is not None:
            self._editing = False
            point, place, _ = self._aim(viewport, placement, event)
            self._session.edit_requested.emit(events.Release(point, *place))
        if event.button() == Qt.MouseButton.LeftButton and self.measures.release(viewport, event):
            return
        drag, self._drag = self._drag, None
        if drag is not None:
            moved = event.position() - drag.start
            if abs(moved.x()) + abs(moved.y()) < CLICK_PX:
                self._click(viewport, event)
        viewport.setCursor(cursor_of(self._session.tool))

    def _click(self, viewport: Viewport, event: QMouseEvent) -> None:
        """Do what is bound to a button that was not dragged."""
        told = mouse.click_of(self._session, event.button())
        if told == "menu":
            self.show_menu(viewport, event.globalPosition().toPoint())
        elif told:
            self._clicked[told](viewport)

    @property
    def _clicked(self) -> dict[str, Callable[[Viewport], None]]:
        """What a click or a double click can be told to do, besides the menu."""
        return {
            "menu": lambda viewport: self.show_menu(viewport, QCursor.pos()),
            "maximise": lambda viewport: self.maximise(viewport.number),
            "fit": lambda _: self.fit(),
            "overlay": lambda _: self.toggle_overlay(),
            "previous_series": lambda _: self.change_series(-1),
            "next_series": lambda _: self.change_series(1),
            "previous_slice": lambda _: self.scroll(-1),
            "next_slice": lambda _: self.scroll(1),
            "undo": lambda _: self.undo(),
            "redo": lambda _: self.redo(),
        }

    def double_click(self, viewport: Viewport, event: QMouseEvent) -> None:
        """Close the outline while drawing; else maximise."""
        placement = viewport.placement()
        if event.button() != Qt.MouseButton.LeftButton or placement is None:
            return
        if self.measures.double_click(viewport, event):
            return
        if self._session.tool is Tool.POLYGON and self._panes.shows_open(viewport.number):
            point, place, tolerance_px = self._aim(viewport, placement, event)
            self._session.edit_requested.emit(events.DoubleClick(point, *place, tolerance_px))
            return
        self._session.set_active_view(viewport.number)
        told = mouse.double_click_of(self._session)
        if told:
            self._clicked[told](viewport)

    def wheel(self, viewport: Viewport, event: QWheelEvent) -> None:
        """Scroll, or what else is bound to the wheel; a touchpad's small steps add up."""
        delta = event.angleDelta().y() or event.angleDelta().x()
        placement, told = viewport.placement(), mouse.wheel_of(self._session, event)
        if placement is None or not told:
            return
        if told == "zoom":
            self._zoom_around(viewport, placement, ZOOM_STEP ** (delta / WHEEL_STEP), event.position())
            return
        if delta * self._wheel < 0:
            self._wheel = 0
        self._wheel += delta
        steps = int(self._wheel / WHEEL_STEP)
        self._wheel -= steps * WHEEL_STEP
        if steps:
            self._turn_wheel(viewport, told, steps)

    def _turn_wheel(self, viewport: Viewport, told: str, steps: int) -> None:
        """steps: whole notches, positive away from the reader."""
        panes, number = self._panes, viewport.number
        far = -steps * mouse.wheel_sign(self._session) * (10 if told in ("ten", "alone_ten") else 1)
        if told in ("alone", "alone_ten"):
            panes.nudge(number, far)
        elif told in ("scroll", "ten"):
            panes.scroll_to(number, viewport.pane.stop + far)
        elif told == "slab":
            self._session.set_active_view(number)
            self.arranging.thicken(steps * THICKER_MM)
        else:
            px = steps * mouse.WHEEL_PX
            across, down = (px, 0.0) if told == "width" else (0.0, -px)
            panes.set_window(number, dragged(viewport.window_shown, across, down))

    def leave(self, viewport: Viewport) -> None:
        """Nothing lies under the cursor any more."""
        self._hover = None
        self.measures.leave(viewport)
        if self._session.tool is Tool.POLYGON:
            self._session.edit_requested.emit(events.Leave())
        self._session.set_probe(None)

    def _zoom_around(self, viewport: Viewport, placement: Placement, factor: float, at: QPointF) -> None:
        zoom, centre = placement.zoomed(factor, (at.x(), at.y()))
        self._panes.set_view(viewport.number, replace(viewport.pane.view, zoom=zoom, centre=centre))

    def _mark(self, viewport: Viewport, at: QPointF) -> None:
        """Put the crosshair under the cursor and take every viewport there."""
        place = viewport.to_patient_mm(at)
        if place is None:
            self._session.notice("info", "No crosshair", NO_PLACES)
            return
        self._panes.go_to_place(
            shifted(place, self._panes.offset(viewport.number), back=True), viewport.number
        )

    def _pull(self, drag: _Drag, viewport: Viewport, at: QPointF) -> None:
        right, down = at.x() - drag.start.x(), at.y() - drag.start.y()
        panes, number, view = self._panes, viewport.number, viewport.pane.view
        if drag.tool is Tool.WINDOW:
            panes.set_window(number, dragged(drag.window, right, down * mouse.level_sign(self._session)))
        elif drag.tool is Tool.PAN:
            panes.set_view(number, replace(view, centre=drag.placement.centre_panned((right, down))))
        elif drag.tool is Tool.ZOOM:
            start = (drag.start.x(), drag.start.y())
            zoom, centre = drag.placement.zoomed(2.718281828 ** (-down / ZOOM_DRAG_PX), start)
            panes.set_view(number, replace(view, zoom=zoom, centre=centre))
        elif drag.tool is Tool.CROSSHAIR:
            self._mark(viewport, at)
        elif drag.tool is Tool.SCROLL and viewport.section is not None:
            step = min(max(viewport.height() / viewport.section.count, SLICE_DRAG_PX[0]), SLICE_DRAG_PX[1])
            panes.scroll_to(number, drag.stop + round(down / step))

    def _probe_again(self, _: object) -> None:
        """The image moved under a resting cursor."""
        if self._hover is None:
            return
        viewport, at = self._hover
        placement = viewport.placement()
        if placement is not None and viewport.isVisible():
            self._probe(viewport, placement, at)

    def _probe(self, viewport: Viewport, placement: Placement, at: QPointF) -> None:
        pixel = placement.pixel_at((at.x(), at.y()))
        if viewport.volume is None or pixel is None:
            self._session.set_probe(None)
            return
        self._session.set_probe(Probe(viewport.hu_at(pixel), viewport.to_patient_mm(at), pixel))

    def _aim(
        self, viewport: Viewport, placement: Placement, event: QMouseEvent
    ) -> tuple[tuple[float, float], tuple[str, int], float]:
        """The image point, the slice, and how near counts as on it in image pixels."""
        session = self._session
        assert session.volume is not None
        header = session.volume.series.slices[viewport.slice_index]
        point = placement.to_image((event.position().x(), event.position().y()))
        return point, (header.sop_uid, header.frame), REACH_PX / placement.magnification


def _modifiers(event: QMouseEvent) -> Modifier:
    pairs = (
        (Qt.KeyboardModifier.ShiftModifier, Modifier.SHIFT),
        (Qt.KeyboardModifier.ControlModifier, Modifier.CTRL),
        (Qt.KeyboardModifier.AltModifier, Modifier.ALT),
    )
    held = Modifier.NONE
    for qt, ours in pairs:
        if event.modifiers() & qt:
            held |= ours
    return held
