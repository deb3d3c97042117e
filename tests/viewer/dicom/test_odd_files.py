"""Files that are oddly written, but mean one thing only: they open like any other."""

import gzip
import os
import runpy
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    SecondaryCaptureImageStorage,
)

from model.errors import PterionError
from viewer.dicom.load import allocate, load_all, load_slice
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series

ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("ugly.py"))))
POSITION, KVP, PHOTOMETRIC = 0x00200032, 0x00180060, 0x00280004
WHOLE = ([10, 20, 30, 40], (0, 5, 10, 15))


def only(folder: Path) -> Series:
    (study,) = scan(folder).studies
    (series,) = study.series
    return series


def found(folder: Path) -> tuple[list[int], tuple[float, ...]]:
    """HU and heights of the only series, which has no problem."""
    series = only(folder)
    assert not series.problems
    return load_all(series).hu[:, 0, 0].tolist(), series.z_mm


def group_length(path: Path, length: int) -> None:
    """Let the file meta information claim another length."""
    data = path.read_bytes()
    path.write_bytes(data[:140] + struct.pack("<I", length) + data[144:])


@pytest.mark.parametrize("length", [0, 20, 2000])
@pytest.mark.parametrize("build", [ugly.same(), ugly.jpeg_ls()], ids=["explicit", "JPEG-LS"])
def test_a_group_length_of_the_meta_information_that_lies(
    tmp_path: Path, build: Callable[[Path], object], length: int
) -> None:
    build(tmp_path)
    for path in tmp_path.iterdir():
        group_length(path, length)
    assert found(tmp_path) == WHOLE


def test_numbers_padded_one_by_one(tmp_path: Path) -> None:
    for i, path in enumerate(ugly.stack(tmp_path)):
        ugly.replaced(path, POSITION, b"DS", f" -5\0\\-4 \0\\{5 * i}.0000000000000000".encode())
    assert found(tmp_path) == WHOLE


def test_words_in_small_letters(tmp_path: Path) -> None:
    for path in ugly.stack(tmp_path):
        ugly.replaced(path, PHOTOMETRIC, b"CS", b"Monochrome1 ")
    assert found(tmp_path) == WHOLE
    assert only(tmp_path).inverted


@pytest.mark.parametrize("modality", [None, "", "ct"])
def test_a_modality_that_somebody_blanked(tmp_path: Path, modality: str | None) -> None:
    """Objects of the class of CT images have that modality, and no other."""
    ugly.stack(tmp_path, Modality="CT" if modality else modality)
    for path in tmp_path.iterdir() if modality else ():
        ugly.replaced(path, 0x00080060, b"CS", b"ct")
    assert found(tmp_path) == WHOLE
    assert only(tmp_path).modality == "CT"


def test_nuclear_medicine_without_a_modality_is_no_ct(tmp_path: Path) -> None:
    ugly.stack(tmp_path, Modality=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.20")
    assert only(tmp_path).problems == {Problem.AI_NOT_RUN}


def test_a_tube_voltage_that_is_no_number_is_none(tmp_path: Path) -> None:
    for path in ugly.stack(tmp_path):
        ugly.inserted(path, 0x0020000D, ugly.element(KVP, b"DS", b"nan "))
    assert only(tmp_path).technique == ""


def test_a_missing_number_of_bits_is_said(tmp_path: Path) -> None:
    ugly.stack(tmp_path, BitsStored=None)
    assert only(tmp_path).problems == {Problem.UNSUPPORTED_SYNTAX}
    assert "no number of bits in the header" in only(tmp_path).notes[0].text


@pytest.mark.parametrize(
    ("slope", "intercept", "hu", "problems"),
    [
        (None, -1024, [10, 20, 30, 40], frozenset()),
        (2, None, [1034, 1044, 1054, 1064], {Problem.AI_NOT_RUN}),
    ],
)
def test_half_a_rescale(
    tmp_path: Path, slope: int | None, intercept: int | None, hu: list[int], problems: set[Problem]
) -> None:
    """Without a slope it is 1; without an intercept nobody knows where 0 HU is, and values stay as they are stored."""
    ugly.stack(tmp_path, RescaleSlope=slope, RescaleIntercept=intercept)
    series = only(tmp_path)
    assert load_all(series).hu[:, 0, 0].tolist() == hu
    assert series.problems == problems


def test_a_capture_in_the_series_is_not_another_orientation(tmp_path: Path) -> None:
    """A page without position, orientation and rescale stands apart; the stack says that once."""
    ugly.stack(tmp_path)
    nothing = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "RescaleIntercept"))
    page = ugly.slice_of(9, SOPClassUID=SecondaryCaptureImageStorage, **nothing)
    ugly.save(page, tmp_path / "page.dcm")
    (study,) = scan(tmp_path).studies
    stack, alone = study.series
    assert (len(stack.slices), len(alone.slices)) == (4, 1)
    assert stack.problems == {Problem.NO_POSITION}
    assert stack.z_mm == (0, 5, 10, 15)


