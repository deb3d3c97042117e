"""Two windows on one series: neither overwrites the other's work."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.annotation.document import Annotation, Document
from viewer.library.merge import merge
from viewer.library.store import Library

ROOT = Path(__file__).resolve().parents[3]
TRIANGLE = ((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))


def annotation(uid: str, subtype: str = "SDH", sop_uid: str = "a") -> Annotation:
    return Annotation(uid, sop_uid, 0, subtype, TRIANGLE)


def document(*annotations: Annotation, reviewed: str = "") -> Document:
    return Document("study", "series", annotations, frozenset(reviewed))


def uid() -> str:
    return "new"


A, B, C = annotation("A"), annotation("B"), annotation("C")
A_MINE, A_THEIRS = annotation("A", "EDH"), annotation("A", "IPH")


@pytest.mark.parametrize(
    ("stored", "previous", "mine", "result", "conflicts"),
    [
        (document(), document(), document(A), document(A), 0),
        (document(A, B), document(A), document(A, C), document(A, C, B), 0),  # both added
        (document(A, B), document(A, B), document(B), document(B), 0),  # removed here
        (document(B), document(A, B), document(A, B, C), document(B, C), 0),  # removed there
        (document(A_THEIRS), document(A), document(A, B), document(A_THEIRS, B), 0),  # changed there
        (
            document(A_THEIRS),
            document(A),
            document(B),
            document(B, A_THEIRS),
            1,
        ),  # removed here, changed there
        (document(), document(A), document(A_MINE), document(A_MINE), 0),  # changed here, removed there
        (
            document(A_THEIRS),
            document(A),
            document(A_MINE),
            document(replace(A_THEIRS, uid="new"), A_MINE),
            1,
        ),
        (document(A_MINE), document(A), document(A_MINE), document(A_MINE), 0),  # the same on both sides
        (
            document(reviewed="x"),
            document(reviewed="xy"),
            document(reviewed="xyz"),
            document(reviewed="xz"),
            0,
        ),
    ],
)
def test_merging(
    stored: Document, previous: Document, mine: Document, result: Document, conflicts: int
) -> None:
    merged = merge(stored, previous, mine, uid)
    assert merged.document == result
    assert merged.conflicts == conflicts


def test_a_slice_annotated_there_loses_the_mark_made_here() -> None:
    merged = merge(document(A), document(), document(reviewed="az"), uid)
    assert merged.document == document(A, reviewed="z")


states = st.lists(
    st.builds(annotation, st.sampled_from("ABCD"), st.sampled_from(["SDH", "EDH", "IPH"])),
    unique_by=lambda a: a.uid,
    max_size=4,
).map(lambda annotations: document(*annotations))


@given(states, states, states)
@settings(max_examples=200, deadline=None)
def test_nothing_that_anyone_added_or_changed_is_lost(
    previous: Document, stored: Document, mine: Document
) -> None:
    numbers = iter(range(100))
    merged = merge(stored, previous, mine, lambda: f"new{next(numbers)}").document
    shapes = {(a.uid[0] if a.uid[:3] != "new" else "", a.subtype) for a in merged.annotations}
    subtypes = {a.subtype for a in merged.annotations}
    for side, other in ((mine, stored), (stored, mine)):
        for each in side.annotations:
            if each not in previous.annotations:
                assert (each.uid, each.subtype) in shapes or each.subtype in subtypes
        for each in previous.annotations:
            untouched_elsewhere = other.find(each.uid) in (each, None)
            if side.find(each.uid) is None and untouched_elsewhere:
                assert merged.find(each.uid) is None


def test_without_another_window_the_document_is_stored_as_it_is() -> None:
    assert merge(document(A, B), document(A, B), document(B, A), uid).document == document(B, A)


def test_two_libraries_on_one_file_keep_both_readers_work(tmp_path: Path) -> None:
    first, second = Library(tmp_path), Library(tmp_path)
    start = first.load_document("study", "series")
    assert second.load_document("study", "series") == start
    first.save_document(document(A), action="draw", reader="1", previous=start)
    saved = second.save_document(document(B), action="draw", reader="2", previous=start)
    assert saved.document == document(B, A)
    assert first.load_document("study", "series") == document(B, A)
    assert first.replay("study", "series") == document(B, A)
    # The second window still shows only B. It deletes B; A, which it never saw, stays.
    second.save_document(document(), action="delete", reader="2", previous=document(B))
    assert first.load_document("study", "series") == document(A)


ADD_TWENTY = """
import sys
from pathlib import Path
from viewer.annotation.document import Annotation, Document
from viewer.library.store import Library
library, name = Library(Path(sys.argv[1])), sys.argv[2]
mine = Document("study", "series")
for number in range(20):
    drawn = Annotation(f"{name}{number}", "a", 0, "SDH", ((0, 0), (4, 0), (0, 4)))
    more = Document("study", "series", (*mine.annotations, drawn))
    library.save_document(more, action="draw", reader=name, previous=mine)
    mine = more
library.close()
"""


def test_two_processes_saving_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ADD_TWENTY, str(tmp_path)]
    children = [subprocess.Popen([*command, name], cwd=ROOT) for name in "xy"]
    assert [child.wait(60) for child in children] == [0, 0]
    library = Library(tmp_path)
    stored = library.load_document("study", "series")
    assert {a.uid for a in stored.annotations} == {f"{name}{number}" for name in "xy" for number in range(20)}
    assert library.replay("study", "series") == stored
