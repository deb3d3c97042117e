"""Key objects, presentation states and reports: valid by an independent checker, and saying what was measured."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import PterionError
from viewer.annotation.document import Document
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series
from viewer.imaging.placement import Placement, ViewState
from viewer.imaging.windows import BRAIN
from viewer.jobs.dicom_graphics import displayed, turned_for_dicom
from viewer.jobs.dicom_out import write_key_objects, write_measures, write_presentation
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.measure import CutPlane, Kind, Measure, Share, SlicePlane

UID = "{:032x}".format
ROWS, COLUMNS = 60, 80


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    folder = tmp_path_factory.mktemp("out") / "series"
    hu = np.random.default_rng(1).integers(-20, 90, (6, ROWS, COLUMNS)).astype(np.int16)
    write_series(
        folder,
        hu,
        spacing_mm=(0.8, 0.5),
        positions_mm=[(-20.0, -24.0, 5.0 * i) for i in range(6)],
        patient_name="Müller^Jürgen",
        patient_id="P-1",
        study_description="CT HEAD",
        thickness_mm=5.0,
    )
    (study,) = scan([folder]).studies
    (series,) = study.series
    return load_all(series)


def on(volume: Volume, index: int) -> SlicePlane:
    return SlicePlane(volume.series.slices[index].sop_uid)


def document(volume: Volume, *, cut: bool = False) -> Document:
    here = on(volume, 3)
    shares = tuple(Share(volume.series.slices[i].sop_uid, 0, w) for i, w in ((2, 0.5), (3, 1.0), (4, 1.0)))
    measures = [
        Measure(UID(1), Kind.LENGTH, here, ((10, 10), (16, 20)), label="clot Ä"),
        Measure(UID(2), Kind.ANGLE, here, ((18, 10), (10, 10), (18, 15))),
        Measure(UID(3), Kind.BIDIRECTIONAL, here, ((10, 10), (30, 10), (20, 5), (20, 30))),
        Measure(UID(4), Kind.ELLIPSE, here, ((10, 10), (50, 40))),
        Measure(UID(5), Kind.RECTANGLE, on(volume, 1), ((10, 12), (30, 25))),
        Measure(UID(6), Kind.POLYGON, here, ((10, 10), (30, 10), (30, 30))),
        Measure(UID(7), Kind.FREEHAND, here, ((40, 40), (60, 40), (60, 50), (41, 55))),
        Measure(UID(8), Kind.PROBE, here, ((12.5, 7.5),)),
        Measure(UID(9), Kind.ABC2, here, ((10, 20), (50, 20), (30, 10), (30, 30)), shares=shares),
        Measure("not-hex", Kind.MIDLINE, here, ((40, 5), (40, 55), (52, 30))),
    ]
    if cut:
        plane = CutPlane((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), 4.0)
        measures.append(Measure(UID(11), Kind.LENGTH, plane, ((-10, -20), (-7, -16))))
        measures.append(Measure(UID(12), Kind.RECTANGLE, plane, ((-10, -20), (-2, -8))))
    marks = (
        Mark(MarkKind.KEY_IMAGE, volume.series.slices[3].sop_uid, note="thickest"),
        Mark(MarkKind.KEY_IMAGE, volume.series.slices[1].sop_uid),
        Mark(MarkKind.BOOKMARK, volume.series.slices[5].sop_uid),
    )
    return Document(volume.series.study_uid, volume.series.series_uid, measures=tuple(measures), marks=marks)


def checked(path: Path, what: str) -> None:
    """Let dciodvfy, which knows the standard's modules, find no error."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    answer = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    said = answer.stderr + answer.stdout
    assert what in said
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


MAKERS: dict[str, Callable[[Path, Volume, Document], None]] = {
    "KeyObjectSelectionDocument": write_key_objects,
    "GrayscaleSoftcopyPresentationState": lambda path, volume, document: write_presentation(
        path, volume, document, BRAIN, ViewState(flip_horizontal=True, quarter_turns=1, inverted=True)
    ),
    "ComprehensiveSR": write_measures,
}


@pytest.mark.parametrize("what", MAKERS)
def test_the_object_is_valid_and_belongs_to_the_study(tmp_path: Path, volume: Volume, what: str) -> None:
    path = tmp_path / "out.dcm"
    MAKERS[what](path, volume, document(volume))
    made = pydicom.dcmread(path)
    assert made.StudyInstanceUID == volume.series.study_uid
    assert made.SeriesInstanceUID != volume.series.series_uid
    assert str(made.PatientName) == "Müller^Jürgen"
    assert "Research use only" in made.SeriesDescription
    checked(path, what)


