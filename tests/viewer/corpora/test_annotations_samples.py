"""Polygons and reviewed marks become samples: which slices, which labels, and no name or UID in them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.errors import PterionError
from model.labels import NOT_REVIEWED
from viewer.annotation.document import Annotation, Document, slice_name
from viewer.corpora.annotations import annotated_samples, document_samples, reviewed_slices, runs
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.dicom.volume import Volume
from viewer.library.records import SeriesRow
from viewer.library.store import Library

SQUARE = ((30.0, 60.0), (42.0, 60.0), (42.0, 70.0), (30.0, 70.0))
"""Columns 30..41, rows 60..69: the bleed of `phantom_hu`, 120 pixels."""


@pytest.fixture(scope="module")
def study(phantom_series: Path) -> Study:
    return scan([phantom_series]).studies[0]


@pytest.fixture(scope="module")
def volume(study: Study) -> Volume:
    return load_all(study.series[0])


@pytest.fixture
def annotate(volume: Volume) -> Callable[..., Document]:
    """Make a document: `annotate({3: "SDH"}, reviewed=[6], pending=[4])`, by slice number."""

    def make(
        drawn: dict[int, str], reviewed: tuple[int, ...] = (), pending: tuple[int, ...] = ()
    ) -> Document:
        series = volume.series
        uids = [header.sop_uid for header in series.slices]
        annotations = tuple(
            Annotation(f"a{index}", uids[index], 0, code, SQUARE, reviewed=index not in pending)
            for index, code in drawn.items()
        )
        return Document(
            series.study_uid, series.series_uid, annotations, frozenset(uids[index] for index in reviewed)
        )

    return make


def test_annotated_slice_comes_with_its_neighbours(volume: Volume, annotate: Callable[..., Document]) -> None:
    (sample,) = document_samples(annotate({3: "SDH"}), volume, "p", "salt")
    assert sample.z_mm.tolist() == [10.0, 15.0, 20.0]
    np.testing.assert_array_equal(sample.hu, volume.hu[2:5])
    assert (sample.labels[[0, 2]] == NOT_REVIEWED).all()
    expected = np.zeros((128, 96), np.uint8)
    expected[60:70, 30:42] = 2
    np.testing.assert_array_equal(sample.labels[1], expected)
    assert sample.scores.tolist() == [[-1] * 6, [1, 0, 1, 0, 0, 0], [-1] * 6]
    assert sample.spacing_mm == (1.75, 1.75)


def test_slice_marked_as_reviewed_is_negative(volume: Volume, annotate: Callable[..., Document]) -> None:
    (sample,) = document_samples(annotate({}, reviewed=(0,)), volume, "p", "salt")
    assert sample.scores.tolist() == [[0] * 6, [-1] * 6]
    assert not sample.labels[0].any()


def test_of_a_file_of_many_frames_only_those_marked_are_negative(volume: Volume) -> None:
    frames = tuple(
        replace(header, sop_uid="1.2.9", frame=number) for number, header in enumerate(volume.series.slices)
    )
    one_file = replace(volume, series=replace(volume.series, slices=frames))
    document = Document(reviewed_slices=frozenset({slice_name("1.2.9", 2), slice_name("1.2.9", 0)}))
    assert np.flatnonzero(reviewed_slices(document, one_file)).tolist() == [0, 2]


def test_slice_with_an_unconfirmed_proposal_teaches_nothing(
    volume: Volume, annotate: Callable[..., Document]
) -> None:
    assert list(document_samples(annotate({3: "SDH"}, pending=(3,)), volume, "p", "salt")) == []


def test_near_slices_share_a_sample_and_far_ones_do_not(
    volume: Volume, annotate: Callable[..., Document]
) -> None:
    samples = list(document_samples(annotate({0: "EDH", 2: "EDH", 6: "IPH"}), volume, "p", "salt"))
    assert [sample.z_mm.tolist() for sample in samples] == [[0, 5, 10, 15], [25, 30, 35]]


@pytest.mark.parametrize(
    ("wanted", "unreadable", "expected"),
    [
        ([], [], []),
        ([0], [], [(0, 2)]),
        ([5], [], [(4, 6)]),
        ([1, 4], [], [(0, 6)]),
        ([1, 4], [2], [(0, 2), (3, 6)]),
        ([3], [2, 4], [(3, 4)]),
        ([0, 1, 2, 3, 4, 5], [], [(0, 6)]),
    ],
)
def test_runs(wanted: list[int], unreadable: list[int], expected: list[tuple[int, int]]) -> None:
    chosen, readable = np.zeros(6, np.bool_), np.ones(6, np.bool_)
    chosen[wanted] = True
    readable[unreadable] = False
    assert runs(chosen, readable) == expected


def test_unreadable_slice_is_left_out(volume: Volume, annotate: Callable[..., Document]) -> None:
    failed = volume.failed.copy()
    failed[3] = True
    damaged = replace(volume, failed=failed)
    assert reviewed_slices(annotate({3: "SDH", 5: "SDH"}), damaged).nonzero()[0].tolist() == [5]


def test_positions_that_do_not_ascend_are_counted(volume: Volume, annotate: Callable[..., Document]) -> None:
    lost = replace(volume, series=replace(volume.series, z_mm=()))
    (sample,) = document_samples(annotate({3: "SDH"}), lost, "p", "salt")
    assert sample.z_mm.tolist() == [10.0, 15.0, 20.0]


@pytest.fixture
def library(tmp_path: Path, study: Study, annotate: Callable[..., Document]) -> Library:
    library = Library(tmp_path / "library")
    library.remember_study(study)
    library.save_document(annotate({3: "SDH"}), action="draw", reader="r")
    return library


def read(volume: Volume) -> Callable[[SeriesRow], Volume]:
    return lambda row: volume


def test_no_identifier_leaves_the_library(library: Library, study: Study, volume: Volume) -> None:
    (sample,) = annotated_samples(library, read(volume))
    kept = json.dumps([sample.patient, sample.source, sample.provenance])
    for secret in (study.patient_id, study.patient_name, study.study_uid, study.series[0].series_uid):
        assert secret
        assert secret not in kept
    assert all(header.sop_uid not in kept for header in volume.series.slices)
    assert sample.source == "annotations"
    library.close()


def test_pseudonym_is_stable_in_a_library_and_differs_between_two(
    library: Library, study: Study, volume: Volume, tmp_path: Path, annotate: Callable[..., Document]
) -> None:
    first = next(annotated_samples(library, read(volume))).patient
    assert next(annotated_samples(library, read(volume))).patient == first
    other = Library(tmp_path / "other")
    other.remember_study(study)
    other.save_document(annotate({3: "SDH"}), action="draw", reader="r")
    assert next(annotated_samples(other, read(volume))).patient != first
    library.close()
    other.close()


def test_series_whose_files_are_gone_is_told_and_skipped(library: Library) -> None:
    def gone(row: SeriesRow) -> Volume:
        raise PterionError("The files are gone.")

    told: list[str] = []
    assert list(annotated_samples(library, gone, told.append)) == []
    assert told == ["The files are gone."]
    library.close()


def test_series_that_was_never_scanned_is_told(
    tmp_path: Path, volume: Volume, annotate: Callable[..., Document]
) -> None:
    library = Library(tmp_path / "library")
    library.save_document(annotate({3: "SDH"}), action="draw", reader="r")
    told: list[str] = []
    assert list(annotated_samples(library, read(volume), told.append)) == []
    assert "never opened" in told[0]
    library.close()
