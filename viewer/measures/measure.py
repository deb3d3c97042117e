"""What a reader measures on one picture: immutable values, kept in the document of a series."""

import math
from dataclasses import dataclass
from enum import StrEnum

Point = tuple[float, float]
Vector = tuple[float, float, float]

MOST_POINTS = 20_000
"""More points than any hand draws; a damaged file may claim more."""
SHARES = (0.0, 0.5, 1.0)
_UNIT = 1e-4


class Kind(StrEnum):
    """What is measured."""

    LENGTH = "length"
    ANGLE = "angle"
    BIDIRECTIONAL = "bidirectional"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    POLYGON = "polygon"
    FREEHAND = "freehand"
    PROBE = "probe"
    ABC2 = "abc2"
    MIDLINE = "midline"

    @property
    def is_region(self) -> bool:
        """Whether it encloses pixels."""
        return self in REGIONS


REGIONS = frozenset({Kind.ELLIPSE, Kind.RECTANGLE, Kind.POLYGON, Kind.FREEHAND})

POINTS: dict[Kind, tuple[int, int]] = {
    Kind.LENGTH: (2, 2),
    Kind.ANGLE: (3, 3),
    Kind.BIDIRECTIONAL: (4, 4),
    Kind.ELLIPSE: (2, 2),
    Kind.RECTANGLE: (2, 2),
    Kind.POLYGON: (3, MOST_POINTS),
    Kind.FREEHAND: (3, MOST_POINTS),
    Kind.PROBE: (1, 1),
    Kind.ABC2: (4, 4),
    Kind.MIDLINE: (3, 3),
}
"""Fewest and most points of each kind. In this order: the ends of a length; an end, the vertex and the other end of an
angle; the ends of the long, then of the short diameter; two opposite corners of the box of an ellipse or a rectangle;
the corners of a region; A's ends, then B's; the anterior and the posterior attachment of the falx, then the septum."""


@dataclass(frozen=True)
class SlicePlane:
    """A source slice. Points on it are image-relative (column, row; PS3.3 C.18.6), in pixels."""

    sop_uid: str
    frame: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError without a slice."""
        if not self.sop_uid or self.frame < 0:
            raise ValueError(f"a slice needs a UID and a frame, got {self.sop_uid!r} and {self.frame}")


@dataclass(frozen=True)
class CutPlane:
    """A plane across the slices, wherever its picture begins. Points on it are mm along `right` and `down` from the
    origin of the patient's coordinates.

    right, down: perpendicular unit vectors. depth_mm: how far the plane lies along right × down.
    """

    right: Vector
    down: Vector
    depth_mm: float

    def __post_init__(self) -> None:
        """Raise ValueError where the directions are no frame."""
        values = (*self.right, *self.down, self.depth_mm)
        if not all(math.isfinite(value) for value in values):
            raise ValueError(f"a plane needs finite numbers, got {values}")
        lengths = (_dot(self.right, self.right), _dot(self.down, self.down))
        if any(abs(length - 1) > _UNIT for length in lengths) or abs(_dot(self.right, self.down)) > _UNIT:
            raise ValueError(f"a plane needs perpendicular unit vectors, got {self.right} and {self.down}")

    @property
    def normal(self) -> Vector:
        """The direction right × down."""
        (a, b, c), (d, e, f) = self.right, self.down
        return (b * f - c * e, c * d - a * f, a * e - b * d)

    def patient_mm(self, point: Point) -> Vector:
        """The place in the patient of a point of the plane."""
        axes = zip(self.right, self.down, self.normal, strict=True)
        x, y, z = (r * point[0] + d * point[1] + n * self.depth_mm for r, d, n in axes)
        return (x, y, z)

    def point(self, place_mm: Vector) -> Point:
        """The point of the plane nearest to a place in the patient."""
        return (_dot(self.right, place_mm), _dot(self.down, place_mm))

    def behind_mm(self, place_mm: Vector) -> float:
        """How far a place lies behind the plane, along its normal."""
        return _dot(self.normal, place_mm) - self.depth_mm


Plane = SlicePlane | CutPlane


@dataclass(frozen=True)
class Share:
    """What a slice counts in C of ABC/2: 1, a half, or nothing."""

    sop_uid: str
    frame: int
    weight: float

    def __post_init__(self) -> None:
        """Raise ValueError for any other weight."""
        if self.weight not in SHARES:
            raise ValueError(f"a slice counts 0, 0.5 or 1, got {self.weight}")


@dataclass(frozen=True)
class Measure:
    """One measure on one plane; what it comes to is worked out from the pixels, never stored.

    points: see `POINTS`. label: the reader's own words. shares: of ABC/2, the slices with blood, from the first on.
    """

    uid: str
    kind: Kind
    plane: Plane
    points: tuple[Point, ...]
    label: str = ""
    shares: tuple[Share, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError naming the first field that breaks a rule; points become plain floats."""
        if not self.uid:
            raise ValueError("a measure needs a uid")
        object.__setattr__(self, "kind", Kind(self.kind))
        points = tuple((float(x), float(y)) for x, y in self.points)
        fewest, most = POINTS[self.kind]
        if not fewest <= len(points) <= most:
            raise ValueError(f"{self.kind} needs {fewest} to {most} points, got {len(points)}")
        if not all(math.isfinite(x) and math.isfinite(y) for x, y in points):
            raise ValueError(f"{self.kind} needs finite points")
        object.__setattr__(self, "points", points)
        if bool(self.shares) != (self.kind is Kind.ABC2):
            raise ValueError(f"slices with blood belong to ABC/2 and to it alone, got {len(self.shares)}")
        if self.kind in (Kind.ABC2, Kind.MIDLINE) and not isinstance(self.plane, SlicePlane):
            raise ValueError(f"{self.kind} is measured on a source slice")


def _dot(first: Vector, second: Vector) -> float:
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]
