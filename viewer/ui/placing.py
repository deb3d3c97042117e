"""Where the windows are on the screens: panels in windows of their own, and nothing left where no screen is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QMoveEvent, QResizeEvent, QScreen
from PySide6.QtWidgets import QMainWindow, QSplitter, QVBoxLayout, QWidget

from viewer.ui import theme
from viewer.ui.status_bar import RESEARCH

WORKLIST, PANELS = "Worklist", "Panels"
"""What can be moved to a window of its own."""
GRIP_PX = (160, 40)
"""So much of a window's upper edge must be on a screen that a hand can move it."""
SETTLED_MS = 500
Box = tuple[int, int, int, int]
"""Left, top, width, height."""


@dataclass(frozen=True)
class Placement:
    """Where everything is. columns: widths of worklist, viewports and panels. outside: panels in windows of their
    own, by name."""

    frame: Box
    maximised: bool = False
    columns: tuple[int, ...] = ()
    outside: dict[str, Box] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for windows without a size."""
        for box in (self.frame, *self.outside.values()):
            if len(box) != 4 or min(box[2:]) < 1:
                raise ValueError(f"a window needs a place and a size, got {box}")


def brought_back(window: QRect, screens: Sequence[QRect]) -> QRect:
    """A window where a hand can reach it: as it is, where its upper edge is on a screen; else on the nearest one, no
    larger than that."""
    if not screens:
        return window
    edge = QRect(window.left(), window.top(), window.width(), GRIP_PX[1])
    for screen in screens:
        seen = edge & screen
        if seen.width() >= min(GRIP_PX[0], window.width()) and seen.height() >= GRIP_PX[1] // 2:
            return window
    middle = window.center()

    def distance(screen: QRect) -> int:
        across = max(screen.left() - middle.x(), 0, middle.x() - screen.right())
        down = max(screen.top() - middle.y(), 0, middle.y() - screen.bottom())
        return across * across + down * down

    screen = min(screens, key=distance)
    width, height = min(window.width(), screen.width()), min(window.height(), screen.height())
    left = min(max(window.left(), screen.left()), screen.left() + screen.width() - width)
    top = min(max(window.top(), screen.top()), screen.top() + screen.height() - height)
    return QRect(left, top, width, height)


def fitted(window: QRect, screens: Sequence[QRect]) -> QRect:
    """A window that lies wholly on the screen that shows its middle, or the nearest: a kept place may be from a larger
    one."""
    back = brought_back(window, screens)
    screen = next((screen for screen in screens if screen.contains(back.center())), None)
    if screen is None:
        screen = next((screen for screen in screens if screen.intersects(back)), back)
    width, height = min(back.width(), screen.width()), min(back.height(), screen.height())
    left = min(max(back.left(), screen.left()), screen.left() + screen.width() - width)
    top = min(max(back.top(), screen.top()), screen.top() + screen.height() - height)
    return QRect(left, top, width, height)


def box_of(rect: QRect) -> Box:
    """A rectangle as four numbers."""
    return (rect.left(), rect.top(), rect.width(), rect.height())


class OutsideWindow(QWidget):
    """A window of its own for one panel. Closing it puts the panel back."""

    closed = Signal()
    placed = Signal()

    def __init__(self, title: str, panel: QWidget, owner: QWidget) -> None:
        super().__init__(owner, Qt.WindowType.Window)
        self.setWindowTitle(f"{title} — Pterion")
        self.panel = panel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(panel, 1)
        notice = theme.label(RESEARCH, "amber")
        notice.setContentsMargins(10, 4, 10, 6)
        layout.addWidget(notice)
        panel.show()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Let the panel go back."""
        self.closed.emit()
        super().closeEvent(event)

    def moveEvent(self, event: QMoveEvent) -> None:  # noqa: N802
        """Tell where it is."""
        super().moveEvent(event)
        self.placed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Tell how large it is."""
        super().resizeEvent(event)
        self.placed.emit()


def available() -> list[QRect]:
    """What of each screen windows may take, the first screen first."""
    return [screen.availableGeometry() for screen in QGuiApplication.screens()]


class Placing(QObject):
    """Moves the panels of a window's splitter out and back; brings windows back whose screen was unplugged.

    changed: something is elsewhere, a moment ago. screens: what windows may take of each.
    """

    changed = Signal()

    def __init__(self, window: QMainWindow, splitter: QSplitter, panels: dict[str, QWidget]) -> None:
        """panels: those that can be moved out, by name; each is in the splitter."""
        super().__init__(window)
        self._window, self._splitter, self._panels = window, splitter, panels
        self._homes = {name: splitter.indexOf(panel) for name, panel in panels.items()}
        self._kept: tuple[int, ...] = ()  # widths of the columns while all were in
        self.outside: dict[str, OutsideWindow] = {}
        self.screens: Callable[[], list[QRect]] = available
        self.others: Callable[[], Iterable[QWidget]] = lambda: ()
        """Windows that belong to this one and are moved by somebody else."""
        self._settled = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._settled.timeout.connect(self.changed)
        splitter.splitterMoved.connect(self.note)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.screenRemoved.connect(self._screens_changed)
        app.screenAdded.connect(self._watch)
        for screen in QGuiApplication.screens():
            self._watch(screen)

    def _watch(self, screen: QScreen) -> None:
        screen.availableGeometryChanged.connect(self._screens_changed)

    def _screens_changed(self, *_: object) -> None:
        QTimer.singleShot(0, self, self.bring_back)  # the list of screens is right only afterwards

    def note(self, *_: object) -> None:
        """Something was moved."""
        self._settled.start()

    def fit(self) -> None:
        """Make the main window no larger than its screen, where there is no window manager that does, too."""
        here = self._window.geometry()
        there = fitted(here, self.screens())
        self._window.setMinimumSize(self._window.minimumSize().boundedTo(there.size()))
        if there != here:
            self._window.setGeometry(there)

    def bring_back(self) -> None:
        """Put every window that no screen shows on the nearest screen."""
        for window in (self._window, *self.outside.values(), *self.others()):
            here = window.geometry()
            back = brought_back(here, self.screens())
            if back != here:
                maximised = window.isMaximized()
                window.setGeometry(back)
                if maximised:
                    window.showMaximized()

    def toggle(self, name: str) -> None:
        """Move a panel to a window of its own, or back."""
        if name in self.outside:
            self.outside[name].close()
        else:
            self.move_out(name)

    def move_out(self, name: str, box: Box | None = None) -> None:
        """Give a panel a window of its own: at `box`, else on another screen where there is one, else where it was."""
        if name in self.outside:
            return
        panel = self._panels[name]
        if not self.outside:
            self._kept = tuple(self._splitter.sizes())
        place = QRect(panel.mapToGlobal(panel.rect().topLeft()), panel.size())
        made = self.outside[name] = OutsideWindow(name, panel, self._window)
        made.closed.connect(lambda: self._return(name))
        made.placed.connect(self.note)
        made.setGeometry(fitted(QRect(*box), self.screens()) if box else self.elsewhere(place))
        made.show()
        self.note()

    def elsewhere(self, place: QRect) -> QRect:
        """The same size in the middle of a screen that the window is not on; the place itself without another."""
        screens = self.screens()
        others = [screen for screen in screens if not screen.contains(self._window.geometry().center())]
        moved = QRect(place)
        if others:
            moved.moveCenter(others[0].center())
        return fitted(moved, screens)

    def _return(self, name: str) -> None:
        window = self.outside.pop(name, None)
        if window is None:
            return
        before = sum(self._homes[other] < self._homes[name] for other in self.outside)
        self._splitter.insertWidget(self._homes[name] - before, window.panel)
        window.panel.show()
        window.deleteLater()
        if not self.outside and self._kept:
            self._splitter.setSizes(list(self._kept))
        self.note()

    def close(self) -> None:
        """Hide the windows of the panels, as the window itself is closed."""
        for window in (*self.outside.values(), *self.others()):
            window.hide()

    def placement(self) -> Placement:
        """Where everything is now."""
        window = self._window
        frame = window.normalGeometry() if window.isMaximized() else window.geometry()
        columns = self._kept if self.outside else tuple(self._splitter.sizes())
        outside = {name: box_of(each.geometry()) for name, each in self.outside.items()}
        return Placement(box_of(frame), window.isMaximized(), columns, outside)

    def place(self, placement: Placement) -> None:
        """Put everything where it was, as far as there are screens for it."""
        self._window.setGeometry(fitted(QRect(*placement.frame), self.screens()))
        if len(placement.columns) == self._splitter.count() and sum(placement.columns) > 0:
            self._splitter.setSizes(list(placement.columns))
        for name, box in placement.outside.items():
            if name in self._panels:
                self.move_out(name, box)
        if placement.maximised:
            self._window.showMaximized()
