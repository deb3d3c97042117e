"""Side and place of a part in words, by its position in the head. Estimates: a head is not an atlas."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from viewer.findings.frame import F64
from viewer.findings.head import Head

MIDLINE_MM = 9.0
"""A part that stays this near the midplane lies at the midline."""
ONE_SIDED = 0.85
"""Share of a part that lies on one side before it is called that side's."""


SHEETS = ("falx", "tentorium")
"""Places at which a bleed lies along the dura, away from the skull."""


class Side(StrEnum):
    """Where a part lies as the patient has it."""

    LEFT = "left"
    RIGHT = "right"
    MIDLINE = "midline"
    BOTH = "both sides"


@dataclass(frozen=True)
class Spread:
    """A part in the coordinates of its head, medians unless a name says otherwise.

    left_mm: to the left of the midplane; near_mm: the 90th percentile of the distance from it.
    forward: from back (-1) to front (1). below_mm: below the vertex, scaled to an adult's head.
    depth_mm: below the nearest inner table (on its slices). aside: left_mm over half the head's width.
    """

    left_mm: float
    near_mm: float
    left_share: float
    forward: float
    below_mm: float
    depth_mm: float
    aside: float


ADULT_HALF_WIDTH_MM = 66.0


def spread_of(points_mm: F64, depths_mm: F64, head: Head) -> Spread | None:
    """Where places (n, 3) lie in the head; None where its midplane is unknown."""
    if head.midplane is None:
        return None
    left = head.midplane.left_mm(points_mm)
    scale = ADULT_HALF_WIDTH_MM / max(head.half_width_mm, 30.0)
    forward = (points_mm - head.centre_mm) @ head.forward / max(head.half_length_mm, 30.0)
    below = head.top_mm - points_mm @ head.upward
    return Spread(
        float(np.median(left)),
        float(np.percentile(np.abs(left), 90)),
        float((left > 0).mean()),
        float(np.median(forward)),
        float(np.median(below)) * scale,
        float(np.median(depths_mm)),
        float(abs(np.median(left))) / max(head.half_width_mm, 30.0),
    )


def side_of(spread: Spread) -> Side:
    """The side of a part."""
    if spread.near_mm <= MIDLINE_MM:
        return Side.MIDLINE
    if spread.left_share >= ONE_SIDED:
        return Side.LEFT
    if spread.left_share <= 1 - ONE_SIDED:
        return Side.RIGHT
    return Side.BOTH


def place_of(code: str, spread: Spread, *, vertex_known: bool) -> str:
    """The place in words (`convexity, frontal`, `falx`, `lateral ventricle` …), empty where it cannot be told.

    vertex_known: whether heights are known: they are counted from the top of the head.
    """
    if code in ("EDH", "SDH"):
        return _at_the_skull(spread, vertex_known=vertex_known)
    if not vertex_known:
        return ""
    if code == "IVH":
        return _ventricle(spread)
    if code == "SAH":
        return _subarachnoid(spread)
    return _in_the_brain(spread)


def _at_the_skull(spread: Spread, *, vertex_known: bool) -> str:
    if spread.near_mm <= MIDLINE_MM and spread.depth_mm > 4:
        return "falx"
    if not vertex_known:
        return "convexity" if spread.depth_mm <= 12 else ""
    if spread.forward < 0.15 and 62 < spread.below_mm < 112 and spread.depth_mm > 7 and spread.aside < 0.75:
        return "tentorium"
    if spread.below_mm > 108 and spread.forward < 0.1:
        return "posterior fossa"
    return f"convexity, {_lobe(spread)}"


def _lobe(spread: Spread) -> str:
    if spread.below_mm > 68 and -0.5 < spread.forward < 0.55 and spread.aside > 0.45:
        return "temporal"
    if spread.forward > 0.18:
        return "frontal"
    if spread.forward < -0.62:
        return "occipital"
    return "parietal"


def _ventricle(spread: Spread) -> str:
    if spread.below_mm > 100 and spread.near_mm < 18:
        return "fourth ventricle"
    if spread.near_mm <= 6 and spread.below_mm > 66:
        return "third ventricle"
    return "lateral ventricle" if spread.left_share in (0.0, 1.0) or spread.aside > 0.1 else "ventricles"


def _subarachnoid(spread: Spread) -> str:
    if spread.below_mm > 78 and spread.near_mm < 32 and spread.depth_mm > 18:
        return "basal cisterns"
    if spread.depth_mm > 12 and spread.aside > 0.4 and 55 < spread.below_mm < 105:
        return "Sylvian fissure"
    if spread.near_mm <= MIDLINE_MM:
        return "interhemispheric fissure"
    return f"sulci, {_lobe(spread)}"


def _in_the_brain(spread: Spread) -> str:
    if spread.below_mm > 103 and spread.forward < 0.05:
        return "posterior fossa"
    if spread.depth_mm > 25 and spread.aside < 0.62 and -0.4 < spread.forward < 0.4 and spread.below_mm > 55:
        return "basal ganglia or thalamus"
    return f"{_lobe(spread)} lobe"
