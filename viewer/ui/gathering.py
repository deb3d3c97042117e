"""When a picture of many slices is made anew while the open series is still read."""

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from viewer.session import Session

FIRST_MS, PAUSE_MS = 40, 250
"""From the series to its first cut or slab, and between two of them while slices come in."""


class Gathering(QObject):
    """Counts slices for a viewport that shows a cut or a slab.

    Such a picture takes a frame's time: it comes a few times a second, and after those of single slices.
    there: of how many slices of the open series it is to be made.
    """

    renewed = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._more = False
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._after)
        self.there = 0
        self.begin()

    def begin(self) -> None:
        """The open series is another: a whole one is there at once."""
        volume = self._session.volume
        self._more = False
        self.there = len(volume.loaded) if volume is not None and volume.loaded.all() else 0
        self._pause.start(FIRST_MS)

    def add(self) -> None:
        """A slice was read, or scored."""
        if self._pause.isActive():
            self._more = True
        else:
            self._renew()

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
