"""Background scoring as Qt sees it: one thread, what it tells as signals on the GUI thread."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from model.registry import Registry
from viewer.jobs.qt import Job
from viewer.jobs.triage import Found, Progress, Scored, Triage
from viewer.library.store import Library


class TriageJob(Job):
    """Scores the triage list until it is shut down; `viewer.jobs.triage.Triage` has the rules."""

    interval_ms = 100
    scored = Signal(object)  # Scored
    progressed = Signal(object)  # Progress
    found = Signal(object)  # tuple[Study, ...]

    def __init__(self, library: Library, registry: Registry, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._triage = Triage(library, registry, self._relay.put)

    def _work(self) -> None:
        self._triage.run()

    def _deliver(self, values: tuple[Any, ...]) -> None:
        for value in values:
            if isinstance(value, Scored):
                self.scored.emit(value)
            elif isinstance(value, Found):
                self.found.emit(value.studies)
        progress = [value for value in values if isinstance(value, Progress)]
        if progress:
            self.progressed.emit(progress[-1])

    def cancel(self) -> None:
        """Stop soon; the study in hand waits again."""
        super().cancel()
        self._triage.end()

    def wake(self) -> None:
        """The list has changed."""
        self._triage.wake()

    def watch(self, folder: Path | None) -> None:
        """Look for studies in this folder from now on, or in none."""
        self._triage.watch(folder)

    def pause(self, paused: bool) -> None:
        """Stop after the slice in hand until it is called with False."""
        self._triage.pause(paused)

    def give_way(self, busy: bool) -> None:
        """Rest while the reader's own study is read and scored."""
        self._triage.give_way(busy)
