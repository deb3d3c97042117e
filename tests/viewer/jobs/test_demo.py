"""The demo study and the annotated patients: written once, whole, marked as simulated, true to the phantom."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.errors import PterionError
from model.labels import CODES
from viewer.annotation.raster import dice, slice_labels
from viewer.corpora.annotations import annotated_samples
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.jobs import demo
from viewer.library.store import Library

SMALL = (
    demo.SimulatedPatient(701, ("SDH",), "DEMO^ANNOTATED 1", 96, 8),
    demo.SimulatedPatient(704, (), "DEMO^ANNOTATED 2", 96, 8),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> demo.SimulatedPatient:
    """The demo patient with fewer and coarser slices."""
    patient = replace(demo.DEMO, size=64, slices=5)
    monkeypatch.setattr(demo, "DEMO", patient)
    return patient


def times(folder: Path) -> dict[str, int]:
    """When each file below `folder` was written."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_demo_study_opens_and_says_that_it_is_simulated(
    tmp_path: Path, small: demo.SimulatedPatient
) -> None:
    result = demo.write_demo(tmp_path / "new" / "demo")
    (study,) = scan(tmp_path / "new" / "demo").studies
    (series,) = study.series
    assert study.patient_name == "DEMO^SIMULATED"
    assert "imulated" in study.description
    assert "imulated" in series.description
    assert not series.notes
    assert series.gaps_mm == (5.0,) * 4
    assert result["slices"] == 5
    assert result["newly_written"]
    volume = load_all(series)
    assert np.array_equal(volume.hu, demo._simulate(small).hu)
    assert volume.spacing_mm == pytest.approx(demo._simulate(small).spacing_mm)


def test_the_middle_of_the_picture_is_the_middle_of_the_patient(
    tmp_path: Path, small: demo.SimulatedPatient
) -> None:
    demo.write_demo(tmp_path)
    (header, *_) = scan(tmp_path).studies[0].series[0].slices
    assert header.orientation == (1, 0, 0, 0, 1, 0)
    assert header.position_mm is not None
    assert header.spacing_mm is not None
    assert header.position_mm[0] == pytest.approx(-31.5 * header.spacing_mm[1])
    assert header.position_mm[1] == pytest.approx(-31.5 * header.spacing_mm[0])


def test_a_finished_demo_is_not_written_again(tmp_path: Path, small: demo.SimulatedPatient) -> None:
    demo.write_demo(tmp_path)
    before = times(tmp_path)
    assert not demo.write_demo(tmp_path)["newly_written"]
    assert times(tmp_path) == before


def test_a_demo_that_misses_a_slice_is_mended_with_the_same_identity(
    tmp_path: Path, small: demo.SimulatedPatient
) -> None:
    place = Path(demo.write_demo(tmp_path)["demo"])
    before = scan(tmp_path).studies[0]
    (place / "IM0003.dcm").unlink()
    (place / ".pterion-left").mkdir()
    assert demo.write_demo(tmp_path)["newly_written"]
    after = scan(tmp_path).studies[0]
    assert len(list(place.iterdir())) == 5
    assert [header.sop_uid for header in after.series[0].slices] == [
        header.sop_uid for header in before.series[0].slices
    ]


def test_an_interruption_leaves_nothing(
    tmp_path: Path, small: demo.SimulatedPatient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise PterionError("The disk is full.")

    monkeypatch.setattr(demo, "write_series", stop)
    with pytest.raises(PterionError, match="disk is full"):
        demo.write_demo(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_disappears(tmp_path: Path, small: demo.SimulatedPatient) -> None:
    left = tmp_path / f".pterion-simulated-head-{demo.VERSION}" / "half"
    left.mkdir(parents=True)
    (left / "IM0001.dcm").write_bytes(b"half")
    place = demo.write_demo(tmp_path)["demo"]
    assert [str(path) for path in tmp_path.iterdir()] == [place]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, small: demo.SimulatedPatient) -> None:
    place = demo._place(tmp_path, "simulated-head")
    place.mkdir()
    (place / "thesis.odt").write_text("years of work")
    with pytest.raises(PterionError, match=r"thesis\.odt") as error:
        demo.write_demo(tmp_path)
    assert error.value.code == "FILE_EXISTS"
    assert (place / "thesis.odt").read_text() == "years of work"


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path, small: demo.SimulatedPatient) -> None:
    (tmp_path / "demo").write_text("")
    with pytest.raises(PterionError, match="demo is a file"):
        demo.write_demo(tmp_path / "demo")


