"""Small work off the GUI thread: callables in order, each answer to its own callback."""

from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject

from model.errors import PterionError
from viewer.jobs.qt import WriterThread
from viewer.session import Session

T = TypeVar("T")


class Tasks(QObject):
    """Callables that run one after another in one thread of their own; each answer goes to its own callback."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._waiting: dict[
            int, tuple[str, Callable[[Any], None], Callable[[PterionError], None] | None]
        ] = {}
        self._ended = self._dropping = False
        self._thread = WriterThread(self)
        self._thread.done.connect(self._done)
        self._thread.not_done.connect(self._not_done)
        self._thread.start()

    def ask(
        self,
        what: str,
        task: Callable[[], T],
        then: Callable[[T], None] | None = None,
        failed: Callable[[PterionError], None] | None = None,
    ) -> None:
        """Run `task`; its answer goes to `then`. A PterionError goes to `failed`, else into a notice titled `what`."""
        number = self._thread.submit(lambda: None if self._dropping else _caught(task))
        self._waiting[number] = (what, then or (lambda _: None), failed)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._waiting)

    def _done(self, answers: tuple[tuple[int, Any], ...]) -> None:
        for number, answer in answers:
            _, then, _ = self._waiting.pop(number)
            if isinstance(answer, _Bug):
                raise answer.error
            if not self._ended:
                then(answer)

    def _not_done(self, answers: tuple[tuple[int, PterionError], ...]) -> None:
        for number, error in answers:
            what, _, failed = self._waiting.pop(number)
            if failed is not None:
                failed(error)
            else:
                self._session.notice("error", what, str(error))

    def shutdown(self, *, drop: bool = False) -> None:
        """Finish what was asked, then end; answers are dropped. drop: finish only what has begun."""
        self._ended, self._dropping = True, drop
        self._thread.shutdown()


def unheard(_: PterionError) -> None:
    """For failures that somebody else tells of, or that cost nothing."""


class _Bug:
    """What a task raised that is nobody's fault but ours; raised again on the GUI thread."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _caught(task: Callable[[], T]) -> T | _Bug:
    try:
        return task()
    except PterionError:
        raise
    except Exception as error:  # noqa: BLE001  the thread must outlive it; it is raised where it can be told
        return _Bug(error)
