"""Volumes that were opened before and may be opened again, within a budget of memory."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

from viewer.dicom.load import allocate, memory_bytes
from viewer.dicom.series import Series, Stamp, stamp_of
from viewer.dicom.volume import Volume

_ASKED = 32
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
        self._stamps: dict[tuple[str, str], dict[Path, Stamp | None]] = {}
        self._lock = threading.Lock()

    def volume(self, series: Series, allocate: Callable[[Series], Volume] = allocate) -> Volume:
        """The volume of a series with what was loaded of it, or an empty one; it is the last used now.

        Slices that failed are to be tried again. A series whose files have changed since is loaded anew; where they
        cannot be asked, because their disc is gone, what is held is good.
        Raises PterionError as `allocate` does; room is made before it is called.
        """
        key, stamps = series.key, _stamps(series)
        with self._lock:
            held = self._held.pop(key, None)
            if held is not None and held.series == series and not _changed(self._stamps.get(key, {}), stamps):
                held.failed[...] = False
                self._held[key] = held
                return held
            first = series.slices[0] if series.slices else None
            self._drop_to(self.budget - (2 * len(series.slices) * first.rows * first.columns if first else 0))
        volume = allocate(series)
        with self._lock:
            self._held[key] = volume
            self._stamps = {one: each for one, each in self._stamps.items() if one in self._held} | {
                key: stamps
            }
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


def _stamps(series: Series) -> dict[Path, Stamp | None]:
    """The stamps of some of the files of a series, evenly spread: of all, on a share, would take seconds."""
    paths = tuple(dict.fromkeys(place.path for place in series.slices))
    return {path: stamp_of(path) for path in paths[:: max(len(paths) // _ASKED, 1)]}


def _changed(before: Mapping[Path, Stamp | None], now: Mapping[Path, Stamp | None]) -> bool:
    """Whether a file is another one now, as far as both times tell."""
    return any(stamp is not None and before.get(path) not in (None, stamp) for path, stamp in now.items())
