"""Sentences about what to trust less, each in a frame of its own."""

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from viewer.ui import theme


class CautionList(QWidget):
    """Shows each sentence once."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: tuple[str, ...] = ()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self.setVisible(False)

    def count(self) -> int:
        """How many there are."""
        return len(self.texts)

    def show_texts(self, texts: list[str]) -> None:
        """Show these in place of those before."""
        wanted = tuple(dict.fromkeys(texts))
        if wanted == self.texts:
            return
        self.texts = wanted
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        for text in wanted:
            made = QFrame()
            made.setProperty("role", "caution")
            layout = QVBoxLayout(made)
            layout.setContentsMargins(10, 6, 8, 6)
            layout.addWidget(theme.label(text, "", wrap=True))
            self._layout.addWidget(made)
        self.setVisible(bool(wanted))
