"""CT display windows: width and level in HU, and their lookup."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Window:
    """A display window. width >= 1 and level in HU; `name` is empty for one set by hand."""

    name: str
    width: float
    level: float

    def __post_init__(self) -> None:
        """Raise ValueError where the width is below 1."""
        if self.width < 1:
            raise ValueError(f"a window's width must be at least 1 HU, got {self.width}")


BRAIN = Window("Brain", 80, 40)
SUBDURAL = Window("Subdural", 200, 75)
STROKE = Window("Stroke", 40, 40)
BONE = Window("Bone", 2800, 600)
SOFT_TISSUE = Window("Soft tissue", 260, 80)
POSTERIOR_FOSSA = Window("Posterior fossa", 120, 40)
PRESETS = {2: BRAIN, 3: SUBDURAL, 4: STROKE, 5: BONE, 6: SOFT_TISSUE, 7: POSTERIOR_FOSSA}
"""Preset by its key; 1 is the header's window, 0 is `auto_window`."""


def auto_window(hu: npt.NDArray[np.int16]) -> Window:
    """A window from the 1st to the 99th percentile of the tissue (above -200 HU) in `hu`."""
    tissue = hu[hu > -200]
    low, high = np.percentile(tissue if tissue.size else hu, [1, 99])
    return Window("Auto", max(float(high - low), 1.0), float(low + high) / 2)
