"""Lossless JPEG (ISO 10918-1 H) by libjpeg-turbo, which is fast but says nothing when a frame breaks off.

So a few known bytes are put behind the coded pixels, and the decoder is asked for a few rows more than there are. Only
if all the coded pixels were used up, and no more than those, do the extra rows begin with the known bytes. A frame
that was cut or damaged gives itself away, which no other decoder notices.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from viewer.dicom.scratch import scratch
from viewer.dicom.walk import DamagedError

_Codes = dict[tuple[int, int], int]

_TAIL = bytes.fromhex("5a39c6716b8e2d935cb1a74e6539d2") * 2
_TAIL_BITS = int.from_bytes(_TAIL, "big")
_COMPARED_BITS = 40
_END_WITHIN = 4096
_COMPARED_PIXELS = 64
_PADDINGS = tuple(
    dict.fromkeys(
        bit * count + fill * 8 * more
        for more in range(3)
        for bit in "10"
        for fill in "10"
        for count in range(8)
    )
)
"""What may fill the last byte: ones (ISO 10918-1 F.1.2.3) or zeros, and up to two bytes more of either."""
_BAD_CODE = 17
"""Bits that libjpeg takes for a code that is none, which it reads as no difference."""
_DECODER_ERRORS = (RuntimeError, ValueError, TypeError, NotImplementedError)
_SOF3, _DHT, _SOS, _DRI, _EOI = 0xC3, 0xC4, 0xDA, 0xDD, 0xD9


@dataclass(frozen=True)
class _Frame:
    """One grey lossless frame.

    rows_at: offset of its number of rows. codes: category of difference by (length, Huffman code).
    scan: offset of the coded pixels. end: offset behind them.
    """

    rows: int
    columns: int
    rows_at: int
    codes: _Codes
    predictor: int
    scan: int
    end: int


def decode(data: bytes | memoryview, out: npt.NDArray[np.uint16]) -> None:
    """Fill `out`, contiguous (rows, columns), with the pixels. Raises DamagedError if the frame is damaged."""
    import imagecodecs

    frame = _frame(data)
    if frame is not None and (frame.rows, frame.columns) != out.shape:
        raise DamagedError(f"its compressed frame is {frame.rows} × {frame.columns}")
    try:
        if frame is None:
            pixels = np.asarray(imagecodecs.jpegsof3_decode(bytes(data)))
        else:
            extra = -(-_COMPARED_PIXELS // frame.columns)
            longer = _longer(data, frame, extra)
            memory = scratch("pixels", 2 * (frame.rows + extra) * frame.columns)
            target = np.frombuffer(memory, np.uint16).reshape(frame.rows + extra, frame.columns)
            imagecodecs.jpeg8_decode(longer, out=target)  # type: ignore[arg-type]
            pixels = target[: frame.rows]
            if not _ends_there(target[frame.rows - 1 :], frame):
                raise DamagedError("its compressed frame is cut short or broken")
    except _DECODER_ERRORS as error:
        raise DamagedError(f"its compressed pixels are broken ({type(error).__name__})") from error
    if pixels.shape != out.shape or pixels.dtype.kind not in "iu":
        raise DamagedError(f"its compressed frame decodes to {pixels.dtype} {pixels.shape}")
    np.copyto(out, pixels, casting="unsafe")


def _frame(data: bytes | memoryview) -> _Frame | None:
    """What the markers say, or None for frames of a kind that cannot be checked so: they are rare."""
    position = 2
    rows = columns = rows_at = 0
    tables: dict[int, _Codes] = {}
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = bytes(data[position + 4 : position + 2 + length])
        if marker == _SOF3:
            if len(body) < 6:
                return None
            precision, rows, columns, components = struct.unpack_from(">BHHB", body)
            rows_at = position + 5
            if components != 1 or not 9 <= precision <= 16 or not 0 < rows < 0xFF00 or not columns:
                return None
        elif marker == _DHT:
            tables |= _tables(body)
        elif marker == _DRI and body != b"\0\0":
            return None
        elif marker == _SOS:
            scan, end = position + 2 + length, _end(data)
            if not rows or len(body) != 6 or not 1 <= body[3] <= 7 or body[5] & 15 or end < scan:
                return None
            return _Frame(rows, columns, rows_at, tables.get(body[2] >> 4, {}), body[3], scan, end)
        position += 2 + length
    return None


def _tables(body: bytes) -> dict[int, _Codes]:
    """Huffman tables of one marker by their number (ISO 10918-1 C.2)."""
    found: dict[int, _Codes] = {}
    position = 0
    while position + 17 <= len(body):
        counts, first = body[position + 1 : position + 17], position + 17
        codes: _Codes = {}
        code = 0
        for length, count in enumerate(counts, 1):
            for category in body[first : first + count]:
                codes[length, code] = category
                code += 1
            first += count
            code <<= 1
        found[body[position] & 15] = codes
        position = first
    return found


def _end(data: bytes | memoryview) -> int:
    """Offset behind the coded pixels: that of the last End Of Image marker, or of fill bytes before it."""
    first = max(len(data) - _END_WITHIN, 0)
    found = bytes(data[first:]).rfind(b"\xff\xd9")
    end = first + found if found >= 0 else -1
    while end > 0 and data[end - 1] == 0xFF:
        end -= 1
    return end


def _longer(data: bytes | memoryview, frame: _Frame, extra: int) -> memoryview:
    """The frame with `extra` more rows, which begin with the known bytes."""
    behind = _TAIL + b"\xff\xd9"
    longer = scratch("longer", frame.end + len(behind))
    longer[: frame.end] = data[: frame.end]
    longer[frame.rows_at : frame.rows_at + 2] = struct.pack(">H", frame.rows + extra)
    longer[frame.end :] = behind
    return longer


def _ends_there(rows: npt.NDArray[Any], frame: _Frame) -> bool:
    """Whether the rows behind the first are what the known bytes code, after the padding of the last byte."""
    differences = _differences(rows, frame.predictor)
    return any(_codes(padding, frame.codes, differences) for padding in _PADDINGS)


def _codes(padding: str, codes: _Codes, differences: Sequence[int]) -> bool:
    """Whether the padding and then the known bytes code these differences, as far as they are compared."""
    count = len(padding)
    size = count + 8 * len(_TAIL)
    bits = int(padding or "0", 2) << 8 * len(_TAIL) | _TAIL_BITS
    position = 0
    for difference in differences:
        category, length = 0, _BAD_CODE
        for length in range(1, 17):
            found = codes.get((length, bits >> (size - position - length) & ((1 << length) - 1)))
            if found is not None:
                category = found
                break
        else:
            length = _BAD_CODE
        position += length
        value = 0
        if category == 16:
            value = -32768
        elif category:
            value = bits >> (size - position - category) & ((1 << category) - 1)
            value -= 0 if value >> (category - 1) else (1 << category) - 1
            position += category
        if value != difference:
            return False
        if position - count >= _COMPARED_BITS:
            return True
    return False


def _differences(rows: npt.NDArray[Any], predictor: int) -> list[int]:
    """The coded differences of the rows behind the first, as far as they are looked at (ISO 10918-1 H.1.2)."""
    columns = rows.shape[1]
    values = rows[:, : min(columns, _COMPARED_PIXELS)].astype(np.int64)
    above, left = values[:-1, 1:], values[1:, :-1]
    corner = values[:-1, :-1]
    guesses = {
        1: left,
        2: above,
        3: corner,
        4: left + above - corner,
        5: left + ((above - corner) >> 1),
        6: above + ((left - corner) >> 1),
        7: (left + above) >> 1,
    }
    guess = np.concatenate([values[:-1, :1], guesses[predictor]], axis=1)
    difference = (values[1:] - guess + 32768) % 65536 - 32768
    return [int(value) for value in difference.reshape(-1)]
