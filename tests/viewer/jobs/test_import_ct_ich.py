"""CT-ICH folders become DICOM series in HU; what is broken is said and skipped."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from model.datasets import ct_ich
from model.errors import PterionError
from model.phantom import Scanner, generate
from model.sample import Sample
from viewer.annotation.raster import slice_labels
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem
from viewer.jobs.import_ct_ich import import_ct_ich
from viewer.library.store import Library

SIZE = 96
COLUMNS = (
    *("PatientNumber", "SliceNumber", "Intraventricular", "Intraparenchymal", "Subarachnoid", "Epidural"),
    *("Subdural", "No_Hemorrhage", "Fracture_Yes_No"),
)


def save_grey(path: Path, grey: npt.NDArray[np.float64]) -> None:
    """Write 8-bit grey as a JPEG of the best quality."""
    import imagecodecs

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.jpeg8_encode(np.clip(np.rint(grey), 0, 255).astype(np.uint8), level=100))


@pytest.fixture(scope="module")
def truth() -> Sample:
    """Three slices of a head, the middle one and the last with an IPH."""
    return generate(
        11,
        size=SIZE,
        slices=3,
        thickness_mm=5.0,
        lesions=("IPH",),
        scanner=Scanner(noise_hu=0.5, blur_mm=1.0),
    )


@pytest.fixture
def source(tmp_path: Path, truth: Sample) -> Path:
    """A CT-ICH folder of patients 001 and 002: slice 2 bleeds (IPH), slice 3 bleeds (IPH and SAH)."""
    folder = tmp_path / "ct-ich"
    rows = []
    for number in (1, 2):
        place = folder / "Patients_CT" / f"{number:03d}"
        for k, hu in enumerate(truth.hu.astype(float), 1):
            save_grey(place / "brain" / f"{k}.jpg", (hu + 20) * 255 / 120)
            save_grey(place / "bone" / f"{k}.jpg", (hu + 900) * 255 / 3200)
            mask = np.zeros((SIZE, SIZE))
            mask[40:52, 40:50] = 255
            if k > 1:
                save_grey(place / "brain" / f"{k}_HGE_Seg.jpg", mask)
            rows.append([number, k, 0, int(k > 1), int(k == 3), 0, 0, int(k == 1), 0])
    with (folder / ct_ich.TABLE).open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder


def test_each_patient_becomes_a_study_in_recovered_hu(tmp_path: Path, source: Path, truth: Sample) -> None:
    told: list[str] = []
    result = import_ct_ich(source, tmp_path / "out", on_progress=told.append)
    assert (result["patients"], result["slices"], result["skipped"]) == (2, 6, [])
    assert len(told) == 2
    studies = scan(tmp_path / "out").studies
    assert sorted(study.patient_id for study in studies) == ["CT-ICH-001", "CT-ICH-002"]
    for study in studies:
        (series,) = study.series
        assert series.gaps_mm == (5.0, 5.0)
        assert {note.problem for note in series.notes} == {Problem.SPACING_ESTIMATED, Problem.LOSSY_SOURCE}
        hu = load_all(series).hu
        soft = (truth.hu > 10) & (truth.hu < 80)
        assert np.abs(hu[soft] - truth.hu[soft]).mean() < 2
        assert np.abs(hu[truth.hu > 300] - truth.hu[truth.hu > 300]).mean() < 20


def test_broken_patients_are_said_and_skipped(tmp_path: Path, source: Path) -> None:
    (source / "Patients_CT" / "001" / "bone" / "2.jpg").unlink()
    out = tmp_path / "out"
    result = import_ct_ich(source, out)
    assert result["imported"] == ["002"]
    assert [each["patient"] for each in result["skipped"]] == ["001"]
    assert "2" in result["skipped"][0]["text"]
    assert [path.name for path in out.iterdir()] == ["patient-002"]


@pytest.mark.parametrize("damage", ["truncated", "other size", "no folder"])
def test_every_damage_spares_the_other_patients(tmp_path: Path, source: Path, damage: str) -> None:
    place = source / "Patients_CT" / "001"
    if damage == "truncated":
        (place / "brain" / "1.jpg").write_bytes((place / "brain" / "1.jpg").read_bytes()[:40])
    elif damage == "other size":
        save_grey(place / "bone" / "3.jpg", np.zeros((32, 32)))
    else:
        for path in (place / "bone").iterdir():
            path.unlink()
        (place / "bone").rmdir()
    result = import_ct_ich(source, tmp_path / "out")
    assert result["imported"] == ["002"]
    assert "001" in result["skipped"][0]["patient"]
    assert not (tmp_path / "out" / "patient-001").exists()


def test_chosen_patients_only_and_twice_does_no_harm(tmp_path: Path, source: Path) -> None:
    first = import_ct_ich(source, tmp_path / "out", patients=["002"])
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.dcm")}
    assert import_ct_ich(source, tmp_path / "out", patients=["002"]) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.dcm")} == times
    assert len(times) == 3


def test_an_interrupted_patient_is_mended(tmp_path: Path, source: Path) -> None:
    import_ct_ich(source, tmp_path / "out", patients=["001"])
    (tmp_path / "out" / "patient-001" / "IM0002.dcm").unlink()
    import_ct_ich(source, tmp_path / "out", patients=["001"])
    assert len(scan(tmp_path / "out").studies[0].series[0].slices) == 3


def test_nothing_to_import_is_an_error(tmp_path: Path, source: Path) -> None:
    with pytest.raises(PterionError, match="nope"):
        import_ct_ich(source, tmp_path / "out", patients=["nope"])
    with pytest.raises(PterionError, match="Patients_CT"):
        import_ct_ich(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_masks_of_one_subtype_become_annotations(tmp_path: Path, source: Path) -> None:
    (tmp_path / "library").mkdir()
    library = Library(tmp_path / "library")
    try:
        result = import_ct_ich(source, tmp_path / "out", patients=["001"], library=library)
        ((study_uid, series_uid),) = library.annotated_series()
        document = library.load_document(study_uid, series_uid)
        again = import_ct_ich(source, tmp_path / "out", patients=["001"], library=library)
    finally:
        library.close()
    headers = scan(tmp_path / "out").studies[0].series[0].slices
    assert result["polygons"] == again["polygons"] == len(document.annotations) == 1
    (annotation,) = document.annotations
    assert (annotation.subtype, annotation.source) == ("IPH", "imported")
    assert annotation.sop_uid == headers[1].sop_uid
    assert abs(int((slice_labels(document, annotation.sop_uid, (SIZE, SIZE)) == 5).sum()) - 120) <= 6
    assert document.reviewed_slices == {headers[0].sop_uid}  # the third slice has two subtypes: neither


def test_a_real_patient(tmp_path: Path, shared_data: Path) -> None:
    if not (shared_data / "ct-ich").is_dir():
        pytest.skip("no CT-ICH among the real data")
    result = import_ct_ich(shared_data / "ct-ich", tmp_path, patients=["049"])
    (series,) = scan(tmp_path).studies[0].series
    assert result["slices"] == len(series.slices) == 33
    assert (series.slices[0].rows, series.slices[0].columns) == (650, 650)
    assert series.slices[0].spacing_mm is not None
    assert 0.25 < series.slices[0].spacing_mm[0] < 0.6
