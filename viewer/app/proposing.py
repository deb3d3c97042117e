"""The model's regions as proposals on a layer of their own, once a series is scored."""

import numpy as np
from PySide6.QtCore import QObject

from model.labels import BY_CODE
from viewer.annotation.document import Annotation
from viewer.annotation.events import SetProposals
from viewer.app.tasks import Tasks, unheard
from viewer.session import Findings, Session
from viewer.ui import regions
from viewer.ui.desk import AnnotationDesk


class Proposing(QObject):
    """Gives the open series' editor the shapes of what the model suspects; reading never waits for it."""

    def __init__(self, session: Session, desk: AnnotationDesk, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._desk, self._tasks = session, desk, tasks
        self._given: Findings | None = None
        session.findings_changed.connect(self._changed)

    def _changed(self, findings: Findings | None) -> None:
        volume = self._session.volume
        if findings is None or volume is None:
            self._given = None
            self._desk.take(SetProposals(()))
            return
        if not findings.done or findings is self._given:
            return
        self._given = findings
        values = [BY_CODE[code].value for code in regions.told(findings)]

        def work() -> tuple[Annotation, ...]:
            from viewer.annotation.proposals import propose

            masks = np.where(np.isin(findings.masks, values), findings.masks, 0).astype(np.uint8)
            return propose(masks, volume.series.slices, findings.model_id)

        def show(found: tuple[Annotation, ...]) -> None:
            if self._session.volume is volume and self._session.findings is findings:
                self._desk.take(SetProposals(found))

        self._tasks.ask("", work, show, unheard)