def test_a_report_with_measures_across_the_slices_is_a_3d_one(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "out.dcm"
    write_measures(path, volume, document(volume, cut=True))
    assert pydicom.dcmread(path).file_meta.MediaStorageSOPClassUID.name == "Comprehensive 3D SR Storage"
    checked(path, "Comprehensive3DSR")


def numbers(item: pydicom.Dataset) -> list[tuple[str, str, float, str]]:
    """(meaning, derivation, value, unit) of every NUM below a content item."""
    found = []
    for each in item.get("ContentSequence", ()):
        if each.ValueType == "NUM":
            measured = each.MeasuredValueSequence[0]
            derived = [
                child.ConceptCodeSequence[0].CodeMeaning
                for child in each.get("ContentSequence", ())
                if child.ValueType == "CODE"
            ]
            found.append(
                (
                    each.ConceptNameCodeSequence[0].CodeMeaning,
                    "".join(derived),
                    float(measured.NumericValue),
                    measured.MeasurementUnitsCodeSequence[0].CodeValue,
                )
            )
        found += numbers(each)
    return found


def test_the_report_says_the_numbers_of_the_panel(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "out.dcm"
    write_measures(path, volume, document(volume))
    found = numbers(pydicom.dcmread(path))
    said = {(name, derived, unit): value for name, derived, value, unit in found}
    inside = volume.hu[1, 12:25, 10:30]  # of the rectangle, whose numbers come before those of later regions
    means = [
        value for name, derived, value, _ in found if (name, derived) == ("Attenuation Coefficient", "Mean")
    ]
    assert said["Length", "", "mm"] == pytest.approx(np.hypot(3, 8))
    assert said["Angle", "", "deg"] == pytest.approx(45)
    assert said["Long Axis", "", "mm"] == pytest.approx(20)
    assert said["Short Axis", "", "mm"] == pytest.approx(10)
    assert said["Volume", "", "mL"] == pytest.approx(20 * 16 * 12.5 / 2000)
    assert said["Midline shift", "", "mm"] == pytest.approx(6)
    assert means[1] == pytest.approx(inside.mean())
    assert ("Attenuation Coefficient", "", volume.hu[3, 7, 12], "[hnsf'U]") in found


def test_the_report_carries_coordinates_and_source_images(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "out.dcm"
    length = document(volume).measures[:1]
    write_measures(path, volume, replace(document(volume), measures=length))
    text = str(pydicom.dcmread(path))
    assert "clot Ä" in text
    assert "[10.0, 10.0, 16.0, 20.0]" in text
    assert volume.series.slices[3].sop_uid in text
    assert volume.series.slices[1].sop_uid not in text


def test_key_objects_are_the_key_images_in_order_with_their_notes(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "out.dcm"
    write_key_objects(path, volume, document(volume))
    made = pydicom.dcmread(path)
    referred = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in made.ContentSequence
        if item.ValueType == "IMAGE"
    ]
    assert referred == [volume.series.slices[1].sop_uid, volume.series.slices[3].sop_uid]
    words = [item.TextValue for item in made.ContentSequence if item.ValueType == "TEXT"]
    assert words[-1] == "Image 4: thickest. Research use only, not for diagnosis"
    assert made.ConceptNameCodeSequence[0].CodeValue == "113000"


def test_the_presentation_has_window_turn_and_graphics(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "out.dcm"
    MAKERS["GrayscaleSoftcopyPresentationState"](path, volume, document(volume))
    made = pydicom.dcmread(path)
    voi = made.SoftcopyVOILUTSequence[0]
    assert (voi.WindowCenter, voi.WindowWidth) == (40, 80)
    assert made.PresentationLUTShape == "INVERSE"
    assert (made.ImageRotation, made.ImageHorizontalFlip) == (270, "Y")
    kinds = [
        graphic.GraphicType for one in made.GraphicAnnotationSequence for graphic in one.GraphicObjectSequence
    ]
    assert kinds.count("ELLIPSE") == 1
    texts = [
        words.UnformattedTextValue
        for one in made.GraphicAnnotationSequence
        for words in one.TextObjectSequence
    ]
    assert "clot Ä\r\n8.5 mm" in texts
    images = made.ReferencedSeriesSequence[0].ReferencedImageSequence
    assert len(images) == 6


@given(st.booleans(), st.booleans(), st.integers(0, 3))
def test_a_view_as_dicom_turns_and_flips_it(horizontal: bool, vertical: bool, quarters: int) -> None:
    """ImageRotation, then ImageHorizontalFlip of an image is what the viewport shows of it."""
    view = ViewState(flip_horizontal=horizontal, flip_vertical=vertical, quarter_turns=quarters)
    degrees, flipped = turned_for_dicom(view)
    image = np.arange(6).reshape(2, 3)
    theirs = np.rot90(image, -degrees // 90)
    theirs = np.fliplr(theirs) if flipped else theirs
    shape = (3.0, 2.0) if quarters % 2 == 0 else (2.0, 3.0)
    placement = Placement.of((2, 3), (1.0, 1.0), shape, view)
    for row, column in np.ndindex(2, 3):
        x, y = placement.to_screen((column + 0.5, row + 0.5))
        assert theirs[int(y), int(x)] == image[row, column]


@given(
    st.integers(2, 600), st.integers(2, 600), st.floats(0.1, 60), st.tuples(st.floats(0, 1), st.floats(0, 1))
)
def test_the_displayed_area_is_what_the_viewport_shows(
    rows: int, columns: int, zoom: float, centre: tuple[float, float]
) -> None:
    """A viewport of the image's shape: its corners lie on the corners of the area, within half a pixel."""
    view = ViewState(zoom=zoom, centre=centre)
    (left, top), (right, bottom) = displayed(rows, columns, view)
    placement = Placement.of((rows, columns), (1.0, 1.0), (2.0 * columns, 2.0 * rows), view)
    start, end = placement.to_image((0.0, 0.0)), placement.to_image((2.0 * columns, 2.0 * rows))
    assert (left - 1, top - 1) == pytest.approx(start, abs=0.5 + 1e-6)
    least = (left, top)  # an area is a pixel at least, however near one looks
    for found, exact, first in zip((right, bottom), end, least, strict=True):
        assert found == first or found == pytest.approx(exact, abs=0.5 + 1e-6)


def test_zoom_and_pan_go_into_the_presentation(tmp_path: Path, volume: Volume) -> None:
    """Twice as near, its middle a quarter from the left and in the middle: columns 1 to half, the middle rows."""
    rows, columns = volume.hu.shape[1:]
    path = tmp_path / "out.dcm"
    empty = Document(volume.series.study_uid, volume.series.series_uid)
    write_presentation(path, volume, empty, BRAIN, ViewState(zoom=2.0, centre=(0.25, 0.5)))
    (area,) = pydicom.dcmread(path).DisplayedAreaSelectionSequence
    assert list(area.DisplayedAreaTopLeftHandCorner) == [1, rows // 4 + 1]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [columns // 2, rows * 3 // 4]


@pytest.mark.parametrize(
    ("meant", "seen", "shape"),
    [
        (False, False, "IDENTITY"),
        (False, True, "INVERSE"),
        (True, False, "INVERSE"),
        (True, True, "IDENTITY"),
    ],
)
def test_low_values_stay_bright_where_the_images_mean_so(
    tmp_path: Path, volume: Volume, meant: bool, seen: bool, shape: str
) -> None:
    """MONOCHROME1: the state overrides it, so it has to say it itself."""
    shown = replace(volume, series=replace(volume.series, inverted=meant))
    empty = Document(volume.series.study_uid, volume.series.series_uid)
    write_presentation(tmp_path / "out.dcm", shown, empty, BRAIN, ViewState(inverted=seen))
    assert pydicom.dcmread(tmp_path / "out.dcm").PresentationLUTShape == shape


def test_nothing_to_export_is_a_sentence(tmp_path: Path, volume: Volume) -> None:
    empty = Document(volume.series.study_uid, volume.series.series_uid)
    with pytest.raises(PterionError, match="No image is marked"):
        write_key_objects(tmp_path / "a.dcm", volume, empty)
    with pytest.raises(PterionError, match="Nothing is measured"):
        write_measures(tmp_path / "a.dcm", volume, empty)
    gone = replace(empty, measures=(Measure(UID(1), Kind.LENGTH, SlicePlane("9"), ((0, 0), (1, 1))),))
    with pytest.raises(PterionError, match="None of the measures"):
        write_measures(tmp_path / "a.dcm", volume, gone)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_lacks_what_dicom_asks_for_is_a_sentence_without_the_patient(
    tmp_path: Path, volume: Volume
) -> None:
    path = tmp_path / "bare.dcm"
    source = pydicom.dcmread(volume.series.slices[3].path)
    for name in ("StudyInstanceUID", "SOPClassUID"):
        delattr(source, name)
    source.save_as(path, enforce_file_format=False)
    slices = tuple(replace(place, path=path) for place in volume.series.slices)
    bare = replace(volume, series=replace(volume.series, slices=slices))
    with pytest.raises(PterionError, match="headers of the source images") as caught:
        write_key_objects(tmp_path / "out.dcm", bare, document(volume))
    assert "Müller" not in str(caught.value)
    assert not (tmp_path / "out.dcm").exists()
    lost = tuple(replace(place, path=tmp_path / "lost.dcm") for place in slices)
    gone = replace(volume, series=replace(volume.series, slices=lost))
    with pytest.raises(PterionError, match=r"Reading lost\.dcm failed"):
        write_key_objects(tmp_path / "out.dcm", gone, document(volume))


@pytest.fixture
def enhanced(tmp_path: Path) -> Volume:
    """One Enhanced CT file of four frames, 5 mm apart."""

    def item(**elements: object) -> pydicom.Dataset:
        made = pydicom.Dataset()
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        return made

    hu = np.arange(4 * ROWS * COLUMNS, dtype=np.int16).reshape(4, ROWS, COLUMNS) % 100
    write_series(tmp_path / "source", hu[:1], spacing_mm=(0.8, 0.5), positions_mm=[(0, 0, 0)])
    data = pydicom.dcmread(tmp_path / "source" / "IM0001.dcm")
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedCTImageStorage
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleIntercept",
        "RescaleSlope",
    ):
        del data[keyword]
    data.NumberOfFrames = 4
    measures = item(PixelSpacing=[0.8, 0.5], SliceThickness=5)
    plane = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    data.SharedFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[plane])
    ]
    data.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[-20, -24, 5 * place])],
            PixelValueTransformationSequence=[item(RescaleIntercept=0, RescaleSlope=1)],
        )
        for place in range(4)
    ]
    data.PixelData = hu.astype("<i2").tobytes()
    data.save_as(tmp_path / "enhanced.dcm")
    (study,) = scan([tmp_path / "enhanced.dcm"]).studies
    return load_all(study.series[0])


