"""Volumes that were opened before and may be opened again, within a budget of memory."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable

from viewer.dicom.load import allocate, memory_bytes
from viewer.dicom.series import Series
from viewer.dicom.volume import Volume

SHARE = 0.25
"""Of the computer's memory, unless `PTERION_MEMORY_MB` says how much."""


def budget_bytes() -> int:
    """How much memory volumes may take together."""
    said = os.environ.get("PTERION_MEMORY_MB", "")
    return int(said) << 20 if said.isdecimal() else int(SHARE * memory_bytes())


class KeptVolumes:
    """The volumes used last, loaded whole or in part; the least recently used go when room is needed.

    The volume that was asked for last is never dropped, however large it is. Threads may share it.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.budget = budget_bytes() if budget is None else budget
        self._held: OrderedDict[tuple[str, str], Volume] = OrderedDict()
        self._lock = threading.Lock()

    def volume(self, series: Series, allocate: Callable[[Series], Volume] = allocate) -> Volume:
        """The volume of a series with what was loaded of it, or an empty one; it is the last used now.

        Slices that failed are to be tried again. A series whose files have changed since is loaded anew.
        Raises PterionError as `allocate` does; room is made before it is called.
        """
        key = (series.study_uid, series.series_uid)
        with self._lock:
            held = self._held.pop(key, None)
            if held is not None and held.series == series:
                held.failed[...] = False
                self._held[key] = held
                return held
            first = series.slices[0] if series.slices else None
            self._drop_to(self.budget - (2 * len(series.slices) * first.rows * first.columns if first else 0))
        volume = allocate(series)
        with self._lock:
            self._held[key] = volume
        return volume

    def set_budget(self, budget: int | None) -> None:
        """Take another budget, in bytes; None: the shipped one. What is too much goes when the next volume comes."""
        self.budget = budget_bytes() if budget is None else budget

    def drop(self, study_uid: str, series_uid: str) -> None:
        """Forget a volume, if it is held."""
        with self._lock:
            self._held.pop((study_uid, series_uid), None)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._held.clear()

    @property
    def used_bytes(self) -> int:
        """Memory of all volumes that are held."""
        with self._lock:
            return sum(volume.hu.nbytes for volume in self._held.values())

    @property
    def held(self) -> tuple[Volume, ...]:
        """The volumes, the least recently used first."""
        with self._lock:
            return tuple(self._held.values())

    def _drop_to(self, size: int) -> None:
        """Drop the least recently used until the others take `size` bytes at most."""
        while self._held and sum(volume.hu.nbytes for volume in self._held.values()) > size:
            self._held.popitem(last=False)
