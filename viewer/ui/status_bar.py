"""The bottom line: what lies under the cursor, whether work is saved, what the machine does, the research notice."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel

from viewer.dicom.series import Problem
from viewer.session import Probe, Retraining, Session
from viewer.ui import theme

RESEARCH = "Research use only — not for diagnosis"


def number(value: float) -> str:
    """One decimal, with a true minus sign."""
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


class StatusBar(QFrame):
    """Facts of the session in words."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setObjectName("statusBar")
        theme.hold(self, height=28)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 0, 10, 0)
        layout.setSpacing(20)
        self.hu = self._fact(layout, "strong", 64)
        self.millimetres = self._fact(layout, "quiet", 150)
        self.pixel = self._fact(layout, "quiet", 80)
        self.saved = self._fact(layout, "quiet", 0)
        layout.addStretch(1)
        self.copying = self._fact(layout, "quiet", 0)
        self.exporting = self._fact(layout, "quiet", 0)
        self.training = self._fact(layout, "quiet", 0)
        self.ai = self._fact(layout, "quiet", 0)
        self.loaded = self._fact(layout, "quiet", 0)
        self.research = theme.label(RESEARCH, "amber")
        layout.addWidget(self.research)
        session.probe_changed.connect(self._show_probe)
        session.save_state_changed.connect(self._show_saved)
        session.copying_changed.connect(self.copying.setText)
        session.exports.progress_changed.connect(self.exporting.setText)
        session.retraining_changed.connect(self._show_training)
        session.ai_state_changed.connect(self.ai.setText)
        session.load_state_changed.connect(self.loaded.setText)
        self._show_training(session.retraining)
        self.ai.setText(session.ai_state)
        self.loaded.setText(session.load_state)
        self._show_saved(session.save_state)
        self._show_probe(session.probe)

    @staticmethod
    def _fact(layout: QHBoxLayout, role: str, width: int) -> QLabel:
        made = theme.label("", role)
        made.setMinimumWidth(width)
        layout.addWidget(made)
        return made

    def _show_probe(self, probe: Probe | None) -> None:
        if probe is None:
            for fact in (self.hu, self.millimetres, self.pixel):
                fact.setText("")
            return
        self.hu.setText("" if probe.hu is None else f"HU {probe.hu}".replace("-", "\N{MINUS SIGN}"))
        notes = self._session.series.notes if self._session.series is not None else ()
        about = "≈ " if any(note.problem is Problem.SPACING_ESTIMATED for note in notes) else ""
        unknown = any(note.problem is Problem.NO_SPACING for note in notes)
        place = probe.patient_mm
        known = place is not None and not unknown
        self.millimetres.setText(f"{about}({', '.join(map(number, place))}) mm" if place and known else "")
        self.pixel.setText(f"px {probe.pixel[0]}, {probe.pixel[1]}")

    def _show_training(self, now: Retraining) -> None:
        """Whichever panel is open: how far a retraining is, and that a candidate waits."""
        said = {
            "preparing": "Retraining: preparing",
            "running": f"Retraining {now.progress:.0%}",
            "paused": "Retraining paused",
            "stopping": "Retraining: stopping",
            "comparing": "Retraining: comparing",
            "candidate": "Retrained: a candidate waits",
        }
        self.training.setText(said.get(now.state, ""))

    def _show_saved(self, text: str) -> None:
        self.saved.setText(text)
        fine = not text or text.startswith(("Saved", "Saving"))
        theme.set_role(self.saved, "quiet" if fine else "red")
