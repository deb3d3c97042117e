"""What the reader has bound to buttons and wheel, asked event by event."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from viewer.bindings import CHOICES, LEVEL_DIRECTION, WHEEL_DIRECTION
from viewer.session import Session, Tool

_MODIFIERS = (
    (Qt.KeyboardModifier.ControlModifier, "ctrl"),
    (Qt.KeyboardModifier.AltModifier, "alt"),
    (Qt.KeyboardModifier.ShiftModifier, "shift"),
)
_DRAGGED = {
    Qt.MouseButton.LeftButton: "left_drag",
    Qt.MouseButton.MiddleButton: "middle_drag",
    Qt.MouseButton.RightButton: "right_drag",
}
_CLICKED = {
    Qt.MouseButton.MiddleButton: "middle_click",
    Qt.MouseButton.RightButton: "right_click",
    Qt.MouseButton.BackButton: "back_click",
    Qt.MouseButton.ForwardButton: "forward_click",
}
_TOOLS = {"window": Tool.WINDOW, "pan": Tool.PAN, "zoom": Tool.ZOOM, "scroll": Tool.SCROLL}
AT_ONCE = (Qt.MouseButton.BackButton, Qt.MouseButton.ForwardButton)
"""Buttons that nobody drags with: they act when they go down."""
WHEEL_PX = 12.0
"""A notch of the wheel changes width or level as a drag of so many pixels does."""


def _held(event: QMouseEvent | QWheelEvent) -> list[str]:
    return [name for modifier, name in _MODIFIERS if event.modifiers() & modifier]


def _told(session: Session, held: list[str], what: str) -> str:
    """What the mouse is told for the modifiers held; where that cannot be chosen, for none."""
    exact = f"{session.mode}.{'_'.join([*held, what])}"
    return session.bound.told(exact if exact in CHOICES else f"{session.mode}.{what}")


def drag_of(session: Session, event: QMouseEvent) -> Tool | None:
    """The tool that a drag with this button is; None for none."""
    what = _DRAGGED.get(event.button())
    if what is None:
        return None
    if what == "left_drag" and f"{session.mode}.{'_'.join([*_held(event), what])}" not in CHOICES:
        return session.tool
    told = _told(session, _held(event), what)
    return session.tool if told == "tool" else _TOOLS.get(told)


def draws(session: Session, event: QMouseEvent) -> bool:
    """Whether this is the button that measures and outlines are drawn with."""
    if event.button() != Qt.MouseButton.LeftButton:
        return False
    exact = f"{session.mode}.{'_'.join([*_held(event), 'left_drag'])}"
    return exact not in CHOICES or session.bound.told(exact) == "tool"


def click_of(session: Session, button: Qt.MouseButton) -> str:
    """What a click of a button without a drag does (a value of the click choices), empty for nothing."""
    what = _CLICKED.get(button)
    told = session.bound.told(f"{session.mode}.{what}") if what else "nothing"
    return "" if told == "nothing" else told


def double_click_of(session: Session) -> str:
    """What a double click of the left button does, empty for nothing."""
    told = session.bound.told(f"{session.mode}.double_click")
    return "" if told == "nothing" else told


def wheel_of(session: Session, event: QWheelEvent) -> str:
    """What the wheel does (a value of the wheel choices), empty for nothing."""
    told = _told(session, _held(event), "wheel")
    return "" if told == "nothing" else told


def level_sign(session: Session) -> int:
    """1 where a drag down brightens, as IHE Basic Image Review has it; -1 where a drag up does."""
    return 1 if session.bound.told(LEVEL_DIRECTION) == "down" else -1


def wheel_sign(session: Session) -> int:
    """1 where the wheel turned towards the reader goes on, -1 where it goes back."""
    return 1 if session.bound.told(WHEEL_DIRECTION) == "next" else -1
