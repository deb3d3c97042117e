"""Data sets of the transfer syntax Deflated Explicit VR Little Endian (PS3.5 A.5) unpacked."""

import zlib

from viewer.dicom.scratch import scratch
from viewer.dicom.walk import DamagedError

_INFLATED_MAX = 1 << 30
_RATIO_MAX = 1032  # 258 bytes for two bits: deflate cannot do better, so a larger claim is false


def inflate_beginning(data: bytes | memoryview, size: int) -> tuple[bytes, bool]:
    """The first `size` bytes of a deflated data set (fewer if it holds fewer), and whether that is all of it.

    Raises DamagedError if it is broken there.
    """
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return unpacker.decompress(data, size), unpacker.eof
    except zlib.error as error:
        raise DamagedError(f"its deflated part is broken ({error})") from error


def inflate(data: bytes | memoryview, size: int | None = None) -> memoryview:
    """A deflated data set unpacked, valid until this thread unpacks the next.

    size: how long it ought to be, which makes it three times as fast.
    Raises DamagedError if it is cut, broken or beyond 1 GB.
    """
    if size is not None and size <= min(_INFLATED_MAX, _RATIO_MAX * len(data)):
        import imagecodecs

        target = scratch("inflated", size)
        try:
            return memoryview(imagecodecs.deflate_decode(data, raw=True, out=target))  # type: ignore[arg-type]
        except (RuntimeError, ValueError):
            pass  # longer than it ought to be, or damaged: zlib tells which
    unpacked, whole = inflate_beginning(data, _INFLATED_MAX)
    if not whole:
        raise DamagedError("its deflated part is cut short or too large")
    return memoryview(unpacked)
