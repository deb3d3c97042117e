"""One slice's pixels → HU. Pixels that may be wrong are never returned: every fault raises."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom import jpeg_lossless
from viewer.dicom.codestream import FrameInfo, jpeg_2000_info, jpeg_ends, jpeg_info
from viewer.dicom.deflated import inflate
from viewer.dicom.encapsulated import frame_bytes, read_at
from viewer.dicom.files import file_error
from viewer.dicom.header import NotDicomError, data_set_start
from viewer.dicom.modality_lut import looked_up
from viewer.dicom.scratch import scratch
from viewer.dicom.series import PixelLayout, SliceHeader
from viewer.dicom.syntaxes import BIG_ENDIAN, DEFLATED, JPEG_2000, JPEG_LOSSLESS, JPEG_LS, NATIVE, RLE
from viewer.dicom.walk import DamagedError

_LOW, _HIGH = -32768, 32767
_DENSE_HU = 4096
_OUTSIDE_HU = -1024
_META_MAX = 64 << 10
_HEAD = 16
"""Bytes before the pixels that are read with them: 12 tell what follows, and 16 keep the pixels aligned."""
_PIXEL_TAGS = (b"\xe0\x7f\x10\0", b"\x7f\xe0\0\x10")


def load_decoders() -> None:
    """Import the decoders (0.1 s) before a slice needs them; call it from a worker thread."""
    import imagecodecs

    for name in ("jpeg2k", "jpegls", "jpeg8", "packbits", "deflate"):
        getattr(imagecodecs, f"{name}_decode")  # each is imported when it is asked for


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
        if layout.syntax in NATIVE and layout.length is None:
            raise DamagedError("its uncompressed pixels are wrapped as if they were compressed")
        if layout.syntax in NATIVE and (layout.length or 0) < (place.frame + 1) * size:
            raise DamagedError("it holds fewer pixels than its header says")
        stored, info = _read_stored(place, layout, out.view(np.uint16))
        _to_hu(layout, stored.view(np.int16), out, info)
    except OSError as error:
        raise file_error(error, f"Reading {name}") from error
    except MemoryError as error:
        raise PterionError(
            f"Reading {name} failed: out of memory. Close other programs.", code="MEMORY"
        ) from error
    except DamagedError as error:
        text = f"{name} cannot be read: {error}. Copy or export the series again."
        raise PterionError(text, code="UNREADABLE_FILE") from error


def _read_stored(
    place: SliceHeader, layout: PixelLayout, out: npt.NDArray[np.uint16]
) -> tuple[npt.NDArray[np.uint16], FrameInfo | None]:
    """The bits that are stored, whatever their sign, and what a codestream says about itself.

    They are in `out`, or in memory of this thread that is used again for the next slice.
    """
    if layout.syntax in NATIVE:
        return _read_native(place, layout, out), None
    data = frame_bytes(place, layout)
    if layout.syntax == RLE:
        _decode_rle(data, out, layout.bits_allocated // 8)
        return out, None
    info = jpeg_2000_info(data) if layout.syntax in JPEG_2000 else jpeg_info(data)
    if (info.rows, info.columns, info.components) != (place.rows, place.columns, 1):
        raise DamagedError(f"its compressed frame is {info.rows} × {info.columns} × {info.components}")
    if info.precision > 16:
        raise DamagedError(f"its compressed frame has {info.precision} bits a pixel")
    if layout.syntax not in JPEG_2000 and not jpeg_ends(data):
        raise DamagedError("its compressed frame is cut short")
    _decode(data, layout.syntax, info, out)
    return out, info


def _read_native(
    place: SliceHeader, layout: PixelLayout, out: npt.NDArray[np.uint16]
) -> npt.NDArray[np.uint16]:
    """Uncompressed pixels, and those of a deflated file.

    They are read into memory that the processor has at hand; writing HU to fresh memory is then the only slow step.
    """
    wide = layout.bits_allocated == 16
    size = out.size * layout.bits_allocated // 8
    first = layout.offset + place.frame * size
    if layout.syntax == DEFLATED:
        whole = _unpacked(place, layout)
        _check_head(whole[: layout.offset][-_HEAD:])
        data = whole[first : first + size]
        if len(data) < size:
            raise DamagedError("it is cut short")
    else:
        data = _read_behind_head(place.path, layout.offset, first, size)
    if not wide:
        out.reshape(-1)[:] = np.frombuffer(data, "u1")
        return out
    stored = np.frombuffer(data, ">u2" if layout.syntax == BIG_ENDIAN else "<u2").reshape(out.shape)
    if stored.dtype.isnative and stored.flags.writeable:
        return stored
    out[...] = stored
    return out


def _read_behind_head(path: Path, offset: int, first: int, size: int) -> memoryview:
    """`size` bytes of a file from `first` on, if pixels still begin at `offset`; in memory that is used again."""
    before = min(_HEAD, offset)
    if first == offset:  # the only frame, mostly: one reading for both
        whole = scratch("frame", before + size)
        read_at(path, first - before, whole)
        _check_head(whole[:before])
        return whole[before:]
    head, data = memoryview(bytearray(before)), scratch("frame", size)
    read_at(path, offset - before, head)
    _check_head(head)
    read_at(path, first, data)
    return data


def _check_head(head: memoryview) -> None:
    """Raise DamagedError unless bytes end with the head of pixel data (PS3.5 7.1.2, 7.1.3), as they did in the scan.

    A file that was written anew meanwhile may have its pixels elsewhere; what is there would look like a picture.
    """
    explicit, implicit = bytes(head[-12:-8]), bytes(head[-8:-4])
    if explicit not in _PIXEL_TAGS and implicit not in _PIXEL_TAGS:
        raise DamagedError("the file changed since it was scanned")


def _unpacked(place: SliceHeader, layout: PixelLayout) -> memoryview:
    """The data set of a deflated file."""
    size = place.path.stat().st_size
    whole = scratch("frame", size)
    read_at(place.path, 0, whole)
    try:
        start = data_set_start(bytes(whole[:_META_MAX]))
    except NotDicomError as error:
        raise DamagedError("the file changed since it was scanned") from error
    return inflate(whole[start:], None if layout.length is None else layout.offset + layout.length)


def _decode(data: memoryview, syntax: str, info: FrameInfo, out: npt.NDArray[np.uint16]) -> None:
    """One codestream by a decoder that raises when it is damaged; other threads run meanwhile."""
    import imagecodecs

    if syntax in JPEG_LOSSLESS:
        jpeg_lossless.decode(data, out)
        return
    codecs: Any = imagecodecs  # its own types know no memoryview
    if syntax in JPEG_LS:
        decoder = codecs.jpegls_decode
    elif syntax in JPEG_2000:
        decoder = codecs.jpeg2k_decode
    else:
        decoder = codecs.jpeg8_decode
    target = out.view(np.int16) if info.signed else out
    try:
        if info.precision > 8:
            decoder(data, out=target)
            return
        values = np.asarray(decoder(data))
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        raise DamagedError(f"its compressed pixels are broken ({type(error).__name__})") from error
    if values.shape != out.shape or values.dtype.kind not in "iu":
        raise DamagedError(f"its compressed frame decodes to {values.dtype} {values.shape}")
    np.copyto(target, values, casting="unsafe")


def _decode_rle(data: memoryview, out: npt.NDArray[np.uint16], depth: int) -> None:
    """Run-length encoded bytes, the most significant plane first (PS3.5 G)."""
    import imagecodecs

    if len(data) < 64:
        raise DamagedError("its run lengths are cut short")
    count, *starts = struct.unpack_from("<16I", data)
    ends = [*starts[1:count], len(data)]
    if count != depth or starts[0] != 64 or any(a >= b for a, b in zip(starts[:count], ends, strict=True)):
        raise DamagedError("its run lengths are broken")
    codecs: Any = imagecodecs
    target, flat = scratch("plane", out.size + 1), out.reshape(-1)
    for number, (start, end) in enumerate(zip(starts, ends, strict=False)):
        try:
            plane = np.frombuffer(codecs.packbits_decode(data[start:end], out=target), np.uint8)
        except (RuntimeError, ValueError) as error:
            raise DamagedError("its run lengths are broken") from error
        if plane.size != flat.size:
            raise DamagedError("its run lengths give too few pixels")
        if number == 0:
            flat[:] = plane
        else:
            flat <<= 8
            flat |= plane


def _to_hu(
    layout: PixelLayout, stored: npt.NDArray[np.int16], out: npt.NDArray[np.int16], info: FrameInfo | None
) -> None:
    """Stored bits, which are overwritten, → HU: unused bits dropped, sign extended (PS3.5 8.1.1), rescaled
    (PS3.3 C.11.1.1.2).
    """
    bits, shift = layout.bits_stored, layout.high_bit + 1 - layout.bits_stored
    if info is not None:
        bits, shift = min(bits, info.precision), shift if info.precision > layout.high_bit else 0
    if layout.signed and bits < 16:
        stored <<= 16 - bits - shift
        stored >>= 16 - bits
    elif bits < 16:
        unsigned = stored.view(np.uint16)
        if shift:
            unsigned >>= shift
        unsigned &= (1 << bits) - 1
    padded = _padded(layout, stored)
    wide = stored if layout.signed or bits < 16 else stored.view(np.uint16)
    if layout.lut:
        out[...] = np.minimum(looked_up(layout.lut, wide), _HIGH)
    elif layout.slope == 1 and layout.intercept == int(layout.intercept):
        least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if layout.signed else (0, (1 << bits) - 1)
        _add(wide, int(layout.intercept), out, least, most)
    else:
        np.rint(np.clip(wide * layout.slope + layout.intercept, _LOW, _HIGH), out=out, casting="unsafe")
    if padded is not None:
        out[padded] = _OUTSIDE_HU


def _padded(layout: PixelLayout, stored: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_] | None:
    """Which pixels are padding that would look denser than bone; darker padding keeps its value."""
    if layout.padding is None:
        return None
    ends = sorted((layout.padding, layout.padding if layout.padding_limit is None else layout.padding_limit))
    if layout.lut or min(end * layout.slope + layout.intercept for end in ends) < _DENSE_HU:
        return None
    values = stored if layout.signed else stored.view(np.uint16)
    return np.asarray((values >= ends[0]) & (values <= ends[1]))


def _add(stored: npt.NDArray[Any], intercept: int, out: npt.NDArray[np.int16], least: int, most: int) -> None:
    """`stored` + `intercept`, clipped, into `out`, without a wide copy where none is needed.

    least, most: what its number of bits lets `stored` be.
    """
    if stored.dtype == np.int16:
        if intercept == 0:
            if not np.may_share_memory(stored, out):
                out[...] = stored
            return
        if least + intercept < _LOW or most + intercept > _HIGH:
            least, most = int(stored.min()), int(stored.max())
        if least + intercept >= _LOW and most + intercept <= _HIGH:
            np.add(stored, np.int16(intercept), out=out)
            return
    out[...] = np.clip(stored.astype(np.int64) + intercept, _LOW, _HIGH)
