"""Verdicts on the model's regions: valid by construction, kept in the library, merged and replayed."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest

from viewer.annotation.document import Document
from viewer.findings.verdict import Decision, Verdict
from viewer.library.store import Library

DISMISSED = Verdict(Decision.DISMISSED, "toy-1", "SDH", "1.2.3", 0, (40, 12), "Artefact")
ACCEPTED = Verdict(Decision.ACCEPTED, "toy-1", "IPH", "1.2.4", 0, (7, 9))


def test_a_second_verdict_on_a_region_has_the_uid_of_the_first() -> None:
    changed = replace(DISMISSED, decision=Decision.ACCEPTED, reason="")
    assert changed.uid == DISMISSED.uid
    assert ACCEPTED.uid != DISMISSED.uid


@pytest.mark.parametrize(
    "fields", [{"sop_uid": ""}, {"pixel": (-1, 3)}, {"subtype": "XYZ"}, {"frame": -1}, {"decision": "maybe"}]
)
def test_values_that_break_a_rule_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(DISMISSED, **fields)


def test_two_verdicts_on_one_region_make_no_document() -> None:
    with pytest.raises(ValueError, match="verdicts"):
        Document("1", "2", verdicts=(DISMISSED, dataclasses.replace(DISMISSED, reason="Other")))


def test_the_library_keeps_changes_and_takes_back_verdicts(tmp_path: Path) -> None:
    library = Library(tmp_path)
    empty = Document("1", "2")
    first = replace(empty, verdicts=(DISMISSED, ACCEPTED))
    library.save_document(first, action="dismiss SDH", reader="r", previous=empty)
    library.close()
    library = Library(tmp_path)
    assert library.load_document("1", "2") == first
    second = replace(first, verdicts=(replace(DISMISSED, reason="Calcification"),))
    library.save_document(second, action="undo", reader="r", previous=first)
    assert library.load_document("1", "2") == second
    assert library.replay("1", "2") == second
    assert library.replay("1", "2", up_to=library.journal("2")[0].seq) == first
    library.close()


def test_verdicts_of_two_windows_are_both_kept(tmp_path: Path) -> None:
    library = Library(tmp_path)
    empty = Document("1", "2")
    library.save_document(replace(empty, verdicts=(DISMISSED,)), action="a", reader="r", previous=empty)
    saved = library.save_document(
        replace(empty, verdicts=(ACCEPTED,)), action="b", reader="r", previous=empty
    )
    assert {v.uid for v in saved.document.verdicts} == {DISMISSED.uid, ACCEPTED.uid}
    assert saved.conflicts == 0
    library.close()
