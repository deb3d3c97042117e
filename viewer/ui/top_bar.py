"""The top bar: open, mode, tools or subtypes, windows, overlay, command palette, menu."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QColor, QEnterEvent, QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QMenu, QPushButton

from model.labels import SUBTYPES
from viewer.annotation.events import ChooseSubtype
from viewer.imaging.layouts import COMPARE
from viewer.imaging.windows import PRESETS, Window
from viewer.measures.text import MIDLINE_DEFINITION
from viewer.session import Mode, Session, Tool
from viewer.ui import theme

READ_TOOLS = (
    (Tool.SCROLL, "Scroll", "tool_scroll"),
    (Tool.WINDOW, "W/L", "tool_window"),
    (Tool.ZOOM, "Zoom", "tool_zoom"),
    (Tool.PAN, "Pan", "tool_pan"),
    (Tool.LENGTH, "Length", "measure_length"),
    (Tool.ANGLE, "Angle", "measure_angle"),
    (Tool.ELLIPSE, "ROI", "measure_ellipse"),
    (Tool.MIDLINE, "Midline", "measure_midline"),
)
"""Tool, name, and the command that chooses it."""
BAR_PRESETS = (2, 3, 4, 5)
"""Keys of the presets that have a button; the menu beside them has all."""
COMPACT_BELOW = 1480
"""Width (px) of the bar below which key hints are left to tooltips."""
NARROW_BELOW = 1340
"""Width (px) of the bar below which the measuring tools are left to the Measure tab."""
TIGHT_BELOW, SPARE_PRESETS = 1150, (4, 5)
"""Width (px) of the bar below which these presets are left to the menu More."""
MEASURING = frozenset({Tool.LENGTH, Tool.ANGLE, Tool.ELLIPSE, Tool.MIDLINE})


class BarButton(QAbstractButton):
    """A flat button with its key beside the text; checked, it is filled with the accent or its subtype's colour."""

    def __init__(self, text: str, key: str = "", *, subtype: str = "", checkable: bool = False) -> None:
        super().__init__()
        self.setText(text)
        self.key = key
        self.subtype = subtype
        self.compact = False
        self.setCheckable(checkable)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(text)
        if key:
            self.setToolTip(f"{text} ({key})")

    @property
    def colour(self) -> str:
        """The colour of its subtype, empty where it stands for none."""
        return theme.subtype_colour(self.subtype) if self.subtype else ""

    def set_key(self, key: str) -> None:
        """Show another key."""
        if key != self.key:
            self.key = key
            self.updateGeometry()
            self.update()

    def _key_width(self) -> float:
        if not self.key or self.compact:
            return 0.0
        return QFontMetricsF(theme.font(theme.LABEL_PX - 1)).horizontalAdvance(self.key) + 10

    def sizeHint(self) -> QSize:  # noqa: N802
        """Text, key and 8 px either side."""
        text = QFontMetricsF(theme.font(weight=500)).horizontalAdvance(self.text())
        key = self._key_width()
        return QSize(round(text + 16 + (key + 6 if key else 0)), theme.scaled(26))

    def set_compact(self, compact: bool) -> None:
        """Hide or show the key."""
        self.compact = compact
        self.updateGeometry()

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        """Repaint for the hover colour."""
        self.update()
        super().enterEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Fill by state, then text, then the key in a small box."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        fill, ink = self._colours()
        painter.setPen(QPen(QColor(theme.ACCENT)) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
        if fill or self.hasFocus():
            painter.drawRoundedRect(box, 4, 4)
        painter.setFont(theme.font(weight=600 if self.colour else 400))
        painter.setPen(QColor(ink))
        key = self._key_width()
        room = box.adjusted(8, 0, -8 - (key + 6 if key else 0), 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        if key:
            self._paint_key(painter, QRectF(box.right() - 6 - key, box.center().y() - 8, key, 16), ink)

    def _colours(self) -> tuple[str, str]:
        if not self.isEnabled():
            return "", "#59616e"
        if self.isChecked():
            return (self.colour, theme.IMAGE) if self.colour else (theme.ACCENT_DARK, theme.BRIGHT)
        return (theme.RAISED if self.underMouse() else ""), self.colour or theme.TEXT

    def _paint_key(self, painter: QPainter, box: QRectF, ink: str) -> None:
        edge = QColor(ink)
        edge.setAlphaF(0.35)
        painter.setPen(QPen(edge))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 3, 3)
        quiet = QColor(ink if self.isChecked() else theme.QUIET)
        quiet.setAlphaF(0.85)
        painter.setPen(quiet)
        painter.setFont(theme.font(theme.LABEL_PX - 1))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.key)


