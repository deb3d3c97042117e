"""Which region a verdict is about, and what is left to look at."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from viewer.findings.region import Region
from viewer.findings.verdict import Decision, Verdict


class Place(Protocol):
    """What a slice is called in the files."""

    @property
    def sop_uid(self) -> str:
        """SOP Instance UID."""

    @property
    def frame(self) -> int:
        """Frame of a file of many."""


def verdict_of(
    region: Region, decision: Decision, model_id: str, slices: Sequence[Place], reason: str = ""
) -> Verdict:
    """The verdict on a region of one model's findings."""
    place = slices[region.peak]
    return Verdict(decision, model_id, region.code, place.sop_uid, place.frame, region.pixel, reason)


def decided(
    region: Region, verdicts: Iterable[Verdict], model_id: str, slices: Sequence[Place], columns: int
) -> Verdict | None:
    """The verdict on a region, the last one where there are several, or None. columns: of a slice."""
    places = {(slices[index].sop_uid, slices[index].frame): index for index in _slices(region)}
    found = None
    for verdict in verdicts:
        if verdict.decision is Decision.REJECTED:
            continue
        if (verdict.model_id, verdict.subtype) != (model_id, region.code):
            continue
        index = places.get((verdict.sop_uid, verdict.frame))
        if index is None:
            continue
        flat = verdict.pixel[1] * columns + verdict.pixel[0]
        if not region.pixels or flat in region.pixels.get(index, ()):
            found = verdict
    return found


def _slices(region: Region) -> Iterable[int]:
    return region.pixels or range(region.first, region.last + 1)


def with_verdict(
    verdicts: tuple[Verdict, ...], old: Verdict | None, new: Verdict | None
) -> tuple[Verdict, ...]:
    """Verdicts with one taken away, or put in its place, or added."""
    kept = tuple(v for v in verdicts if v != old and (new is None or v.uid != new.uid))
    return kept if new is None else (*kept, replace(new))


def without(masks: npt.NDArray[np.uint8], regions: Iterable[Region]) -> npt.NDArray[np.uint8]:
    """Masks (slices, rows, columns) without the pixels of regions; the masks themselves where there are none."""
    gone = [region for region in regions if region.pixels]
    if not gone:
        return masks
    left = masks.copy()
    for region in gone:
        for index, flat in region.pixels.items():
            left[index].reshape(-1)[flat] = 0
    return left


def open_regions(
    found: Sequence[Region], verdicts: Mapping[int, Verdict], reviewed: Collection[int]
) -> tuple[int, ...]:
    """Places of the regions that nobody decided about and whose most suspicious slice is not among the `reviewed`."""
    return tuple(
        number
        for number, region in enumerate(found)
        if number not in verdicts and region.peak not in reviewed
    )


def next_open(left: Sequence[int], current: int | None) -> int | None:
    """The first of `left` behind `current`, going round; the first of all where there is no current one."""
    behind = [number for number in left if current is not None and number > current]
    return behind[0] if behind else next(iter(left), None)
