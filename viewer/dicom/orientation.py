"""Which side of the patient is at which edge of the picture."""

from collections.abc import Sequence

_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
_OBLIQUE = 0.1


def direction_letters(direction: Sequence[float]) -> str:
    """Letters of a direction in patient coordinates (LPS), the strongest first.

    A second and third letter follow where that component is above a tenth (about 6°), as in `AH`.
    """
    order = sorted(range(3), key=lambda axis: -abs(direction[axis]))
    return "".join(
        _LETTERS[axis][int(direction[axis] < 0)]
        for rank, axis in enumerate(order)
        if rank == 0 or abs(direction[axis]) > _OBLIQUE
    )


def orientation_letters(orientation: Sequence[float] | None) -> tuple[str, str, str, str]:
    """Letters at the (left, right, top, bottom) edge of an unturned slice; empty where unknown.

    orientation: ImageOrientationPatient: the first three point to the right edge, the others to the bottom
    (PS3.3 C.7.6.2.1.1).
    """
    if orientation is None:
        return ("", "", "", "")
    right, bottom = orientation[:3], orientation[3:]
    left, top = [-value for value in right], [-value for value in bottom]
    return (
        direction_letters(left),
        direction_letters(right),
        direction_letters(top),
        direction_letters(bottom),
    )
