"""The retraining card: what it would learn from, how it goes, what came out, and what to do with it."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from viewer.session import Retraining, Session
from viewer.ui import theme

RUNNING = ("preparing", "running", "stopping")


def time_left(seconds: float | None) -> str:
    """`1:40 left`, empty where nobody knows."""
    if seconds is None:
        return ""
    whole = max(int(seconds), 0)
    return f"{whole // 60}:{whole % 60:02d} left"


class LossCurve(QWidget):
    """Training and validation loss, one point an epoch, scaled to fit."""

    def __init__(self) -> None:
        super().__init__()
        self._until = 1.0
        self.train: tuple[float, ...] = ()
        self.validation: tuple[float, ...] = ()
        self.setFixedHeight(72)
        self.setAccessibleName("Loss curve")

    def show_curves(
        self, train: tuple[float, ...], validation: tuple[float, ...], until: float = 1.0
    ) -> None:
        """Show these values over the first part `until` (0 to 1) of the width."""
        self._until = until
        self.train, self.validation = train, validation
        last = f", validation {validation[-1]:.3f}" if validation else ""
        self.setToolTip(f"Loss: training {train[-1]:.3f}{last}" if train else "")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as the card."""
        return QSize(200, 72)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Three quiet rules, the two curves and what they are."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 4, -4, -18)
        painter.setPen(QPen(QColor(theme.HAIRLINE)))
        for part in (0.0, 0.5, 1.0):
            height = area.top() + area.height() * part
            painter.drawLine(QPointF(area.left(), height), QPointF(area.right(), height))
        values = (*self.train, *self.validation)
        if values:
            low, high = min(values), max(values)
            self._draw(painter, area, self.train, low, high, theme.ACCENT)
            self._draw(painter, area, self.validation, low, high, theme.AMBER)
        painter.setFont(theme.font(theme.LABEL_PX))
        legend = (("training", theme.ACCENT, self.train), ("validation", theme.AMBER, self.validation))
        left = area.left()
        for name, colour, curve in legend:
            text = f"{name} {curve[-1]:.3f}" if curve else name
            painter.setPen(QColor(colour if curve else theme.QUIET))
            painter.drawText(QRectF(left, area.bottom() + 2, 110, 16), Qt.AlignmentFlag.AlignLeft, text)
            left += 110

    def _draw(
        self, painter: QPainter, area: QRectF, curve: tuple[float, ...], low: float, high: float, colour: str
    ) -> None:
        span = (high - low) or 1.0
        across = area.width() * self._until / max(len(curve), 1)
        points = [
            QPointF(area.left() + (i + 1) * across, area.bottom() - (value - low) / span * area.height())
            for i, value in enumerate(curve)
        ]
        painter.setPen(QPen(QColor(colour), 1.6))
        if len(points) > 1:
            painter.drawPolyline(QPolygonF(points))
        elif points:
            painter.setBrush(QColor(colour))
            painter.drawEllipse(points[0], 2, 2)


class RetrainingCard(QFrame):
    """One card, whose content follows `session.retraining.state`."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setProperty("role", "card")
        self.title = theme.label("", "strong", wrap=True)
        self.left = theme.label("", "quiet")
        self.text = theme.label("", "quiet", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.curve = LossCurve()
        self._table = QWidget()
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 4, 0, 4)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self.start = theme.button("Retrain on my annotations…")
        self.cancel = theme.button("Cancel")
        self.use = theme.button("Use", "primary")
        self.discard = theme.button("Discard")
        self._build()
        self.start.clicked.connect(session.retrain_requested)
        self.cancel.clicked.connect(session.retrain_cancel_requested)
        self.use.clicked.connect(lambda: session.promote_requested.emit(session.retraining.candidate_id))
        self.discard.clicked.connect(lambda: session.discard_requested.emit(session.retraining.candidate_id))
        session.retraining_changed.connect(self.refresh)
        session.annotated_changed.connect(self.refresh)
        session.document_changed.connect(self.refresh)
        session.model_changed.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(8)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.left)
        layout.addLayout(top)
        for widget in (self.progress, self.curve, self.text, self._table, self.start):
            layout.addWidget(widget)
        below = QHBoxLayout()
        for button in (self.cancel, self.discard, self.use):
            below.addWidget(button, 1)
        layout.addLayout(below)

    def refresh(self, *_: object) -> None:
        """Show the session's retraining as it is now."""
        now = self._session.retraining
        running, candidate = now.state in RUNNING, now.state == "candidate"
        slices = self._session.annotated[1]
        self.title.setText(self._title(now))
        self.left.setText(time_left(now.seconds_left) if running else "")
        self.progress.setValue(round(now.progress * 1000))
        self.curve.show_curves(now.train_loss, now.validation_loss, now.progress)
        self.text.setText(now.text or self._idle_text(slices) if not running else now.text)
        set_role = "red" if now.state == "failed" else "quiet"
        theme.set_role(self.text, set_role)
        self._show_comparison(now.comparison if candidate else ())
        for widget, visible in (
            (self.progress, running),
            (self.curve, (running or candidate) and bool(now.train_loss)),
            (self.text, bool(self.text.text())),
            (self._table, candidate and bool(now.comparison)),
            (self.start, not running and not candidate),
            (self.cancel, running),
            (self.use, candidate),
            (self.discard, candidate),
        ):
            widget.setVisible(visible)
        self.start.setEnabled(slices > 0)
        self.start.setText("Try again…" if now.state == "failed" else "Retrain on my annotations…")
        self.cancel.setEnabled(now.state != "stopping")
        self.use.setText(f"Use {now.candidate_id}" if len(now.candidate_id) < 10 else "Use candidate")
        self.use.setToolTip(
            f"Let {now.candidate_id} answer from now on; the old model stays and can be rolled back"
        )

    def _title(self, now: Retraining) -> str:
        patients, slices = self._session.annotated
        counted = f"{slices} slice{'s' * (slices != 1)} of {patients} patient{'s' * (patients != 1)}"
        return {
            "preparing": f"Preparing {counted}",
            "running": f"Learning from {counted}",
            "stopping": "Stopping",
            "candidate": f"Candidate {now.candidate_id}",
            "failed": "Retraining did not finish",
        }.get(
            now.state,
            f"{counted[0].upper()}{counted[1:]} annotated" if slices else "Nothing to learn from yet",
        )

    def _idle_text(self, slices: int) -> str:
        if self._session.retraining.state == "candidate":
            return ""
        if not slices and any(not a.reviewed for a in self._session.document.annotations):
            return "Mark the accepted annotations as reviewed: the model learns only from what you have confirmed."
        if not slices:
            return "Annotate a few slices, then the model can learn from them on this machine."
        return "Starts from the bundled model, on this machine only. The model in use stays until you choose."

    def _show_comparison(self, rows: tuple[tuple[str, str, str], ...]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        if not rows:
            return
        heads = ("", "now", "candidate")
        for column, head in enumerate(heads):
            self._grid.addWidget(_cell(head, "small", column), 0, column)
        for row, cells in enumerate(rows, start=1):
            for column, cell in enumerate(cells):
                self._grid.addWidget(_cell(cell, "" if column else "quiet", column), row, column)


def _cell(text: str, role: str, column: int) -> QLabel:
    made = theme.label(text, role, wrap=column == 0)
    made.setAlignment(
        (Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft)
        | Qt.AlignmentFlag.AlignVCenter
    )
    return made
