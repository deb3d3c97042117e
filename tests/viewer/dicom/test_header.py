"""The walk sees in every file what pydicom sees."""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pydicom.data
import pytest
from pydicom.datadict import tag_for_keyword

from model.errors import PterionError
from viewer.dicom.header import NotDicomError, data_set_start, read_header
from viewer.dicom.instance import WANTED
from viewer.dicom.load import allocate, load_slice
from viewer.dicom.scan import scan
from viewer.dicom.walk import DamagedError

FILES = sorted(
    path
    for path in Path(pydicom.data.__file__).parent.rglob("*")
    if path.is_file() and path.suffix not in {".py", ".pyc"} and "TINY_ALPHA" not in path.parts
)


TEXTS = ("SeriesInstanceUID", "SOPInstanceUID", "Modality", "StudyDate", "PhotometricInterpretation")
INTEGERS = ("Rows", "Columns", "BitsStored", "PixelRepresentation")
NUMBERS = ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_walk_agrees_with_pydicom(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ours = read_header(path, WANTED)
        except (NotDicomError, DamagedError):
            with pytest.raises(
                (AttributeError, EOFError, NotImplementedError, pydicom.errors.InvalidDicomError)
            ):
                _ = pydicom.dcmread(path).SOPClassUID
            return
        data = pydicom.dcmread(path, force=True)
        for keyword in TEXTS:
            assert ours.text(tag_for_keyword(keyword)) == (data.get(keyword) or "")
        for keyword in INTEGERS:
            assert ours.integer(tag_for_keyword(keyword)) == data.get(keyword)
        for keyword in NUMBERS:
            value = data.get(keyword)
            assert ours.numbers(tag_for_keyword(keyword)) == (tuple(value) if value else None)
        assert (ours.pixel_offset is not None) == ("PixelData" in data)


@pytest.mark.parametrize(
    "name", ["chrArab", "chrFrenMulti", "chrH31", "chrH32", "chrHbrw", "chrX1", "chrX2", "chrI2"]
)
def test_names_in_old_character_sets(name: str) -> None:
    (path,) = [path for path in FILES if path.stem == name]
    (study,) = scan(path).studies
    assert study.patient_name == str(pydicom.dcmread(path).PatientName)


def test_every_file_of_pydicom_opens_or_says_why() -> None:
    shown = 0
    for path in FILES:
        try:
            studies = scan(path).studies
        except PterionError:
            continue
        for series in (series for study in studies for series in study.series):
            if not series.showable:
                assert series.notes[0].text.endswith(".")
                continue
            volume = allocate(series)
            errors = [load_slice(volume, index) for index in range(len(series.slices))]
            stored = pixels_of(path)
            if stored is None:
                continue
            assert errors == [None] * len(series.slices)
            layout = series.slices[0].pixels
            assert layout is not None
            frames = stored.reshape(volume.hu.shape)[[one.frame for one in series.slices]]
            assert (volume.hu == np.rint(frames * layout.slope + layout.intercept)).all()
            shown += 1
    assert shown > 40


def pixels_of(path: Path) -> npt.NDArray[np.int64] | None:
    """Stored values as pydicom decodes them, or None where it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pydicom.dcmread(path).pixel_array
        except (AttributeError, RuntimeError, ValueError):  # a DICOMDIR has no pixels of its own
            return None


def test_headers_longer_than_a_buffer(tmp_path: Path, phantom_series: Path) -> None:
    data = pydicom.dcmread(phantom_series / "IM0001.dcm")
    block = data.private_block(0x0019, "PTERION TEST", create=True)
    block.add_new(1, "OB", bytes(600_000))
    data.save_as(tmp_path / "long.dcm")
    header = read_header(tmp_path / "long.dcm", WANTED)
    assert header.integer(0x00280010) == 128
    assert header.pixel_offset is not None
    assert header.pixel_offset > 600_000


def test_sequences_of_undefined_length_are_skipped(tmp_path: Path, phantom_series: Path) -> None:
    data = pydicom.dcmread(phantom_series / "IM0001.dcm")
    inner, outer = pydicom.Dataset(), pydicom.Dataset()
    inner.Rows, inner.PixelSpacing = 7, [9, 9]
    outer.ReferencedImageSequence = [inner]
    data.ReferencedStudySequence = [outer, inner]
    for dataset in (data, outer):
        for element in dataset:
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
    for implicit in (False, True):
        path = tmp_path / f"nested-{implicit}.dcm"
        if implicit:
            data.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        data.save_as(path, implicit_vr=implicit)
        header = read_header(path, WANTED)
        assert header.integer(0x00280010) == 128
        assert header.numbers(0x00280030) == (1.75, 1.75)


def test_a_file_without_preamble(tmp_path: Path, phantom_series: Path) -> None:
    content = (phantom_series / "IM0001.dcm").read_bytes()
    (tmp_path / "meta.dcm").write_bytes(content[132:])
    assert read_header(tmp_path / "meta.dcm", WANTED).integer(0x00280010) == 128
    start = data_set_start(content)
    (tmp_path / "bare.dcm").write_bytes(content[start:])
    assert scan(tmp_path / "bare.dcm").studies[0].patient_id == "PHANTOM-1"
