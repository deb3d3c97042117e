"""Files as other programs write them, made here with other libraries or by hand."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from viewer.annotation.document import Document
from viewer.dicom.nifti import affine_lps
from viewer.dicom.volume import Volume
from viewer.interchange import coco
from viewer.interchange.drawn import LEAVE_OUT, ExchangeError, NamesWantedError, nested, subtype_named
from viewer.interchange.reading import read_annotations
from viewer.jobs.agreement import subtype_masks

MapOf = dict[str, str]


def masks(path: Path, volume: Volume, code: str = "SDH", mapping: MapOf | None = None) -> np.ndarray:
    found = read_annotations(path, volume.series, volume.spacing_mm, mapping)
    document = Document("s", "t", found.annotations)
    return subtype_masks(document, volume.series.slices, code)


def expected(volume: Volume, *boxes: tuple[int, slice, slice]) -> np.ndarray:
    result = np.zeros(volume.hu.shape, np.bool_)
    for index, rows, columns in boxes:
        result[index, rows, columns] = True
    return result


# NIfTI and NRRD


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (-1, -1, 1)])
def test_nifti_with_its_axes_in_any_order(
    axes: tuple[int, ...], flips: tuple[int, ...], volumes: dict[str, Volume], tmp_path: Path
) -> None:
    """The same voxels, stored along other axes and from the other end: nibabel writes what dcm2niix might."""
    import nibabel

    volume = volumes["anisotropic"]
    values = np.zeros(volume.hu.shape, np.int16)
    values[1, 5:9, 3:20] = 2
    values[3, 30, 31] = 2
    lps = affine_lps(volume.series, volume.spacing_mm)
    data, ras = values.T, np.diag([-1.0, -1, 1, 1]) @ lps
    order = np.eye(4)[:, [*axes, 3]]
    data, ras = np.transpose(data, axes), ras @ order
    for axis, flip in enumerate(flips):
        if flip < 0:
            turn = np.eye(4)
            turn[axis, axis], turn[axis, 3] = -1, data.shape[axis] - 1
            data, ras = np.flip(data, axis), ras @ turn
    nibabel.save(nibabel.Nifti1Image(data, ras), tmp_path / "label.nii.gz")
    found = masks(tmp_path / "label.nii.gz", volume, mapping={"label 2": "SDH"})
    np.testing.assert_array_equal(found, values == 2)


def test_labels_of_another_program_need_a_word_from_the_reader(volume: Volume, tmp_path: Path) -> None:
    import nibabel

    values = np.zeros(volume.hu.shape, np.uint8)
    values[1, 5:9, 3:20] = 1
    values[2, 5:9, 3:20] = 7
    ras = np.diag([-1.0, -1, 1, 1]) @ affine_lps(volume.series, volume.spacing_mm)
    path = tmp_path / "label.nii"
    nibabel.save(nibabel.Nifti1Image(values.T, ras), path)
    with pytest.raises(NamesWantedError) as caught:
        masks(path, volume)
    assert caught.value.names == ("label 1", "label 7")
    np.testing.assert_array_equal(
        masks(path, volume, "IPH", {"label 1": "IPH", "label 7": LEAVE_OUT}), values == 1
    )


def nrrd(path: Path, volume: Volume, values: np.ndarray, *fields: str, encoding: str = "raw") -> None:
    """A file as SlicerJupyter writes it: origin and directions in LPS, the first axis fastest."""
    matrix = affine_lps(volume.series, volume.spacing_mm)
    directions = " ".join("(" + ",".join(map(str, matrix[:3, axis])) + ")" for axis in range(3))
    many = values.ndim == 4
    sizes = [*values.shape[:1], *reversed(values.shape[1:])] if many else list(reversed(values.shape))
    head = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "type: unsigned char",
        f"dimension: {values.ndim}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, sizes))}",
        f"space directions: {'none ' if many else ''}{directions}",
        f"kinds: {'list ' if many else ''}domain domain domain",
        f"encoding: {encoding}",
        "space origin: (" + ",".join(map(str, matrix[:3, 3])) + ")",
        *fields,
    ]
    data = np.moveaxis(values, 0, -1) if many else values
    raw = np.ascontiguousarray(data, np.uint8).tobytes()
    path.write_bytes("\n".join(head).encode() + b"\n\n" + (gzip.compress(raw) if encoding == "gzip" else raw))


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_slicer_segments_by_their_names(encoding: str, volume: Volume, tmp_path: Path) -> None:
    values = np.zeros(volume.hu.shape, np.uint8)
    values[2, 10:14, 4:9], values[3, 1:3, 1:3] = 4, 9
    fields = (
        "Segment0_Name:=Left subdural hematoma",
        "Segment0_LabelValue:=4",
        "Segment0_Layer:=0",
        "Segment1_Name:=skull",
        "Segment1_LabelValue:=9",
    )
    nrrd(tmp_path / "s.seg.nrrd", volume, values, *fields, encoding=encoding)
    with pytest.raises(NamesWantedError) as caught:
        masks(tmp_path / "s.seg.nrrd", volume)
    assert caught.value.names == ("skull",)
    np.testing.assert_array_equal(
        masks(tmp_path / "s.seg.nrrd", volume, "SDH", {"Skull": LEAVE_OUT}), values == 4
    )


def test_slicer_layers_that_overlap(volume: Volume, tmp_path: Path) -> None:
    values = np.zeros((2, *volume.hu.shape), np.uint8)
    values[0, 2, 10:14, 4:9], values[1, 2, 12:20, 4:9] = 1, 1
    fields = (
        "Segment0_Name:=SDH",
        "Segment0_LabelValue:=1",
        "Segment0_Layer:=0",
        "Segment1_Name:=IPH",
        "Segment1_LabelValue:=1",
        "Segment1_Layer:=1",
    )
    nrrd(tmp_path / "s.seg.nrrd", volume, values, *fields)
    np.testing.assert_array_equal(masks(tmp_path / "s.seg.nrrd", volume, "SDH"), values[0] == 1)
    np.testing.assert_array_equal(masks(tmp_path / "s.seg.nrrd", volume, "IPH"), values[1] == 1)


# structure sets


def structure_set(
    path: Path, volume: Volume, contours: list[tuple[str, str, list[float]]], **changes: Any
) -> None:
    """An RTSTRUCT with one ROI a name. contours: (name, SOP instance UID or empty, x y z in mm)."""
    header = pydicom.dcmread(volume.series.slices[0].path, stop_before_pixels=True)
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    file.SOPClassUID, file.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", generate_uid()
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
    file.Modality = "RTSTRUCT"
    file.StructureSetROISequence, file.ROIContourSequence = [], []
    for number, name in enumerate(dict.fromkeys(name for name, _, _ in contours), 1):
        roi = Dataset()
        roi.ROINumber, roi.ROIName = number, name
        roi.ReferencedFrameOfReferenceUID = changes.get("frame", header.FrameOfReferenceUID)
        file.StructureSetROISequence.append(roi)
        region = Dataset()
        region.ReferencedROINumber, region.ContourSequence = number, []
        for _, uid, points in (each for each in contours if each[0] == name):
            contour = Dataset()
            contour.ContourGeometricType = changes.get("kind", "CLOSED_PLANAR")
            contour.NumberOfContourPoints, contour.ContourData = len(points) // 3, points
            if uid:
                image = Dataset()
                image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = header.SOPClassUID, uid
                contour.ContourImageSequence = [image]
            region.ContourSequence.append(contour)
        file.ROIContourSequence.append(region)
    file.save_as(path, enforce_file_format=True)


def millimetres(volume: Volume, index: int, corners: list[tuple[float, float]]) -> list[float]:
    """Corners in pixels (image-relative) as a contour in mm."""
    points = [volume.patient_mm(index, x, y) for x, y in corners]
    return [value for point in points if point is not None for value in point]


SQUARE = [(2.0, 2.0), (12.0, 2.0), (12.0, 10.0), (2.0, 10.0)]
INNER = [(4.0, 4.0), (8.0, 4.0), (8.0, 8.0), (4.0, 8.0)]


@pytest.mark.parametrize(
    "geometry", ["plain", "anisotropic", "flipped", "tilted gantry", "coronal", "uneven"]
)
@pytest.mark.parametrize("named", [True, False])
def test_contours_in_mm_fall_on_the_pixels_they_were_drawn_on(
    geometry: str, named: bool, volumes: dict[str, Volume], tmp_path: Path
) -> None:
    """A square with a square hole, as two contours: columns 2 to 11, rows 2 to 9, without 4 to 7."""
    volume, path = volumes[geometry], tmp_path / "rs.dcm"
    uid = volume.series.slices[3].sop_uid if named else ""
    rings = [("Subdural", uid, millimetres(volume, 3, corners)) for corners in (SQUARE, INNER)]
    structure_set(path, volume, rings)
    wanted = expected(volume, (3, slice(2, 10), slice(2, 12)))
    wanted[3, 4:8, 4:8] = False
    np.testing.assert_array_equal(masks(path, volume), wanted)


def test_points_of_a_structure_set_are_left_out_and_told(volume: Volume, tmp_path: Path) -> None:
    path = tmp_path / "rs.dcm"
    structure_set(path, volume, [("SDH", "", millimetres(volume, 1, SQUARE)), ("SDH", "", [0.0, 0.0, 12.0])])
    found = read_annotations(path, volume.series, volume.spacing_mm)
    assert len(found.annotations) == 1
    assert "left out" in found.remarks[0]


# COCO, labelme, tables


def test_coco_run_lengths_go_down_the_columns() -> None:
    """Two pixels of a 3 × 4 image: (row 1, column 0) and (row 0, column 2) are the 2nd and the 7th down the columns."""
    mask = np.zeros((3, 4), np.bool_)
    mask[1, 0] = mask[0, 2] = True
    assert coco.run_lengths(mask) == [1, 1, 4, 1, 5]
    np.testing.assert_array_equal(coco.from_run_lengths([1, 1, 4, 1, 5], 3, 4), mask)
    assert coco.run_lengths(np.ones((2, 2), np.bool_)) == [0, 4]
    assert coco.run_lengths(np.zeros((2, 2), np.bool_)) == [4]


def test_coco_compressed_as_pycocotools_writes_it() -> None:
    """Counts 5 2 2 2 2 2 5 (the middle 2 × 3 of 4 × 5), from the fourth on less the one before last: 5 2 2 0 0 0 3."""
    assert coco.unpacked("5220003") == [5, 2, 2, 2, 2, 2, 5]
    assert coco.unpacked("522O") == [5, 2, 2, 1]  # O: five bits of ones, -1
    assert coco.unpacked("P1") == [32]  # 32 needs two characters: 0 with more to come, then 1


def test_coco_of_another_program(volume: Volume, tmp_path: Path) -> None:
    """Found by the file's name; polygons of one object add up; the class is written out."""
    content = {
        "images": [
            {"id": 5, "file_name": f"ct/{volume.series.slices[2].path.stem}.png", "width": 32, "height": 40}
        ],
        "categories": [{"id": 3, "name": "Subdural haematoma"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 5,
                "category_id": 3,
                "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5], [10, 10, 14, 10, 14, 12, 10, 12]],
            }
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    wanted = expected(volume, (2, slice(1, 5), slice(1, 5)), (2, slice(10, 12), slice(10, 14)))
    np.testing.assert_array_equal(masks(tmp_path / "instances.json", volume), wanted)


def test_labelme_of_another_program(volume: Volume, tmp_path: Path) -> None:
    """A rectangle, a mask as labelme packs it (1 bit, its last pixels named), and a point, which encloses nothing."""
    import imagecodecs

    crop = np.zeros((3, 4), np.uint8)
    crop[1:, 1:] = 1
    text = base64.b64encode(imagecodecs.png_encode(crop)).decode()
    shapes = [
        {
            "label": "sdh",
            "points": [[2, 3], [6, 9]],
            "shape_type": "rectangle",
            "group_id": None,
            "flags": {},
        },
        {"label": "SDH", "points": [[20, 30], [23, 32]], "shape_type": "mask", "mask": text, "flags": {}},
        {"label": "SDH", "points": [[1, 1]], "shape_type": "point", "flags": {}},
    ]
    content = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imageHeight": 40, "imageWidth": 32}
    content["imagePath"] = f"..\\png\\{volume.series.slices[1].path.stem}.png"
    (tmp_path / "IM.json").write_text(json.dumps(content))
    wanted = expected(volume, (1, slice(3, 9), slice(2, 6)), (1, slice(31, 33), slice(21, 24)))
    np.testing.assert_array_equal(masks(tmp_path / "IM.json", volume), wanted)
    found = read_annotations(tmp_path / "IM.json", volume.series, volume.spacing_mm)
    assert found.remarks == ("1 shapes that enclose nothing (points, lines, circles) were left out.",)


def test_the_table_of_polygons_of_the_multitask_seed(volume: Volume, tmp_path: Path) -> None:
    """Points from 0 to 1 of an image of 32 × 40: a quarter is 8 columns, 10 rows. Two of three readers count."""
    square = [{"x": 0.25, "y": 0.25}, {"x": 0.5, "y": 0.25}, {"x": 0.5, "y": 0.5}, {"x": 0.25, "y": 0.5}]
    shifted = [{"x": p["x"] + 0.125, "y": p["y"]} for p in square]
    stems = [place.path.stem for place in volume.series.slices]
    path = tmp_path / "Results_Subdural Hemorrhage Detection_2020.csv"
    rows = [
        ("Origin", "Correct Label", "Majority Label", "All Labels"),
        (f"{stems[0]}.jpg", json.dumps([square]), json.dumps([shifted]), ""),
        (f"{stems[1]}.jpg", "", "", json.dumps([[square], [square], [shifted]])),
        ("ID_elsewhere.jpg", json.dumps([square]), "", ""),
    ]
    quoted = ['"' + '","'.join(cell.replace('"', '""') for cell in row) + '"' for row in rows]
    path.write_text("\n".join(quoted))
    wanted = expected(volume, (0, slice(10, 20), slice(8, 16)), (1, slice(10, 20), slice(8, 16)))
    np.testing.assert_array_equal(masks(path, volume), wanted)


def test_npz_as_scoring_writes_it(volume: Volume, tmp_path: Path) -> None:
    labels = np.zeros(volume.hu.shape[1:], np.uint8)
    labels[3:6, 4:9] = 2
    np.savez(tmp_path / "m.npz", **{volume.series.slices[2].sop_uid: labels})
    wanted = expected(volume, (2, slice(3, 6), slice(4, 9)))
    np.testing.assert_array_equal(masks(tmp_path / "m.npz", volume), wanted)


def test_rings_in_rings_are_holes_and_islands() -> None:
    def square(low: float, high: float) -> tuple[tuple[float, float], ...]:
        return ((low, low), (high, low), (high, high), (low, high))

    shapes = nested([square(2, 8), square(0, 10), square(4, 6), square(20, 22)])
    assert set(shapes) == {
        (square(0, 10), (square(2, 8),)),
        (square(4, 6), ()),
        (square(20, 22), ()),
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SDH", "SDH"),
        ("Left epidural haematoma", "EDH"),
        ("subarachnoid", "SAH"),
        ("Intraventricular hemorrhage", "IVH"),
        ("intracerebral bleed", "IPH"),
        ("hemorrhage", None),
        ("skull", None),
        ("", None),
    ],
)
def test_names_that_say_a_subtype(name: str, code: str | None) -> None:
    assert subtype_named(name) == code


# what does not belong


def test_a_structure_set_of_another_frame_of_reference_is_refused(volume: Volume, tmp_path: Path) -> None:
    structure_set(tmp_path / "rs.dcm", volume, [("SDH", "", millimetres(volume, 1, SQUARE))], frame="1.2.3.4")
    with pytest.raises(ExchangeError, match="another frame of reference"):
        masks(tmp_path / "rs.dcm", volume)


def test_contours_between_slices_are_refused_with_all_others(volume: Volume, tmp_path: Path) -> None:
    """Slices lie 5 mm apart; one contour lies on the second, one 2 mm above it."""
    on = millimetres(volume, 1, SQUARE)
    above = [value + 2.0 * (number % 3 == 2) for number, value in enumerate(on)]
    structure_set(tmp_path / "rs.dcm", volume, [("SDH", "", on), ("SDH", "", above)])
    with pytest.raises(ExchangeError, match="1 of 2 contours"):
        masks(tmp_path / "rs.dcm", volume)


def test_masks_of_another_size_or_of_other_slices_are_refused(volume: Volume, tmp_path: Path) -> None:
    uid = volume.series.slices[2].sop_uid
    np.savez(tmp_path / "size.npz", **{uid: np.ones((64, 64), np.uint8)})
    with pytest.raises(ExchangeError, match=r"64 × 64 pixels, its slice 40 × 32"):
        masks(tmp_path / "size.npz", volume)
    np.savez(tmp_path / "slice.npz", **{uid: np.ones((40, 32), np.uint8), "1.9": np.ones((40, 32), np.uint8)})
    with pytest.raises(ExchangeError, match="this series lacks"):
        masks(tmp_path / "slice.npz", volume)


def test_an_array_that_could_be_a_program_is_not_loaded(volume: Volume, tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", **{volume.series.slices[2].sop_uid: np.array([object()])})
    with pytest.raises(ExchangeError, match="cannot be read as NPZ"):
        masks(tmp_path / "m.npz", volume)
