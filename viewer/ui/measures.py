"""The Measure tab: tools, guides, the measures of the open series with their numbers, key images and bookmarks."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.annotation.document import Document
from viewer.dicom.volume import Volume
from viewer.measures import text
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.measure import Kind, Measure, Share, SlicePlane
from viewer.measures.readings import Reading
from viewer.session import Mode, Session, Tool
from viewer.ui import theme
from viewer.ui.exporting import ExportMenu, export_button
from viewer.ui.guide import DEFINITIONS, Beside, GuideCard, ShareEditor
from viewer.ui.histogram import HistogramView
from viewer.ui.marking import Marking, marked_slices
from viewer.ui.measured import readings_of, series_name
from viewer.ui.measuring import KINDS
from viewer.ui.top_bar import BarButton

TOOLS = (
    (Tool.LENGTH, "Length"),
    (Tool.ANGLE, "Angle"),
    (Tool.BIDIRECTIONAL, "Bidirectional"),
    (Tool.ELLIPSE, "Ellipse"),
    (Tool.RECTANGLE, "Rectangle"),
    (Tool.POLYGON_ROI, "Polygon"),
    (Tool.FREEHAND, "Freehand"),
    (Tool.PROBE, "HU probe"),
    (Tool.MIDLINE, "Midline shift"),
    (Tool.ABC2, "ABC/2"),
)
GUIDED = frozenset({Tool.MIDLINE, Tool.ABC2})
"""Tools whose steps stand in the panel."""
COLUMNS = 3
ROW_PX = 26
LOADING_MS = 250
UID = Qt.ItemDataRole.UserRole


class MeasuresPanel(QWidget):
    """Draws the measures and marks of the session's document; forwards what the reader wants of them."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._readings = session.measuring.readings
        self._hung: tuple[object, ...] = ()
        self._marking = Marking(session)
        self._beside = Beside(session)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(LOADING_MS)
        self.tools = {tool: BarButton(name, checkable=True) for tool, name in TOOLS}
        self.guide = GuideCard(session)
        self.heading = theme.heading("Measures")
        self.empty = theme.label("", "quiet", wrap=True)
        self.list = _list("Measures")
        self.card = QFrame()
        self.label = QLineEdit()
        self.details = theme.label("", "quiet", wrap=True)
        self.histogram = HistogramView()
        self.shares = ShareEditor()
        self.delete = theme.button("Delete")
        self.copy = theme.button("Copy as text")
        self.exports = ExportMenu(session, self)
        self.export = export_button(self.exports)
        self.marks_heading = theme.heading("Key images and bookmarks")
        self.marks = _list("Key images and bookmarks")
        self.note = QLineEdit()
        self.key_image = theme.button("")
        self.bookmark = theme.button("")
        self._build()
        self._connect()
        self._show_keys()
        self.refresh()

    def _build(self) -> None:
        layout = theme.scrolled(self)
        grid = QGridLayout()
        grid.setSpacing(2)
        for place, (tool, _) in enumerate(TOOLS):
            made = self.tools[tool]
            made.clicked.connect(lambda _=False, tool=tool: self._choose(tool))
            grid.addWidget(made, place // COLUMNS, place % COLUMNS)
        layout.addLayout(grid)
        layout.addWidget(self.guide)
        layout.addWidget(self.heading)
        layout.addWidget(self.empty)
        layout.addWidget(self.list)
        self._build_card()
        layout.addWidget(self.card)
        below = QHBoxLayout()
        below.addWidget(self.copy, 1)
        below.addWidget(self.export, 1)
        layout.addLayout(below)
        layout.addSpacing(8)
        layout.addWidget(self.marks_heading)
        layout.addWidget(self.marks)
        self.note.setPlaceholderText("A note at this image")
        layout.addWidget(self.note)
        across = QHBoxLayout()
        across.addWidget(self.key_image, 1)
        across.addWidget(self.bookmark, 1)
        layout.addLayout(across)
        layout.addStretch(1)

    def _show_keys(self) -> None:
        """Say by which keys the buttons are reached."""
        bound = self._session.bound
        for tool, name in TOOLS:
            key, kind = bound.text(f"measure_{tool.name.lower()}"), KINDS[tool]
            if kind in DEFINITIONS:
                self.tools[tool].setToolTip(f"<p>{DEFINITIONS[kind]}</p>" + (f"<p>{key}</p>" if key else ""))
            else:
                self.tools[tool].setToolTip(f"{name} ({key})" if key else name)
        for made, command, tip in (
            (self.key_image, "key_image", "Mark this image for the report, or take the mark back"),
            (self.bookmark, "bookmark", "Mark this image to come back to, or take the mark back"),
        ):
            key = bound.text(command)
            made.setToolTip(f"{tip} ({key})" if key else tip)

    def _build_card(self) -> None:
        self.card.setProperty("role", "card")
        column = QVBoxLayout(self.card)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        self.label.setPlaceholderText("Name of this measure")
        self.label.setAccessibleName("Name of the measure")
        for widget in (self.label, self.details, self.histogram, self.shares, self.delete):
            column.addWidget(widget)

    def _connect(self) -> None:
        session, measuring = self._session, self._session.measuring
        for signal in (
            session.document_changed,
            session.volume_changed,
            session.beside_changed,
            session.panes.layout_changed,
            session.patient_hidden_changed,
        ):
            signal.connect(self.refresh)
        session.panes.changed.connect(self._viewport_changed)
        session.bound.changed.connect(self._show_keys)
        session.slice_loaded.connect(self._slice_loaded)
        self._again.timeout.connect(self.refresh)
        session.slice_index_changed.connect(self._show_marks_here)
        session.tool_changed.connect(self._show_tools)
        session.mode_changed.connect(self._show_tools)
        session.findings_changed.connect(self._show_card)
        measuring.selection_changed.connect(self._selection_changed)
        self.list.itemClicked.connect(self._go)
        self.list.itemActivated.connect(self._go)
        self.label.editingFinished.connect(self._rename)
        self.shares.changed.connect(self._weigh)
        self.shares.visited.connect(self._visit)
        self.delete.clicked.connect(self._delete)
        self.copy.clicked.connect(self.copy_text)
        self.marks.itemClicked.connect(self._go_to_mark)
        self.marks.itemActivated.connect(self._go_to_mark)
        self.note.editingFinished.connect(self._annotate_mark)
        self.key_image.clicked.connect(lambda: self._marking.toggle(MarkKind.KEY_IMAGE))
        self.bookmark.clicked.connect(lambda: self._marking.toggle(MarkKind.BOOKMARK))

    # showing

    def refresh(self, *_: object) -> None:
        """Show what there is to show."""
        found = readings_of(self._session, self._readings)
        opened = self._session.volume is not None
        count = sum(len(readings) for _, readings in found)
        self.heading.setText(f"MEASURES · {count}" if count else "MEASURES")
        self.empty.setText(
            "Nothing is measured on this series. Choose a tool, then drag or click on the image."
            if opened
            else "Open a series to measure on it."
        )
        self.empty.setVisible(not found)
        _fill(self.list, self._rows(found))
        self.copy.setEnabled(bool(found))
        self.export.setEnabled(opened)
        self._show_tools()
        self._show_card()
        self._show_marks()

    def _rows(self, found: list[tuple[Volume, list[Reading]]]) -> list[tuple[str, str]]:
        """A row for each measure; those of other series than the open one under the name of theirs."""
        rows = []
        for volume, readings in found:
            if volume is not self._session.volume:
                dated = not self._session.patient_hidden
                rows.append((series_name(self._session, volume, dated=dated), ""))
            rows += [(_row(reading), reading.measure.uid) for reading in readings]
        return rows

    def _viewport_changed(self, _: int) -> None:
        """Another series hangs beside the open one, or it has gone."""
        shown = tuple(pane.series for pane in self._session.panes.panes)
        if shown != self._hung:
            self._hung = shown
            self.refresh()

    def _slice_loaded(self, _: int) -> None:
        """Regions on slices that were not there may be measured now; not anew for each of hundreds that arrive."""
        measured = any(document.measures for _, document in self._session.measured())
        if measured and not self._again.isActive():
            self._again.start()

    def _show_tools(self, *_: object) -> None:
        for tool, made in self.tools.items():
            made.setChecked(tool is self._session.tool)
            made.setEnabled(self._session.volume is not None)

    def _selection_changed(self, uid: str | None) -> None:
        _select(self.list, uid)
        self._show_card()

    def _selected(self) -> tuple[Volume, Document, Measure] | None:
        return self._session.measured_by(self._session.measuring.selection)

    def _show_card(self, *_: object) -> None:
        """Everything about the selected measure."""
        found = self._selected()
        self.card.setVisible(found is not None)
        if found is None:
            return
        volume, _document, measure = found
        reading = self._readings.of(measure, volume)
        if not self.label.hasFocus():
            self.label.setText(measure.label)
        lines = [f"{value.name} {text.number_text(value)}" for value in reading.values]
        lines += [*self._beside.lines(measure), *reading.cautions]
        self.details.setText("\n".join([f"{text.NAMES[measure.kind]}, {text.place_text(reading)}", *lines]))
        self.details.setToolTip(f"<p>{DEFINITIONS[measure.kind]}</p>" if measure.kind in DEFINITIONS else "")
        self.histogram.show_statistics(reading.statistics)
        self.shares.setVisible(measure.kind is Kind.ABC2)
        if measure.kind is Kind.ABC2:
            self.shares.show_shares(volume, measure.shares)

    def _show_marks(self, *_: object) -> None:
        found = marked_slices(self._session)
        self.marks_heading.setText(
            f"KEY IMAGES AND BOOKMARKS · {len(found)}" if found else "KEY IMAGES AND BOOKMARKS"
        )
        _fill(self.marks, [(_mark_row(index, mark), mark.uid) for index, mark in found])
        self._show_marks_here()

    def _show_marks_here(self, *_: object) -> None:
        """What is marked of the slice on screen, and what can be."""
        number, opened = self._session.slice_index + 1, self._session.volume is not None
        here = {kind: self._marking.mark_here(kind) for kind in MarkKind}
        for kind, made, name in (
            (MarkKind.KEY_IMAGE, self.key_image, "Key image"),
            (MarkKind.BOOKMARK, self.bookmark, "Bookmark"),
        ):
            made.setText(f"✓ {name} {number}" if here[kind] else f"{name} {number}")
            made.setEnabled(opened)
        mark = here[MarkKind.KEY_IMAGE] or here[MarkKind.BOOKMARK]
        self.note.setVisible(mark is not None)
        if mark is not None and not self.note.hasFocus():
            self.note.setText(mark.note)
        _select(self.marks, mark.uid if mark is not None else None)

    # doing

    def _choose(self, tool: Tool) -> None:
        self._session.set_mode(Mode.READ)
        self._session.set_tool(Tool.SCROLL if self._session.tool is tool else tool)
        self._show_tools()

    def _go(self, item: QListWidgetItem) -> None:
        found = self._session.measured_by(item.data(UID))
        if found is None:
            return
        volume, _, measure = found
        index = self._readings.of(measure, volume).slice_index
        if index is not None:
            self._session.panes.visit(volume, index)
        self._session.measuring.set_selection(measure.uid)

    def _revise(self, document: Document, changed: Measure, action: str) -> None:
        measures = tuple(changed if each.uid == changed.uid else each for each in document.measures)
        if measures != document.measures:
            self._session.measuring.revise_requested.emit(replace(document, measures=measures), action)

    def _rename(self) -> None:
        found = self._selected()
        if found is not None:
            _, document, measure = found
            self._revise(document, replace(measure, label=self.label.text().strip()), "name measure")

    def _visit(self, index: int) -> None:
        found = self._selected()
        if found is not None:
            self._session.panes.visit(found[0], index)

    def _weigh(self, shares: tuple[Share, ...]) -> None:
        found = self._selected()
        if found is not None and found[2].kind is Kind.ABC2:
            self._revise(found[1], replace(found[2], shares=shares), "change abc2")

    def _delete(self) -> None:
        found = self._selected()
        if found is not None:
            _, document, measure = found
            rest = tuple(each for each in document.measures if each.uid != measure.uid)
            action = f"delete {measure.kind}"
            self._session.measuring.revise_requested.emit(replace(document, measures=rest), action)
            self._session.measuring.set_selection(None)

    def copy_text(self) -> None:
        """Put all measures on the clipboard as text, each series' under its name."""
        found = readings_of(self._session, self._readings)
        if not found:
            return
        parts = []
        for volume, readings in found:
            beside = volume is not self._session.volume
            dated = not self._session.patient_hidden
            name = f"{series_name(self._session, volume, dated=dated)}\n" if beside else ""
            parts.append(name + text.report_text(readings, volume))
        QGuiApplication.clipboard().setText("\n\n".join(parts))
        count = sum(len(readings) for _, readings in found)
        self._session.notice("info", "Copied", f"{count} measure{'s' * (count != 1)} as text.")

    def _go_to_mark(self, item: QListWidgetItem) -> None:
        for index, mark in marked_slices(self._session):
            if mark.uid == item.data(UID):
                self._marking.visit(index, mark)

    def _annotate_mark(self) -> None:
        here = self._marking.mark_here
        mark = here(MarkKind.KEY_IMAGE) or here(MarkKind.BOOKMARK)
        if mark is not None and mark.note != self.note.text().strip():
            self._marking.note(mark, self.note.text().strip())


def _row(reading: Reading) -> str:
    name = reading.measure.label or text.NAMES[reading.measure.kind]
    caution = " !" if reading.cautions else ""
    gone = isinstance(reading.measure.plane, SlicePlane) and reading.slice_index is None
    where = "gone" if gone else text.place_text(reading)
    return f"{name} · {where} · {text.result_text(reading)}{caution}"


def _mark_row(index: int, mark: Mark) -> str:
    name = "★ Key image" if mark.kind is MarkKind.KEY_IMAGE else "Bookmark"
    return f"{name} · im {index + 1}" + (f" · {mark.note}" if mark.note else "")


def _list(name: str) -> QListWidget:
    made = QListWidget()
    made.setAccessibleName(name)
    made.setProperty("role", "rows")
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setUniformItemSizes(True)
    made.setTextElideMode(Qt.TextElideMode.ElideRight)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
    return made


def _fill(widget: QListWidget, rows: Sequence[tuple[str, str]]) -> None:
    """Show rows of (text, uid); what is unchanged is left as it is."""
    shown = [(widget.item(row).text(), widget.item(row).data(UID)) for row in range(widget.count())]
    if shown != list(rows):
        selected = widget.currentItem().data(UID) if widget.currentItem() else None
        widget.clear()
        for words, uid in rows:
            item = QListWidgetItem(words)
            item.setToolTip(words)
            item.setData(UID, uid)
            if not uid:  # the name of a series
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            widget.addItem(item)
        _select(widget, selected)
    widget.setVisible(bool(rows))
    widget.setFixedHeight(min(max(len(rows), 1), 8) * ROW_PX + 4)


def _select(widget: QListWidget, uid: str | None) -> None:
    for row in range(widget.count()):
        if widget.item(row).data(UID) == uid:
            widget.setCurrentRow(row)
            return
    widget.setCurrentRow(-1)
