"""Left and right never swap: the letters follow the picture under every flip and turn."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.imaging.orientation import Edges, Orientation, direction_letters, edge_letters
from viewer.imaging.placement import Placement

AXIAL: Orientation = (1, 0, 0, 0, 1, 0)


def shown(orientation: Orientation, flip_h: bool = False, flip_v: bool = False, turns: int = 0) -> Edges:
    placement = Placement(
        100, 100, (1, 1), (300, 200), flip_horizontal=flip_h, flip_vertical=flip_v, quarter_turns=turns
    )
    return edge_letters(orientation, placement)


def test_axial_is_shown_radiologically() -> None:
    assert shown(AXIAL) == Edges(left="R", top="A", right="L", bottom="P")


def test_coronal_and_sagittal() -> None:
    assert shown((1, 0, 0, 0, 0, -1)) == Edges("R", "H", "L", "F")
    assert shown((0, 1, 0, 0, 0, -1)) == Edges("A", "H", "P", "F")


def test_flips_and_turns() -> None:
    assert shown(AXIAL, flip_h=True) == Edges("L", "A", "R", "P")
    assert shown(AXIAL, flip_v=True) == Edges("R", "P", "L", "A")
    assert shown(AXIAL, turns=1) == Edges("P", "R", "A", "L")
    assert shown(AXIAL, turns=3) == Edges("A", "L", "P", "R")


def test_tilted_gantry_names_the_second_direction() -> None:
    tilt = math.radians(18.5)
    edges = shown((1, 0, 0, 0, math.cos(tilt), -math.sin(tilt)))
    assert edges == Edges("R", "AH", "L", "PF")


def test_slightly_oblique_has_one_letter() -> None:
    assert direction_letters((math.cos(0.2), math.sin(0.2), 0)) == "L"


@given(st.booleans(), st.booleans(), st.integers(0, 7))
def test_a_point_on_the_patients_left_lies_at_the_edge_called_left(
    flip_h: bool, flip_v: bool, turns: int
) -> None:
    placement = Placement(
        100, 100, (1, 1), (300, 200), flip_horizontal=flip_h, flip_vertical=flip_v, quarter_turns=turns
    )
    x, y = placement.to_screen((90, 50))  # axial: high columns are the patient's left
    edges = edge_letters(AXIAL, placement)
    nearest = {"left": -(x - 150), "right": x - 150, "top": -(y - 100), "bottom": y - 100}
    assert getattr(edges, max(nearest, key=lambda edge: nearest[edge])) == "L"


@pytest.mark.parametrize("turns", range(4))
def test_opposite_edges_carry_opposite_letters(turns: int) -> None:
    edges = shown(AXIAL, turns=turns)
    assert {frozenset((edges.left, edges.right)), frozenset((edges.top, edges.bottom))} == {
        frozenset("LR"),
        frozenset("AP"),
    }
