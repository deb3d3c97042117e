"""The page of windows: the shipped ones to look at, the reader's own to name, set, order and remove."""

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from model.errors import PterionError
from viewer.imaging.windows import PRESETS, Window, by_hand
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.preferences_mouse import GUTTER

MOST = 20
KEY_PX, BUTTONS_PX = 34, 128
NO_NUMBER = "Type width and level as numbers of HU, like 80 and 40."


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", ".").replace("−", "-"))
    except ValueError:
        raise PterionError(NO_NUMBER) from None


class WindowRow(QWidget):
    """Name, width and level of one window; what cannot be shown is refused in words and changes nothing."""

    def __init__(self, page: "WindowsPage", number: int, window: Window) -> None:
        super().__init__()
        self._page, self._number = page, number
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        across = QHBoxLayout()
        across.setSpacing(6)
        key = page.session.bound.text(f"own_window_{number + 1}")
        shown = theme.label(key, "key" if key else "quiet")
        shown.setFixedWidth(KEY_PX)
        across.addWidget(shown)
        self.name = QLineEdit(window.name)
        self.width_hu = QLineEdit(f"{window.width:g}")
        self.level_hu = QLineEdit(f"{window.level:g}")
        for field, said, least in (
            (self.name, "Name", 140),
            (self.width_hu, "Width in HU", 70),
            (self.level_hu, "Level in HU", 70),
        ):
            field.setAccessibleName(f"{said} of window {number + 1}")
            field.setMinimumWidth(least)
            field.editingFinished.connect(self._changed)
            across.addWidget(field, 3 if field is self.name else 1)
        self.up = theme.button("Up")
        self.remove = theme.button("Remove")
        self.up.setFixedWidth(46)
        self.remove.setFixedWidth(BUTTONS_PX - 46 - 6)
        self.up.setEnabled(number > 0)
        self.up.clicked.connect(lambda: page.move_up(number))
        self.remove.clicked.connect(lambda: page.remove(number))
        self.up.setAccessibleName(f"Move window {number + 1} up")
        self.remove.setAccessibleName(f"Remove window {number + 1}")
        across.addWidget(self.up)
        across.addWidget(self.remove)
        layout.addLayout(across)
        self.says = theme.label("", "red", wrap=True)
        self.says.hide()
        layout.addWidget(self.says)

    def _changed(self) -> None:
        try:
            made = by_hand(self.name.text(), _number(self.width_hu.text()), _number(self.level_hu.text()))
            self._page.change(self._number, made)
        except PterionError as error:
            self.says.setText(str(error))
            self.says.show()
        else:
            self.says.hide()


class WindowsPage(QWidget):
    """Acts on the session's own windows at once."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.rows: list[WindowRow] = []
        self.shipped: dict[int, QLabel] = {}
        column = theme.scrolled(self)
        column.setContentsMargins(0, 0, GUTTER, 0)
        column.addWidget(theme.heading("Your own"))
        self.empty = theme.label(
            "None yet. Set a window by hand and keep it from the menu More, or add one.", "quiet"
        )
        self.empty.setWordWrap(True)
        column.addWidget(self.empty)
        self.heads = self._make_heads()
        column.addWidget(self.heads)
        self._column = QVBoxLayout()
        self._column.setSpacing(6)
        column.addLayout(self._column)
        across = QHBoxLayout()
        self.add = theme.button("Add a window")
        self.add.clicked.connect(self._add)
        across.addWidget(self.add)
        across.addStretch(1)
        column.addLayout(across)
        column.addSpacing(8)
        column.addWidget(theme.heading("Shipped"))
        column.addLayout(self._shipped())
        column.addStretch(1)
        session.own_windows_changed.connect(self._show)
        session.bound.changed.connect(self._fill)
        self._fill()

    def _make_heads(self) -> QWidget:
        """What stands in the columns of the rows."""
        heads = QWidget()
        across = QHBoxLayout(heads)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(6)
        for text, share in (("Key", 0), ("Name", 3), ("Width, HU", 1), ("Level, HU", 1)):
            head = theme.label(text, "small")
            head.setMinimumWidth(KEY_PX if not share else 70)
            across.addWidget(head, share)
        across.addSpacing(BUTTONS_PX)
        return heads

    def _shipped(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(3, 1)
        for row, (key, window) in enumerate(PRESETS.items()):
            self.shipped[key] = theme.label("", "key")
            grid.addWidget(self.shipped[key], row, 0)
            grid.addWidget(theme.label(window.name), row, 1)
            grid.addWidget(theme.label(f"W {window.width:g} L {window.level:g}", "quiet"), row, 2)
        return grid

    def _show(self, windows: tuple[Window, ...]) -> None:
        if windows != tuple(self._written()):
            self._fill()

    def _written(self) -> list[Window]:
        """What the rows say, as far as it can be shown."""
        found = []
        for row in self.rows:
            try:
                width, level = _number(row.width_hu.text()), _number(row.level_hu.text())
                found.append(by_hand(row.name.text(), width, level))
            except PterionError:
                continue
        return found

    def _fill(self) -> None:
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = [WindowRow(self, number, own) for number, own in enumerate(self.session.own_windows)]
        for row in self.rows:
            self._column.addWidget(row)
        self.empty.setVisible(not self.rows)
        self.heads.setVisible(bool(self.rows))
        self.add.setEnabled(len(self.rows) < MOST)
        for key, label in self.shipped.items():
            bound = self.session.bound.text(f"window_{key}")
            label.setText(bound)
            theme.set_role(label, "key" if bound else "quiet")

    def change(self, number: int, window: Window) -> None:
        """Put another window in a place. Raises PterionError where another has its name."""
        windows = list(self.session.own_windows)
        if any(other.name == window.name for place, other in enumerate(windows) if place != number):
            raise PterionError(f"Another window is called “{window.name}”. Choose another name.")
        windows[number] = window
        self.session.set_own_windows(tuple(windows))

    def move_up(self, number: int) -> None:
        """Exchange a window with the one above; the first ones have keys."""
        windows = list(self.session.own_windows)
        windows[number - 1], windows[number] = windows[number], windows[number - 1]
        self.session.set_own_windows(tuple(windows))

    def remove(self, number: int) -> None:
        """Take a window away."""
        windows = list(self.session.own_windows)
        del windows[number]
        self.session.set_own_windows(tuple(windows))

    def _add(self) -> None:
        """A window like the one on the screen, to be changed."""
        session = self.session
        shown = session.windows[session.active_view]
        names = {own.name for own in session.own_windows}
        name = next(
            f"My window {number}" for number in range(1, MOST + 2) if f"My window {number}" not in names
        )
        session.set_own_windows((*session.own_windows, by_hand(name, shown.width, shown.level)))
        self.rows[-1].name.setFocus()
        self.rows[-1].name.selectAll()
