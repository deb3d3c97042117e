"""One viewport: paints the slice, what lies on it and the words around it; hands the mouse on."""

from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from viewer.dicom.volume import Volume
from viewer.imaging.placement import Placement
from viewer.imaging.windows import Window
from viewer.session import Session
from viewer.ui import captions, theme
from viewer.ui.corners import MARGIN, Corners, Room
from viewer.ui.picture import Overlays, Picture

GROUND, FRAME = QColor("#000000"), QColor("#191d23")


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
    stale: whether something changed since it was painted last.
    """

    def __init__(self, session: Session, number: int, overlays: Overlays, parent: QWidget) -> None:
        super().__init__(parent)
        self.number = number
        self.large = number == 0
        self.right_px = 0
        self.stale = True
        self.layers: list[Layer] = []
        self.hands: Hands | None = None
        self._session = session
        self._overlays = overlays
        self._picture = Picture()
        self._corners = Corners(session, number)
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
            signal.connect(self.mark_stale)
        session.volume_changed.connect(self._volume_changed)
        session.slice_loaded.connect(self._slice_changed)
        session.slice_scored.connect(self._slice_changed)

    @property
    def window_shown(self) -> Window:
        """The window this viewport shows."""
        return self._session.windows[self.number]

    def room(self) -> Room:
        """The room for words."""
        return Room(self.width(), self.height(), self.right_px, self.large)

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

    def mark_stale(self, _: object = None) -> None:
        """Say that something changed; it is painted with the next frame."""
        self.stale = True
        self.update()

    def _volume_changed(self, _: object) -> None:
        self._picture.clear()
        self.mark_stale()

    def _slice_changed(self, index: int) -> None:
        if index == self._session.slice_index:
            self.mark_stale()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Image, layers, words, frame."""
        self.stale = False
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        volume, placement = self._session.volume, self.placement()
        if volume is not None and placement is not None:
            self._paint_slice(painter, volume, placement)
            self._corners.paint(painter, volume, placement, self.room())
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
            painter.setFont(theme.font(12))
            painter.setPen(QColor(theme.RED if failed else theme.QUIET))
            room = QRectF(self.rect()).adjusted(MARGIN * 4, 0, -MARGIN * 4 - self.right_px, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)
            return
        image = self._picture.of(
            volume,
            index,
            self.window_shown,
            self._overlays.of(index),
            inverted=self._session.view.inverted,
            transposed=placement.quarter_turns % 2 == 1,
        )
        a, b, c, d, e, f = placement.matrix
        swapped = placement.quarter_turns % 2 == 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(QTransform(b, d, a, c, e, f) if swapped else QTransform(a, c, b, d, e, f))
        painter.drawImage(QPointF(0, 0), image)
        painter.resetTransform()
        for layer in self.layers:
            layer.paint(painter, self, placement)

    def event(self, event: QEvent) -> bool:
        """Show a badge's sentence as tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self._corners.sentence_at(QPointF(event.pos()))
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
