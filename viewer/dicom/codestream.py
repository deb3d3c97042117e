"""What a compressed frame says about itself, read before a decoder is trusted with it."""

import struct
from dataclasses import dataclass

from viewer.dicom.walk import DamagedError

_FRAME_MARKERS = frozenset(
    {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
)
_TAIL = 256
_BOXES_MAX = 64 << 10


@dataclass(frozen=True)
class FrameInfo:
    """Size and depth of one compressed frame. `signed` is known for JPEG 2000 only."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False


def jpeg_info(data: bytes | memoryview) -> FrameInfo:
    """Frame header of JPEG and JPEG-LS (ISO 10918-1 B.2.2, ISO 14495-1 C.2.2). Raises DamagedError."""
    if data[:2] != b"\xff\xd8":
        raise DamagedError("its compressed pixels do not begin as JPEG")
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise DamagedError("its JPEG header is broken")
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _FRAME_MARKERS:
            if position + 10 > len(data):
                break
            precision, rows, columns, components = struct.unpack_from(">BHHB", data, position + 4)
            return FrameInfo(rows, columns, components, precision)
        position += 2 + length
    raise DamagedError("its JPEG header is cut short")


def jpeg_ends(data: bytes | memoryview) -> bool:
    """Whether the last marker of a JPEG or JPEG-LS codestream is there (End Of Image, then only padding)."""
    end = len(data)
    while end:
        tail = bytes(data[max(end - _TAIL, 0) : end])
        kept = tail.rstrip(b"\0\xff")
        if kept:
            return (
                bytes(data[max(end - len(tail) + len(kept) - 2, 0) : end - len(tail) + len(kept)])
                == b"\xff\xd9"
            )
        end -= len(tail)
    return False


def jpeg_2000_info(data: bytes | memoryview) -> FrameInfo:
    """Image and tile size marker (SIZ) of a JPEG 2000 codestream (ISO 15444-1 A.5.1). Raises DamagedError."""
    start = 0
    if data[:12] == b"\0\0\0\x0cjP  \r\n\x87\n":  # JP2 boxes, which DICOM forbids and some writers add
        start = bytes(data[:_BOXES_MAX]).find(b"\xff\x4f\xff\x51")
    if start < 0 or data[start : start + 4] != b"\xff\x4f\xff\x51" or len(data) < start + 43:
        raise DamagedError("its compressed pixels do not begin as JPEG 2000")
    width, height, left, top = struct.unpack_from(">IIII", data, start + 8)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    return FrameInfo(height - top, width - left, components, (depth & 0x7F) + 1, bool(depth & 0x80))
