"""The letters at the edges of a viewport: which way in the patient each edge points, under any flip and turn."""

from dataclasses import dataclass

from viewer.imaging.placement import Placement

Orientation = tuple[float, float, float, float, float, float]

OBLIQUE = 0.25
"""A second letter is written where more than this share of the direction (about 15°) points that way."""
_LETTERS = (
    ("L", "R"),
    ("P", "A"),
    ("H", "F"),
)  # towards + and - of each axis of the patient (PS3.3 C.7.6.2.1.1)
_OPPOSITE = str.maketrans("LRPAHF", "RLAPFH")


@dataclass(frozen=True)
class Edges:
    """The letters of the four edges."""

    left: str
    top: str
    right: str
    bottom: str


def direction_letters(direction: tuple[float, float, float]) -> str:
    """One or two letters, the stronger first, for a unit vector in patient coordinates (LPS)."""
    parts = sorted(
        (
            (abs(part), names[0] if part > 0 else names[1])
            for part, names in zip(direction, _LETTERS, strict=True)
        ),
        reverse=True,
    )
    return parts[0][1] + (parts[1][1] if parts[1][0] > OBLIQUE else "")


def edge_letters(orientation: Orientation, placement: Placement) -> Edges:
    """The letters of a slice with ImageOrientationPatient `orientation` as `placement` shows it."""
    right, down = (1, 0), (0, 1)
    names = []
    for screen in (right, down):
        column, row = _image_direction(screen, placement)
        patient = tuple(orientation[axis] * column + orientation[3 + axis] * row for axis in range(3))
        names.append(direction_letters(patient))  # type: ignore[arg-type]
    towards_right, towards_bottom = names
    return Edges(
        left=towards_right.translate(_OPPOSITE),
        top=towards_bottom.translate(_OPPOSITE),
        right=towards_right,
        bottom=towards_bottom,
    )


def _image_direction(screen: tuple[int, int], placement: Placement) -> tuple[int, int]:
    """The image direction (column, row; each -1, 0 or 1) that points along a screen axis."""
    a, b, c, d, _, _ = placement.matrix
    column, row = a * screen[0] + c * screen[1], b * screen[0] + d * screen[1]
    return (_sign(column), _sign(row))


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
