"""A ring around the control that the Tab key came to; the mouse brings none."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QWidget

from viewer.ui import theme

WIDTH_PX = 2


def first_control(area: QWidget) -> QWidget | None:
    """The first of an area that Tab comes to; None where it has none."""
    here = area.nextInFocusChain()
    while here is not None and here is not area:
        takes = bool(here.focusPolicy() & Qt.FocusPolicy.TabFocus) and here.isVisible() and here.isEnabled()
        if takes and area.isAncestorOf(here):
            return here
        here = here.nextInFocusChain()
    return None


class FocusRing(QWidget):
    """Lies over one window, and is as large as the control it marks."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._around: QWidget | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._moved)

    def mark(self, widget: QWidget | None) -> None:
        """Mark a control of the window, or none."""
        self._around = widget
        self.follow()

    def follow(self) -> None:
        """Go where the control is now."""
        widget = self._around
        if widget is None or not widget.isVisible() or widget.window() is not self._window:
            self.hide()
            return
        above = widget.parentWidget()
        shown = widget.rect() if above is None else widget.rect() & above.rect().translated(-widget.pos())
        shown = shown.translated(widget.mapTo(self._window, QPoint(0, 0)))
        self.setGeometry(shown.adjusted(-WIDTH_PX, -WIDTH_PX, WIDTH_PX, WIDTH_PX) & self._window.rect())
        self.raise_()
        self.show()

    def _moved(self, _: QWidget | None, now: QWidget | None) -> None:
        if now is not self._around:
            self.mark(None)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """The ring alone."""
        painter = QPainter(self)
        painter.setPen(QPen(QColor(theme.BRIGHT), WIDTH_PX))
        half = WIDTH_PX // 2
        painter.drawRect(self.rect().adjusted(half, half, -half, -half))
        painter.end()
