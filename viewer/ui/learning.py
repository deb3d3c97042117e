"""The dialogs of retraining: which opens when."""

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QDialog, QScrollArea, QWidget

from viewer.session import Session
from viewer.ui.preflight import PreflightDialog
from viewer.ui.retraining import RetrainingCard
from viewer.ui.training import TrainingDialog
from viewer.ui.verdict import VerdictDialog
from viewer.ui.versions import VersionsDialog


class LearningDialogs(QObject):
    """One of each kind at a time, over the window that they belong to; none of them stops reading but the first."""

    def __init__(self, window: QWidget, session: Session, card: RetrainingCard) -> None:
        super().__init__(window)
        self._window, self._session, self._card = window, session, card
        self.open_dialog: QDialog | None = None
        session.retrain_requested.connect(self.show_preflight)
        session.learning.judgement_shown.connect(self._candidate_ready)
        session.learning.start_requested.connect(lambda _: QTimer.singleShot(0, self, self._reveal_card))
        card.details.clicked.connect(self.show_training)
        card.judged.clicked.connect(self.show_verdict)

    def show_preflight(self) -> None:
        """Say what a retraining would learn from, and ask whether to start."""
        self._show(PreflightDialog(self._window, self._session), modal=True)

    def show_training(self) -> None:
        """Show how the training goes."""
        self._show(TrainingDialog(self._window, self._session))

    def show_verdict(self) -> None:
        """Show what the candidate is worth."""
        self._show(VerdictDialog(self._window, self._session))

    def show_versions(self) -> None:
        """List the versions of the model."""
        self._show(VersionsDialog(self._window, self._session))

    def _candidate_ready(self) -> None:
        """Whoever watches the training sees its verdict; else a notice says that there is one."""
        judgement = self._session.learning.judgement
        if isinstance(self.open_dialog, TrainingDialog):
            self.show_verdict()
        elif judgement is not None:
            self._session.notice("info", f"Candidate {judgement.candidate_id} is ready", judgement.title)

    def _reveal_card(self) -> None:
        """Once the card has its new size, scroll to it: in a low window it lies below what is seen."""
        above: QWidget | None = self._card
        while above is not None:
            above = above.parentWidget()
            if isinstance(above, QScrollArea):
                above.ensureWidgetVisible(self._card)

    def _show(self, dialog: QDialog, *, modal: bool = False) -> None:
        if self.open_dialog is not None:
            self.open_dialog.close()
        self.open_dialog = dialog
        dialog.finished.connect(lambda _: self._closed(dialog))
        dialog.setModal(modal)
        dialog.show()

    def _closed(self, dialog: QDialog) -> None:
        if self.open_dialog is dialog:
            self.open_dialog = None
