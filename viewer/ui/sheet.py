"""The sheet of keys and mouse, as they are bound now (`?`)."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from viewer.bindings import ANNOTATE, BY_ID, MOUSE, READ
from viewer.session import Session
from viewer.ui import fuzzy, theme

Row = tuple[str, str]
SIGNS = {
    "Up": "↑",
    "Down": "↓",
    "Left": "←",
    "Right": "→",
    "PgUp": "Page ↑",
    "PgDown": "Page ↓",
    "Return": "Enter",
}
DRAWING: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "Drawing and measuring",
        (
            ("Drag a grip or a line", "Change a measure, move it"),
            ("Alt+click, Shift+click", "Add a corner to a region, take one away"),
            ("Click, drag", "Add points; the first point or a double click closes"),
            ("Drag a thumbnail", "Show the series in that viewport alone"),
        ),
    ),
)
"""What belongs to a tool and cannot be bound."""
WIDEST_PX, HIGHEST_PX = 1320, 860
COLUMN_PX, KEYS_PX = 380, 110
"""A column is at least so wide, its keys as well."""


def spoken(keys: str) -> str:
    """A key as it is printed on keyboards: `Shift+Up` is `Shift+↑`."""
    *held, key = keys.rsplit("+", 1) if not keys.endswith("+") else (keys,)
    return "+".join([*held, SIGNS.get(key, key)])


def sections(session: Session) -> tuple[tuple[str, tuple[Row, ...]], ...]:
    """Groups of (keys, meaning) of everything that is bound now, and of the mouse."""
    bound = session.bound
    groups: dict[str, list[Row]] = {}
    for command in bound.commands:
        keys = dict.fromkeys(spoken(each) for each in bound.keys(command.id))
        if keys:
            only = f" ({command.mode})" if command.mode and command.group != "Annotating" else ""
            groups.setdefault(command.group, []).append((", ".join(keys), f"{command.text}{only}"))
    return (*((group, tuple(rows)) for group, rows in groups.items()), *_mouse(session), *DRAWING)


def _mouse(session: Session) -> tuple[tuple[str, tuple[Row, ...]], ...]:
    """What the mouse is told; of the two modes what they have in common once."""
    found: dict[str, list[Row]] = {"Mouse": [], "Mouse while annotating": []}
    told = {choice.id: session.bound.told(choice.id) for choice in MOUSE}
    for choice in MOUSE:
        mode, _, name = choice.id.partition(".")
        value = told[choice.id]
        means = dict(choice.values)[value]
        if not name:
            found["Mouse"].append((choice.text, means))
        elif value == "nothing":
            continue
        elif mode == READ:
            found["Mouse"].append((choice.text, means))
        elif mode == ANNOTATE and told.get(f"{READ}.{name}") != value:
            found["Mouse while annotating"].append((choice.text, means))
    return tuple((title, tuple(rows)) for title, rows in found.items() if rows)


class Sheet(QDialog):
    """Everything that keys and mouse do, to look up; another dialog changes it."""

    def __init__(self, parent: QWidget, session: Session, change: Callable[[], None]) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Keys and mouse")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(min(WIDEST_PX, parent.width() - 60), min(HIGHEST_PX, parent.height() - 60))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(12)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a key or what it does")
        self.search.setAccessibleName("Find a key or what it does")
        self.search.textChanged.connect(lambda _: self._fill())
        layout.addWidget(self.search)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setAccessibleName("Keys and what they do")
        layout.addWidget(self._scroll, 1)
        across = QHBoxLayout()
        self.profile = theme.label("", "small")
        across.addWidget(self.profile, 1)
        self.change, close = theme.button("Change keys…"), theme.button("Close", "primary")
        self.change.clicked.connect(self.close)
        self.change.clicked.connect(change)
        close.clicked.connect(self.close)
        for made in (self.change, close):
            made.setAutoDefault(False)
            across.addWidget(made)
        layout.addLayout(across)
        session.bound.changed.connect(self._fill)
        self._fill()
        self.search.setFocus()

    def _fill(self) -> None:
        bindings = self._session.bound.bindings
        changed = ", changed by you" if bindings.keys or bindings.mouse else ""
        self.profile.setText(f"Profile {BY_ID[bindings.profile].name}{changed}")
        shown = self._found(self.search.text())
        body = QWidget()
        columns = QHBoxLayout(body)
        columns.setContentsMargins(0, 0, 14, 0)
        columns.setSpacing(32)
        for part in _in_columns(shown, max(self.width() // theme.scaled(COLUMN_PX), 1)):
            columns.addLayout(_column(part), 1)
        self._scroll.setWidget(body)

    def _found(self, text: str) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        found = []
        for title, rows in sections(self._session):
            hits = tuple(
                row
                for row in rows
                if text.casefold().strip() in row[0].casefold() or fuzzy.score(text, row[1]) is not None
            )
            if hits:
                found.append((title, hits))
        return tuple(found)


def _in_columns(
    parts: tuple[tuple[str, tuple[Row, ...]], ...], count: int
) -> list[list[tuple[str, tuple[Row, ...]]]]:
    """The groups in their order, dealt so that the columns are about as long as each other."""
    total = sum(len(rows) + 2 for _, rows in parts)
    columns: list[list[tuple[str, tuple[Row, ...]]]] = [[] for _ in range(count)]
    before = 0
    for part in parts:
        columns[min(count * before // max(total, 1), count - 1)].append(part)
        before += len(part[1]) + 2
    return columns


def _column(parts: list[tuple[str, tuple[Row, ...]]]) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(14)
    for title, rows in parts:
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(5)
        grid.setColumnMinimumWidth(0, theme.scaled(KEYS_PX))
        grid.setColumnStretch(1, 1)
        grid.addWidget(theme.heading(title), 0, 0, 1, 2)
        for row, (keys, means) in enumerate(rows, 1):
            grid.addWidget(theme.label(keys, "key"), row, 0, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(theme.label(means, wrap=True), row, 1)
        column.addLayout(grid)
    column.addStretch(1)
    return column
