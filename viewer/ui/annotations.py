"""The Annotations tab: the reader's polygons slice by slice, and what can be done with them."""

from pathlib import Path

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from model.labels import BY_CODE, SUBTYPES
from viewer.annotation.document import Annotation
from viewer.annotation.events import ChooseSubtype, Confirm, ConfirmAll, MarkReviewed, Remove, Select
from viewer.session import Mode, Session
from viewer.ui import theme
from viewer.ui.retraining import RetrainingCard
from viewer.ui.top_bar import BarButton

AnyIndex = QModelIndex | QPersistentModelIndex
VALUE_ROLE = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 28
SOURCE_WORDS = {
    "manual": "polygon",
    "model": "accepted",
    "model edited": "accepted, edited",
    "imported": "imported",
}
HOW_TO_DRAW = (
    "Click to place points; click the first one or press Enter to close. Backspace takes the last one back. "
    "Alt+click on an edge adds a vertex, Shift+click on a vertex takes it away."
)


def describe(annotation: Annotation) -> str:
    """`SDH · polygon, 42 pts`."""
    points = len(annotation.outline)
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
        return QSize(180, ROW_HEIGHT)

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


class AnnotationsPanel(QWidget):
    """List, actions on the selected annotation, export, retraining."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.how = theme.card()
        self.heading = theme.heading("My annotations")
        self.model = AnnotationModel(session)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(AnnotationDelegate(session))
        self.list.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.list.setMouseTracking(True)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.empty = theme.label("", "quiet", wrap=True)
        self.classes = {s.code: BarButton(s.code, subtype=s.code, checkable=True) for s in SUBTYPES}
        self.review = theme.button("Mark reviewed")
        self.delete = theme.button("Delete")
        self.review_slice = theme.button("")
        self.review_all = theme.button("All reviewed")
        self._unreviewed = QWidget()
        self.clean = theme.button("")
        self.clean.setCheckable(True)
        self.export = theme.button("Export masks…")
        self.retraining = RetrainingCard(session)
        self._selected = QFrame()
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        layout = theme.scrolled(self)
        how = QVBoxLayout(self.how)
        how.setContentsMargins(12, 8, 12, 8)
        how.addWidget(theme.label(HOW_TO_DRAW, "quiet", wrap=True))
        box = QFrame()
        box.setProperty("role", "empty")
        inside = QVBoxLayout(box)
        inside.setContentsMargins(16, 16, 16, 16)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(self.empty)
        self.empty_box = box
        for widget in (self.how, self.heading, box):
            layout.addWidget(widget)
        layout.addWidget(self.list, 100)
        across = QHBoxLayout(self._unreviewed)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(8)
        self.review_slice.setToolTip("You have looked at every outline on this image")
        self.review_all.setToolTip("You have looked at every outline of this series")
        across.addWidget(self.review_slice, 1)
        across.addWidget(self.review_all, 1)
        layout.addWidget(self._unreviewed)
        self._build_selected()
        layout.addWidget(self._selected)
        layout.addWidget(self.clean)
        layout.addWidget(self.export)
        layout.addSpacing(8)
        layout.addWidget(theme.heading("Retraining"))
        layout.addWidget(self.retraining)
        layout.addStretch(1)  # takes what is left over, which wrapped labels would swallow otherwise

    def _build_selected(self) -> None:
        self._selected.setProperty("role", "card")
        column = QVBoxLayout(self._selected)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        across = QHBoxLayout()
        across.setSpacing(2)
        for code, made in self.classes.items():
            made.setToolTip(f"Change the selected annotation to {BY_CODE[code].name}")
            made.clicked.connect(lambda _checked=False, code=code: self._change(code))
            across.addWidget(made)
        across.addStretch(1)
        column.addLayout(across)
        below = QHBoxLayout()
        below.addWidget(self.review, 1)
        self.delete.setIcon(theme.icon("trash"))
        below.addWidget(self.delete, 1)
        column.addLayout(below)

    def _connect(self) -> None:
        session = self._session
        self.model.modelReset.connect(self.refresh)
        session.selection_changed.connect(self._selection_changed)
        session.slice_index_changed.connect(self._slice_changed)
        session.document_changed.connect(self._show_clean)
        session.mode_changed.connect(self.refresh)
        session.volume_changed.connect(self.refresh)
        session.model_changed.connect(self.refresh)
        self.list.clicked.connect(self._go)
        self.list.activated.connect(self._go)
        self.list.customContextMenuRequested.connect(self._menu)
        self.review.clicked.connect(self._toggle_reviewed)
        self.review_all.clicked.connect(lambda: session.edit_requested.emit(ConfirmAll()))
        self.review_slice.clicked.connect(lambda: session.edit_requested.emit(ConfirmAll(self._sop_uid())))
        self.delete.clicked.connect(self._delete)
        self.clean.clicked.connect(self._toggle_clean)
        self.export.clicked.connect(self.choose_export_folder)

    def refresh(self, *_: object) -> None:
        """Show what there is to show."""
        count = self.model.rowCount()
        opened = self._session.volume is not None
        self.how.setVisible(self._session.mode is Mode.ANNOTATE and opened)
        counted = (
            f"My annotations · {self.model.reviewed()} of {count} reviewed" if count else "My annotations"
        )
        self.heading.setText(counted.upper())
        self.empty_box.setVisible(count == 0)
        self.empty.setText(
            "No annotations on this series.\nPress M, choose a subtype, draw.\nOr accept the model's regions."
            if opened
            else "Open a series to annotate it.\nWhat you draw is listed here and saved at once."
        )
        self.list.setVisible(count > 0)
        self.list.setMaximumHeight(count * ROW_HEIGHT + 2)
        self.list.setMinimumHeight(min(count, 4) * ROW_HEIGHT + 2)
        self.export.setVisible(count > 0)
        self._show_clean()
        self._show_unreviewed()
        self._show_selected()

    def _slice_changed(self, _: int) -> None:
        self.list.viewport().update()
        self._show_clean()
        self._show_unreviewed()

    def _sop_uid(self) -> str:
        """SOP instance UID of the slice on screen, empty without one."""
        volume = self._session.volume
        return volume.series.slices[self._session.slice_index].sop_uid if volume is not None else ""

    def _show_clean(self, *_: object) -> None:
        """Offer to mark the slice on screen as free of hemorrhage, or to take that back."""
        uid, document = self._sop_uid(), self._session.document
        marked = uid in document.reviewed_slices
        drawn = any(annotation.sop_uid == uid for annotation in document.annotations)
        self.clean.setVisible(bool(uid) and not drawn)
        self.clean.setChecked(marked)
        number = self._session.slice_index + 1
        self.clean.setText(f"✓ Image {number}: no hemorrhage" if marked else f"Image {number}: no hemorrhage")
        done = "Take the mark back" if marked else "You have looked at this image and it shows none"
        self.clean.setToolTip(f"{done}. The model learns from such images, too.")

    def _show_unreviewed(self) -> None:
        """Offer to confirm what nobody has looked at yet: on the slice on screen, or everywhere."""
        waiting = [a.sop_uid for a in self._session.document.annotations if not a.reviewed]
        self._unreviewed.setVisible(bool(waiting))
        self.review_slice.setText(f"Image {self._session.slice_index + 1} reviewed")
        self.review_slice.setEnabled(self._sop_uid() in waiting)

    def _toggle_clean(self) -> None:
        uid = self._sop_uid()
        marked = uid in self._session.document.reviewed_slices
        self._session.edit_requested.emit(MarkReviewed(uid, not marked))
        self._show_clean()

    def _selection_changed(self, uid: str | None) -> None:
        row = self.model.row_of(uid)
        if row >= 0:
            self.list.scrollTo(self.model.index(row))
        self._show_selected()

    def _annotation(self) -> Annotation | None:
        return self._session.document.find(self._session.selection)

    def _show_selected(self) -> None:
        annotation = self._annotation()
        self._selected.setVisible(annotation is not None)
        if annotation is not None:
            for code, made in self.classes.items():
                made.setChecked(code == annotation.subtype)
            self.review.setText("Mark not reviewed" if annotation.reviewed else "Mark reviewed")
        self.list.viewport().update()

    def _go(self, index: QModelIndex) -> None:
        place, annotation = index.data(VALUE_ROLE)
        self._session.set_slice_index(place)
        self._session.edit_requested.emit(Select(annotation.uid))

    def _change(self, code: str) -> None:
        self._session.set_subtype(code)
        self._session.edit_requested.emit(ChooseSubtype(code))
        self._show_selected()

    def _toggle_reviewed(self) -> None:
        annotation = self._annotation()
        if annotation is not None:
            self._session.edit_requested.emit(Confirm(annotation.uid, not annotation.reviewed))

    def _delete(self) -> None:
        annotation = self._annotation()
        if annotation is not None:
            self._session.edit_requested.emit(Remove(annotation.uid))

    def _menu(self, position: QPoint) -> None:
        index = self.list.indexAt(position)
        if not index.isValid():
            return
        self._go(index)
        annotation = self._annotation()
        menu = QMenu(self)
        for subtype in SUBTYPES:
            action = menu.addAction(f"{subtype.code} · {subtype.name}")
            action.setCheckable(True)
            action.setChecked(annotation is not None and annotation.subtype == subtype.code)
            action.triggered.connect(lambda _checked=False, code=subtype.code: self._change(code))
        menu.addSeparator()
        menu.addAction(self.review.text(), self._toggle_reviewed)
        menu.addAction("Delete", self._delete)
        menu.popup(self.list.viewport().mapToGlobal(position))

    def choose_export_folder(self) -> None:
        """Ask for a folder and request one mask file per annotated slice in it."""
        folder = QFileDialog.getExistingDirectory(self, "Export one mask per annotated slice to a folder")
        if folder:
            self._session.export_masks_requested.emit(Path(folder))
