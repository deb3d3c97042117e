"""Every transfer syntax with every number of bits, signed or not: the stored values come back bit for bit.

Lossy syntaxes stay within what they promise. Where SimpleITK or pydicom's own plugins read a file, they must agree.
"""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.dicom.load import load_all
from viewer.dicom.modality_lut import looked_up, packed
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem
from viewer.dicom.syntaxes import JPEG_LOSSY, NATIVE, SUPPORTED

ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("ugly.py"))))
codestream: Callable[..., bytes] = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["codestream"]
HEAD = "1.2.840.10008.1.2"
RLE, DEFLATED, BIG = f"{HEAD}.5", f"{HEAD}.1.99", f"{HEAD}.2"
ROWS, COLUMNS = 12, 17
Stored = npt.NDArray[np.integer]
CODERS: dict[str, Callable[[Stored, int], bytes]] = {
    f"{HEAD}.4.57": lambda frame, bits: bytes(imagecodecs.ljpeg_encode(frame, bitspersample=bits)),
    f"{HEAD}.4.70": lambda frame, bits: bytes(imagecodecs.ljpeg_encode(frame, bitspersample=bits)),
    f"{HEAD}.4.80": lambda frame, _: bytes(imagecodecs.jpegls_encode(frame, level=0)),
    f"{HEAD}.4.81": lambda frame, _: bytes(imagecodecs.jpegls_encode(frame, level=0)),
    f"{HEAD}.4.90": lambda frame, bits: jpeg_2000(frame, bits),
    f"{HEAD}.4.91": lambda frame, bits: jpeg_2000(frame, bits),
    f"{HEAD}.4.201": lambda frame, _: bytes(imagecodecs.htj2k_encode(frame, reversible=True)),
    f"{HEAD}.4.202": lambda frame, _: bytes(imagecodecs.htj2k_encode(frame, reversible=True)),
    f"{HEAD}.4.203": lambda frame, _: bytes(imagecodecs.htj2k_encode(frame, reversible=True)),
    RLE: lambda frame, _: codestream("RLE", frame),
}
"""Lossless codestreams of unsigned 16-bit frames by syntax, with the bits that are stored."""


def jpeg_2000(frame: Stored, bits: int, **options: object) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            frame, codecformat="J2K", bitspersample=bits, **({"level": 0, "reversible": True} | options)
        )
    )


