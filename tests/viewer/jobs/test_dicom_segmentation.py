"""Segmentations and reports of what the model found: valid by an independent checker, the same voxels everywhere."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import highdicom.legacy
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813  its own name for itself
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import PterionError
from model.labels import BY_CODE, CODES, SCORES
from viewer.dicom.cielab import lab_of_rgb, rgb_of_lab
from viewer.dicom.load import load_all
from viewer.dicom.nrrd import masks_of, write_seg_nrrd
from viewer.dicom.overlaid import overlay
from viewer.dicom.scan import scan
from viewer.dicom.segmentation import read_segmentation
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series
from viewer.jobs.answer import Answer, mean_hu
from viewer.jobs.dicom_capture import page, tile_slices, write_capture
from viewer.jobs.dicom_findings import write_findings
from viewer.jobs.dicom_segmentation import DrawnSegment, segments_of, write_segmentation

ROWS, COLUMNS = 24, 32
STACKS = {
    "even": [(-8.0, -6.0, 5.0 * i) for i in range(6)],
    "tilted": [(-8.0, -6.0 + 1.8 * i, 4.7 * i) for i in range(6)],
    "uneven": [(-8.0, -6.0, z) for z in (0.0, 5.0, 10.0, 12.5, 15.0, 30.0)],
}


def make_volume(folder: Path, positions: list[tuple[float, float, float]]) -> Volume:
    hu = np.random.default_rng(3).integers(20, 80, (len(positions), ROWS, COLUMNS)).astype(np.int16)
    write_series(
        folder,
        hu,
        spacing_mm=(0.8, 0.5),
        positions_mm=positions,
        patient_name="Müller^Jürgen",
        patient_id="P-1",
        study_description="CT HEAD",
        thickness_mm=5.0,
    )
    (study,) = scan([folder]).studies
    return load_all(study.series[0])


@pytest.fixture(scope="module", params=STACKS)
def volume(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Volume:
    return make_volume(tmp_path_factory.mktemp(request.param) / "series", STACKS[request.param])


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    return make_volume(tmp_path_factory.mktemp("alone") / "series", STACKS["even"])


def labels() -> npt.NDArray[np.uint8]:
    """A subdural on slices 1 to 3, a clot in the brain on slice 4 alone, of odd shapes: not one is symmetric."""
    masks = np.zeros((6, ROWS, COLUMNS), np.uint8)
    masks[1:4, 2:9, 3:20] = 2
    masks[3, 2, 3] = 0
    masks[4, 15:22, 25:31] = 5
    return masks


def answer_for(volume: Volume, masks: npt.NDArray[np.uint8] | None = None) -> Answer:
    scores = dict(zip(SCORES, (0.9, 0.05, 0.92, 0.03, 0.02, 0.4), strict=True))
    slices = np.full((6, 6), 0.1, np.float32)
    slices[3] = 0.9
    return Answer(
        volume,
        "toy-1",
        labels() if masks is None else masks,
        scores,
        dict.fromkeys(SCORES, 0.5),
        slices,
        {"SDH": 1.25, "IPH": 0.5},
        ("The kernel B is a sharp one.",),
    )


def checked(path: Path, what: str) -> None:
    """Let dciodvfy, which knows the standard's modules, find no error."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    answer = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    said = answer.stderr + answer.stdout
    assert what in said
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


