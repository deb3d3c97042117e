"""Layouts of the reading room: how many viewports, where each lies, and what each shows to begin with."""

from dataclasses import dataclass, replace
from enum import StrEnum

from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.windows import BONE, BRAIN, SUBDURAL, Window

Box = tuple[int, int, int, int]
"""x, y, width, height in px."""

GAP_PX = 2
GRID_MOST = 4
THIN_GAP_MM, THIN_COUNT = 2.0, 60
"""A series whose slices lie closer than this, and that has at least so many, is read in slabs."""
THIN_SLAB = Slab(SlabKind.MEAN, 5.0)


class Plane(StrEnum):
    """Which way a viewport cuts: as the slices were acquired, or across them."""

    ACQUIRED = "acquired"
    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"
    OBLIQUE = "oblique"


@dataclass(frozen=True)
class Cell:
    """A viewport's place as shares of the whole: left, top, width, height, each from 0 to 1."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Start:
    """What a viewport shows when its layout is chosen.

    slab: the viewport shows thin data in slabs. overlay: with the model's masks. prior: a series of a prior study.
    """

    window: Window
    plane: Plane = Plane.ACQUIRED
    slab: bool = False
    overlay: bool = True
    prior: bool = False


@dataclass(frozen=True)
class Layout:
    """A name, and a cell and a start for each viewport. The first viewport is the large one where one is large."""

    id: str
    name: str
    cells: tuple[Cell, ...]
    starts: tuple[Start, ...]

    def __post_init__(self) -> None:
        """Raise ValueError where cells and starts do not pair up."""
        if not self.cells or len(self.cells) != len(self.starts):
            raise ValueError(
                f"a layout needs a start for each cell, got {len(self.cells)}, {len(self.starts)}"
            )


def grid(rows: int, columns: int) -> Layout:
    """Viewports in rows and columns, up to 4 × 4, all in the brain window.

    Raises ValueError for more or fewer.
    """
    if not (1 <= rows <= GRID_MOST and 1 <= columns <= GRID_MOST):
        raise ValueError(f"a grid has 1 to {GRID_MOST} rows and columns, got {rows} × {columns}")
    cells = tuple(
        Cell(column / columns, row / rows, 1 / columns, 1 / rows)
        for row in range(rows)
        for column in range(columns)
    )
    start = Start(BRAIN, slab=True)
    return Layout(f"grid_{rows}x{columns}", f"{rows} × {columns}", cells, (start,) * len(cells))


_LARGE = 2 / 3
_BESIDE = grid(1, 2).cells
READ = Layout(
    "read",
    "Read",
    (Cell(0, 0, _LARGE, 1), Cell(_LARGE, 0, 1 - _LARGE, 0.5), Cell(_LARGE, 0.5, 1 - _LARGE, 0.5)),
    (Start(BRAIN), Start(SUBDURAL), Start(BONE)),
)
SINGLE = Layout("single", "Single", (Cell(0, 0, 1, 1),), (Start(BRAIN),))
FOUR = Layout(
    "four",
    "2 × 2",
    grid(2, 2).cells,
    (
        Start(BRAIN, Plane.AXIAL, slab=True),
        Start(BRAIN, Plane.CORONAL, slab=True),
        Start(BRAIN, Plane.SAGITTAL, slab=True),
        Start(BONE, Plane.AXIAL),
    ),
)
COMPARE = Layout("compare", "Compare", _BESIDE, (Start(BRAIN), Start(BRAIN, prior=True)))
AI = Layout("ai", "AI", _BESIDE, (Start(BRAIN, overlay=False), Start(BRAIN)))
LAYOUTS = (READ, SINGLE, FOUR, COMPARE, AI)
"""The layouts made for head CT, in the order of menus and keys."""


def layout_of(id_: str) -> Layout | None:
    """The layout with an id, None where nobody knows it."""
    for layout in LAYOUTS:
        if layout.id == id_:
            return layout
    sides = id_.removeprefix("grid_").split("x")
    if id_.startswith("grid_") and len(sides) == 2 and all(side in ("1", "2", "3", "4") for side in sides):
        return grid(int(sides[0]), int(sides[1]))
    return None


def thin(gaps_mm: tuple[float, ...]) -> bool:
    """Whether slices with these gaps are so many and so close that they are read in slabs."""
    ordered = sorted(gaps_mm)
    return len(ordered) + 1 >= THIN_COUNT and ordered[len(ordered) // 2] < THIN_GAP_MM


def fitting(gaps_mm: tuple[float, ...], *, cuts: bool) -> Layout:
    """The layout for a series: thin data in three planes of mean slabs, if it can be cut; else Read."""
    return FOUR if cuts and thin(gaps_mm) else READ


def starting_slab(start: Start, gaps_mm: tuple[float, ...]) -> Slab | None:
    """The slab a viewport begins with."""
    return replace(THIN_SLAB) if start.slab and thin(gaps_mm) else None


def boxes(layout: Layout, width: int, height: int, maximised: int | None = None) -> tuple[Box, ...]:
    """Where each viewport lies, `GAP_PX` apart and filling the whole; with `maximised`, that one fills it alone and
    the others are empty."""
    if maximised is not None:
        return tuple(
            (0, 0, width, height) if n == maximised else (0, 0, 0, 0) for n in range(len(layout.cells))
        )
    return tuple(_box(cell, width, height) for cell in layout.cells)


def _box(cell: Cell, width: int, height: int) -> Box:
    left, right = _span(cell.left, cell.left + cell.width, width)
    top, bottom = _span(cell.top, cell.top + cell.height, height)
    return left, top, right - left, bottom - top


def _span(start: float, end: float, size: int) -> tuple[int, int]:
    """First pixel and end of a share of `size`; half a gap is taken from inner borders."""
    first = 0 if start <= 0 else round((size - GAP_PX) * start) + GAP_PX
    return first, size if end >= 1 - 1e-9 else round((size - GAP_PX) * end)
