"""What the headers read before tell about the next one: the files of a series are alike almost to the byte.

A stencil is the chain of elements of one header. Laid on another file it checks every tag, value representation and
length on the way and takes the wanted values, in a few calls for all of them. Where anything differs the walk is
asked, and the stencil learns which values vary in length. So it finds what the walk finds, in a third of the time.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from viewer.dicom.syntaxes import BIG_ENDIAN, DEFLATED, IMPLICIT
from viewer.dicom.walk import (
    FLOAT_PIXELS,
    ITEM_END,
    LONG,
    MEDIA_CLASS,
    PIXEL_DATA,
    SEQUENCE_END,
    SHORT,
    SYNTAX,
    UNDEFINED,
)

_PREAMBLE = 128
_SYNTAX_NAME = b"\2\0\x10\0"
_LOOSE = frozenset(
    struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    for tag in (0x00020003, 0x00080018, 0x00080033, 0x00200013, 0x00200032, 0x00201041)
)
"""Names that vary in length in every series: UIDs, time, number and position of the instance."""
_KEPT = 4
_LESSONS, _HITS_A_LESSON = 24, 4
_ENTRIES_MAX = 4000


@dataclass(frozen=True)
class Entry:
    """One element of the chain.

    name: the bytes that it begins with: tag and, where it is written, value representation.
    form: how the length follows (`H`, `I`); empty where `name` holds all of it, and no value is to be skipped.
    tag: where its value is wanted.
    """

    name: bytes
    form: str = ""
    length: int = 0
    tag: int | None = None

    @property
    def head(self) -> bytes:
        """All bytes before its value."""
        return self.name + (struct.pack(f"<{self.form}", self.length) if self.form else b"")


class _Part:
    """A run of elements of fixed length, then perhaps one of any length (`name` and what follows are that one's)."""

    __slots__ = ("_check", "_expected", "_last", "_pick", "head", "head_size", "name", "size", "wanted")

    def __init__(self, run: list[Entry], loose: Entry) -> None:
        heads = tuple(entry.head for entry in run)
        pairs = [(len(head), entry) for head, entry in zip(heads, run, strict=True)]
        check = struct.Struct("<" + "".join(f"{size}s{one.length}x" for size, one in pairs))
        pick = "".join(f"{size}x{one.length}{'x' if one.tag is None else 's'}" for size, one in pairs)
        self._check, self._expected = check.unpack, heads
        self._pick = struct.Struct("<" + pick).unpack
        self._last: tuple[bytes | None, tuple[bytes, ...]] = None, ()
        self.size = check.size
        head = struct.Struct(f"<{len(loose.name)}s{loose.form}")
        self.head, self.head_size, self.name = head.unpack_from, head.size, loose.name
        self.wanted = loose.tag is not None

    def values(self, run: bytes) -> tuple[bytes, ...] | None:
        """The wanted values of a run, or None where it is another. Most are those of the file before to the byte."""
        last, values = self._last
        if run == last:
            return values
        if len(run) != self.size or self._check(run) != self._expected:
            return None
        values = self._pick(run)
        self._last = run, values
        return values


class Stencil:
    """The chain of elements of one header; those numbered in `loose` may have any length."""

    def __init__(self, entries: tuple[Entry, ...], loose: frozenset[int] = frozenset()) -> None:
        self.entries = entries
        self.loose = loose
        self.names = tuple(entry.name for entry in entries)
        self._tags = tuple(entry.tag for entry in entries if entry.tag is not None)
        self._parts: list[_Part] = []
        run: list[Entry] = []
        for number, entry in enumerate(entries):
            if number in loose:
                self._parts.append(_Part(run, entry))
                run = []
            else:
                run.append(entry)
        self._last = _Part(run, Entry(b""))

    def lay_on(self, data: bytes) -> tuple[dict[int, bytes], int] | None:
        """The wanted values and the offset of the pixels in the beginning of a file, or None where it differs."""
        position, end = _PREAMBLE, len(data)
        values: list[bytes] = []
        for part in self._parts:
            after = position + part.size
            first = after + part.head_size
            if first > end:
                return None
            found = part.values(data[position:after])
            name, length = part.head(data, after)
            position = first + length
            if found is None or name != part.name or position > end:
                return None
            values += found
            if part.wanted:
                values.append(data[first:position])
        after = position + self._last.size
        found = self._last.values(data[position:after])
        if found is None:
            return None
        values += found
        return dict(zip(self._tags, values, strict=True)), after


def chain(data: bytes, explicit: bool, wanted: frozenset[int], pixel_offset: int) -> tuple[Entry, ...] | None:
    """The elements of a little-endian file from the preamble to its pixels, None where they make no plain chain."""
    entries = [Entry(b"DICM")]
    position, depth = _PREAMBLE + 4, 0
    while position < pixel_offset and len(entries) < _ENTRIES_MAX:
        group, number, vr = struct.unpack_from("<HH2s", data, position)
        tag = group << 16 | number
        name, form = 4, "I"
        if group == 2 or (explicit and group != 0xFFFE):
            if vr not in SHORT and vr not in LONG:
                return None
            name, form = (6, "H") if vr in SHORT else (8, "I")
        first = position + name + struct.calcsize(form)
        (length,) = struct.unpack_from(f"<{form}", data, position + name)
        if depth == 0 and (tag == PIXEL_DATA or tag in FLOAT_PIXELS):
            entries.append(Entry(data[position:first]))
            return tuple(entries) if first == pixel_offset else None
        if form == "I" and length == UNDEFINED:
            if (vr == b"UN" and explicit) or tag in wanted:
                return None
            depth += 1
            entries.append(Entry(data[position:first]))
            position = first
            continue
        depth -= tag in (ITEM_END, SEQUENCE_END)
        after = first + length
        if tag == SYNTAX:
            entries.append(Entry(data[position:after]))
        else:
            keep = tag == MEDIA_CLASS or (tag in wanted and depth == 0 and group != 2)
            entries.append(Entry(data[position : position + name], form, length, tag if keep else None))
        position = after
    return None


class Likeness(NamedTuple):
    """What a stencil found in a file."""

    elements: dict[int, bytes]
    pixel_offset: int
    pixel_length: int | None
    syntax: str
    float_pixels: bool


class _Known(NamedTuple):
    """A stencil, and what all files that it fits have in common."""

    stencil: Stencil
    syntax: str
    raw_syntax: bytes
    pixel_length: int | None
    float_pixels: bool


class Stencils:
    """The stencils of the files read so far, that which fitted last first. Threads may share them."""

    def __init__(self) -> None:
        self._kept: tuple[_Known, ...] = ()
        self.lessons = 0
        self.hits = 0
        self._missed = False
        self.reach = 0
        """Where the pixels began in the file that was read last: about as much of the next has to be read."""

    def lay_on(self, data: bytes) -> Likeness | None:
        """What the beginning of a file holds, or None where no stencil fits."""
        kept = self._kept
        for known in kept:
            found = known.stencil.lay_on(data)
            if found is not None:
                self.hits += 1
                self._missed = False
                self.reach = found[1]
                if known is not kept[0]:
                    self._kept = (known, *(one for one in kept if one is not known))
                found[0][SYNTAX] = known.raw_syntax
                return Likeness(*found, known.pixel_length, known.syntax, known.float_pixels)
        return None

    def learn(self, data: bytes, syntax: str, wanted: frozenset[int], pixel_offset: int) -> None:
        """Remember the second header in a row that the walk had to read, unless the files are too different."""
        self.reach = pixel_offset
        alone, self._missed = not self._missed, True
        if alone or syntax in (BIG_ENDIAN, DEFLATED) or self.lessons > _LESSONS + self.hits // _HITS_A_LESSON:
            return
        self.lessons += 1
        entries = chain(data, syntax != IMPLICIT, wanted, pixel_offset)
        if entries is None:
            return
        names = tuple(entry.name for entry in entries)
        loose = frozenset(i for i, name in enumerate(names) if name[:4] in _LOOSE)
        others = []
        for known in self._kept:
            if known.stencil.names == names:
                pairs = enumerate(zip(known.stencil.entries, entries, strict=True))
                loose |= known.stencil.loose | {i for i, (one, other) in pairs if one.length != other.length}
            else:
                others.append(known)
        raw_syntax = next((name[8:] for name in names if name[:4] == _SYNTAX_NAME), None)
        if raw_syntax is None:
            return
        pixels = names[-1]
        length = int.from_bytes(pixels[-4:], "little")
        known = _Known(
            stencil=Stencil(entries, loose),
            syntax=syntax,
            raw_syntax=raw_syntax,
            pixel_length=None if length == UNDEFINED else length,
            float_pixels=pixels[:4] != b"\xe0\x7f\x10\0",
        )
        self._kept = (known, *others)[:_KEPT]
