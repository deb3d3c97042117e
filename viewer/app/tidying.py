"""Memory that is given back when it does not disturb: Python's garbage collector, and the system's.

A full collection visits every object, which takes 30 ms once the libraries are imported and 90 with a worklist of
20 000 files; all threads stand still meanwhile. Python starts one whenever enough objects were made, in whichever
thread made them. Here it runs on the GUI thread (no other may destroy Qt's objects), and full ones only when nothing
is loaded and the reader has paused.

glibc gives the pages of every array of some hundred kB back to the system as soon as it is let go. A step through the
slices makes several, and would spend a tenth of its time on fetching pages that it had a moment before.
"""

import ctypes
import gc
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000
CALM = 5
"""Ticks in which nothing happened before a full collection."""
YOUNG = 700
"""Objects made since the last collection that are worth one, as Python has it."""
YOUNG_MAX = 20_000
"""So many take a millisecond or two; more wait until nothing is loaded."""
NEW = 5000
"""Objects that survived a first collection, or were made since, that are worth a full one."""
REST = 200
"""So many times as long as a full collection took none follows: they take half a percent of the time at most."""

LARGE_BYTES, KEPT_BYTES = 4 << 20, 64 << 20
"""Arrays from this size on (volumes) go back to the system at once; of the rest, what is beyond this much."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""mallopt(3)."""


def keep_pages() -> bool:
    """Have glibc keep the pages of small arrays that were let go; whether this system has it."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES) and mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES))


class Tidying(QObject):
    """Collects garbage in place of Python from `begin` to `end`."""

    def __init__(self, busy: Callable[[], bool], doing: Callable[[], object], parent: QObject) -> None:
        """busy: whether something is loaded, looked for or scored just now.

        doing: anything that differs when the reader has done something in between.
        """
        super().__init__(parent)
        self._busy, self._doing = busy, doing
        self._seen: object = None
        self._calm = self._new = 0
        self._rested = 0.0
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.tidy)

    def begin(self) -> None:
        """Take over. What is there by now, the imported modules above all, is never visited again."""
        keep_pages()
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
        young, busy, seen = gc.get_count()[0], self._busy(), self._doing()
        self._calm = self._calm + 1 if seen == self._seen and not busy else 0
        self._seen = seen
        began = time.monotonic()
        if self._calm >= CALM and self._new + young > NEW and began >= self._rested:
            gc.collect()
            ended = time.monotonic()
            self._new, self._rested = 0, ended + REST * (ended - began)
        elif YOUNG <= young <= YOUNG_MAX:
            gc.collect(1)
            self._new += young
