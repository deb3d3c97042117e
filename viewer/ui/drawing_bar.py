"""The bar of the drawing tools, shown while annotating: tools, what can be set of the one in hand, what waits to be
accepted."""

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from viewer.annotation import events
from viewer.annotation.document import slice_name
from viewer.annotation.options import Combination, Overlap, ToolName
from viewer.annotation.preview import Preview
from viewer.session import Mode, Session, Tool
from viewer.ui import theme
from viewer.ui.tool_options import FIELDS, OptionsRow
from viewer.ui.top_bar import BarButton, separator

ICON_PX = 16
TOOLS: tuple[tuple[ToolName, str, str, str], ...] = (
    (
        ToolName.POLYGON,
        "Polygon",
        "polygon",
        "Click to place points or drag freehand; click the first one or press Enter to close.",
    ),
    (
        ToolName.EDIT,
        "Edit",
        "edit",
        "Drag points, a box of them, or the whole; grips scale and turn. Alt+click adds a point, Shift+click takes it.",
    ),
    (ToolName.HOLE, "Hole", "hole", "Draw inside a polygon what is not part of it."),
    (ToolName.CUT, "Cut", "cut", "Drag a line across a polygon to part it."),
    (
        ToolName.LIVEWIRE,
        "Livewire",
        "livewire",
        "Click along an edge; the wire follows it. Click the first point or press Enter to close.",
    ),
    (ToolName.GROW, "Grow", "grow", "Press on the bleed and drag: right takes in more HU, left fewer."),
    (
        ToolName.FILL,
        "Fill",
        "fill",
        "Click into the bleed: what lies between the two HU inside the skull is filled.",
    ),
    (ToolName.BRUSH, "Brush", "brush", "Drag to paint; only pixels in the HU range take paint."),
    (ToolName.ERASER, "Erase", "eraser", "Drag to take pixels away; only those in the HU range go."),
    (ToolName.PUSH, "Push", "push", "Drag against an outline to push it, from inside or from outside."),
)
COMBINATIONS = (
    (Combination.NEW, "New", "A shape becomes a polygon of its own"),
    (Combination.ADD, "Add", "A shape is added to the selected polygon"),
    (Combination.SUBTRACT, "Subtract", "A shape is taken from the selected polygon"),
    (Combination.INTERSECT, "Intersect", "Only what a shape shares with the selected polygon stays"),
)
OVERLAPS = (
    (Overlap.ALLOW, "Overlap: allow"),
    (Overlap.REPLACE, "Overlap: cut other"),
    (Overlap.KEEP, "Overlap: keep other"),
)
SHAPED = frozenset({ToolName.POLYGON, ToolName.LIVEWIRE, ToolName.GROW, ToolName.FILL})
"""Tools whose shapes can be combined with the selected polygon."""
NARROW_BELOW = 1380
"""Width (px) of the bar below which keys are left to tooltips."""


