"""The left column: studies by suspicion, and the series of the open study as thumbnails."""

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from model.labels import ANY, BY_CODE
from viewer.dicom.series import Note, Series, Study
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.regions import NOT_SCORED, parse_status, suspicion
from viewer.ui.study_text import (
    SERIES_MIME,
    badge_colours,
    caption,
    details,
    person,
    put_aside,
    seen,
    slice_count,
    tooltip,
    when,
)

__all__ = ["SeriesList", "Worklist", "badge_colours", "person"]

AnyIndex = QModelIndex | QPersistentModelIndex
STUDY_HEIGHT = 52
TILE_HEIGHT = 100
VALUE_ROLE = Qt.ItemDataRole.UserRole


class StudyModel(QAbstractListModel):
    """Studies in the order shown."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._studies: list[Study] = []
        self.by_suspicion = True
        session.studies_changed.connect(self.sort_again)
        session.study_status_changed.connect(self._status_changed)
        session.patient_hidden_changed.connect(self.sort_again)
        self.sort_again()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """How many studies."""
        return 0 if parent.isValid() else len(self._studies)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The study, its title, or its details as tooltip."""
        if not index.isValid():
            return None
        study = self._studies[index.row()]
        if role == VALUE_ROLE:
            return study
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return (
                f"{person(self.seen(study))}, {self._session.study_status.get(study.study_uid, NOT_SCORED)}"
            )
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{person(self.seen(study))}\n{details(self.seen(study))}"
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """They can be dragged to a viewport, which then shows the series most like the open one."""
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """What is dragged."""
        return [SERIES_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """The UID of the study that is dragged."""
        return _dragged(self._studies[indexes[0].row()].study_uid)

    def seen(self, study: Study) -> Study:
        """The study as it may be shown."""
        return seen(study, hidden=self._session.patient_hidden)

    def status(self, study: Study) -> str:
        """How far the scoring of a study is, in the session's words."""
        return self._session.study_status.get(study.study_uid, NOT_SCORED)

    def sort_again(self, *_: object) -> None:
        """Take the session's studies in the chosen order; newest first where equal."""
        self.beginResetModel()
        newest = sorted(self._session.studies, key=lambda s: (s.date, s.time), reverse=True)
        if self.by_suspicion:
            newest.sort(key=lambda s: suspicion(self.status(s)))
        self._studies = newest
        self.endResetModel()

    def _status_changed(self, study_uid: str) -> None:
        if self.by_suspicion and parse_status(self._session.study_status.get(study_uid, "")):
            self.sort_again()
            return
        for row, study in enumerate(self._studies):
            if study.study_uid == study_uid:
                self.dataChanged.emit(self.index(row), self.index(row))


def _dragged(uid: str) -> QMimeData:
    """What is dragged to a viewport: the UID of a series, or of a study."""
    mime = QMimeData()
    mime.setData(SERIES_MIME, uid.encode())
    return mime


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
        return _dragged(self._series[indexes[0].row()].series_uid)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._series: tuple[Series, ...] = ()
        self._pictures: dict[str, QPixmap] = {}
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
        return tooltip(series, hidden=hidden) if role == Qt.ItemDataRole.ToolTipRole else None

    def picture(self, series: Series) -> QPixmap | None:
        """The thumbnail of a series, None until it is there."""
        uid = series.series_uid
        grey = self._session.thumbnails.get(uid)
        if uid not in self._pictures and grey is not None:
            rows, columns = grey.shape
            image = QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
            self._pictures[uid] = QPixmap.fromImage(image)
        return self._pictures.get(uid)


def _box(painter: QPainter, box: QRectF, fill: str, edge: str, radius: float) -> None:
    painter.setPen(QPen(QColor(edge)) if edge else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(fill))
    painter.drawRoundedRect(box, radius, radius)


def _line(painter: QPainter, box: QRectF, text: str, colour: str, pixels: float, weight: int = 400) -> None:
    font = theme.font(pixels, weight)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


class StudyDelegate(QStyledItemDelegate):
    """A card: who, score pill, what and when."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def sizeHint(self, _option: QStyleOptionViewItem, _index: AnyIndex) -> QSize:  # noqa: N802
        """One card and the gap below it."""
        return QSize(180, STUDY_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Paint one card."""
        study: Study = index.data(VALUE_ROLE)
        state = option.state
        rect: QRect = option.rect
        opened = self._session.study is not None and self._session.study.study_uid == study.study_uid
        hover = bool(state & QStyle.StateFlag.State_MouseOver)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(rect).adjusted(0.5, 0.5, -0.5, -5.5)
        edge = theme.ACCENT if opened else (theme.QUIET if focused else "")
        _box(painter, box, theme.RAISED if opened or hover else theme.CARD, edge, 6)
        inner = box.adjusted(10, 5, -8, -5)
        half = inner.height() / 2
        status = self._session.study_status.get(study.study_uid, NOT_SCORED)
        taken = _paint_status(painter, QRectF(inner.left(), inner.top(), inner.width(), half), status)
        title = QRectF(inner.left(), inner.top(), inner.width() - taken - 6, half)
        shown = seen(study, hidden=self._session.patient_hidden)
        _line(painter, title, person(shown), theme.BRIGHT, theme.TEXT_PX, 600)
        below = QRectF(inner.left(), inner.top() + half, inner.width(), half)
        _pair(painter, below, shown.description, when(shown), theme.QUIET, theme.TEXT_PX - 0.5)
        painter.restore()


def _pair(painter: QPainter, row: QRectF, text: str, last: str, colour: str, pixels: float) -> None:
    """Paint two texts after each other; where they do not both fit, the first gives way."""
    joined = f" · {last}" if text and last else last
    metrics = QFontMetricsF(theme.font(pixels))
    room = max(row.width() - metrics.horizontalAdvance(joined) - 1, 0)
    first = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    width = metrics.horizontalAdvance(first)
    _line(painter, QRectF(row.left(), row.top(), width + 1, row.height()), first, colour, pixels)
    rest = QRectF(row.left() + width, row.top(), row.width() - width + 1, row.height())
    _line(painter, rest, joined, colour, pixels)


def _paint_status(painter: QPainter, row: QRectF, status: str) -> float:
    """Paint the status at the right end of `row`; return the width it takes."""
    parsed = parse_status(status)
    font = theme.font(theme.LABEL_PX, 600 if parsed else 400)
    width = QFontMetricsF(font).horizontalAdvance(status) + (14 if parsed else 0)
    box = QRectF(row.right() - width, row.center().y() - 8, width, 16)
    ink = theme.QUIET
    if parsed is not None:
        suspected = parsed[0] != ANY
        ink = theme.IMAGE if suspected else theme.TEXT
        fill = theme.subtype_colour(parsed[0]) if parsed[0] in BY_CODE else theme.AMBER
        _box(painter, box, fill if suspected else "#363d49", "", 8)
    painter.setFont(font)
    painter.setPen(QColor(ink))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, status)
    return width


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
        aside = put_aside(series)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(rect).adjusted(2.5, 2.5, -2.5, -2.5)
        opened = self._session.series is not None and self._session.series.series_uid == series.series_uid
        edge = theme.ACCENT if opened else (theme.QUIET if hover and not aside else theme.HAIRLINE)
        _box(painter, box, "#000000", edge, 4)
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
        strip = QRectF(box.left() + 1, box.bottom() - 19, box.width() - 2, 18)
        painter.fillRect(strip, QColor(0, 0, 0, 170))
        ink = theme.QUIET if aside else theme.TEXT
        row = strip.adjusted(6, 0, -4, 0)
        _pair(painter, row, caption(series), str(len(series.slices)), ink, theme.LABEL_PX - 0.5)
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
        _box(painter, box, fill, "", 3)
        painter.setPen(QColor(ink))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, fitted)


