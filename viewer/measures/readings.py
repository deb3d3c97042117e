"""What a measure comes to on the pixels of its series: numbers with units, and what to be careful about."""

import math
from dataclasses import dataclass, field

import numpy as np

from viewer.dicom.series import Problem
from viewer.dicom.volume import Volume
from viewer.imaging.reformat import Stack
from viewer.measures import abc2, geometry
from viewer.measures.geometry import PIXELS, Scale
from viewer.measures.measure import CutPlane, Kind, Measure, Plane, SlicePlane
from viewer.measures.regions import (
    Statistics,
    region_area,
    region_perimeter,
    statistics,
    values_on_cut,
    values_on_slice,
)

UNCALIBRATED = "The pixel size is unknown: in pixels, not mm."
SQUARE_ASSUMED = "The pixel size is unknown: square pixels are assumed."
ESTIMATED = "The pixel size is estimated; so are lengths and areas."
NOT_READ = "The slice is not loaded."
ELSEWHERE = "Its slice is not in this series any more."
NO_PIXELS = "It holds no pixel's centre: too small, or beside the image."
NO_HEIGHT = "The distance between the slices is unknown: no C and no volume."
_KEPT = 2048
_SERIES_KEPT = 2
"""The open series and its prior; others would only hold memory."""


@dataclass(frozen=True)
class Value:
    """One number. name: `mean`; unit: `HU`, `mm`, `mm²`, `mL`, `°`, `px`, `px²`, or none for a count."""

    name: str
    number: float
    unit: str


@dataclass(frozen=True)
class Reading:
    """What a measure comes to. `values` begins with the one that matters most; empty where nothing could be measured.

    slice_index: of the source slice, None across the slices or where it is not in the series. side: `left` or `right`
    of the patient for a midline shift, empty where it is not known. cautions: sentences.
    """

    measure: Measure
    values: tuple[Value, ...]
    slice_index: int | None = None
    statistics: Statistics | None = None
    side: str = ""
    cautions: tuple[str, ...] = ()

    def number(self, name: str) -> float:
        """The number of this name. Raises KeyError where there is none."""
        for value in self.values:
            if value.name == name:
                return value.number
        raise KeyError(name)


def index_of(volume: Volume, sop_uid: str, frame: int) -> int | None:
    """The slice of a series with this UID and frame, None where it has none."""
    return volume.series.places.get((sop_uid, frame))


def scale_of(volume: Volume, plane: Plane) -> Scale:
    """The size of a unit of a plane's points."""
    if isinstance(plane, CutPlane):
        return Scale(1.0, 1.0, "mm", Problem.SPACING_ESTIMATED in volume.series.problems)
    if Problem.NO_SPACING in volume.series.problems:
        return PIXELS
    down, across = volume.spacing_mm
    return Scale(across, down, "mm", Problem.SPACING_ESTIMATED in volume.series.problems)


def stack_of(volume: Volume) -> Stack:
    """The slices of a series as the cuts across them take it. Raises PterionError where they make no stack."""
    positions, orientation = volume.positions_mm, volume.series.slices[0].orientation
    if positions is None or orientation is None:
        positions, orientation = np.zeros((0, 3)), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    return Stack(volume.hu, positions, orientation, volume.spacing_mm)


def read(measure: Measure, volume: Volume) -> Reading:
    """Measure `measure` on the source pixels of its series."""
    scale = scale_of(volume, measure.plane)
    index = None
    if isinstance(measure.plane, SlicePlane):
        index = index_of(volume, measure.plane.sop_uid, measure.plane.frame)
        if index is None:
            return Reading(measure, (), cautions=(ELSEWHERE,))
    if measure.kind.is_region or measure.kind is Kind.PROBE:
        return _region(measure, volume, scale, index)
    if measure.kind is Kind.ABC2:
        return _abc2(measure, volume, scale, index)
    return _lengths(measure, volume, scale, index)


def _lengths(measure: Measure, volume: Volume, scale: Scale, index: int | None) -> Reading:
    """Lengths, an angle, a shift."""
    points = scale.apply(measure.points)
    values: tuple[Value, ...]
    side = ""
    if measure.kind is Kind.ANGLE:
        first, vertex, second = points
        values = (Value("angle", geometry.angle_deg(first, vertex, second), "°"),)
        return Reading(measure, values, index, cautions=() if scale.calibrated else (SQUARE_ASSUMED,))
    if measure.kind is Kind.BIDIRECTIONAL:
        lengths = geometry.length(*points[:2]), geometry.length(*points[2:])
        values = (Value("long", max(lengths), scale.unit), Value("short", min(lengths), scale.unit))
    elif measure.kind is Kind.MIDLINE:
        shift = abs(geometry.side_of(*points))
        values, side = (Value("shift", shift, scale.unit),), _side(measure, volume, index)
    else:
        values = (Value("length", geometry.length(*points), scale.unit),)
    return Reading(measure, values, index, side=side, cautions=_cautions(scale))


def _cautions(scale: Scale) -> tuple[str, ...]:
    if not scale.calibrated:
        return (UNCALIBRATED,)
    return (ESTIMATED,) if scale.estimated else ()


