"""The list of studies that are scored in the background: kept, taken in order, given up after two tries."""

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.dicom.write import write_series
from viewer.library.store import Library
from viewer.library.triage import GAVE_UP, Reading, State, TriageList


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory, phantom_hu: np.ndarray) -> tuple[Study, ...]:
    """Three small heads."""
    folder = tmp_path_factory.mktemp("listed")
    for name in "abc":
        write_head(folder / name, phantom_hu, name)
    return scan([folder]).studies


def write_head(folder: Path, hu: np.ndarray, patient: str) -> None:
    positions = np.array([(0.0, 0.0, 5.0 * index) for index in range(3)])
    write_series(folder, hu[2:5], spacing_mm=(1.75, 1.75), positions_mm=positions, patient_id=patient)


@pytest.fixture
def library(tmp_path: Path):
    opened = Library(tmp_path / "library")
    yield opened
    opened.close()


def states(library: Library) -> list[str]:
    return [str(row.state) for row in TriageList(library).rows()]


def test_a_study_is_listed_once_and_taken_in_order(library: Library, studies: tuple[Study, ...]) -> None:
    listed = TriageList(library)
    assert listed.add(studies) == 3
    assert listed.add(studies[:2]) == 0
    assert listed.studies() == studies
    assert listed.take() == studies[0]
    listed.scored(studies[0].study_uid, "m-1")
    assert listed.take() == studies[1]
    listed.failed(studies[1].study_uid, "It is a chest.")
    assert [(row.word, row.reason) for row in listed.rows()] == [
        ("scored", ""),
        ("failed", "It is a chest."),
        ("new", ""),
    ]


def test_a_study_with_more_slices_waits_again(library: Library, studies: tuple[Study, ...]) -> None:
    listed = TriageList(library)
    listed.add(studies[:1])
    listed.take()
    listed.scored(studies[0].study_uid, "m-1")
    listed.add(studies[:1])
    assert states(library) == ["scored"]
    series = studies[0].series[0]
    listed.add([replace(studies[0], series=(replace(series, slices=series.slices[:2]),))])
    assert states(library) == ["new"]


def test_what_ended_the_program_twice_is_not_tried_a_third_time(
    library: Library, studies: tuple[Study, ...]
) -> None:
    listed = TriageList(library)
    listed.add(studies[:1])
    for expected in ("new", "failed"):
        assert listed.take() is not None
        listed.begin()  # as after a kill
        assert states(library) == [expected]
    assert listed.rows()[0].reason == GAVE_UP
    listed.again(studies[0].study_uid)
    assert listed.take() == studies[0]


def test_leaving_a_study_in_order_is_no_attempt(library: Library, studies: tuple[Study, ...]) -> None:
    listed = TriageList(library)
    listed.add(studies[:1])
    for _ in range(5):
        listed.take()
        listed.put_back(studies[0].study_uid)
    listed.begin()
    assert states(library) == ["new"]


def test_what_the_reader_did_goes_before_what_the_model_did(
    library: Library, studies: tuple[Study, ...]
) -> None:
    listed = TriageList(library)
    listed.add(studies)
    listed.take()
    listed.scored(studies[0].study_uid, "m-1")
    listed.read(studies[0].study_uid, Reading.OPENED)
    listed.read(studies[1].study_uid, Reading.REVIEWED)
    assert [row.word for row in listed.rows()] == ["opened", "reviewed", "new"]
    assert listed.rows()[0].state is State.SCORED
    listed.remove([studies[1].study_uid])
    assert len(listed.rows()) == 2


def test_a_study_of_another_pterion_fails_with_a_word(
    library: Library, studies: tuple[Study, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = TriageList(library)
    monkeypatch.setattr("viewer.library.index.SHAPE", "older")
    listed.add(studies[:1])
    monkeypatch.undo()
    listed.add(studies[1:2])
    assert listed.take() == studies[1]
    assert "another version" in listed.rows()[0].reason


def test_a_damaged_study_fails_and_the_next_one_is_taken(
    library: Library, studies: tuple[Study, ...]
) -> None:
    listed = TriageList(library)
    listed.add(studies[:2])
    with library.writing() as connection:
        connection.execute(
            "UPDATE triage SET body = ? WHERE study_uid = ?", (b"no zlib", studies[0].study_uid)
        )
    assert listed.studies() == studies[1:2]
    assert listed.take() == studies[1]
    assert states(library) == ["failed", "scoring"]
    assert listed.add(studies[:1]) == 0  # known, but it waits again: what was kept of it says nothing
    assert states(library) == ["new", "scoring"]
    with library.writing() as connection:
        connection.execute("UPDATE triage SET body = ?", (zlib.compress(b"{}"),))
    assert listed.studies() == ()
    assert listed.take() is None
