"""Grey 8-bit PNG files of label values, written and read (W3C PNG specification, third edition)."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_8 = (8, 0, 0, 0, 0)  # bits, colour type grey, deflate, adaptive filters, not interlaced (11.2.1)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode(values: npt.NDArray[np.uint8]) -> bytes:
    """The file's bytes for uint8 (rows, columns); each row with filter type 0, so nothing is predicted."""
    rows, columns = values.shape
    filtered = np.zeros((rows, columns + 1), np.uint8)
    filtered[:, 1:] = values
    header = struct.pack(">2I5B", columns, rows, *_GREY_8)
    data = zlib.compress(filtered.tobytes(), 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def decode(data: bytes) -> npt.NDArray[np.uint8]:
    """uint8 (rows, columns) of a file that `encode` made. Raises ValueError for any other or a damaged one."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("not a PNG file")
    try:
        return _pixels(_chunks(data))
    except (struct.error, zlib.error) as error:
        raise ValueError(f"damaged PNG file: {error}") from error


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Contents by chunk name, those of one name joined."""
    chunks: dict[bytes, bytes] = {}
    place = len(_SIGNATURE)
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + size]
        if data[place + 8 + size : place + 12 + size] != struct.pack(">I", zlib.crc32(kind + content)):
            raise ValueError("damaged PNG file")
        chunks[kind] = chunks.get(kind, b"") + content
        place += 12 + size
    return chunks


def _pixels(chunks: dict[bytes, bytes]) -> npt.NDArray[np.uint8]:
    columns, rows, *form = struct.unpack(">2I5B", chunks.get(b"IHDR", b""))
    if tuple(form) != _GREY_8:
        raise ValueError("not a grey 8-bit PNG file")
    filtered = np.frombuffer(zlib.decompress(chunks.get(b"IDAT", b"")), np.uint8).reshape(rows, columns + 1)
    if filtered[:, 0].any():
        raise ValueError("a PNG file of another program")
    return filtered[:, 1:].copy()
