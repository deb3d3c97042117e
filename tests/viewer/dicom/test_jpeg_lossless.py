"""Lossless JPEG comes out bit for bit, and a frame that breaks off anywhere does not come out at all."""

from contextlib import suppress

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.dicom import jpeg_lossless
from viewer.dicom.codestream import jpeg_info
from viewer.dicom.walk import DamagedError


def decode(frame: bytes) -> npt.NDArray[np.uint16]:
    """The pixels of a frame."""
    info = jpeg_info(frame)
    out = np.zeros((info.rows, info.columns), np.uint16)
    jpeg_lossless.decode(frame, out)
    return out


def picture(rows: int, columns: int, bits: int = 12) -> npt.NDArray[np.uint16]:
    """A smooth picture with noise."""
    row, column = np.mgrid[:rows, :columns]
    noise = np.random.default_rng(11).integers(0, 9, (rows, columns))
    return np.asarray((row * 37 + column * 11 + noise) % (1 << bits), np.uint16)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("rows", "columns"), [(64, 50), (1, 1), (1, 7), (9, 1), (3, 200)])
def test_every_predictor_and_size(predictor: int, rows: int, columns: int) -> None:
    for bits in (9, 12, 16):
        stored = picture(rows, columns, bits)
        frame = imagecodecs.jpeg8_encode(stored, lossless=True, predictor=predictor, bitspersample=bits)
        assert (decode(bytes(frame)) == stored).all()


@pytest.mark.parametrize("value", [0, 1, 2047, 4095])
def test_a_frame_without_any_difference(value: int) -> None:
    stored = np.full((40, 40), value, np.uint16)
    for frame in (
        imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1),
        imagecodecs.ljpeg_encode(stored, bitspersample=12),
    ):
        assert (decode(bytes(frame)) == stored).all()


def test_the_largest_differences() -> None:
    stored = np.array([[0, 65535, 0, 32768], [32768, 0, 65535, 1], [7, 32775, 7, 0]], np.uint16)
    frame = imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1, bitspersample=16)
    assert (decode(bytes(frame)) == stored).all()


def test_eight_bits_go_to_the_other_decoder() -> None:
    stored = picture(20, 30, 8).astype(np.uint8)
    assert (decode(bytes(imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1))) == stored).all()


@settings(max_examples=60, deadline=None)
@given(stored=st.data())
def test_any_pixels(stored: st.DataObject) -> None:
    rows, columns = stored.draw(st.tuples(st.integers(1, 6), st.integers(1, 9)))
    values = stored.draw(st.lists(st.integers(0, 65535), min_size=rows * columns, max_size=rows * columns))
    pixels = np.array(values, np.uint16).reshape(rows, columns)
    predictor = stored.draw(st.integers(1, 7))
    frame = imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=16)
    assert (decode(bytes(frame)) == pixels).all()


@pytest.mark.parametrize("predictor", [1, 6])
def test_a_frame_cut_anywhere_and_ended_again_is_damaged(predictor: int) -> None:
    """No decoder of its own accord notices this."""
    stored = picture(60, 64)
    frame = bytes(imagecodecs.jpeg8_encode(stored, lossless=True, predictor=predictor))
    scan = frame.index(b"\xff\xda") + 10
    for length in range(scan, len(frame) - 4, 7):
        with pytest.raises(DamagedError):
            decode(frame[:length] + b"\xff\xd9")


def test_zeros_in_the_middle_are_damage() -> None:
    """As a copy from a failing disk leaves them."""
    frame = bytes(imagecodecs.jpeg8_encode(picture(60, 64), lossless=True, predictor=1))
    middle = len(frame) // 2
    with pytest.raises(DamagedError, match="cut short or broken"):
        decode(frame[:middle] + bytes(64) + frame[middle + 64 :])


@pytest.mark.parametrize("padding", [b"", b"\0", b"\0\0", b"\xff\0", b"\xff\xff"])
def test_bytes_that_fill_up_the_end_do_no_harm(padding: bytes) -> None:
    stored = picture(60, 64)
    frame = bytes(imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1))
    assert (decode(frame[:-2] + padding + b"\xff\xd9") == stored).all()


def test_a_frame_header_cut_short_is_damage() -> None:
    frame = b"\xff\xd8\xff\xc3\x00\x05\x10\x00\x14"
    with pytest.raises(DamagedError):
        jpeg_lossless.decode(frame, np.zeros((20, 20), np.uint16))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_noise_never_crashes(data: st.DataObject) -> None:
    frame = bytearray(imagecodecs.jpeg8_encode(picture(20, 20), lossless=True, predictor=1))
    for place in data.draw(st.lists(st.integers(0, 300), max_size=5)):
        frame[place] = data.draw(st.integers(0, 255))
    with suppress(DamagedError):
        jpeg_lossless.decode(bytes(frame[: data.draw(st.integers(2, 300))]), np.zeros((20, 20), np.uint16))
