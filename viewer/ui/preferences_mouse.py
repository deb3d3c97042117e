"""The page of the mouse: what buttons and wheel do, while reading and while annotating."""

from dataclasses import replace

from PySide6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from viewer.bindings import ANNOTATE, CHOICES, MOUSE, READ, Bindings, Choice
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.preferences_keys import profile_row

GUTTER = 14
"""Room for the scroll bar."""
CORNERS = "With this, Shift or Alt and a click no longer take away or add corners of regions."


class MousePage(QWidget):
    """Acts on the session's preferences at once."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.boxes: dict[str, QComboBox] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        across, self.profile = profile_row(lambda id_: self._use(replace(self._bindings, profile=id_)))
        across.addStretch(1)
        self.reset = theme.button("Reset mouse")
        self.reset.setToolTip("The mouse as the profile has it")
        self.reset.clicked.connect(lambda: self._use(replace(self._bindings, mouse={})))
        across.addWidget(self.reset)
        layout.addLayout(across)
        body = QWidget()
        column = theme.scrolled(body)
        column.setContentsMargins(0, 0, GUTTER, 0)
        column.addLayout(self._general())
        column.addLayout(self._by_mode())
        column.addStretch(1)
        layout.addWidget(body, 1)
        self.says = theme.label("", "amber", wrap=True)
        layout.addWidget(self.says)
        session.preferences_changed.connect(self._show)
        self._show()

    @property
    def _bindings(self) -> Bindings:
        return self._session.preferences.bindings

    def _use(self, bindings: Bindings) -> None:
        self._session.set_preferences(replace(self._session.preferences, bindings=bindings))

    def _general(self) -> QGridLayout:
        grid = _grid()
        for choice in (each for each in MOUSE if not each.mode and "." not in each.id):
            row = grid.rowCount()
            grid.addWidget(theme.label(choice.text), row, 0)
            grid.addWidget(self._box(choice, choice.text), row, 1)
        return grid

    def _by_mode(self) -> QGridLayout:
        grid = _grid()
        grid.setColumnStretch(2, 1)
        grid.addWidget(theme.heading("Read"), 0, 1)
        grid.addWidget(theme.heading("Annotate"), 0, 2)
        names = dict.fromkeys(each.id.partition(".")[2] for each in MOUSE if "." in each.id)
        for name in names:
            row = grid.rowCount()
            grid.addWidget(theme.label(CHOICES[f"{READ}.{name}"].text), row, 0)
            for column, mode in ((1, READ), (2, ANNOTATE)):
                choice = CHOICES.get(f"{mode}.{name}")
                if choice is None:
                    grid.addWidget(theme.label("Draws", "quiet"), row, column)
                    continue
                grid.addWidget(self._box(choice, f"{choice.text}, {mode}"), row, column)
        return grid

    def _box(self, choice: Choice, name: str) -> QComboBox:
        box = self.boxes[choice.id] = QComboBox()
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(12)
        box.setAccessibleName(name)
        for value, text in choice.values:
            box.addItem(text, value)
        box.activated.connect(
            lambda number: self._use(self._bindings.with_mouse(choice.id, choice.values[number][0]))
        )
        return box

    def _show(self, _: object = None) -> None:
        bindings = self._bindings
        self.profile.setCurrentIndex(self.profile.findData(bindings.profile))
        for id_, box in self.boxes.items():
            box.setCurrentIndex(box.findData(bindings.told(id_)))
            box.setProperty("changed", id_ in bindings.mouse)
        self.reset.setEnabled(bool(bindings.mouse))
        corners = (bindings.told(f"{READ}.{held}_left_drag") for held in ("shift", "alt"))
        self.says.setText(CORNERS if any(told != "tool" for told in corners) else "")


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnMinimumWidth(0, theme.scaled(180))
    grid.setColumnStretch(1, 1)
    return grid
