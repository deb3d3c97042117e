"""A panel that scrolls: the wheel turns it, and changes nothing that lies under the mouse."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QSlider, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from viewer.ui import theme

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def turn_wheel(widget: QWidget) -> bool:
    """A notch downwards over the middle of a widget; whether the widget kept it from the panel."""
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle, QPointF(widget.mapToGlobal(middle.toPoint())), QPoint(), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_the_wheel_goes_on_to_the_panel_and_changes_no_value(qtbot: QtBot) -> None:
    panel = QWidget()
    qtbot.addWidget(panel)
    column = theme.scrolled(panel)
    box, slider, spin = QComboBox(), QSlider(Qt.Orientation.Horizontal), QSpinBox()
    box.addItems(["untouched", "in progress", "flagged"])
    for widget in (box, slider, spin):
        widget.setMinimumHeight(200)
        column.addWidget(widget)
    panel.resize(200, 150)
    panel.show()
    assert not any(turn_wheel(widget) for widget in (box, slider, spin))
    assert (box.currentIndex(), slider.value(), spin.value()) == (0, 0, 0)
    qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert spin.value() == 1
