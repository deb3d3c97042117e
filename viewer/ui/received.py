"""What another system made of the study, in a window beside the images: its segments, or its report as a list."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QDialog, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from viewer.dicom.report import Report
from viewer.receiving import ReceivedSegmentation
from viewer.session import Session
from viewer.ui import theme

_VALUE, _SLICE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
HIDDEN, ANY_IMAGE = "hidden", "an image of the study"


class ReceivedWindow(QDialog):
    """Segments to be switched on and off, or lines of a report; both can be gone to. Closing it ends the overlay."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._report: Report | None = None
        self.setMinimumSize(420, 320)
        self.title = theme.label("", "", wrap=True)
        self.about = theme.label("", "quiet", wrap=True)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("What was received")
        self.tree.setAlternatingRowColors(False)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        layout = QVBoxLayout(self)
        for widget in (self.title, self.about, self.tree):
            layout.addWidget(widget)
        receiving = session.receiving
        receiving.overlay_changed.connect(self._show_segments)
        receiving.reported.connect(self.show_report)
        for changed in (session.patient_hidden_changed, session.volume_changed):
            changed.connect(lambda _: self._report and self.isVisible() and self.show_report(self._report))
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

    def show_report(self, report: Report) -> None:
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
        places = self._places()
        for line in report.lines:
            hidden = line.personal and self._session.patient_hidden
            found = sorted({places[image] for image in line.images if image in places})
            item = QTreeWidgetItem([line.name, HIDDEN if hidden else _shown(line.value, found)])
            if found:
                item.setData(0, _SLICE, found[len(found) // 2])
                item.setToolTip(1, "Double click: go to this slice")
            del above[line.depth :]
            if above:
                above[-1].addChild(item)
            else:
                self.tree.addTopLevelItem(item)
            above.append(item)
        self.tree.expandAll()
        self._fit()
        self.tree.blockSignals(False)
        self.show()

    def _places(self) -> dict[tuple[str, int], int]:
        """Where the images of the open series lie in it."""
        volume = self._session.volume
        slices = volume.series.slices if volume is not None else ()
        return {(one.dicom_sop_uid, one.frame): index for index, one in enumerate(slices)}

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
        index = _slice_below(item)
        if isinstance(index, int) and self._session.volume is not None:
            self._session.set_slice_index(index)


def _shown(value: str, slices: list[int]) -> str:
    """A value, and which slices of the open series it is about."""
    if not slices:
        return value
    first, last = slices[0] + 1, slices[-1] + 1
    where = f"slice {first}" if first == last else f"slices {first}–{last}"
    return where if value in ("", ANY_IMAGE) else f"{value} · {where}"


def _slice_below(item: QTreeWidgetItem) -> int | None:
    """The slice that an item is about, else the first that one below it is."""
    index = item.data(0, _SLICE)
    if isinstance(index, int):
        return index
    below = (item.child(row) for row in range(item.childCount()))
    return next((found for each in below if each and (found := _slice_below(each)) is not None), None)
