"""What a reader left on one series: immutable values, edited by replacing the document."""

import math
import uuid
from dataclasses import dataclass, field
from functools import cached_property

from model.labels import CODES
from viewer.findings.verdict import Verdict
from viewer.measures.mark import Mark
from viewer.measures.measure import Measure

Point = tuple[float, float]
Ring = tuple[Point, ...]
Shape = tuple[Ring, tuple[Ring, ...]]
"""An outline and its holes."""

SOURCES = ("manual", "model", "model edited", "imported", "consensus")


def _ring(points: tuple[Point, ...], what: str) -> Ring:
    """`points` as plain floats. Raises ValueError unless there are three or more, all finite."""
    columns = tuple(zip(*points, strict=True)) or ((), ())
    if len(columns) != 2:
        raise ValueError(f"{what} needs points of two coordinates, got {len(columns)}")
    xs, ys = (tuple(map(float, values)) for values in columns)
    ring = tuple(zip(xs, ys, strict=True))
    # The sum of finite numbers is finite, or so large that each has to be looked at.
    if len(ring) < 3 or not (math.isfinite(sum(xs) + sum(ys)) or all(map(math.isfinite, (*xs, *ys)))):
        raise ValueError(f"{what} needs three or more finite points, got {len(ring)}: {ring[:4]}")
    return ring


def new_uid() -> str:
    """A name that no other annotation, measure or reading has."""
    return uuid.uuid4().hex


def slice_name(sop_uid: str, frame: int = 0) -> str:
    """What a slice is called where its mark is kept: its SOP instance UID, from the second frame of a file on with the
    frame behind it."""
    return f"{sop_uid}/{frame}" if frame else sop_uid


@dataclass(frozen=True)
class Annotation:
    """One polygon on one slice, in image-relative coordinates (column, row; PS3.3 C.18.6: pixel (c, r) covers
    [c, c+1) × [r, r+1)).

    outline: the outer ring, not repeated at the end, at least three points.
    source: `manual`, `model`, `model edited`, `imported` or `consensus`.
    model_id: the model whose proposal it came from, empty for manual work.
    holes: inner rings, as the outline is.
    islands: further parts of the same annotation, each an outline and its holes; no two parts overlap.
    """

    uid: str
    sop_uid: str
    frame: int
    subtype: str
    outline: tuple[Point, ...]
    source: str = "manual"
    model_id: str = ""
    reviewed: bool = True
    holes: tuple[Ring, ...] = ()
    islands: tuple[Shape, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError naming the first field that breaks a rule; points become plain floats."""
        if not self.uid or not self.sop_uid:
            raise ValueError(
                f"an annotation needs a uid and a sop_uid, got {self.uid!r} and {self.sop_uid!r}"
            )
        if self.subtype not in CODES:
            raise ValueError(f"subtype must be one of {CODES}, got {self.subtype!r}")
        if self.source not in SOURCES:
            raise ValueError(f"source must be one of {SOURCES}, got {self.source!r}")
        object.__setattr__(self, "outline", _ring(self.outline, "an outline"))
        object.__setattr__(self, "holes", tuple(_ring(hole, "a hole") for hole in self.holes))
        islands = tuple(
            (_ring(outline, "an island"), tuple(_ring(hole, "a hole") for hole in holes))
            for outline, holes in self.islands
        )
        object.__setattr__(self, "islands", islands)

    @property
    def parts(self) -> tuple[Shape, ...]:
        """Every part: its outline and its holes."""
        return ((self.outline, self.holes), *self.islands)

    @property
    def rings(self) -> tuple[Ring, ...]:
        """The outline, then the holes; then the same of each island."""
        if not self.islands:
            return (self.outline, *self.holes)
        return tuple(ring for outline, holes in self.parts for ring in (outline, *holes))

    @property
    def place(self) -> tuple[str, int]:
        """The slice: SOP instance UID and frame."""
        return (self.sop_uid, self.frame)

    @property
    def slice_name(self) -> str:
        """The slice, as `Document.reviewed_slices` calls it."""
        return slice_name(self.sop_uid, self.frame)


@dataclass(frozen=True)
class Document:
    """All annotations of one series, in drawing order (where two overlap, the later one counts), its measures,
    marked slices, and what was decided about the model's regions.

    reviewed_slices: names (`slice_name`) of the slices a reader marked as "reviewed: no hemorrhage".
    """

    study_uid: str = ""
    series_uid: str = ""
    annotations: tuple[Annotation, ...] = field(default=())
    reviewed_slices: frozenset[str] = frozenset()
    measures: tuple[Measure, ...] = ()
    marks: tuple[Mark, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError when two annotations, measures, marks or verdicts share a uid."""
        kinds = (
            ("annotations", self.annotations),
            ("measures", self.measures),
            ("marks", self.marks),
            ("verdicts", self.verdicts),
        )
        for name, items in kinds:
            if len({item.uid for item in items}) != len(items):
                raise ValueError(f"two {name} of a document have the same uid")

    @property
    def key(self) -> tuple[str, str]:
        """The UIDs of the study and of the series it belongs to."""
        return self.study_uid, self.series_uid

    def find(self, uid: str | None) -> Annotation | None:
        """The annotation with this uid, or None."""
        return self._by_uid.get(uid or "")

    def measure(self, uid: str | None) -> Measure | None:
        """The measure with this uid, or None."""
        return next((m for m in self.measures if m.uid == uid), None)

    def on_slice(self, sop_uid: str, frame: int = 0) -> tuple[Annotation, ...]:
        """The annotations of one slice, in drawing order."""
        return self._by_place.get((sop_uid, frame), ())

    @cached_property
    def drawn_on(self) -> frozenset[str]:
        """Names of the slices that carry annotations."""
        return frozenset(annotation.slice_name for annotation in self.annotations)

    @cached_property
    def unreviewed_on(self) -> frozenset[str]:
        """Names of the slices with annotations that nobody has looked at."""
        return frozenset(annotation.slice_name for annotation in self.annotations if not annotation.reviewed)

    @cached_property
    def _by_uid(self) -> dict[str, Annotation]:
        return {annotation.uid: annotation for annotation in self.annotations}

    @cached_property
    def _by_place(self) -> dict[tuple[str, int], tuple[Annotation, ...]]:
        places: dict[tuple[str, int], list[Annotation]] = {}
        for annotation in self.annotations:
            places.setdefault(annotation.place, []).append(annotation)
        return {place: tuple(found) for place, found in places.items()}