def _region(measure: Measure, volume: Volume, scale: Scale, index: int | None) -> Reading:
    """Area and perimeter of the border, HU of the pixels in it."""
    cautions = _cautions(scale) if measure.kind.is_region else ()
    found = None
    if (index is not None and volume.loaded[index]) or (index is None and volume.loaded.all()):
        if isinstance(measure.plane, CutPlane):
            hu = values_on_cut(stack_of(volume), measure.plane, measure.kind, measure.points)
        else:
            hu = values_on_slice(volume.hu[index], measure.kind, measure.points)
        found = statistics(hu)
        cautions += () if found else (NO_PIXELS,)
    else:
        cautions += (NOT_READ,)
    if measure.kind is Kind.PROBE:
        probed = (Value("HU", found.mean, "HU"),) if found else ()
        return Reading(measure, probed, index, cautions=cautions)
    shape = (
        Value("area", region_area(measure.kind, measure.points, scale), f"{scale.unit}²"),
        Value("perimeter", region_perimeter(measure.kind, measure.points, scale), scale.unit),
    )
    if found is None:
        return Reading(measure, shape, index, cautions=cautions)
    numbers = (("mean", found.mean), ("SD", found.sd), ("min", found.minimum), ("max", found.maximum))
    hu_values = tuple(Value(name, float(number), "HU") for name, number in numbers)
    values = (*shape[:1], *hu_values, Value("pixels", found.count, ""), *shape[1:])
    return Reading(measure, values, index, found, cautions=cautions)


def _abc2(measure: Measure, volume: Volume, scale: Scale, index: int | None) -> Reading:
    """A, B and C, and the volume where lengths are in mm."""
    points = scale.apply(measure.points)
    a, b = geometry.length(*points[:2]), geometry.length(*points[2:])
    lengths = (Value("A", a, scale.unit), Value("B", b, scale.unit))
    weights = volume.thickness_weights_mm()
    places = [index_of(volume, share.sop_uid, share.frame) for share in measure.shares]
    if not scale.calibrated:
        return Reading(measure, lengths, index, cautions=_cautions(scale))
    if any(place is None for place in places):
        return Reading(measure, lengths, index, cautions=(*_cautions(scale), ELSEWHERE))
    along = [float(weights[place]) for place in places if place is not None]
    if not all(along):
        return Reading(measure, lengths, index, cautions=(*_cautions(scale), NO_HEIGHT))
    c = abc2.c_mm(measure.shares, along)
    values = (Value("volume", abc2.volume_ml(a, b, c), "mL"), *lengths, Value("C", c, "mm"))
    return Reading(measure, values, index, cautions=_cautions(scale))


def _side(measure: Measure, volume: Volume, index: int | None) -> str:
    """The side of the patient to which the septum is shifted, empty where nobody knows."""
    header = volume.series.slices[index] if index is not None else None
    if header is None or header.orientation is None:
        return ""
    down, across = volume.spacing_mm
    points = [(x * across, y * down) for x, y in measure.points]
    foot, septum = geometry.foot(*points), points[2]
    right, below = septum[0] - foot[0], septum[1] - foot[1]
    towards_left = header.orientation[0] * right + header.orientation[3] * below
    if math.isclose(towards_left, 0.0, abs_tol=1e-9):
        return ""
    return "left" if towards_left > 0 else "right"


@dataclass
class _Known:
    """The readings of one series, kept alive. final: those that no further pixel changes, by the measure's id, the
    measure kept alive: they are asked for at every step, and hashing a measure takes as long as painting it."""

    volume: Volume
    readings: dict[Measure, tuple[int, Reading]] = field(default_factory=dict)
    final: dict[int, tuple[Measure, Reading]] = field(default_factory=dict)


class Readings:
    """Readings of the series on the screen, each worked out once, and again when more of its pixels are there."""

    def __init__(self) -> None:
        self._series: dict[int, _Known] = {}  # by the volume's id

    def of(self, measure: Measure, volume: Volume) -> Reading:
        """The reading of a measure on a series."""
        known = self._series.get(id(volume))
        if known is None:
            if len(self._series) >= _SERIES_KEPT:
                self._series.clear()
            known = self._series[id(volume)] = _Known(volume)
        final = known.final.get(id(measure))
        if final is not None:
            return final[1]
        reading = _told(measure, known)
        if NOT_READ not in reading.cautions:
            if len(known.final) >= _KEPT:
                known.final.clear()
            known.final[id(measure)] = (measure, reading)
        return reading


def _told(measure: Measure, known: _Known) -> Reading:
    """The reading, worked out where it was not for an equal measure, or where more pixels have come since."""
    loaded = int(np.count_nonzero(known.volume.loaded))
    before = known.readings.get(measure)
    if before is not None and (before[0] == loaded or NOT_READ not in before[1].cautions):
        return before[1]
    if len(known.readings) >= _KEPT:
        known.readings.clear()
    reading = read(measure, known.volume)
    known.readings[measure] = (loaded, reading)
    return reading
