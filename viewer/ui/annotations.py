"""The Annotations tab: the reader's polygons slice by slice, and what can be done with them."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QMenu, QVBoxLayout, QWidget

from model.labels import BY_CODE, SUBTYPES
from viewer.annotation.document import Annotation, slice_name
from viewer.annotation.events import ChooseSubtype, Confirm, ConfirmAll, MarkReviewed, Remove, Select
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.annotation_list import ROW_HEIGHT, VALUE_ROLE, AnnotationDelegate, AnnotationModel
from viewer.ui.exchange import ExchangeMenu
from viewer.ui.proposals_card import ProposalsCard
from viewer.ui.retraining import RetrainingCard
from viewer.ui.subtype_layers import SubtypeLayers
from viewer.ui.top_bar import BarButton
from viewer.ui.work_card import WorkCard
from viewer.ui.work_dialogs import CompareDialog, HistoryDialog, NamesDialog, QueueDialog

__all__ = ["VALUE_ROLE", "AnnotationsPanel"]


class AnnotationsPanel(QWidget):
    """List, actions on the selected annotation, proposals, subtypes, work, exchange, retraining."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.heading = theme.heading("My annotations")
        self.model = AnnotationModel(session)
        self.list = QListView()
        self.list.setAccessibleName("My annotations")
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
        self.exchange = ExchangeMenu(session, self)
        self.bring_in, self.export = theme.button("Import…"), theme.button("Export \u25be")
        self.proposals, self.layers = ProposalsCard(session), SubtypeLayers(session)
        self.work = WorkCard(session)
        self.retraining = RetrainingCard(session)
        self._selected = QFrame()
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        layout = theme.scrolled(self)
        box = QFrame()
        box.setProperty("role", "empty")
        inside = QVBoxLayout(box)
        inside.setContentsMargins(16, 16, 16, 16)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(self.empty)
        self.empty_box = box
        for widget in (self.heading, box):
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
        exchange = QHBoxLayout()
        exchange.setSpacing(8)
        exchange.addWidget(self.bring_in, 1)
        exchange.addWidget(self.export, 1)
        layout.addLayout(exchange)
        layout.addWidget(self.proposals)
        for name, card in (("Subtypes", self.layers), ("Work", self.work)):
            layout.addSpacing(8)
            layout.addWidget(theme.heading(name))
            layout.addWidget(card)
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
        session.bound.changed.connect(self.refresh)
        self.list.clicked.connect(self._go)
        self.list.activated.connect(self._go)
        self.list.customContextMenuRequested.connect(self._menu)
        self.review.clicked.connect(self._toggle_reviewed)
        self.review_all.clicked.connect(lambda: session.edit_requested.emit(ConfirmAll()))
        self.review_slice.clicked.connect(lambda: session.edit_requested.emit(ConfirmAll(self._slice())))
        self.delete.clicked.connect(self._delete)
        self.clean.clicked.connect(self._toggle_clean)
        self.export.clicked.connect(
            lambda: self.exchange.popup(self.export.mapToGlobal(self.export.rect().bottomLeft()))
        )
        self.bring_in.clicked.connect(self.exchange.import_file)
        self.work.history.clicked.connect(lambda: HistoryDialog(session, self).open())
        self.work.compare.clicked.connect(lambda: CompareDialog(session, self).open())
        self.work.queue.clicked.connect(lambda: QueueDialog(session, self).open())
        session.working.names_wanted.connect(self.ask_names)

    def refresh(self, *_: object) -> None:
        """Show what there is to show."""
        count = self.model.rowCount()
        opened = self._session.volume is not None
        counted = (
            f"My annotations · {self.model.reviewed()} of {count} reviewed" if count else "My annotations"
        )
        self.heading.setText(counted.upper())
        self.empty_box.setVisible(count == 0)
        key = self._session.bound.text("mode")
        begin = f"Press {key}" if key else "Choose Annotate"
        self.empty.setText(
            f"No annotations on this series.\n{begin}, choose a subtype, draw.\nOr accept the model's regions."
            if opened
            else "Open a series to annotate it.\nWhat you draw is listed here and saved at once."
        )
        self.list.setVisible(count > 0)
        self.list.setMaximumHeight(count * ROW_HEIGHT + 2)
        self.list.setMinimumHeight(min(count, 4) * ROW_HEIGHT + 2)
        self.bring_in.setEnabled(opened)
        self._show_clean()
        self._show_unreviewed()
        self._show_selected()

    def _slice_changed(self, _: int) -> None:
        self.list.viewport().update()
        self._show_clean()
        self._show_unreviewed()

    def _slice(self) -> str:
        """Name of the slice on screen, empty without one."""
        volume = self._session.volume
        header = volume.series.slices[self._session.slice_index] if volume is not None else None
        return slice_name(header.sop_uid, header.frame) if header is not None else ""

    def _show_clean(self, *_: object) -> None:
        """Offer to mark the slice on screen as free of hemorrhage, or to take that back."""
        uid, document = self._slice(), self._session.document
        marked = uid in document.reviewed_slices
        drawn = uid in document.drawn_on
        self.clean.setVisible(bool(uid) and not drawn)
        self.clean.setChecked(marked)
        number = self._session.slice_index + 1
        self.clean.setText(f"✓ Image {number}: no hemorrhage" if marked else f"Image {number}: no hemorrhage")
        done = "Take the mark back" if marked else "You have looked at this image and it shows none"
        self.clean.setToolTip(f"{done}. The model learns from such images, too.")

    def _show_unreviewed(self) -> None:
        """Offer to confirm what nobody has looked at yet: on the slice on screen, or everywhere."""
        waiting = self._session.document.unreviewed_on
        self._unreviewed.setVisible(bool(waiting))
        self.review_slice.setText(f"Image {self._session.slice_index + 1} reviewed")
        self.review_slice.setEnabled(self._slice() in waiting)

    def _toggle_clean(self) -> None:
        uid = self._slice()
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
        self._session.edit_requested.emit(Select(self._session.selection))
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

    def ask_names(self, path: Path, names: Sequence[str]) -> None:
        """Ask which subtypes the names of an import are, and request it again with the answer."""
        dialog = NamesDialog(path, names, self)
        dialog.accepted.connect(lambda: self.exchange.request_import(path, dialog.mapping()))
        dialog.open()
