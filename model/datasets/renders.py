"""Rendered slices and traced polygons: greys of several windows back to HU, JSON point lists to masks."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets.ct_ich import read_grey
from model.errors import PterionError

Window = tuple[float, float]
"""Level and width, HU."""

WINDOWS: dict[str, Window] = {
    "brain_window": (40.0, 80.0),
    "subdural_window": (100.0, 254.0),
    "brain_bone_window": (600.0, 2800.0),
    "bone_window": (600.0, 2800.0),
}
"""Folders of renders that can be turned back, and their windows, which are fastai's (`fastai.medical.imaging`,
dicom_windows). `max_contrast_window` is not among them: its greys are equalised for each slice."""

_BLACK, _WHITE = 2, 253
_ENOUGH_PIXELS = 500
_TOLERANCE_HU = 4.0
_OFF = 0.01

Grey = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def hu_of_renders(
    place: Path, image: str, windows: Mapping[str, Window]
) -> tuple[npt.NDArray[np.int16], list[str]]:
    """HU int16 (rows, columns) of an image from all its renders in `place`/<window>, and the windows that were used.

    Each pixel takes its value from the narrowest window that does not clip it; beyond the widest one it stays at that
    window's end. Raises PterionError where renders are missing or damaged, differ in size, or show another window.
    """
    found = {name: place / name / f"{image}.jpg" for name in windows}
    greys = {name: read_grey(path) for name, path in found.items() if path.is_file()}
    if not greys:
        raise PterionError(f"{image} has no render in renders/{place.name}. Copy the data set again.")
    if len({grey.shape for grey in greys.values()}) > 1:
        raise PterionError(f"The renders of {image} differ in size. Copy the data set again.")
    names = sorted(greys, key=lambda name: -windows[name][1])
    for narrow, wide in zip(names[1:], names, strict=False):
        _require_agreement(image, wide, greys[wide], windows[wide], greys[narrow], windows[narrow])
    hu = to_hu(greys[names[0]], windows[names[0]])
    for name in names[1:]:
        hu = np.where(_unclipped(greys[name]), to_hu(greys[name], windows[name]), hu)
    return np.rint(hu).astype(np.int16), sorted(names)


def to_hu(grey: Grey, window: Window) -> npt.NDArray[np.float64]:
    """HU of 8-bit greys: 0 is level - width / 2, 255 is level + width / 2."""
    level, width = window
    return np.asarray(grey * (width / 255) + (level - width / 2), np.float64)


def _unclipped(grey: Grey) -> Mask:
    return np.asarray((grey > _BLACK) & (grey < _WHITE))


def _require_agreement(
    image: str, name: str, wide: Grey, window: Window, narrow: Grey, narrow_window: Window
) -> None:
    """Raise PterionError where two renders of a slice cannot both be of the windows that they are taken for."""
    both = _unclipped(wide) & _unclipped(narrow)
    if both.sum() < _ENOUGH_PIXELS:
        return
    fine, coarse = to_hu(narrow, narrow_window)[both], to_hu(wide, window)[both]
    if abs(float(np.median(coarse - fine))) <= max(_TOLERANCE_HU, window[1] / 255):
        return
    slope, offset = np.polyfit(wide[both].astype(np.float64), fine, 1)
    width = 255 * float(slope)
    raise PterionError(
        f"{name} of {image} does not show level {window[0]:g}, width {window[1]:g}, but about "
        f"{offset + width / 2:.0f}, {width:.0f}. Say --window {name}=LEVEL/WIDTH."
    )


def polygons_mask(text: str, shape: tuple[int, ...], image: str, *, readers: bool) -> Mask:
    """Mask bool (rows, columns) of polygons as JSON: pixels whose centre is inside one.

    readers: the outer list has one entry a reader, and a pixel is in where more than half of them drew it. Raises
    PterionError where the text is no list of polygons, or a polygon lies off the image.
    """
    try:
        parsed = _parsed(text)
        drawn = [list(_rings(each)) for each in (_by_reader(parsed) if readers else [parsed])]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise PterionError(
            f"The polygons of {image} cannot be read ({error}). Get the file again."
        ) from error
    votes = np.zeros(shape, np.int32)
    for rings in drawn:
        mask = np.zeros(shape, np.bool_)
        for ring in rings:
            mask |= _ring_mask(ring, shape, image)
        votes += mask
    return np.asarray(2 * votes > len(drawn))


def rings_of(text: str) -> list[npt.NDArray[np.float64]]:
    """Every polygon of a JSON text, points (n, 2) of x and y from 0 to 1. Raises ValueError, TypeError or KeyError."""
    return list(_rings(_parsed(text)))


def _parsed(text: str) -> Any:
    """JSON, also with single quotes, as some of the files have it."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return json.loads(text.replace("'", '"'))


def _by_reader(parsed: Any) -> list[Any]:
    """What each reader drew: polygons, their text, or nothing."""
    if not isinstance(parsed, list):
        raise TypeError("it is no list")
    if parsed and all(_is_point(each) for each in parsed):
        return [parsed]
    return [_parsed(each) if isinstance(each, str) and each.strip() else each or [] for each in parsed]


def _is_point(value: Any) -> bool:
    return isinstance(value, dict) and "x" in value and "y" in value


def _rings(value: Any) -> Iterator[npt.NDArray[np.float64]]:
    """Every polygon in nested lists, as points (n, 2) of x and y; those of fewer than three points are no area."""
    if isinstance(value, str):
        value = _parsed(value) if value.strip() else []
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    if value and all(_is_point(each) for each in value):
        if len(value) >= 3:
            yield np.array([(float(point["x"]), float(point["y"])) for point in value])
        return
    for each in value:
        yield from _rings(each)


def _ring_mask(ring: npt.NDArray[np.float64], shape: tuple[int, ...], image: str) -> Mask:
    from skimage.draw import polygon2mask

    if not np.isfinite(ring).all() or ring.min() < -_OFF or ring.max() > 1 + _OFF:
        far = ring[np.abs(np.nan_to_num(ring, nan=9.0) - 0.5).max(1).argmax()]
        raise PterionError(
            f"A polygon of {image} reaches ({far[0]:g}, {far[1]:g}), off the image, which spans 0 to 1. Correct it."
        )
    # Pixel (row, column) has its centre at ((column + 0.5) / columns, (row + 0.5) / rows).
    corners = ring[:, ::-1] * np.array(shape) - 0.5
    fill: Any = polygon2mask
    return np.asarray(fill(shape, corners), np.bool_)
