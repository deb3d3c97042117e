"""Exported masks and their series become samples again, the same ones that the library gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from model.datasets.convert import convert
from model.errors import PterionError
from model.labels import NOT_REVIEWED
from model.sample import Sample
from viewer.annotation import png
from viewer.annotation.document import Annotation, Document
from viewer.annotation.export import NOTE_NAME, export_masks
from viewer.corpora.annotations import AnnotatedLibrary, document_samples
from viewer.corpora.exports import Exports
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.jobs.retrain import read_volume
from viewer.library.store import Library

SQUARE = ((30.0, 60.0), (42.0, 60.0), (42.0, 70.0), (30.0, 70.0))


@pytest.fixture(scope="module")
def study(phantom_series: Path) -> Study:
    return scan([phantom_series]).studies[0]


@pytest.fixture
def document(study: Study) -> Document:
    """SDH in slice 3, IPH in slice 7; slice 0 marked as reviewed without hemorrhage."""
    series = study.series[0]
    uids = [header.sop_uid for header in series.slices]
    drawn = (Annotation("a", uids[3], 0, "SDH", SQUARE), Annotation("b", uids[7], 0, "IPH", SQUARE))
    return Document(series.study_uid, series.series_uid, drawn, frozenset({uids[0]}))


def samples(source: Exports) -> list[Sample]:
    return [sample for item, content in source.items().items() for sample in source.read(item, content)]


@pytest.mark.parametrize("form", ["png", "npz"])
def test_an_export_gives_the_samples_of_the_library(
    study: Study, document: Document, phantom_series: Path, tmp_path: Path, form: str
) -> None:
    export_masks(document, study.series[0].slices, tmp_path / "masks" / "one", form)  # type: ignore[arg-type]
    found = samples(Exports(tmp_path / "masks", phantom_series, "salt"))
    wanted = list(document_samples(document, load_all(study.series[0]), found[0].patient, "salt"))
    assert [sample.z_mm.tolist() for sample in found] == [[0, 5, 10, 15, 20], [30, 35]]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.hu, other.hu)
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.scores.tolist() == other.scores.tolist()
    assert [np.unique(label).tolist() for label in found[0].labels] == [
        [0],
        [NOT_REVIEWED],
        [NOT_REVIEWED],
        [0, 2],
        [NOT_REVIEWED],
    ]


@pytest.fixture
def exported(study: Study, document: Document, tmp_path: Path) -> Path:
    export_masks(document, study.series[0].slices, tmp_path / "masks")
    return tmp_path / "masks"


def change(folder: Path, **changes: object) -> None:
    note = json.loads((folder / NOTE_NAME).read_text()) | changes
    (folder / NOTE_NAME).write_text(json.dumps(note))


def test_a_missing_or_damaged_mask_is_named(exported: Path, phantom_series: Path) -> None:
    path = next(exported.glob("0004_*.png"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(PterionError, match=r"0004_.*\.png in masks cannot be read as masks"):
        samples(Exports(exported, phantom_series, "salt"))
    path.unlink()
    with pytest.raises(PterionError, match=r"0004_.*\.png is missing in masks"):
        samples(Exports(exported, phantom_series, "salt"))


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.zeros((5, 4), np.uint8), r"is 5 × 4, its slice 128 × 96"),
        (np.full((128, 96), 9, np.uint8), "other values"),
    ],
)
def test_masks_off_the_grid_or_of_other_values_are_refused(
    exported: Path, phantom_series: Path, mask: np.ndarray, sentence: str
) -> None:
    next(exported.glob("0004_*.png")).write_bytes(png.encode(mask))
    with pytest.raises(PterionError, match=sentence):
        samples(Exports(exported, phantom_series, "salt"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 7}, "format 7, this program reads 1"),
        ({"slices": [{"file": "../x.png", "sop_uid": "1", "frame": 0, "number": 1}]}, "is damaged"),
        ({"slices": 3}, "is damaged"),
        ({"series_uid": "1.2.3"}, "The series of the masks in masks is not in"),
    ],
)
def test_a_note_that_does_not_fit_is_told(
    exported: Path, phantom_series: Path, changes: dict[str, object], sentence: str
) -> None:
    change(exported, **changes)
    with pytest.raises(PterionError, match=sentence):
        samples(Exports(exported, phantom_series, "salt"))


def test_a_mask_of_a_slice_that_is_gone_is_told(exported: Path, phantom_series: Path) -> None:
    note = json.loads((exported / NOTE_NAME).read_text())
    note["slices"][0]["sop_uid"] = "1.2.3"
    change(exported, **note)
    with pytest.raises(PterionError, match="Slice 4 of the masks in masks is not among the files"):
        samples(Exports(exported, phantom_series, "salt"))


def test_a_folder_without_exports_is_told(tmp_path: Path, phantom_series: Path) -> None:
    with pytest.raises(PterionError, match=r"holds no masks\.json"):
        Exports(tmp_path, phantom_series, "salt").items()


def test_the_library_becomes_a_data_set_that_follows_its_edits(
    study: Study, document: Document, tmp_path: Path
) -> None:
    place = tmp_path / "library"
    with pytest.raises(PterionError, match="no library in library"):
        AnnotatedLibrary(place, read_volume).items()
    library = Library(place)
    library.remember_study(study)
    source = AnnotatedLibrary(place, read_volume)
    with pytest.raises(PterionError, match="holds no annotations"):
        source.items()
    library.save_document(document, action="draw", reader="r")
    made = convert(source, tmp_path / "set", renew=True)
    assert [(entry.shape[0], entry.subtypes) for entry in made.entries] == [(2, ("IPH",)), (5, ("SDH",))]
    fewer = Document(document.study_uid, document.series_uid, document.annotations[1:])
    library.save_document(fewer, action="erase", reader="r")
    made = convert(source, tmp_path / "set", renew=True)
    assert [(entry.shape[0], entry.subtypes) for entry in made.entries] == [(2, ("IPH",))]
    assert len(list((tmp_path / "set").glob("*.npz"))) == 1
    library.close()
