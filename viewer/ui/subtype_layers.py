"""The card of the subtypes: each hidden or shown, locked or free, as opaque as the reader wants it."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QPushButton, QSlider

from model.labels import SUBTYPES
from viewer.annotation.events import SetLayer
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.top_bar import BarButton


class SubtypeLayers(QFrame):
    """One row a subtype: its code (click: draw with it), eye, lock, opacity."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setProperty("role", "card")
        self.names: dict[str, BarButton] = {}
        self.eyes: dict[str, QPushButton] = {}
        self.locks: dict[str, QPushButton] = {}
        self.sliders: dict[str, QSlider] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 6, 8, 6)
        grid.setSpacing(4)
        grid.setColumnStretch(3, 1)
        for row, subtype in enumerate(SUBTYPES):
            self._add_row(grid, row, subtype.code, subtype.name)
        session.drawing.changed.connect(self._changed)
        session.subtype_changed.connect(self.refresh)
        session.preferences_changed.connect(self.refresh)
        self.refresh()

    def _add_row(self, grid: QGridLayout, row: int, code: str, name: str) -> None:
        self.names[code] = BarButton(code, subtype=code, checkable=True)
        self.names[code].clicked.connect(lambda _=False: self._session.set_subtype(code))
        self.names[code].setToolTip(f"Draw {name} from now on")
        self.eyes[code] = self._button(f"{code} shown", lambda: self._toggle(code, "hidden"))
        self.locks[code] = self._button(f"{code} locked", lambda: self._toggle(code, "locked"))
        slider = self.sliders[code] = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(10, 100)
        slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        slider.setAccessibleName(f"Opacity of {code}")
        slider.valueChanged.connect(lambda value: self._fade(code, value / 100))
        for column, widget in enumerate((self.names[code], self.eyes[code], self.locks[code], slider)):
            grid.addWidget(widget, row, column)

    @staticmethod
    def _button(name: str, run: Callable[[], None]) -> QPushButton:
        made = theme.button("", "icon")
        made.setFixedSize(28, 24)
        made.setAccessibleName(name)
        made.clicked.connect(run)
        return made

    def _toggle(self, code: str, what: str) -> None:
        layer = self._session.drawing.layers[code]
        self._session.drawing.set_layer(code, replace(layer, **{what: not getattr(layer, what)}))

    def _fade(self, code: str, opacity: float) -> None:
        layer = self._session.drawing.layers[code]
        self._session.drawing.set_layer(code, replace(layer, opacity=opacity))

    def _changed(self, event: object) -> None:
        if isinstance(event, SetLayer):
            self.refresh()

    def refresh(self, *_: object) -> None:
        """Show how each subtype is treated."""
        for code, layer in self._session.drawing.layers.items():
            self.names[code].setChecked(code == self._session.subtype)
            hidden, locked = layer.hidden, layer.locked
            self.eyes[code].setIcon(theme.icon("eye-off", theme.AMBER) if hidden else theme.icon("eye"))
            self.eyes[code].setToolTip(f"{code} is {'hidden: show' if hidden else 'shown: hide'} it")
            self.locks[code].setIcon(theme.icon("lock", theme.AMBER) if locked else theme.icon("unlock"))
            free = "free: lock it, so that nothing changes it"
            self.locks[code].setToolTip(f"{code} is {'locked: unlock it' if locked else free}")
            slider = self.sliders[code]
            slider.blockSignals(True)
            slider.setValue(round(100 * layer.opacity))
            slider.blockSignals(False)
            slider.setToolTip(f"Opacity of {code}: {round(100 * layer.opacity)} %")
