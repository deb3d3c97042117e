"""CT-ICH folders: a written one of known content, broken ones, and the real one where it is present."""

from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest

from model.datasets import ct_ich
from model.datasets.convert import convert
from model.errors import PterionError
from model.labels import NOT_REVIEWED, UNKNOWN_SUBTYPE

HEADER = (
    "PatientNumber,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,"
    "No_Hemorrhage,Fracture_Yes_No\n"
)


def grey(hu: npt.NDArray[np.float64], low: float, width: float) -> bytes:
    scaled = np.clip(np.rint((hu - low) / width * 255), 0, 255).astype(np.uint8)
    return bytes(imagecodecs.jpeg8_encode(scaled, level=100))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Patient 7 with four slices of a 150 mm wide skull (0.5 mm pixels): slice 2 EDH, slice 3 SAH and IVH."""
    row, column = np.indices((400, 400)) - 199.5
    away = np.hypot(row, column) * 0.5
    hu = np.where(away <= 69, 35.0, np.where(away <= 75, 1000.0, -1000.0))
    place = tmp_path / "Patients_CT" / "007"
    (place / "brain").mkdir(parents=True)
    (place / "bone").mkdir()
    for k in range(1, 5):
        (place / "brain" / f"{k}.jpg").write_bytes(grey(hu, -20, 120))
        (place / "bone" / f"{k}.jpg").write_bytes(grey(hu, -900, 3200))
    mask = np.zeros((400, 400), np.uint8)
    mask[200:220, 200:230] = 255
    for k in (2, 3):
        (place / "brain" / f"{k}_HGE_Seg.jpg").write_bytes(imagecodecs.jpeg8_encode(mask, level=100))
    rows = ["7,1,0,0,0,0,0,1,0", "7,2,0,0,0,1,0,0,1", "7,3,1,0,1,0,0,0,0", "7,4,0,0,0,0,0,1,0"]
    (tmp_path / ct_ich.TABLE).write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_a_patient_becomes_a_sample(folder: Path) -> None:
    assert ct_ich.patients(folder) == ("007",)
    sample = ct_ich.read_patient(folder, "007")
    assert sample.hu.shape == (4, 400, 400)
    assert sample.z_mm.tolist() == [0, 5, 10, 15]
    assert sample.spacing_mm == pytest.approx((0.5, 0.5), rel=0.02)
    assert abs(int(sample.hu[0, 200, 200]) - 35) <= 1
    assert abs(int(sample.hu[0, 200, 56]) - 1000) <= 15
    assert sample.hu[0, 0, 0] == -900
    assert (sample.patient, sample.source) == ("ct-ich-007", "ct-ich")


def test_scores_come_in_our_order(folder: Path) -> None:
    scores = ct_ich.read_patient(folder, "007").scores
    assert scores.tolist() == [[0] * 6, [1, 1, 0, 0, 0, 0], [1, 0, 0, 1, 1, 0], [0] * 6]


def test_a_mask_is_named_only_where_one_subtype_is(folder: Path) -> None:
    labels = ct_ich.read_patient(folder, "007").labels
    assert [np.unique(label).tolist() for label in labels] == [[0], [0, 1], [0, UNKNOWN_SUBTYPE], [0]]
    assert (labels[1] == 1).sum() == 600


def test_a_bleeding_slice_that_nobody_drew_in_is_not_reviewed(folder: Path) -> None:
    (folder / "Patients_CT" / "007" / "brain" / "3_HGE_Seg.jpg").unlink()
    sample = ct_ich.read_patient(folder, "007")
    assert [np.unique(label).tolist() for label in sample.labels] == [[0], [0, 1], [NOT_REVIEWED], [0]]
    assert sample.scores[2].tolist() == [1, 0, 0, 1, 1, 0]
    assert sample.provenance["notes"] == ["Slice 3 bleeds, but nobody drew where."]


def test_a_mask_that_contradicts_the_table_is_refused(folder: Path) -> None:
    table = folder / ct_ich.TABLE
    table.write_text(table.read_text("utf-8").replace("7,2,0,0,0,1,0,0,1", "7,2,0,0,0,0,0,1,1"), "utf-8")
    with pytest.raises(
        PterionError, match=r"Patient 007 has a bleed drawn in 2_HGE_Seg\.jpg, but .* names none"
    ):
        ct_ich.read_patient(folder, "007")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [("7,2,0,0,0,0,1,0,1", "patient 7, slice 2 is there twice"), ("7,9,0,0,2,0,0,0,0", "other than 0 and 1")],
)
def test_a_table_that_contradicts_itself_is_refused(folder: Path, row: str, sentence: str) -> None:
    with (folder / ct_ich.TABLE).open("a", encoding="utf-8") as file:
        file.write(f"{row}\n")
    with pytest.raises(PterionError, match=sentence):
        ct_ich.read_patient(folder, "007")


def test_the_folder_is_a_source_of_samples(folder: Path, tmp_path: Path) -> None:
    made = convert(ct_ich.CtIch(folder), tmp_path / "set")
    assert [(e.file, e.item, e.patient) for e in made.entries] == [("ct-ich-007.npz", "007", "ct-ich-007")]
    assert made.entries[0].subtypes == ("EDH", "SAH", "IVH")
    with pytest.raises(PterionError, match="no patient 008"):
        ct_ich.CtIch(folder, ("008",)).items()
    (folder / ct_ich.TABLE).unlink()
    with pytest.raises(PterionError, match=ct_ich.TABLE):
        ct_ich.CtIch(folder).items()


def test_hu_of_both_windows() -> None:
    # Brain grey 128 is 128 * 120 / 255 - 20 = 40.2; at 0 and 255 the bone window counts: 80 * 3200/255 - 900 = 103.9.
    brain, bone = np.array([[128, 255, 0]], np.uint8), np.array([[75, 80, 0]], np.uint8)
    assert ct_ich.hu_from_windows(brain, bone).tolist() == [[40, 104, -900]]


def test_an_unpaired_end_slice_is_left_out(folder: Path) -> None:
    (folder / "Patients_CT" / "007" / "bone" / "4.jpg").unlink()
    sample = ct_ich.read_patient(folder, "007")
    assert len(sample.hu) == 3
    assert sample.provenance["left_out"] == [4]


def test_an_unpaired_slice_between_others_is_refused(folder: Path) -> None:
    (folder / "Patients_CT" / "007" / "brain" / "2.jpg").unlink()
    with pytest.raises(PterionError, match=r"\[2\] in only one"):
        ct_ich.read_patient(folder, "007")


def test_a_missing_table_is_named(folder: Path) -> None:
    (folder / ct_ich.TABLE).unlink()
    with pytest.raises(PterionError, match=ct_ich.TABLE):
        ct_ich.read_patient(folder, "007")


def test_a_missing_row_is_named(folder: Path) -> None:
    (folder / ct_ich.TABLE).write_text(HEADER + "7,1,0,0,0,0,0,1,0\n", encoding="utf-8")
    with pytest.raises(PterionError, match="patient 007, slice 2"):
        ct_ich.read_patient(folder, "007")


def test_a_table_of_other_columns_is_refused(folder: Path) -> None:
    (folder / ct_ich.TABLE).write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(PterionError, match="cannot be read"):
        ct_ich.read_patient(folder, "007")


def test_a_broken_image_is_named(folder: Path) -> None:
    (folder / "Patients_CT" / "007" / "bone" / "3.jpg").write_bytes(b"no jpeg")
    with pytest.raises(PterionError, match=r"007/bone/3\.jpg"):
        ct_ich.read_patient(folder, "007")


def test_a_truncated_image_is_named(folder: Path) -> None:
    path = folder / "Patients_CT" / "007" / "brain" / "1.jpg"
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(PterionError, match=r"007/brain/1\.jpg"):
        ct_ich.read_patient(folder, "007")


def test_a_mask_of_another_size_is_refused(folder: Path) -> None:
    mask = imagecodecs.jpeg8_encode(np.zeros((40, 40), np.uint8))
    (folder / "Patients_CT" / "007" / "brain" / "2_HGE_Seg.jpg").write_bytes(mask)
    with pytest.raises(PterionError, match="2_HGE_Seg"):
        ct_ich.read_patient(folder, "007")


def test_a_patient_in_two_folders_is_refused(folder: Path) -> None:
    (folder / "Patients_CT" / "07").mkdir()
    with pytest.raises(PterionError, match="Patient 07 is in two folders, 007 and 07"):
        ct_ich.patients(folder)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="Patients_CT"):
        ct_ich.patients(tmp_path)


def test_a_real_patient_with_an_epidural_bleed(shared_data: Path) -> None:
    sample = ct_ich.read_patient(shared_data / "ct-ich", "052")
    assert sample.scores[:, :2].sum(0).tolist() == [9, 9]
    assert set(np.unique(sample.labels)) == {0, 1}
    assert 0.3 < sample.spacing_mm[0] < 0.45
    assert 50 < np.median(sample.hu[sample.labels == 1]) < 75


def test_a_real_newborn_with_open_sutures_has_a_spacing(shared_data: Path) -> None:
    sample = ct_ich.read_patient(shared_data / "ct-ich", "085")
    assert 0.3 < sample.spacing_mm[0] < 0.5