def test_a_segmentation_is_valid_and_says_what_drew_it(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "seg.dcm"
    write_segmentation(path, volume.series, segments_of(labels(), "toy-1", {"SDH": "Score 0.92, suspected."}))
    made = pydicom.dcmread(path)
    assert made.SegmentationType == "BINARY"
    assert made.StudyInstanceUID == volume.series.study_uid
    assert made.FrameOfReferenceUID == volume.series.frame_of_reference_uid
    assert made.NumberOfFrames == 4  # three slices of one, one of the other
    assert "Research use only" in made.SeriesDescription
    first, second = made.SegmentSequence
    assert [first.SegmentLabel, second.SegmentLabel] == ["SDH", "IPH"]
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == "50960005"
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    assert first.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == "toy-1"
    assert "Score 0.92" in first.SegmentDescription
    assert "Research use only" in first.SegmentDescription
    assert rgb_of_lab(*first.RecommendedDisplayCIELabValue) == (0x56, 0xB4, 0xE9)
    checked(path, "Segmentation")


def test_a_segmentation_reads_back_bit_for_bit(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "seg.dcm"
    write_segmentation(path, volume.series, segments_of(labels(), "toy-1"))
    read = overlay(read_segmentation(path), volume.series)
    assert read.astray == 0
    back = np.zeros_like(labels())
    for part, value in zip(read.segments, (2, 5), strict=True):
        for index, mask in part.masks.items():
            back[index][mask] = value
    np.testing.assert_array_equal(back, labels())
    assert [part.name for part in read.segments] == ["SDH", "IPH"]
    assert [part.segment.rgb for part in read.segments] == [(0x56, 0xB4, 0xE9), (0xD5, 0x5E, 0x00)]


def test_highdicom_reads_the_same_voxels_on_the_same_slices(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "seg.dcm"
    write_segmentation(path, volume.series, segments_of(labels(), "toy-1"))
    uids = [place.sop_uid for place in volume.series.slices]
    read = highdicom.seg.segread(path).get_pixels_by_source_instance(
        uids, assert_missing_frames_are_empty=True
    )
    np.testing.assert_array_equal(read[..., 0], labels() == 2)
    np.testing.assert_array_equal(read[..., 1], labels() == 5)


def test_segments_may_overlap_and_say_who_drew_them(tmp_path: Path, even: Volume) -> None:
    path = tmp_path / "seg.dcm"
    here = np.zeros((6, ROWS, COLUMNS), np.bool_)
    here[2, 4:8, 4:8] = True
    parts = [DrawnSegment("SAH", here), DrawnSegment("IVH", here, "SEMIAUTOMATIC", "toy-1")]
    write_segmentation(path, even.series, parts)
    checked(path, "Segmentation")
    read = overlay(read_segmentation(path), even.series)
    for part in read.segments:
        np.testing.assert_array_equal(part.masks[2], here[2])
    assert [part.segment.algorithm for part in read.segments] == [
        ("MANUAL", ""),
        ("SEMIAUTOMATIC", "Pterion"),
    ]


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_any_mask_survives_the_way_out_and_back(
    tmp_path_factory: pytest.TempPathFactory, even: Volume, data: st.DataObject
) -> None:
    seed = data.draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    masks = (random.integers(1, 6, (6, ROWS, COLUMNS)) * (random.random((6, ROWS, COLUMNS)) < 0.1)).astype(
        np.uint8
    )
    path = tmp_path_factory.mktemp("any") / "seg.dcm"
    write_segmentation(path, even.series, segments_of(masks, "toy-1"))
    back = np.zeros_like(masks)
    for part in overlay(read_segmentation(path), even.series).segments:
        for index, mask in part.masks.items():
            back[index][mask] = CODES.index(part.name) + 1
    np.testing.assert_array_equal(back, masks)


def test_nothing_segmented_is_said(tmp_path: Path, even: Volume) -> None:
    with pytest.raises(PterionError, match="Nothing is segmented"):
        write_segmentation(tmp_path / "seg.dcm", even.series, segments_of(np.zeros_like(labels()), "toy-1"))
    with pytest.raises(PterionError, match="Nothing is segmented"):
        write_seg_nrrd(tmp_path / "out.seg.nrrd", {}, even.series, even.spacing_mm)
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_positions_is_refused_in_words(tmp_path: Path, even: Volume) -> None:
    folder = tmp_path / "series"
    shutil.copytree(even.series.slices[0].path.parent, folder)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.FrameOfReferenceUID
        del dataset.ImagePositionPatient
        dataset.save_as(path)
    series = scan([folder]).studies[0].series[0]
    with pytest.raises(PterionError, match="headers of the source images lack"):
        write_segmentation(tmp_path / "seg.dcm", series, segments_of(labels(), "toy-1"))
    assert not (tmp_path / "seg.dcm").exists()


def test_what_a_source_leaves_out_or_empty_is_made_good(tmp_path: Path, even: Volume) -> None:
    folder = tmp_path / "series"
    shutil.copytree(even.series.slices[0].path.parent, folder)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        for name in (
            "PatientBirthDate",
            "PatientSex",
            "StudyID",
            "ReferringPhysicianName",
            "AccessionNumber",
        ):
            if name in dataset:
                delattr(dataset, name)
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = ""
        dataset.save_as(path)
    series = scan([folder]).studies[0].series[0]
    write_segmentation(tmp_path / "seg.dcm", series, segments_of(labels(), "toy-1"))
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    assert (made.PatientBirthDate, made.DeidentificationMethod) == ("", "not stated")
    checked(tmp_path / "seg.dcm", "Segmentation")


@pytest.mark.parametrize("name", ["ge-tilted-uneven", "philips-phantom"])
def test_real_heads_tilted_and_uneven_are_written_and_read_back(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    studies = scan([shared_data / "head-ct-dicom" / name]).studies
    series = max((s for study in studies for s in study.series if s.showable), key=lambda s: len(s.slices))
    masks = np.zeros((len(series.slices), series.slices[0].rows, series.slices[0].columns), np.uint8)
    masks[1:4, 30:60, 20:90] = 2
    masks[2, 100:105, 33:90] = 4
    write_segmentation(tmp_path / "seg.dcm", series, segments_of(masks, "toy-1"))
    checked(tmp_path / "seg.dcm", "Segmentation")
    back = np.zeros_like(masks)
    for part in overlay(read_segmentation(tmp_path / "seg.dcm"), series).segments:
        for index, mask in part.masks.items():
            back[index][mask] = CODES.index(part.name) + 1
    np.testing.assert_array_equal(back, masks)


def enhanced(volume: Volume, folder: Path, parts: int) -> Path:
    """The series as Legacy Converted Enhanced CT of shuffled frames, in one file or several."""
    slices = [pydicom.dcmread(place.path) for place in volume.series.slices]
    shuffled = [slices[index] for index in (4, 1, 5, 0, 3, 2)]
    for dataset in shuffled:
        dataset.PositionReferenceIndicator = ""
    folder.mkdir()
    series_uid = highdicom.UID()
    for part in range(parts):
        made = highdicom.legacy.LegacyConvertedEnhancedCTImage(
            shuffled[part::parts], series_uid, 7, highdicom.UID(), part + 1
        )
        made.save_as(folder / f"part{part}")
    return folder


def test_frames_of_one_file_are_referred_to_one_by_one(tmp_path: Path, volume: Volume) -> None:
    framed = load_all(scan([enhanced(volume, tmp_path / "in", 1)]).studies[0].series[0])
    seg = write_segmentation(tmp_path / "seg.dcm", framed.series, segments_of(labels(), "toy-1"))
    write_findings(tmp_path / "sr.dcm", answer_for(framed), seg)
    checked(tmp_path / "seg.dcm", "Segmentation")
    checked(tmp_path / "sr.dcm", "Comprehensive3DSR")
    back = np.zeros_like(labels())
    for part in overlay(read_segmentation(tmp_path / "seg.dcm"), framed.series).segments:
        for index, mask in part.masks.items():
            back[index][mask] = CODES.index(part.name) + 1
    np.testing.assert_array_equal(back, labels())


def test_frames_of_several_files_are_refused_in_words(tmp_path: Path, even: Volume) -> None:
    framed = scan([enhanced(even, tmp_path / "in", 2)]).studies[0].series[0]
    with pytest.raises(PterionError, match="several multi-frame files"):
        write_segmentation(tmp_path / "seg.dcm", framed, segments_of(labels(), "toy-1"))


# reports


def test_a_report_of_findings_is_valid_and_says_the_numbers(tmp_path: Path, volume: Volume) -> None:
    answer = answer_for(volume)
    seg = write_segmentation(tmp_path / "seg.dcm", volume.series, segments_of(labels(), "toy-1"))
    write_findings(tmp_path / "sr.dcm", answer, seg)
    checked(tmp_path / "sr.dcm", "Comprehensive3DSR")
    report = highdicom.sr.srread(tmp_path / "sr.dcm")
    assert "Research use only" in report.SeriesDescription
    assert report.VerificationFlag == "UNVERIFIED"
    groups = report.content.get_volumetric_roi_measurement_groups()
    said = {group.tracking_identifier: group for group in groups}
    assert sorted(said) == ["IPH toy-1", "SDH toy-1"]
    subdural = said["SDH toy-1"]
    assert subdural.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
    assert subdural.tracking_uid == seg.SegmentSequence[0].TrackingUID
    values = {m.name.meaning: (m.value, m.unit.value) for m in subdural.get_measurements()}
    assert values["Volume"] == (1.25, "mL")
    assert values["Probability"] == (0.92, "1")
    marked = volume.hu[labels() == 2].mean()
    assert values["Attenuation Coefficient"][0] == pytest.approx(marked, rel=1e-5)
    verdicts = {each.name.value: each.value.value for each in subdural.get_qualitative_evaluations()}
    assert verdicts["SUSPICION"] == "SUSPECTED"


def test_a_report_without_a_segmentation_names_the_slice_with_the_highest_score(
    tmp_path: Path, even: Volume
) -> None:
    write_findings(tmp_path / "sr.dcm", answer_for(even))
    checked(tmp_path / "sr.dcm", "Comprehensive3DSR")
    groups = highdicom.sr.srread(tmp_path / "sr.dcm").content.get_image_measurement_groups()
    assert len(groups) == len(SCORES)
    uids = {image.referenced_sop_instance_uid for group in groups for image in group.source_images}
    assert uids == {even.series.slices[3].sop_uid}


def test_mean_hu_is_that_of_the_marked_pixels(even: Volume) -> None:
    found = mean_hu(even, labels())
    assert found.keys() == {"SDH", "IPH"}
    assert found["IPH"] == pytest.approx(even.hu[4, 15:22, 25:31].mean())


# the page


def test_the_page_is_a_valid_secondary_capture(tmp_path: Path, even: Volume) -> None:
    answer = answer_for(even)
    write_capture(tmp_path / "sc.dcm", answer)
    checked(tmp_path / "sc.dcm", "SCImage")
    made = pydicom.dcmread(tmp_path / "sc.dcm")
    assert made.StudyInstanceUID == even.series.study_uid
    assert "Research use only" in made.SeriesDescription
    np.testing.assert_array_equal(made.pixel_array, page(answer))


def test_the_page_shows_the_highest_slices_with_their_outlines(even: Volume) -> None:
    answer = answer_for(even)
    assert tile_slices(answer) == (0, 1, 2, 3, 4, 5)
    bare = answer_for(even, np.zeros_like(labels()))
    assert painted(answer, "SDH") > painted(bare, "SDH") + 100
    assert painted(answer, "IPH") == painted(bare, "IPH")  # .40, below its operating point: the swatch only
    sure = replace(answer, scores={**answer.scores, "IPH": 0.6})
    assert painted(sure, "IPH") > painted(bare, "IPH") + 50
    unclear = replace(answer, scores=dict.fromkeys(SCORES, 0.1) | {"any": 0.9})
    assert painted(unclear, "IPH") == painted(sure, "IPH")


def painted(answer: Answer, code: str) -> int:
    """Pixels of the page in the colour of a subtype."""
    return int((page(answer) == BY_CODE[code].rgb).all(2).sum())


# NRRD


def value_at(image: sitk.Image, point: tuple[float, float, float]) -> int:
    """What a file says lies at a place of the patient (LPS, as DICOM and ITK both have it)."""
    return int(image.GetPixel(image.TransformPhysicalPointToIndex(point)))


def test_nrrd_puts_every_voxel_where_dicom_does(tmp_path: Path, even: Volume) -> None:
    path = tmp_path / "out.seg.nrrd"
    write_seg_nrrd(path, masks_of(labels()), even.series, even.spacing_mm)
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), labels())
    for index, row, column in ((1, 2, 3), (3, 2, 3), (3, 8, 19), (4, 21, 30), (4, 22, 30)):
        point = even.patient_mm(index, column + 0.5, row + 0.5)
        assert point is not None
        assert value_at(image, point) == labels()[index, row, column]
    assert image.GetMetaData("Segment0_Name") == "SDH subdural"
    assert image.GetMetaData("Segment0_Extent") == "3 19 2 8 1 3"
    assert image.GetMetaData("Segment1_LabelValue") == "5"
    assert "Research use only" in image.GetMetaData("Pterion_Notice")


def test_overlapping_segments_get_layers(tmp_path: Path, even: Volume) -> None:
    one, other = labels() == 2, labels() == 5
    path = tmp_path / "out.seg.nrrd"
    write_seg_nrrd(path, {"SDH": one, "SAH": one, "IPH": other}, even.series, even.spacing_mm)
    image = sitk.ReadImage(str(path))
    layers = sitk.GetArrayFromImage(image)  # the list axis comes last: SimpleITK takes it for components
    assert [image.GetMetaData(f"Segment{n}_Layer") for n in range(3)] == ["0", "1", "0"]
    np.testing.assert_array_equal(layers[..., 0], np.where(one, 2, 0) + np.where(other, 5, 0))
    np.testing.assert_array_equal(layers[..., 1], np.where(one, 3, 0))


def test_nrrd_keeps_a_tilt_and_refuses_uneven_gaps(tmp_path: Path) -> None:
    tilted = make_volume(tmp_path / "tilted", STACKS["tilted"])
    path = tmp_path / "tilted.seg.nrrd"
    write_seg_nrrd(path, masks_of(labels()), tilted.series, tilted.spacing_mm)
    head = path.read_bytes()[:400].decode("ascii", "replace")
    assert "(0,1.8,4.7)" in head.replace(".0,", ",")
    uneven = make_volume(tmp_path / "uneven", STACKS["uneven"])
    with pytest.raises(PterionError, match="one distance for all slices"):
        write_seg_nrrd(tmp_path / "uneven.seg.nrrd", masks_of(labels()), uneven.series, uneven.spacing_mm)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_colours_survive_cielab(red: int, green: int, blue: int) -> None:
    assert rgb_of_lab(*lab_of_rgb(red, green, blue)) == (red, green, blue)


def test_white_is_the_lightest_neutral() -> None:
    assert lab_of_rgb(255, 255, 255) == (65535, 32896, 32896)  # L* 100, a* and b* 0 (PS3.3 C.10.7.1.1)
