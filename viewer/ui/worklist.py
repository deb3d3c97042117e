"""The left column: studies by suspicion, and the series of the open study as thumbnails."""

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from model.labels import ANY, BY_CODE
from viewer.dicom.series import Series, Study
from viewer.session import Session
from viewer.triaging import Reading
from viewer.ui import listing, theme
from viewer.ui.listing import VALUE_ROLE, AnyIndex, CardList
from viewer.ui.regions import parse_status, suspicion
from viewer.ui.series_list import RECEIVED, SeriesList
from viewer.ui.study_text import SERIES_MIME, badge_colours, details, person, seen, when
from viewer.ui.triage_bar import Filter, TriageBar, status_of, wanted

__all__ = ["VALUE_ROLE", "SeriesList", "Worklist", "badge_colours", "person"]

STUDY_HEIGHT = 52
SORTED_AT_ONCE, SORT_MS = 100, 50
"""Longer lists are sorted once for all statuses that come within so many milliseconds."""
NO_STUDIES = "Studies appear here, the most suspicious first."
NONE_LISTED = "No study is of this kind. Choose “All” above to list every one."


class StudyModel(QAbstractListModel):
    """Studies in the order shown."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._studies: list[Study] = []
        self.by_suspicion = True
        self.filter = Filter.ALL
        self._soon = QTimer(self, singleShot=True, interval=SORT_MS)
        self._soon.timeout.connect(self.sort_again)
        session.triage.rows_changed.connect(self.sort_again)
        session.triage.scoring_changed.connect(lambda now: self._status_changed(now[0]))
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
            row = self._session.triage.row(study.study_uid)
            said = [person(self.seen(study)), self.status(study), *([row.word] if row else [])]
            return ", ".join(dict.fromkeys(said))
        if role == Qt.ItemDataRole.ToolTipRole:
            row = self._session.triage.row(study.study_uid)
            reason = f"\nNot scored: {row.reason}" if row is not None and row.reason else ""
            return f"{person(self.seen(study))}\n{details(self.seen(study))}{reason}"
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """They can be dragged to a viewport, which then shows the series most like the open one."""
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """What is dragged."""
        return [SERIES_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """The UID of the study that is dragged."""
        return listing.dragged(self._studies[indexes[0].row()].study_uid)

    def seen(self, study: Study) -> Study:
        """The study as it may be shown."""
        return seen(study, hidden=self._session.patient_hidden)

    def status(self, study: Study) -> str:
        """How far the scoring of a study is, in the session's words."""
        return status_of(self._session, study.study_uid)

    def _listed(self, study: Study) -> bool:
        """Whether the filter lets a study through; the open one always is."""
        opened = self._session.study is not None and self._session.study.study_uid == study.study_uid
        row = self._session.triage.row(study.study_uid)
        return opened or wanted(self.filter, row, self.status(study))

    def sort_again(self, *_: object) -> None:
        """Take the session's studies in the chosen order; newest first where equal."""
        self.beginResetModel()
        listed = filter(self._listed, self._session.studies)
        newest = sorted(listed, key=lambda s: (s.date, s.time), reverse=True)
        if self.by_suspicion:
            newest.sort(key=lambda s: suspicion(self.status(s)))
        self._studies = newest
        self.endResetModel()

    def _status_changed(self, study_uid: str) -> None:
        if self.by_suspicion and parse_status(self._session.study_status.get(study_uid, "")):
            if len(self._session.studies) > SORTED_AT_ONCE:
                self._soon.start()  # earlier scores of a long list come one after another
            else:
                self.sort_again()
            return
        for row, study in enumerate(self._studies):
            if study.study_uid == study_uid:
                self.dataChanged.emit(self.index(row), self.index(row))


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
        listing.box(painter, box, theme.RAISED if opened or hover else theme.CARD, edge, 6)
        inner = box.adjusted(10, 5, -8, -5)
        half = inner.height() / 2
        status = status_of(self._session, study.study_uid)
        row = self._session.triage.row(study.study_uid)
        taken = _paint_status(painter, QRectF(inner.left(), inner.top(), inner.width(), half), status)
        title = QRectF(inner.left(), inner.top(), inner.width() - taken - 6, half)
        shown = seen(study, hidden=self._session.patient_hidden)
        if row is not None and row.reading is Reading.NONE:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.ACCENT))
            painter.drawEllipse(QPointF(title.left() + 2.5, title.center().y()), 3.0, 3.0)
            title = title.adjusted(11, 0, 0, 0)
        listing.line(painter, title, person(shown), theme.BRIGHT, theme.TEXT_PX, 600)
        below = QRectF(inner.left(), inner.top() + half, inner.width(), half)
        last = " · ".join(part for part in (when(shown), row.reading if row is not None else "") if part)
        listing.pair(painter, below, shown.description, last, theme.QUIET, theme.TEXT_PX - 0.5)
        painter.restore()


