"""CT series with DICOM segmentations that highdicom, an independent implementation, wrote."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationFractionalTypeValues,
    SegmentationTypeValues,
    SegmentDescription,
)
from highdicom.sr.coding import CodedConcept
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from model.datasets.convert import convert
from model.errors import PterionError
from model.labels import NOT_REVIEWED, UNKNOWN_SUBTYPE
from model.sample import Sample
from viewer.corpora.dicom_seg import DicomSeg, subtypes
from viewer.dicom.segmentation import read_segmentation
from viewer.dicom.write import write_series

ROWS, COLUMNS, COUNT = 13, 11, 5  # 143 pixels a frame: no whole number of bytes
CATEGORY = CodedConcept("49755003", "SCT", "Morphologically abnormal structure")
CODES = {
    "EDH": CodedConcept("82999001", "SCT", "Epidural hemorrhage"),
    "SDH": CodedConcept("35486000", "SCT", "Subdural hemorrhage"),
    "SAH": CodedConcept("21454007", "SCT", "Subarachnoid hemorrhage"),
    "any": CodedConcept("1386000", "SCT", "Intracranial hemorrhage"),
    "brain": CodedConcept("12738006", "SCT", "Brain"),
}
Z_MM = (0.0, 5.0, 10.0, 12.5, 15.0)


@pytest.fixture
def ct(tmp_path: Path) -> list[pydicom.Dataset]:
    """Five slices, unevenly apart and sheared as by a tilted gantry, HU 10 times the slice's number."""
    hu = np.repeat(np.arange(COUNT, dtype=np.int16) * 10, ROWS * COLUMNS).reshape(COUNT, ROWS, COLUMNS)
    positions = np.array([(-3.0, 2.0 + 0.3 * z, z) for z in Z_MM])
    paths = write_series(
        tmp_path / "in" / "ct",
        hu,
        spacing_mm=(0.5, 0.5),
        positions_mm=positions,
        patient_name="Doe^Jane",
        patient_id="MRN 4711",
        thickness_mm=5.0,
    )
    return [pydicom.dcmread(path) for path in paths]


def describe(number: int, label: str, code: CodedConcept) -> SegmentDescription:
    return SegmentDescription(number, label, CATEGORY, code, SegmentAlgorithmTypeValues.MANUAL)


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, ct: list[pydicom.Dataset]) -> Write:
    """Write masks (slices, rows, columns[, segments]) on the series as a SEG file."""

    def make(
        masks: npt.NDArray[Any],
        segments: list[SegmentDescription],
        kind: SegmentationTypeValues = SegmentationTypeValues.BINARY,
        name: str = "seg.dcm",
        edit: Callable[[pydicom.Dataset], None] | None = None,
        **options: Any,
    ) -> Path:
        made = Segmentation(
            source_images=ct,
            pixel_array=masks,
            segmentation_type=kind,
            segment_descriptions=segments,
            series_instance_uid=highdicom.UID(),
            series_number=2,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer="test",
            manufacturer_model_name="test",
            software_versions="1",
            device_serial_number="1",
            **options,
        )
        if edit is not None:
            edit(made)
        path = tmp_path / "in" / name
        made.save_as(path)
        return path

    return make


def empty(segments: int = 0) -> npt.NDArray[np.uint8]:
    return np.zeros((COUNT, ROWS, COLUMNS, segments) if segments else (COUNT, ROWS, COLUMNS), np.uint8)


def only(folder: Path, **options: Any) -> Sample:
    source = DicomSeg(folder, "salt", **options)
    (sample,) = [sample for item, content in source.items().items() for sample in source.read(item, content)]
    return sample


