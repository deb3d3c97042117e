"""The window driven as a reader would: wheel, mouse and what a menu asks for, with real events."""

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from model.errors import PterionError
from viewer.annotation.document import Point

if TYPE_CHECKING:
    from viewer.app import Application
    from viewer.ui.viewport import Viewport

WINDOW_PX = (1400, 900)
LOOK_MS = 25
WAIT_S = 240.0


def without_screen() -> None:
    """Paint into memory unless the environment names another platform; before Qt's application is made."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def open_window(**options: object) -> "Application":
    """The application with its window; `options` are those of `Application`."""
    from viewer.app import Application
    from viewer.ui import theme

    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    theme.apply(app)
    application = Application(**options)  # type: ignore[arg-type]
    application.window.resize(*WINDOW_PX)
    return application


def close(application: "Application") -> None:
    """Close the window as its cross does, and end all threads. Raises PterionError where it stays open."""
    if not application.window.close():
        raise PterionError("The window did not close.", code="SELFTEST")
    application.shutdown()
    application.window.deleteLater()
    application.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def wait(holds: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    """Let the window work until something holds. Raises PterionError where it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise PterionError(f"{what} did not happen within {seconds:.0f} s.", code="SELFTEST")
        pause(LOOK_MS)


def pause(milliseconds: int) -> None:
    """Let the window do what it has to for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def loaded(application: "Application") -> bool:
    """Whether every slice of the open series is there."""
    volume = application.session.volume
    return volume is not None and bool(volume.loaded.all())


def scored(application: "Application") -> bool:
    """Whether the model has answered for the open series, and the answer is kept."""
    findings = application.session.findings
    return findings is not None and findings.done and not application.tasks.busy


def viewport(application: "Application") -> "Viewport":
    """The first of the viewports."""
    from viewer.ui.reading import ReadingArea

    area = application.window.centre
    assert isinstance(area, ReadingArea)
    return area.viewports[0]


def wheel(application: "Application", notches: int) -> None:
    """Turn the wheel over the first viewport, towards the reader for positive notches."""
    view = viewport(application)
    middle = QPointF(view.rect().center())
    for _ in range(abs(notches)):
        turn = QWheelEvent(
            middle,
            QPointF(view.mapToGlobal(middle.toPoint())),
            QPoint(),
            QPoint(0, -120 if notches > 0 else 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(view, turn)


def draw(application: "Application", corners: tuple[Point, ...]) -> None:
    """Click corners given in pixels of the image, then the first one again, in the first viewport."""
    view = viewport(application)
    placement = view.placement()
    if placement is None:
        raise PterionError("No picture is shown to draw on.", code="SELFTEST")
    for corner in (*corners, corners[0]):
        at = QPointF(*placement.to_screen(corner))
        _mouse(view, QEvent.Type.MouseMove, at, Qt.MouseButton.NoButton)
        _mouse(view, QEvent.Type.MouseButtonPress, at, Qt.MouseButton.LeftButton)
        _mouse(view, QEvent.Type.MouseButtonRelease, at, Qt.MouseButton.LeftButton)


def _mouse(view: "Viewport", kind: QEvent.Type, at: QPointF, button: Qt.MouseButton) -> None:
    held = button if kind == QEvent.Type.MouseButtonPress else Qt.MouseButton.NoButton
    place = QPointF(view.mapToGlobal(at.toPoint()))
    event = QMouseEvent(kind, at, place, button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view, event)
