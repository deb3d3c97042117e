"""Pixels come out exact from every syntax, and damaged ones never come out at all."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate

from viewer.dicom.codestream import FrameInfo
from viewer.dicom.load import allocate, load_all, load_slice
from viewer.dicom.pixels import _decode, _decode_rle, _to_hu
from viewer.dicom.scan import scan
from viewer.dicom.series import PixelLayout, Problem, Series
from viewer.dicom.walk import DamagedError
from viewer.dicom.write import write_series

SYNTAXES = (
    *("explicit", "implicit", "big endian", "deflated"),
    *("RLE", "JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K"),
)
COMPRESSED = SYNTAXES[4:]
UIDS = {
    "JPEG lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "HTJ2K": "1.2.840.10008.1.2.4.201",
}
Recode = Callable[..., None]
ROWS, COLUMNS = 12, 17


@pytest.fixture
def hu() -> npt.NDArray[np.int16]:
    """HU (4, 12, 17) from air to metal, smooth with noise."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    base = -1000 + 220 * rows + 9 * columns
    noise = np.random.default_rng(3).integers(-20, 20, (4, ROWS, COLUMNS))
    return np.asarray(base + noise, np.int16)


@pytest.fixture
def folder(tmp_path: Path, hu: npt.NDArray[np.int16]) -> Path:
    write_series(tmp_path / "a", hu, spacing_mm=(0.5, 0.5), positions_mm=[(0, 0, 5 * i) for i in range(4)])
    return tmp_path / "a"


def only(folder: Path) -> Series:
    (study,) = scan(folder).studies
    (series,) = study.series
    return series


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_syntax_gives_the_same_hu(
    folder: Path, hu: npt.NDArray[np.int16], recode: Recode, syntax: str
) -> None:
    for path in folder.iterdir():
        recode(path, syntax)
    series = only(folder)
    assert (load_all(series).hu == hu).all()
    assert series.problems == frozenset()
    assert series.transfer_syntax == pydicom.dcmread(folder / "IM0001.dcm").file_meta.TransferSyntaxUID


def test_one_series_may_mix_syntaxes(folder: Path, hu: npt.NDArray[np.int16], recode: Recode) -> None:
    for path, syntax in zip(
        sorted(folder.iterdir()), ("RLE", "JPEG-LS", "implicit", "JPEG 2000"), strict=True
    ):
        recode(path, syntax)
    assert (load_all(only(folder)).hu == hu).all()


