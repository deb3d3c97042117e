"""What was opened last, kept in the library's settings and offered again."""

from pathlib import Path

from PySide6.QtCore import QObject

from viewer.app.tasks import Tasks
from viewer.library.store import Library
from viewer.session import Session

SETTING = "recent"
MOST = 8


class Recent(QObject):
    """Remembers what opened well. While the patient is hidden nothing is added: names of folders name patients."""

    def __init__(self, session: Session, library: Library, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._library = library
        self._tasks = tasks
        self._asked: tuple[Path, ...] = ()
        session.open_requested.connect(self._remember_asked)

    def begin(self) -> None:
        """Read the list; what is gone meanwhile is left out."""
        self._tasks.ask("", self._read, self._add_earlier, failed=lambda _: None)

    def opened(self) -> None:
        """What was asked for last holds studies: put it on top of the list."""
        if not self._asked or self._session.patient_hidden:
            return
        first = self._asked[0]
        place = first if len(self._asked) == 1 else first.parent
        self._keep((place.absolute(), *self._session.recent))

    def _add_earlier(self, earlier: tuple[Path, ...]) -> None:
        """The list as it was; what was opened before it was read stays on top of it."""
        if self._session.recent:
            self._keep((*self._session.recent, *earlier))
        else:
            self._session.set_recent(earlier)

    def _keep(self, paths: tuple[Path, ...]) -> None:
        paths = tuple(dict.fromkeys(paths))[:MOST]
        self._session.set_recent(paths)
        texts = [str(path) for path in paths]
        self._tasks.ask("", lambda: self._library.set_setting(SETTING, texts), failed=lambda _: None)

    def _remember_asked(self, paths: tuple[Path, ...]) -> None:
        self._asked = tuple(paths)

    def _read(self) -> tuple[Path, ...]:
        kept = self._library.setting(SETTING, [])
        paths = [Path(text) for text in kept if isinstance(text, str)] if isinstance(kept, list) else []
        return tuple(path for path in paths if path.exists())[:MOST]