def _paint_status(painter: QPainter, row: QRectF, status: str) -> float:
    """Paint the status at the right end of `row`; return the width it takes."""
    parsed = parse_status(status)
    font = theme.font(theme.LABEL_PX, 600 if parsed else 400)
    width = QFontMetricsF(font).horizontalAdvance(status) + (14 if parsed else 0)
    box = QRectF(row.right() - width, row.center().y() - 8, width, 16)
    ink = theme.RED if status == "failed" else theme.QUIET
    if parsed is not None:
        suspected = parsed[0] != ANY
        ink = theme.IMAGE if suspected else theme.TEXT
        fill = theme.subtype_colour(parsed[0]) if parsed[0] in BY_CODE else theme.AMBER
        listing.box(painter, box, fill if suspected else "#363d49", "", 8)
    painter.setFont(font)
    painter.setPen(QColor(ink))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, status)
    return width


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
        self.triage = TriageBar(session)
        self.studies = CardList()
        self.studies.setAccessibleName("Worklist")
        self.studies.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.studies.customContextMenuRequested.connect(self._study_menu)
        self.study_model = StudyModel(session)
        self.studies.setModel(self.study_model)
        self.studies.setItemDelegate(StudyDelegate(session))
        self.series = SeriesList(session)
        self.empty = theme.label(NO_STUDIES, "quiet", wrap=True)
        self.series_heading = theme.heading("Series")
        self._build()
        self.studies.clicked.connect(self._open_study)
        self.studies.activated.connect(self._open_study)
        self.series.clicked.connect(self._open_series)
        self.series.activated.connect(self._open_series)
        self.triage.changed.connect(self._filter)
        self.study_model.modelReset.connect(self._fit)
        session.study_opened.connect(self._fit)
        self._fit()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 16, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.order)
        layout.addWidget(self.triage)
        layout.addWidget(self.empty)
        layout.addWidget(self.studies, 1)
        layout.addSpacing(4)
        layout.addWidget(self.series_heading)
        layout.addWidget(self.series, 1)
        layout.addStretch(0)

    def _fit(self, *_: object) -> None:
        count = self.study_model.rowCount()
        some = bool(self._session.studies)
        self.empty.setText(NONE_LISTED if some else NO_STUDIES)
        self.empty.setVisible(count == 0)
        self.studies.setVisible(count > 0)
        self.studies.setMaximumHeight(max(count * STUDY_HEIGHT + 2, STUDY_HEIGHT))
        opened = self._session.study is not None
        self.series.setVisible(opened)
        self.series_heading.setVisible(opened)
        self.order.setText("WORKLIST · " + ("BY SUSPICION" if self.study_model.by_suspicion else "BY DATE"))
        self.studies.viewport().update()

    def _filter(self) -> None:
        self.study_model.filter = self.triage.filter
        self.study_model.sort_again()

    def _study_menu(self, place: QPoint) -> None:
        index = self.studies.indexAt(place)
        if index.isValid():
            study: Study = index.data(VALUE_ROLE)
            self.triage.study_menu(study.study_uid).popup(self.studies.viewport().mapToGlobal(place))

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
        elif series.modality in RECEIVED:
            self._session.receiving.requested.emit(series.series_uid)
