"""Painting over text in pixels: colour, planes, few bits and inverted pictures; what cannot be painted is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.dataset import Dataset

from model.errors import PterionError
from viewer.dicom.blackout import black_out, burned_in

BOX = ((1, 2, 3, 1),)
"""Columns 1 to 3 of row 2."""


def picture(path: Path, template: Path, pixels: npt.NDArray[Any], **elements: object) -> Dataset:
    """A file with these pixels, (rows, columns) or (rows, columns, samples), as pydicom reads it again."""
    data = pydicom.dcmread(template)
    data.Rows, data.Columns = pixels.shape[:2]
    bits = 8 * pixels.dtype.itemsize
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    data.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    data["PixelData"].VR = "OB" if bits == 8 else "OW"
    data.save_as(path)
    return pydicom.dcmread(path)


@pytest.fixture
def template(phantom_series: Path) -> Path:
    return min(phantom_series.iterdir())


def ramp(dtype: str, *shape: int) -> npt.NDArray[Any]:
    return np.arange(10, 10 + int(np.prod(shape))).astype(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", "<i2"])
def test_grey_pictures_get_their_darkest_value(tmp_path: Path, template: Path, dtype: str) -> None:
    pixels = ramp(dtype, 5, 7)
    data = picture(tmp_path / "a.dcm", template, pixels)
    black_out(tmp_path / "a.dcm", data, BOX)
    expected = pixels.copy()
    expected[2, 1:4] = 10
    after = np.frombuffer(data.PixelData, dtype, pixels.size).reshape(pixels.shape)
    assert (after == expected).all()
    assert len(data.PixelData) % 2 == 0
    expected_vr = "OB" if pixels.dtype.itemsize == 1 else "OW"
    assert expected_vr == data["PixelData"].VR
    assert data.BurnedInAnnotation == "NO"


def test_pictures_where_low_is_bright_get_their_highest_value(tmp_path: Path, template: Path) -> None:
    pixels = ramp("<u2", 5, 7)
    data = picture(tmp_path / "a.dcm", template, pixels, PhotometricInterpretation="MONOCHROME1")
    black_out(tmp_path / "a.dcm", data, BOX)
    after = np.frombuffer(data.PixelData, "<u2").reshape(5, 7)
    assert (after[2, 1:4] == 44).all()


def test_colour_pictures_get_black(tmp_path: Path, template: Path) -> None:
    pixels = ramp("u1", 5, 6, 3)
    data = picture(tmp_path / "a.dcm", template, pixels, PlanarConfiguration=0)
    black_out(tmp_path / "a.dcm", data, BOX)
    after = np.frombuffer(data.PixelData, "u1").reshape(5, 6, 3)
    assert (after[2, 1:4] == 0).all()
    assert (after[2, 4:] == pixels[2, 4:]).all()


@pytest.mark.parametrize("bits", [8, 12])
def test_compressed_pictures_of_few_bits_are_written_as_they_were_stored(
    tmp_path: Path, template: Path, recode: Callable[..., None], bits: int
) -> None:
    top = (1 << bits) - 1
    pixels = np.linspace(0, top, 16 * 16).round().astype("<u2").reshape(16, 16)
    path = tmp_path / "a.dcm"
    picture(path, template, pixels, BitsStored=bits, HighBit=bits - 1)
    recode(path, "JPEG lossless")
    data = pydicom.dcmread(path)
    black_out(path, data, BOX)
    after = np.frombuffer(data.PixelData, "<u2").reshape(16, 16)
    assert (after[2, 1:4] == 0).all()
    assert (after[3:] == pixels[3:]).all()
    assert data.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert not data["PixelData"].is_undefined_length


@pytest.mark.parametrize(
    "elements",
    [
        {"PlanarConfiguration": 1},
        {"NumberOfFrames": 3},
    ],
    ids=["colour by plane", "more frames than pixels"],
)
def test_what_cannot_be_painted_is_said(tmp_path: Path, template: Path, elements: dict[str, int]) -> None:
    data = picture(tmp_path / "a.dcm", template, ramp("u1", 5, 6, 3), **elements)
    with pytest.raises(
        PterionError, match=r"a\.dcm are stored in a way that cannot be blacked out"
    ) as caught:
        black_out(tmp_path / "a.dcm", data, BOX)
    assert caught.value.code == "UNSUPPORTED_SYNTAX"


def test_an_overlay_within_the_pixels_cannot_be_painted_over(tmp_path: Path, template: Path) -> None:
    data = picture(tmp_path / "a.dcm", template, ramp("<u2", 5, 7))
    data.add_new(0x60000102, "US", 12)
    assert burned_in(data)
    with pytest.raises(PterionError, match="cannot be blacked out"):
        black_out(tmp_path / "a.dcm", data, BOX)


@pytest.mark.parametrize(
    ("declared", "kind", "word", "expected"),
    [
        ("NO", "1.2.840.10008.5.1.4.1.1.7", "SCREEN SAVE", False),
        ("", "1.2.840.10008.5.1.4.1.1.2", "ORIGINAL", False),
        ("", "1.2.840.10008.5.1.4.1.1.2", "DOSE_INFO", True),
        ("", "1.2.840.10008.5.1.4.1.1.6.1", "ORIGINAL", True),
        (" yes ", "1.2.840.10008.5.1.4.1.1.2", "ORIGINAL", True),
    ],
)
def test_what_counts_as_burned_in(declared: str, kind: str, word: str, expected: bool) -> None:
    data = Dataset()
    data.BurnedInAnnotation, data.SOPClassUID = declared.strip().upper(), kind
    data.ImageType = ["DERIVED", "PRIMARY", word]
    assert burned_in(data) is expected
