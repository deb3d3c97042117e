"""The menu of windows: what the image asks for, automatic, presets, and the reader's own."""

from collections.abc import Mapping

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from model.errors import PterionError
from viewer.imaging.windows import PRESETS, Window, by_hand
from viewer.session import Session


class WindowMenu(QMenu):
    """Made anew each time it opens."""

    def __init__(self, session: Session, commands: Mapping[str, QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._panes, self._commands = session, session.panes, commands
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List what there is for the active viewport."""
        self.clear()
        shown = self._panes.panes[self._panes.active].window
        headers = self._panes.header_choices(self._panes.active)
        for number, window in enumerate(headers):
            made = self._entry(window, shown, self._key("window_1") if number == 0 else "")
            made.triggered.connect(lambda _=False, number=number: self._choose_header(number))
        if headers:
            self.addSeparator()
        automatic = "\t".join(filter(None, ("Automatic", self._key("window_0"))))
        self.addAction(automatic, self._commands["window_0"].trigger)
        for key, window in PRESETS.items():
            self._add_window(window, shown, self._key(f"window_{key}"))
        self.addSeparator()
        for number, window in enumerate(self._session.own_windows):
            self._add_window(window, shown, self._key(f"own_window_{number + 1}"))
        self.addAction("Keep this window as my own…", self.keep).setEnabled(shown.table is None)
        if self._session.own_windows:
            forget = self.addMenu("Forget")
            for window in self._session.own_windows:
                forget.addAction(window.name).triggered.connect(
                    lambda _=False, window=window: self._forget(window)
                )

    def _key(self, command: str) -> str:
        return self._session.bound.text(command)

    def _entry(self, window: Window, shown: Window, key: str) -> QAction:
        numbers = "look-up table" if window.table is not None else f"W {window.width:g} L {window.level:g}"
        made = self.addAction(f"{window.name} · {numbers}" + (f"\t{key}" if key else ""))
        made.setCheckable(True)
        made.setChecked(window == shown)
        return made

    def _add_window(self, window: Window, shown: Window, key: str) -> None:
        made = self._entry(window, shown, key)
        made.triggered.connect(lambda _=False: self._session.set_window(self._panes.active, window))

    def _choose_header(self, number: int) -> None:
        self._panes.follow_header(self._panes.active, number)

    def keep(self) -> None:
        """Ask for a name and keep the window of the active viewport under it."""
        window = self._panes.panes[self._panes.active].window
        text = f"W {window.width:g} L {window.level:g} is kept under this name:"
        name, given = QInputDialog.getText(self, "Keep this window", text, text=window.name)
        if not given:
            return
        try:
            kept = by_hand(name, window.width, window.level)
        except PterionError as error:
            self._session.notice("warning", "The window was not kept", str(error))
            return
        others = tuple(own for own in self._session.own_windows if own.name != kept.name)
        self._session.set_own_windows((*others, kept))

    def _forget(self, window: Window) -> None:
        self._session.set_own_windows(tuple(own for own in self._session.own_windows if own != window))
