"""HU slice + window + masks → one RGB32 picture, fast enough for every step of the wheel.

The picture is made in one pass over a 65 536-entry table (one entry an int16 value), then only the pixels of the
masks are touched. Pixels are 0xffRRGGBB in native byte order: what QImage calls RGB32.
"""

import math
import sys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from viewer.imaging.windows import Function, Table, Window

Pixels = npt.NDArray[np.uint32]
RGB = tuple[int, int, int]

FILL_OPACITY, EDGE_OPACITY = 0.42, 0.85
"""How much of a mask's colour covers the image, inside and on its outermost pixels."""
OPAQUE = 0xFF000000
_GREY_BYTE = 0 if sys.byteorder == "little" else 3
"""Which byte of a grey pixel is not its opacity, whatever the machine's order."""
_SIGMOID_WIDTHS = 2.0
"""So many widths from its level a sigmoid is black or white: exp(-8) of 255 is less than half a grey."""


@lru_cache(maxsize=32)
def grey_table(window: Window, inverted: bool = False) -> npt.NDArray[np.uint8]:
    """Grey of each int16 value, uint8 (65536,), indexed by the value's bits read as uint16. Read-only.

    A width of 1 HU is a threshold.
    """
    first, last = _span(window)
    hu = np.arange(first, last + 1, dtype=np.float64)
    grey = _looked_up(hu, window.table) if window.table is not None else _curve(hu, window)
    ramp = np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
    if inverted:
        ramp = 255 - ramp
    rising = np.empty(65536, np.uint8)
    rising[: first + 32768], rising[last + 32769 :] = ramp[0], ramp[-1]
    rising[first + 32768 : last + 32769] = ramp
    table = np.concatenate((rising[32768:], rising[:32768]))
    table.flags.writeable = False
    return table


def _span(window: Window) -> tuple[int, int]:
    """First and last HU of int16 between which greys differ; all below show the first grey, all above the last."""
    if window.table is not None:
        low, high = window.table.first_hu, window.table.first_hu + len(window.table.greys)
    else:
        half = window.width * (_SIGMOID_WIDTHS if window.function is Function.SIGMOID else 0.5)
        low, high = math.floor(window.level - half) - 1, math.ceil(window.level + half) + 1
    return min(max(low, -32768), 32767), max(min(high, 32767), -32768)


def _curve(hu: npt.NDArray[np.float64], window: Window) -> npt.NDArray[np.float64]:
    """Grey (0 to 255) by the window's function."""
    if window.function is Function.SIGMOID:  # PS3.3 C.11.2.1.3.1
        return np.asarray(255 / (1 + np.exp(np.clip(-4 * (hu - window.level) / window.width, -700, 700))))
    exact = window.function is Function.LINEAR_EXACT  # PS3.3 C.11.2.1.3.2; else C.11.2.1.2.1
    width = window.width if exact else window.width - 1
    level = window.level if exact else window.level - 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        grey = ((hu - level) / width + 0.5) * 255
    grey[hu <= level - width / 2] = 0
    grey[hu > level + width / 2] = 255
    return np.asarray(grey)


def _looked_up(hu: npt.NDArray[np.float64], table: Table) -> npt.NDArray[np.float64]:
    """Grey (0 to 255) by a table; its ends go on (PS3.3 C.11.2.1.1)."""
    greys = np.frombuffer(table.greys, np.uint8)
    return greys[np.clip(hu - table.first_hu, 0, greys.size - 1).astype(np.intp)].astype(np.float64)


@lru_cache(maxsize=32)
def pixel_table(window: Window, inverted: bool = False) -> Pixels:
    """`grey_table` as grey RGB32 pixels, uint32 (65536,). Read-only."""
    table = np.multiply(grey_table(window, inverted), np.uint32(0x010101), dtype=np.uint32)
    table |= np.uint32(OPAQUE)
    table.flags.writeable = False
    return table


@dataclass(frozen=True)
class Overlay:
    """The pixels of one slice that carry a mask, found once and painted in every viewport.

    index: int32 (n,), places in the flattened slice. row: int32 (n,), where the row of each one's code (twice the mask
    value, plus 1 on its edge) begins in the flattened `tint_table`.
    """

    index: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return self.index.nbytes + self.row.nbytes


