"""Where frames lie in encapsulated pixels (PS3.5 A.4): files made by hand, whole and broken in one way each."""

import struct
from pathlib import Path

import pytest

from viewer.dicom.encapsulated import frame_bytes
from viewer.dicom.series import PixelLayout, SliceHeader
from viewer.dicom.walk import DamagedError

RLE = "1.2.840.10008.1.2.5"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"
OFFSET = 16
"""Where the pixels begin in these files; what lies before is of no interest."""


def item(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data


def table(*offsets: int) -> bytes:
    return item(struct.pack(f"<{len(offsets)}I", *offsets))


def frame(path: Path, pixels: bytes, number: int = 0, frames: int = 1) -> bytes:
    path.write_bytes(b"\0" * OFFSET + pixels)
    layout = PixelLayout(RLE, OFFSET, None, 16, 16, 15, False, 1.0, 0.0, frames=frames)
    place = SliceHeader(path, "1.2", number, 1, None, None, None, 4, 4, None, layout)
    return bytes(frame_bytes(place, layout))


def test_fragments_of_the_only_frame_are_joined(tmp_path: Path) -> None:
    assert frame(tmp_path / "a", table() + item(b"abcd") + item(b"efgh") + END) == b"abcdefgh"


def test_a_fragment_a_frame_needs_no_table(tmp_path: Path) -> None:
    pixels = table() + item(b"ab") + item(b"cdef") + END
    assert [frame(tmp_path / "a", pixels, number, 2) for number in (0, 1)] == [b"ab", b"cdef"]


def test_a_table_says_which_fragments_make_a_frame(tmp_path: Path) -> None:
    """The second frame begins behind two fragments of 8 + 2 bytes each."""
    pixels = table(0, 20) + item(b"ab") + item(b"cd") + item(b"ef") + END
    assert [frame(tmp_path / "a", pixels, number, 2) for number in (0, 1)] == [b"abcd", b"ef"]


def test_without_a_table_codestreams_tell_where_frames_begin(tmp_path: Path) -> None:
    one, two = b"\xff\xd8\xff\xc3" + b"1" * 100, b"2" * 20 + b"\xff\xd9"
    three = b"\xff\xd8\xff\xc3" + b"3" * 6 + b"\xff\xd9"
    pixels = table() + item(one) + item(two) + item(three) + END
    assert frame(tmp_path / "a", pixels, 0, 2) == one + two
    assert frame(tmp_path / "a", pixels, 1, 2) == three


@pytest.mark.parametrize(
    "pixels",
    [
        table() + item(b"\xff\xd8\xff\xc3open") + item(b"\xff\xd8\xff\xc3") + item(b"\xff\xd9") + END,
        table() + item(b"none") + item(b"\xff\xd8\xff\xc3\xff\xd9") + item(b"more") + END,
        table(0, 8, 16) + item(b"a") + item(b"b") + item(b"c") + END,
    ],
    ids=["begins before the last has ended", "begins with nothing", "a table of other frames"],
)
def test_in_doubt_no_frame_is_given(tmp_path: Path, pixels: bytes) -> None:
    with pytest.raises(DamagedError, match="which compressed pixels belong to which frame is not said"):
        frame(tmp_path / "a", pixels, 1, 2)


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (END, "its compressed pixels are empty"),
        (b"", "it is cut short"),
        (table() + item(b"abcd") + item(b"efgh"), "it is cut short"),
        (table() + item(b"abcd")[:-2], "it is cut short"),
        (table() + b"\x08\0\x05\0" + b"\0" * 12, "its compressed pixels are broken"),
        (table() + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"\0" * 12, "its compressed pixels are broken"),
    ],
    ids=["nothing", "no byte", "no end", "half a fragment", "no item", "an item without length"],
)
def test_broken_pixels_are_said(tmp_path: Path, pixels: bytes, why: str, frames: int) -> None:
    with pytest.raises(DamagedError, match=why):
        frame(tmp_path / "a", pixels, 0, frames)


@pytest.mark.parametrize("pixels", [table() + item(b"") + END, table() + END])
def test_an_empty_frame_is_said(tmp_path: Path, pixels: bytes) -> None:
    with pytest.raises(DamagedError, match="its compressed pixels are empty"):
        frame(tmp_path / "a", pixels)


def test_pixels_that_are_not_encapsulated_are_said(tmp_path: Path) -> None:
    layout = PixelLayout(RLE, OFFSET, 32, 16, 16, 15, False, 1.0, 0.0)
    place = SliceHeader(tmp_path / "a", "1.2", 0, 1, None, None, None, 4, 4, None, layout)
    with pytest.raises(DamagedError, match="not encapsulated"):
        frame_bytes(place, layout)


def test_a_file_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    """What is remembered of a multi-frame file goes by its size and the time of its last change."""
    pixels = table() + item(b"ab") + item(b"cd") + END
    assert frame(tmp_path / "a", pixels, 1, 2) == b"cd"
    assert frame(tmp_path / "a", table() + item(b"abcdef") + item(b"xy") + END, 1, 2) == b"xy"
