"""Reference lines lie where planes cross; letters are right under every flip, turn and plane."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.imaging.guides import crossing
from viewer.imaging.orientation import direction_letters, edge_letters
from viewer.imaging.placement import Placement, ViewState
from viewer.imaging.reformat import Stack
from viewer.imaging.sections import Acquired, Across, Section
from viewer.imaging.turned import Facing, Solid, Turned

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def stack(tilt: float = 0.0) -> Stack:
    """20 slices of 24 × 30 pixels of 1 mm, 2 mm apart, sheared down the columns by `tilt` mm a mm."""
    positions = np.array([(-15.0, -12.0 + tilt * 2 * i, 2.0 * i) for i in range(20)])
    return Stack(np.zeros((20, 24, 30), np.int16), positions, AXIAL, (1.0, 1.0))


def sections(tilt: float = 0.0) -> dict[str, Section]:
    """One of each plane."""
    made = stack(tilt)
    return {
        "axial": Acquired(made.hu, made.spacing_mm, made.positions_mm, [AXIAL] * 20),
        "coronal": Across(made, "coronal"),
        "sagittal": Across(made, "sagittal"),
        "oblique": Turned(Solid(made), Facing().turned(25, 50)),
    }


PLANES = st.sampled_from(["axial", "coronal", "sagittal", "oblique"])


@given(PLANES, PLANES, st.floats(0, 1), st.floats(0, 1), st.sampled_from([0.0, 0.3]))
def test_a_reference_line_lies_in_both_planes(
    one: str, other: str, at: float, its_at: float, tilt: float
) -> None:
    shown = sections(tilt)
    own, its = shown[one], shown[other]
    stop, its_stop = round(at * (own.count - 1)), round(its_at * (its.count - 1))
    segment = crossing(own, stop, its, its_stop)
    if one == other:
        assert segment is None
        return
    if segment is None:  # it passes beside the picture
        return
    facing = its.orientation(its_stop)
    base = its.patient_mm(its_stop, (0.5, 0.5))
    assert facing is not None
    assert base is not None
    normal = np.cross(facing[:3], facing[3:])
    for point in segment:
        assert -1e-6 <= point[0] <= own.shape[1] + 1e-6
        assert -1e-6 <= point[1] <= own.shape[0] + 1e-6
        place = own.patient_mm(stop, point)
        assert abs(normal @ (np.array(place) - np.array(base))) < 1e-6


def test_the_axial_slice_crosses_the_coronal_picture_level() -> None:
    shown = sections()
    segment = crossing(shown["coronal"], 5, shown["axial"], 7)
    assert segment is not None
    place = shown["axial"].patient_mm(7, (0.5, 0.5))
    assert place is not None
    row = shown["coronal"].image_point(place)
    assert row is not None
    assert [point[1] for point in segment] == pytest.approx([row[2]] * 2)
    assert sorted(point[0] for point in segment) == [0.0, 30.0]


def test_a_shift_moves_the_line_by_so_many_mm() -> None:
    shown = sections()
    plain = crossing(shown["coronal"], 5, shown["axial"], 7)
    moved = crossing(shown["coronal"], 5, shown["axial"], 7, (0.0, 0.0, 3.0))
    assert plain is not None
    assert moved is not None
    assert plain[0][1] - moved[0][1] == pytest.approx(3.0)  # the head is up, pixels are 1 mm


@given(
    PLANES,
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
    st.floats(0.25, 8),
    st.floats(-0.4, 0.4),
    st.floats(0, 1),
)
def test_letters_name_the_way_to_each_edge(
    plane: str, across: bool, down: bool, turns: int, zoom: float, tilt: float, at: float
) -> None:
    """From the middle of the screen to an edge the patient's coordinates change the way the edge's letters say."""
    section = sections(tilt)[plane]
    stop = round(at * (section.count - 1))
    view = ViewState(zoom=zoom, flip_horizontal=across, flip_vertical=down, quarter_turns=turns)
    placement = Placement.of(section.shape, section.spacing_mm, (400, 300), view)
    orientation = section.orientation(stop)
    assert orientation is not None
    edges = edge_letters(orientation, placement)
    middle = section.patient_mm(stop, placement.to_image((200, 150)))
    for point, letters in (
        ((0, 150), edges.left),
        ((400, 150), edges.right),
        ((200, 0), edges.top),
        ((200, 300), edges.bottom),
    ):
        place = section.patient_mm(stop, placement.to_image(point))
        way = np.array(place) - np.array(middle)
        way /= np.linalg.norm(way)
        assert direction_letters(tuple(way)) == letters  # type: ignore[arg-type]
        axis, sign = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "H": (2, 1), "F": (2, -1)}[
            letters[0]
        ]
        assert way[axis] * sign == pytest.approx(np.abs(way).max())
