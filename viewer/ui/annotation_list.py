"""The list of the reader's annotations: from the first slice to the last, one line each."""

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from model.labels import BY_CODE
from viewer.annotation.document import Annotation
from viewer.session import Session
from viewer.ui import theme

AnyIndex = QModelIndex | QPersistentModelIndex
VALUE_ROLE = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 28
SOURCE_WORDS = {
    "manual": "polygon",
    "model": "accepted",
    "model edited": "accepted, edited",
    "imported": "imported",
    "consensus": "consensus",
}


def describe(annotation: Annotation) -> str:
    """`SDH · polygon, 42 pts`."""
    points = sum(map(len, annotation.rings))
    return f"{annotation.subtype} · {SOURCE_WORDS.get(annotation.source, annotation.source)}, {points} pts"


class AnnotationModel(QAbstractListModel):
    """Annotations of the open series from its first slice to its last."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._rows: list[tuple[int, Annotation]] = []
        session.document_changed.connect(self.take)
        session.series_changed.connect(self.take)
        self.take()

    def take(self, *_: object) -> None:
        """Read the session's document again."""
        series = self._session.series
        slices = series.slices if series is not None else ()
        place = {(header.sop_uid, header.frame): index for index, header in enumerate(slices)}
        found = [
            (place[(a.sop_uid, a.frame)], a)
            for a in self._session.document.annotations
            if (a.sop_uid, a.frame) in place
        ]
        rows = sorted(found, key=lambda pair: pair[0])
        if rows != self._rows:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """How many annotations."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """(slice index, annotation), its description, or its history as tooltip."""
        if not index.isValid():
            return None
        place, annotation = self._rows[index.row()]
        if role == VALUE_ROLE:
            return place, annotation
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{describe(annotation)}, slice {place + 1}"
        if role == Qt.ItemDataRole.ToolTipRole:
            origin = f" from model {annotation.model_id}" if annotation.model_id else ""
            state = "reviewed" if annotation.reviewed else "not reviewed yet"
            return f"{BY_CODE[annotation.subtype].name.capitalize()}, {annotation.source}{origin}, {state}"
        return None

    def row_of(self, uid: str | None) -> int:
        """Row of an annotation, -1 where it is not listed."""
        return next((row for row, (_, a) in enumerate(self._rows) if a.uid == uid), -1)

    def reviewed(self) -> int:
        """How many are reviewed."""
        return sum(a.reviewed for _, a in self._rows)


class AnnotationDelegate(QStyledItemDelegate):
    """Swatch, class and source, slice, reviewed or not."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def sizeHint(self, _option: QStyleOptionViewItem, _index: AnyIndex) -> QSize:  # noqa: N802
        """One line."""
        return QSize(180, theme.scaled(ROW_HEIGHT))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Paint one annotation."""
        place, annotation = index.data(VALUE_ROLE)
        rect: QRect = option.rect
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(rect).adjusted(0.5, 0.5, -0.5, -1.5)
        painter.setPen(Qt.PenStyle.NoPen)
        selected = annotation.uid == self._session.selection
        if selected or hover:
            painter.setBrush(QColor(theme.ACCENT_DARK if selected else theme.RAISED))
            painter.drawRoundedRect(box, 4, 4)
        painter.setBrush(QColor(theme.subtype_colour(annotation.subtype)))
        painter.drawRoundedRect(QRectF(box.left() + 4, box.center().y() - 5, 10, 10), 3, 3)
        font = theme.font()
        painter.setFont(font)
        painter.setPen(QColor(theme.TEXT))
        room = box.adjusted(22, 0, -84, 0)
        text = QFontMetricsF(font).elidedText(describe(annotation), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.setPen(QColor(theme.TEXT if place == self._session.slice_index else theme.QUIET))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(box.adjusted(0, 0, -26, 0), right, f"im {place + 1}")
        painter.setPen(QColor(theme.GREEN if annotation.reviewed else theme.AMBER))
        painter.drawText(box.adjusted(0, 0, -8, 0), right, "✓" if annotation.reviewed else "?")
        painter.restore()