def values(bits: int, signed: bool, seed: int = 3) -> npt.NDArray[np.int64]:
    """Random stored values of a number of bits, the smallest and the largest among them."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    made = np.random.default_rng(seed).integers(low, high, (ROWS, COLUMNS), endpoint=True)
    made[0, :2] = low, high
    return made


def file_of(
    path: Path, pixels: bytes | list[bytes], syntax: str, bits: int, signed: bool, **more: object
) -> Path:
    """A slice with native pixels (bytes) or a codestream (in a list), rescaled by nothing but −0."""
    elements: dict[str, object] = {
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(signed),
        "Rows": ROWS,
        "Columns": COLUMNS,
        "RescaleIntercept": 0 if signed or bits < 16 else -32768,
    }
    made = ugly.slice_of(**(elements | more))
    if isinstance(pixels, bytes):
        made.PixelData = pixels
        made.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    else:
        made = ugly.compressed(made, pixels[0], pydicom.uid.UID(syntax))
    list(made.iterall())
    pydicom.dcmwrite(
        path, made, implicit_vr=syntax == HEAD, little_endian=syntax != BIG, enforce_file_format=True
    )
    return path


def hu_of(path: Path) -> npt.NDArray[np.int64]:
    """HU of the only slice of a file, its intercept taken off again: stored values."""
    (series,) = scan(path).studies[0].series
    layout = series.slices[0].pixels
    assert layout is not None
    return load_all(series).hu[0].astype(np.int64) - int(layout.intercept)


def test_no_syntax_is_left_out() -> None:
    lossy = {f"{HEAD}.4.50", f"{HEAD}.4.51"}
    assert set(CODERS) | NATIVE | lossy == SUPPORTED
    assert lossy == JPEG_LOSSY


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [8, 9, 10, 12, 13, 15, 16])
@pytest.mark.parametrize("syntax", sorted(SUPPORTED - {f"{HEAD}.4.50", f"{HEAD}.4.51"}))
def test_every_syntax_gives_back_every_bit(tmp_path: Path, syntax: str, bits: int, signed: bool) -> None:
    stored = values(bits, signed)
    unsigned = (stored & ((1 << bits) - 1)).astype(np.uint16)
    pixels: bytes | list[bytes]
    if syntax in NATIVE:
        pixels = unsigned.astype(">u2" if syntax == BIG else "<u2").tobytes()
    else:
        pixels = [CODERS[syntax](unsigned, bits)]
    path = file_of(tmp_path / "one.dcm", pixels, syntax, bits, signed)
    assert (hu_of(path) == stored).all()


@pytest.mark.parametrize("syntax", [f"{HEAD}.4.90", f"{HEAD}.4.201"])
@pytest.mark.parametrize("bits", [12, 16])
def test_a_signed_codestream_of_signed_pixels(tmp_path: Path, syntax: str, bits: int) -> None:
    """JPEG 2000 can say itself that its samples are signed."""
    stored = values(bits, signed=True)
    frame = stored.astype(np.int16)
    stream = (
        jpeg_2000(frame, bits)
        if syntax.endswith("90")
        else bytes(imagecodecs.htj2k_encode(frame, reversible=True))
    )
    assert (hu_of(file_of(tmp_path / "a", [stream], syntax, bits, signed=True)) == stored).all()


@pytest.mark.parametrize("bits", [12, 16])
def test_a_signed_codestream_under_an_unsigned_header(tmp_path: Path, bits: int) -> None:
    """PixelRepresentation says how the bits are to be read, as in all other syntaxes: as pydicom has it too."""
    stored = values(bits, signed=True)
    path = file_of(
        tmp_path / "a", [jpeg_2000(stored.astype(np.int16), bits)], f"{HEAD}.4.90", bits, signed=False
    )
    assert (hu_of(path) == stored & ((1 << bits) - 1)).all()


def test_bits_beyond_those_stored_do_not_count(tmp_path: Path) -> None:
    """Overlays once lived in the upper bits of native pixels (retired, PS3.5 8.1.2): they are masked off."""
    stored = values(12, signed=True)
    dirty = ((stored & 0xFFF) | np.random.default_rng(1).integers(0, 16, stored.shape) << 12).astype("<u2")
    path = file_of(tmp_path / "a", dirty.tobytes(), f"{HEAD}.1", 12, signed=True)
    assert (hu_of(path) == stored).all()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("bits", "high"), [(12, 15), (12, 13), (10, 11), (8, 15), (15, 15)])
@pytest.mark.parametrize("syntax", [f"{HEAD}.1", RLE, f"{HEAD}.4.80"])
def test_odd_high_bits(tmp_path: Path, bits: int, high: int, signed: bool, syntax: str) -> None:
    """Values that do not end at the lowest bit; what is below them does not count."""
    stored = values(bits, signed)
    shift = high + 1 - bits
    noise = np.random.default_rng(2).integers(0, 1 << shift, stored.shape)
    unsigned = ((stored & ((1 << bits) - 1)) << shift | noise).astype("<u2")
    pixels = unsigned.tobytes() if syntax == f"{HEAD}.1" else [CODERS[syntax](unsigned, 16)]
    path = file_of(tmp_path / "a", pixels, syntax, bits, signed, HighBit=high)
    assert (hu_of(path) == stored).all()


def smooth() -> npt.NDArray[np.uint16]:
    """A picture without edges, 0 … 3400."""
    row, column = np.mgrid[:ROWS, :COLUMNS]
    return ((row + column) * 120 + 40).astype(np.uint16)


@pytest.mark.parametrize("near", [1, 2, 5])
def test_near_lossless_stays_within_its_bound(tmp_path: Path, near: int) -> None:
    """JPEG-LS promises that no sample is off by more than NEAR (ISO 14495-1 A.4)."""
    stored = values(12, signed=False)
    stream = bytes(imagecodecs.jpegls_encode(stored.astype(np.uint16), level=near))
    path = file_of(tmp_path / "a", [stream], f"{HEAD}.4.81", 16, signed=False, RescaleIntercept=0)
    error = np.abs(hu_of(path) - stored)
    assert 0 < error.max() <= near
    assert Problem.LOSSY_SOURCE in scan(path).studies[0].series[0].problems


@pytest.mark.parametrize(
    ("syntax", "stream", "lost"),
    [
        ("81", lambda frame: bytes(imagecodecs.jpegls_encode(frame, level=2)), True),
        ("81", lambda frame: bytes(imagecodecs.jpegls_encode(frame, level=0)), False),
        ("80", lambda frame: bytes(imagecodecs.jpegls_encode(frame, level=1)), True),  # a liar
        ("91", lambda frame: jpeg_2000(frame, 16, level=70, reversible=False), True),
        ("91", lambda frame: jpeg_2000(frame, 16), False),
        ("90", lambda frame: jpeg_2000(frame, 16, level=70, reversible=False), True),
        ("203", lambda frame: bytes(imagecodecs.htj2k_encode(frame, reversible=False)), True),
        ("203", lambda frame: bytes(imagecodecs.htj2k_encode(frame, reversible=True)), False),
    ],
)
@pytest.mark.parametrize("said", [None, "00"])
def test_a_loss_that_no_tag_tells_of_is_seen_in_the_codestream(
    tmp_path: Path, syntax: str, stream: Callable[[Stored], bytes], lost: bool, said: str | None
) -> None:
    tag = {} if said is None else {"LossyImageCompression": said}
    path = file_of(tmp_path / "a", [stream(smooth())], f"{HEAD}.4.{syntax}", 16, signed=False, **tag)
    assert (Problem.LOSSY_SOURCE in scan(path).studies[0].series[0].problems) is lost


@pytest.mark.parametrize(("syntax", "lost"), [("81", True), ("80", False), ("91", False)])
def test_of_a_broken_codestream_what_its_syntax_allows_is_believed(
    tmp_path: Path, syntax: str, lost: bool
) -> None:
    path = file_of(tmp_path / "a", [b"\xff\xd8\xff\xd9" * 8], f"{HEAD}.4.{syntax}", 16, signed=False)
    assert (Problem.LOSSY_SOURCE in scan(path).studies[0].series[0].problems) is lost


@pytest.mark.parametrize(
    ("syntax", "stream", "bound"),
    [
        (f"{HEAD}.4.91", lambda frame: jpeg_2000(frame, 16, level=70, reversible=False), 160),
        (f"{HEAD}.4.203", lambda frame: bytes(imagecodecs.htj2k_encode(frame, reversible=False)), 2),
    ],
)
def test_lossy_wavelets_stay_near(
    tmp_path: Path, syntax: str, stream: Callable[[Stored], bytes], bound: int
) -> None:
    """What is decoded is what SimpleITK's codec decodes, and near the original; the loss is said."""
    frame = smooth()
    path = file_of(
        tmp_path / "a",
        [stream(frame)],
        syntax,
        16,
        signed=False,
        RescaleIntercept=0,
        LossyImageCompression="01",
    )
    assert np.abs(hu_of(path) - frame).max() <= bound
    assert Problem.LOSSY_SOURCE in scan(path).studies[0].series[0].problems
    if syntax.endswith("91"):
        assert np.abs(hu_of(path) - itk(path)).max() <= 1


