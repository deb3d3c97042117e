"""Numbers of a header as far as they can be true: what no scanner writes is as good as missing.

Values beyond these bounds are typing errors, damage or attacks, and arithmetic on them overflows.
"""

import math

_FAR_MM = 1e6
_LONGEST_MM, _SHORTEST_MM = 1e4, 1e-4
_VALUES = 1e6
_COUNT = 1 << 31
"""Integer strings hold 32 bits (PS3.5 6.2)."""

Six = tuple[float, float, float, float, float, float]


def position(values: tuple[float, ...] | None) -> tuple[float, float, float] | None:
    """ImagePositionPatient if it is three numbers within a kilometre."""
    if values is None or len(values) != 3:
        return None
    x, y, z = values
    return values if abs(x) <= _FAR_MM and abs(y) <= _FAR_MM and abs(z) <= _FAR_MM else None


def orientation(values: tuple[float, ...] | None) -> Six | None:
    """ImageOrientationPatient as two unit vectors if it is two perpendicular ones within 1 %."""
    if values is None or len(values) != 6 or not all(abs(value) <= 2 for value in values):
        return None
    lengths = (math.hypot(*values[:3]), math.hypot(*values[3:]))
    dot = sum(a * b for a, b in zip(values[:3], values[3:], strict=True))
    if any(abs(size - 1) > 0.01 for size in lengths) or abs(dot) > 0.01:
        return None
    return (values[0], values[1], values[2], values[3], values[4], values[5])


def spacing(values: tuple[float, ...] | None) -> tuple[float, float] | None:
    """PixelSpacing (between rows, between columns) if it is two lengths."""
    if values is None or len(values) != 2 or any(length(value) is None for value in values):
        return None
    return (values[0], values[1])


def length(value: float | None) -> float | None:
    """A positive number of millimetres between a tenth of a micrometre and ten metres."""
    return value if value is not None and _SHORTEST_MM <= value <= _LONGEST_MM else None


def window(width: float | None, centre: float | None) -> tuple[float, float] | None:
    """(width, level) if they make sense."""
    if width is None or centre is None or not 0 < width <= _VALUES or not abs(centre) <= _VALUES:
        return None
    return (width, centre)


def amount(value: float | None) -> float | None:
    """A positive number of kilovolts, milliamperes or milliampere-seconds."""
    return value if value is not None and 0 < value <= _VALUES else None


def whole(value: float | None) -> int | None:
    """A number of an instance or a series."""
    return int(value) if value is not None and abs(value) < _COUNT else None
