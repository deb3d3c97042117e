"""The drawing tools by name, what can be set of each, and the rules that hold for all."""

import math
from dataclasses import dataclass
from enum import StrEnum


class ToolName(StrEnum):
    """What the left button draws with."""

    POLYGON = "polygon"
    EDIT = "edit"
    HOLE = "hole"
    CUT = "cut"
    LIVEWIRE = "livewire"
    GROW = "grow"
    BRUSH = "brush"
    ERASER = "eraser"
    FILL = "smart fill"
    PUSH = "push"


class Combination(StrEnum):
    """What becomes of a new shape: a polygon of its own, or a change of the selected one."""

    NEW = "new"
    ADD = "add"
    SUBTRACT = "subtract"
    INTERSECT = "intersect"


class Overlap(StrEnum):
    """What happens where a new shape meets another subtype.

    ALLOW: both keep their pixels; in masks the later one counts. REPLACE: the other one is cut back. KEEP: the new
    one is. A locked subtype is never cut: the new shape is.
    """

    ALLOW = "allow"
    REPLACE = "replace"
    KEEP = "keep"


@dataclass(frozen=True)
class Layer:
    """How a subtype is treated: not changed, not shown (and not hit by the mouse), how opaque (0 to 1)."""

    locked: bool = False
    hidden: bool = False
    opacity: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for an opacity outside 0 to 1."""
        _within("opacity", self.opacity, 0.0, 1.0)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}, got {value!r}")


def _rising(low_hu: float, high_hu: float) -> None:
    if not low_hu <= high_hu:
        raise ValueError(f"low_hu must not exceed high_hu, got {low_hu!r} and {high_hu!r}")


@dataclass(frozen=True)
class LivewireOptions:
    """smooth: 0 follows every bend of the edge, 1 prefers short ways."""

    smooth: float = 0.5

    def __post_init__(self) -> None:
        """Raise ValueError outside 0 to 1."""
        _within("smooth", self.smooth, 0.0, 1.0)


@dataclass(frozen=True)
class GrowOptions:
    """A region around a seed, of HU like the seed's.

    tolerance_hu: how far from the seed's HU without a drag; a drag widens or narrows it.
    radius_mm: no further than this from the seed. bone_hu: nothing this dense or denser is taken.
    smooth_mm: necks thinner than this are not crossed, nor kept. through_slices: grows into neighbouring slices too.
    """

    tolerance_hu: float = 12.0
    radius_mm: float = 40.0
    bone_hu: float = 110.0
    smooth_mm: float = 2.0
    through_slices: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a value without sense."""
        _within("tolerance_hu", self.tolerance_hu, 0, 2000)
        _within("radius_mm", self.radius_mm, 0.5, 300)
        _within("bone_hu", self.bone_hu, -1024, 4000)
        _within("smooth_mm", self.smooth_mm, 0, 10)


@dataclass(frozen=True)
class BrushOptions:
    """diameter_mm: of the brush. low_hu, high_hu: only pixels in this range are painted; None for no limit."""

    diameter_mm: float = 8.0
    low_hu: float | None = None
    high_hu: float | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a value without sense."""
        _within("diameter_mm", self.diameter_mm, 0.2, 200)
        low, high = self.range_hu
        _rising(low, high)

    @property
    def range_hu(self) -> tuple[float, float]:
        """(low, high), infinite where there is no limit."""
        low = -math.inf if self.low_hu is None else self.low_hu
        return (low, math.inf if self.high_hu is None else self.high_hu)


@dataclass(frozen=True)
class EraserOptions(BrushOptions):
    """As the brush's; what is out of the range stays."""


@dataclass(frozen=True)
class FillOptions:
    """The connected pixels from low_hu to high_hu inside the skull, around a click.

    smooth_mm: necks thinner than this are not crossed, nor kept.
    """

    low_hu: float = 48.0
    high_hu: float = 100.0
    smooth_mm: float = 1.5
    through_slices: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a value without sense."""
        _rising(self.low_hu, self.high_hu)
        _within("smooth_mm", self.smooth_mm, 0, 10)


@dataclass(frozen=True)
class PushOptions:
    """diameter_mm: of the disc that pushes the outline."""

    diameter_mm: float = 16.0

    def __post_init__(self) -> None:
        """Raise ValueError for a value without sense."""
        _within("diameter_mm", self.diameter_mm, 0.5, 200)


@dataclass(frozen=True)
class SnapOptions:
    """reach_mm: a gap to the inner table up to this is closed."""

    reach_mm: float = 5.0

    def __post_init__(self) -> None:
        """Raise ValueError for a value without sense."""
        _within("reach_mm", self.reach_mm, 0, 30)


ToolOptions = LivewireOptions | GrowOptions | BrushOptions | FillOptions | PushOptions | SnapOptions
DEFAULTS: tuple[ToolOptions, ...] = (
    LivewireOptions(),
    GrowOptions(),
    BrushOptions(),
    EraserOptions(),
    FillOptions(),
    PushOptions(),
    SnapOptions(),
)