class _List(QListView):
    """A list that a click does not take the keyboard to: arrows keep scrolling the image."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setDragDropMode(QListView.DragDropMode.DragOnly)


class SeriesList(_List):
    """Thumbnails, two in a row whatever the width."""

    def __init__(self, session: Session) -> None:
        super().__init__()
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


class Worklist(QWidget):
    """Studies above the series of the open one."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("left")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session = session
        self.order = QPushButton()
        self.order.setProperty("role", "link")
        self.order.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.order.setCursor(Qt.CursorShape.PointingHandCursor)
        self.order.setToolTip("Click to sort by suspicion or by date")
        self.order.clicked.connect(self._toggle_order)
        self.studies = _List()
        self.study_model = StudyModel(session)
        self.studies.setModel(self.study_model)
        self.studies.setItemDelegate(StudyDelegate(session))
        self.series = SeriesList(session)
        self.empty = theme.label("Studies appear here, the most suspicious first.", "quiet", wrap=True)
        self.series_heading = theme.heading("Series")
        self._build()
        self.studies.clicked.connect(self._open_study)
        self.studies.activated.connect(self._open_study)
        self.series.clicked.connect(self._open_series)
        self.series.activated.connect(self._open_series)
        self.study_model.modelReset.connect(self._fit)
        session.study_opened.connect(self._fit)
        self._fit()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 16, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.order)
        layout.addWidget(self.empty)
        layout.addWidget(self.studies, 1)
        layout.addSpacing(4)
        layout.addWidget(self.series_heading)
        layout.addWidget(self.series, 1)
        layout.addStretch(0)

    def _fit(self, *_: object) -> None:
        count = self.study_model.rowCount()
        self.empty.setVisible(count == 0)
        self.studies.setVisible(count > 0)
        self.studies.setMaximumHeight(max(count * STUDY_HEIGHT + 2, STUDY_HEIGHT))
        opened = self._session.study is not None
        self.series.setVisible(opened)
        self.series_heading.setVisible(opened)
        self.order.setText("WORKLIST · " + ("BY SUSPICION" if self.study_model.by_suspicion else "BY DATE"))
        self.studies.viewport().update()

    def _toggle_order(self) -> None:
        self.study_model.by_suspicion = not self.study_model.by_suspicion
        self.study_model.sort_again()

    def _open_study(self, index: QModelIndex) -> None:
        study: Study = index.data(VALUE_ROLE)
        self._session.set_study(study)

    def _open_series(self, index: QModelIndex) -> None:
        series: Series = index.data(VALUE_ROLE)
        if series.showable:
            self._session.series_requested.emit(series.series_uid)
