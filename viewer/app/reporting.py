"""What to do with a bug: tell of it, and log where it happened."""

import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from viewer.jobs.qt import Relay
from viewer.session import Session

LOG_NAME = "pterion.log"


class BugReporter(QObject):
    """Tells of a bug in a notice and in a log without patient data; the window stays open, the work stays saved."""

    def __init__(self, session: Session, log_folder: Path) -> None:
        super().__init__()
        self._session = session
        self._path = log_folder / LOG_NAME
        self._log = logging.getLogger("pterion.bugs")
        self._handler = logging.FileHandler(self._path, encoding="utf-8", delay=True)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._log.addHandler(self._handler)
        self._log.propagate = False
        self._relay = Relay(self)
        self._relay.arrived.connect(self._tell)

    def install(self) -> None:
        """Take over what nobody caught, in every thread."""
        sys.excepthook = self.caught
        threading.excepthook = lambda args: self.caught(args.exc_type, args.exc_value, args.exc_traceback)

    def remove(self) -> None:
        """Give everything back and close the log."""
        sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__
        self._log.removeHandler(self._handler)
        self._handler.close()

    def caught(self, kind: type[BaseException], _: BaseException | None, trace: TracebackType | None) -> None:
        """Log where it happened, without the error's own text, which may hold a patient's data. Any thread."""
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        frames = traceback.extract_tb(trace)
        where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
        self._log.error("%s at %s", kind.__name__, where)
        self._relay.put(f"{kind.__name__} at {where.split(' < ')[0]}")

    def _tell(self, bugs: tuple[str, ...]) -> None:
        text = f"{bugs[-1]}. What you drew is safe. {self._path.name} in Pterion's data folder says where it happened."
        self._session.notice("error", "Something in Pterion went wrong", text)