def test_the_fast_wavelet_in_order_of_resolution(tmp_path: Path) -> None:
    """HTJ2K 202 demands RPCL (PS3.5 A.4.10): the codestreams of these tests are in that order."""
    stream = CODERS[f"{HEAD}.4.202"](smooth(), 16)
    marker = stream.index(b"\xff\x52")
    assert stream[marker + 5] == 2


def itk(path: Path) -> npt.NDArray[np.int64]:
    """The only slice of a file as SimpleITK reads it: rescaled."""
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[0].astype(np.int64)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("syntax", [f"{HEAD}.1", HEAD, DEFLATED, RLE, f"{HEAD}.4.70", f"{HEAD}.4.80"])
def test_simple_itk_agrees(tmp_path: Path, syntax: str, bits: int, signed: bool) -> None:
    stored = values(bits, signed, seed=5)
    unsigned = (stored & ((1 << bits) - 1)).astype(np.uint16)
    pixels = unsigned.astype("<u2").tobytes() if syntax in NATIVE else [CODERS[syntax](unsigned, bits)]
    path = file_of(tmp_path / "a", pixels, syntax, bits, signed, RescaleIntercept=0)
    assert (itk(path) == stored).all()
    (series,) = scan(path).studies[0].series
    assert (load_all(series).hu[0] == np.minimum(stored, 32767)).all()


