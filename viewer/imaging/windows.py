"""CT display windows: width and level in HU, presets, and the arithmetic of dragging them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from model.errors import PterionError

DRAG_SHARE_PER_PX = 1 / 240
"""Share of the window's width that one pixel of a drag changes: fine in a narrow window, fast in a wide one."""
SOFT_HU, LEAST_SOFT_SHARE = (-30, 130), 0.02
AIR_HU, LEAST_DENSE_SHARE = -200, 0.05
WIDEST, LEVELS = 8000.0, (-2000.0, 6000.0)


class Function(StrEnum):
    """How HU become grey within a window (PS3.3 C.11.2.1.2.1 and C.11.2.1.3)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True)
class Table:
    """A look-up table in place of a function: `first_hu` and below show the first of `greys`, a byte each."""

    first_hu: int
    greys: bytes

    def __post_init__(self) -> None:
        """Raise ValueError for an empty table."""
        if not self.greys:
            raise ValueError("a look-up table needs entries")


@dataclass(frozen=True)
class Window:
    """A display window. width >= 1 and level in HU; `name` is empty for one set by hand.

    table: takes the place of the function; width and level then say what it spans.
    """

    name: str
    width: float
    level: float
    function: Function = Function.LINEAR
    table: Table | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where the width is below 1 or a number is not finite."""
        if not (np.isfinite(self.width) and self.width >= 1):
            raise ValueError(f"a window's width must be at least 1 HU, got {self.width}")
        if not np.isfinite(self.level):
            raise ValueError(f"a window's level must be a number of HU, got {self.level}")


BRAIN = Window("Brain", 80, 40)
SUBDURAL = Window("Subdural", 200, 75)
STROKE = Window("Stroke", 40, 40)
BONE = Window("Bone", 2800, 600)
SOFT_TISSUE = Window("Soft tissue", 260, 80)
POSTERIOR_FOSSA = Window("Posterior fossa", 120, 40)
PRESETS = {2: BRAIN, 3: SUBDURAL, 4: STROKE, 5: BONE, 6: SOFT_TISSUE, 7: POSTERIOR_FOSSA}
"""Preset by its key; 1 is the header's window, 0 is `auto_window`."""


def header_window(header: tuple[float, float] | None) -> Window | None:
    """The window that a file asks for as (width, level), or None where it names none that can be shown."""
    if header is None or not all(np.isfinite(header)) or header[0] < 1:
        return None
    return Window("Header", float(header[0]), float(header[1]))


def auto_window(hu: npt.NDArray[np.int16]) -> Window:
    """A window from the 1st to the 99th percentile of the soft tissue (-30 to 130 HU) in `hu`; where there is
    hardly any, of all that is denser than air; where that is little too (a localizer), of everything."""
    tissue = hu[(hu > SOFT_HU[0]) & (hu < SOFT_HU[1])]
    if tissue.size < hu.size * LEAST_SOFT_SHARE:
        dense = hu[hu > AIR_HU]
        tissue = hu if dense.size < hu.size * LEAST_DENSE_SHARE else dense
    low, high = np.percentile(tissue, [1, 99])
    return Window("Auto", max(float(high - low), 1.0), float(low + high) / 2)


def by_hand(name: str, width: float, level: float) -> Window:
    """A reader's own preset. Raises PterionError where it cannot be shown."""
    name = name.strip()
    if not name:
        raise PterionError("A window needs a name. Type one.")
    if not (np.isfinite(width) and 1 <= width <= WIDEST):
        raise PterionError(f"A window's width must be 1 to {WIDEST:g} HU, got {width:g}. Type another.")
    if not (np.isfinite(level) and LEVELS[0] <= level <= LEVELS[1]):
        raise PterionError(f"A window's level must be {LEVELS[0]:g} to {LEVELS[1]:g} HU, got {level:g}.")
    return Window(name, float(width), float(level))


def dragged(window: Window, right_px: float, down_px: float) -> Window:
    """`window` after a drag: right widens, down brightens (IHE Basic Image Review), in whole HU.

    The step grows with the width at the start of the drag, so that bone moves as readily as brain.
    """
    step = max(window.width * DRAG_SHARE_PER_PX, 0.25)
    width = min(max(round(window.width + right_px * step), 1), WIDEST)
    level = min(max(round(window.level - down_px * step), LEVELS[0]), LEVELS[1])
    return Window("", float(width), float(level), window.function)
