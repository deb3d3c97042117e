"""A DICOM segmentation laid on the series that it was drawn on: its segments as masks of that series' slices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom.geometry import normal_of
from viewer.dicom.segmentation import Frame, Segment, Segmentation
from viewer.dicom.series import Series, SliceHeader

Mask = npt.NDArray[np.bool_]
_SAME_MM = 0.1
_HALF_PIXEL = 0.5


@dataclass(frozen=True)
class OverlaidSegment:
    """One segment on a series. masks: bool (rows, columns) by the number of the slice, of those it touches."""

    segment: Segment
    masks: dict[int, Mask]

    @property
    def name(self) -> str:
        """What a list calls it."""
        return next((text for text in self.segment.texts if text), f"Segment {self.segment.number}")

    @property
    def pixels(self) -> int:
        """How many pixels it marks on all slices."""
        return sum(int(np.count_nonzero(mask)) for mask in self.masks.values())


@dataclass(frozen=True)
class Overlaid:
    """A segmentation on a series. kind: BINARY, FRACTIONAL (from half of the maximum on) or LABELMAP.

    astray: frames with a mask that lies on no slice of the series.
    """

    kind: str
    segments: tuple[OverlaidSegment, ...]
    astray: int


def overlay(drawn: Segmentation, series: Series) -> Overlaid:
    """Lay a segmentation on a series: by the slices that its frames name, else by position.

    Raises PterionError where no mask lies on the series, or one is off its slice's grid (another size, turned,
    beside it), or the pixels are damaged.
    """
    masks: dict[int, dict[int, Mask]] = {segment.number: {} for segment in drawn.segments}
    by_place = (
        not drawn.frame_of_reference_uid or drawn.frame_of_reference_uid == series.frame_of_reference_uid
    )
    astray = 0
    for frame, found in drawn.masks():
        marked = {number: mask for number, mask in found.items() if mask.any()}
        if not marked:
            continue
        index = place_of(frame, drawn, series.slices, by_place=by_place)
        if index is None:
            astray += 1
            continue
        for number, mask in marked.items():
            held = masks.setdefault(number, {})
            held[index] = held[index] | mask if index in held else mask
    if astray and not any(masks.values()):
        raise PterionError(_elsewhere(drawn, by_place=by_place), code="SEG_ELSEWHERE")
    named = {segment.number: segment for segment in drawn.segments}
    segments = (
        OverlaidSegment(named.get(number, Segment(number, (), ("", ""))), held)
        for number, held in masks.items()
    )
    return Overlaid(drawn.kind, tuple(segments), astray)


def _elsewhere(drawn: Segmentation, *, by_place: bool) -> str:
    where = "lies on no slice of this series" if by_place else "was drawn in another frame of reference"
    return f"{drawn.path.name} {where}. Open the series that it was drawn on."


def place_of(
    frame: Frame, drawn: Segmentation, slices: Sequence[SliceHeader], *, by_place: bool = True
) -> int | None:
    """The number of the slice that a frame belongs to, None where it is none of these.

    by_place: a frame that names none of the slices belongs to the one at its position.

    Raises PterionError where it belongs to one but lies on another grid: another size, turned, or beside it.
    """
    named = {(each.dicom_sop_uid, each.frame): index for index, each in enumerate(slices)}
    found = {named[source] for source in frame.sources if source in named}
    if len(found) == 1:
        index = found.pop()
    else:
        nearest = _nearest(frame, slices) if by_place else None
        if nearest is None:
            return None
        index = nearest
    _require_grid(frame, drawn, slices[index])
    return index


def _nearest(frame: Frame, slices: Sequence[SliceHeader]) -> int | None:
    """The slice at the frame's position along the normal, up to the rounding of positions."""
    if frame.position_mm is None:
        return None
    for index, place in enumerate(slices):
        if place.position_mm is None or place.orientation is None:
            continue
        away = np.subtract(frame.position_mm, place.position_mm)
        if abs(float(away @ normal_of(place.orientation))) <= _SAME_MM:
            return index
    return None


def _require_grid(frame: Frame, drawn: Segmentation, place: SliceHeader) -> None:
    """Raise PterionError where the pixels of a frame are not those of the slice."""
    wrong = ""
    if (drawn.rows, drawn.columns) != (place.rows, place.columns):
        wrong = f"it has {drawn.rows} × {drawn.columns} pixels, the slice {place.rows} × {place.columns}"
    elif (
        frame.orientation
        and place.orientation
        and not np.allclose(frame.orientation, place.orientation, atol=0.01)
    ):
        wrong = "it is turned against the slice"
    elif (
        frame.spacing_mm
        and place.spacing_mm
        and not np.allclose(frame.spacing_mm, place.spacing_mm, rtol=0.01)
    ):
        wrong = f"its pixels are {frame.spacing_mm} mm, those of the slice {place.spacing_mm} mm"
    elif frame.position_mm and place.position_mm:
        away = float(np.linalg.norm(np.subtract(frame.position_mm, place.position_mm)))
        if away > _HALF_PIXEL * min(place.spacing_mm or (1.0,)) + _SAME_MM:
            wrong = f"it lies {away:.1f} mm beside the slice"
    if wrong:
        raise PterionError(
            f"A mask of {drawn.path.name} is off the grid of its slice: {wrong}. Get the pair again."
        )
