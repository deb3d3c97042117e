"""Whether there is a screen to open a window on. Qt ends the whole program where there is none."""

import os
import socket
import sys

from model.errors import PterionError

_ADVICE = "Log in with a desktop, or use the commands that need none: pterion index, score, convert, --help."
_WAIT_S = 3.0


def require_display() -> None:
    """Raise PterionError (NO_DISPLAY) where Qt would find no display; only Linux can be without one."""
    if not sys.platform.startswith("linux"):
        return
    wanted = os.environ.get("QT_QPA_PLATFORM", "")
    display = os.environ.get("DISPLAY", "")
    if os.environ.get("WAYLAND_DISPLAY") or (wanted and not wanted.startswith("xcb")):
        return
    if not display:
        reason = "There is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set)."
        raise PterionError(f"{reason} {_ADVICE}", code="NO_DISPLAY")
    if not answers(display):
        reason = f"The display {display} does not answer, so no window can open there."
        raise PterionError(f"{reason} {_ADVICE}", code="NO_DISPLAY")


def answers(display: str) -> bool:
    """Whether an X server listens at a display like `:0`, `localhost:10.0` (X(7), DISPLAY NAMES)."""
    host, _, rest = display.rpartition(":")
    number = rest.partition(".")[0]
    if not number.isdecimal():
        return False
    if host and not host.startswith("unix"):
        try:
            socket.create_connection((host.strip("[]"), 6000 + int(number)), _WAIT_S).close()
        except (OSError, OverflowError):
            return False
        return True
    return any(_listens(f"{place}/tmp/.X11-unix/X{number}") for place in ("\0", ""))


def _listens(path: str) -> bool:
    """Whether something accepts connections at a local socket; a leading NUL stands for Linux's abstract ones."""
    with socket.socket(socket.AF_UNIX) as local:
        local.settimeout(_WAIT_S)
        return local.connect_ex(path) == 0
