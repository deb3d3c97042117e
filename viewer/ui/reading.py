"""The centre of the window: the viewports of the layout, the slice strip, and the empty state."""

import time
from collections.abc import Callable, Iterable
from html import escape

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from viewer.annotation.events import Preview
from viewer.imaging.layouts import boxes
from viewer.panes import Panes
from viewer.session import Mode, Session, Tool
from viewer.ui import theme
from viewer.ui.annotate import PolygonLayer, visible_part
from viewer.ui.cut_outlines import CutOutlines
from viewer.ui.evidence_layer import EvidenceLayer
from viewer.ui.interaction import Interaction, cursor_of
from viewer.ui.keys import BINDABLE, KEYS, Command
from viewer.ui.measure_layer import MeasureLayer
from viewer.ui.picture import Overlays
from viewer.ui.placing import OutsideWindow
from viewer.ui.strip import WIDTH as STRIP_WIDTH
from viewer.ui.strip import SliceStrip
from viewer.ui.view_menu import ViewMenu
from viewer.ui.viewport import Layer, Viewport
from viewer.ui.window_menu import WindowMenu

STRIP_TOP, STRIP_BOTTOM, STRIP_RIGHT = 40, 60, 8
WORDS_PX = (380, 300)
"""A viewport at least this wide and high has room for all the words."""


def _area(places: list[QRect]) -> int:
    """The area of the largest."""
    return max(place.width() * place.height() for place in places)


