"""The order of slices that do not say where they lie."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from viewer.dicom.instance import Instance
from viewer.dicom.series import SliceHeader

_Item = TypeVar("_Item")


def natural(items: Iterable[_Item], place_of: Callable[[_Item], SliceHeader]) -> list[_Item]:
    """Items in the order of slices without a position: instance number, then frame, then file name (2 before 10)."""
    groups: dict[tuple[bool, int, int], list[_Item]] = {}
    for item in items:
        place = place_of(item)
        number = place.instance_number
        groups.setdefault((number is None, number or 0, place.frame), []).append(item)
    ordered: list[_Item] = []
    for key in sorted(groups):
        alike = groups[key]
        ordered += sorted(alike, key=lambda item: _name(place_of(item).path)) if len(alike) > 1 else alike
    return ordered


def _name(path: Path) -> tuple[tuple[bool, int, str], ...]:
    """Sort key of a file name in which numbers count as numbers."""
    return counting(str(path))


def counting(text: str | bytes) -> tuple[tuple[bool, int, str], ...]:
    """Sort key of a text in which numbers count as numbers."""
    parts = re.split(r"(\d+)", text if isinstance(text, str) else text.decode("latin-1"))
    return tuple((part.isdigit(), int(part) if part.isdecimal() else 0, part) for part in parts)


def own(item: Instance) -> SliceHeader:
    """The slice of an instance, to order instances by."""
    return item.slice
