"""A candidate beside the model that was in use: the verdict, the numbers with their intervals, where it got worse."""

from collections.abc import Mapping, Set
from typing import Any

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from model.labels import CODES
from viewer.learning import Judgement
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.shown_slice import SliceRows, short, signed

ROLES = {"better": "verdict", "not worse": "info", "worse": "error"}
TEXT_ROLES = {"better": "green", "not worse": "strong", "worse": "red"}
MEASURES = (
    ("auc", "slice AUC"),
    ("dice", "Dice"),
    ("sensitivity", "sensitivity"),
    ("specificity", "specificity"),
    ("calibration_error", "calibration error"),
)
MEASURE_PX = (120, 130, 220, 60)
"""Width of the columns, so that they stand below each other in both tables."""
SPAN = 0.3
"""Largest difference that an interval's bar shows."""

Row = Mapping[str, Any]


class IntervalBar(QWidget):
    """A difference and its interval around 0."""

    def __init__(self, row: Row, colour: str) -> None:
        super().__init__()
        self._row, self._colour = row, colour
        self.setFixedHeight(theme.scaled(18))
        self.setMinimumWidth(theme.scaled(120))
        self.setAccessibleName(f"difference {difference(row)}")

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the zero line, the interval and the difference."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        painter.setPen(QPen(QColor(theme.EDGE), 2))
        painter.drawLine(QPointF(self._x(0), middle - 6), QPointF(self._x(0), middle + 6))
        painter.setPen(QPen(QColor(self._colour), 2))
        if self._row["interval"] is not None:
            low, high = self._row["interval"]
            painter.drawLine(QPointF(self._x(low), middle), QPointF(self._x(high), middle))
        painter.setBrush(QColor(self._colour))
        painter.drawEllipse(QPointF(self._x(self._row["difference"]), middle), 3.5, 3.5)
        painter.end()

    def _x(self, value: float) -> float:
        inside = max(min(value, SPAN), -SPAN)
        return 6 + (self.width() - 12) * (inside + SPAN) / (2 * SPAN)


class VerdictDialog(QDialog):
    """Shows `session.learning.judgement`; Use asks for the promotion."""

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Candidate and model in use")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(min(780, parent.width() - 40), min(760, parent.height() - 40))
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(24, 20, 24, 16)
        self._layout.setSpacing(8)
        self.title = theme.label("", "title", wrap=True)
        self.trained = theme.label("", "quiet", wrap=True)
        self.verdict = QFrame()
        self.verdict_title = theme.label("", "strong", wrap=True)
        self.verdict_text = theme.label("", "", wrap=True)
        inside = QVBoxLayout(self.verdict)
        inside.setContentsMargins(12, 8, 12, 8)
        inside.addWidget(self.verdict_title)
        inside.addWidget(self.verdict_text)
        for widget in (self.title, self.trained, self.verdict):
            self._layout.addWidget(widget)
        self._body = QWidget()
        self._column = theme.scrolled(self._body)
        self._column.setContentsMargins(0, 0, 12, 0)
        self._layout.addWidget(self._body, 1)
        below = QHBoxLayout()
        self.stays = theme.label("", "quiet", wrap=True)
        self.discard, self.keep = theme.button("Delete"), theme.button("Keep as candidate")
        self.use = theme.button("Use", "primary")
        below.addWidget(self.stays, 1)
        for made in (self.discard, self.keep, self.use):
            below.addWidget(made)
        self._layout.addLayout(below)
        self.keep.clicked.connect(self.close)
        self.use.clicked.connect(lambda: self._choose(session.promote_requested))
        self.discard.clicked.connect(lambda: self._choose(session.discard_requested))
        session.learning.judgement_changed.connect(self.refresh)
        session.patient_hidden_changed.connect(self.refresh)
        self.refresh()

    def _choose(self, asked: Any) -> None:
        judgement = self._session.learning.judgement
        self.close()
        if judgement is not None:
            asked.emit(judgement.candidate_id)

    def refresh(self, *_: object) -> None:
        """Show the judgement."""
        now = self._session.learning.judgement
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        for made in (self.use, self.discard, self.verdict):
            made.setVisible(now is not None)
        if now is None:
            self.title.setText("This version was never judged beside another on this computer.")
            self.trained.setText("Bundled versions carry their evaluation in their card (Help, About).")
            return
        in_use = now.candidate_id == self._session.model_id
        self.title.setText(f"{now.candidate_id} · compared with {now.incumbent_id}")
        self.trained.setText(now.trained)
        theme.set_role(self.verdict, ROLES.get(now.kind, "warning"))
        theme.set_role(self.verdict_title, TEXT_ROLES.get(now.kind, "amber"))
        self.verdict_title.setText(now.title)
        self.verdict_text.setText(now.text)
        self.use.setText(f"Use {now.candidate_id}")
        self.use.setVisible(not in_use)
        self.discard.setVisible(not in_use)
        self.keep.setText("Close" if in_use else "Keep as candidate")
        self.stays.setText(f"{now.incumbent_id} stays; roll back any time in Models. Research use only.")
        self._fill(now)

    def _fill(self, now: Judgement) -> None:
        tests = now.tables["yours"]["dice"]["any"]["n"]
        self._column.addWidget(
            theme.heading(f"Your test patients ({tests}) · candidate minus model in use, Dice")
        )
        self._column.addWidget(_by_subtype(now.tables["yours"]))
        for name, words in (
            ("yours", "Your test patients, any bleeding"),
            ("reference", "Reference set (forgetting check, simulated heads)"),
        ):
            self._column.addWidget(theme.heading(words))
            self._column.addWidget(_measures(now.tables[name], now.lost if name == "reference" else None))
        if now.worst:
            self._column.addWidget(theme.heading("Where it got worse"))
            self._column.addWidget(self._worst(now))
        if now.notes:
            self._column.addWidget(theme.heading("Notes"))
            self._column.addWidget(theme.label("\n".join(now.notes), "quiet", wrap=True))
        self._column.addStretch(1)

    def _worst(self, now: Judgement) -> QWidget:
        rows = SliceRows("in use", "candidate", openable=True)
        rows.show_slices(now.worst, hidden=self._session.patient_hidden)
        rows.open_clicked.connect(self._open)
        return rows

    def _open(self, place: str) -> None:
        """Make room for the slice; the card, or Models, shows the verdict again."""
        learning, below = self._session.learning, self.parentWidget()
        self.close()
        if isinstance(below, QDialog):
            below.close()
        learning.slice_requested.emit(place)


