"""Letters at the edges of a slice."""

import numpy as np
import pytest

from viewer.dicom.orientation import orientation_letters

TILT = np.radians(18.5)


@pytest.mark.parametrize(
    ("orientation", "letters"),
    [
        ((1, 0, 0, 0, 1, 0), ("R", "L", "A", "P")),
        ((-1, 0, 0, 0, 1, 0), ("L", "R", "A", "P")),
        ((-1, 0, 0, 0, -1, 0), ("L", "R", "P", "A")),
        ((1, 0, 0, 0, 0, -1), ("R", "L", "H", "F")),
        ((0, 1, 0, 0, 0, -1), ("A", "P", "H", "F")),
        ((1, 0, 0, 0, np.cos(TILT), -np.sin(TILT)), ("R", "L", "AH", "PF")),
        ((1, 0, 0, 0, np.cos(0.05), -np.sin(0.05)), ("R", "L", "A", "P")),
        (None, ("", "", "", "")),
    ],
)
def test_letters(orientation: tuple[float, ...] | None, letters: tuple[str, ...]) -> None:
    assert orientation_letters(orientation) == letters
