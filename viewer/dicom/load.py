"""A series → its volume in HU, whole or slice by slice while it is looked at."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from model.errors import Cancelled, PterionError
from viewer.dicom.pages import Pages
from viewer.dicom.pixels import read_hu
from viewer.dicom.series import Series
from viewer.dicom.syntaxes import UNCOMPRESSED
from viewer.dicom.volume import Volume

_THREADS = 4
_MEMORY_SHARE = 0.7
_MEMORY_UNKNOWN = 16 << 30


def allocate(series: Series) -> Volume:
    """An empty volume for `series`; memory is taken by the system as slices are filled.

    Raises PterionError if the series cannot be shown, its slices differ in size, or it would not fit in memory.
    """
    if not series.showable:
        why = series.notes[0].text if series.notes else "It has no slices."
        raise PterionError(f"The series cannot be opened. {why}", code="NOT_SHOWABLE")
    first = series.slices[0]
    if any((one.rows, one.columns) != (first.rows, first.columns) for one in series.slices):
        raise PterionError(
            "The series cannot be opened: its slices differ in size. Scan its folder again.",
            code="MIXED_SIZES",
        )
    shape = (len(series.slices), first.rows, first.columns)
    needed = 2 * shape[0] * shape[1] * shape[2]
    if needed > _MEMORY_SHARE * memory_bytes():
        raise PterionError(
            f"The series needs {needed / 2**30:.1f} GB of memory ({shape[0]} slices of {shape[1]} × {shape[2]}), "
            "more than this computer can give. Open a thicker reconstruction.",
            code="MEMORY",
        )
    try:
        pages = Pages(shape, large=first.pixels is not None and first.pixels.syntax in UNCOMPRESSED)
    except (MemoryError, OSError) as error:
        text = f"The series needs {needed / 2**30:.1f} GB of memory. Close other programs and try again."
        raise PterionError(text, code="MEMORY") from error
    return Volume(
        series=series,
        hu=pages.array,
        loaded=np.zeros(shape[0], np.bool_),
        failed=np.zeros(shape[0], np.bool_),
        spacing_mm=first.spacing_mm or (1.0, 1.0),
        pages=pages,
    )


def load_slice(volume: Volume, index: int) -> str | None:
    """Fill `volume.hu[index]` and set `loaded[index]`, or set `failed[index]` and return why, as a sentence.

    A failed slice shows air. Different indices may be loaded by different threads at once.
    """
    target = volume.hu[index]
    began = time.thread_time()
    try:
        read_hu(volume.series.slices[index], target)
    except PterionError as error:
        target[...] = -1024
        volume.failed[index] = True
        return str(error)
    volume.loaded[index] = True
    if volume.pages is not None:
        volume.pages.took(time.thread_time() - began)
    return None


def load_all(
    series: Series, order: Iterable[int] | None = None, cancelled: Callable[[], bool] | None = None
) -> Volume:
    """The whole volume, in `order` if given. Raises PterionError as `allocate` does, or if no slice can be read;
    Cancelled when `cancelled` returns True.
    """
    volume = allocate(series)
    indices = list(range(len(series.slices)) if order is None else order)
    errors: dict[int, str] = {}
    waiting = iter(indices)
    stop = threading.Event()

    def load_some() -> None:
        for index in waiting:  # shared: a list's iterator gives each index to one thread
            error = load_slice(volume, index)
            if error is not None:
                errors[index] = error
            if stop.is_set() or (cancelled is not None and cancelled()):
                stop.set()
                raise Cancelled

    threads = min(_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="load") as pool:
        try:
            for future in [pool.submit(load_some) for _ in range(threads)]:
                future.result()
        finally:
            stop.set()
    if errors and len(errors) == len(indices):
        raise PterionError(
            f"No slice of the series can be read. {errors[min(errors)]}", code="UNREADABLE_FILES"
        )
    return volume


def memory_bytes() -> int:
    """Physical memory of this computer, or a guess where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _MEMORY_UNKNOWN