class EmptyState(QFrame):
    """What the centre says while nothing is open; its words can be clicked."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        theme.dress(self, "EmptyState { background: @IMAGE; border: 1px dashed @EDGE; border-radius: 10px; }")
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.text.linkActivated.connect(self._follow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(32, 28, 32, 28)
        layout.addWidget(self.text)
        session.studies_changed.connect(self._say)
        session.load_state_changed.connect(self._say)
        session.bound.changed.connect(self._say)
        session.preferences_changed.connect(self._say)
        self._say()

    def _say(self, _: object = None) -> None:
        style = f"color:{theme.BRIGHT};text-decoration:none;font-weight:600"
        key = self._session.bound.text("open_folder")
        browse = f'<a href="open" style="{style}">Open…</a>' + (f" ({escape(key)})" if key else "")
        demo = f'<a href="demo" style="{style}">Try the demo</a>'
        if self._session.studies:
            first = "Choose a series at the left."
            second = f"Or drop another folder here, or {browse}"
        else:
            first = "Drop a folder, a ZIP or a disc here"
            second = f"or {browse} · {demo}"
        quiet = f"color:{theme.QUIET}"
        note = "Research use only, not for diagnosis. Nothing leaves this computer."
        self.text.setText(
            f'<div style="{quiet}; line-height:160%">{first}<br>{second}<br>'
            f'<span style="font-size:small">{note}</span></div>'
        )

    def _follow(self, link: str) -> None:
        (self._session.browse_requested if link == "open" else self._session.demo_requested).emit()


class ReadingArea(QWidget):
    """The viewports of the layout; slice strip at the right edge of the first that shows the open series.

    commands: a QAction for each `Command` of `keys.KEYS`, by its id; menus and the palette may show them.
    layers, cut_layers: what is painted in every viewport, see `Viewport`.
    outside_changed: a viewport has a window of its own, or no longer, or elsewhere.
    """

    outside_changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setMinimumSize(360, 240)
        self.interaction = Interaction(session)
        self.interaction.active_size_px = self._active_size
        self.interaction.show_menu = lambda _viewport, at: self.menu.popup(at)
        self._overlays = Overlays(session)
        measures = MeasureLayer(session, session.measuring.readings)
        self.layers: list[Layer] = [EvidenceLayer(session), PolygonLayer(session), measures]
        self.cut_layers: list[Layer] = [CutOutlines(session), measures]
        self._made: list[Viewport] = []
        self.outside: dict[int, OutsideWindow] = {}  # viewports in windows of their own, by number
        self.strip = SliceStrip(session, self)
        self._shown: dict[int, tuple[object, ...]] = {}  # by viewport: what decides where the strip is
        self.empty = EmptyState(session, self)
        self._previewed = visible_part(session.preview)
        self.commands = {command.id: self._action(command) for command in KEYS}
        session.bound.changed.connect(self._follow_keys)
        session.bound.add(BINDABLE)
        self.menu = ViewMenu(session.panes, self.interaction.cine, self.commands, self)
        self.window_menu = WindowMenu(session, self.commands, self)
        self.interaction.keep_window = self.window_menu.keep
        self._make_viewports()
        self._connect()
        self._arrange()
        self._follow_mode(session.mode)
        self._follow_tool(session.tool)

    @property
    def panes(self) -> Panes:
        """What the viewports show."""
        return self._session.panes

    @property
    def viewports(self) -> tuple[Viewport, ...]:
        """The viewports of the layout."""
        return tuple(self._made[: len(self._session.panes)])

    def _make_viewports(self) -> None:
        """As many as the layout has; those of a larger one before wait."""
        for number in range(len(self._made), len(self._session.panes)):
            made = Viewport(self._session, number, self._overlays, self)
            made.layers, made.cut_layers = self.layers, self.cut_layers
            made.hands = self.interaction
            made.setCursor(cursor_of(self._session.tool))
            self._made.append(made)

    def _active_size(self) -> tuple[float, float]:
        active = self.viewports[self._session.active_view]
        return (active.width(), active.height())

    def _connect(self) -> None:
        session = self._session
        session.volume_changed.connect(self._volume_changed)
        session.maximised_view_changed.connect(self._arrange)
        session.panes.layout_changed.connect(self._layout_changed)
        session.panes.changed.connect(self._pane_changed)
        session.active_view_changed.connect(self._focus_active)
        session.mode_changed.connect(self._follow_mode)
        session.tool_changed.connect(self._follow_tool)
        session.preview_changed.connect(self._preview_changed)
        session.patient_hidden_changed.connect(self._repaint)
        session.preferences_changed.connect(self._arrange)
        for signal in (
            session.document_changed,
            session.selection_changed,
            session.measuring.drawing_changed,
            session.measuring.selection_changed,
        ):
            signal.connect(self._repaint)

    def toggle_outside(self, number: int, elsewhere: Callable[[QRect], QRect]) -> None:
        """Move a viewport to a window of its own, or back; `elsewhere` says where, given where it is now."""
        if number in self.outside:
            self.outside[number].close()
            return
        viewport = self._made[number]
        place = QRect(viewport.mapToGlobal(viewport.rect().topLeft()), viewport.size())
        made = self.move_outside(number, elsewhere(place))
        self._session.set_maximised_view(None)
        self._session.set_active_view(number)
        made.activateWindow()
        viewport.setFocus()

    def move_outside(self, number: int, place: QRect) -> OutsideWindow:
        """Give a viewport a window of its own."""
        viewport = self._made[number]
        made = self.outside[number] = OutsideWindow(f"Viewport {number + 1}", viewport, self.window())
        viewport.addActions(list(self.commands.values()))  # keys mean there what they mean here
        made.closed.connect(lambda: self._return(number))
        made.setGeometry(place)
        made.placed.connect(self.outside_changed)
        made.show()
        self._arrange()
        self.outside_changed.emit()
        return made

    def _return(self, number: int) -> None:
        """A viewport comes back to its place in the layout."""
        window = self.outside.pop(number, None)
        if window is not None:
            for action in self.commands.values():
                window.panel.removeAction(action)
            window.panel.setParent(self)
            window.deleteLater()
            self._arrange()
            self.outside_changed.emit()

    def _layout_changed(self, _: object) -> None:
        for window in tuple(self.outside.values()):
            window.close()
        had_keyboard = any(viewport.hasFocus() for viewport in self._made)
        self._make_viewports()
        self._arrange()
        if had_keyboard:
            self.viewports[self._session.active_view].setFocus()

    def _action(self, command: Command) -> QAction:
        action = QAction(command.text, self)
        action.setObjectName(command.id)
        here = Qt.ShortcutContext.WidgetWithChildrenShortcut
        action.setShortcutContext(here if command.on_image else Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda: command.run(self.interaction))
        self.addAction(action)
        return action

    def _follow_keys(self) -> None:
        """Give every command the keys that are bound to it now."""
        for id_, action in self.commands.items():
            action.setShortcuts([QKeySequence(key) for key in self._session.bound.keys(id_)])

    def _follow_mode(self, mode: Mode) -> None:
        """Keys that mean something else in the other mode sleep."""
        for command in KEYS:
            self.commands[command.id].setEnabled(command.mode is None or command.mode is mode)

    def _follow_tool(self, tool: Tool) -> None:
        for viewport in self.viewports:
            viewport.setCursor(cursor_of(tool))
        self._repaint()

    def _repaint(self, _: object = None) -> None:
        for viewport in self.viewports:
            viewport.mark_stale()

    def _preview_changed(self, preview: Preview) -> None:
        if visible_part(preview) != self._previewed:
            self._previewed = visible_part(preview)
            self._repaint()

    def focus_target(self) -> QWidget | None:
        """What the keyboard goes to: the active viewport, the words of the empty state, or nothing."""
        active = self.viewports[self._session.active_view]
        return next((each for each in (active, self.empty.text) if each.isVisible()), None)

    def _focus_active(self, view: int) -> None:
        if not self.viewports[view].hasFocus() and self.viewports[view].isVisible():
            self.viewports[view].setFocus()

    def _volume_changed(self, _: object) -> None:
        self._arrange()
        if self._session.volume is not None:
            self.viewports[self._session.active_view].setFocus()

    def _arrange(self, _: object = None) -> None:
        """Place viewports and strip, or the empty state."""
        session = self._session
        open_now = session.volume is not None
        self.empty.setVisible(not open_now)
        layout, maximised = session.panes.layout, session.maximised_view
        places = [QRect(*box) for box in boxes(layout, self.width(), self.height(), maximised)]
        alone = sum(place.width() * place.height() >= 0.9 * _area(places) for place in places) == 1
        for viewport, place in zip(self.viewports, places, strict=True):
            if viewport.number in self.outside:
                viewport.large = viewport.roomy = True
                viewport.setVisible(open_now)
                continue
            largest = place.width() * place.height() >= 0.9 * _area(places)
            roomy = place.width() >= WORDS_PX[0] and place.height() >= WORDS_PX[1]
            viewport.large = largest and (alone or roomy)
            viewport.roomy = roomy
            viewport.setGeometry(place)
            viewport.setVisible(open_now and not place.isEmpty())
        for viewport in self._made[len(places) :]:
            viewport.hide()
        self._move_strip()
        width, height = min(self.width() - 48, theme.scaled(460)), theme.scaled(150)
        self.empty.setGeometry((self.width() - width) // 2, (self.height() - height) // 2, width, height)

    def _pane_changed(self, number: int) -> None:
        """The strip moves when another series, or another plane of it, is shown; not when it is scrolled."""
        panes = self.panes
        shown = (panes.panes[number].series, panes.volume(number) is None, panes.shows_open(number))
        if self._shown.get(number) != shown:
            self._shown[number] = shown
            self._move_strip()

    def _move_strip(self, _: object = None) -> None:
        """Put the strip where slices of the open series are scrolled."""
        session, maximised = self._session, self._session.maximised_view
        numbers = range(len(session.panes)) if maximised is None else (maximised,)
        shown = [number for number in numbers if number not in self.outside]
        main = next((number for number in shown if session.panes.shows_open(number)), None)
        for viewport in self.viewports:
            viewport.first = viewport.number in self.outside or self._first(viewport.number, shown)
            right_px = STRIP_WIDTH + STRIP_RIGHT if viewport.number == main else 0
            if right_px != viewport.right_px:
                viewport.right_px = right_px
                viewport.mark_stale()
        self.strip.setVisible(session.volume is not None and main is not None)
        if main is None:
            return
        place = self.viewports[main].geometry()
        height = max(place.height() - STRIP_TOP - STRIP_BOTTOM, 40)
        left = place.right() - STRIP_WIDTH - STRIP_RIGHT
        self.strip.setGeometry(left, place.top() + STRIP_TOP, STRIP_WIDTH, height)
        self.strip.raise_()

    def _first(self, number: int, shown: Iterable[int]) -> bool:
        """Whether no viewport before this one shows the same series."""
        panes = self._session.panes
        return all(panes.volume(other) is not panes.volume(number) for other in shown if other < number)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Arrange anew."""
        self._arrange()
        super().resizeEvent(event)

    def paint_now(self) -> None:
        """Paint what changed in the visible viewports and the strip before returning."""
        painted: tuple[Viewport | SliceStrip, ...] = (*self.viewports, self.strip)
        for widget in painted:
            if widget.isVisible() and widget.stale:  # the first repaint takes its changed neighbours along
                widget.repaint()

    def time_steps(self, steps: int) -> list[float]:
        """Milliseconds that each of `steps` slice changes takes until everything is painted, to the end of the
        stack and back."""
        volume = self._session.volume
        taken: list[float] = []
        if volume is None or len(volume.hu) < 2:
            return taken
        turn = 2 * (len(volume.hu) - 1)
        for step in range(1, steps + 1):
            start = time.perf_counter()
            self._session.set_slice_index(min(step % turn, turn - step % turn))
            self.paint_now()
            taken.append((time.perf_counter() - start) * 1e3)
        return taken
