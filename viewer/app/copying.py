"""Copies the open study without its patient, off the GUI thread, until it is done or cancelled."""

import threading
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from model.errors import Cancelled, PterionError
from viewer.app.tasks import Tasks
from viewer.dicom.deidentify import BurnedIn, Choices, deidentify
from viewer.dicom.profile import Retain
from viewer.jobs.qt import Relay
from viewer.session import CopyOrder, Session


class Copying(QObject):
    """Answers `session.copy_requested`, one at a time."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._tasks = Tasks(session, self)
        self._stop = threading.Event()
        self._relay = Relay(self)
        self._relay.arrived.connect(self._progressed)
        session.copy_requested.connect(self.copy)
        session.copy_cancel_requested.connect(self._stop.set)

    def copy(self, order: CopyOrder) -> None:
        """Copy the images of the open study."""
        study = self._session.study
        if study is None or self._session.copying:
            return
        paths = list(dict.fromkeys(place.path for series in study.series for place in series.slices))
        burned_in = BurnedIn.LEAVE_OUT if order.leave_out else BurnedIn.REFUSE
        burned_in = BurnedIn.BLACKOUT if order.blackout else burned_in
        choices = Choices(frozenset(map(Retain, order.retain)), burned_in, order.blackout)
        self._stop.clear()
        self._session.set_copying("Copying without the patient…")
        self._tasks.ask("", lambda: self._work(paths, order.out, choices), self._told, self._failed)

    def _work(self, paths: list[Path], out: Path, choices: Choices) -> tuple[str, dict[str, Any]] | None:
        """The output's name and the report; None where it was cancelled. Runs in a thread of its own."""
        try:
            report = deidentify(
                paths,
                out,
                choices,
                progress=lambda done, total: self._relay.put((done, total)),
                cancelled=self._stop.is_set,
            )
        except Cancelled:
            return None
        return out.name, report

    def _progressed(self, values: tuple[tuple[int, int], ...]) -> None:
        done, total = values[-1]
        if self._session.copying:
            self._session.set_copying(f"Copying without the patient… {done} of {total}")

    def _told(self, answer: tuple[str, dict[str, Any]] | None) -> None:
        self._session.set_copying("")
        if answer is None:
            return
        name, report = answer
        left = sum(one["files"] for one in report["left_out"])
        text = f"{report['files']} images are in “{name}”, with a report of what was changed."
        text += f" {left} files were left out; the report says why." if left else ""
        self._session.notice("info", "Copied without the patient", f"{text} {report['notices'][0]}")

    def _failed(self, error: PterionError) -> None:
        self._session.set_copying("")
        self._session.notice("error", "The study was not copied", str(error))

    def shutdown(self) -> None:
        """Stop; what is not finished leaves nothing behind."""
        self._stop.set()
        self._tasks.shutdown()