@pytest.mark.parametrize("syntax", COMPRESSED[1:])
def test_a_frame_in_several_fragments(
    folder: Path, hu: npt.NDArray[np.int16], recode: Recode, syntax: str
) -> None:
    for path in folder.iterdir():
        recode(path, syntax, fragments=3)
    assert (load_all(only(folder)).hu == hu).all()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_file_cut_anywhere_fails_and_the_rest_opens(
    folder: Path, hu: npt.NDArray[np.int16], recode: Recode, syntax: str
) -> None:
    victim = folder / "IM0002.dcm"
    for path in folder.iterdir():
        recode(path, syntax)
    whole = victim.read_bytes()
    header = pydicom.dcmread(victim, stop_before_pixels=True)
    for length in (len(whole) - 11, len(whole) - 40, len(whole) - 60, len(whole) // 2, 200, 133, 60, 0):
        victim.write_bytes(whole[:length])
        result = scan(folder)
        (series,) = result.studies[0].series
        volume = load_all(series)
        kept = [i for i, one in enumerate(series.slices) if one.path != victim]
        assert (volume.hu[kept] == hu[[0, 2, 3]]).all()
        assert volume.loaded[kept].all()
        assert volume.loaded.sum() == 3
        in_series = Problem.UNREADABLE_FILES in series.problems
        in_notes = any(note.problem is Problem.UNREADABLE_FILES for note in result.notes)
        assert in_series or in_notes or length < 132, length
    assert header.Rows == ROWS


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_codestream_cut_inside_a_whole_file_fails(folder: Path, recode: Recode, syntax: str) -> None:
    """The file is intact as DICOM; the frame in it is not."""
    victim = folder / "IM0001.dcm"
    recode(victim, syntax)
    data = pydicom.dcmread(victim)
    (frame,) = pydicom.encaps.generate_frames(data.PixelData, number_of_frames=1)
    for length in range(2, len(frame) - 2, max(len(frame) // 25, 1)):
        data.PixelData = encapsulate([frame[:length]])
        data.save_as(victim)
        volume = allocate(only(victim))
        text = load_slice(volume, 0)
        assert text is not None
        assert text.startswith("IM0001.dcm cannot be read: ")
        assert text.endswith("Copy or export the series again.")
        assert volume.failed[0]
        assert not volume.loaded[0]
        assert (volume.hu == -1024).all()


@pytest.mark.parametrize("syntax", COMPRESSED[1:])
def test_a_frame_of_another_size_fails(folder: Path, recode: Recode, syntax: str) -> None:
    victim = folder / "IM0001.dcm"
    recode(victim, syntax)
    data = pydicom.dcmread(victim)
    data.Rows, data.Columns = COLUMNS, ROWS
    data.save_as(victim)
    text = load_slice(allocate(only(victim)), 0)
    assert text is not None
    assert "its compressed frame is 12 × 17 × 1" in text


@pytest.mark.parametrize("syntax", COMPRESSED)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_noise_in_place_of_pixels_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, syntax: str, data: st.DataObject
) -> None:
    noise = data.draw(st.binary(min_size=1, max_size=300))
    out = np.zeros((8, 8), np.uint16)
    with suppress(DamagedError):
        if syntax == "RLE":
            _decode_rle(memoryview(noise), out, 2)
        else:
            _decode(memoryview(noise), UIDS[syntax], FrameInfo(8, 8, 1, 16), out)


def layout(**more: object) -> PixelLayout:
    """16 signed bits without rescale, changed by `more`."""
    values = {
        "syntax": "1.2.840.10008.1.2.1",
        "offset": 0,
        "length": 2,
        "bits_allocated": 16,
        "bits_stored": 16,
        "high_bit": 15,
        "signed": True,
        "slope": 1.0,
        "intercept": 0.0,
    }
    return PixelLayout(**(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bits", "more", "hu"),
    [
        (0x0FFF, {"bits_stored": 12, "high_bit": 11}, -1),
        (0xF7FF, {"bits_stored": 12, "high_bit": 11}, 2047),
        (0xF801, {"bits_stored": 12, "high_bit": 11, "signed": False}, 2049),
        (0x8010, {"bits_stored": 12, "high_bit": 15}, -2047),
        (0x8010, {"bits_stored": 12, "high_bit": 15, "signed": False}, 2049),
        (0xFFFF, {"signed": False}, 32767),
        (0xFFFF, {"signed": False, "intercept": -32768.0}, 32767),
        (0xFFFF, {"signed": False, "intercept": -65535.0}, 0),
        (0x8000, {"intercept": -1024.0}, -32768),
        (0x7FFF, {"intercept": 1.0}, 32767),
        (0x0003, {"slope": 0.5}, 2),
        (0x0005, {"slope": 0.5}, 2),
        (0x0003, {"slope": 2.0, "intercept": -1024.0}, -1018),
        (0x0003, {"slope": -1.0}, -3),
        (0x0003, {"intercept": 0.25}, 3),
        (0x7FFF, {"slope": 10.0}, 32767),
        (0xF830, {"padding": -2000, "intercept": -1024.0}, -3024),
        (0x7FFF, {"padding": 32767}, -1024),
        (0xFFFF, {"signed": False, "padding": 65535, "intercept": -1024.0}, -1024),
    ],
)
def test_stored_bits_become_hu(bits: int, more: dict[str, object], hu: int) -> None:
    stored, out = np.array([[bits]], np.uint16).view(np.int16), np.zeros((1, 1), np.int16)
    _to_hu(layout(**more), stored, out, None)
    assert out[0, 0] == hu


@given(
    stored=st.integers(0, 65535),
    bits=st.integers(1, 16),
    shift=st.integers(0, 15),
    signed=st.booleans(),
    slope=st.sampled_from([1.0, -1.0, 0.5, 2.0, 1.0009765625]),
    intercept=st.integers(-70000, 70000),
)
def test_stored_bits_become_hu_as_the_standard_computes(
    stored: int, bits: int, shift: int, signed: bool, slope: float, intercept: int
) -> None:
    """PS3.5 8.1.1 and PS3.3 C.11.1.1.2 in whole numbers of Python."""
    shift = min(shift, 16 - bits)
    value = (stored >> shift) & ((1 << bits) - 1)
    if signed and value >> (bits - 1):
        value -= 1 << bits
    expected = min(max(round(value * slope + intercept), -32768), 32767)
    of_one_slice = layout(
        bits_stored=bits,
        high_bit=bits - 1 + shift,
        signed=signed,
        slope=slope,
        intercept=float(intercept),
    )
    in_place = np.array([[stored]], np.uint16).view(np.int16)
    elsewhere = np.zeros((1, 1), np.int16)
    _to_hu(of_one_slice, in_place.copy(), elsewhere, None)
    _to_hu(of_one_slice, in_place, in_place, None)
    assert in_place[0, 0] == elsewhere[0, 0] == expected


def test_monochrome1_is_not_inverted(folder: Path, hu: npt.NDArray[np.int16], recode: Recode) -> None:
    for path in folder.iterdir():
        recode(path, PhotometricInterpretation="MONOCHROME1")
    assert (load_all(only(folder)).hu == hu).all()


@pytest.mark.parametrize("syntax", ["explicit", "RLE", "JPEG-LS"])
def test_eight_bits(tmp_path: Path, syntax: str) -> None:
    write_series(tmp_path, np.zeros((1, 4, 5), np.int16), spacing_mm=(1, 1), positions_mm=[(0, 0, 0)])
    path = tmp_path / "IM0001.dcm"
    data = pydicom.dcmread(path)
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation, data.RescaleIntercept = 7, 0, 0
    data.PixelData = grey.tobytes()
    if syntax == "RLE":
        data.file_meta.TransferSyntaxUID = pydicom.uid.RLELossless
        plane = bytes(imagecodecs.packbits_encode(grey.tobytes()))
        data.PixelData = encapsulate(
            [np.array([1, 64] + [0] * 14, "<u4").tobytes() + plane + b"\0" * (len(plane) % 2)]
        )
    elif syntax == "JPEG-LS":
        data.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
        data.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(grey))])
    data.save_as(path)
    assert (load_all(only(tmp_path)).hu[0] == grey).all()


