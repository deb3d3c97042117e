"""All windows that a header names, their functions, and look-up tables."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from model.errors import PterionError
from viewer.dicom.series import SliceHeader
from viewer.dicom.voi import HeaderWindow, VoiLut, read_windows


def header(path: Path, frame: int = 0) -> SliceHeader:
    return SliceHeader(path, "1.2", frame, 1, None, None, None, 1, 1, None)


def written(path: Path, **values: object) -> Path:
    """A file without pixels that holds `values`."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PixelRepresentation = 1
    for name, value in values.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def windows(path: Path, frame: int = 0) -> tuple[HeaderWindow, ...]:
    return read_windows([header(path, frame)])[0]


def lut(first: int, values: list[int], bits: int = 8, name: str = "") -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS", [len(values), first, bits])
    item.add_new("LUTData", "US", values)
    if name:
        item.LUTExplanation = name
    return item


def test_every_window_with_its_name(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a",
        WindowCenter=[40, 600],
        WindowWidth=[80, 2800],
        WindowCenterWidthExplanation=["BRAIN", "BONE"],
    )
    assert windows(path) == (HeaderWindow(80, 40, "BRAIN"), HeaderWindow(2800, 600, "BONE"))


def test_a_value_that_is_repeated_is_one_window(tmp_path: Path) -> None:
    path = written(tmp_path / "a", WindowCenter=[40, 40], WindowWidth=[80, 80])
    assert windows(path) == (HeaderWindow(80, 40),)


@pytest.mark.parametrize("function", ["SIGMOID", "LINEAR_EXACT", "LINEAR"])
def test_the_function_goes_with_it(tmp_path: Path, function: str) -> None:
    path = written(tmp_path / "a", WindowCenter=40, WindowWidth=80, VOILUTFunction=function)
    assert windows(path) == (HeaderWindow(80, 40, function=function),)


def test_widths_that_show_nothing_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a", WindowCenter=[40, 40, 50], WindowWidth=[0, -5, 100])
    assert windows(path) == (HeaderWindow(100, 50),)
    exact = written(tmp_path / "b", WindowCenter=40, WindowWidth=0.5, VOILUTFunction="LINEAR_EXACT")
    assert windows(exact) == (HeaderWindow(0.5, 40, function="LINEAR_EXACT"),)


def test_tables_come_after_windows(tmp_path: Path) -> None:
    table = lut(-10, [0, 51, 255], name="Mine")
    path = written(tmp_path / "a", WindowCenter=40, WindowWidth=80, VOILUTSequence=Sequence([table]))
    linear, other = windows(path)
    assert linear == HeaderWindow(80, 40)
    assert other.name == "Mine"
    assert other.lut == VoiLut(-10, bytes([0, 51, 255]))
    assert (other.width, other.level) == (3, -8.5)


def test_a_table_of_more_bits_is_shown_in_eight(tmp_path: Path) -> None:
    path = written(tmp_path / "a", VOILUTSequence=Sequence([lut(0, [0, 2048, 4095], bits=12)]))
    (only,) = windows(path)
    assert only.lut == VoiLut(0, bytes([0, 128, 255]))  # 2048 / 4095 × 255 = 127.5, to even 128
    assert only.name == "VOI LUT"


def test_a_table_that_ends_early_is_none(tmp_path: Path) -> None:
    item = lut(0, [0, 255])
    item.LUTDescriptor = [4, 0, 8]
    assert windows(written(tmp_path / "a", VOILUTSequence=Sequence([item]))) == ()


def frame_group(width: float | None, level: float = 40) -> Dataset:
    group = Dataset()
    if width is not None:
        item = Dataset()
        item.WindowWidth, item.WindowCenter = width, level
        group.FrameVOILUTSequence = Sequence([item])
    return group


def test_each_frame_has_its_own(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a",
        SharedFunctionalGroupsSequence=Sequence([frame_group(500)]),
        PerFrameFunctionalGroupsSequence=Sequence([frame_group(80), frame_group(None)]),
        WindowCenter=1,
        WindowWidth=2,
    )
    found = read_windows([header(path, 0), header(path, 1)])
    assert [each[0].width for each in found] == [80, 500]


def test_none_is_none(tmp_path: Path) -> None:
    assert windows(written(tmp_path / "a")) == ()


def test_a_file_that_is_gone_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="Reading gone failed"):
        windows(tmp_path / "gone")