def separator() -> QFrame:
    """A hairline between groups of buttons."""
    line = QFrame()
    line.setProperty("role", "line")
    line.setFixedSize(1, 20)
    return line


class TopBar(QFrame):
    """What can be done now. Reads and changes the session; opening and the palette are the window's."""

    open_clicked = Signal()
    palette_clicked = Signal()
    windows_clicked = Signal(QPoint)  # where its menu belongs
    layout_clicked = Signal(QPoint)

    def __init__(self, session: Session, menu: QMenu) -> None:
        super().__init__()
        self._session = session
        self._menu = menu
        self._hints: list[tuple[QAbstractButton, str, str, bool]] = []
        self.setObjectName("topBar")
        theme.hold(self, height=theme.BAR_HEIGHT)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(8, 0, 8, 0)
        self._layout.setSpacing(2)
        self._layout.addWidget(theme.label("Pterion", "brand"))
        self._hint(self._add("Open…", self.open_clicked.emit), "open_folder", "Open a folder")
        self._layout.addWidget(separator())
        self.modes = self._add_modes()
        self._layout.addWidget(separator())
        self.tools = self._add_tools()
        self.subtypes = self._add_subtypes()
        self._layout.addWidget(separator())
        self.presets = self._add_presets()
        self.windows = self._add("More \u25be", lambda: self._drop_down(self.windows, self.windows_clicked))
        self.windows.setToolTip("All windows: from the header, automatic, presets and your own")
        self._layout.addWidget(separator())
        self.layout_button = self._add(
            "Layout \u25be", lambda: self._drop_down(self.layout_button, self.layout_clicked)
        )
        self.compare = self._add("Compare prior", session.compare_requested.emit, checkable=True)
        self._layout.addStretch(1)
        self.overlay = self._add("AI overlay", self._toggle_overlay, checkable=True)
        self._hint(self.overlay, "overlay", "Show or hide the model's masks", boxed=True)
        self.palette_button = self._add("Ctrl+K", self.palette_clicked.emit)
        self._hint(self.palette_button, "palette", "Find any action by name")
        self.hide_patient = self._add_hide_patient()
        self.menu_button = self._add_menu()
        for signal in (
            session.mode_changed,
            session.tool_changed,
            session.subtype_changed,
        ):
            signal.connect(self._refresh)
        session.windows_changed.connect(self._show_preset)
        session.active_view_changed.connect(self._refresh)
        session.prior_changed.connect(self._refresh)
        session.panes.layout_changed.connect(self._refresh)
        session.overlay_changed.connect(self._refresh)
        session.patient_hidden_changed.connect(self._refresh)
        session.bound.changed.connect(self._show_keys)
        session.preferences_changed.connect(self._fit)
        self._refresh()
        self._show_keys()

    def _hint(self, button: QAbstractButton, command: str, tip: str, *, boxed: bool = False) -> None:
        """Say what a button does and by which key; boxed: the key beside its text as well."""
        self._hints.append((button, command, tip, boxed))

    def _with_key(self, tip: str, command: str) -> str:
        key = self._session.bound.text(command)
        return f"{tip} ({key})" if key else tip

    def _show_keys(self) -> None:
        """Say the keys as they are bound now."""
        bound = self._session.bound
        for button, command, tip, boxed in self._hints:
            button.setToolTip(self._with_key(tip, command))
            if boxed and isinstance(button, BarButton):
                button.set_key(bound.text(command))
        midline = bound.text("measure_midline")
        self.tools[Tool.MIDLINE].setToolTip(f"<p>{MIDLINE_DEFINITION}</p><p>{midline}</p>")
        self.palette_button.setText(bound.text("palette") or "Find")
        self.palette_button.setAccessibleName("Find any action by name")
        self._refresh()

    def _add(self, text: str, run: Callable[[], None], **options: object) -> BarButton:
        made = BarButton(text, **options)  # type: ignore[arg-type]
        made.clicked.connect(lambda _checked=False: run())
        made.clicked.connect(self._refresh)
        self._layout.addWidget(made)
        return made

    def _add_modes(self) -> dict[Mode, BarButton]:
        session = self._session
        read = self._add("Read", lambda: session.set_mode(Mode.READ), checkable=True)
        annotate = self._add("Annotate", lambda: session.set_mode(Mode.ANNOTATE), checkable=True)
        self._hint(annotate, "mode", "Read or annotate", boxed=True)
        return {Mode.READ: read, Mode.ANNOTATE: annotate}

    def _add_tools(self) -> dict[Tool, BarButton]:
        made = {}
        for tool, text, command in READ_TOOLS:
            made[tool] = self._add(text, lambda tool=tool: self._session.set_tool(tool), checkable=True)  # type: ignore[misc]
            self._hint(made[tool], command, f"{text} with the left button")
        return made

    def _add_subtypes(self) -> dict[str, BarButton]:
        made = {}
        for subtype in SUBTYPES:
            choose = lambda code=subtype.code: self._choose_subtype(code)  # noqa: E731
            button = self._add(subtype.code, choose, subtype=subtype.code, checkable=True)
            made[subtype.code] = button
            command = f"subtype_{subtype.code}"
            self._hint(button, command, f"New polygons are {subtype.name}", boxed=True)
        return made

    def _add_presets(self) -> dict[int, BarButton]:
        made = {}
        for key in BAR_PRESETS:
            window = PRESETS[key]
            choose = lambda window=window: self._set_window(window)  # noqa: E731
            made[key] = self._add(window.name, choose, checkable=True)
            tip = f"{window.name}: W {window.width:g} L {window.level:g}"
            self._hint(made[key], f"window_{key}", tip, boxed=True)
        return made

    def _add_hide_patient(self) -> QPushButton:
        made = theme.button("", "icon")
        made.setFixedSize(28, 26)
        made.setAccessibleName("Hide patient")
        self._eye, self._eye_off = theme.icon("eye"), theme.icon("eye-off", theme.AMBER)
        made.clicked.connect(lambda: self._session.set_patient_hidden(not self._session.patient_hidden))
        self._layout.addWidget(made)
        return made

    def _add_menu(self) -> QPushButton:
        made = theme.button("", "icon")
        made.setIcon(theme.icon("menu"))
        made.setFixedSize(28, 26)
        self._hint(made, "window_menu", "File, Model, Help")
        made.setAccessibleName("Menu")
        made.clicked.connect(self.show_menu)
        self._layout.addWidget(made)
        return made

    def show_menu(self) -> None:
        """Open the menu below its button."""
        corner = self.menu_button.mapToGlobal(self.menu_button.rect().bottomRight())
        self._menu.popup(QPoint(corner.x() - self._menu.sizeHint().width(), corner.y() + 6))

    def _drop_down(self, button: BarButton, clicked: SignalInstance) -> None:
        clicked.emit(button.mapToGlobal(button.rect().bottomLeft()) + QPoint(0, 6))

    def _choose_subtype(self, code: str) -> None:
        self._session.set_subtype(code)
        self._session.edit_requested.emit(ChooseSubtype(code))

    def _set_window(self, window: Window) -> None:
        self._session.set_window(self._session.active_view, window)

    def _toggle_overlay(self) -> None:
        self._session.set_overlay(not self._session.overlay)

    def _refresh(self, *_: object) -> None:
        session = self._session
        annotate = session.mode is Mode.ANNOTATE
        for mode, made in self.modes.items():
            made.setChecked(mode is session.mode)
        for tool, made in self.tools.items():
            made.setChecked(tool is session.tool)
            here = not annotate or tool is Tool.SCROLL
            made.setVisible(here and not (tool in MEASURING and self.width() < theme.scaled(NARROW_BELOW)))
        for code, made in self.subtypes.items():
            made.setChecked(code == session.subtype)
            made.setVisible(annotate)
        tight = self.width() < theme.scaled(TIGHT_BELOW)
        for key, made in self.presets.items():
            made.setVisible(not (tight and key in SPARE_PRESETS))
        self._show_preset()
        layout = session.panes.layout
        self.layout_button.setToolTip(f"Layout, planes, slabs, links and cine. Now: {layout.name}")
        self.compare.setChecked(layout == COMPARE)
        self.compare.setEnabled(session.prior is not None)
        there = "Show the earlier study of this patient beside this one"
        missing = "No earlier study of this patient is in the worklist"
        tip = there if session.prior is not None else missing
        self.compare.setToolTip(self._with_key(tip, "layout_compare"))
        self.overlay.setChecked(session.overlay)
        hidden = session.patient_hidden
        self.hide_patient.setIcon(self._eye_off if hidden else self._eye)
        state = "The patient is hidden: show" if hidden else "Hide"
        tip = f"{state} names, dates and numbers of the patient"
        self.hide_patient.setToolTip(self._with_key(tip, "hide_patient"))

    def _show_preset(self, _: object = None) -> None:
        """Mark the preset that the active viewport shows."""
        session = self._session
        active = session.windows[session.active_view] if session.active_view < len(session.windows) else None
        shown = None if active is None else (active.width, active.level)
        for key, made in self.presets.items():
            made.setChecked((PRESETS[key].width, PRESETS[key].level) == shown)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Leave the keys to the tooltips where the bar is narrow, and where it is narrower, the measuring tools."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self, _: object = None) -> None:
        compact = self.width() < theme.scaled(COMPACT_BELOW)
        for made in self.findChildren(BarButton):
            made.set_compact(compact)
        self._refresh()
