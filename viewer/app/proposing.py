"""The model's shapes: made once when a series is scored, told apart by region, to be accepted or rejected."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.labels import ANY
from viewer.annotation.events import Group, SetProposals
from viewer.annotation.proposals import found_shapes
from viewer.dicom.series import SliceHeader
from viewer.findings.region import Region
from viewer.findings.verdict import REJECTED_SHAPES, Decision, Verdict
from viewer.findings.verdict_on import verdict_of


@dataclass(frozen=True)
class Shapes:
    """offer: what the editor is offered. of_region: uids of the shapes of each region, in their order."""

    offer: SetProposals
    of_region: tuple[frozenset[str], ...]


def shapes_of(
    masks: npt.NDArray[np.uint8],
    codes: Sequence[str],
    regions: Sequence[Region],
    slices: Sequence[SliceHeader],
    model_id: str,
) -> Shapes:
    """The shapes of the subtypes `codes` in a model's masks, uint8 (slices, rows, columns), and whose they are."""
    found = found_shapes(masks, slices, model_id, codes=codes)
    owned: list[set[str]] = [set() for _ in regions]
    rejections = {}
    for shape in found:
        place, (column, row) = slices[shape.index], shape.pixel
        rejections[shape.annotation.uid] = Verdict(
            Decision.REJECTED, model_id, shape.annotation.subtype, place.sop_uid, place.frame, shape.pixel
        )
        flat = row * masks.shape[2] + column
        owner = next((n for n, region in enumerate(regions) if _holds(region, shape.index, flat)), None)
        if owner is not None and regions[owner].code in (shape.annotation.subtype, ANY):
            owned[owner].add(shape.annotation.uid)
    groups = tuple(
        Group(
            frozenset(uids),
            verdict_of(region, Decision.ACCEPTED, model_id, slices),
            verdict_of(region, Decision.DISMISSED, model_id, slices, REJECTED_SHAPES),
        )
        for region, uids in zip(regions, owned, strict=True)
        if uids
    )
    offer = SetProposals(tuple(shape.annotation for shape in found), rejections, groups)
    return Shapes(offer, tuple(map(frozenset, owned)))


def _holds(region: Region, index: int, flat: int) -> bool:
    pixels = region.pixels.get(index)
    if pixels is None:
        return False
    at = int(np.searchsorted(pixels, flat))
    return at < pixels.size and int(pixels[at]) == flat
