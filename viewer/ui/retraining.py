"""The retraining card: what it would learn from, how it goes, what came out, and what to do with it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from viewer.session import Retraining, Session
from viewer.ui import theme
from viewer.ui.loss_curve import LossCurve

RUNNING = ("preparing", "running", "paused", "stopping", "comparing")


def time_left(seconds: float | None) -> str:
    """`1:40 left`, empty where nobody knows."""
    if seconds is None:
        return ""
    whole = max(int(seconds), 0)
    return f"{whole // 60}:{whole % 60:02d} left"


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
        self.pause = theme.button("Pause")
        self.details = theme.button("Details…")
        self.judged = theme.button("Verdict…")
        self.use = theme.button("Use", "primary")
        self.discard = theme.button("Delete")
        self._build()
        self.start.clicked.connect(session.retrain_requested)
        self.cancel.clicked.connect(session.retrain_cancel_requested)
        self.use.clicked.connect(lambda: session.promote_requested.emit(session.retraining.candidate_id))
        self.discard.clicked.connect(lambda: session.discard_requested.emit(session.retraining.candidate_id))
        self.pause.clicked.connect(
            lambda: session.learning.pause_requested.emit(session.retraining.state != "paused")
        )
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
        for button in (self.cancel, self.pause, self.details, self.discard, self.judged, self.use):
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
            (self.pause, running),
            (self.details, running),
            (self.judged, candidate and bool(now.verdict)),
            (self.use, candidate),
            (self.discard, candidate),
        ):
            widget.setVisible(visible)
        self.start.setEnabled(slices > 0)
        self.start.setText("Try again…" if now.state == "failed" else "Retrain on my annotations…")
        self.cancel.setEnabled(now.state != "stopping")
        self.cancel.setText("Stop" if now.rows and now.state in ("running", "paused") else "Cancel")
        self.cancel.setToolTip("Ends the training; the best so far becomes a candidate" if now.rows else "")
        self.pause.setText("Go on" if now.state == "paused" else "Pause")
        self.pause.setEnabled(now.state in ("running", "paused"))
        self.use.setText(f"Use {now.candidate_id}" if len(now.candidate_id) < 10 else "Use")
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
            "paused": "Paused",
            "comparing": "Comparing with the model in use",
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
