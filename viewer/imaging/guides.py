"""Where one picture cuts another: reference lines."""

import numpy as np

from viewer.imaging.reformat import Vector
from viewer.imaging.sections import Section

Segment = tuple[tuple[float, float], tuple[float, float]]
LEAST_ANGLE = 0.05
"""Sine of the angle below which two planes count as parallel (about 3°)."""


def crossing(
    own: Section, stop: int, its: Section, its_stop: int, shift: Vector = (0.0, 0.0, 0.0)
) -> Segment | None:
    """The line (two image points of `own`) on which the picture `its_stop` of another section cuts it.

    shift: added to the other's places to have them in the frame of `own`. None where the planes are parallel, or
    the pictures do not meet.
    """
    directions, facing = own.orientation(stop), its.orientation(its_stop)
    origin, base = own.patient_mm(stop, (0.5, 0.5)), its.patient_mm(its_stop, (0.5, 0.5))
    if directions is None or facing is None or origin is None or base is None:
        return None
    normal = np.cross(facing[:3], facing[3:])
    distance = float(normal @ (np.array(base) + np.array(shift) - np.array(origin)))
    down_mm, right_mm = own.spacing_mm
    across = float(normal @ np.array(directions[:3])) * right_mm
    below = float(normal @ np.array(directions[3:])) * down_mm
    if np.hypot(across / right_mm, below / down_mm) < LEAST_ANGLE:
        return None
    return _clipped(across, below, distance, own.shape)


def _clipped(a: float, b: float, c: float, shape: tuple[int, int]) -> Segment | None:
    """The part of a·(x − .5) + b·(y − .5) = c within an image of `shape` (rows, columns)."""
    rows, columns = shape
    points: list[tuple[float, float]] = []
    if abs(b) > 1e-12:
        points += [(x, (c - a * (x - 0.5)) / b + 0.5) for x in (0.0, float(columns))]
    if abs(a) > 1e-12:
        points += [((c - b * (y - 0.5)) / a + 0.5, y) for y in (0.0, float(rows))]
    slack = 1e-6
    inside = sorted(
        (x, y) for x, y in points if -slack <= x <= columns + slack and -slack <= y <= rows + slack
    )
    if len(inside) < 2 or np.hypot(inside[-1][0] - inside[0][0], inside[-1][1] - inside[0][1]) < slack:
        return None
    return inside[0], inside[-1]
