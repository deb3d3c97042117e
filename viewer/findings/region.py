"""The regions of the model's masks: connected parts with volume, side, place, thickness and the slice to look at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model.labels import ANY, BY_CODE, SCORES
from viewer.dicom.volume import Volume
from viewer.findings.components import Part, parts_of
from viewer.findings.frame import F64, Frame, frame_of
from viewer.findings.head import Head, find_head
from viewer.findings.places import SHEETS, Side, place_of, side_of, spread_of
from viewer.findings.shift import NO_HEAD, Shift, midline_shift
from viewer.findings.thickness import Thickness, thickest, thickest_sheet

SMALLEST_ML = 0.1
"""Parts below this are counted, not listed, where their subtype has a larger one."""
SMALLEST_PX = 8
MOST_LISTED = 12
"""Regions of one subtype that are listed; the others are counted with the small ones."""


@dataclass(frozen=True, eq=False)
class Region:
    """One suspected region. Slices are counted from 0.

    code: one of `model.labels.SCORES`. pixels: slice → places in the flattened slice, empty where the model scored
    the slices but drew nothing. peak: the slice with the highest score. score: its score for `code`.
    pixel: (column, row) deep inside the region on the peak slice; it names the region in a verdict.
    volume_ml, hu, side, thickness: None where they cannot be known; place: empty then.
    """

    code: str
    first: int
    last: int
    peak: int
    score: float
    pixels: Mapping[int, npt.NDArray[np.intp]] = field(default_factory=dict)
    pixel: tuple[int, int] = (0, 0)
    volume_ml: float | None = None
    hu: float | None = None
    side: Side | None = None
    place: str = ""
    thickness: Thickness | None = None

    @property
    def where(self) -> str:
        """Side and place: `left convexity, frontal`, `falx`, `midline`, empty where neither is known."""
        named = self.place in ("falx", "interhemispheric fissure", "third ventricle", "fourth ventricle")
        if self.side is None or (named and self.side is Side.MIDLINE):
            return self.place
        if self.side is Side.BOTH:
            return f"{self.place}, both sides" if self.place else "both sides"
        return f"{self.side} {self.place}".strip()


@dataclass(frozen=True, eq=False)
class Regions:
    """What the masks of one series amount to.

    found: most suspicious subtype first, then largest first. specks: how many parts of each subtype were too small to
    list. shift: None where it could not be measured; no_shift says why.
    """

    found: tuple[Region, ...] = ()
    specks: Mapping[str, int] = field(default_factory=dict)
    shift: Shift | None = None
    no_shift: str = ""


def find_regions(
    volume: Volume,
    masks: npt.NDArray[np.uint8],
    slice_scores: npt.NDArray[np.float32],
    codes: Sequence[str],
    thresholds: Mapping[str, float],
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Regions:
    """The regions of the suspected subtypes `codes` (`any`: of all that is drawn) in a volume that is loaded.

    masks: uint8 (slices, rows, columns). slice_scores: float32 (slices, 6), NaN where a slice was not scored.
    thresholds: from where a slice counts as suspected, for subtypes of which nothing is drawn.
    """
    frame = frame_of(volume)
    head = None if frame is None or cancelled() else find_head(volume.hu, frame)
    found: list[Region] = []
    specks: dict[str, int] = {}
    for code in codes:
        if cancelled():
            return Regions()
        column = np.nan_to_num(slice_scores[:, SCORES.index(code)], nan=0.0)
        drawn = masks > 0 if code == ANY else masks == BY_CODE[code].value
        shifts = frame.shifts_px if frame is not None else None
        parts = parts_of(drawn, shifts, volume.series.gaps_mm)
        listed = _worth_listing(parts, volume, frame)
        if len(parts) > len(listed):
            specks[code] = len(parts) - len(listed)
        made = [_region(code, part, volume, column, frame, head) for part in listed]
        found += made or _runs(code, column, thresholds.get(code, 0.5))
    if cancelled():
        return Regions()
    shift = NO_HEAD if head is None else midline_shift(volume.hu, masks, head)
    if isinstance(shift, str):
        return Regions(tuple(found), specks, no_shift=shift)
    return Regions(tuple(found), specks, shift)


def _worth_listing(parts: tuple[Part, ...], volume: Volume, frame: Frame | None) -> tuple[Part, ...]:
    """The parts large enough to be listed; the largest one in any case."""
    kept = [
        part
        for part in parts
        if part.count >= SMALLEST_PX and ((ml := _ml(part, volume, frame)) is None or ml >= SMALLEST_ML)
    ]
    return tuple(kept[:MOST_LISTED]) or parts[:1]


def _ml(part: Part, volume: Volume, frame: Frame | None) -> float | None:
    weights = frame.weights_mm if frame is not None else volume.thickness_weights_mm()
    known = volume.series.slices[0].spacing_mm is not None
    if not known or not weights.any():
        return None
    area = volume.spacing_mm[0] * volume.spacing_mm[1]
    return float(sum(flat.size * weights[index] for index, flat in part.pixels.items())) * area / 1000


def _region(
    code: str,
    part: Part,
    volume: Volume,
    column: npt.NDArray[np.float32],
    frame: Frame | None,
    head: Head | None,
) -> Region:
    rows_columns = (volume.hu.shape[1], volume.hu.shape[2])
    # Of slices that the model is as sure of, the one with most of the region.
    peak = max(part.slices, key=lambda index: (round(float(column[index]), 2), part.pixels[index].size))
    hu = np.concatenate([volume.hu[index].reshape(-1)[flat] for index, flat in part.pixels.items()])
    side, place, thickness = None, "", None
    if frame is not None and head is not None:
        spread = spread_of(*_places(part, frame, head, rows_columns[1]), head)
        if spread is not None:
            side, place = side_of(spread), place_of(code, spread, vertex_known=head.complete)
        if code in ("EDH", "SDH"):
            sheet = place in SHEETS
            thickness = (
                thickest_sheet(part.pixels, frame.spacing_mm, rows_columns)
                if sheet
                else thickest(part.pixels, head, rows_columns)
            )
    return Region(
        code,
        part.slices[0],
        part.slices[-1],
        peak,
        float(column[peak]),
        part.pixels,
        _deepest(part.pixels[peak], rows_columns[1]),
        _ml(part, volume, frame),
        float(hu.mean()),
        side,
        place,
        thickness,
    )


def _places(part: Part, frame: Frame, head: Head, columns: int) -> tuple[F64, F64]:
    """Places (n, 3) of some of a part's pixels and their depth below the inner table of their slice, mm."""
    from scipy import ndimage

    points, depths = [], []
    step = max(1, part.count // 4000)
    down, right = head.step
    sampling = frame.spacing_mm[0] * down, frame.spacing_mm[1] * right
    for index, flat in part.pixels.items():
        row, column = np.divmod(flat[::step], columns)
        points.append(frame.points_mm(index, row, column))
        inside = np.pad(head.inside[index], 1)
        depth = ndimage.distance_transform_edt(inside, sampling=sampling)[1:-1, 1:-1]
        depths.append(
            depth[
                np.minimum(row // down, depth.shape[0] - 1), np.minimum(column // right, depth.shape[1] - 1)
            ]
        )
    return np.concatenate(points), np.concatenate(depths)


def _deepest(flat: npt.NDArray[np.intp], columns: int) -> tuple[int, int]:
    """(column, row) of the pixel furthest from the edge of a slice's part."""
    from scipy import ndimage

    row, column = np.divmod(flat, columns)
    cut = np.zeros((int(np.ptp(row)) + 3, int(np.ptp(column)) + 3), np.bool_)
    cut[row - row.min() + 1, column - column.min() + 1] = True
    best = np.unravel_index(int(ndimage.distance_transform_edt(cut).argmax()), cut.shape)
    return int(best[1] + column.min() - 1), int(best[0] + row.min() - 1)


def _runs(code: str, column: npt.NDArray[np.float32], threshold: float) -> list[Region]:
    """Neighbouring suspected slices of a subtype of which nothing is drawn."""
    over = np.flatnonzero(column >= threshold)
    runs = [run for run in np.split(over, np.flatnonzero(np.diff(over) > 1) + 1) if run.size]
    return [
        Region(code, int(run[0]), int(run[-1]), peak, float(column[peak]))
        for run in runs
        for peak in [int(run[column[run].argmax()])]
    ]
