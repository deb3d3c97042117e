"""The centre of the window: the Read layout of linked viewports, the slice strip, and the empty state."""

import time

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from viewer.annotation.events import Preview
from viewer.session import READ_LAYOUT, Mode, Session, Tool
from viewer.ui import theme
from viewer.ui.annotate import PolygonLayer, visible_part
from viewer.ui.interaction import Interaction, cursor_of
from viewer.ui.keys import KEYS, Command
from viewer.ui.picture import Overlays
from viewer.ui.strip import WIDTH as STRIP_WIDTH
from viewer.ui.strip import SliceStrip
from viewer.ui.viewport import Viewport

GAP = 2
LARGE_SHARE = 2 / 3
STRIP_TOP, STRIP_BOTTOM, STRIP_RIGHT = 40, 60, 8


def read_layout(width: int, height: int, maximised: int | None, count: int = 3) -> tuple[QRect, ...]:
    """Where each viewport lies: the first large at the left, the others below each other at the right; with
    `maximised`, that one fills all and the others are empty rectangles."""
    if maximised is not None:
        return tuple(QRect(0, 0, width, height) if view == maximised else QRect() for view in range(count))
    large = round((width - GAP) * LARGE_SHARE)
    rest = count - 1
    small = (height - GAP * (rest - 1)) // rest
    column = [
        QRect(
            large + GAP,
            i * (small + GAP),
            width - large - GAP,
            small if i < rest - 1 else height - i * (small + GAP),
        )
        for i in range(rest)
    ]
    return (QRect(0, 0, large, height), *column)


class EmptyState(QFrame):
    """What the centre says while nothing is open; its words can be clicked."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.setStyleSheet(
            f"EmptyState {{ background: {theme.IMAGE}; border: 1px dashed #3d4552; border-radius: 10px; }}"
        )
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
        self._say()

    def _say(self, _: object = None) -> None:
        style = f"color:{theme.BRIGHT};text-decoration:none;font-weight:600"
        browse = f'<a href="open" style="{style}">Open…</a> (Ctrl+O)'
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
    """Brain large, subdural and bone small, linked; slice strip at the right edge of the large one.

    actions: a QAction for each `Command` of `keys.KEYS`, by its id; menus and the palette may show them.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setMinimumSize(360, 240)
        self.interaction = Interaction(session)
        overlays = Overlays(session)
        layer = PolygonLayer(session)
        self.viewports = tuple(Viewport(session, n, overlays, self) for n in range(len(READ_LAYOUT)))
        for viewport in self.viewports:
            viewport.layers.append(layer)
            viewport.hands = self.interaction
        self.strip = SliceStrip(session, self)
        self.empty = EmptyState(session, self)
        self._previewed = visible_part(session.preview)
        self.commands = {command.id: self._action(command) for command in KEYS}
        self._connect()
        self._arrange()
        self._follow_mode(session.mode)
        self._follow_tool(session.tool)

    def _connect(self) -> None:
        session = self._session
        session.volume_changed.connect(self._volume_changed)
        session.maximised_view_changed.connect(self._arrange)
        session.active_view_changed.connect(self._focus_active)
        session.mode_changed.connect(self._follow_mode)
        session.tool_changed.connect(self._follow_tool)
        session.preview_changed.connect(self._preview_changed)
        session.patient_hidden_changed.connect(self._repaint)
        for signal in (session.document_changed, session.selection_changed):
            signal.connect(self._repaint)

    def _action(self, command: Command) -> QAction:
        action = QAction(command.text, self)
        action.setShortcuts([QKeySequence(key) for key in command.keys])
        here = Qt.ShortcutContext.WidgetWithChildrenShortcut
        action.setShortcutContext(here if command.on_image else Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda: command.run(self.interaction))
        self.addAction(action)
        return action

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
        self.strip.setVisible(open_now)
        maximised = session.maximised_view
        places = read_layout(self.width(), self.height(), maximised, len(self.viewports))
        for viewport, place in zip(self.viewports, places, strict=True):
            viewport.large = place.width() > 0 and viewport.number == (maximised or 0)
            viewport.right_px = STRIP_WIDTH + STRIP_RIGHT if viewport.large else 0
            viewport.setGeometry(place)
            viewport.setVisible(open_now and not place.isEmpty())
        main = places[maximised or 0]
        height = max(main.height() - STRIP_TOP - STRIP_BOTTOM, 40)
        self.strip.setGeometry(main.right() - STRIP_WIDTH - STRIP_RIGHT, STRIP_TOP, STRIP_WIDTH, height)
        self.strip.raise_()
        width = min(self.width() - 48, 460)
        self.empty.setGeometry((self.width() - width) // 2, (self.height() - 150) // 2, width, 150)

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
