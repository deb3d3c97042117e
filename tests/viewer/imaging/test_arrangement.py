"""Arrangements of viewports survive JSON; whatever else stands there is refused as a whole."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.imaging.arrangement import Arrangement, from_json, to_json, without
from viewer.imaging.layouts import COMPARE, FOUR, LAYOUTS, SINGLE, Plane, grid
from viewer.imaging.pane import Links, Pane
from viewer.imaging.placement import ViewState
from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.turned import Facing
from viewer.imaging.windows import BONE, BRAIN, Function, Table, Window

finite = st.floats(-1e4, 1e4)
vectors = st.tuples(finite, finite, finite)
windows = st.builds(
    Window,
    st.text(max_size=8),
    st.floats(1, 8000),
    finite,
    st.sampled_from(Function),
    st.none() | st.builds(Table, st.integers(-2000, 2000), st.binary(min_size=1, max_size=9)),
)
views = st.builds(
    ViewState,
    st.floats(0.1, 60),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
    st.booleans(),
)
keys = st.tuples(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5))
facings = st.builds(Facing().turned, st.floats(-180, 180), st.floats(-180, 180))
panes = st.builds(
    Pane,
    windows,
    st.sampled_from(Plane),
    st.none() | st.builds(Slab, st.sampled_from(SlabKind), st.floats(0.5, 100)),
    st.booleans(),
    st.none() | keys,
    st.integers(0, 999),
    facings,
    views,
    st.none() | st.integers(0, 5),
)


@st.composite
def arrangements(draw: st.DrawFn) -> Arrangement:
    layout = draw(st.sampled_from((*LAYOUTS, grid(1, 1), grid(3, 2))))
    count = len(layout.cells)
    return Arrangement(
        layout,
        tuple(draw(panes) for _ in range(count)),
        draw(st.integers(0, count - 1)),
        draw(st.none() | st.integers(0, count - 1)),
        draw(st.builds(Links, st.booleans(), st.booleans(), st.booleans(), st.booleans())),
        tuple(draw(st.lists(st.tuples(keys, vectors), max_size=2))),
        draw(st.none() | vectors),
        draw(st.booleans()),
    )


@given(arrangements())
def test_an_arrangement_comes_back_as_it_was(arrangement: Arrangement) -> None:
    assert from_json(json.loads(json.dumps(to_json(arrangement)))) == arrangement


def example() -> dict[str, Any]:
    """Compare as JSON: a list and a dictionary at every place that is damaged below."""
    pane = Pane(BRAIN, slab=Slab(SlabKind.MEAN, 5.0), series=("1", "2"))
    made = Arrangement(COMPARE, (Pane(BRAIN), pane), offsets_mm=((("1", "2"), (1.0, 2.0, 3.0)),))
    read: dict[str, Any] = json.loads(json.dumps(to_json(made)))
    return read


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("layout",), "grid_9x9"),
        (("layout",), "single"),  # which has one viewport
        (("panes",), None),
        (("active",), 2),
        (("maximised",), -1),
        (("links",), {}),
        (("offsets_mm",), [["1", "2", 0, 0]]),
        (("offsets_mm",), [["1", "2", 0, 0, float("nan")]]),
        (("crosshair",), [1, 2]),
        (("panes", 0, "window", "width"), 0),
        (("panes", 0, "window", "function"), "CUBIC"),
        (("panes", 0, "window", "table"), [0, "%%%"]),
        (("panes", 0, "plane"), "diagonal"),
        (("panes", 1, "slab"), ["mean", 0]),
        (("panes", 1, "series"), ["1"]),
        (("panes", 1, "facing"), [1, 0, 0, 1, 0, 0]),
        (("panes", 1, "facing"), [2, 0, 0, 0, 1, 0]),
        (("panes", 1, "view", "zoom"), float("inf")),
        (("panes", 1, "view"), []),
        (("panes", 1, "stop"), "here"),
    ],
)
def test_what_is_no_arrangement_is_refused(where: tuple[str | int, ...], value: object) -> None:
    kept = example()
    from_json(kept)
    place: Any = kept
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    with pytest.raises(ValueError, match=r"\w"):
        from_json(kept)


def test_numbers_out_of_range_are_taken_to_the_nearest_end() -> None:
    kept = example()
    kept["panes"][0]["view"] |= {"zoom": 1e9, "centre": [-3, 7], "quarter_turns": 7}
    kept["panes"][0]["stop"] = -4
    pane = from_json(kept).panes[0]
    assert pane.view == ViewState(60.0, (0.0, 1.0), quarter_turns=3)
    assert pane.stop == 0


def test_viewports_of_a_series_that_is_gone_show_the_open_one_from_the_start() -> None:
    gone = Pane(BONE, Plane.CORONAL, series=("1", "9"), stop=7, view=ViewState(zoom=3.0))
    stays = replace(gone, series=("1", "2"))
    offsets = ((("1", "9"), (1.0, 0.0, 0.0)), (("1", "2"), (0.0, 1.0, 0.0)))
    arrangement = Arrangement(FOUR, (Pane(BRAIN), gone, stays, Pane(BRAIN)), offsets_mm=offsets)
    assert arrangement.series == {("1", "9"), ("1", "2")}
    left = without(arrangement, frozenset({("1", "9")}))
    assert left.panes[1] == Pane(BONE, Plane.CORONAL)
    assert left.panes[2] == stays
    assert left.offsets_mm == offsets[1:]


def test_a_layout_needs_a_state_for_each_viewport() -> None:
    with pytest.raises(ValueError, match="Single has 1 viewports, got 2"):
        Arrangement(SINGLE, (Pane(BRAIN), Pane(BRAIN)))