def test_the_demo_shows_three_kinds_of_bleed() -> None:
    sample = demo._simulate(replace(demo.DEMO, size=128))
    voxel_ml = sample.spacing_mm[0] ** 2 * 5 / 1000
    for code in ("SDH", "SAH", "IPH"):
        assert (sample.labels == CODES.index(code) + 1).sum() * voxel_ml > 1


def test_annotated_patients_carry_the_true_bleeds(tmp_path: Path) -> None:
    result = demo.write_demo_library(tmp_path / "series", tmp_path / "library", patients=SMALL)
    library = Library(tmp_path / "library")
    try:
        polygons = 0
        for row in library.studies():
            (series_row,) = row.series
            document = library.load_document(row.study_uid, series_row.series_uid)
            seed = int(row.patient_id.removeprefix("SIMULATED-"))
            sample = demo._simulate(next(patient for patient in SMALL if patient.seed == seed))
            headers = (
                scan(tmp_path / "series" / f"simulated-patient-{seed}-{demo.VERSION}")
                .studies[0]
                .series[0]
                .slices
            )
            polygons += len(document.annotations)
            for header, truth in zip(headers, sample.labels, strict=True):
                drawn = slice_labels(document, header.sop_uid, (96, 96))
                assert set(np.unique(drawn)) <= set(np.unique(truth))
                if (truth > 0).sum() >= 40:
                    assert dice(drawn > 0, truth > 0) > 0.9
                assert (header.sop_uid in document.reviewed_slices) == (not truth.any())
            assert all(a.source == "imported" and a.reviewed for a in document.annotations)
        assert polygons == result["polygons"] > 0
    finally:
        library.close()


def test_annotated_patients_become_training_samples(tmp_path: Path) -> None:
    demo.write_demo_library(tmp_path / "series", tmp_path / "library", patients=SMALL)
    volumes = {
        study.series[0].series_uid: load_all(study.series[0]) for study in scan(tmp_path / "series").studies
    }
    library = Library(tmp_path / "library")
    try:
        samples = list(annotated_samples(library, lambda row: volumes[row.series_uid]))
    finally:
        library.close()
    assert len({sample.patient for sample in samples}) == 2
    assert max(sample.scores[:, 2].max() for sample in samples) == 1  # SDH
    assert any((sample.scores[:, 0] == 0).all() for sample in samples)


def test_a_second_run_keeps_what_a_reader_changed(tmp_path: Path) -> None:
    demo.write_demo_library(tmp_path / "series", tmp_path / "library", patients=SMALL[:1])
    library = Library(tmp_path / "library")
    ((study_uid, series_uid),) = library.annotated_series()
    document = library.load_document(study_uid, series_uid)
    edited = replace(document, annotations=document.annotations[1:])
    library.save_document(edited, action="delete", reader="someone", previous=document)
    library.close()
    again = demo.write_demo_library(tmp_path / "series", tmp_path / "library", patients=SMALL[:1])
    assert again["polygons"] == len(document.annotations) - 1


def test_the_annotated_patients_show_every_subtype_and_none() -> None:
    assert len(demo.ANNOTATED) == 8
    assert {code for patient in demo.ANNOTATED for code in patient.lesions} == set(CODES)
    assert sum(not patient.lesions for patient in demo.ANNOTATED) == 2
    assert len({patient.seed for patient in demo.ANNOTATED}) == 8
