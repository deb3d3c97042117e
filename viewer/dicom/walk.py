"""A walk over the elements of a data set (PS3.5 7): values that are wanted, and where the pixels lie."""

import struct
from functools import lru_cache

from viewer.dicom.syntaxes import DEFLATED

PIXEL_DATA = 0x7FE00010
FLOAT_PIXELS = (0x7FE00008, 0x7FE00009)
MEDIA_CLASS, SYNTAX = 0x00020002, 0x00020010
UNDEFINED = 0xFFFFFFFF
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_META_RAW = {0x00020002: MEDIA_CLASS, 0x00100002: SYNTAX}
_META_LENGTH_RAW = 0x00000002
"""Raw: the four bytes of a tag as one little-endian integer."""
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEPTH_MAX = 32
_UNPACK = {
    endian: tuple(struct.Struct(endian + form).unpack_from for form in ("HH", "H", "I", "I2sH", "II"))
    for endian in "<>"
}
_HEAD = 12
"""Bytes before the value of an element, at most."""


class DamagedError(Exception):
    """The file begins as DICOM does and then breaks off or contradicts itself."""


class ShortError(Exception):
    """The walk needs bytes that are not in the buffer."""


def _deflated(meta: dict[int, bytes]) -> bool:
    """Whether what follows the meta information may begin with any bytes, so that the group length must be believed.

    Elsewhere the first element of another group ends it: some writers have the group length wrong.
    """
    return meta.get(SYNTAX, b"").strip(b" \0") == DEFLATED.encode("ascii")


@lru_cache(maxsize=16)
def _raw_tags(wanted: frozenset[int], endian: str) -> dict[int, int | None]:
    """The wanted tags by the integer that their four bytes make; None where the fast run stops."""
    stops = (PIXEL_DATA, *FLOAT_PIXELS, ITEM, ITEM_END, SEQUENCE_END)
    tags = dict.fromkeys(stops, None) | {tag: tag for tag in wanted}
    return {tag if endian == ">" else (tag & 0xFFFF) << 16 | tag >> 16: name for tag, name in tags.items()}


