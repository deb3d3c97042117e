"""One viewport: paints the slice, what lies on it and the words around it; hands the mouse on."""

from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from viewer.dicom.series import Note, Problem
from viewer.dicom.volume import Volume
from viewer.imaging.orientation import edge_letters
from viewer.imaging.placement import Placement
from viewer.imaging.windows import Window
from viewer.session import Session
from viewer.ui import captions, theme
from viewer.ui.picture import Overlays, Picture
from viewer.ui.worklist import badge_colours, person

MARGIN, LINE = 9, 17
"""Distance of the words from the edges and between lines, px."""
GROUND, FRAME = QColor("#000000"), QColor("#191d23")
BADGE_HEIGHT = 18


class Layer(Protocol):
    """Something painted on the slice, in screen coordinates."""

    def paint(self, painter: QPainter, viewport: "Viewport", placement: Placement) -> None:
        """Paint what belongs to the current slice."""


class Hands(Protocol):
    """Who the mouse is handed to."""

    def press(self, viewport: "Viewport", event: QMouseEvent) -> None:
        """A button went down."""

    def move(self, viewport: "Viewport", event: QMouseEvent) -> None:
        """The cursor moved, with or without a button."""

    def release(self, viewport: "Viewport", event: QMouseEvent) -> None:
        """A button went up."""

    def double_click(self, viewport: "Viewport", event: QMouseEvent) -> None:
        """The second press of a double click."""

    def wheel(self, viewport: "Viewport", event: QWheelEvent) -> None:
        """The wheel turned."""

    def leave(self, viewport: "Viewport") -> None:
        """The cursor left."""


