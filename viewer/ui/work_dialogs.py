"""Dialogs of the work: history of versions, agreement and consensus, the queue, names in an import."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from model.labels import SUBTYPES
from viewer.library.queue import Order
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.work_card import SHARED, duration
from viewer.working import QueueEntry

LEAVE_OUT = "leave out"
RULES = ("majority", "STAPLE")
AGREEMENT_HEAD = (
    "Subtype",
    "Dice",
    "HD95 mm",
    "mL one",
    "mL other",
    "mL difference",
    "Kappa",
    "Slices one / other / both",
)
ORDERS = (
    (Order.SUSPICION, "By suspicion"),
    (Order.DOUBT, "By the model's doubt"),
    (Order.CHOICE, "As listed"),
)


def table(head: Sequence[str], name: str) -> QTreeWidget:
    """A table of rows to choose from."""
    made = QTreeWidget()
    made.setHeaderLabels(list(head))
    made.setRootIsDecorated(False)
    made.setUniformRowHeights(True)
    made.setAlternatingRowColors(False)
    made.setAccessibleName(name)
    return made


def fill(tree: QTreeWidget, rows: Iterable[tuple[Sequence[str], object]]) -> None:
    """Show rows, each with the value that it stands for."""
    tree.clear()
    for cells, value in rows:
        item = QTreeWidgetItem(list(cells))
        item.setData(0, Qt.ItemDataRole.UserRole, value)
        tree.addTopLevelItem(item)
    for column in range(tree.columnCount()):
        tree.resizeColumnToContents(column)


def chosen(tree: QTreeWidget) -> object:
    """What the selected row stands for, or None."""
    items = tree.selectedItems()
    return items[0].data(0, Qt.ItemDataRole.UserRole) if items else None


class HistoryDialog(QDialog):
    """The versions of the reading at hand; one can be gone back to, as a step that undo takes back."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("History of this reading")
        self.resize(760, 480)
        self.list = table(("When (UTC)", "Who", "What", "Source"), "Versions")
        self.restore = theme.button("Go back to this version", "primary")
        column = QVBoxLayout(self)
        text = "Every edit is a version. Going back adds a new one; nothing is lost, and undo takes it back."
        column.addWidget(theme.label(text, "quiet", wrap=True))
        column.addWidget(self.list, 1)
        column.addWidget(self.restore, 0, Qt.AlignmentFlag.AlignRight)
        self.restore.clicked.connect(self._restore)
        self.list.itemSelectionChanged.connect(lambda: self.restore.setEnabled(chosen(self.list) is not None))
        self.restore.setEnabled(False)
        session.working.history_changed.connect(self.refresh)
        session.working.history_requested.emit()

    def refresh(self, *_: object) -> None:
        """Show the versions, the latest first."""
        rows = (
            ((entry.time[:19].replace("T", " "), entry.reader, entry.action, entry.sources), entry.seq)
            for entry in self._session.working.history
        )
        fill(self.list, rows)

    def _restore(self) -> None:
        seq = chosen(self.list)
        if isinstance(seq, int):
            self._session.working.restore_requested.emit(seq)
            self.accept()


