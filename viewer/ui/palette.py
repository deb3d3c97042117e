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

from viewer.session import Session
from viewer.ui import fuzzy, theme

WIDTH = 520
ROW_HEIGHT = 30
MOST_ROWS = 12
MOST_RECENT = 12


@dataclass(frozen=True)
class Action:
    """Something the window can do: its name, its keys (may be empty) and how to do it.

    id: stable name, by which the reader may give it other keys; `keys` are then those that Pterion ships. Empty for
    what comes and goes (a file, a version), and for what no key does.
    """

    name: str
    keys: str
    run: Callable[[], None]
    enabled: Callable[[], bool] = lambda: True
    id: str = ""


def matches(query: str, actions: tuple[Action, ...], recent: tuple[str, ...] = ()) -> tuple[Action, ...]:
    """Actions whose name answers `query`, the best first; among equals those of `recent`, then in their order.

    Where nothing does, those that it resembles, as after a slip of the keyboard.
    """

    def late(action: Action) -> int:
        return recent.index(action.id) if action.id in recent else len(recent)

    for judge in (fuzzy.score, fuzzy.near):
        found = [(points, each) for each in actions if (points := judge(query, each.name)) is not None]
        if found:
            return tuple(each for _, each in sorted(found, key=lambda pair: (-pair[0], late(pair[1]))))
    return ()


class Palette(QFrame):
    """A card over the window with a search line and the matching actions; it goes when the line loses the keyboard.

    Without a session it shows the shipped keys and forgets what it did.
    """

    def __init__(
        self, parent: QWidget, actions: Callable[[], tuple[Action, ...]], session: Session | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("palette")
        self.hide()
        theme.hold(self, width=WIDTH)
        self._window = parent
        self._actions = actions
        self._session = session
        self._shown: tuple[Action, ...] = ()
        self._before: QWidget | None = None
        self.line = QLineEdit()
        self.line.setPlaceholderText("Find an action by name")
        self.line.setAccessibleName("Find an action by name")
        self.list = QListWidget()
        self.list.setAccessibleName("Actions found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        theme.dress(
            self.list,
            "QListWidget::item { border-radius: 4px; } QListWidget::item:selected { background: @ACCENT_DARK; }",
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
        self.move((window.width() - self.width()) // 2, theme.BAR_HEIGHT + 24)
        self.show()
        self.raise_()
        self.line.setFocus()

    def dismiss(self) -> None:
        """Go away and give the keyboard back."""
        self.hide()
        if self._before is not None:
            self._before.setFocus()

    def _filter(self, query: str) -> None:
        recent = self._session.recent_actions if self._session is not None else ()
        can = tuple(action for action in self._actions() if action.enabled())
        self._shown = matches(query, can, recent)
        self.list.clear()
        for action in self._shown:
            item = QListWidgetItem()
            keys = self._keys(action)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{action.name} {keys}".strip())
            self.list.addItem(item)
            row = QWidget()
            across = QHBoxLayout(row)
            across.setContentsMargins(8, 0, 8, 0)
            across.addWidget(theme.label(action.name), 1)
            if keys:
                across.addWidget(theme.label(keys, "key"), 0, Qt.AlignmentFlag.AlignVCenter)
            hint = row.sizeHint()
            hint.setHeight(theme.scaled(ROW_HEIGHT))
            item.setSizeHint(hint)
            self.list.setItemWidget(item, row)
        self.list.setCurrentRow(0)
        self.list.setVisible(bool(self._shown))
        self.nothing.setVisible(not self._shown)
        self.list.setFixedHeight(min(max(len(self._shown), 1), MOST_ROWS) * theme.scaled(ROW_HEIGHT) + 2)
        self.adjustSize()

    def _keys(self, action: Action) -> str:
        """The key that does it now."""
        return self._session.bound.text(action.id) if self._session and action.id else action.keys

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
            chosen = self._shown[row]
            if self._session is not None and chosen.id:
                others = (id_ for id_ in self._session.recent_actions if id_ != chosen.id)
                self._session.set_recent_actions((chosen.id, *others)[:MOST_RECENT])
            chosen.run()
