"""Windows that files name and windows that the reader keeps."""

from PySide6.QtCore import QObject

from model.errors import PterionError
from viewer.app.tasks import Tasks
from viewer.dicom.voi import HeaderWindow, read_windows
from viewer.dicom.volume import Volume
from viewer.imaging.windows import Function, Table, Window, by_hand
from viewer.library.store import Library
from viewer.session import Session

SETTING = "windows"
OWN_MOST = 20
HEADER = "Header"


def window_of(found: HeaderWindow) -> Window | None:
    """A file's window as it is shown; None where nothing can show it."""
    table = Table(found.lut.first_hu, found.lut.greys) if found.lut is not None else None
    name = f"{HEADER}: {found.name}" if found.name else HEADER
    try:
        return Window(name, max(found.width, 1.0), found.level, Function(found.function), table)
    except ValueError:
        return None


def _kept(entry: object) -> Window | None:
    """A window of the reader's as it was kept; None where that cannot be shown."""
    if not isinstance(entry, list) or len(entry) != 3:
        return None
    try:
        return by_hand(str(entry[0]), float(entry[1]), float(entry[2]))
    except (PterionError, TypeError, ValueError):
        return None


class Windowing(QObject):
    """Reads what the files of a shown series ask for; keeps the reader's own windows."""

    def __init__(
        self, session: Session, library: Library, chores: Tasks, tasks: Tasks, parent: QObject
    ) -> None:
        """chores: may wait. tasks: for the library."""
        super().__init__(parent)
        self._session, self._library = session, library
        self._chores, self._tasks = chores, tasks
        session.volume_changed.connect(self._look)
        session.panes.volume_added.connect(self._look)
        session.own_windows_changed.connect(self._keep)

    def begin(self) -> None:
        """Read the reader's own windows."""
        self._tasks.ask("", lambda: self._library.setting(SETTING, []), self._take, failed=lambda _: None)

    def _take(self, kept: object) -> None:
        """Use what can be used of the kept windows, and say where something cannot."""
        windows: list[Window] = []
        broken = 0
        for entry in kept if isinstance(kept, list) else [kept]:
            window = _kept(entry)
            windows += [window] if window is not None else []
            broken += window is None
        if broken:
            text = (
                f"{broken} of your own windows cannot be shown and was left out. Keep it again from the menu."
            )
            self._session.notice("warning", "A window is damaged", text)
        self._session.set_own_windows(tuple(windows[:OWN_MOST]))

    def _keep(self, windows: tuple[Window, ...]) -> None:
        kept = [[window.name, window.width, window.level] for window in windows]
        self._tasks.ask("Your windows could not be kept", lambda: self._library.set_setting(SETTING, kept))

    def _look(self, volume: Volume | None) -> None:
        """Read the windows of the middle slice; where there is more than the scan found, those of every slice."""
        if volume is None:
            return
        slices = volume.series.slices
        middle = slices[len(slices) // 2]

        def more(found: tuple[tuple[HeaderWindow, ...], ...]) -> None:
            windows = found[0] if found else ()
            if len(windows) > 1 or any(each.function != "LINEAR" or each.lut for each in windows):
                self._chores.ask(
                    "",
                    lambda: read_windows(slices),
                    lambda table: self._tell(volume, table),
                    failed=lambda _: None,
                )

        self._chores.ask("", lambda: read_windows([middle]), more, failed=lambda _: None)

    def _tell(self, volume: Volume, table: tuple[tuple[HeaderWindow, ...], ...]) -> None:
        windows = tuple(
            tuple(window for window in map(window_of, found) if window is not None) for found in table
        )
        self._session.panes.set_header_windows(volume, windows)
