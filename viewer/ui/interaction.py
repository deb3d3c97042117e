"""Mouse and keys to what the session should show. Which key does what stands in `viewer.ui.keys`.

The rules are elsewhere (`imaging.placement`, `imaging.windows`, `annotation.editor`); this only translates.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QCursor, QMouseEvent, QWheelEvent

from viewer.annotation import events
from viewer.annotation.events import Modifier
from viewer.annotation.options import BrushOptions, EraserOptions, PushOptions, ToolName
from viewer.dicom.volume import Volume
from viewer.findings.verdict_on import next_open, open_regions
from viewer.imaging.linking import shifted
from viewer.imaging.pane import Pane
from viewer.imaging.placement import Placement, ViewState, clamped_zoom, flipped_on_screen
from viewer.imaging.sections import Acquired, Section
from viewer.imaging.windows import PRESETS, Window, auto_window, dragged
from viewer.session import Mode, Probe, Session, Tool
from viewer.ui import captions, mouse
from viewer.ui.annotate import REACH_PX
from viewer.ui.arranging import THICKER_MM, Arranging
from viewer.ui.cine import Cine
from viewer.ui.marking import Marking
from viewer.ui.measuring import MeasureHands
from viewer.ui.viewport import Viewport

WHEEL_STEP = 120
CLICK_PX = 4
"""A right button that moves less than this opens the menu instead of changing the window."""
DRAW_ON_SLICES = (
    "Outlines belong to the slices of the open series. Draw in a viewport that shows them as acquired."
)
NO_PLACES = "The positions of these slices are unknown, so no place can be shown in other viewports."
SIZED: dict[ToolName, type[BrushOptions] | type[PushOptions]] = {
    ToolName.BRUSH: BrushOptions,
    ToolName.ERASER: EraserOptions,
    ToolName.PUSH: PushOptions,
}
SMALLEST_MM, LARGEST_MM = 0.5, 100.0
ZOOM_STEP = 1.15
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


class Interaction:
    """What hands do to the viewports of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._drag: _Drag | None = None
        self._editing = False
        self._wheel = 0
        self._hover: tuple[Viewport, QPointF] | None = None
        self._panes = session.panes
        self.measures = MeasureHands(session)
        """Asked first: the measuring tools, and the grips of what was measured."""
        self.marking = Marking(session)
        self.show_menu: Callable[[Viewport, QPoint], None] = lambda _viewport, _at: None
        """Opens the menu of a viewport where the right button was clicked and not dragged."""
        self.keep_window: Callable[[], None] = lambda: None
        """Asks for a name for the window of the active viewport."""
        self.arranging = Arranging(session)
        self.cine = Cine(session.panes, session)
        self.active_size_px: Callable[[], tuple[float, float]] | None = None
        """Width and height of the active viewport."""
        for signal in (
            session.slice_index_changed,
            session.slice_loaded,
            session.view_changed,
            session.panes.changed,
        ):
            signal.connect(self._probe_again)

    # keys

    def scroll(self, slices: int) -> None:
        """Go so many slices on in the active viewport; linked ones follow."""
        self._panes.scroll_to(self._panes.active, self._pane.stop + slices)

    def scroll_alone(self, stops: int) -> None:
        """Go so many slices on in the active viewport and in no other."""
        self._panes.nudge(self._panes.active, stops)

    @property
    def _pane(self) -> Pane:
        return self._panes.panes[self._panes.active]

    def go_to_end(self, *, last: bool) -> None:
        """Go to the first or the last slice."""
        section = self._panes.section(self._panes.active)
        self._panes.scroll_to(self._panes.active, section.count - 1 if last and section is not None else 0)

    def change_series(self, step: int) -> None:
        """Ask for the next or the previous series of the study that can be shown."""
        study, shown = self._session.study, self._session.series
        if study is None:
            return
        uids = [series.series_uid for series in study.series if series.showable]
        here = uids.index(shown.series_uid) if shown is not None and shown.series_uid in uids else -step
        if uids and 0 <= here + step < len(uids):
            self._session.series_requested.emit(uids[here + step])

    def choose_window(self, key: int) -> None:
        """Give the active viewport the window of a key: 1 the (next) one of the header, 0 automatic, else a preset."""
        active, pane = self._panes.active, self._pane
        volume, section = self._panes.volume(active), self._panes.section(active)
        window = PRESETS.get(key)
        if volume is not None and section is not None and key == 1:
            if not self._panes.follow_header(active):
                self._session.notice(
                    "info", "No window", "This slice names no window of its own. Choose another: 2 to 7, 0."
                )
        elif (
            volume is not None and section is not None and key == 0 and self._shown_is_loaded(volume, section)
        ):
            window = auto_window(section.hu(pane.stop, pane.slab))
        if window is not None:
            self._panes.set_window(active, window)

    def choose_own_window(self, number: int) -> None:
        """Give the active viewport one of the reader's own windows, counted from 0."""
        own = self._session.own_windows
        if number < len(own):
            self._panes.set_window(self._panes.active, own[number])
        else:
            text = "Set a window by hand and keep it as your own from the menu More beside the presets."
            self._session.notice("info", "No window of your own", text)

    def _shown_is_loaded(self, volume: Volume, section: Section) -> bool:
        return bool(volume.loaded[self._pane.stop] if isinstance(section, Acquired) else volume.loaded.any())

    def toggle_overlay(self) -> None:
        """Show or hide the model's masks."""
        self._session.set_overlay(not self._session.overlay)

    def toggle_mode(self) -> None:
        """Switch between reading and annotating."""
        self._session.set_mode(Mode.READ if self._session.mode is Mode.ANNOTATE else Mode.ANNOTATE)

    def invert(self) -> None:
        """Swap black and white."""
        self._session.set_view(replace(self._session.view, inverted=not self._session.view.inverted))

    def flip(self, *, left_to_right: bool) -> None:
        """Mirror what is on the screen."""
        view = self._session.view
        flips = (view.flip_horizontal, view.flip_vertical)
        horizontal, vertical = flipped_on_screen(flips, view.quarter_turns, left_to_right=left_to_right)
        self._session.set_view(replace(view, flip_horizontal=horizontal, flip_vertical=vertical))

    def turn(self, quarters: int) -> None:
        """Turn the image clockwise by quarters."""
        view = self._session.view
        self._session.set_view(replace(view, quarter_turns=(view.quarter_turns + quarters) % 4))

    def zoom(self, factor: float) -> None:
        """Zoom around the middle."""
        view = self._session.view
        self._session.set_view(replace(view, zoom=clamped_zoom(view.zoom * factor)))

    def fit(self) -> None:
        """Whole image, no flip, no turn, not inverted, in the active viewport; linked ones show the whole too."""
        self._session.set_view(ViewState())

    def actual_size(self) -> None:
        """One pixel of the image on one of the screen, in the active viewport."""
        section = self._panes.section(self._panes.active)
        if section is None or self.active_size_px is None:
            return
        size = self.active_size_px()
        fit = Placement.of(section.shape, section.spacing_mm, size, replace(self._session.view, zoom=1.0))
        zoom = clamped_zoom(1 / fit.magnification)
        self._session.set_view(replace(self._session.view, zoom=zoom))

    def maximise(self, view: int | None = None) -> None:
        """Show one viewport (the active one) alone, or all again."""
        session = self._session
        wanted = session.active_view if view is None else view
        session.set_maximised_view(None if session.maximised_view is not None else wanted)

    def next_view(self, step: int) -> None:
        """Make the next viewport the active one; while one is alone, show the next alone."""
        session = self._session
        view = (session.active_view + step) % len(session.windows)
        session.set_active_view(view)
        if session.maximised_view is not None:
            session.set_maximised_view(view)

    def next_suspicious(self) -> None:
        """Go to the next slice with a suspected subtype that carries no annotation yet."""
        session, volume = self._session, self._session.volume
        if volume is None:
            return
        drawn = {(a.sop_uid, a.frame) for a in session.document.annotations if a.reviewed}
        seen = session.document.reviewed_slices
        reviewed = {
            index
            for index, header in enumerate(volume.series.slices)
            if (header.sop_uid, header.frame) in drawn or header.sop_uid in seen
        }
        if session.suspecting.suspected is not None:
            self._next_region(reviewed)
            return
        index = captions.next_suspicious(session.findings, reviewed, session.slice_index)
        if index is None:
            session.notice(
                "info", "Nothing left", "No further slice is suspected that you have not reviewed."
            )
        else:
            session.set_slice_index(index)

    def _next_region(self, reviewed: set[int]) -> None:
        """Go to the next region, in the order of the list, that carries no verdict and whose most suspicious slice is
        not among the `reviewed`."""
        session, suspecting = self._session, self._session.suspecting
        assert suspecting.suspected is not None
        left = open_regions(suspecting.found, suspecting.suspected.verdicts, reviewed)
        number = next_open(left, suspecting.current)
        if number is None:
            session.notice(
                "info", "Nothing left", "No further region is suspected that you have not reviewed."
            )
            return
        suspecting.set_current(number)
        session.set_slice_index(suspecting.found[number].peak)

    def choose_subtype(self, code: str) -> None:
        """New polygons, and the selected one, get this subtype."""
        self._session.set_subtype(code)
        self._session.edit_requested.emit(events.ChooseSubtype(code))

    def escape(self) -> None:
        """Cancel the open outline or deselect; with neither, back to scroll."""
        session = self._session
        if self.measures.cancel():
            return
        if session.preview.state is not events.State.IDLE or session.selection is not None:
            session.edit_requested.emit(events.Key.ESCAPE)
        elif session.maximised_view is not None:
            session.set_maximised_view(None)
        else:
            session.set_tool(session.resting_tool)

    def toggle_reviewed(self) -> None:
        """Mark the slice as reviewed without hemorrhage, or take the mark back."""
        session, volume = self._session, self._session.volume
        if volume is not None:
            sop_uid = volume.series.slices[session.slice_index].sop_uid
            marked = sop_uid in session.document.reviewed_slices
            session.edit_requested.emit(events.MarkReviewed(sop_uid, not marked))

    def edit_key(self, key: events.Key) -> None:
        """Give the editor a key."""
        self._session.edit_requested.emit(key)

    def choose_tool(self, tool: Tool) -> None:
        """Choose what the left button does."""
        self._session.set_tool(tool)

    def draw_with(self, tool: ToolName) -> None:
        """Draw with a tool."""
        self._session.drawing.set_tool(tool)
        self._session.set_tool(Tool.POLYGON)

    def interpolate(self) -> None:
        """Propose outlines of the subtype in hand between the slices that have it."""
        self._session.edit_requested.emit(events.Interpolate(self._session.subtype))

    def copy_outlines(self, step: int) -> None:
        """Copy the selected annotation, or all on this slice, to the slice `step` further, and go there."""
        session, volume = self._session, self._session.volume
        if volume is None:
            return
        header = volume.series.slices[session.slice_index]
        session.edit_requested.emit(events.CopyTo(step, session.selection, header.sop_uid, header.frame))
        self.scroll(step)

    def resize_brush(self, factor: float) -> None:
        """Make the tool in hand larger or smaller: the brush, the eraser, what pushes."""
        drawing = self._session.drawing
        kind = SIZED.get(drawing.tool)
        if kind is not None:
            options = drawing.options(kind)
            wanted = min(max(options.diameter_mm * factor, SMALLEST_MM), LARGEST_MM)
            drawing.set_options(replace(options, diameter_mm=round(wanted, 1)))

    def undo(self) -> None:
        """Take back the last point of a measure being drawn, else ask for the last edit to be taken back."""
        if not self.measures.take_back():
            self._session.undo_requested.emit()

    def redo(self) -> None:
        """Ask for what was taken back."""
        self._session.redo_requested.emit()

    # mouse

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
