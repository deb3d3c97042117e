"""The list of studies that are scored in the background: kept, taken in order, given up after two tries."""

import zlib
from dataclasses import replace

import pytest

from viewer.dicom.series import Study
from viewer.library.store import Library
from viewer.library.triage import GAVE_UP, Reading, State, TriageList


def states(library: Library) -> list[str]:
    return [str(row.state) for row in TriageList(library).rows()]


def test_a_study_is_listed_once_and_taken_in_order(library: Library, small_heads: tuple[Study, ...]) -> None:
    listed = TriageList(library)
    assert listed.add(small_heads) == 3
    assert listed.add(small_heads[:2]) == 0
    assert listed.studies() == small_heads
    assert listed.take() == small_heads[0]
    listed.scored(small_heads[0].study_uid, "m-1")
    assert listed.take() == small_heads[1]
    listed.failed(small_heads[1].study_uid, "It is a chest.")
    assert [(row.word, row.reason) for row in listed.rows()] == [
        ("scored", ""),
        ("failed", "It is a chest."),
        ("new", ""),
    ]


def test_a_study_with_more_slices_waits_again(library: Library, small_heads: tuple[Study, ...]) -> None:
    listed = TriageList(library)
    listed.add(small_heads[:1])
    listed.take()
    listed.scored(small_heads[0].study_uid, "m-1")
    listed.add(small_heads[:1])
    assert states(library) == ["scored"]
    series = small_heads[0].series[0]
    listed.add([replace(small_heads[0], series=(replace(series, slices=series.slices[:2]),))])
    assert states(library) == ["new"]


def test_what_ended_the_program_twice_is_not_tried_a_third_time(
    library: Library, small_heads: tuple[Study, ...]
) -> None:
    listed = TriageList(library)
    listed.add(small_heads[:1])
    for expected in ("new", "failed"):
        assert listed.take() is not None
        listed.begin()  # as after a kill
        assert states(library) == [expected]
    assert listed.rows()[0].reason == GAVE_UP
    listed.again(small_heads[0].study_uid)
    assert listed.take() == small_heads[0]


def test_leaving_a_study_in_order_is_no_attempt(library: Library, small_heads: tuple[Study, ...]) -> None:
    listed = TriageList(library)
    listed.add(small_heads[:1])
    for _ in range(5):
        listed.take()
        listed.put_back(small_heads[0].study_uid)
    listed.begin()
    assert states(library) == ["new"]


def test_what_the_reader_did_goes_before_what_the_model_did(
    library: Library, small_heads: tuple[Study, ...]
) -> None:
    listed = TriageList(library)
    listed.add(small_heads)
    listed.take()
    listed.scored(small_heads[0].study_uid, "m-1")
    listed.read(small_heads[0].study_uid, Reading.OPENED)
    listed.read(small_heads[1].study_uid, Reading.REVIEWED)
    assert [row.word for row in listed.rows()] == ["opened", "reviewed", "new"]
    assert listed.rows()[0].state is State.SCORED
    listed.remove([small_heads[1].study_uid])
    assert len(listed.rows()) == 2


def test_a_study_of_another_pterion_fails_with_a_word(
    library: Library, small_heads: tuple[Study, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = TriageList(library)
    monkeypatch.setattr("viewer.library.index.SHAPE", "older")
    listed.add(small_heads[:1])
    monkeypatch.undo()
    listed.add(small_heads[1:2])
    assert listed.take() == small_heads[1]
    assert "another version" in listed.rows()[0].reason


def test_a_damaged_study_fails_and_the_next_one_is_taken(
    library: Library, small_heads: tuple[Study, ...]
) -> None:
    listed = TriageList(library)
    listed.add(small_heads[:2])
    with library.writing() as connection:
        connection.execute(
            "UPDATE triage SET body = ? WHERE study_uid = ?", (b"no zlib", small_heads[0].study_uid)
        )
    assert listed.studies() == small_heads[1:2]
    assert listed.take() == small_heads[1]
    assert states(library) == ["failed", "scoring"]
    assert listed.add(small_heads[:1]) == 0  # known, but it waits again: what was kept of it says nothing
    assert states(library) == ["new", "scoring"]
    with library.writing() as connection:
        connection.execute("UPDATE triage SET body = ?", (zlib.compress(b"{}"),))
    assert listed.studies() == ()
    assert listed.take() is None