class Walk:
    """A walk over a buffer that holds the beginning of a file of `size` bytes, or all of it (`whole`).

    cut: whether the file turned out to end within its header.
    Methods raise ShortError where the buffer is too short, and DamagedError.
    """

    def __init__(self, data: bytes, *, explicit: bool, endian: str, whole: bool, size: int) -> None:
        self.data = data
        self.explicit = explicit
        self.whole = whole
        self.size = size
        self.cut = False
        self._endian = endian
        self._pair, self._short, self._long, self._explicit_head, self._implicit_head = _UNPACK[endian]

    def meta(self, start: int) -> tuple[dict[int, bytes], int]:
        """SOP class and transfer syntax in the file meta information, and where that ends."""
        data, head = self.data, self._explicit_head
        found: dict[int, bytes] = {}
        position, end = start, 1 << 62
        while position + 8 <= len(data):
            raw, vr, length = head(data, position)
            if raw & 0xFFFF != 2 or (position >= end and _deflated(found)):
                return found, position
            first = position + 8
            if vr not in SHORT:
                _, first, length = self._element(position, explicit=True)
                if length == UNDEFINED:
                    raise DamagedError("its file meta information is broken")
            position = first + length
            if raw in _META_RAW:
                found[_META_RAW[raw]] = data[first:position]
            elif raw == _META_LENGTH_RAW and length == 4 and position <= len(data):
                end = position + self._long(data, first)[0]
        if not self.whole:
            raise ShortError
        self.cut = True
        return found, min(position, len(self.data))

    def elements(
        self, position: int, wanted: frozenset[int]
    ) -> tuple[dict[int, bytes], tuple[int, int, int] | None]:
        """Values of the wanted elements, and (tag, offset, length) of the pixel data or None."""
        found: dict[int, bytes] = {}
        names = _raw_tags(wanted, self._endian)
        run = self._explicit_run if self.explicit else self._implicit_run
        while position < self.size:
            position = run(position, names, found)
            if position + _HEAD > len(self.data):
                if position >= self.size:
                    break
                if not self.whole:
                    raise ShortError
                self.cut = position + 8 > len(self.data)
                if self.cut:
                    return found, None
            tag, first, length = self.element(position)
            if tag == PIXEL_DATA or tag in FLOAT_PIXELS:
                return found, (tag, first, length)
            if length == UNDEFINED:
                position = self._skip_items(first, self.explicit, 0)
                found.update({tag: b""} if tag in wanted else {})  # of a sequence, that it is there
                continue
            position = first + length
            if position > len(self.data):
                if position > self.size:
                    self.cut = True
                    return found, None
                if not self.whole:
                    raise ShortError
            if tag in wanted:
                found[tag] = self.data[first:position]
        return found, None

    def _explicit_run(self, position: int, names: dict[int, int | None], found: dict[int, bytes]) -> int:
        """Take plain elements from `position` on, as fast as Python can; offset of the first that is not plain."""
        data, end = self.data, len(self.data)
        head, long = self._explicit_head, self._long
        last = end - _HEAD
        while position <= last:
            raw, vr, length = head(data, position)
            first = position + 8
            if vr not in SHORT:
                if vr not in LONG:
                    break
                (length,) = long(data, first)
                first += 4
            after = first + length
            if after > end:
                break
            if raw in names:
                tag = names[raw]
                if tag is None:
                    break
                found[tag] = data[first:after]
            position = after
        return position

    def _implicit_run(self, position: int, names: dict[int, int | None], found: dict[int, bytes]) -> int:
        """The same without value representations."""
        data, end = self.data, len(self.data)
        head = self._implicit_head
        last = end - _HEAD
        while position <= last:
            raw, length = head(data, position)
            after = position + 8 + length
            if after > end:
                break
            if raw in names:
                tag = names[raw]
                if tag is None:
                    break
                found[tag] = data[position + 8 : after]
            position = after
        return position

    def element(self, position: int) -> tuple[int, int, int]:
        """(tag, offset of the value, length) of the element at `position`."""
        return self._element(position, self.explicit)

    def _element(self, position: int, explicit: bool) -> tuple[int, int, int]:
        """The same for either way of writing the value representation."""
        group, element = self._pair(self.data, position)
        tag = group << 16 | element
        if not explicit or group == 0xFFFE:
            return tag, position + 8, self._long(self.data, position + 4)[0]
        vr = self.data[position + 4 : position + 6]
        if vr in SHORT:
            return tag, position + 8, self._short(self.data, position + 6)[0]
        if vr in LONG:
            if position + 12 > len(self.data):
                raise ShortError if not self.whole else DamagedError("it ends within its header")
            return tag, position + 12, self._long(self.data, position + 8)[0]
        raise DamagedError("it holds an unknown value representation")

    def _skip_items(self, position: int, explicit: bool, depth: int) -> int:
        """Offset behind a sequence of undefined length whose first item is at `position`."""
        if depth > _DEPTH_MAX:
            raise DamagedError("its sequences are nested too deep")
        while True:
            self._need(position + 8)
            tag, first, length = self._element(position, explicit)
            if tag == SEQUENCE_END:
                return first
            if tag != ITEM:
                raise DamagedError("a sequence in it is broken")
            position = self._skip_item(first, explicit, depth) if length == UNDEFINED else first + length

    def _skip_item(self, position: int, explicit: bool, depth: int) -> int:
        """Offset behind an item of undefined length whose first element is at `position`."""
        while True:
            self._need(position + 8)
            tag, first, length = self._element(position, explicit)
            if tag == ITEM_END:
                return first
            if length == UNDEFINED:
                unknown = explicit and self.data[position + 4 : position + 6] == b"UN"
                position = self._skip_items(first, explicit and not unknown, depth + 1)
            else:
                position = first + length

    def _need(self, end: int) -> None:
        """Raise unless the buffer holds the bytes before `end`."""
        if end > len(self.data):
            raise ShortError if not self.whole else DamagedError("it ends within a sequence")
