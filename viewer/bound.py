"""Which key does what in one window now: the commands that said what they are, and the reader's bindings."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from viewer.bindings import Bindable, Bindings, Resolved, resolve


class Bound(QObject):
    """The commands of one window and who has which keys. Read freely; `changed` tells of other keys."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bindings = Bindings()
        self._commands: dict[str, Bindable] = {}
        self._resolved = Resolved({}, {})

    @property
    def commands(self) -> tuple[Bindable, ...]:
        """Everything that keys can do."""
        return tuple(self._commands.values())

    @property
    def resolved(self) -> Resolved:
        """Who has which keys, and who asked for them in vain."""
        return self._resolved

    def add(self, commands: Iterable[Bindable]) -> None:
        """Take commands in; one that is known already is replaced."""
        self._commands |= {command.id: command for command in commands}
        self._resolve()

    def use(self, bindings: Bindings) -> None:
        """Take other bindings."""
        if bindings != self.bindings:
            self.bindings = bindings
            self._resolve()

    def _resolve(self) -> None:
        before, self._resolved = self._resolved, resolve(self.commands, self.bindings)
        if before != self._resolved:
            self.changed.emit()

    def keys(self, id_: str) -> tuple[str, ...]:
        """The keys of a command, in Qt's portable notation; none for one nobody knows."""
        return self._resolved.keys.get(id_, ())

    def text(self, id_: str) -> str:
        """The first key of a command, empty where it has none."""
        return next(iter(self.keys(id_)), "")

    def told(self, id_: str) -> str:
        """What the mouse is told at a choice of `viewer.bindings.MOUSE`."""
        return self.bindings.told(id_)
