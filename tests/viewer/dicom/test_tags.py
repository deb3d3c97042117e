"""The rows of a file's header: names, nesting, private tags, frames, damage; and the search in them."""

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from model.errors import PterionError
from viewer.dicom.tags import TagRow, as_text, read_tags, search


def write(path: Path, dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "1.2.3.4"
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


def sample(pixels: int = 8) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Müller^Jürgen"
    dataset.PixelSpacing = [0.5, 0.25]
    dataset.NumberOfFrames = 3
    inner = Dataset()
    inner.CodeValue = "113100"
    middle = Dataset()
    middle.PurposeOfReferenceCodeSequence = Sequence([inner])
    middle.ReferencedSOPInstanceUID = "1.2.3.99"
    dataset.SourceImageSequence = Sequence([middle])
    dataset.PerFrameFunctionalGroupsSequence = Sequence([frame_group(10.0 * index) for index in range(3)])
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x02, "SL", 708)
    block.add_new(0x77, "UN", b"\x01\x02\x03")
    dataset.add_new(0x7FE00010, "OW", b"\0" * pixels)
    return dataset


def frame_group(z_mm: float) -> Dataset:
    place = Dataset()
    place.ImagePositionPatient = [0, 0, z_mm]
    group = Dataset()
    group.PlanePositionSequence = Sequence([place])
    return group


def row(rows: tuple[TagRow, ...], name: str) -> TagRow:
    return next(each for each in rows if each.name == name)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_rows_carry_tag_vr_name_and_value(tmp_path: Path, syntax: str) -> None:
    rows = read_tags(write(tmp_path / "a", sample(), syntax))
    assert row(rows, "Patient's Name") == TagRow(0, "(0010,0010)", "PN", "Patient's Name", "Müller^Jürgen")
    assert row(rows, "Pixel Spacing").value == "0.5\\0.25"
    assert rows[0].tag == "(0002,0000)"


def test_uid_tells_what_the_standard_calls_it(tmp_path: Path) -> None:
    rows = read_tags(write(tmp_path / "a", sample()))
    found = row(rows, "SOP Class UID")
    assert (found.value, found.meaning) == ("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage")
    assert found.short == "1.2.840.10008.5.1.4.1.1.2 · CT Image Storage"


def test_sequences_are_nested_two_deep(tmp_path: Path) -> None:
    rows = read_tags(write(tmp_path / "a", sample()))
    start = next(i for i, each in enumerate(rows) if each.name == "Source Image Sequence")
    nested = [(each.depth, each.name, each.value) for each in rows[start : start + 6]]
    assert nested == [
        (0, "Source Image Sequence", "1 item"),
        (1, "Item 1", ""),
        (2, "Referenced SOP Instance UID", "1.2.3.99"),
        (2, "Purpose of Reference Code Sequence", "1 item"),
        (3, "Item 1", ""),
        (4, "Code Value", "113100"),
    ]


def test_private_tags_are_named_where_known(tmp_path: Path) -> None:
    rows = read_tags(write(tmp_path / "a", sample()))
    known = row(rows, "[Detector Channel]")
    assert (known.tag, known.value, known.private) == ("(0019,1002)", "708", True)
    assert next(each for each in rows if each.tag == "(0019,1077)").value == "3 bytes"
    assert not row(rows, "Pixel Spacing").private


@pytest.mark.parametrize("size", [8, 1 << 20])
def test_pixels_are_a_size_not_a_value(tmp_path: Path, size: int) -> None:
    rows = read_tags(write(tmp_path / "a", sample(size)))
    assert row(rows, "Pixel Data").value == f"{size} bytes"


def test_frame_shows_its_own_functional_groups(tmp_path: Path) -> None:
    path = write(tmp_path / "a", sample())
    rows = read_tags(path, frame=2)
    positions = [each.value for each in rows if each.name == "Image Position (Patient)"]
    assert positions == ["0.0\\0.0\\20.0"]
    assert [each.name for each in rows if each.depth == 1 and each.name.startswith("Item")][-1] == "Item 3"
    assert len([each for each in read_tags(path) if each.name == "Image Position (Patient)"]) == 3


