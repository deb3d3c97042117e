"""The desk that takes drawing events to the open series' editor, and its answers to the session."""

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Signal

from viewer.annotation import events
from viewer.annotation.document import Annotation, Document
from viewer.annotation.editor import Editor
from viewer.annotation.events import Edit
from viewer.annotation.options import GrowOptions
from viewer.annotation.preview import State
from viewer.annotation.stack import Stack
from viewer.session import Session

LEAST_POINTS = 3


class AnnotationDesk(QObject):
    """Takes drawing intentions to the open series' `Editor` and its answers to the session.

    edited: an `Edit` to be saved at once.
    """

    edited = Signal(object)  # Edit

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.editor = Editor(subtype=session.subtype)
        session.edit_requested.connect(self.take)
        self.elsewhere: Callable[[events.Key], bool] = lambda _: False
        """Asked first to undo or redo what was done last: whether that was on another series, and is done."""
        session.undo_requested.connect(lambda: self._travel(events.Key.UNDO))
        session.redo_requested.connect(lambda: self._travel(events.Key.REDO))
        session.subtype_changed.connect(lambda code: self.take(events.ChooseSubtype(code)))
        session.measuring.revise_requested.connect(self.revise)
        session.selection_changed.connect(self._select)
        session.drawing.changed.connect(self.take)

    def open(self, document: Document, shape: tuple[int, int] | None, stack: Stack | None = None) -> None:
        """Start on another series: its annotations, the (rows, columns) of its slices, its pixels. Undo starts anew;
        an outline still open on the old one is closed and kept."""
        self.finish()
        before = self.editor
        self.editor = Editor(document, shape=shape, stack=stack, subtype=self._session.subtype)
        for setting in self._session.drawing.settings():
            self.editor.handle(setting)
        if document.key == before.document.key:  # another reading of the same series
            self.editor.handle(before.offer)
        self._session.set_document(document)
        self._show(None)

    def finish(self) -> None:
        """Close an open outline of three points or more, so that it is kept when series or window go."""
        if self.editor.state is State.DRAWING and len(self.editor.preview.path) >= LEAST_POINTS:
            self.take(events.Key.CLOSE)

    def take(self, event: events.Event) -> None:
        """Let the editor take one event and show what it made of it."""
        self._show(self.editor.handle(event))

    def _travel(self, key: events.Key) -> None:
        if not self.elsewhere(key):
            self.take(key)

    def revise(self, document: Document, action: str) -> None:
        """Put another state in the place of this one (measures, marked slices) as one step that undo takes back."""
        if document.key not in self._session.beside:
            self._show(self.editor.replace_document(document, action))

    def catch_up(self, document: Document, carry: Callable[[Document], Document]) -> bool:
        """Show what another window made of the document; False in the middle of a stroke."""
        if not self.editor.catch_up(document, carry):
            return False
        self._session.set_document(document)
        self._show(None)
        return True

    def add(self, annotations: Iterable[Annotation], action: str) -> None:
        """Add annotations (accepted or imported) as one step that undo takes back."""
        self._show(self.editor.add(annotations, action))

    def _select(self, uid: str | None) -> None:
        if uid != self.editor.selection:
            self.take(events.Select(uid))

    def _show(self, edit: Edit | None) -> None:
        session, editor = self._session, self.editor
        if edit is not None:
            session.set_document(edit.document)
        session.set_selection(editor.selection)
        session.drawing.set_proposals(editor.proposals)
        session.set_preview(editor.preview)
        for message in editor.take_messages():
            session.notice("info", "Annotation", message)
        if edit is not None:
            session.drawing.set_options(editor.options(GrowOptions))  # a drag sets how far it grows
            self.edited.emit(edit)
