"""A field that takes the next key pressed, whatever it is, in the notation of `viewer.bindings`."""

from PySide6.QtCore import QEvent, QKeyCombination, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QPushButton, QWidget

from model.errors import PterionError
from viewer.bindings import chord

_HELD = (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr)
_KEPT = (
    Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
)


def chord_of(event: QKeyEvent) -> str | None:
    """The key of an event in one spelling; None for a modifier alone and for what has no name.

    Shift is part of a symbol (`?`), and a modifier of everything else.
    """
    key = Qt.Key(event.key())
    if key in _HELD or key == Qt.Key.Key_unknown:
        return None
    modifiers = event.modifiers() & _KEPT
    if key == Qt.Key.Key_Backtab:
        key, modifiers = Qt.Key.Key_Tab, modifiers | Qt.KeyboardModifier.ShiftModifier
    text = QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
    symbol = len(text) == 1 and not text.isalnum()
    if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not symbol:
        modifiers |= Qt.KeyboardModifier.ShiftModifier
    combined = QKeySequence(QKeyCombination(modifiers, key))
    try:
        return chord(combined.toString(QKeySequence.SequenceFormat.PortableText))
    except PterionError:
        return None


class KeyField(QPushButton):
    """Clicked, it waits for a key and emits it; Esc, or going elsewhere, gives up."""

    pressed_keys = Signal(str)

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._text = text
        self.waiting = False
        self.setAccessibleName(text)
        self.clicked.connect(self.wait)

    def wait(self) -> None:
        """Take the next key."""
        self.waiting = True
        self.setText("Press a key …  (Esc gives up)")
        self.setFocus()

    def give_up(self) -> None:
        """Take no key any more."""
        self.waiting = False
        self.setText(self._text)

    def event(self, event: QEvent) -> bool:
        """While it waits, no shortcut and no focus key gets in between."""
        if self.waiting and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self._take(event)
                return True
        return super().event(event)

    def _take(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and not event.modifiers():
            self.give_up()
            return
        found = chord_of(event)
        if found is not None:
            self.give_up()
            self.pressed_keys.emit(found)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The keyboard goes elsewhere."""
        self.give_up()
        super().focusOutEvent(event)
