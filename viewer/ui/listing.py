"""What the lists of the left column share: roles, what is dragged, how cards are painted."""

from PySide6.QtCore import QMimeData, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QFrame, QListView

from viewer.ui import theme
from viewer.ui.study_text import SERIES_MIME

AnyIndex = QModelIndex | QPersistentModelIndex
VALUE_ROLE = Qt.ItemDataRole.UserRole


def dragged(uid: str) -> QMimeData:
    """What is dragged to a viewport: the UID of a series, or of a study."""
    mime = QMimeData()
    mime.setData(SERIES_MIME, uid.encode())
    return mime


def box(painter: QPainter, area: QRectF, fill: str, edge: str, radius: float) -> None:
    """A rounded box; no edge where its colour is empty."""
    painter.setPen(QPen(QColor(edge)) if edge else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(fill))
    painter.drawRoundedRect(area, radius, radius)


def line(painter: QPainter, area: QRectF, text: str, colour: str, pixels: float, weight: int = 400) -> None:
    """A line of text, cut off where it does not fit."""
    font = theme.font(pixels, weight)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def pair(painter: QPainter, row: QRectF, text: str, last: str, colour: str, pixels: float) -> None:
    """Paint two texts after each other; where they do not both fit, the first gives way."""
    joined = f" · {last}" if text and last else last
    metrics = QFontMetricsF(theme.font(pixels))
    room = max(row.width() - metrics.horizontalAdvance(joined) - 1, 0)
    first = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    width = metrics.horizontalAdvance(first)
    line(painter, QRectF(row.left(), row.top(), width + 1, row.height()), first, colour, pixels)
    rest = QRectF(row.left() + width, row.top(), row.width() - width + 1, row.height())
    line(painter, rest, joined, colour, pixels)


class CardList(QListView):
    """A list that a click does not take the keyboard to: arrows keep scrolling the image."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setDragDropMode(QListView.DragDropMode.DragOnly)
