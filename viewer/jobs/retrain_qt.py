"""Work about retraining off the GUI thread that tells more than once."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from viewer.jobs.qt import Job

Work = Callable[[Callable[[Any], None], Callable[[], bool]], object]
"""Gets what to tell with and whether it is cancelled; what it returns is told last."""


class TellingJob(Job):
    """Runs `work(tell, cancelled)`; whatever it tells, and what it returns, arrives in order."""

    told = Signal(object)

    def __init__(self, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._do = work

    def _work(self) -> None:
        self._relay.put(self._do(self._relay.put, self._stop.is_set))

    def _deliver(self, values: tuple[Any, ...]) -> None:
        for value in values:
            self.told.emit(value)