class Viewport(QWidget):
    """A view of the session's current slice through its `number`th window.

    large: whether there is room for all the words; `right_px` is kept free of words at the right (slice strip).
    """

    def __init__(self, session: Session, number: int, overlays: Overlays, parent: QWidget) -> None:
        super().__init__(parent)
        self.number = number
        self.large = number == 0
        self.right_px = 0
        self.layers: list[Layer] = []
        self.hands: Hands | None = None
        self._session = session
        self._overlays = overlays
        self._picture = Picture()
        self._badges: list[tuple[QRectF, Note]] = []
        self._words = theme.font(12)
        self._strong = theme.font(12, 600)
        self._small = theme.font(10.5, 500)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Viewport {number + 1}")
        for signal in (
            session.slice_index_changed,
            session.windows_changed,
            session.active_view_changed,
            session.view_changed,
            session.overlay_changed,
            session.findings_changed,
            session.series_changed,
            session.studies_changed,
            session.study_opened,
        ):
            signal.connect(self._repaint)
        session.volume_changed.connect(self._volume_changed)
        session.slice_loaded.connect(self._slice_changed)
        session.slice_scored.connect(self._slice_changed)

    @property
    def window_shown(self) -> Window:
        """The window this viewport shows."""
        return self._session.windows[self.number]

    def placement(self) -> Placement | None:
        """Where the image lies now, None without an image."""
        volume, view = self._session.volume, self._session.view
        if volume is None or self.width() < 1 or self.height() < 1:
            return None
        return Placement(
            rows=volume.hu.shape[1],
            columns=volume.hu.shape[2],
            spacing_mm=volume.spacing_mm,
            size_px=(self.width(), self.height()),
            zoom=view.zoom,
            centre=view.centre,
            flip_horizontal=view.flip_horizontal,
            flip_vertical=view.flip_vertical,
            quarter_turns=view.quarter_turns,
        )

    def _repaint(self, _: object = None) -> None:
        self.update()

    def _volume_changed(self, _: object) -> None:
        self._picture.clear()
        self.update()

    def _slice_changed(self, index: int) -> None:
        if index == self._session.slice_index or not self._session.volume:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Image, layers, words, frame."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        volume, placement = self._session.volume, self.placement()
        if volume is not None and placement is not None:
            self._paint_slice(painter, volume, placement)
            self._paint_words(painter, volume, placement)
        active = self._session.active_view == self.number
        painter.setPen(QColor(theme.ACCENT) if active else FRAME)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_slice(self, painter: QPainter, volume: Volume, placement: Placement) -> None:
        index = self._session.slice_index
        if not volume.loaded[index]:
            failed = bool(volume.failed[index])
            reason = self._session.slice_errors.get(index, "")
            text = captions.failed_text(index, reason) if failed else f"Slice {index + 1} is being read …"
            painter.setFont(self._words)
            painter.setPen(QColor(theme.RED if failed else theme.QUIET))
            room = QRectF(self.rect()).adjusted(60, 0, -60, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)
            return
        image = self._picture.of(
            volume, index, self.window_shown, self._overlays.of(index), inverted=self._session.view.inverted
        )
        a, b, c, d, e, f = placement.matrix
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(QTransform(a, c, b, d, e, f))
        painter.drawImage(QPointF(0, 0), image)
        painter.resetTransform()
        for layer in self.layers:
            layer.paint(painter, self, placement)

    def _paint_words(self, painter: QPainter, volume: Volume, placement: Placement) -> None:
        session, series = self._session, volume.series
        right = self._paint_top_right(painter, volume, placement)
        if self.large:
            study = next((s for s in session.studies if s.study_uid == series.study_uid), session.study)
            name = person(study) if study is not None else ""
            lines = captions.who_and_when(name, study, series)
        else:
            lines = (self.window_shown.name or "Custom",)
        top = self._text_block(painter, lines, right_edge=self.width() - right - 2 * MARGIN)
        self._paint_badges(painter, series.notes if self.large else (), top + 4)
        self._paint_bottom(painter, volume)
        header = series.slices[session.slice_index]
        if header.orientation is not None:
            self._paint_letters(painter, placement, header.orientation)

    def _paint_top_right(self, painter: QPainter, volume: Volume, placement: Placement) -> float:
        """Window, zoom, technique; returns the width they take."""
        lines = captions.how_shown(
            self.window_shown,
            placement.magnification,
            volume.series,
            inverted=self._session.view.inverted,
        )
        if not self.large:
            lines = lines[:1]
        metrics = QFontMetricsF(self._words)
        for row, line in enumerate(lines):
            self._word(painter, line, MARGIN + row * LINE, right=True)
        return max(metrics.horizontalAdvance(line) for line in lines) + self.right_px + MARGIN

    def _text_block(self, painter: QPainter, lines: tuple[str, ...], *, right_edge: float) -> float:
        """Lines at the top left, cut where they would meet those at the right; returns the height they end at."""
        metrics = QFontMetricsF(self._words)
        for row, line in enumerate(lines):
            room = right_edge if row < 3 else self.width() / 2
            cut = metrics.elidedText(line, Qt.TextElideMode.ElideRight, max(room, 40))
            self._word(painter, cut, MARGIN + row * LINE)
        return MARGIN + len(lines) * LINE

    def _paint_bottom(self, painter: QPainter, volume: Volume) -> None:
        session = self._session
        first, second = captions.where(volume, session.slice_index)
        bottom = self.height() - MARGIN - LINE
        if not self.large:
            self._word(painter, first.split(" · ")[0], bottom)
            return
        self._word(painter, first, bottom - LINE)
        self._word(painter, second, bottom)
        self._word(painter, captions.RESEARCH, bottom, right=True, colour=theme.QUIET)
        estimated = captions.has(volume.series.notes, Problem.SPACING_ESTIMATED)
        result = captions.ai_result(session.findings, estimated=estimated)
        metrics = QFontMetricsF(self._words)
        taken = max(metrics.horizontalAdvance(text) for text in (first, second))
        raised = metrics.horizontalAdvance(result) > self.width() - taken - self.right_px - 4 * MARGIN
        room = self.width() - self.right_px - 3 * MARGIN
        cut = metrics.elidedText(result, Qt.TextElideMode.ElideRight, room)
        self._word(painter, cut, bottom - (2 if raised else 1) * LINE, right=True)

    def _paint_letters(
        self,
        painter: QPainter,
        placement: Placement,
        orientation: tuple[float, float, float, float, float, float],
    ) -> None:
        edges = edge_letters(orientation, placement)
        middle, height = self.width() / 2, self.height() / 2
        painter.setFont(self._strong)
        metrics = QFontMetricsF(self._strong)
        right = self.width() - MARGIN - self.right_px - metrics.horizontalAdvance(edges.right)
        places = (
            (edges.top, middle - metrics.horizontalAdvance(edges.top) / 2, MARGIN + metrics.ascent()),
            (edges.bottom, middle - metrics.horizontalAdvance(edges.bottom) / 2, self.height() - MARGIN - 4),
            (edges.left, MARGIN + 2, height + metrics.ascent() / 2),
            (edges.right, right - 2, height + metrics.ascent() / 2),
        )
        for text, x, y in places:
            self._shadowed(painter, QPointF(x, y), text, theme.AMBER)

    def _paint_badges(self, painter: QPainter, notes: tuple[Note, ...], top: float) -> None:
        self._badges = []
        findings = self._session.findings
        cautions = findings.cautions if findings is not None and self.large else ()
        extra = tuple(Note(Problem.AI_CAUTION, "AI: caution", text) for text in cautions)
        metrics = QFontMetricsF(self._small)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = float(MARGIN)
        for note in (*notes, *(extra[:1])):
            width = metrics.horizontalAdvance(note.badge) + 12
            if x > MARGIN and x + width > self.width() / 2:
                x, top = float(MARGIN), top + BADGE_HEIGHT + 4
            box = QRectF(x, top, width, BADGE_HEIGHT)
            fill, ink = badge_colours(note)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(fill))
            painter.drawRoundedRect(box, 3, 3)
            painter.setPen(QColor(ink))
            painter.setFont(self._small)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, note.badge)
            self._badges.append((box, note))
            x += width + 5
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _word(
        self, painter: QPainter, text: str, top: float, *, right: bool = False, colour: str = theme.TEXT
    ) -> None:
        """One line at the left or right edge, `top` px below the upper edge."""
        if not text:
            return
        painter.setFont(self._words)
        metrics = QFontMetricsF(self._words)
        x = self.width() - MARGIN - self.right_px - metrics.horizontalAdvance(text) if right else MARGIN + 1.0
        self._shadowed(painter, QPointF(x, top + metrics.ascent()), text, colour)

    @staticmethod
    def _shadowed(painter: QPainter, baseline: QPointF, text: str, colour: str) -> None:
        """Text that stays readable over bone."""
        painter.setPen(QColor(0, 0, 0, 190))
        painter.drawText(baseline + QPointF(1, 1), text)
        painter.setPen(QColor(colour))
        painter.drawText(baseline, text)

    def event(self, event: QEvent) -> bool:
        """Show a badge's sentence as tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = next((note.text for box, note in self._badges if box.contains(QPointF(event.pos()))), "")
            if text:
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The viewport with the keyboard is the active one."""
        self._session.set_active_view(self.number)
        super().focusInEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.press(self, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.move(self, event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.release(self, event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.double_click(self, event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.wheel(self, event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.leave(self)
        super().leaveEvent(event)
