"""Files of one series → stacks of slices in HU that can become samples, and what was left out of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom.load import allocate, load_slice
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series, SliceHeader
from viewer.dicom.volume import Volume

FALLBACK_GAP_MM = 5.0
_NO_STACK = {Problem.LOCALIZER, Problem.AI_NOT_RUN}


@dataclass(frozen=True)
class Stack:
    """Slices of one series that could be read, from the base up.

    slices: their headers. hu: int16 (slices, rows, columns). z_mm: float64 (slices,), along the normal.
    spacing_mm: (row, column). notes: what was left out, in sentences.
    """

    slices: tuple[SliceHeader, ...]
    hu: npt.NDArray[np.int16]
    z_mm: npt.NDArray[np.float64]
    spacing_mm: tuple[float, float]
    notes: tuple[str, ...]


def stacks_of(files: Sequence[Path], series_uid: str) -> Iterator[Stack]:
    """The stacks of one series, scouts left out. Raises PterionError where there is none, or none that can be read."""
    found = [
        series
        for study in scan(files).studies
        for series in study.series
        if series.dicom_series_uid.split("#")[0] == series_uid
    ]
    if not found:
        raise PterionError("The files hold no slices of the series any more. Scan the folder again.")
    usable = [series for series in found if series.showable and not _NO_STACK & series.problems]
    if not usable:
        raise PterionError(
            found[0].notes[0].text if found[0].notes else "The series is no stack of CT slices."
        )
    for series in usable:
        yield load_stack(series)


def load_stack(series: Series) -> Stack:
    """A series without the slices that cannot be read. Raises PterionError where none can, or it has no pixel size."""
    if series.slices[0].spacing_mm is None:
        raise PterionError("The series does not say how large its pixels are. Get it with PixelSpacing.")
    volume = allocate(series)
    notes = tuple(reason for index in range(len(volume.hu)) if (reason := load_slice(volume, index)))
    kept = np.flatnonzero(volume.loaded)
    if not len(kept):
        raise PterionError(f"No slice of the series can be read. {notes[0]}")
    return Stack(
        slices=tuple(series.slices[index] for index in kept),
        hu=np.ascontiguousarray(volume.hu[kept]),
        z_mm=positions_mm(volume)[kept],
        spacing_mm=volume.spacing_mm,
        notes=notes,
    )


def positions_mm(volume: Volume) -> npt.NDArray[np.float64]:
    """Positions along the normal (slices,), counted in 5 mm where the files have none that ascend."""
    z_mm = np.asarray(volume.series.z_mm, np.float64)
    if len(z_mm) == len(volume.hu) and bool((np.diff(z_mm) > 0).all()):
        return z_mm
    return np.arange(len(volume.hu), dtype=np.float64) * FALLBACK_GAP_MM