def test_slices_that_are_compressed_as_a_whole_are_named(tmp_path: Path) -> None:
    for path in ugly.stack(tmp_path):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    with pytest.raises(PterionError, match=r"4 files cannot be read \(001.dcm.gz: .* unpack it first"):
        scan(tmp_path)


def test_slices_named_like_archives(tmp_path: Path) -> None:
    for path in ugly.stack(tmp_path):
        path.rename(path.with_suffix(".ZIP"))
    assert found(tmp_path) == WHOLE


@pytest.mark.usefixtures("cache_of_its_own")
def test_slashes_of_windows_in_an_archive(tmp_path: Path) -> None:
    files = ugly.stack(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in files:
            member = zipfile.ZipInfo()
            member.filename = f"DICOM\\S0\\{path.name}"
            archive.writestr(member, path.read_bytes())
    assert found(tmp_path / "a.zip") == WHOLE


def test_a_file_that_shrinks_while_its_fragments_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes behind the pixels make the reader walk over the fragments; where the first was there is nothing, once."""
    ugly.jpeg_ls()(tmp_path)
    path = tmp_path / "0.dcm"
    path.write_bytes(path.read_bytes() + bytes(40))
    read, short = os.read, [b""]

    def shrunk(file: int, count: int) -> bytes:
        at_fragment = count == 8 and os.lseek(file, 0, os.SEEK_CUR) < path.stat().st_size - 8
        return short.pop() if at_fragment and short else read(file, count)

    monkeypatch.setattr("viewer.dicom.header.os.read", shrunk)
    assert load_all(only(path)).hu[0, 0, 0] == 10
    assert not short


@pytest.mark.parametrize(
    ("order", "beside"), [((0, 2, 1), 0), ((0, 1, 1), 0), ((1, 1, 2), 0), ((2, 1, 0), 0), ((0, 1, 2), 2)]
)
def test_an_offset_table_that_lies(tmp_path: Path, order: tuple[int, int, int], beside: int) -> None:
    """Three frames of two fragments each: where the table names other places, the codestreams tell where they begin."""
    streams = [bytes(imagecodecs.jpegls_encode(np.full((8, 10), 1034 + 10 * k, "<u2"))) for k in range(3)]
    made = ugly.slice_of(NumberOfFrames=3, ImagePositionPatient=None, ImageOrientationPatient=None)
    made = ugly.compressed(made, streams[0], JPEGLSLossless)
    pixels = bytearray(encapsulate(streams, fragments_per_frame=2))
    offsets = struct.unpack_from("<3I", pixels, 8)
    struct.pack_into("<3I", pixels, 8, *(offsets[k] + beside * (k == 1) for k in order))
    made.PixelData = bytes(pixels)
    ugly.save(made, tmp_path / "a.dcm")
    assert load_all(only(tmp_path)).hu[:, 0, 0].tolist() == [10, 20, 30]


def test_what_macos_puts_beside_files_is_passed_over(tmp_path: Path) -> None:
    for path in ugly.stack(tmp_path):
        (tmp_path / f"._{path.name}").write_bytes(b"\0\5\x16\7" + bytes(100))
    assert found(tmp_path) == WHOLE
    assert not scan(tmp_path).notes


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("deflated", [False, True])
def test_a_file_written_anew_after_the_scan_shows_no_wrong_picture(
    tmp_path: Path, frames: int, deflated: bool
) -> None:
    """The pixels come to lie 400 bytes further on, where nothing but bytes of the header is missing from the size."""
    pixels = np.repeat(np.arange(1034, 1034 + frames, dtype="<u2"), 80).tobytes()
    made = ugly.slice_of(NumberOfFrames=frames, PixelData=pixels, ImagePositionPatient=None)
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian if deflated else ExplicitVRLittleEndian
    path = ugly.save(made, tmp_path / "a.dcm")
    series = only(tmp_path)
    assert load_all(series).hu[:, 0, 0].tolist() == list(range(10, 10 + frames))
    made.ImageComments = "x" * 400
    ugly.save(made, path)
    said = [load_slice(allocate(series), index) for index in range(frames)]
    assert all(text is not None and "the file changed since it was scanned" in text for text in said)


def test_slices_that_claim_one_position_have_no_places(tmp_path: Path) -> None:
    ugly.stack(tmp_path, gap_mm=0.0)
    volume = load_all(only(tmp_path))
    assert volume.series.z_mm == ()
    assert volume.image_point((0.0, 0.0, 0.0)) is None