def test_long_sequence_of_known_length_is_listed(tmp_path: Path) -> None:
    dataset = sample()
    dataset.PerFrameFunctionalGroupsSequence = Sequence([frame_group(index) for index in range(1500)])
    dataset.NumberOfFrames = 1500
    rows = read_tags(write(tmp_path / "a", dataset), frame=1499)
    assert [each.value for each in rows if each.name == "Image Position (Patient)"] == ["0.0\\0.0\\1499.0"]


def test_frame_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="has 3 frames: there is no frame 4"):
        read_tags(write(tmp_path / "a", sample()), frame=3)


def test_long_value_is_shortened_for_display_and_whole_for_copying(tmp_path: Path) -> None:
    dataset = sample()
    dataset.ImageComments = "line one\r\n" + "x" * 500
    comment = row(read_tags(write(tmp_path / "a", dataset)), "Image Comments")
    assert comment.short == "line one " + "x" * 86 + "…"
    assert comment.value == "line one\r\n" + "x" * 500
    assert comment.value in as_text([comment])


def test_file_that_is_no_dicom_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no DICOM at all, but long enough to be looked at " * 20)
    with pytest.raises(PterionError, match=r"a\.txt is no DICOM file"):
        read_tags(tmp_path / "a.txt")


def test_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match=r"Reading gone\.dcm failed: it does not exist"):
        read_tags(tmp_path / "gone.dcm")


def test_broken_value_does_not_hide_the_others(tmp_path: Path) -> None:
    dataset = sample()
    dataset.add_new(0x00180060, "FD", 120.0)
    path = write(tmp_path / "a", dataset)
    data = path.read_bytes()
    place = data.index(b"\x18\0\x60\0FD\x08\0")
    path.write_bytes(data[: place + 6] + b"\x03\0" + data[place + 8 : place + 11] + data[place + 16 :])
    rows = read_tags(path)
    assert next(each for each in rows if each.tag == "(0018,0060)").value == "broken"
    assert row(rows, "Pixel Spacing").value == "0.5\\0.25"


def test_patient_data_is_marked_as_identifying(tmp_path: Path) -> None:
    rows = read_tags(write(tmp_path / "a", sample()))
    assert row(rows, "Patient's Name").identifying
    assert row(rows, "SOP Instance UID").identifying
    assert not row(rows, "Pixel Spacing").identifying


SEARCHED = (
    TagRow(0, "(0008,1115)", "SQ", "Referenced Series Sequence", "1 item"),
    TagRow(1, "", "", "Item 1", ""),
    TagRow(2, "(0020,000E)", "UI", "Series Instance UID", "1.2.3"),
    TagRow(2, "(0008,1199)", "SQ", "Referenced SOP Sequence", "1 item"),
    TagRow(3, "", "", "Item 1", ""),
    TagRow(4, "(0008,1155)", "UI", "Referenced SOP Instance UID", "1.2.3.7"),
    TagRow(0, "(0028,0010)", "US", "Rows", "512"),
    TagRow(0, "(0028,0030)", "DS", "Pixel Spacing", "0.5\\0.25"),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", (0, 1, 2, 3, 4, 5, 6, 7)),
        ("0028", (6, 7)),
        ("0028,0030", (7,)),
        ("(0028,0030)", (7,)),
        ("00280030", (7,)),
        ("ROWS", (6,)),
        ("pixel 0.25", (7,)),
        ("512", (6,)),
        ("1.2.3.7", (0, 1, 3, 4, 5)),
        ("referenced sop sequence", (0, 1, 3, 4, 5)),
        ("000e", (0, 1, 2)),
        ("no such thing", ()),
    ],
)
def test_search(text: str, found: tuple[int, ...]) -> None:
    assert search(SEARCHED, text) == found


def test_text_is_indented_by_depth() -> None:
    lines = as_text(SEARCHED[:3]).splitlines()
    assert lines == [
        "(0008,1115) SQ Referenced Series Sequence = 1 item",
        "  Item 1",
        "    (0020,000E) UI Series Instance UID = 1.2.3",
    ]