def test_objects_of_a_multi_frame_file_name_their_frames(tmp_path: Path, enhanced: Volume) -> None:
    uid = enhanced.series.slices[2].sop_uid
    box = Measure(UID(1), Kind.RECTANGLE, SlicePlane(uid, 2), ((10, 12), (30, 25)))
    length = Measure(UID(2), Kind.LENGTH, SlicePlane(uid, 1), ((10, 10), (16, 20)))
    marks = tuple(Mark(MarkKind.KEY_IMAGE, uid, frame) for frame in (3, 1))
    kept = Document(
        enhanced.series.study_uid, enhanced.series.series_uid, measures=(box, length), marks=marks
    )
    write_key_objects(tmp_path / "ko.dcm", enhanced, kept)
    (image,) = [i for i in pydicom.dcmread(tmp_path / "ko.dcm").ContentSequence if i.ValueType == "IMAGE"]
    assert list(image.ReferencedSOPSequence[0].ReferencedFrameNumber) == [2, 4]
    write_measures(tmp_path / "sr.dcm", enhanced, kept)
    said = str(pydicom.dcmread(tmp_path / "sr.dcm"))
    assert "Referenced Frame Number             IS: '3'" in said
    assert "Referenced Frame Number             IS: '2'" in said
    write_presentation(tmp_path / "pr.dcm", enhanced, kept, BRAIN, ViewState())
    state = pydicom.dcmread(tmp_path / "pr.dcm")
    frames = [one.ReferencedImageSequence[0].ReferencedFrameNumber for one in state.GraphicAnnotationSequence]
    assert frames == [2, 3]
    for name in ("ko", "sr", "pr"):
        checked(tmp_path / f"{name}.dcm", "")
