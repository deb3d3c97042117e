"""The series of the open study as thumbnails with their problems."""

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from viewer.dicom.series import Note, Series, Study
from viewer.session import Session
from viewer.ui import listing, theme
from viewer.ui.listing import VALUE_ROLE, AnyIndex, CardList
from viewer.ui.study_text import SERIES_MIME, badge_colours, caption, put_aside, slice_count, tooltip

TILE_HEIGHT = 100
RECEIVED = {"SEG": "Segmentation", "SR": "Report"}
"""What other systems make of a study: shown as overlay and list rather than as pictures."""


class SeriesModel(QAbstractListModel):
    """Series of the open study."""

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """They can be dragged to a viewport, those that cannot be shown not."""
        flags = super().flags(index)
        shown = index.isValid() and self._series[index.row()].showable
        return flags | Qt.ItemFlag.ItemIsDragEnabled if shown else flags

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """What is dragged."""
        return [SERIES_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """The UID of the series that is dragged."""
        return listing.dragged(self._series[indexes[0].row()].series_uid)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._series: tuple[Series, ...] = ()
        self._pictures: dict[tuple[str, str], tuple[object, QPixmap]] = {}  # of which grey, and drawn
        session.study_opened.connect(self._take)
        session.studies_changed.connect(lambda _: self._take(session.study))
        session.series_changed.connect(lambda _: self._repaint())
        session.thumbnail_ready.connect(lambda _: self._repaint())
        self._take(session.study)

    def _take(self, study: Study | None) -> None:
        current = {s.study_uid: s for s in self._session.studies}
        series = current.get(study.study_uid, study).series if study is not None else ()
        if series == self._series:
            return
        self.beginResetModel()
        self._series = tuple(
            sorted(series, key=lambda s: (put_aside(s), s.number if s.number is not None else 1 << 30))
        )
        self._pictures.clear()
        self.endResetModel()

    def _repaint(self) -> None:
        if self._series:
            self.dataChanged.emit(self.index(0), self.index(len(self._series) - 1))

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """How many series."""
        return 0 if parent.isValid() else len(self._series)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The series, its caption, or its problems as tooltip."""
        if not index.isValid():
            return None
        series = self._series[index.row()]
        if role == VALUE_ROLE:
            return series
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{caption(series)}, {slice_count(series)}"
        hidden = self._session.patient_hidden
        if role != Qt.ItemDataRole.ToolTipRole:
            return None
        if series.modality in RECEIVED:
            where = "on the images" if series.modality == "SEG" else "as a list"
            return f"{RECEIVED[series.modality]}. Click to show it {where}."
        return tooltip(series, hidden=hidden)

    def picture(self, series: Series) -> QPixmap | None:
        """The thumbnail of a series, None until it is there."""
        grey = self._session.thumbnails.get(series.key)
        if grey is None:
            return None
        drawn, picture = self._pictures.get(series.key, (None, None))
        if drawn is not grey or picture is None:
            rows, columns = grey.shape
            image = QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
            picture = QPixmap.fromImage(image)
            self._pictures[series.key] = (grey, picture)
        return picture


class SeriesDelegate(QStyledItemDelegate):
    """A thumbnail with its caption and problem badges."""

    def __init__(self, session: Session, model: SeriesModel) -> None:
        super().__init__()
        self._session = session
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, _index: AnyIndex) -> QSize:  # noqa: N802
        """One cell of the grid."""
        grid = option.widget.gridSize() if isinstance(option.widget, QListView) else QSize()
        return grid if grid.isValid() else QSize(100, TILE_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Paint one tile."""
        series: Series = index.data(VALUE_ROLE)
        rect: QRect = option.rect
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        aside = put_aside(series) and series.modality not in RECEIVED
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(rect).adjusted(2.5, 2.5, -2.5, -2.5)
        opened = self._session.series is not None and self._session.series.series_uid == series.series_uid
        edge = theme.ACCENT if opened else (theme.QUIET if hover and not aside else theme.HAIRLINE)
        listing.box(painter, box, "#000000", edge, 4)
        picture = self._model.picture(series)
        if picture is not None:
            room = box.adjusted(1, 1, -1, -1)
            size = picture.size().scaled(room.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            painter.setOpacity(0.35 if aside else 1.0)
            left, top = room.center().x() - size.width() / 2, room.center().y() - size.height() / 2
            painter.drawPixmap(
                QRectF(left, top, size.width(), size.height()), picture, QRectF(picture.rect())
            )
            painter.setOpacity(1.0)
        word = RECEIVED.get(series.modality, "")
        if word:
            painter.setFont(theme.font(theme.LABEL_PX, 600))
            painter.setPen(QColor(theme.TEXT))
            painter.drawText(box.adjusted(0, 0, 0, -18), Qt.AlignmentFlag.AlignCenter, word)
        strip = QRectF(box.left() + 1, box.bottom() - 19, box.width() - 2, 18)
        painter.fillRect(strip, QColor(0, 0, 0, 170))
        ink = theme.QUIET if aside else theme.TEXT
        row = strip.adjusted(6, 0, -4, 0)
        listing.pair(painter, row, caption(series), str(len(series.slices)), ink, theme.LABEL_PX - 0.5)
        if not word:
            _paint_badges(painter, box.adjusted(4, 4, -4, -22), series.notes)
        painter.restore()


def _paint_badges(painter: QPainter, room: QRectF, notes: tuple[Note, ...]) -> None:
    """Badges from the top right downwards, as many as fit; the tooltip has them all."""
    font = theme.font(theme.LABEL_PX - 1, 500)
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    fitting = max(int((room.height() + 3) // 18), 1)
    shown = [(note.badge, badge_colours(note)) for note in notes if note.badge]
    if len(shown) > fitting:
        shown = [*shown[: fitting - 1], (f"+{len(shown) - fitting + 1}", ("#2b3139", theme.TEXT))]
    for row, (text, (fill, ink)) in enumerate(shown):
        fitted = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width() - 10)
        width = metrics.horizontalAdvance(fitted) + 10
        box = QRectF(room.right() - width, room.top() + row * 18, width, 15)
        listing.box(painter, box, fill, "", 3)
        painter.setPen(QColor(ink))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, fitted)


class SeriesList(CardList):
    """Thumbnails, two in a row whatever the width."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setAccessibleName("Series of the study")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setDragEnabled(True)  # a static list would not be dragged from
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setModel(SeriesModel(session))
        self.setItemDelegate(SeriesDelegate(session, self.model()))  # type: ignore[arg-type]

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit two columns; the list keeps room for a scroll bar whether it is there or not."""
        width = max((self.width() - 10) // 2, 80)
        self.setGridSize(QSize(width, TILE_HEIGHT))
        super().resizeEvent(event)