class CompareDialog(QDialog):
    """Two readings side by side in numbers; several joined to a consensus."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Agreement of readings")
        self.resize(820, 420)
        self.one, self.other, self.rule = QComboBox(), QComboBox(), QComboBox()
        self.list = table(AGREEMENT_HEAD, "Agreement by subtype")
        self.join = theme.button("Join all readings to a new one")
        self.adopt = theme.button("Put the second into the shared reading")
        column = QVBoxLayout(self)
        above, below = QHBoxLayout(), QHBoxLayout()
        for widget in (self.one, theme.label("against", "quiet"), self.other):
            above.addWidget(widget, 1 if widget in (self.one, self.other) else 0)
        column.addLayout(above)
        column.addWidget(self.list, 1)
        text = "Dice and HD95 of all slices; kappa of which slices show the subtype. Research use only."
        column.addWidget(theme.label(text, "quiet", wrap=True))
        self.rule.addItems(list(RULES))
        named = ((self.one, "One reading"), (self.other, "The other reading"), (self.rule, "Rule of joining"))
        for box, name in named:
            box.setAccessibleName(name)
        below.addWidget(self.rule)
        below.addWidget(self.join)
        below.addWidget(self.adopt)
        below.addStretch(1)
        column.addLayout(below)
        self._fill_readings()
        self.one.activated.connect(lambda _: self._compare())
        self.other.activated.connect(lambda _: self._compare())
        self.join.clicked.connect(self._join)
        self.adopt.clicked.connect(self._adopt)
        session.working.agreement_changed.connect(self.refresh)
        self._compare()

    def _fill_readings(self) -> None:
        work = self._session.working.work
        names = [(SHARED, "")]
        names += [
            (f"{r.reader}, blinded" if r.kind == "blinded" else r.made_of, r.uid) for r in work.readings
        ]
        for box in (self.one, self.other):
            for name, uid in names:
                box.addItem(name, uid)
        self.other.setCurrentIndex(min(1, self.other.count() - 1))

    def readers(self) -> tuple[str, ...]:
        """Uids of the readings that people made: the shared one, and the blinded ones."""
        return ("", *(r.uid for r in self._session.working.work.readings if r.kind == "blinded"))

    def _compare(self) -> None:
        self.join.setEnabled(len(self.readers()) > 1)
        self.adopt.setEnabled(bool(self.other.currentData()))
        self._session.working.compare_requested.emit(self.one.currentData(), self.other.currentData())

    def _join(self) -> None:
        self._session.working.consensus_requested.emit(self.readers(), self.rule.currentText())
        self.accept()

    def _adopt(self) -> None:
        self._session.working.adopt_requested.emit(self.other.currentData())
        self.accept()

    def refresh(self, *_: object) -> None:
        """Show the numbers."""
        fill(self.list, ((row, None) for row in self._session.working.agreement))


class QueueDialog(QDialog):
    """The studies of the library in the order they are to be worked on; a double click opens one."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Work queue")
        self.resize(860, 480)
        self.order = QComboBox()
        self.order.setAccessibleName("Order of the queue")
        for order, text in ORDERS:
            self.order.addItem(text, order)
        self.list = table(("Study", "Status", "Reader", "Time", "Why", "Comment"), "Studies to work on")
        self.go = theme.button("Open", "primary")
        column = QVBoxLayout(self)
        column.addWidget(self.order)
        column.addWidget(self.list, 1)
        column.addWidget(self.go, 0, Qt.AlignmentFlag.AlignRight)
        self.order.activated.connect(lambda _: self.ask())
        self.list.itemDoubleClicked.connect(lambda *_: self._open())
        self.go.clicked.connect(self._open)
        session.working.queue_changed.connect(self.refresh)
        self.ask()

    def ask(self) -> None:
        """Ask for the queue in the chosen order."""
        self._session.working.queue_requested.emit(str(self.order.currentData()))

    def refresh(self, *_: object) -> None:
        """Show the queue; a hidden patient stays hidden."""
        rows = []
        for number, entry in enumerate(self._session.working.queue, 1):
            title = f"Study {number}" if self._session.patient_hidden else entry.title
            spent = duration(entry.seconds) if entry.seconds else ""
            cells = (title, entry.status.value, entry.readers, spent, entry.reason, entry.comment)
            rows.append((cells, entry))
        fill(self.list, rows)

    def _open(self) -> None:
        entry = chosen(self.list)
        if isinstance(entry, QueueEntry):
            self._session.working.study_requested.emit(entry.study_uid)
            self.accept()


class NamesDialog(QDialog):
    """Asks which subtype each name of an import is."""

    def __init__(self, path: Path, names: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Which subtypes are these?")
        self.boxes: dict[str, QComboBox] = {}
        column = QVBoxLayout(self)
        text = f"{path.name} names what no subtype is called. Say what each is; nothing is imported before."
        column.addWidget(theme.label(text, wrap=True))
        form = QFormLayout()
        for name in names:
            box = self.boxes[name] = QComboBox()
            box.setAccessibleName(f"Subtype of {name}")
            for subtype in SUBTYPES:
                box.addItem(f"{subtype.code} · {subtype.name}", subtype.code)
            box.addItem("Leave out", LEAVE_OUT)
            box.setCurrentIndex(box.count() - 1)
            form.addRow(name, box)
        column.addLayout(form)
        across = QHBoxLayout()
        self.cancel, self.go = theme.button("Cancel"), theme.button("Import", "primary")
        across.addStretch(1)
        across.addWidget(self.cancel)
        across.addWidget(self.go)
        column.addLayout(across)
        self.cancel.clicked.connect(self.reject)
        self.go.clicked.connect(self.accept)

    def mapping(self) -> Mapping[str, str]:
        """The subtype of each name, or `LEAVE_OUT`."""
        return {name: str(box.currentData()) for name, box in self.boxes.items()}
