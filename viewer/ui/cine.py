"""Cine: the active viewport plays through its pictures, round and round."""

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from viewer.panes import Panes

SPEEDS_FPS = (1, 2, 4, 6, 8, 12, 16, 20, 25, 30, 45, 60)
USUAL_FPS = 12


class Cine(QObject):
    """Plays and stops. The speed holds until it is changed."""

    changed = Signal()

    def __init__(self, panes: Panes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panes = panes
        self.fps = USUAL_FPS
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.step)
        panes.layout_changed.connect(lambda _: self.stop())

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._timer.isActive()

    def toggle(self) -> None:
        """Play, or stop; nothing to play is not played."""
        if self.playing:
            self.stop()
        elif self._count() > 1:
            self._timer.start(round(1000 / self.fps))
            self.changed.emit()

    def stop(self) -> None:
        """Stop where it is."""
        if self.playing:
            self._timer.stop()
            self.changed.emit()

    def set_fps(self, fps: int) -> None:
        """Play at another speed, in pictures a second, within `SPEEDS_FPS`."""
        self.fps = min(max(fps, SPEEDS_FPS[0]), SPEEDS_FPS[-1])
        self._timer.setInterval(round(1000 / self.fps))
        self.changed.emit()

    def change_speed(self, step: int) -> None:
        """Go to the next faster or slower speed."""
        nearest = min(range(len(SPEEDS_FPS)), key=lambda n: abs(SPEEDS_FPS[n] - self.fps))
        self.set_fps(SPEEDS_FPS[min(max(nearest + step, 0), len(SPEEDS_FPS) - 1)])

    def step(self) -> None:
        """Show the next picture, after the last the first."""
        count = self._count()
        if count < 2:
            self.stop()
            return
        active = self._panes.active
        self._panes.scroll_to(active, (self._panes.panes[active].stop + 1) % count)

    def _count(self) -> int:
        section = self._panes.section(self._panes.active)
        return 0 if section is None else section.count
