"""Python's garbage collector, kept from stopping the window in the middle of something.

A full collection visits every object, which takes 30 ms once the libraries are imported and more with a large
worklist; all threads stand still meanwhile. Python starts one whenever enough objects were made, in whichever thread
made them. Here it runs on the GUI thread (no other may destroy Qt's objects), full ones only while nothing is loaded.
"""

import gc
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000
YOUNG = 700
"""Objects made since the last collection that are worth one, as Python has it."""
YOUNG_MAX = 20_000
"""So many take a millisecond or two; more wait until nothing is loaded."""
GROWTH = 0.25
"""Share of new objects that is worth a full collection, as Python has it."""


class Tidying(QObject):
    """Collects garbage in place of Python from `begin` to `end`."""

    def __init__(self, busy: Callable[[], bool], parent: QObject) -> None:
        """`busy`: whether something is loaded or looked for just now."""
        super().__init__(parent)
        self._busy = busy
        self._new, self._old = 0, 1
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.tidy)

    def begin(self) -> None:
        """Take over. What is there by now, the imported modules above all, is never visited again."""
        gc.disable()
        gc.freeze()
        self._timer.start()

    def end(self) -> None:
        """Give everything back to Python."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def tidy(self) -> None:
        """Collect what is due and does not disturb."""
        young, busy = gc.get_count()[0], self._busy()
        if young < YOUNG or (busy and young > YOUNG_MAX):
            return
        self._new += young
        if not busy and self._new > GROWTH * self._old:
            gc.collect()
            self._new, self._old = 0, max(len(gc.get_objects()), YOUNG_MAX)
        else:
            gc.collect(1)
