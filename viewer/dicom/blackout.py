"""Text burned into pixels: whether a file declares or is likely to hold it, and rectangles painted over it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom.header import read_header
from viewer.dicom.instance import WANTED, instances
from viewer.dicom.pixels import read_hu
from viewer.dicom.syntaxes import BIG_ENDIAN, EXPLICIT, NATIVE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Rectangle = tuple[int, int, int, int]
"""Column and row of the first pixel, width, height."""

_RISKY = ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.6.", "1.2.840.10008.5.1.4.1.1.3.")
_OVERLAY_BIT = 0x60000102
_SCREEN = frozenset({"SCREEN SAVE", "SCREENSAVE", "REPORT", "DOSE", "DOSE_INFO"})


def burned_in(dataset: "Dataset") -> bool:
    """Whether text is in the pixels as far as the header tells.

    Screen shots, secondary captures and ultrasound that do not deny it count as having some.
    """
    declared = str(dataset.get("BurnedInAnnotation") or "").strip().upper()
    if declared == "YES":
        return True
    if _overlay_in_pixels(dataset):
        return True
    if declared == "NO":
        return False
    words = {str(word).upper() for word in dataset.get("ImageType") or ()}
    return str(dataset.get("SOPClassUID") or "").startswith(_RISKY) or bool(words & _SCREEN)


def _overlay_in_pixels(dataset: "Dataset") -> bool:
    """Whether an overlay lives in unused bits of the pixels (retired, PS3.3-2004 C.9.2)."""
    tags = [tag for tag in map(int, dataset.keys()) if tag & 0xFF01FFFF == _OVERLAY_BIT]
    return any(dataset[tag].value not in (None, 0, "") for tag in tags)


def black_out(path: Path, dataset: "Dataset", rectangles: Sequence[Rectangle]) -> None:
    """Paint rectangles of a file's pixels with the darkest value in the image, in every frame.

    dataset: the file as pydicom read it; gets uncompressed pixels. path: the same file.
    Raises PterionError where the pixels cannot be read or the rectangles lie outside.
    """
    from pydicom.uid import UID

    if _overlay_in_pixels(dataset):
        raise _unreadable(path)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    for column, row, width, height in rectangles:
        if width < 1 or height < 1 or column < 0 or row < 0 or column >= columns or row >= rows:
            text = f"The rectangle {column},{row},{width},{height} lies outside the image of {columns} × {rows} pixels."
            raise PterionError(f"{text} Give column, row, width and height within it.", code="BAD_RECTANGLE")
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    frames = _native(path, dataset) if syntax in NATIVE else _decoded(path)
    grey = frames.ndim == 3
    dark = frames.max() if dataset.get("PhotometricInterpretation") == "MONOCHROME1" else frames.min()
    for column, row, width, height in rectangles:
        frames[:, row : row + height, column : column + width] = dark if grey else 0
    data = frames.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if frames.dtype.itemsize == 1 else "OW"
    dataset["PixelData"].is_undefined_length = False
    if syntax not in NATIVE:
        dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    dataset.BurnedInAnnotation = "NO"


def _native(path: Path, dataset: "Dataset") -> npt.NDArray[Any]:
    """Uncompressed pixels (frames, rows, columns) or, in colour, (frames, rows, columns, samples)."""
    samples = int(dataset.get("SamplesPerPixel") or 1)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    allocated = int(dataset.BitsAllocated)
    if allocated not in (8, 16) or (samples > 1 and int(dataset.get("PlanarConfiguration") or 0)):
        raise _unreadable(path)
    order = ">" if str(dataset.file_meta.TransferSyntaxUID) == BIG_ENDIAN else "<"
    signed = "i" if int(dataset.get("PixelRepresentation") or 0) else "u"
    data = dataset.PixelData
    count = len(data) // (rows * columns * samples * (allocated // 8))
    if count < max(int(dataset.get("NumberOfFrames") or 1), 1):
        raise _unreadable(path)
    shape = (count, rows, columns) if samples == 1 else (count, rows, columns, samples)
    dtype = np.dtype(f"{order}{signed}{allocated // 8}")
    return np.frombuffer(data, dtype, int(np.prod(shape))).reshape(shape).copy()


def _decoded(path: Path) -> npt.NDArray[Any]:
    """Compressed grey pixels as stored values, (frames, rows, columns)."""
    places = [one.slice for one in instances(read_header(path, WANTED))]
    layout = places[0].pixels
    if layout is None:
        raise _unreadable(path)
    # Stored values as they are; unsigned ones are moved into the range of int16 and back.
    offset = 0 if layout.signed else -32768
    plain = replace(layout, slope=1.0, intercept=float(offset), padding=None, lut="")
    out = np.empty((len(places), places[0].rows, places[0].columns), np.int16)
    for place in places:
        read_hu(replace(place, pixels=plain), out[place.frame])
    stored = out.astype(np.int32) - offset
    if layout.bits_allocated == 8:
        return stored.astype(np.int8 if layout.signed else np.uint8)
    return stored.astype("<i2" if layout.signed else "<u2")


def _unreadable(path: Path) -> PterionError:
    text = f"The pixels of {path.name} are stored in a way that cannot be blacked out. Leave such files out."
    return PterionError(text, code="UNSUPPORTED_SYNTAX")
