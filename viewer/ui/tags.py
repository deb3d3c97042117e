"""The Tags tab: every element in the file behind the slice on screen, searched as one types, copied."""

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import (
    QAction,
    QColor,
    QFontMetricsF,
    QGuiApplication,
    QHideEvent,
    QKeySequence,
    QPainter,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from viewer.dicom.tags import TagRow, as_text, search
from viewer.session import Session, TagList
from viewer.ui import theme

AnyIndex = QModelIndex | QPersistentModelIndex
ROW_ROLE = Qt.ItemDataRole.UserRole
HIDDEN = "hidden"
ROW_HEIGHT = 38
INDENT = 8
SETTLE_MS = 120
"""Scrolling through slices reads the header of the one it stops at."""


class TagModel(QAbstractListModel):
    """Rows that match the search."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._rows: tuple[TagRow, ...] = ()
        self._shown: tuple[int, ...] = ()
        self._text = ""
        session.tags_changed.connect(self.take)
        session.patient_hidden_changed.connect(self.take)
        self.take()

    @property
    def total(self) -> int:
        """How many rows the file has."""
        return len(self._rows)

    def take(self, *_: object) -> None:
        """Read the session's tags again."""
        self.beginResetModel()
        rows = self._session.tags.rows
        self._rows = tuple(map(_without_patient, rows)) if self._session.patient_hidden else rows
        self._shown = search(self._rows, self._text)
        self.endResetModel()

    def look_for(self, text: str) -> None:
        """Show the rows that match `text` alone."""
        if text != self._text:
            self._text = text
            self.take()

    def row_at(self, index: AnyIndex) -> TagRow:
        """The row behind an index."""
        return self._rows[self._shown[index.row()]]

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """How many rows match."""
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The row itself, the row as text, or everything about it as tooltip."""
        if not index.isValid():
            return None
        row = self.row_at(index)
        if role == ROW_ROLE:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{row.name}: {row.short}" if row.value else row.name
        return _tooltip(row) if role == Qt.ItemDataRole.ToolTipRole else None


def _without_patient(row: TagRow) -> TagRow:
    """The row with its value hidden where it may tell who the patient is."""
    if not row.identifying or not row.value:
        return row
    return TagRow(row.depth, row.tag, row.vr, row.name, HIDDEN)


def _tooltip(row: TagRow) -> str:
    """Tag, VR and the beginning of the whole value."""
    head = " ".join(part for part in (row.tag, row.vr, row.name) if part)
    value = row.value if len(row.value) <= 1000 else f"{row.value[:1000]}…"
    return "\n".join(part for part in (head, value, row.meaning) if part)


class TagDelegate(QStyledItemDelegate):
    """Name and tag above, the value below; nested elements are indented."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: AnyIndex) -> QSize:  # noqa: N802
        """Two lines."""
        return QSize(180, theme.scaled(ROW_HEIGHT))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Paint one element."""
        row: TagRow = index.data(ROW_ROLE)
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(theme.ACCENT_DARK if selected else theme.RAISED))
        box = QRectF(rect).adjusted(6 + INDENT * row.depth, 2, -6, -2)
        height = box.height() / 2 if row.tag else box.height()
        above = QRectF(box.left(), box.top(), box.width(), height)
        width = QFontMetricsF(theme.font(theme.LABEL_PX)).horizontalAdvance(row.tag) + 8 if row.tag else 0.0
        dim = QColor(theme.QUIET)
        _draw(painter, above.adjusted(0, 0, -width, 0), row.name, dim, Qt.AlignmentFlag.AlignLeft)
        _draw(painter, above, row.tag, dim, Qt.AlignmentFlag.AlignRight)
        known = row.value and row.value != HIDDEN
        ink = QColor(theme.TEXT) if known else dim
        value = row.short if row.value or not row.tag else "—"
        _draw(painter, above.translated(0, height), value, ink, Qt.AlignmentFlag.AlignLeft, theme.TEXT_PX)


def _draw(
    painter: QPainter,
    box: QRectF,
    text: str,
    ink: QColor,
    side: Qt.AlignmentFlag,
    pixels: float = theme.LABEL_PX,
) -> None:
    """One line of text, cut where it does not fit."""
    font = theme.font(pixels)
    painter.setFont(font)
    painter.setPen(ink)
    cut = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, cut)


class TagsPanel(QWidget):
    """Search field, list, count; asks for the tags of the slice on screen while it is visible."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.search = QLineEdit()
        self.model = TagModel(session)
        self.list = QListView()
        self.count = theme.label("", "quiet")
        self.copy = theme.button("Copy all")
        self.empty = theme.label("", "quiet", wrap=True)
        self._scrolled = 0
        self._settled = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.search.setPlaceholderText("Search name, group or value")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search tags")
        listed = self.list
        listed.setModel(self.model)
        listed.setItemDelegate(TagDelegate(self))
        listed.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        listed.setFrameShape(QFrame.Shape.NoFrame)
        listed.setMouseTracking(True)
        listed.setUniformItemSizes(True)
        listed.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        listed.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        listed.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        listed.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.empty, 1)
        below = QHBoxLayout()
        below.addWidget(self.count, 1)
        below.addWidget(self.copy)
        layout.addLayout(below)

    def _connect(self) -> None:
        session = self._session
        self.search.textChanged.connect(self.model.look_for)
        self.model.modelAboutToBeReset.connect(self._keep_place)
        self.model.modelReset.connect(self.refresh)
        self.model.modelReset.connect(self._find_place)
        self.copy.clicked.connect(self.copy_shown)
        self.list.customContextMenuRequested.connect(self._menu)
        copying = QAction("Copy", self.list)
        copying.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        copying.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copying.triggered.connect(self.copy_selected)
        self.list.addAction(copying)
        self._settled.timeout.connect(self._ask)
        session.slice_index_changed.connect(self._ask_soon)
        session.volume_changed.connect(self._ask_soon)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Ask for the tags at once when the tab comes up."""
        super().showEvent(event)
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Ask for nothing more."""
        self._settled.stop()
        super().hideEvent(event)

    def _keep_place(self) -> None:
        self._scrolled = self.list.verticalScrollBar().value()

    def _find_place(self) -> None:
        """Stay at the same element from slice to slice."""
        self.list.doItemsLayout()
        self.list.verticalScrollBar().setValue(self._scrolled)

    def _ask_soon(self, *_: object) -> None:
        if self.isVisible():
            self._settled.start()
            if self._session.volume is None:
                self.refresh()

    def _ask(self) -> None:
        """Request the tags of the slice on screen, unless they are shown."""
        volume = self._session.volume
        if volume is None:
            self._session.set_tags(TagList())
            return
        index = self._session.slice_index
        place = volume.series.slices[index]
        if (self._session.tags.sop_uid, self._session.tags.frame) != (place.sop_uid, place.frame):
            self._session.tags_requested.emit(index)

    def refresh(self) -> None:
        """Show what there is to show."""
        tags, count = self._session.tags, self.model.rowCount()
        self.list.setVisible(count > 0)
        self.empty.setVisible(count == 0)
        self.copy.setVisible(count > 0)
        total = self.model.total
        self.count.setText(
            "" if not total else f"{count} of {total}" if count < total else f"{total} elements"
        )
        if tags.error:
            self.empty.setText(tags.error)
        elif self._session.volume is None:
            self.empty.setText(
                "Open a series: every element of the file\nbehind the slice on screen is listed here."
            )
        elif total:
            self.empty.setText("No element matches.")
        else:
            self.empty.setText("Reading the file…")

    def selected(self) -> list[TagRow]:
        """The selected rows from top to bottom."""
        indexes = self.list.selectionModel().selectedIndexes()
        return [self.model.row_at(index) for index in sorted(indexes, key=lambda index: index.row())]

    def copy_selected(self) -> None:
        """Put the selected rows on the clipboard: the value of one, lines of several."""
        rows = self.selected()
        if rows:
            QGuiApplication.clipboard().setText(rows[0].value if len(rows) == 1 else as_text(rows))

    def copy_shown(self) -> None:
        """Put all rows that are shown on the clipboard as text."""
        rows = [self.model.row_at(self.model.index(row)) for row in range(self.model.rowCount())]
        QGuiApplication.clipboard().setText(as_text(rows))

    def _menu(self, position: QPoint) -> None:
        index = self.list.indexAt(position)
        if not index.isValid():
            return
        row = self.model.row_at(index)
        clipboard = QGuiApplication.clipboard()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy value", lambda: clipboard.setText(row.value))
        menu.addAction("Copy element", lambda: clipboard.setText(as_text([row])))
        if row.tag:
            menu.addAction("Copy tag", lambda: clipboard.setText(row.tag))
        menu.popup(self.list.viewport().mapToGlobal(position))
