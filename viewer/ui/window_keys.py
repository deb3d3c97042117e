"""The keys of what the window can do: a shortcut for each action that has an id, as the reader has bound it."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from viewer.bindings import Bindable
from viewer.session import Session
from viewer.ui.palette import Action

GROUP = "Window"


class WindowKeys(QObject):
    """Asks for the actions anew whenever a key is pressed, so that what comes and goes stays right."""

    def __init__(self, session: Session, window: QWidget, actions: Callable[[], tuple[Action, ...]]) -> None:
        super().__init__(window)
        self._bound = session.bound
        self._actions = actions
        self._known = {command.id for command in self._bound.commands}
        mine = tuple(action for action in actions() if action.id and action.id not in self._known)
        self._bound.add(
            Bindable(each.id, each.name, tuple(each.keys.split(" ")) if each.keys else (), group=GROUP)
            for each in mine
        )
        self._made = {each.id: self._shortcut(window, each.id) for each in mine}
        self._bound.changed.connect(self._follow)
        self._follow()

    def _shortcut(self, window: QWidget, id_: str) -> QAction:
        made = QAction(window)
        made.setObjectName(id_)
        made.triggered.connect(lambda: self._run(id_))
        window.addAction(made)
        return made

    def _follow(self) -> None:
        for id_, made in self._made.items():
            made.setShortcuts([QKeySequence(keys) for keys in self._bound.keys(id_)])

    def _run(self, id_: str) -> None:
        for action in self._actions():
            if action.id == id_ and action.enabled():
                action.run()
                return
