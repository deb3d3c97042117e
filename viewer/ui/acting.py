"""What commands do to the viewports of one session. Which key does which stands in `viewer.ui.keys`."""

from collections.abc import Callable
from dataclasses import replace

from viewer.annotation import events
from viewer.annotation.document import slice_name
from viewer.annotation.options import BrushOptions, EraserOptions, PushOptions, ToolName
from viewer.dicom.volume import Volume
from viewer.findings.verdict_on import next_open, open_regions
from viewer.imaging.pane import Pane
from viewer.imaging.placement import Placement, ViewState, clamped_zoom, flipped_on_screen
from viewer.imaging.sections import Acquired, Section
from viewer.imaging.windows import PRESETS, auto_window
from viewer.session import Mode, Session, Tool
from viewer.ui import captions
from viewer.ui.arranging import Arranging
from viewer.ui.cine import Cine
from viewer.ui.marking import Marking
from viewer.ui.measuring import MeasureHands

SIZED: dict[ToolName, type[BrushOptions] | type[PushOptions]] = {
    ToolName.BRUSH: BrushOptions,
    ToolName.ERASER: EraserOptions,
    ToolName.PUSH: PushOptions,
}
SMALLEST_MM, LARGEST_MM = 0.5, 100.0
ZOOM_STEP = 1.15


class Acting:
    """Acts on the active viewport, or on what is open."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._panes = session.panes
        self.measures = MeasureHands(session)
        """Asked first: the measuring tools, and the grips of what was measured."""
        self.marking = Marking(session)
        self.keep_window: Callable[[], None] = lambda: None
        """Asks for a name for the window of the active viewport."""
        self.arranging = Arranging(session)
        self.cine = Cine(session.panes, session)
        self.active_size_px: Callable[[], tuple[float, float]] | None = None
        """Width and height of the active viewport."""

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
            if (header.sop_uid, header.frame) in drawn or slice_name(header.sop_uid, header.frame) in seen
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
        """New polygons, and the one selected by hand, get this subtype."""
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
            header = volume.series.slices[session.slice_index]
            name = slice_name(header.sop_uid, header.frame)
            marked = name in session.document.reviewed_slices
            session.edit_requested.emit(events.MarkReviewed(name, not marked))

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
