"""Memory for the pixels of a volume, in pages of the size that comes fastest."""

import math
import mmap

import numpy as np
import numpy.typing as npt

SLOW_SECONDS = 0.002
"""Processor time of a slice beyond which its memory came slowly: ten times what an uncompressed one takes."""
LOST_SECONDS = 0.004
"""How much time may be lost so before large pages are given up: a virtual machine that hands free memory back to its
host loses more with each of them than it gains with ten."""
_LARGE, _SMALL = getattr(mmap, "MADV_HUGEPAGE", None), getattr(mmap, "MADV_NOHUGEPAGE", None)


class Pages:
    """Zeros that the system hands out page by page as they are written to.

    300 slices are 38 000 small pages, which take longer than reading the files, or 75 large ones (2 MB on Linux),
    which take a fifth of it. But where a virtual machine has to get a large page from its host first, that takes
    twenty times as long. So large pages are asked for, and no more of them once they come slowly.
    """

    def __init__(self, shape: tuple[int, int, int], *, large: bool) -> None:
        """`large`: try large pages, where the system lets a program choose. Raises MemoryError or OSError."""
        self._memory: mmap.mmap | None = None
        self._lost = 0.0
        self.large = False
        if not hasattr(mmap, "MAP_ANONYMOUS"):
            self.array: npt.NDArray[np.int16] = np.zeros(shape, np.int16)
            return
        size = 2 * math.prod(shape)
        self._memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.array = np.frombuffer(self._memory, np.int16).reshape(shape)
        if large and _LARGE is not None:
            self.large = self._advise(_LARGE)

    def took(self, seconds: float) -> None:
        """Say how much processor time a slice took to be written; any thread may."""
        if not self.large or seconds <= SLOW_SECONDS:
            return
        self._lost += seconds
        if self._lost > LOST_SECONDS and _SMALL is not None:
            self.large = False
            self._advise(_SMALL)

    def _advise(self, what: int) -> bool:
        """Whether the system takes the hint; some are built without large pages."""
        assert self._memory is not None
        try:
            self._memory.madvise(what)
        except OSError:
            return False
        return True