def overlay_of(mask: npt.NDArray[np.uint8]) -> Overlay:
    """The masked pixels of `mask`, uint8 (rows, columns), 0 none. A pixel is edge where a side neighbour differs
    or lies outside the slice."""
    filled = np.flatnonzero(mask.any(axis=1))
    if not filled.size:
        return Overlay(np.zeros(0, np.int32), np.zeros(0, np.int32))
    top, bottom = int(filled[0]), int(filled[-1]) + 1
    band = mask[top:bottom]
    edge = np.zeros(band.shape, np.bool_)
    np.not_equal(band[:, 1:], band[:, :-1], out=edge[:, 1:])
    edge[:, :-1] |= edge[:, 1:]
    differs = band[1:] != band[:-1]
    edge[1:] |= differs
    edge[:-1] |= differs
    edge[:, 0] = edge[:, -1] = True
    edge[0] = edge[-1] = True  # above and below the band is nothing
    index = np.flatnonzero(band != 0)  # numpy finds what is true three times as fast as what is not zero
    row = band.ravel().take(index).astype(np.int32)
    row *= 2
    row += edge.ravel().take(index)
    row *= 256
    index += top * mask.shape[1]
    return Overlay(index.astype(np.int32), row)


@dataclass(frozen=True)
class Palette:
    """The colours of mask values 1, 2, … and how much they cover the image (0 to 1).

    own: (fill, edge) of each colour where they differ, empty where all are covered alike.
    """

    colours: tuple[RGB, ...]
    fill: float = FILL_OPACITY
    edge: float = EDGE_OPACITY
    own: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError where an opacity is not between 0 and 1."""
        if not all(0 <= value <= 1 for pair in ((self.fill, self.edge), *self.own) for value in pair):
            raise ValueError(
                f"opacities must be between 0 and 1, got {self.fill}, {self.edge} and {self.own}"
            )
        if self.own and len(self.own) != len(self.colours):
            raise ValueError(f"{len(self.colours)} colours cannot have {len(self.own)} opacities")


@lru_cache(maxsize=8)
def tint_table(palette: Palette) -> Pixels:
    """Pixel for each overlay code and grey, uint32 (2 × (colours + 1), 256), the grey blended with the colour."""
    grey = np.arange(256, dtype=np.float64)
    table = np.zeros((2 * (len(palette.colours) + 1), 256), np.uint32)
    for value, colour in enumerate(palette.colours, 1):
        fill, edge = palette.own[value - 1] if palette.own else (palette.fill, palette.edge)
        for code, opacity in ((2 * value, fill), (2 * value + 1, edge)):
            channels = [np.rint(grey * (1 - opacity) + part * opacity).astype(np.uint32) for part in colour]
            table[code] = OPAQUE | channels[0] << 16 | channels[1] << 8 | channels[2]
    table.flags.writeable = False
    return table


def places_of(hu: npt.NDArray[np.int16], out: npt.NDArray[np.intp] | None = None) -> npt.NDArray[np.intp]:
    """Where each pixel of a slice is found in `pixel_table`, intp (rows, columns), written into `out` if given."""
    if out is None:
        return hu.view(np.uint16).astype(np.intp)
    np.copyto(out, hu.view(np.uint16))
    return out


def compose(
    hu: npt.NDArray[np.int16],
    window: Window,
    *,
    inverted: bool = False,
    overlay: Overlay | None = None,
    palette: Palette | None = None,
    out: Pixels | None = None,
    places: npt.NDArray[np.intp] | None = None,
) -> Pixels:
    """The picture of one slice, uint32 (rows, columns), written into `out` where that is given.

    places: `places_of(hu)`, where the caller has it already.

    Raises ValueError where `hu` is not int16 or `out` has another shape.
    """
    if hu.dtype != np.int16 or hu.ndim != 2:
        raise ValueError(f"a slice must be int16 (rows, columns), got {hu.dtype} {hu.shape}")
    # A mode lets numpy write straight into `out`, this one fastest; the 16-bit index cannot leave the table.
    index = places_of(hu) if places is None else places
    picture = np.take(pixel_table(window, inverted), index, out=out, mode="wrap")
    if overlay is not None and palette is not None and overlay.index.size:
        grey = np.take(picture.view(np.uint8), overlay.index * 4 + _GREY_BYTE, mode="wrap")
        picture.reshape(-1)[overlay.index] = np.take(tint_table(palette), overlay.row + grey, mode="wrap")
    return picture
