"""All versions of the model: use, go back, name, compare, move, delete; what they take on the disk."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHeaderView,
    QInputDialog,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.learning import VersionRow
from viewer.session import Session
from viewer.ui import theme

HEADS = ("", "Model", "Status", "Created", "Made from", "Verdict", "MB")
COMPARED = ("On", "Measure", "", "")


class VersionsDialog(QDialog):
    """Shows `session.learning.versions`; every button emits an intention."""

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self._learning = session.learning
        self.setWindowTitle("Models")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(min(860, parent.width() - 40), min(560, parent.height() - 40))
        self.list = _tree(HEADS, "Versions of the model")
        self.compared = _tree(COMPARED, "Comparison of two models")
        self.space = theme.label("", "quiet", wrap=True)
        self.said = theme.label("", "quiet", wrap=True)
        self.compared.hide()
        self.said.hide()
        self.use, self.judged = theme.button("Use", "primary"), theme.button("Verdict…")
        self.compare, self.rename = theme.button("Compare with the one in use"), theme.button("Rename…")
        self.export, self.take = theme.button("Export…"), theme.button("Import…")
        self.delete, self.back = theme.button("Delete"), theme.button("Roll back")
        close = theme.button("Close")
        self._build(close)
        self._connect()
        close.clicked.connect(self.close)
        self.refresh()
        self._learning.versions_requested.emit()

    def _build(self, close: QWidget) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(8)
        layout.addWidget(
            theme.label("A version never changes once it is made; findings carry its id.", "quiet")
        )
        layout.addWidget(self.list, 2)
        layout.addWidget(self.space)
        layout.addWidget(self.said)
        layout.addWidget(self.compared, 1)
        grid = QGridLayout()
        buttons = (
            self.use,
            self.judged,
            self.compare,
            self.rename,
            self.export,
            self.take,
            self.back,
            self.delete,
        )
        for number, made in enumerate(buttons):
            made.setAutoDefault(False)
            grid.addWidget(made, *divmod(number, 4))
        grid.addWidget(close, 2, 3)
        layout.addLayout(grid)
        self.list.headerItem().setTextAlignment(len(HEADS) - 1, Qt.AlignmentFlag.AlignRight)

    def _connect(self) -> None:
        session, learning = self._session, self._learning
        self.use.clicked.connect(lambda: self._with(lambda row: session.promote_requested.emit(row.id)))
        self.delete.clicked.connect(lambda: self._with(lambda row: session.discard_requested.emit(row.id)))
        self.judged.clicked.connect(lambda: self._with(self._judge))
        self.compare.clicked.connect(
            lambda: self._with(lambda row: learning.compare_requested.emit(row.id, session.model_id))
        )
        self.rename.clicked.connect(lambda: self._with(self._rename))
        self.export.clicked.connect(lambda: self._with(self._export))
        self.take.clicked.connect(self._import)
        self.back.clicked.connect(session.roll_back_requested)
        self.list.itemSelectionChanged.connect(self._enable)
        learning.versions_changed.connect(self.refresh)
        learning.comparison_changed.connect(self._show_comparison)

    @property
    def chosen(self) -> VersionRow | None:
        """The version whose row is selected."""
        items = self.list.selectedItems()
        found = items[0].data(0, Qt.ItemDataRole.UserRole) if items else None
        return found if isinstance(found, VersionRow) else None

    def refresh(self, *_: object) -> None:
        """List the versions, the selection kept."""
        chosen = self.chosen.id if self.chosen is not None else ""
        self.list.clear()
        for row in self._learning.versions:
            name = f"{row.name} ({row.id})" if row.name else row.id
            mark = "✓" if row.current else ""
            cells = [mark, name, row.status, row.created, row.parent, row.verdict, f"{row.size / 1e6:.1f}"]
            item = QTreeWidgetItem(cells)
            item.setTextAlignment(len(cells) - 1, Qt.AlignmentFlag.AlignRight)
            item.setData(0, Qt.ItemDataRole.UserRole, row)
            self.list.addTopLevelItem(item)
            if row.id == (chosen or self._session.model_id):
                item.setSelected(True)
        total = sum(row.size for row in self._learning.versions) / 1e6
        mine = sum(row.size for row in self._learning.versions if row.status != "bundled") / 1e6
        self.space.setText(f"{total:.1f} MB on the disk, {mine:.1f} MB of them yours.")
        self._enable()

    def _enable(self) -> None:
        row = self.chosen
        own = row is not None and row.status != "bundled"
        self.use.setEnabled(row is not None and not row.current)
        self.compare.setEnabled(row is not None and not row.current)
        self.delete.setEnabled(own and row is not None and not row.current)
        self.judged.setEnabled(row is not None and bool(row.verdict))
        for made in (self.rename, self.export):
            made.setEnabled(row is not None)
        self.back.setEnabled(len(self._learning.versions) > 1)

    def _with(self, act: Callable[[VersionRow], object]) -> None:
        if self.chosen is not None:
            act(self.chosen)

    def _judge(self, row: VersionRow) -> None:
        from viewer.ui.verdict import VerdictDialog

        self._learning.judgement_requested.emit(row.id)
        VerdictDialog(self, self._session).open()

    def _rename(self, row: VersionRow) -> None:
        text = f"Name to show beside {row.id} (empty for none)"
        name, given = QInputDialog.getText(self, "Rename a model", text, QLineEdit.EchoMode.Normal, row.name)
        if given:
            self._learning.rename_requested.emit(row.id, name)

    def _export(self, row: VersionRow) -> None:
        out, _ = QFileDialog.getSaveFileName(self, "Export a model", f"{row.id}.zip", "Models (*.zip)")
        if out:
            path = Path(out)
            self._learning.export_requested.emit(row.id, path if path.suffix else path.with_suffix(".zip"))

    def _import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Import a model", "", "Models (*.zip)")
        if path:
            self._learning.import_requested.emit(Path(path))

    def _show_comparison(self, *_: object) -> None:
        now = self._learning.comparison
        self.compared.setHeaderLabels(["On", "Measure", now.first, now.second])
        self.compared.clear()
        for name, measure, first, second in now.rows:
            self.compared.addTopLevelItem(QTreeWidgetItem([name, measure, f"{first:.3f}", f"{second:.3f}"]))
        self.said.setText(now.text)
        self.compared.setVisible(bool(now.rows))
        self.said.setVisible(bool(now.text))


def _tree(heads: tuple[str, ...], name: str) -> QTreeWidget:
    made = QTreeWidget()
    made.setHeaderLabels(list(heads))
    made.setRootIsDecorated(False)
    made.setUniformRowHeights(True)
    made.setAccessibleName(name)
    made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    made.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    return made
