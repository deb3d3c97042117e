"""One slice's pixels → HU. Pixels that may be wrong are never returned: every fault raises."""

import functools
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom import jpeg_lossless
from viewer.dicom.codestream import FrameInfo, jpeg_2000_info, jpeg_ends, jpeg_info
from viewer.dicom.deflated import inflate
from viewer.dicom.files import file_error
from viewer.dicom.header import NotDicomError, data_set_start
from viewer.dicom.series import PixelLayout, SliceHeader
from viewer.dicom.syntaxes import BIG_ENDIAN, DEFLATED, JPEG_2000, JPEG_LOSSLESS, JPEG_LS, NATIVE, RLE
from viewer.dicom.walk import DamagedError

_LOW, _HIGH = -32768, 32767
_DENSE_HU = 4096
_OUTSIDE_HU = -1024


def read_hu(place: SliceHeader, out: npt.NDArray[np.int16]) -> None:
    """Fill `out`, int16 (rows, columns), C-contiguous, with the slice in HU (or raw values where it has none).

    HU = stored × slope + intercept, rounded and clipped to int16. Raises PterionError with a sentence for
    everything that the file or the machine does wrong; `out` is then undefined.
    """
    layout = place.pixels
    name = place.path.name
    if layout is None:
        raise PterionError(f"{name} holds no pixels that can be read.", code="NO_PIXELS")
    if out.shape != (place.rows, place.columns) or out.dtype != np.int16 or not out.flags.c_contiguous:
        raise ValueError(
            f"out must be contiguous int16 {(place.rows, place.columns)}, got {out.dtype} {out.shape}"
        )
    try:
        size = out.size * layout.bits_allocated // 8
        if layout.syntax in NATIVE and layout.length is not None and layout.length < (place.frame + 1) * size:
            raise DamagedError("it holds fewer pixels than its header says")
        if layout.syntax in NATIVE and layout.syntax != DEFLATED and layout.bits_allocated == 16:
            _read_native(place, layout, out)
            info = None
        else:
            values, info = _stored(place, layout)
            if values.dtype.itemsize > 2:
                raise DamagedError(f"its compressed frame decodes to {values.dtype}")
            np.copyto(out.view(np.uint16), values, casting="unsafe")  # the low 16 bits, whatever the sign
        _to_hu(layout, out, info)
    except OSError as error:
        raise file_error(error, f"Reading {name}") from error
    except MemoryError as error:
        raise PterionError(
            f"Reading {name} failed: out of memory. Close other programs.", code="MEMORY"
        ) from error
    except DamagedError as error:
        text = f"{name} cannot be read: {error}. Copy or export the series again."
        raise PterionError(text, code="UNREADABLE_FILE") from error


