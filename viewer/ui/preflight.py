"""Before a retraining: what it would learn from, what not and why, who tests it, what it would take."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from model.labels import CODES
from viewer.learning import Person, Preflight, Wanted
from viewer.session import Session
from viewer.ui import theme

PARTS = ("train", "validation", "test")
PART_NAMES = {"train": "training", "validation": "validation", "test": "test"}
COUNTED = {"failed": "It cannot be said what a retraining would take", "done": "Nothing is counted"}
NO_SUBTYPE = "Tick the subtypes that you looked for, one at least."
BASE = (
    "It starts from the bundled model, on this machine only, and goes on when the window is closed. "
    "The model in use stays until you choose. Research use only."
)


class PreflightDialog(QDialog):
    """Asks for counts when it opens and whenever a choice changes; Start asks for the training."""

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self._learning = session.learning
        self.setWindowTitle("Retrain on my annotations")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(min(720, parent.width() - 40), min(640, parent.height() - 40))
        self.title = theme.label("", "title", wrap=True)
        self.expected = theme.label("", "quiet", wrap=True)
        self.counts = self._make_counts()
        self.people = self._make_people()
        self.said = theme.label("", "amber", wrap=True)
        self.left_out = theme.label("", "quiet", wrap=True)
        self.everything = QCheckBox("Also use what is flagged or awaits review")
        self.looked = [QCheckBox(code) for code in CODES]
        self.start = theme.button("Start retraining", "primary")
        self.cancel = theme.button("Cancel")
        self._build()
        self.everything.toggled.connect(self.ask)
        for box in self.looked:
            box.setChecked(True)
            box.setAccessibleName(f"I looked for {box.text()}")
            box.toggled.connect(self.ask)
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self.reject)
        self.finished.connect(lambda _: self._learning.preflight_cancelled.emit())
        self._learning.set_preflight(Preflight(text="Counting what is annotated"))
        self._learning.preflight_changed.connect(self.refresh)
        self.refresh()
        self.ask()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(10)
        layout.addWidget(self.title)
        layout.addWidget(self.expected)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.counts)
        self.stack.addWidget(self.people)
        across = QHBoxLayout()
        self.tabs = [theme.button("What is annotated"), theme.button("Who trains, who tests")]
        for number, tab in enumerate(self.tabs):
            tab.setCheckable(True)
            tab.setAutoExclusive(True)
            tab.setProperty("role", "choice")
            tab.clicked.connect(lambda _=False, number=number: self.stack.setCurrentIndex(number))
            across.addWidget(tab)
        self.tabs[0].setChecked(True)
        across.addStretch(1)
        layout.addLayout(across)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.said)
        layout.addWidget(self.left_out)
        seen = QHBoxLayout()
        seen.setSpacing(12)
        seen.addWidget(theme.label("I looked for", "quiet"))
        for box in self.looked:
            seen.addWidget(box)
        seen.addStretch(1)
        layout.addLayout(seen)
        layout.addWidget(self.everything)
        layout.addWidget(theme.label(BASE, "small", wrap=True))
        below = QHBoxLayout()
        below.addStretch(1)
        below.addWidget(self.cancel)
        below.addWidget(self.start)
        layout.addLayout(below)

    def _make_counts(self) -> QTableWidget:
        made = _table(("Subtype", "Patients", "Slices", "Outlines"), "What is annotated, by subtype")
        made.setRowCount(len(CODES) + 1)
        return made

    def _make_people(self) -> QTableWidget:
        made = _table(("Patient", "Bleeds", "Part", ""), "Patients and their parts")
        made.verticalHeader().setDefaultSectionSize(theme.scaled(32))  # boxes with air between them
        return made

    @property
    def wanted(self) -> Wanted:
        """What is chosen."""
        codes = tuple(box.text() for box in self.looked if box.isChecked())
        return Wanted(self.everything.isChecked(), codes)

    def ask(self, *_: object) -> None:
        """Ask for the counts of what is chosen; without a subtype there is nothing to count."""
        if self.wanted.subtypes:
            self._learning.preflight_requested.emit(self.wanted)
        else:
            self._learning.preflight_cancelled.emit()
            self._learning.set_preflight(replace(self._learning.preflight, state="done", refusal=NO_SUBTYPE))

    def refresh(self, *_: object) -> None:
        """Show what is known so far."""
        now = self._learning.preflight
        counted = now.state != "counting" and bool(now.rows)
        self.title.setText(_summary(now) if counted else COUNTED.get(now.state, now.text))
        self.expected.setText(_expected(now))
        theme.set_role(self.expected, "red" if now.state == "failed" else "quiet")
        self._fill_counts(now)
        self._fill_people(now.people)
        self.said.setText("\n".join([now.refusal] if now.refusal else now.warnings))
        theme.set_role(self.said, "red" if now.refusal else "amber")
        self.left_out.setText("\n".join(f"Left out — {each}" for each in now.left_out))
        for label in (self.said, self.left_out):
            label.setVisible(bool(label.text()))
        self.start.setEnabled(counted and not now.refusal)

    def _fill_counts(self, now: Preflight) -> None:
        for row, cells in enumerate(now.rows):
            for column, cell in enumerate(cells):
                item = _item(str(cell) if cell or not column else "–", right=column > 0)
                if column == 0:
                    item.setForeground(QColor(theme.subtype_colour(str(cell))))
                self.counts.setItem(row, column, item)
        if now.rows:
            total = ("reviewed, no bleed", "", str(now.negatives), "")
            for column, cell in enumerate(total):
                self.counts.setItem(len(CODES), column, _item(cell, right=column > 0))

    def _fill_people(self, people: tuple[Person, ...]) -> None:
        self.people.setRowCount(len(people))
        for row, person in enumerate(people):
            self.people.setItem(row, 0, _item("hidden" if self._session.patient_hidden else person.name))
            self.people.setItem(row, 1, _item("yes" if person.bleeds else "no"))
            box = QComboBox()
            box.addItems([PART_NAMES[part] for part in PARTS])
            box.setCurrentIndex(PARTS.index(person.part))
            box.setAccessibleName(f"Part of patient {row + 1}")
            box.activated.connect(
                lambda index, name=person.pseudonym: self._learning.pin_requested.emit(name, PARTS[index])
            )
            self.people.setCellWidget(row, 2, box)
            self.people.setItem(row, 3, _item("pinned by you" if person.pinned else ""))

    def _start(self) -> None:
        wanted = self.wanted
        self.accept()
        self._learning.start_requested.emit(wanted)


def _table(heads: tuple[str, ...], name: str) -> QTableWidget:
    made = QTableWidget(0, len(heads))
    for column, head in enumerate(heads):
        made.setHorizontalHeaderItem(column, _item(head, right=column > 0 and heads[0] == "Subtype"))
    made.setAccessibleName(name)
    made.verticalHeader().hide()
    made.setShowGrid(False)
    made.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    made.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setTabKeyNavigation(False)  # else Tab goes from cell to cell and never leaves
    made.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    made.verticalHeader().setDefaultSectionSize(theme.scaled(28))
    return made


def _item(text: str, *, right: bool = False) -> QTableWidgetItem:
    made = QTableWidgetItem(text)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    made.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return made


def _summary(now: Preflight) -> str:
    parts = {part: sum(person.part == part for person in now.people) for part in PARTS}
    split = ", ".join(f"{count} {PART_NAMES[part]}" for part, count in parts.items() if count)
    return f"{now.slices} slices of {now.patients} patients, {now.bleeding} with a bleed · {split}"


def _expected(now: Preflight) -> str:
    if now.expected is None:
        return now.text if now.state != "counting" or now.rows else ""
    minutes = max(round(now.expected.seconds / 60), 1)
    memory = f"{now.expected.memory_mb / 1000:.1f} GB of memory"
    where = now.expected.device[0].upper() + now.expected.device[1:]
    return f"{where}: about {minutes} min for {now.expected.steps} steps, {memory} (three steps were timed)."
