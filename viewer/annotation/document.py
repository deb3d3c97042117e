"""The annotations of one series: immutable values, edited by replacing the document."""

from dataclasses import dataclass, field

Point = tuple[float, float]


@dataclass(frozen=True)
class Annotation:
    """One polygon on one slice, in image-relative coordinates (column, row; PS3.3 C.18.6: pixel (c, r) covers
    [c, c+1) × [r, r+1)).

    outline: the outer ring, not repeated at the end, at least three points.
    source: `manual`, `model`, `model edited` or `imported`.
    model_id: the model whose proposal it came from, empty for manual work.
    """

    uid: str
    sop_uid: str
    frame: int
    subtype: str
    outline: tuple[Point, ...]
    source: str = "manual"
    model_id: str = ""
    reviewed: bool = True


@dataclass(frozen=True)
class Document:
    """All annotations of one series, in drawing order."""

    study_uid: str = ""
    series_uid: str = ""
    annotations: tuple[Annotation, ...] = field(default=())
