"""Annotations and documents are valid when they exist."""

import numpy as np
import pytest

from viewer.annotation.document import Annotation, Document

TRIANGLE = ((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))


def test_points_become_plain_floats() -> None:
    annotation = Annotation("1", "a", 0, "SDH", tuple(map(tuple, np.array(TRIANGLE, np.float32))))
    assert annotation.outline == TRIANGLE
    assert {type(value) for point in annotation.outline for value in point} == {float}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"outline": TRIANGLE[:2]}, "an outline needs three or more"),
        ({"outline": ((0.0, 0.0), (float("nan"), 1.0), (2.0, 2.0))}, "finite"),
        ({"holes": (TRIANGLE[:2],)}, "a hole needs three or more"),
        ({"subtype": "XYZ"}, "subtype must be one of"),
        ({"source": "magic"}, "source must be one of"),
        ({"uid": ""}, "needs a uid"),
    ],
)
def test_a_broken_annotation_cannot_be_made(fields: dict[str, object], text: str) -> None:
    values = {"uid": "1", "sop_uid": "a", "frame": 0, "subtype": "SDH", "outline": TRIANGLE} | fields
    with pytest.raises(ValueError, match=text):
        Annotation(**values)  # type: ignore[arg-type]


def test_a_document_has_no_uid_twice() -> None:
    annotation = Annotation("1", "a", 0, "SDH", TRIANGLE)
    with pytest.raises(ValueError, match="same uid"):
        Document(annotations=(annotation, annotation))


def test_annotations_are_found_by_uid_and_by_slice() -> None:
    first, second = Annotation("1", "a", 0, "SDH", TRIANGLE), Annotation("2", "a", 1, "EDH", TRIANGLE)
    document = Document(annotations=(first, second))
    assert document.find("2") is second
    assert document.find("3") is None
    assert document.find(None) is None
    assert document.on_slice("a") == (first,)
    assert document.on_slice("a", 1) == (second,)
