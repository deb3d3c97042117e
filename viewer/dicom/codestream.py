"""What a compressed frame says about itself, read before a decoder is trusted with it."""

import struct
from dataclasses import dataclass

from viewer.dicom.walk import DamagedError

_FRAME_MARKERS = frozenset(
    {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
)
_CODING_STYLE, _TILE, _SCAN = 0xFF52, 0xFF90, 0xFFDA
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


def irreversible(data: bytes | memoryview) -> bool:
    """Whether a JPEG 2000 codestream was made with the 9-7 wavelet, which always loses (ISO 15444-1 A.6.1).

    Raises DamagedError.
    """
    head = bytes(data[:_BOXES_MAX])
    position = head.find(b"\xff\x4f\xff\x51") + 2
    while position >= 2 and position + 4 <= len(head):
        marker, length = struct.unpack_from(">HH", head, position)
        if marker == _CODING_STYLE and position + 14 <= len(head):
            return head[position + 13] == 0
        if marker >> 8 != 0xFF or marker == _TILE or length < 2:
            break
        position += 2 + length
    raise DamagedError("its JPEG 2000 header is broken")


def near_lossless(data: bytes | memoryview) -> int:
    """NEAR of a JPEG-LS codestream: by how much a sample may be off (ISO 14495-1 C.2.3). Raises DamagedError."""
    head = bytes(data[:_BOXES_MAX])
    position = 2
    while head[:2] == b"\xff\xd8" and position + 5 <= len(head):
        marker, length, components = struct.unpack_from(">HHB", head, position)
        near = int(position + 5 + 2 * components)
        if marker == _SCAN and near < len(head):
            return head[near]
        if marker == 0xFFFF:
            position += 1
        elif marker >> 8 != 0xFF or length < 2:
            break
        else:
            position += 2 + length
    raise DamagedError("its JPEG-LS header is broken")