def test_a_signed_codestream_is_read_by_its_own_sign(tmp_path: Path, recode: Recode) -> None:
    """JPEG 2000 that says unsigned where the header says signed: the bits are two's complement."""
    hu = np.array([[[-5, 7], [-1, 0]]], np.int16)
    write_series(tmp_path, hu, spacing_mm=(1, 1), positions_mm=[(0, 0, 0)], rescale_intercept=0)
    recode(tmp_path / "IM0001.dcm", "JPEG 2000")
    assert (load_all(only(tmp_path)).hu == hu).all()


@pytest.mark.parametrize("bits", [8, 12])
def test_lossy_jpeg_is_read_and_said(tmp_path: Path, bits: int) -> None:
    rows, columns = np.mgrid[:32, :32]
    grey = ((rows + columns) * ((1 << bits) - 1) // 62).astype(np.uint8 if bits == 8 else np.uint16)
    write_series(tmp_path, np.zeros((1, 32, 32), np.int16), spacing_mm=(1, 1), positions_mm=[(0, 0, 0)])
    path = tmp_path / "IM0001.dcm"
    data = pydicom.dcmread(path)
    data.BitsAllocated, data.BitsStored, data.HighBit = (8, 8, 7) if bits == 8 else (16, 12, 11)
    data.PixelRepresentation, data.RescaleIntercept = 0, -24
    data.file_meta.TransferSyntaxUID = (
        pydicom.uid.JPEGBaseline8Bit if bits == 8 else pydicom.uid.JPEGExtended12Bit
    )
    data.PixelData = encapsulate([bytes(imagecodecs.jpeg8_encode(grey, level=95, bitspersample=bits))])
    data.save_as(path)
    series = only(tmp_path)
    assert series.problems == {Problem.SINGLE_SLICE, Problem.LOSSY_SOURCE}
    error = np.abs(load_all(series).hu[0] + 24 - grey.astype(np.int64))
    assert error.max() <= (1 << bits) // 64


def test_lossy_jpeg_without_its_end_fails(tmp_path: Path) -> None:
    """The decoder itself would fill the rest with grey."""
    grey = np.random.default_rng(5).integers(0, 255, (32, 32)).astype(np.uint8)
    write_series(tmp_path, np.zeros((1, 32, 32), np.int16), spacing_mm=(1, 1), positions_mm=[(0, 0, 0)])
    path = tmp_path / "IM0001.dcm"
    data = pydicom.dcmread(path)
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    frame = bytes(imagecodecs.jpeg8_encode(grey, level=95))
    for length in range(4, len(frame) - 1, 40):
        data.PixelData = encapsulate([frame[:length]])
        data.save_as(path)
        assert load_slice(allocate(only(tmp_path)), 0) is not None


def test_a_file_that_vanished_since_the_scan(folder: Path) -> None:
    series = only(folder)
    series.slices[1].path.unlink()
    volume = allocate(series)
    assert load_slice(volume, 1) == "Reading IM0002.dcm failed: it does not exist. Check the path."
    assert load_slice(volume, 0) is None


def test_pixels_are_not_taken_from_what_follows_them(folder: Path) -> None:
    """The value is four bytes too short; a private element stands where the rest should be."""
    path = folder / "IM0002.dcm"
    data = pydicom.dcmread(path)
    data.PixelData = data.PixelData[:-4]
    data.private_block(0x7FE1, "TEST", create=True).add_new(1, "OB", bytes(100))
    data.save_as(path)
    series = only(folder)
    assert "it holds fewer pixels than its header says" in series.notes[0].text
    assert load_all(series).failed.tolist() == [False, True, False, False]


def test_a_file_that_shrank_since_the_scan(folder: Path) -> None:
    series = only(folder)
    os.truncate(series.slices[1].path, 900)
    text = load_slice(allocate(series), 1)
    assert text is not None
    assert "it is cut short" in text
