"""How the model's masks are painted: filled, outlined or both, and how strongly."""

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QSlider, QWidget

from viewer.findings.style import Look, OverlayStyle
from viewer.suspecting import Suspecting
from viewer.ui import theme

NAMES = {Look.FILL: "Fill", Look.OUTLINE: "Outline", Look.BOTH: "Both"}


class OverlayBar(QWidget):
    """Three buttons and a slider over the overlay's style."""

    def __init__(self, suspecting: Suspecting) -> None:
        super().__init__()
        self._suspecting = suspecting
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(10)
        tabs = QFrame()
        tabs.setObjectName("tabs")
        inner = QHBoxLayout(tabs)
        inner.setContentsMargins(2, 2, 2, 2)
        inner.setSpacing(0)
        group = QButtonGroup(self)
        self.looks = {}
        for look, name in NAMES.items():
            button = theme.button(name)
            button.setCheckable(True)
            button.setToolTip(f"Masks of the model: {name.lower()}")
            button.clicked.connect(lambda _=False, chosen=look: self._choose(chosen))
            group.addButton(button)
            inner.addWidget(button)
            self.looks[look] = button
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(10, 100)
        self.opacity.setAccessibleName("Opacity of the overlay")
        self.opacity.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.opacity.valueChanged.connect(self._fade)
        row.addWidget(tabs, 3)
        row.addWidget(self.opacity, 2)
        suspecting.style_changed.connect(self._show)
        self._show(suspecting.style)

    def _choose(self, look: Look) -> None:
        self._suspecting.set_style(replace(self._suspecting.style, look=look))

    def _fade(self, percent: int) -> None:
        if round(self._suspecting.style.opacity * 100) != percent:
            self._suspecting.set_style(self._suspecting.style.with_opacity(percent / 100))

    def _show(self, style: OverlayStyle) -> None:
        self.looks[style.look].setChecked(True)
        with QSignalBlocker(self.opacity):  # showing a value is no wish for another
            self.opacity.setValue(round(style.opacity * 100))
        self.opacity.setToolTip(f"Opacity of the overlay: {style.opacity:.0%}")
