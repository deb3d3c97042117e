"""How a file asks to be shown: all windows it names, their function, VOI look-up tables (PS3.3 C.11.2).

A scan keeps the first window of each slice. This reads all of them, on demand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from viewer.dicom.guard import dicom_file, read_dataset
from viewer.dicom.plausible import window
from viewer.dicom.quiet import quiet
from viewer.dicom.series import SliceHeader

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
ENTRIES_MAX = 65536


@dataclass(frozen=True)
class VoiLut:
    """A look-up table: HU `first_hu` and below show the first of `greys` (one byte each), those beyond the last."""

    first_hu: int
    greys: bytes

    def __post_init__(self) -> None:
        """Raise ValueError for an empty table."""
        if not self.greys:
            raise ValueError("a look-up table needs entries")


@dataclass(frozen=True)
class HeaderWindow:
    """One way to show a slice. name: what the file calls it. function: one of `FUNCTIONS`, without a table."""

    width: float
    level: float
    name: str = ""
    function: str = "LINEAR"
    lut: VoiLut | None = None


def read_windows(slices: Sequence[SliceHeader]) -> tuple[tuple[HeaderWindow, ...], ...]:
    """For each slice its windows, then its tables, in the order of the file; a frame's own go before the shared.

    Values that cannot be shown are left out. Raises PterionError where a file cannot be read.
    """
    known: dict[Path, Any] = {}
    result = []
    for header in slices:
        if header.path not in known:
            known.clear()  # slices of a file follow each other
            known[header.path] = _dataset(header.path)
        result.append(_windows(known[header.path], header.frame))
    return tuple(result)


def _dataset(path: Path) -> Any:
    with dicom_file(path, f"The header of {path.name} is damaged. Copy or export the file again.") as file:
        return read_dataset(file, path, stop_before_pixels=True)


def _windows(dataset: Any, frame: int) -> tuple[HeaderWindow, ...]:
    for place in (_functional_group(dataset, frame), dataset):
        if place is None:
            continue
        try:
            with quiet():
                found = (*_linear(place), *_tables(place))
        except Exception:  # noqa: BLE001 - pydicom raises many kinds for damaged values; such a window is none
            continue
        if found:
            return found
    return ()


def _functional_group(dataset: Any, frame: int) -> Any:
    """The Frame VOI LUT of a frame: its own, else the shared one."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    groups = [frames[frame]] if frame < len(frames) else []
    groups += list(dataset.get("SharedFunctionalGroupsSequence") or ())[:1]
    for group in groups:
        items = group.get("FrameVOILUTSequence")
        if items:
            return items[0]
    return None


def _several(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]


def _linear(place: Any) -> list[HeaderWindow]:
    levels, widths = _several(place.get("WindowCenter")), _several(place.get("WindowWidth"))
    names = _several(place.get("WindowCenterWidthExplanation"))
    function = str(place.get("VOILUTFunction") or "LINEAR").strip().upper()
    function = function if function in FUNCTIONS else "LINEAR"
    found: list[HeaderWindow] = []
    for index, (level, width) in enumerate(zip(levels, widths, strict=False)):
        numbers = float(width), float(level)
        least = 1.0 if function == "LINEAR" else 0.0
        if window(*numbers) is None or numbers[0] < least:
            continue
        name = str(names[index]).strip() if index < len(names) else ""
        made = HeaderWindow(*numbers, name, function)
        if not any((made.width, made.level) == (other.width, other.level) for other in found):
            found.append(made)
    return found


def _tables(place: Any) -> list[HeaderWindow]:
    found = []
    for item in place.get("VOILUTSequence") or ():
        descriptor = [int(value) for value in _several(item.get("LUTDescriptor"))]
        values = _numbers(item.get("LUTData"))
        if len(descriptor) != 3 or not values.size:
            continue
        count = descriptor[0] or ENTRIES_MAX
        bits = min(max(descriptor[2], 8), 16)
        if values.size < count:
            continue
        greys = np.clip(np.rint(values[:count] * (255 / (2**bits - 1))), 0, 255).astype(np.uint8)
        name = str(item.get("LUTExplanation") or "").strip() or "VOI LUT"
        lut = VoiLut(descriptor[1], greys.tobytes())
        found.append(HeaderWindow(float(count), descriptor[1] + count / 2, name, lut=lut))
    return found


def _numbers(value: Any) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """LUT data as numbers: pydicom gives 16-bit words as bytes (OW) or as a list (US)."""
    if isinstance(value, bytes):
        return np.frombuffer(value[: len(value) // 2 * 2], "<u2").astype(np.float64)
    return np.array(_several(value), np.float64)
