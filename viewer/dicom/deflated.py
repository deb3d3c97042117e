"""Data sets of the transfer syntax Deflated Explicit VR Little Endian (PS3.5 A.5) unpacked."""

import zlib

from viewer.dicom.walk import DamagedError

_INFLATED_MAX = 1 << 30


def inflate_beginning(data: bytes, size: int) -> tuple[bytes, bool]:
    """The first `size` bytes of a deflated data set (fewer if it holds fewer), and whether that is all of it.

    Raises DamagedError if it is broken there.
    """
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return unpacker.decompress(data, size), unpacker.eof
    except zlib.error as error:
        raise DamagedError(f"its deflated part is broken ({error})") from error


def inflate(data: bytes, size: int | None = None) -> bytes:
    """A deflated data set unpacked; `size` is how long it ought to be, which makes it three times as fast.

    Raises DamagedError if it is cut, broken or beyond 1 GB.
    """
    if size is not None and size <= _INFLATED_MAX:
        import imagecodecs

        try:
            return bytes(imagecodecs.deflate_decode(data, raw=True, out=size))
        except (RuntimeError, ValueError):
            pass  # longer than it ought to be, or damaged: zlib tells which
    unpacked, whole = inflate_beginning(data, _INFLATED_MAX)
    if not whole:
        raise DamagedError("its deflated part is cut short or too large")
    return unpacked
