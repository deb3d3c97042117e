"""What the reader prefers: read before the window is built, kept in a file with every change, carried out."""

from pathlib import Path

from PySide6.QtCore import QObject

from viewer import preferences as kept
from viewer.app.tasks import Tasks
from viewer.dicom.kept import KeptVolumes
from viewer.library.store import Library
from viewer.preferences import Preferences
from viewer.session import Session
from viewer.ui import theme

RECENT_SETTING = "recent actions"
RECENT_MOST = 12


class Preferring(QObject):
    """Reads at once, so that the window comes up as it should look; writes off the GUI thread, the latest only."""

    def __init__(self, session: Session, folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._folder = session, folder
        self._tasks: Tasks | None = None
        self._volumes: KeptVolumes | None = None
        self._waiting = False
        self._loaded = kept.load(folder)
        session.preferences_changed.connect(theme.use)
        theme.use(self._loaded.preferences)
        session.set_preferences(self._loaded.preferences)
        session.set_patient_hidden(self._loaded.preferences.hide_patient)
        self._before = self._loaded.preferences
        session.preferences_changed.connect(self._changed)

    def begin(self, library: Library, tasks: Tasks, volumes: KeptVolumes) -> None:
        """Start to keep changes; say what was wrong with the file."""
        self._tasks, self._volumes = tasks, volumes
        self._session.library_path = library.path
        self._give_memory(self._session.preferences)
        if self._session.preferences != self._loaded.preferences:  # changed while the window came up
            self._keep()
        if self._loaded.problem:
            self._session.notice("warning", "Preferences damaged", self._loaded.problem)

        self._session.recent_actions_changed.connect(
            lambda now: tasks.ask(
                "", lambda: library.set_setting(RECENT_SETTING, list(now)), failed=lambda _: None
            )
        )
        tasks.ask("", lambda: library.setting(RECENT_SETTING, []), self._take_recent, failed=lambda _: None)

    def _take_recent(self, found: object) -> None:
        """What was done in former sessions comes after what was done meanwhile."""
        kept = [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
        both = dict.fromkeys((*self._session.recent_actions, *kept))
        self._session.set_recent_actions(tuple(both)[:RECENT_MOST])

    def _changed(self, preferences: Preferences) -> None:
        before, self._before = self._before, preferences
        if before.hide_patient != preferences.hide_patient:
            self._session.set_patient_hidden(preferences.hide_patient)
        if before.memory_mb != preferences.memory_mb:
            self._give_memory(preferences)
        self._keep()

    def _keep(self) -> None:
        if self._tasks is not None and not self._waiting:
            self._waiting = True
            self._tasks.ask("Your preferences could not be kept", self._write)

    def _write(self) -> None:
        """Write the latest: of many changes in a row, one file."""
        self._waiting = False
        kept.save(self._folder, self._session.preferences)

    def _give_memory(self, preferences: Preferences) -> None:
        if self._volumes is not None:
            self._volumes.set_budget(preferences.memory_mb << 20 if preferences.memory_mb else None)