def _read_native(place: SliceHeader, layout: PixelLayout, out: npt.NDArray[np.int16]) -> None:
    """16-bit uncompressed pixels straight from the file into `out`."""
    descriptor = os.open(place.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        os.lseek(descriptor, layout.offset + place.frame * out.nbytes, os.SEEK_SET)
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            rest = out.reshape(-1).view(np.uint8).data
            while rest:
                count = file.readinto(rest)
                if not count:
                    raise DamagedError("it is cut short")
                rest = rest[count:]
    finally:
        os.close(descriptor)
    if (layout.syntax == BIG_ENDIAN) != (not np.little_endian):
        out.byteswap(inplace=True)


def _stored(place: SliceHeader, layout: PixelLayout) -> tuple[npt.NDArray[Any], FrameInfo | None]:
    """Decoded integers (rows, columns) of a slice that is not plain 16-bit, and what its codestream says."""
    if layout.syntax in NATIVE:
        return _native(place, layout), None
    data = _frame_bytes(place, layout)
    if layout.syntax == RLE:
        return _decode_rle(data, place.rows, place.columns, layout.bits_allocated // 8), None
    info = jpeg_2000_info(data) if layout.syntax in JPEG_2000 else jpeg_info(data)
    if (info.rows, info.columns, info.components) != (place.rows, place.columns, 1):
        raise DamagedError(f"its compressed frame is {info.rows} × {info.columns} × {info.components}")
    if info.precision > 16:
        raise DamagedError(f"its compressed frame has {info.precision} bits a pixel")
    if layout.syntax not in JPEG_2000 and not jpeg_ends(data):
        raise DamagedError("its compressed frame is cut short")
    values = _decode(data, layout)
    if values.shape != (place.rows, place.columns) or values.dtype.kind not in "iu":
        raise DamagedError(f"its compressed frame decodes to {values.dtype} {values.shape}")
    return values, info


def _native(place: SliceHeader, layout: PixelLayout) -> npt.NDArray[Any]:
    """Uncompressed pixels of 8 bits, or of a deflated file."""
    count = place.rows * place.columns
    size = count * layout.bits_allocated // 8
    first = layout.offset + place.frame * size
    if layout.syntax == DEFLATED:
        whole = place.path.read_bytes()
        try:
            packed = whole[data_set_start(whole) :]
        except NotDicomError as error:
            raise DamagedError("the file changed since it was scanned") from error
        unpacked = inflate(packed, None if layout.length is None else layout.offset + layout.length)
        data = unpacked[first : first + size]
    else:
        with place.path.open("rb") as file:
            file.seek(first)
            data = file.read(size)
    if len(data) < size:
        raise DamagedError("it is cut short")
    return np.frombuffer(data, "u1" if layout.bits_allocated == 8 else "<u2", count).reshape(
        place.rows, place.columns
    )


def _frame_bytes(place: SliceHeader, layout: PixelLayout) -> bytes:
    """The codestream of one frame."""
    if layout.length is not None:
        raise DamagedError("its compressed pixels are not encapsulated")
    with place.path.open("rb") as file:
        status = os.fstat(file.fileno())
        offsets, fragments = _fragments(place.path, layout.offset, status.st_size, status.st_mtime_ns)
        parts = []
        for first, length in _fragments_of_frame(place.frame, layout.frames, offsets, fragments):
            file.seek(first)
            parts.append(file.read(length))
    data = b"".join(parts)
    if not data:
        raise DamagedError("its compressed pixels are empty")
    return data


@functools.lru_cache(maxsize=4)
def _fragments(
    path: Path,
    offset: int,
    size: int,
    changed: int,  # noqa: ARG001 - part of the key
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Basic offset table, and (offset in the file, length) of each fragment (PS3.5 A.4).

    Kept for the next frames of a multi-frame file; `changed`, the time of its last change, makes it stale.
    """
    items: list[tuple[int, int]] = []
    with path.open("rb") as file:
        while True:
            file.seek(offset)
            head = file.read(8)
            if len(head) < 8:
                raise DamagedError("it is cut short")
            group, element, length = struct.unpack("<HHI", head)
            if (group, element) == (0xFFFE, 0xE0DD):
                break
            if (group, element) != (0xFFFE, 0xE000) or length == 0xFFFFFFFF:
                raise DamagedError("its compressed pixels are broken")
            items.append((offset + 8, length))
            offset += 8 + length
            if offset > size:
                raise DamagedError("it is cut short")
        if not items:
            raise DamagedError("its compressed pixels are empty")
        file.seek(items[0][0])
        table = file.read(items[0][1])
    return struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]), tuple(items[1:])


def _fragments_of_frame(
    frame: int, frames: int, offsets: tuple[int, ...], fragments: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """The fragments that make up one frame: all, one each, or as the basic offset table says."""
    if frames == 1:
        return fragments
    if len(fragments) == frames:
        return fragments[frame : frame + 1]
    if len(offsets) != frames or not fragments:
        raise DamagedError("which compressed pixels belong to which frame is not said")
    base = fragments[0][0] - 8
    first = base + offsets[frame]
    last = base + offsets[frame + 1] if frame + 1 < frames else fragments[-1][0] + 1
    return tuple(item for item in fragments if first <= item[0] - 8 < last)


def _decode(data: bytes, layout: PixelLayout) -> npt.NDArray[Any]:
    """One codestream by a decoder that raises when it is damaged; other threads run meanwhile."""
    import imagecodecs

    if layout.syntax in JPEG_LOSSLESS:
        return jpeg_lossless.decode(data)
    if layout.syntax in JPEG_LS:
        decoder = imagecodecs.jpegls_decode
    elif layout.syntax in JPEG_2000:
        decoder = imagecodecs.jpeg2k_decode
    else:
        decoder = imagecodecs.jpeg8_decode
    try:
        return np.asarray(decoder(data))
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        raise DamagedError(f"its compressed pixels are broken ({type(error).__name__})") from error


def _decode_rle(data: bytes, rows: int, columns: int, depth: int) -> npt.NDArray[Any]:
    """Run-length encoded bytes, the most significant plane first (PS3.5 G)."""
    import imagecodecs

    if len(data) < 64:
        raise DamagedError("its run lengths are cut short")
    count, *starts = struct.unpack_from("<16I", data)
    ends = [*starts[1:count], len(data)]
    if count != depth or starts[0] != 64 or any(a >= b for a, b in zip(starts[:count], ends, strict=True)):
        raise DamagedError("its run lengths are broken")
    planes = np.empty((depth, rows * columns), np.uint8)
    for plane, start, end in zip(planes, starts, ends, strict=False):
        try:
            written = np.asarray(imagecodecs.packbits_decode(data[start:end], out=rows * columns + 1))
            values = np.frombuffer(written, np.uint8)
        except (RuntimeError, ValueError) as error:
            raise DamagedError("its run lengths are broken") from error
        if values.size != rows * columns:
            raise DamagedError("its run lengths give too few pixels")
        plane[:] = values
    if depth == 1:
        return np.asarray(planes[0].reshape(rows, columns))
    return np.asarray(planes[0].astype(np.uint16) << 8 | planes[1]).reshape(rows, columns)


def _to_hu(layout: PixelLayout, out: npt.NDArray[np.int16], info: FrameInfo | None) -> None:
    """Stored bits → HU in place: unused bits dropped, sign extended (PS3.5 8.1.1), rescaled (PS3.3 C.11.1.1.2)."""
    bits, shift = layout.bits_stored, layout.high_bit + 1 - layout.bits_stored
    if info is not None:
        bits, shift = min(bits, info.precision), shift if info.precision > layout.high_bit else 0
    if layout.signed and bits < 16:
        out <<= 16 - bits - shift
        out >>= 16 - bits
    elif bits < 16:
        unsigned = out.view(np.uint16)
        if shift:
            unsigned >>= shift
        unsigned &= (1 << bits) - 1
    padded = _padded(layout, out)
    wide = out if layout.signed or bits < 16 else out.view(np.uint16)
    if layout.slope == 1 and layout.intercept == int(layout.intercept):
        least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if layout.signed else (0, (1 << bits) - 1)
        _add(wide, int(layout.intercept), out, least, most)
    else:
        np.rint(np.clip(wide * layout.slope + layout.intercept, _LOW, _HIGH), out=out, casting="unsafe")
    if padded is not None:
        out[padded] = _OUTSIDE_HU


def _padded(layout: PixelLayout, stored: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_] | None:
    """Which pixels are padding that would look denser than bone; darker padding keeps its value."""
    if layout.padding is None or layout.padding * layout.slope + layout.intercept < _DENSE_HU:
        return None
    return np.asarray(stored == np.array(layout.padding & 0xFFFF, np.uint16).view(np.int16))


def _add(stored: npt.NDArray[Any], intercept: int, out: npt.NDArray[np.int16], least: int, most: int) -> None:
    """`stored` + `intercept`, clipped, into `out`, without a wide copy where none is needed.

    least, most: what its number of bits lets `stored` be.
    """
    if stored.dtype == np.int16:
        if intercept == 0:
            return
        if least + intercept < _LOW or most + intercept > _HIGH:
            least, most = int(stored.min()), int(stored.max())
        if least + intercept >= _LOW and most + intercept <= _HIGH:
            np.add(stored, np.int16(intercept), out=out)
            return
    out[...] = np.clip(stored.astype(np.int64) + intercept, _LOW, _HIGH)
