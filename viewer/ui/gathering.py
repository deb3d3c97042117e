"""When a picture of many slices is made anew while the open series is still read."""

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from viewer.session import Session

FIRST_MS, PAUSE_MS = 40, 250
"""From the series to its first cut or slab, and between two of them while slices come in."""
APART_MS, TURN_MS, PHASES = 60, 12, 4
"""Between the pictures of neighbouring viewports, so that they are not all made in one turn of the event loop: cuts
and slabs, and the slice that all of them show."""


class Gathering(QObject):
    """Counts slices for a viewport that shows a cut or a slab.

    Such a picture takes a frame's time: it comes a few times a second, after those of single slices, and in each
    viewport at a time of its own.
    there: of how many slices of the open series it is to be made.
    """

    renewed = Signal()

    def __init__(self, session: Session, number: int, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._first_ms = FIRST_MS + number % PHASES * APART_MS
        self._more = False
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._after)
        self._turn = QTimer(self, singleShot=True, interval=(1 + number % PHASES) * TURN_MS)
        self._turn.timeout.connect(self.renewed)
        self.there = 0
        self.begin()

    def begin(self) -> None:
        """The open series is another: a whole one is there at once."""
        volume = self._session.volume
        self._more = False
        self.there = len(volume.loaded) if volume is not None and volume.loaded.all() else 0
        self._pause.start(self._first_ms)

    def add(self) -> None:
        """A slice was read, or scored."""
        if self._pause.isActive():
            self._more = True
        else:
            self._renew()

    def soon(self) -> None:
        """The slice itself was read, or scored: it is shown when this viewport's turn comes."""
        if not self._turn.isActive():
            self._turn.start()

    def _after(self) -> None:
        if self._more or not self.there:
            self._renew()

    def _renew(self) -> None:
        volume = self._session.volume
        there = int(np.count_nonzero(volume.loaded)) if volume is not None else 0
        if there or self._more:
            self._more, self.there = False, there
            self._pause.start(PAUSE_MS)
            self.renewed.emit()