def _by_subtype(table: Mapping[str, Mapping[str, Row]]) -> QWidget:
    """Dice before and after, its difference, sensitivity and volume bias of each subtype."""
    made, grid = _grid(
        ("subtype", "in use", "candidate", "difference, 95 %", "", "sensitivity", "volume bias mL")
    )
    for number, code in enumerate(CODES, start=1):
        line = _ruled(grid, number)
        colour, row = theme.subtype_colour(code), table["dice"][code]
        name = theme.label(code, "strong")
        theme.dress(name, f"color: {colour};")
        grid.addWidget(name, line, 0)
        if row["difference"] is None:
            grid.addWidget(theme.label("no test patient shows it", "quiet"), line, 1, 1, 6)
            continue
        for column, text in enumerate((short(row["before"]), short(row["after"]), difference(row)), start=1):
            grid.addWidget(_cell(text), line, column)
        grid.addWidget(IntervalBar(row, colour), line, 4)
        grid.addWidget(_cell(arrow(table["sensitivity"][code])), line, 5)
        bias = table["volume_bias_ml"][code]
        grid.addWidget(_cell("–" if bias["difference"] is None else signed(bias["after"], 1)), line, 6)
    grid.setColumnStretch(4, 1)
    return made


def _measures(table: Mapping[str, Mapping[str, Row]], lost: Set[str] | None) -> QWidget:
    """lost: what fell on the reference set; None for another set."""
    made, grid = _grid(("measure", "in use → candidate", "difference, 95 %", "patients", ""))
    known = [
        (measure, words) for measure, words in MEASURES if table[measure]["any"]["difference"] is not None
    ]
    for number, (measure, words) in enumerate(known, start=1):
        line, row = _ruled(grid, number), table[measure]["any"]
        for column, text in enumerate((words, arrow(row, 3), difference(row, 3), str(row["n"]))):
            grid.addWidget(_cell(text), line, column)
        if lost is not None and measure in ("auc", "dice"):
            kept = measure not in lost
            grid.addWidget(theme.label("kept" if kept else "lost", "green" if kept else "red"), line, 4)
    if not known:
        grid.addWidget(theme.label("Nothing could be measured.", "quiet"), 1, 0, 1, 5)
    for column, width in enumerate(MEASURE_PX):
        grid.setColumnMinimumWidth(column, theme.scaled(width))
    grid.setColumnStretch(4, 1)
    return made


def _grid(heads: tuple[str, ...]) -> tuple[QWidget, QGridLayout]:
    made = QWidget()
    grid = QGridLayout(made)
    grid.setContentsMargins(4, 0, 4, 4)
    grid.setHorizontalSpacing(18)
    grid.setVerticalSpacing(5)
    for column, head in enumerate(heads):
        grid.addWidget(theme.label(head, "small"), 0, column)
    return made, grid


def _ruled(grid: QGridLayout, number: int) -> int:
    """A line above the row of this number, and the row of the grid that it is."""
    line = QFrame()
    line.setProperty("role", "line")
    line.setFixedHeight(1)
    grid.addWidget(line, 2 * number - 1, 0, 1, grid.columnCount())
    return 2 * number


def _cell(text: str) -> QLabel:
    return theme.label(text)


def arrow(row: Row, digits: int = 2) -> str:
    """`.64 → .71`, a dash where there is no number."""
    if row["difference"] is None:
        return "–"
    return f"{short(row['before'], digits)} → {short(row['after'], digits)}"


def difference(row: Row, digits: int = 2) -> str:
    """`+.07 (+.02 … +.12)`; without an interval it rests on too few patients."""
    if row["difference"] is None:
        return "–"
    text = signed(row["difference"], digits)
    if row["interval"] is None:
        return f"{text} ({row['n']} patient{'s' * (row['n'] != 1)}: too few to tell)"
    low, high = row["interval"]
    return f"{text} ({signed(low, digits)} … {signed(high, digits)})"
