"""Rare ways to be wrong, each met with its own words."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from model.errors import PterionError
from viewer.dicom.codestream import jpeg_2000_info, jpeg_info
from viewer.dicom.geometry import counted, even, missing
from viewer.dicom.load import allocate, load_slice
from viewer.dicom.nifti import affine_lps, write_nifti
from viewer.dicom.pixels import read_hu
from viewer.dicom.quiet import quiet
from viewer.dicom.scan import scan
from viewer.dicom.series import Series, Study
from viewer.dicom.walk import DamagedError

Copy = Callable[..., Path]


def only(path: Path) -> Series:
    (study,) = scan(path).studies
    (series,) = study.series
    return series


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"BitsStored": 20}, "20 of 16 bits a pixel"),
        ({"HighBit": 3}, "highest bit 3 of 16"),
        ({"RescaleSlope": 0}, "rescale slope 0.0"),
        ({"Rows": 0}, "no rows and columns in the header"),
    ],
)
def test_headers_that_make_no_sense(write_series_copy: Copy, elements: dict[str, object], words: str) -> None:
    path = write_series_copy() / "IM0001.dcm"
    data = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    data.save_as(path)
    series = only(path)
    assert f"The pixels cannot be decoded: {words}. Export the series uncompressed" in series.notes[0].text
    assert not series.showable


def test_floating_point_pixels(write_series_copy: Copy) -> None:
    path = write_series_copy() / "IM0001.dcm"
    data = pydicom.dcmread(path)
    del data.PixelData
    data.FloatPixelData = bytes(4 * 128 * 96)
    data.save_as(path)
    assert "floating-point pixels" in only(path).notes[0].text


def test_eight_bit_big_endian_pixels(write_series_copy: Copy, recode: Callable[..., None]) -> None:
    path = write_series_copy() / "IM0001.dcm"
    recode(path, "big endian", BitsAllocated=8, BitsStored=8, HighBit=7)
    assert "8-bit big-endian pixels" in only(path).notes[0].text


def test_two_frames_where_one_is_expected_are_refused(
    write_series_copy: Copy, recode: Callable[..., None]
) -> None:
    path = write_series_copy() / "IM0001.dcm"
    recode(path, "JPEG-LS")
    data = pydicom.dcmread(path)
    (frame,) = pydicom.encaps.generate_frames(data.PixelData, number_of_frames=1)
    data.NumberOfFrames = 3
    data.PixelData = encapsulate([frame, frame])
    data.save_as(path)
    series = only(path)
    assert len(series.slices) == 3
    text = load_slice(allocate(series), 0)
    assert text is not None
    assert "which compressed pixels belong to which frame is not said" in text


def test_plain_frames_of_a_simple_multi_frame_file(write_series_copy: Copy) -> None:
    path = write_series_copy() / "IM0001.dcm"
    data = pydicom.dcmread(path)
    data.NumberOfFrames = 2
    data.PixelData = np.arange(2 * 128 * 96, dtype="<i2").tobytes()
    data.save_as(path)
    series = only(path)
    volume = allocate(series)
    assert [load_slice(volume, index) for index in (0, 1)] == [None, None]
    assert (volume.hu[1, 0, 0], volume.hu[0, 0, 1]) == (128 * 96 - 1024, -1023)


def test_a_target_of_another_shape_is_a_bug(phantom_series: Path) -> None:
    with pytest.raises(ValueError, match="out must be contiguous int16"):
        read_hu(only(phantom_series).slices[0], np.zeros((3, 3), np.int16))


def test_values_of_another_shape_are_a_bug(tmp_path: Path, phantom_series: Path) -> None:
    with pytest.raises(ValueError, match="shape of the series"):
        write_nifti(tmp_path / "a.nii", np.zeros((1, 2, 3), np.int16), only(phantom_series), (1.75, 1.75))


def test_nifti_needs_a_spacing(write_series_copy: Copy) -> None:
    folder = write_series_copy()
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        del data.PixelSpacing
        data.save_as(path)
    with pytest.raises(PterionError, match="NIfTI needs the pixel spacing, which is unknown"):
        affine_lps(only(folder), (1.0, 1.0))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x00", "do not begin as JPEG"),
        (b"\xff\xd8\x00\x00\x00\x00", "JPEG header is broken"),
        (b"\xff\xd8\xff\xe0\x00\x04ab", "JPEG header is cut short"),
        (b"\xff\xd8\xff\xff\xff\xc3\x00\x0b\x08", "JPEG header is cut short"),
    ],
)
def test_jpeg_headers_that_break_off(data: bytes, words: str) -> None:
    with pytest.raises(DamagedError, match=words):
        jpeg_info(data)


def test_jpeg_2000_in_boxes(tmp_path: Path) -> None:
    import imagecodecs

    grey = np.arange(12, dtype=np.uint16).reshape(3, 4)
    boxed = bytes(imagecodecs.jpeg2k_encode(grey, codecformat="JP2", reversible=True))
    info = jpeg_2000_info(boxed)
    assert (info.rows, info.columns, info.components, info.precision, info.signed) == (3, 4, 1, 16, False)
    with pytest.raises(DamagedError, match="do not begin as JPEG 2000"):
        jpeg_2000_info(boxed[:40])


@pytest.mark.parametrize(
    ("gaps", "absent"),
    [
        ((), ()),
        ((5,), (0,)),
        ((5, 10), (0, 1)),
        ((5, 5, 10, 10, 5, 5), (0, 0, 1, 1, 0, 0)),
        ((5, 5, 10, 10, 10, 10), (0, 0, 0, 0, 0, 0)),
        ((4, 4, 1.08, 7, 7), (0, 0, 0, 0, 0)),
        ((1, 1, 3.4, 1), (0, 0, 0, 0)),
        ((4, 4, 7, 7, 1), (0, 0, 0, 0, 0)),
    ],
)
def test_where_slices_are_missing(gaps: tuple[float, ...], absent: tuple[int, ...]) -> None:
    assert missing(gaps) == absent


def test_gaps_are_counted_the_commonest_first() -> None:
    assert counted([7, 4, 4.001, 7, 4, 1]) == ((4, 3), (7, 2), (1, 1))
    assert even([])
    assert even([5, 5.05, 5])
    assert not even([5, 6, 5])


def test_long_scans_tell_what_they_have(
    tmp_path: Path, phantom_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no time between tellings, every file changes what is told; the last telling is the result."""
    monkeypatch.setattr("viewer.dicom.scan._TELL_SECONDS", -1.0)
    clock = iter(float(tick) for tick in range(10_000))
    monkeypatch.setattr("viewer.dicom.scan.time.monotonic", lambda: next(clock))
    seen: list[Study] = []
    result = scan(phantom_series, on_study=seen.append)
    assert len(seen) > 1
    assert len({study.study_uid for study in seen}) == 1
    assert seen[-1] == result.studies[0]


def test_warnings_are_kept_by_one_thread_at_a_time() -> None:
    import warnings

    before = warnings.filters[:]

    def work() -> None:
        for _ in range(200):
            with quiet():
                warnings.warn("quoted", UserWarning, stacklevel=1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
