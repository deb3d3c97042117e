"""Measures on series that hang beside the open one: changed, taken back, and handed on to be kept."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from viewer.annotation.document import Document
from viewer.annotation.editor import Editor
from viewer.annotation.events import Edit, Key
from viewer.annotation.preview import State
from viewer.imaging.pane import SeriesKey
from viewer.session import Session
from viewer.ui.desk import AnnotationDesk


class BesideDesk(QObject):
    """An `Editor` for each series beside the open one. Undo goes to the series that was changed last.

    edited: an `Edit` to be saved at once.
    """

    edited = Signal(object)  # Edit

    def __init__(self, session: Session, desk: AnnotationDesk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._desk = session, desk
        self._editors: dict[SeriesKey, Editor] = {}
        self._done: list[SeriesKey | None] = []  # which series each step changed; None for the open one
        self._undone: list[SeriesKey | None] = []
        self._travelling = False
        desk.elsewhere = self._travel
        desk.edited.connect(self._noted)
        session.measuring.revise_requested.connect(self.revise)
        session.volume_changed.connect(self._forget)

    def open(self, document: Document) -> None:
        """Take what was left on a series that now hangs beside the open one. Undo starts anew there."""
        self._drop(document.key)
        self._editors[document.key] = Editor(document)
        self._session.set_beside(document)

    def revise(self, document: Document, action: str) -> None:
        """Put another state in the place of a series' own, as one step that undo takes back."""
        editor = self._editors.get(document.key)
        opened = self._session.series
        if editor is None or (opened is not None and opened.key == document.key):
            return
        edit = editor.replace_document(document, action)
        if edit is not None:
            self._done.append(document.key)
            self._undone.clear()
            self._show(edit)

    def _travel(self, key: Key) -> bool:
        """Undo or redo the last step, wherever that was; False leaves it to the desk of the open series."""
        if self._desk.editor.state is State.DRAWING:
            return False
        source, target = (self._done, self._undone) if key is Key.UNDO else (self._undone, self._done)
        if not source:
            return False
        where = source.pop()
        target.append(where)
        if where is None:
            return self._travelled(lambda: self._desk.take(key))
        edit = self._editors[where].handle(key)
        if edit is not None:
            self._show(edit)
        return True

    def _travelled(self, step: Callable[[], None]) -> bool:
        """Have the desk of the open series take a step without noting it as a new one."""
        self._travelling = True
        try:
            step()
        finally:
            self._travelling = False
        return True

    def _noted(self, _: Edit) -> None:
        """The open series was changed."""
        if not self._travelling:
            self._done.append(None)
            self._undone.clear()

    def _show(self, edit: Edit) -> None:
        self._session.set_beside(edit.document)
        if self._session.measured_by(self._session.measuring.selection) is None:
            self._session.measuring.set_selection(None)
        self.edited.emit(edit)

    def _forget(self, _: object) -> None:
        """Another series is open: its steps begin anew, and what hangs no longer is let go."""
        self._drop(None)
        opened = self._session.series
        hung = {pane.series for pane in self._session.panes.panes}
        for key in [key for key in self._editors if key not in hung or (opened and opened.key == key)]:
            self._drop(key)
            del self._editors[key]
            self._session.beside.pop(key, None)

    def _drop(self, where: SeriesKey | None) -> None:
        """Forget the steps on a series."""
        self._done = [each for each in self._done if each != where]
        self._undone = [each for each in self._undone if each != where]
