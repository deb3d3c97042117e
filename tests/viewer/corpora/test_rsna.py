"""RSNA 2019 in its own layout: a table of images and kinds, and one folder of DICOM files, written here."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from model.datasets.convert import convert
from model.errors import PterionError
from model.labels import NOT_REVIEWED
from model.sample import Sample
from viewer.corpora.rsna import TABLE, Rsna, read_table

KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
"""In the order of the published table."""
PATIENT, SERIES = "ID_0219ef88", "ID_5f8484c3e0"


def image(number: int) -> str:
    return f"ID_{number:09x}"


def write_dicom(folder: Path, number: int, stored: npt.NDArray[np.int64], **changes: object) -> Path:
    """One image as RSNA has them: explicit little endian, 16 bits allocated, `stored` as it is."""
    with pydicom.config.disable_value_validation():  # its pseudonyms are no UIDs
        made = header(number, stored)
        for name, value in changes.items():
            setattr(made, name, value)
        path = folder / "stage_2_train" / f"{image(number)}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        made.save_as(path, enforce_file_format=True)
    return path


def header(number: int, stored: npt.NDArray[np.int64]) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = CTImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = image(number)
    made.Modality = "CT"
    made.PatientID, made.StudyInstanceUID, made.SeriesInstanceUID = PATIENT, "ID_134d398b61", SERIES
    made.ImagePositionPatient = [-100, -100, 5 * number]
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    made.PixelSpacing = [0.5, 0.5]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = stored.shape
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 1
    made.RescaleIntercept, made.RescaleSlope = -1024, 1
    made.PixelData = stored.astype("<u2").tobytes()
    return made


def write_table(folder: Path, rows: Sequence[tuple[int, str]], extra: str = "") -> None:
    """A row for each image and kind; `rows` are (number, present kinds)."""
    lines = [
        f"{image(number)}_{kind},{int(kind in present.split() or (kind == 'any' and bool(present)))}"
        for number, present in rows
        for kind in KINDS
    ]
    (folder / TABLE).write_text("\n".join(["ID,Label", *lines]) + "\n" + extra)


def stored(hu: float) -> npt.NDArray[np.int64]:
    """8 × 8 stored values of one HU with an intercept of -1024, the first row air."""
    values = np.full((8, 8), hu + 1024, np.int64)
    values[0] = -1000 + 1024
    return values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three slices, stored out of order; the middle one bleeds (SDH and IPH), HU 10 times its number."""
    root = tmp_path / "rsna"
    for number in (3, 1, 2):
        write_dicom(root, number, stored(10 * number))
    write_table(root, [(1, ""), (2, "subdural intraparenchymal"), (3, "")])
    return root


def only(folder: Path) -> Sample:
    (sample,) = [
        sample
        for item, content in Rsna(folder, "salt").items().items()
        for sample in Rsna(folder, "salt").read(item, content)
    ]
    return sample


def test_a_series_becomes_a_sample_sorted_by_position(folder: Path) -> None:
    sample = only(folder)
    assert sample.hu[:, 4, 4].tolist() == [10, 20, 30]
    assert sample.hu[:, 0, 0].tolist() == [-1000] * 3
    assert sample.z_mm.tolist() == [5, 10, 15]
    assert sample.spacing_mm == (0.5, 0.5)
    assert sample.scores.tolist() == [[0] * 6, [1, 0, 1, 0, 0, 1], [0] * 6]
    assert [np.unique(label).tolist() for label in sample.labels] == [[0], [NOT_REVIEWED], [0]]
    assert (sample.patient, sample.source) == ("rsna-ID_0219ef88", "rsna")


@pytest.mark.parametrize("intercept", [0, 1, -99])
def test_unsigned_12_bits_that_wrapped_around_are_put_right(folder: Path, intercept: int) -> None:
    # What should be -1000 … -1 stands at 3096 … 4095; what is not negative stands as it is. (-1000 + 1000) % 4096 …
    values = np.array([[3096, 4095, 0, 40, 1000, 3095, 3097, 4000]] * 8)
    quirk = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "RescaleIntercept": intercept}
    write_dicom(folder, 2, values, **quirk)
    sample = only(folder)
    assert sample.hu[1, 0].tolist() == [-1000, -1, 0, 40, 1000, 3095, -999, -96]
    assert sample.hu[0, 4, 4] == 10
    assert sample.provenance["slices_mended"] == 1


@pytest.mark.parametrize(
    ("bits", "signed", "intercept", "expected"),
    [(12, 0, -1024, 2976), (16, 0, 0, 4000), (12, 1, 0, -96), (16, 1, -1024, 2976)],
)
def test_other_encodings_are_left_alone(
    folder: Path, bits: int, signed: int, intercept: int, expected: int
) -> None:
    changes = {
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": signed,
        "RescaleIntercept": intercept,
    }
    write_dicom(folder, 2, np.full((8, 8), 4000), **changes)
    sample = only(folder)
    assert sample.hu[1, 4, 4] == expected
    assert sample.provenance["slices_mended"] == 0


def test_a_corrupt_image_is_left_out_and_said(folder: Path, tmp_path: Path) -> None:
    path = folder / "stage_2_train" / f"{image(2)}.dcm"
    path.write_bytes(path.read_bytes()[:-50])
    made = convert(Rsna(folder, "salt"), tmp_path / "set")
    (entry,) = made.entries
    assert entry.shape == (2, 8, 8)
    assert entry.slices["any"] == 0
    assert len(entry.notes) == 1
    assert f"{image(2)}.dcm" in entry.notes[0]


