"""Photograph the running program on the demo study: `.venv/bin/python -P packaging/screenshots.py`.

Writes assets/screenshots/*.png, which the README shows. The window is the real one with the bundled model; its
data go to a folder that is deleted afterwards.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

SHOTS = Path(__file__).resolve().parent.parent / "assets" / "screenshots"
SIZE_PX = (1600, 1000)
GIVE_UP_S = 180


def main() -> int:
    """Open the demo, wait for the model, and take one picture of reading and one of annotating."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as data:
        os.environ["PTERION_DATA"] = data
        from PySide6.QtWidgets import QApplication

        from viewer.app import Application
        from viewer.ui import theme

        app = QApplication(sys.argv[:1])
        theme.apply(app)
        application = Application(demo=True)
        application.window.resize(*SIZE_PX)
        try:
            photograph(application)
        finally:
            application.shutdown()
    return 0


def photograph(application: "Application") -> None:  # noqa: F821  imported after the platform is chosen
    """Both pictures."""
    from viewer.session import Mode

    session = application.session
    wait_until(lambda: session.findings is not None and session.findings.done)
    wait_until(lambda: session.suspecting.suspected is not None)
    findings = session.findings
    assert findings is not None
    session.set_slice_index(int(findings.slice_scores[:, 0].argmax()))
    save(application, "read.png")
    session.accept_findings_requested.emit()
    wait_until(lambda: bool(session.document.annotations))
    session.set_mode(Mode.ANNOTATE)
    largest = max(session.document.annotations, key=extent_px)
    assert session.series is not None
    uids = [each.sop_uid for each in session.series.slices]
    session.set_slice_index(uids.index(largest.sop_uid))
    session.set_selection(largest.uid)
    save(application, "annotate.png")


def extent_px(annotation: "Annotation") -> float:  # noqa: F821
    """Area of the box around an outline."""
    columns, rows = zip(*annotation.outline, strict=True)
    return (max(columns) - min(columns)) * (max(rows) - min(rows))


def save(application: "Application", name: str) -> None:  # noqa: F821
    """One picture of the window as it stands."""
    wait_ms(300)
    SHOTS.mkdir(parents=True, exist_ok=True)
    if not application.window.grab().save(str(SHOTS / name)):
        raise OSError(f"{name} could not be written")
    print(f"wrote {SHOTS / name}")


def wait_until(holds: Callable[[], bool]) -> None:
    """Let the window work until something holds."""
    for _ in range(GIVE_UP_S * 20):
        if holds():
            return
        wait_ms(50)
    raise TimeoutError("the window did not get there")


def wait_ms(milliseconds: int) -> None:
    """Let the window work for a while."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


if __name__ == "__main__":
    sys.exit(main())
