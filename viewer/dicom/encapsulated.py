"""Where the bytes of one frame lie in a file, and reading them (PS3.5 8.2, A.4)."""

import functools
import os
import struct
from itertools import pairwise
from pathlib import Path

from viewer.dicom.files import READ_FLAGS
from viewer.dicom.scratch import scratch
from viewer.dicom.series import PixelLayout, SliceHeader
from viewer.dicom.walk import DamagedError

_ITEM, _SEQUENCE_END = 0xE000FFFE, 0xE0DDFFFE  # as little-endian integers
_UNDEFINED = 0xFFFFFFFF
_BEGINNINGS = (
    b"\xff\xd8\xff",
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cjP  ",
)  # of JPEG and JPEG-LS, JPEG 2000, its boxes
_TAIL = 64


def read_at(path: Path, offset: int, target: memoryview) -> None:
    """Fill `target` with the bytes of a file from `offset` on. Raises DamagedError if there are fewer, OSError."""
    descriptor = os.open(path, READ_FLAGS)
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
        _fill(descriptor, target)
    finally:
        os.close(descriptor)


def _fill(descriptor: int, target: memoryview) -> None:
    """Read from where the file stands until `target` is full."""
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        while target:
            count = file.readinto(target)
            if not count:
                raise DamagedError("it is cut short")
            target = target[count:]


def frame_bytes(place: SliceHeader, layout: PixelLayout) -> memoryview:
    """The codestream of one frame, valid until this thread reads the next. Raises DamagedError, OSError."""
    if layout.length is not None:
        raise DamagedError("its compressed pixels are not encapsulated")
    if layout.frames == 1:
        data = _only_frame(place.path, layout.offset)
    else:
        data = _one_of_many(place, layout)
    if not data:
        raise DamagedError("its compressed pixels are empty")
    return data


def _only_frame(path: Path, offset: int) -> memoryview:
    """The frame of a file that has one: the rest of the file is read at once, and its fragments are joined."""
    descriptor = os.open(path, READ_FLAGS)
    try:
        size = max(os.fstat(descriptor).st_size - offset, 0)
        rest = scratch("frame", size)
        os.lseek(descriptor, offset, os.SEEK_SET)
        _fill(descriptor, rest)
    finally:
        os.close(descriptor)
    position, first, end, table = 0, 0, 0, True
    while position + 8 <= size:
        tag, length = struct.unpack_from("<II", rest, position)
        position += 8
        if tag == _SEQUENCE_END:
            if table:
                raise DamagedError("its compressed pixels are empty")
            return rest[first:end]
        if tag != _ITEM or length == _UNDEFINED:
            raise DamagedError("its compressed pixels are broken")
        if position + length > size:
            break
        if table:  # the basic offset table; the only frame begins behind it
            first = end = position + length + 8
            table = False
        else:
            if position != end:
                rest[end : end + length] = rest[position : position + length]
            end += length
        position += length
    raise DamagedError("it is cut short")


def _one_of_many(place: SliceHeader, layout: PixelLayout) -> memoryview:
    """One frame of a file that has several."""
    descriptor = os.open(place.path, READ_FLAGS)
    try:
        status = os.fstat(descriptor)
        key = (place.path, layout.offset, status.st_size, status.st_mtime_ns)
        ours = _fragments_of_frame(place.frame, layout.frames, *_fragments(*key))
        if ours is None and len(marked := _by_markers(*key)) == layout.frames:
            ours = marked[place.frame]
        if ours is None:
            raise DamagedError("which compressed pixels belong to which frame is not said")
        data = scratch("frame", sum(length for _, length in ours))
        done = 0
        for first, length in ours:
            os.lseek(descriptor, first, os.SEEK_SET)
            _fill(descriptor, data[done : done + length])
            done += length
    finally:
        os.close(descriptor)
    return data


@functools.lru_cache(maxsize=4)
def _fragments(
    path: Path,
    offset: int,
    size: int,
    changed: int,  # noqa: ARG001 - part of the key
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Basic offset table, empty where it does not fit, and (offset in the file, length) of each fragment (PS3.5 A.4).

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
    offsets, fragments = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]), tuple(items[1:])
    return (offsets if _fits(offsets, fragments) else ()), fragments


def _fits(offsets: tuple[int, ...], fragments: tuple[tuple[int, int], ...]) -> bool:
    """Whether an offset table begins with the first fragment, rises, and names nothing but beginnings of fragments."""
    if not offsets or not fragments or offsets[0] != 0:
        return False
    starts = {first - fragments[0][0] for first, _ in fragments}
    return starts.issuperset(offsets) and all(one < other for one, other in pairwise(offsets))


def _fragments_of_frame(
    frame: int, frames: int, offsets: tuple[int, ...], fragments: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...] | None:
    """The fragments that make up one frame: all, one each, or as the basic offset table says; None without one."""
    if frames == 1:
        return fragments
    if len(fragments) == frames:
        return fragments[frame : frame + 1]
    if len(offsets) != frames or not fragments:
        return None
    base = fragments[0][0] - 8
    first = base + offsets[frame]
    last = base + offsets[frame + 1] if frame + 1 < frames else fragments[-1][0] + 1
    return tuple(item for item in fragments if first <= item[0] - 8 < last)


@functools.lru_cache(maxsize=4)
def _by_markers(path: Path, offset: int, size: int, changed: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The fragments of each frame where no table tells: a frame begins where a codestream does, behind one that ended.

    Within a codestream neither marker can occur (ISO 10918-1 B.1.1.5, ISO 15444-1 A.1.3), so this leaves no doubt.
    Empty where a codestream begins before the last has ended.
    """
    frames: list[list[tuple[int, int]]] = []
    before = b""
    with path.open("rb") as file:
        for first, length in _fragments(path, offset, size, changed)[1]:
            file.seek(first)
            if file.read(min(length, 8)).startswith(_BEGINNINGS):
                if frames and not before.rstrip(b"\0\xff").endswith(b"\xff\xd9"):
                    return ()
                frames.append([])
            elif not frames:
                return ()
            frames[-1].append((first, length))
            file.seek(first + max(length - _TAIL, 0))
            before = (before + file.read(min(length, _TAIL)))[-_TAIL:]
    return tuple(map(tuple, frames))
