"""A journal put into another library edit by edit: who did what when comes along, all of it or nothing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from viewer.annotation.document import Annotation, Document
from viewer.findings.verdict import Decision, Verdict
from viewer.library.store import Library
from viewer.library.transfer import add_history, document_from, everything
from viewer.measures.mark import Mark, MarkKind

OUTLINE = ((0.1, 0.0), (4.0, 1 / 3), (0.0, 4.0))
FIRST = Annotation("x", "a", 0, "SDH", OUTLINE)
WHOLE = Document(
    "study",
    "series",
    (FIRST, replace(FIRST, uid="y", subtype="IPH", source="model", model_id="m", reviewed=False)),
    frozenset({"b"}),
    marks=(Mark(MarkKind.BOOKMARK, "b", 3),),
    verdicts=(Verdict(Decision.REJECTED, "m", "IPH", "a", 0, (1, 2)),),
)


def test_a_whole_document_survives_as_text() -> None:
    assert document_from("study", "series", everything(WHOLE)) == WHOLE


@pytest.fixture
def source(tmp_path: Path) -> Library:
    """A library with three edits of one series by two readers."""
    library = Library(tmp_path / "source")
    start = replace(WHOLE, annotations=(FIRST,), verdicts=())
    for document, reader in ((start, "A"), (WHOLE, "B"), (replace(WHOLE, annotations=()), "A")):
        library.save_document(document, action="edit", reader=reader)
    return library


def test_every_edit_comes_along(source: Library, tmp_path: Path) -> None:
    other = Library(tmp_path / "other")
    entries = source.journal("series")
    assert add_history(other, "study", "series", entries)
    assert [(e.time, e.reader, e.action, e.before, e.after) for e in other.journal("series")] == [
        (e.time, e.reader, e.action, e.before, e.after) for e in entries
    ]
    assert other.load_document("study", "series") == source.load_document("study", "series")
    assert not add_history(other, "study", "series", entries)
    assert len(other.journal("series")) == 3


def test_a_damaged_edit_leaves_nothing_behind(source: Library, tmp_path: Path) -> None:
    other = Library(tmp_path / "other")
    first, second, third = source.journal("series")
    body = json.loads(second.after)
    body["annotations"]["y"]["outline"] = [[0, 0]]
    with pytest.raises(ValueError, match="three or more"):
        add_history(other, "study", "series", (first, replace(second, after=json.dumps(body)), third))
    assert other.journal("series") == ()
    assert other.load_document("study", "series") == Document("study", "series")
