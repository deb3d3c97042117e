"""What another system made of the study, in a window beside the images: its segments, or its report as a list."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QDialog, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from viewer.receiving import ReceivedReport, ReceivedSegmentation
from viewer.session import Session
from viewer.ui import theme

_VALUE, _SLICE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
HIDDEN = "hidden"


class ReceivedWindow(QDialog):
    """Segments that can be switched on and off, and gone to; or the lines of a report. Closing it ends the overlay."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._report: ReceivedReport | None = None
        self.setMinimumSize(420, 320)
        self.title = theme.label("", "", wrap=True)
        self.about = theme.label("", "quiet", wrap=True)
        self.tree = QTreeWidget()
        self.tree.setAlternatingRowColors(False)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        layout = QVBoxLayout(self)
        for widget in (self.title, self.about, self.tree):
            layout.addWidget(widget)
        receiving = session.receiving
        receiving.overlay_changed.connect(self._show_segments)
        receiving.reported.connect(self.show_report)
        session.patient_hidden_changed.connect(lambda _: self._report and self.show_report(self._report))
        self.tree.itemChanged.connect(self._switched)
        self.tree.itemActivated.connect(self._go)
        self.finished.connect(lambda _: receiving.set_overlay(None))

    def _show_segments(self, found: ReceivedSegmentation | None) -> None:
        if found is None:
            if self._report is None:
                self.hide()
            return
        self._report = None
        self.setWindowTitle("Segmentation")
        self.title.setText(found.title)
        more = " Where segments overlap, the later one is painted." if found.overlapping else ""
        self.about.setText(f"Painted in the place of the model's marks while this window is open.{more}")
        self.tree.blockSignals(True)
        self.tree.clear()
        self.tree.setRootIsDecorated(False)
        self.tree.setHeaderLabels(["Segment", "Volume", "Slices", "Drawn"])
        for each in found.segments:
            first, last = each.slices
            volume = "–" if each.volume_ml is None else f"{each.volume_ml:.1f} mL"
            item = QTreeWidgetItem([each.name, volume, f"{first + 1}–{last + 1}", each.algorithm])
            swatch = QPixmap(12, 12)
            swatch.fill(QColor(*each.rgb))
            item.setIcon(0, swatch)
            item.setCheckState(0, Qt.CheckState.Checked)
            item.setData(0, _VALUE, each.value)
            item.setData(0, _SLICE, (first + last) // 2)
            self.tree.addTopLevelItem(item)
        self._fit()
        self.tree.blockSignals(False)
        self.show()

    def show_report(self, report: ReceivedReport) -> None:
        """Show a report; people in it are named only while the patient is."""
        self._session.receiving.set_overlay(None)
        self._report = report
        self.setWindowTitle("Report")
        self.title.setText(report.title)
        self.about.setText("Verified." if report.verified else "Nobody has verified this report.")
        self.tree.blockSignals(True)
        self.tree.clear()
        self.tree.setRootIsDecorated(True)
        self.tree.setHeaderLabels(["Item", "Value"])
        above: list[QTreeWidgetItem] = []
        for depth, name, value, personal in report.lines:
            item = QTreeWidgetItem([name, HIDDEN if personal and self._session.patient_hidden else value])
            del above[depth:]
            if above:
                above[-1].addChild(item)
            else:
                self.tree.addTopLevelItem(item)
            above.append(item)
        self.tree.expandAll()
        self._fit()
        self.tree.blockSignals(False)
        self.show()

    def _fit(self) -> None:
        for column in range(self.tree.columnCount()):
            self.tree.resizeColumnToContents(column)

    def _switched(self, _: QTreeWidgetItem, __: int) -> None:
        items = [self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount())]
        hidden = {
            int(item.data(0, _VALUE))
            for item in items
            if item is not None and item.checkState(0) is Qt.CheckState.Unchecked
        }
        if self._session.receiving.overlay is not None:
            self._session.receiving.set_hidden(frozenset(hidden))

    def _go(self, item: QTreeWidgetItem, _: int) -> None:
        index = item.data(0, _SLICE)
        if isinstance(index, int) and self._session.volume is not None:
            self._session.set_slice_index(index)