class ToolButton(BarButton):
    """A button with an icon before its text; checked, it is amber as what the hand holds."""

    def __init__(self, text: str, icon: str) -> None:
        super().__init__(text, checkable=True)
        self._icons = {ink: theme.icon(icon, ink, ICON_PX) for ink in (theme.TEXT, theme.AMBER)}

    def sizeHint(self) -> QSize:  # noqa: N802
        """Room for the icon, too."""
        hint = super().sizeHint()
        return QSize(hint.width() + ICON_PX + 4, hint.height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Fill by state, then icon, text and key."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        checked = self.isChecked()
        fill = theme.AMBER_DARK if checked else theme.RAISED if self.underMouse() else ""
        ink = theme.AMBER if checked else theme.TEXT
        painter.setPen(QPen(QColor(theme.ACCENT)) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
        if fill or self.hasFocus():
            painter.drawRoundedRect(box, 4, 4)
        top = round(box.center().y() - ICON_PX / 2)
        self._icons[ink].paint(painter, 8, top, ICON_PX, ICON_PX)
        painter.setFont(theme.font())
        painter.setPen(QColor(ink))
        key = self._key_width()
        room = box.adjusted(ICON_PX + 12, 0, -8 - (key + 6 if key else 0), 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        if key:
            self._paint_key(painter, QRectF(box.right() - 6 - key, box.center().y() - 8, key, 16), ink)


class Hint(QLabel):
    """A quiet line that takes the room that is left, and is cut short where that is too little."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """The text, or its beginning and three dots."""
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(QColor(theme.QUIET))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width() - 4)
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(self.rect(), align, text)


class GhostBar(QWidget):
    """Interpolated outlines that wait: accept those of this slice, or all, or drop them."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(6)
        self.text = theme.label("", "")
        self.here = theme.button("Accept this slice")
        self.all = theme.button("Accept all", "primary")
        self.drop = theme.button("Drop")
        self.all.setToolTip("Enter")
        self.drop.setToolTip("Esc")
        for widget in (self.text, self.here, self.all, self.drop):
            across.addWidget(widget)
        self.here.clicked.connect(lambda: self._accept(here=True))
        self.all.clicked.connect(lambda: self._accept(here=False))
        self.drop.clicked.connect(lambda: session.edit_requested.emit(events.DropGhosts()))

    def _place(self) -> tuple[str, int]:
        session = self._session
        if session.volume is None:
            return ("", 0)
        header = session.volume.series.slices[session.slice_index]
        return (header.sop_uid, header.frame)

    def _accept(self, *, here: bool) -> None:
        self._session.edit_requested.emit(
            events.AcceptGhosts(*self._place()) if here else events.AcceptGhosts()
        )

    def show_preview(self, preview: Preview) -> None:
        """Say how much waits, if anything does."""
        ghosts = preview.ghosts
        self.setVisible(bool(ghosts))
        slices = len({ghost.place for ghost in ghosts})
        self.text.setText(f"{len(ghosts)} interpolated on {slices} slice{'s' * (slices != 1)}")
        self.here.setEnabled(any(ghost.place == self._place() for ghost in ghosts))


class DrawingBar(QFrame):
    """Tools above, what can be set below. Hidden while reading."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setObjectName("topBar")
        self.tools: dict[ToolName, ToolButton] = {}
        self.combinations: dict[Combination, BarButton] = {}
        self.rows: dict[ToolName, OptionsRow] = {}
        self.interpolate = ToolButton("Interpolate", "interpolate")
        self.interpolate.setCheckable(False)
        self.shape = BarButton("Shape \u25be")
        self.overlap = QComboBox()
        self.hint = Hint()
        self.ghosts = GhostBar(session)
        self._build()
        self._connect()
        self._show_mode()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(4)
        options = QWidget()
        options.setFixedHeight(theme.scaled(30))  # whatever can be set: the image must not move with the tool
        above, below = QHBoxLayout(), QHBoxLayout(options)
        above.setSpacing(2)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(6)
        column.addLayout(above)
        column.addWidget(options)
        for name, text, icon, hint in TOOLS:
            made = self.tools[name] = ToolButton(text, icon)
            made.setToolTip(hint)
            made.clicked.connect(lambda _=False, name=name: self._choose(name))
            above.addWidget(made)
        above.addWidget(separator())
        self.interpolate.setToolTip("Propose outlines of the subtype in hand between the slices that have it")
        above.addWidget(self.interpolate)
        self.shape.setToolTip("Copy, snap, simplify, unite, delete")
        above.addWidget(self.shape)
        above.addStretch(1)
        for combination, text, hint in COMBINATIONS:
            button = self.combinations[combination] = BarButton(text, checkable=True)
            button.setToolTip(hint)
            button.clicked.connect(lambda _=False, c=combination: self._combine(c))
            below.addWidget(button)
        for overlap, text in OVERLAPS:
            self.overlap.addItem(text, overlap)
        self.overlap.setAccessibleName("Overlap of subtypes")
        self.overlap.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.overlap.setToolTip("Where a new shape meets another subtype")
        below.addWidget(self.overlap)
        for name in ToolName:
            row = self.rows[name] = OptionsRow(self._session, name)
            below.addWidget(row)
        below.addWidget(self.hint, 1)
        below.addWidget(self.ghosts)

    def _connect(self) -> None:
        session = self._session
        session.mode_changed.connect(self._show_mode)
        session.tool_changed.connect(self._show_tool)
        session.drawing.changed.connect(self._show_tool)
        session.preview_changed.connect(self._show_ghosts)
        session.slice_index_changed.connect(lambda _: self._show_ghosts(session.preview))
        session.bound.changed.connect(self._show_keys)
        self.interpolate.clicked.connect(
            lambda: session.edit_requested.emit(events.Interpolate(session.subtype))
        )
        self.shape.clicked.connect(self._open_menu)
        self.overlap.activated.connect(
            lambda _: session.drawing.set_overlap(Overlap(self.overlap.currentData()))
        )
        self._show_keys()
        self._show_ghosts(session.preview)

    def _show_ghosts(self, preview: Preview) -> None:
        """While outlines wait to be accepted, that is all that is asked."""
        waited = not self.ghosts.isHidden()
        self.ghosts.show_preview(preview)
        if waited == self.ghosts.isHidden():
            self._show_tool()

    def _choose(self, name: ToolName) -> None:
        self._session.drawing.set_tool(name)
        self._session.set_tool(Tool.POLYGON)
        self._show_tool()

    def _combine(self, combination: Combination) -> None:
        self._session.drawing.set_combination(combination)
        self._show_tool()

    def _show_mode(self, *_: object) -> None:
        self.setVisible(self._session.mode is Mode.ANNOTATE)
        self._show_tool()

    def _show_tool(self, *_: object) -> None:
        drawing = self._session.drawing
        held = drawing.tool if self._session.tool is Tool.POLYGON else None
        for name, made in self.tools.items():
            made.setChecked(name is held)
        for combination, button in self.combinations.items():
            button.setChecked(combination is drawing.combination)
            button.setVisible(held in SHAPED and self.ghosts.isHidden())
        self.overlap.setVisible(self.ghosts.isHidden())
        self.overlap.setCurrentIndex(self.overlap.findData(drawing.overlap))
        for name, row in self.rows.items():
            row.setVisible(name is held and name in FIELDS and self.ghosts.isHidden())
            row.refresh()
        waits = "Scroll to look at them, then accept or drop them." if not self.ghosts.isHidden() else ""
        self.hint.setText(waits or next((hint for name, _, _, hint in TOOLS if name is held), ""))

    def _show_keys(self, *_: object) -> None:
        narrow = self.width() < NARROW_BELOW
        for name, made in self.tools.items():
            key = self._session.bound.text(f"tool_{name.name.lower()}")
            made.set_key(key)
            made.set_compact(narrow)
            hint = next(hint for tool, _, _, hint in TOOLS if tool is name)
            made.setToolTip(f"<p>{hint}</p><p>{key}</p>" if key else hint)
        self.interpolate.set_key(self._session.bound.text("interpolate"))
        self.interpolate.set_compact(narrow)

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        """Leave the keys to the tooltips where the bar is narrow."""
        self._show_keys()
        super().resizeEvent(event)  # type: ignore[arg-type]

    # what can be done to shapes that are there

    def _open_menu(self) -> None:
        menu = QMenu(self)
        for text, run, able in self.shape_actions():
            if text:
                action = menu.addAction(text)
                action.setEnabled(able)
                action.triggered.connect(lambda _=False, run=run: run())
            else:
                menu.addSeparator()
        menu.popup(self.shape.mapToGlobal(self.shape.rect().bottomLeft()))

    def shape_actions(self) -> tuple[tuple[str, Callable[[], None], bool], ...]:
        """(words, what it does, whether it can be done now) of everything that changes whole shapes."""
        session = self._session
        place, document = self.ghosts._place(), session.document
        selected, here = document.find(session.selection), document.on_slice(*place)
        others = () if selected is None else tuple(a.uid for a in here if a.uid != selected.uid)
        uid = selected.uid if selected is not None else ""

        def ask(event: events.Command) -> Callable[[], None]:
            return lambda: session.edit_requested.emit(event)

        def nothing() -> None:
            return

        line = ("", nothing, False)
        merges = (
            (Combination.ADD, "Unite with the others on this slice"),
            (Combination.SUBTRACT, "Subtract the others on this slice"),
            (Combination.INTERSECT, "Intersect with the others on this slice"),
        )
        return (
            ("Copy to the next slice", ask(events.CopyTo(1, session.selection, *place)), bool(here)),
            ("Copy to the slice before", ask(events.CopyTo(-1, session.selection, *place)), bool(here)),
            line,
            ("Snap to the inner table", ask(events.Snap(uid)), bool(uid)),
            ("Simplify (half a pixel)", ask(events.Simplify(uid)), bool(uid)),
            ("Separate its parts", ask(events.Separate(uid)), bool(uid)),
            *((text, ask(events.Merge(how, (uid, *others))), bool(others)) for how, text in merges),
            line,
            ("Delete all on this slice", ask(events.RemoveAll(slice_name(*place))), bool(here)),
            (
                f"Delete all {session.subtype}",
                ask(events.RemoveAll(subtype=session.subtype)),
                any(a.subtype == session.subtype for a in document.annotations),
            ),
            ("Delete all annotations", ask(events.RemoveAll()), bool(document.annotations)),
        )