@settings(max_examples=40, deadline=None)
@given(
    first=st.integers(-40, 40),
    entries=st.lists(st.integers(0, 65535), min_size=2, max_size=30),
    stored=st.lists(st.integers(-60, 60), min_size=12, max_size=12),
)
def test_a_modality_lut_is_looked_up_as_pydicom_does(
    first: int, entries: list[int], stored: list[int]
) -> None:
    from pydicom.dataset import Dataset
    from pydicom.pixels import apply_modality_lut

    dataset, item = Dataset(), Dataset()
    dataset.PixelRepresentation = 1
    item.add_new(0x00283002, "SS", [len(entries), first, 16])
    item.add_new(0x00283006, "US", entries)
    dataset.ModalityLUTSequence = [item]
    pixels = np.array(stored, np.int16).reshape(3, 4)
    expected = apply_modality_lut(pixels, dataset)
    assert (looked_up(packed(first, np.array(entries, np.uint16)), pixels) == expected).all()


@pytest.mark.parametrize("syntax", [HEAD, f"{HEAD}.1", BIG])
@pytest.mark.parametrize("wide", [True, False])
def test_a_modality_lut_of_a_file(tmp_path: Path, syntax: str, wide: bool) -> None:
    """Sixteen entries of one or two bytes, in a sequence of undefined length; −4 is the first that is mapped."""
    from pydicom.dataset import Dataset

    table = np.arange(16) * (10 if not wide else 1000)
    item = Dataset()
    item.add_new(0x00283002, "SS", [16, -4, 16 if wide else 8])
    item.add_new(
        0x00283006, "OW", table.astype((">" if syntax == BIG else "<") + "u2" if wide else "u1").tobytes()
    )
    item.ModalityLUTType = "HU"
    stored = np.random.default_rng(4).integers(-4, 12, (ROWS, COLUMNS))
    pixels = stored.astype(">i2" if syntax == BIG else "<i2").tobytes()
    more = {"RescaleSlope": None, "RescaleIntercept": None, "ModalityLUTSequence": [item]}
    made = ugly.slice_of(
        PixelRepresentation=1, BitsStored=16, Rows=ROWS, Columns=COLUMNS, PixelData=pixels, **more
    )
    made["ModalityLUTSequence"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    path = tmp_path / "a"
    pydicom.dcmwrite(
        path, made, implicit_vr=syntax == HEAD, little_endian=syntax != BIG, enforce_file_format=True
    )
    (series,) = scan(path).studies[0].series
    assert series.problems == {Problem.SINGLE_SLICE}
    assert (load_all(series).hu[0] == table[stored + 4]).all()
