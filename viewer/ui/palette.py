"""The command palette: every action of the window by its name (Ctrl+K)."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.ui import theme

WIDTH = 520
ROW_HEIGHT = 30
MOST_ROWS = 12


@dataclass(frozen=True)
class Action:
    """Something the window can do: its name, its keys (may be empty) and how to do it."""

    name: str
    keys: str
    run: Callable[[], None]
    enabled: Callable[[], bool] = lambda: True


def matches(query: str, actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Actions whose name holds every word of `query`, those that start with it first; then those that hold its
    letters in order."""
    wanted = query.casefold().split()
    if not wanted:
        return actions

    def rank(action: Action) -> int | None:
        name = action.name.casefold()
        if name.startswith(" ".join(wanted)):
            return 0
        if all(any(word.startswith(part) for word in name.split()) for part in wanted):
            return 1
        if all(part in name for part in wanted):
            return 2
        letters = iter(name)
        return 3 if all(letter in letters for letter in "".join(wanted)) else None

    ranked = [(found, action) for action in actions if (found := rank(action)) is not None]
    return tuple(action for _, action in sorted(ranked, key=lambda pair: pair[0]))


class Palette(QFrame):
    """A card over the window with a search line and the matching actions; it goes when the line loses the keyboard."""

    def __init__(self, parent: QWidget, actions: Callable[[], tuple[Action, ...]]) -> None:
        super().__init__(parent)
        self.setObjectName("palette")
        self.hide()
        self.setFixedWidth(WIDTH)
        self._window = parent
        self._actions = actions
        self._shown: tuple[Action, ...] = ()
        self._before: QWidget | None = None
        self.line = QLineEdit()
        self.line.setPlaceholderText("Find an action by name")
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setStyleSheet(
            "QListWidget::item { border-radius: 4px; }"
            f"QListWidget::item:selected {{ background: {theme.ACCENT_DARK}; }}"
        )
        self.nothing = theme.label("Nothing has that name.", "quiet")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        for widget in (self.line, self.list, self.nothing):
            layout.addWidget(widget)
        self.line.textChanged.connect(self._filter)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda _: self._run())

    def popup(self) -> None:
        """Open in the upper middle of the window, empty."""
        self.line.clear()
        self._filter("")
        window = self._window
        self._before = window.focusWidget()
        self.move((window.width() - WIDTH) // 2, theme.BAR_HEIGHT + 24)
        self.show()
        self.raise_()
        self.line.setFocus()

    def dismiss(self) -> None:
        """Go away and give the keyboard back."""
        self.hide()
        if self._before is not None:
            self._before.setFocus()

    def _filter(self, query: str) -> None:
        self._shown = tuple(action for action in matches(query, self._actions()) if action.enabled())
        self.list.clear()
        for action in self._shown:
            item = QListWidgetItem()
            item.setData(Qt.ItemDataRole.AccessibleTextRole, action.name)
            self.list.addItem(item)
            row = QWidget()
            across = QHBoxLayout(row)
            across.setContentsMargins(8, 0, 8, 0)
            across.addWidget(theme.label(action.name), 1)
            if action.keys:
                across.addWidget(theme.label(action.keys, "key"), 0, Qt.AlignmentFlag.AlignVCenter)
            hint = row.sizeHint()
            hint.setHeight(ROW_HEIGHT)
            item.setSizeHint(hint)
            self.list.setItemWidget(item, row)
        self.list.setCurrentRow(0)
        self.list.setVisible(bool(self._shown))
        self.nothing.setVisible(not self._shown)
        self.list.setFixedHeight(min(max(len(self._shown), 1), MOST_ROWS) * ROW_HEIGHT + 2)
        self.adjustSize()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Arrows move through the list while the line keeps the keyboard; Enter runs, Esc goes back."""
        if watched is self.line and event.type() == QEvent.Type.FocusOut:
            self.hide()
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self._shown:
                self.list.setCurrentRow((self.list.currentRow() + step) % len(self._shown))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.dismiss()
                return True
        return super().eventFilter(watched, event)

    def _run(self) -> None:
        row = self.list.currentRow()
        self.dismiss()
        if 0 <= row < len(self._shown):
            self._shown[row].run()
