"""What a retraining may use: reviewed or done work, nothing that contradicts itself, and a count of all the rest."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.labels import CODES
from viewer.annotation.document import Annotation, Document
from viewer.dicom.scan import scan
from viewer.dicom.write import write_series
from viewer.jobs import retrain
from viewer.jobs.approved import (
    CLEAN_DRAWN,
    FLAGGED,
    GONE,
    NEVER_OPENED,
    TWO_SUBTYPES,
    UNREVIEWED,
    Choice,
    LeftOut,
    approve,
    approved_samples,
)
from viewer.library.store import Library
from viewer.library.work import WHOLE, Progress, Status, WorkLog

SQUARE = ((30.0, 60.0), (42.0, 60.0), (42.0, 70.0), (30.0, 70.0))


def shape(uid: str, place: str, *, reviewed: bool = True, subtype: str = "IPH") -> Annotation:
    return Annotation(uid, place, 0, subtype, SQUARE, reviewed=reviewed)


def noted(**statuses: Status) -> dict[tuple[str, int], Progress]:
    """Statuses by slice; `whole` is the series."""
    places = {(WHOLE if name == "whole" else (name, 0)): status for name, status in statuses.items()}
    return {place: Progress(*place, status, "", "r", "") for place, status in places.items()}


def approved(
    document: Document, notes: dict, **choice: bool
) -> tuple[list[tuple[str, bool]], set[str], dict]:
    left_out = LeftOut()
    found = approve(document, notes, Choice(**choice), left_out)
    return [(a.uid, a.reviewed) for a in found.annotations], set(found.reviewed_slices), dict(left_out.counts)


DRAWN = Document("1", "2", (shape("a", "s1"), shape("b", "s2", reviewed=False)), frozenset({"s3"}))


def test_reviewed_work_counts_and_the_rest_is_counted() -> None:
    assert approved(DRAWN, {}) == ([("a", True), ("b", False)], {"s3"}, {UNREVIEWED: 1})


@pytest.mark.parametrize("notes", [noted(whole=Status.DONE), noted(s2=Status.DONE)])
def test_done_work_counts_as_reviewed(notes: dict) -> None:
    assert approved(DRAWN, notes) == ([("a", True), ("b", True)], {"s3"}, {})


def test_flagged_work_waits_unless_it_is_asked_for() -> None:
    assert approved(DRAWN, noted(whole=Status.FLAGGED)) == ([], set(), {FLAGGED: 3})
    assert approved(DRAWN, noted(s1=Status.FLAGGED, s3=Status.FLAGGED)) == (
        [("b", False)],
        set(),
        {FLAGGED: 2, UNREVIEWED: 1},
    )
    everything = approved(DRAWN, noted(whole=Status.FLAGGED), everything=True)
    assert everything == ([("a", True), ("b", True)], {"s3"}, {})


def test_a_clean_slice_is_a_negative_and_one_with_shapes_contradicts() -> None:
    assert approved(DRAWN, noted(s4=Status.CLEAN, s1=Status.CLEAN)) == (
        [("b", False)],
        {"s3", "s4"},
        {CLEAN_DRAWN: 1, UNREVIEWED: 1},
    )


def test_sentences_say_how_often() -> None:
    left_out = LeftOut()
    left_out.add(GONE)
    left_out.add(GONE)
    left_out.add(FLAGGED, 0)
    assert left_out.sentences == (f"{GONE}: 2.",)


@pytest.fixture
def library(tmp_path: Path, phantom_hu: np.ndarray) -> Iterator[Library]:
    """One patient of four slices, opened once, nothing drawn."""
    write_series(
        tmp_path / "A",
        phantom_hu[2:6],
        spacing_mm=(1.75, 1.75),
        positions_mm=np.array([(0.0, 0.0, 5.0 * index) for index in range(4)]),
        patient_id="P-A",
        thickness_mm=5.0,
    )
    made = Library(tmp_path / "library")
    for study in scan([tmp_path / "A"]).studies:
        made.remember_study(study)
    yield made
    made.close()


def samples(library: Library, choice: Choice | None = None) -> tuple[list, dict]:
    left_out = LeftOut()
    found = list(approved_samples(library, retrain.read_volume, choice or Choice(), left_out))
    return found, dict(left_out.counts)


def drawn_on(library: Library, *shapes: tuple[int, str]) -> Document:
    series = next(row for study in library.studies() for row in study.series)
    headers = scan(list(series.files)).studies[0].series[0].slices
    annotations = tuple(
        shape(f"x{number}", headers[index].sop_uid, subtype=code)
        for number, (index, code) in enumerate(shapes)
    )
    document = Document(series.study_uid, series.series_uid, annotations)
    library.save_document(document, action="draw", reader="r")
    return document


def test_a_series_noted_as_clean_gives_only_negatives(library: Library) -> None:
    row = next(series for study in library.studies() for series in study.series)
    WorkLog(library).note(row.study_uid, row.series_uid, status=Status.CLEAN, comment="", reader="r")
    (sample,), left_out = samples(library)
    np.testing.assert_array_equal(sample.scores, np.zeros((4, 6)))
    assert left_out == {}


def test_shapes_of_two_subtypes_on_each_other_contradict(library: Library) -> None:
    drawn_on(library, (1, "IPH"), (1, "SDH"), (3, "IPH"))
    (sample,), left_out = samples(library)
    assert left_out == {TWO_SUBTYPES: 1}
    assert sample.scores[-1].tolist() == [1, 0, 0, 0, 0, 1]
    assert (sample.scores[:-1] == -1).all()


def test_subtypes_that_nobody_looked_for_are_unknown(library: Library) -> None:
    drawn_on(library, (1, "IPH"))
    (sample,), _ = samples(library, Choice(subtypes=("IPH",)))
    assert sample.scores[1].tolist() == [1, -1, -1, -1, -1, 1]
    (sample,), _ = samples(library, Choice(subtypes=CODES))
    assert sample.scores[1].tolist() == [1, 0, 0, 0, 0, 1]


def test_series_that_are_gone_are_said_and_the_others_used(library: Library, tmp_path: Path) -> None:
    drawn_on(library, (1, "IPH"))
    never = Document("9", "9.1", (shape("n", "9.1.1"),))
    library.save_document(never, action="draw", reader="r")
    (_,), left_out = samples(library)
    assert left_out == {NEVER_OPENED: 1}
    next((tmp_path / "A").iterdir()).unlink()
    assert samples(library) == ([], {GONE: 1, NEVER_OPENED: 1})


def test_what_is_drawn_by_hand_counts_at_once(library: Library) -> None:
    document = drawn_on(library, (2, "SDH"))
    (sample,), left_out = samples(library)
    assert (sample.scores[:, 0] == 1).sum() == 1
    assert sample.provenance["document_version"] == library.version(document.series_uid)
    assert left_out == {}
    unsure = replace(document, annotations=(replace(document.annotations[0], reviewed=False),))
    library.save_document(unsure, action="doubt", reader="r", previous=document)
    assert samples(library)[1] == {UNREVIEWED: 1}
