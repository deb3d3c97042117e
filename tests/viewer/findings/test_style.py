"""How masks are painted, and which verdict belongs to which region."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import CODES
from viewer.findings.doubts import close_calls
from viewer.findings.region import Region
from viewer.findings.style import EDGE, FILL, Look, OverlayStyle, style_from_json
from viewer.findings.verdict import Decision
from viewer.findings.verdict_on import (
    decided,
    next_open,
    open_regions,
    verdict_of,
    with_verdict,
    without,
)


def test_looks_fill_outline_or_both() -> None:
    assert OverlayStyle().of("SDH") == (FILL, EDGE)
    assert OverlayStyle(Look.OUTLINE).of("SDH") == (0.0, EDGE)
    assert OverlayStyle(Look.FILL).of("SDH") == (FILL, FILL)


def test_one_subtype_is_hidden_or_fainter_than_the_others() -> None:
    style = OverlayStyle(opacity=0.5).with_opacity(0.2, "SDH").with_shown("IPH", shown=False)
    assert style.of("EDH") == (FILL * 0.5, EDGE * 0.5)
    assert style.of("SDH") == (FILL * 0.2, EDGE * 0.2)
    assert style.of("IPH") == (0.0, 0.0)
    assert style.with_shown("IPH", shown=True).of("IPH") == (FILL * 0.5, EDGE * 0.5)


@given(
    st.sampled_from(Look),
    st.floats(0, 1),
    st.frozensets(st.sampled_from(CODES)),
    st.dictionaries(st.sampled_from(CODES), st.floats(0, 1)),
)
def test_a_style_reads_as_it_was_written(
    look: Look, opacity: float, hidden: frozenset[str], own: dict[str, float]
) -> None:
    style = OverlayStyle(look, opacity, hidden, own)
    assert style_from_json(style.to_json()) == style


@pytest.mark.parametrize("values", [None, 3, {}, {"look": "x", "opacity": 1, "hidden": [], "own": {}}, []])
def test_anything_else_is_the_usual_style(values: object) -> None:
    assert style_from_json(values) == OverlayStyle()


def test_shares_outside_0_to_1_and_unknown_subtypes_are_refused() -> None:
    for fields in ({"opacity": 1.2}, {"own": {"SDH": -0.1}}, {"hidden": frozenset({"XYZ"})}):
        with pytest.raises(ValueError, match="opacities"):
            OverlayStyle(**fields)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Place:
    sop_uid: str
    frame: int = 0


SLICES = [Place(f"1.{index}") for index in range(6)]
REGION = Region("SDH", 2, 3, 3, 0.9, {2: np.array([4, 5]), 3: np.array([12, 13, 14])}, (5, 1))


def test_a_verdict_belongs_to_the_region_that_holds_its_pixel() -> None:
    verdict = verdict_of(REGION, Decision.DISMISSED, "m", SLICES, "Artefact")
    assert (verdict.sop_uid, verdict.pixel, verdict.reason) == ("1.3", (5, 1), "Artefact")
    assert decided(REGION, [verdict], "m", SLICES, 8) == verdict  # 1 · 8 + 5 = 13
    assert decided(REGION, [verdict], "other", SLICES, 8) is None
    assert decided(replace(REGION, code="EDH"), [verdict], "m", SLICES, 8) is None
    elsewhere = replace(REGION, pixels={3: np.array([40])})
    assert decided(elsewhere, [verdict], "m", SLICES, 8) is None


def test_a_second_verdict_takes_the_place_of_the_first() -> None:
    first = verdict_of(REGION, Decision.DISMISSED, "m", SLICES, "Artefact")
    second = verdict_of(REGION, Decision.ACCEPTED, "m", SLICES)
    other = replace(first, sop_uid="9")
    assert with_verdict((first, other), first, second) == (other, second)
    assert with_verdict((first, other), first, None) == (other,)


def test_dismissed_pixels_go_and_nothing_else() -> None:
    masks = np.full((6, 4, 8), 2, np.uint8)
    left = without(masks, [REGION])
    assert masks.all()
    assert np.argwhere(left.reshape(6, -1) == 0).tolist() == [[2, 4], [2, 5], [3, 12], [3, 13], [3, 14]]
    assert without(masks, []) is masks


def test_the_walk_goes_round_over_what_is_open() -> None:
    found = [replace(REGION, peak=peak) for peak in (0, 1, 2, 3)]
    verdict = verdict_of(REGION, Decision.ACCEPTED, "m", SLICES)
    left = open_regions(found, {1: verdict}, reviewed={3})
    assert left == (0, 2)
    assert [next_open(left, current) for current in (None, 0, 2, 3)] == [0, 2, 0, 0]
    assert next_open((), 1) is None


def test_scores_near_their_operating_point_are_close_calls() -> None:
    points = dict.fromkeys(CODES, 0.5)
    assert close_calls({"SDH": 0.55, "EDH": 0.9, "IPH": 0.45, "SAH": 0.1}, points, CODES) == ("SDH", "IPH")