def test_series_of_one_patient_share_the_name_and_stay_apart(folder: Path, tmp_path: Path) -> None:
    for number in (11, 12):
        write_dicom(
            folder, number, stored(7), SeriesInstanceUID="ID_aaaaaaaaaa", StudyInstanceUID="ID_bbbbbbbbbb"
        )
    write_table(folder, [(1, ""), (2, ""), (3, ""), (11, ""), (12, "epidural")])
    made = convert(Rsna(folder, "salt"), tmp_path / "set", workers=2)
    assert [(entry.file, entry.shape[0]) for entry in made.entries] == [
        ("rsna-ID_5f8484c3e0.npz", 3),
        ("rsna-ID_aaaaaaaaaa.npz", 2),
    ]
    assert made.patients() == ("rsna-ID_0219ef88",)


def test_no_real_identifier_leaves_the_files(folder: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_dicom(folder, number, stored(7), PatientID="MRN 4711", SeriesInstanceUID="1.2.840.99")
    one, two = (convert(Rsna(folder, salt), tmp_path / salt) for salt in ("s1", "s2"))
    assert one.patients() != two.patients()
    kept = (one.folder / "index.json").read_text() + str(next(one.samples()).provenance)
    assert "4711" not in kept
    assert "1.2.840.99" not in kept


def test_rows_that_are_there_twice_count_once_or_not_at_all(folder: Path) -> None:
    write_table(folder, [(1, ""), (2, "subdural")], f"{image(2)}_subdural,1\n{image(1)}_any,0\n\n")
    scores, doubts = read_table(folder / TABLE)
    assert (scores[image(1)], scores[image(2)]) == ((0,) * 6, (1, 0, 1, 0, 0, 0))
    assert doubts == {}
    write_table(folder, [(1, ""), (2, "subdural")], f"{image(2)}_subdural,0\n")
    scores, doubts = read_table(folder / TABLE)
    assert scores[image(2)] == (-1,) * 6
    assert doubts == {image(2): f"The row {image(2)}_subdural is twice in {TABLE}, with different values."}


def test_slices_without_a_row_or_with_contradicting_ones_are_unknown(folder: Path) -> None:
    write_table(folder, [(1, "")], f"{image(2)}_any,1\n" + "".join(f"{image(2)}_{k},0\n" for k in KINDS[:5]))
    sample = only(folder)
    assert sample.scores.tolist() == [[0] * 6, [-1] * 6, [-1] * 6]
    assert sample.provenance["notes"] == [
        f"The rows of {image(2)} contradict each other: `any` is 1.",
        f"{TABLE} has no row for 1 images.",
    ]


def test_a_series_of_two_patients_is_told(folder: Path) -> None:
    write_dicom(folder, 2, stored(7), PatientID="ID_ffffffff")
    with pytest.raises(PterionError, match="Series ID_5f8484c3e0 has images of 2 patients"):
        only(folder)


def test_two_files_with_one_uid_are_told(folder: Path, tmp_path: Path) -> None:
    copy = folder / "stage_2_train" / "ID_0000000ff.dcm"
    copy.write_bytes((folder / "stage_2_train" / f"{image(2)}.dcm").read_bytes())
    made = convert(Rsna(folder, "salt"), tmp_path / "set")
    assert made.skipped == (
        (
            "ID_0000000ff",
            f"ID_0000000ff.dcm and {image(2)}.dcm have one SOP instance UID. Remove one of them.",
        ),
    )
    assert made.entries[0].shape[0] == 3


def test_what_is_no_dicom_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / "stage_2_train" / "ID_0000000ff.dcm").write_text("not found")
    ((item, text),) = convert(Rsna(folder, "salt"), tmp_path / "set").skipped
    assert (item, "cannot be read" in text) == ("ID_0000000ff", True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "ID,Label\nID_000000001_fracture,0\n",
        "ID,Label\nID_000000001_any,2\n",
        "ID,Label\nx\n",
    ],
)
def test_a_table_that_is_none_is_named(folder: Path, text: str) -> None:
    (folder / TABLE).write_text(text)
    with pytest.raises(PterionError, match="cannot be read as RSNA's table"):
        Rsna(folder, "salt").items()


def test_missing_table_images_and_rows_are_named(folder: Path, tmp_path: Path) -> None:
    write_table(folder, [(9, "")])
    with pytest.raises(PterionError, match="no row for any image of series ID_5f8484c3e0"):
        only(folder)
    (folder / TABLE).unlink()
    with pytest.raises(PterionError, match=r"stage_2_train\.csv is missing in rsna"):
        Rsna(folder, "salt").items()
    write_table(tmp_path, [(1, "")])
    with pytest.raises(PterionError, match="has no folder stage_2_train"):
        Rsna(tmp_path, "salt").items()
    (tmp_path / "stage_2_train").mkdir()
    with pytest.raises(PterionError, match="stage_2_train holds no DICOM images"):
        Rsna(tmp_path, "salt").items()


def test_an_image_without_pixel_size_is_told(folder: Path) -> None:
    for number in (1, 2, 3):
        write_dicom(folder, number, stored(7), PixelSpacing=None)
    with pytest.raises(PterionError, match="how large its pixels are"):
        only(folder)


def test_headers_are_counted_and_workers_get_no_listener(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    source = Rsna(folder, "salt", counted.append)
    assert pickle.loads(pickle.dumps(source)).on_found is None
    assert pickle.loads(pickle.dumps(source)).folder == folder