def drawn(masks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Two segments: 1 in slices 1 and 3, 2 in slice 3 only, beside it."""
    masks[1, 2:5, 3:7, 0] = 1
    masks[3, 4:6, 1:3, 0] = 1
    masks[3, 8:11, 5:9, 1] = 1
    return masks


def expected(first: int, second: int) -> npt.NDArray[np.uint8]:
    labels = empty()
    labels[1, 2:5, 3:7] = first
    labels[3, 4:6, 1:3] = first
    labels[3, 8:11, 5:9] = second
    return labels


def without_references(made: pydicom.Dataset) -> None:
    for group in made.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence


def frames_in_any_order(made: pydicom.Dataset) -> None:
    groups = list(made.PerFrameFunctionalGroupsSequence)
    values = made.pixel_array[::-1]
    made.PerFrameFunctionalGroupsSequence = groups[::-1]
    made.PixelData = np.packbits(values.ravel(), bitorder="little").tobytes() + b"\0" * (
        values.size % 16 in range(1, 9)
    )


@pytest.mark.parametrize("edit", [None, without_references, frames_in_any_order])
def test_bits_become_the_subtypes_of_their_codes(
    write: Write, tmp_path: Path, edit: Callable[[pydicom.Dataset], None] | None
) -> None:
    write(drawn(empty(2)), [describe(1, "a", CODES["SDH"]), describe(2, "b", CODES["EDH"])], edit=edit)
    sample = only(tmp_path / "in")
    np.testing.assert_array_equal(sample.labels, expected(2, 1))
    assert sample.hu[:, 0, 0].tolist() == [0, 10, 20, 30, 40]
    assert sample.scores.tolist() == [[0] * 6, [1, 0, 1, 0, 0, 0], [0] * 6, [1, 1, 1, 0, 0, 0], [0] * 6]
    assert np.diff(sample.z_mm) == pytest.approx([5, 5, 2.5, 2.5])
    assert sample.source == "dicom-seg"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_fractions_count_from_half_of_certainty(write: Write, tmp_path: Path, syntax: str) -> None:
    masks = np.zeros((COUNT, ROWS, COLUMNS), np.float32)
    masks[2, 0, :4] = [0.2, 0.49, 0.5, 1.0]
    write(
        masks,
        [describe(1, "a", CODES["SAH"])],
        SegmentationTypeValues.FRACTIONAL,
        fractional_type=SegmentationFractionalTypeValues.PROBABILITY,
        max_fractional_value=200,
        transfer_syntax_uid=syntax,
    )
    sample = only(tmp_path / "in")
    assert sample.labels[2, 0].tolist() == [0, 0, 3, 3, *[0] * 7]
    assert (sample.labels != 0).sum() == 2


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_label_map_holds_all_segments_in_one_frame(write: Write, tmp_path: Path, syntax: str) -> None:
    labels = expected(1, 2)
    segments = [describe(1, "a", CODES["SDH"]), describe(2, "b", CODES["EDH"])]
    path = write(labels, segments, SegmentationTypeValues.LABELMAP, transfer_syntax_uid=syntax)
    assert read_segmentation(path).kind == "LABELMAP"
    np.testing.assert_array_equal(only(tmp_path / "in").labels, expected(2, 1))


def test_two_files_on_one_series_are_put_together(write: Write, tmp_path: Path) -> None:
    both = drawn(empty(2))
    write(both[..., 0], [describe(1, "a", CODES["SDH"])], name="one.dcm")
    write(both[..., 1], [describe(1, "a", CODES["EDH"])], name="two.dcm")
    made = convert(DicomSeg(tmp_path / "in", "salt"), tmp_path / "set", workers=2)
    np.testing.assert_array_equal(next(made.samples()).labels, expected(2, 1))


def test_where_two_named_segments_overlap_nobody_knows(write: Write, tmp_path: Path) -> None:
    masks = empty(3)
    masks[0, 0, 0:4, 0] = 1  # SDH
    masks[0, 0, 2:6, 1] = 1  # EDH
    masks[0, 0, 0:8, 2] = 1  # some hemorrhage
    segments = [
        describe(1, "a", CODES["SDH"]),
        describe(2, "b", CODES["EDH"]),
        describe(3, "c", CODES["any"]),
    ]
    write(masks, segments)
    unknown = UNKNOWN_SUBTYPE
    assert only(tmp_path / "in").labels[0, 0, :9].tolist() == [
        2,
        2,
        unknown,
        unknown,
        1,
        1,
        unknown,
        unknown,
        0,
    ]


@pytest.mark.parametrize(
    ("label", "code", "value"),
    [
        ("Extradural haematoma", CODES["any"], 1),
        ("left SDH", CODES["any"], 2),
        ("SAH", CODES["any"], 3),
        ("ventricular haemorrhage", CODES["any"], 4),
        ("Intracerebral bleed", CODES["any"], 5),
        ("ICH", CodedConcept("1", "99X", "finding"), UNKNOWN_SUBTYPE),
        ("lesion", CODES["any"], UNKNOWN_SUBTYPE),
        ("SDH", CODES["EDH"], 1),
    ],
)
def test_a_segment_is_named_by_its_code_or_its_words(
    write: Write, label: str, code: CodedConcept, value: int
) -> None:
    masks = drawn(empty(2))
    path = write(masks, [describe(1, label, code), describe(2, "brain", CODES["brain"])])
    assert subtypes(read_segmentation(path), {}) == {1: value}


def test_what_the_user_says_comes_first(write: Write, tmp_path: Path) -> None:
    write(drawn(empty(2)), [describe(1, "Lesion A", CODES["SDH"]), describe(2, "b", CODES["brain"])])
    sample = only(tmp_path / "in", mapping={"lesion a": "IPH", "2": "unknown"})
    np.testing.assert_array_equal(sample.labels, expected(5, UNKNOWN_SUBTYPE))
    sample = only(tmp_path / "in", mapping={"2": "EDH", "Lesion A": "ignore"})
    np.testing.assert_array_equal(sample.labels, expected(0, 1))


def test_a_slip_in_what_the_user_says_is_told(write: Write, tmp_path: Path) -> None:
    write(drawn(empty(2)), [describe(1, "Lesion A", CODES["SDH"]), describe(2, "b", CODES["brain"])])
    with pytest.raises(PterionError, match="No segment is called Lesoin A; there are Lesion A, b"):
        only(tmp_path / "in", mapping={"Lesoin A": "IPH"})


def test_segments_that_are_no_bleeds_are_named(write: Write, tmp_path: Path) -> None:
    write(empty() + 1, [describe(1, "whole brain", CODES["brain"])])
    with pytest.raises(PterionError, match=r"No segment of seg\.dcm .* \(whole brain\)\. .*--map NAME=EDH"):
        only(tmp_path / "in")


def test_slices_without_a_frame_are_negative_or_not_reviewed(write: Write, tmp_path: Path) -> None:
    write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])])
    assert [np.unique(each).tolist() for each in only(tmp_path / "in").labels] == [
        [0],
        [0, 2],
        [0],
        [0, 2],
        [0],
    ]
    partial = only(tmp_path / "in", partial=True)
    assert [np.unique(each).tolist() for each in partial.labels] == [
        [NOT_REVIEWED],
        [0, 2],
        [NOT_REVIEWED],
        [0, 2],
        [NOT_REVIEWED],
    ]


def test_no_identifier_leaves_the_files(write: Write, tmp_path: Path, ct: list[pydicom.Dataset]) -> None:
    write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])])
    made = convert(DicomSeg(tmp_path / "in", "salt"), tmp_path / "set")
    kept = (made.folder / "index.json").read_text() + str(next(made.samples()).provenance)
    for secret in ("4711", "Doe", ct[0].SeriesInstanceUID, ct[0].SOPInstanceUID, ct[0].StudyInstanceUID):
        assert secret not in kept


def moved(made: pydicom.Dataset) -> None:
    for group in made.PerFrameFunctionalGroupsSequence:
        group.PlanePositionSequence[0].ImagePositionPatient[0] += 1.0


def turned(made: pydicom.Dataset) -> None:
    made.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = [
        -1,
        0,
        0,
        0,
        1,
        0,
    ]


def coarser(made: pydicom.Dataset) -> None:
    made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0.6, 0.6]


def smaller(made: pydicom.Dataset) -> None:
    made.Rows = ROWS - 1


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (moved, r"it lies 1\.0 mm beside the slice"),
        (turned, "it is turned against the slice"),
        (coarser, "its pixels are"),
        (smaller, "it has 12 × 11 pixels, the slice 13 × 11"),
    ],
)
def test_a_mask_off_the_grid_is_refused(
    write: Write, tmp_path: Path, edit: Callable[[pydicom.Dataset], None], sentence: str
) -> None:
    write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])], edit=edit)
    with pytest.raises(PterionError, match=rf"A mask of seg\.dcm is off the grid of its slice: {sentence}"):
        only(tmp_path / "in")


def far(made: pydicom.Dataset) -> None:
    without_references(made)
    for group in made.PerFrameFunctionalGroupsSequence:
        group.PlanePositionSequence[0].ImagePositionPatient[2] += 100


def test_frames_that_lie_nowhere_are_refused(write: Write, tmp_path: Path) -> None:
    write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])], edit=far)
    with pytest.raises(PterionError, match="No frame of the segmentation lies on a slice"):
        only(tmp_path / "in")


def test_a_frame_of_a_slice_that_is_gone_is_told(write: Write, tmp_path: Path) -> None:
    write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])])
    (tmp_path / "in" / "ct" / "IM0004.dcm").unlink()
    sample = only(tmp_path / "in")
    assert len(sample.hu) == 4
    assert sample.provenance["notes"] == ["1 frames of a segmentation lie on no slice that can be read."]


def test_a_segmentation_without_its_series_is_told(write: Write, tmp_path: Path) -> None:
    path = write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])])
    alone = tmp_path / "alone"
    alone.mkdir()
    path.rename(alone / "seg.dcm")
    with pytest.raises(PterionError, match=r"The series that seg\.dcm was drawn on is not in the folder"):
        only(alone)
    with pytest.raises(PterionError, match="in holds no DICOM segmentation"):
        only(tmp_path / "in")


def no_frames(made: pydicom.Dataset) -> None:
    made.NumberOfFrames = 0


def many_frames(made: pydicom.Dataset) -> None:
    made.NumberOfFrames = 60000


def no_places(made: pydicom.Dataset) -> None:
    del made.PerFrameFunctionalGroupsSequence


def few_pixels(made: pydicom.Dataset) -> None:
    made.PixelData = made.PixelData[:10]


def surface(made: pydicom.Dataset) -> None:
    made.SegmentationType = "SURFACE"


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (no_frames, "claims 0 frames"),
        (many_frames, "says where 2 of its 60000 frames lie"),
        (no_places, "says where 0 of its 2 frames lie"),
        (few_pixels, "holds fewer pixels"),
        (surface, r"is no DICOM segmentation that is read \(SURFACE\)"),
    ],
)
def test_a_damaged_segmentation_is_named(
    write: Write, tmp_path: Path, edit: Callable[[pydicom.Dataset], None], sentence: str
) -> None:
    write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])], edit=edit)
    with pytest.raises(PterionError, match=rf"seg\.dcm {sentence}"):
        only(tmp_path / "in")


def test_a_cut_file_is_named(write: Write, tmp_path: Path) -> None:
    path = write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])])
    data = path.read_bytes()
    for length in range(200, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(PterionError):
            list(read_segmentation(path).masks())


def test_a_real_tilted_head_with_uneven_gaps(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "head-ct-dicom" / "ge-tilted-uneven").rglob("*"))
    slices = [pydicom.dcmread(path) for path in files if path.is_file() and pydicom.misc.is_dicom(path)]
    slices.sort(key=lambda each: each.ImagePositionPatient[2])
    for each in slices:  # highdicom wants what these de-identified files lack
        each.PatientName = ""
        for name in (
            "PatientBirthDate",
            "PatientSex",
            "StudyTime",
            "AccessionNumber",
            "ReferringPhysicianName",
        ):
            setattr(each, name, each.get(name, ""))
    masks = np.zeros((len(slices), 512, 512), np.uint8)
    for number in range(len(slices)):
        masks[number, 100 + number, 200 : 210 + number] = 1  # a row of pixels that tells the slices apart
    made = Segmentation(
        source_images=slices,
        pixel_array=masks,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[describe(1, "bleed", CODES["SDH"])],
        series_instance_uid=highdicom.UID(),
        series_number=2,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
    )
    for edit in (lambda _: None, without_references):
        edit(made)
        for path in files:
            (tmp_path / path.name).write_bytes(path.read_bytes())
        made.save_as(tmp_path / "seg.dcm")
        sample = only(tmp_path)
        assert len(sample.hu) == 28
        assert [int((label == 2).sum()) for label in sample.labels] == list(range(10, 38))
        gaps = np.round(np.diff(sample.z_mm), 2)
        assert (sorted(set(gaps.tolist())), gaps[0]) == ([1.08, 4.0, 7.0], 4.0)


def test_a_damaged_byte_is_told_and_never_a_bug(write: Write) -> None:
    path = write(drawn(empty(2))[..., 0], [describe(1, "a", CODES["SDH"])])
    whole, chance = path.read_bytes(), random.Random(0)
    told = 0
    for _ in range(150):
        data = bytearray(whole)
        data[chance.randrange(len(data))] = chance.choice((0, 1, 127, 128, 255))
        path.write_bytes(data)
        try:
            list(read_segmentation(path).masks())
        except PterionError:
            told += 1
    assert told > 15
