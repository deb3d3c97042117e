"""Pictures cut across a stack show what lies there: tilt sheared out, gaps as they are, sides where they belong."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import PterionError
from viewer.imaging.reformat import OUTSIDE_HU, Cut, Stack, blank, cut, oblique, straighten

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
ROWS, COLUMNS = 14, 18
PLANES = ("axial", "coronal", "sagittal")


def turned(angles: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """A rotation by angles in degrees about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(angles)):
        i, j = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def stack_of(
    positions: npt.ArrayLike,
    orientation: tuple[float, ...] = AXIAL,
    spacing: tuple[float, float] = (0.8, 0.5),
    slope: tuple[float, float, float] = (3.0, -2.0, 5.0),
) -> Stack:
    """A stack whose HU rise by `slope` (HU a mm) along the patient's axes, from 100 at the origin."""
    places = np.asarray(positions, np.float64)
    right, down = np.array(orientation[:3]), np.array(orientation[3:])
    row, column = np.mgrid[:ROWS, :COLUMNS]
    points = (
        places[:, None, None] + column[..., None] * spacing[1] * right + row[..., None] * spacing[0] * down
    )
    hu = np.rint(100 + points @ np.array(slope)).astype(np.int16)
    return Stack(hu, places, orientation, spacing)


def assert_true(picture: Cut, stack: Stack, slope: tuple[float, float, float] = (3.0, -2.0, 5.0)) -> int:
    """Assert that every pixel inside the stack shows the HU of its place, within rounding; how many there are."""
    rows, columns = picture.hu.shape
    row, column = np.mgrid[:rows, :columns]
    points = (
        np.array(picture.origin_mm)
        + column[..., None] * picture.step_mm * np.array(picture.right)
        + row[..., None] * picture.step_mm * np.array(picture.down)
    )
    inside = _inside(points, stack)
    expected = 100 + points @ np.array(slope)
    assert np.abs(picture.hu - expected)[inside].max(initial=0) <= 1.1
    return int(inside.sum())


def _inside(points: npt.NDArray[np.float64], stack: Stack) -> npt.NDArray[np.bool_]:
    """Which points lie between pixel centres of both slices around them."""
    frame = points @ stack.axes.T
    heights = stack.heights_mm
    below = np.clip(np.searchsorted(heights, frame[..., 2]) - 1, 0, len(heights) - 2)
    inside = (frame[..., 2] >= heights[0]) & (frame[..., 2] <= heights[-1])
    for index in (below, below + 1):
        column = (frame[..., 0] - stack.origins_mm[index, 0]) / stack.spacing_mm[1]
        row = (frame[..., 1] - stack.origins_mm[index, 1]) / stack.spacing_mm[0]
        inside &= (column >= 0) & (column <= COLUMNS - 1) & (row >= 0) & (row <= ROWS - 1)
    return np.asarray(inside)


def tilted(angle: float, heights: list[float]) -> Stack:
    """Slices of a gantry tilted by an angle in degrees: the table moves along z, the slices lie obliquely."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return stack_of([(0, 0, z) for z in heights], (1, 0, 0, 0, float(cosine), float(-sine)))


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    "stack",
    [
        stack_of([(0, 0, 2.0 * i) for i in range(6)]),
        stack_of([(0, 0, z) for z in (0, 4, 8, 15, 22, 23.08)]),
        tilted(18.5, [0, 4, 8, 12]),
        tilted(-25, [0, 1, 2, 9, 16]),
        stack_of([(3 * (i % 2), i % 3, 5 * i) for i in range(5)]),
        stack_of([(0, 0, -2.0 * i) for i in range(6)]),
        stack_of([(0, 2.0 * i, 0) for i in range(6)], (1, 0, 0, 0, 0, -1)),
        stack_of([(1.5 * i, 0, 0) for i in range(7)], (0, 1, 0, 0, 0, -1)),
    ],
    ids=["even", "uneven", "tilted", "tilted uneven", "shifted", "from the head down", "coronal", "sagittal"],
)
def test_every_plane_shows_what_lies_there(stack: Stack, plane: str) -> None:
    middle = tuple(stack.axes.T @ stack.box_mm.mean(0))
    picture = cut(stack, plane, middle)  # type: ignore[arg-type]
    assert assert_true(picture, stack) > 50
    assert picture.picture_point(middle)[2] == pytest.approx(0, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-170, 170)] * 3),
    gaps=st.lists(st.floats(0.3, 9), min_size=2, max_size=7),
    shifts=st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=8, max_size=8),
    spacing=st.tuples(st.floats(0.3, 2), st.floats(0.3, 2)),
    where=st.floats(0.3, 0.7),
)
def test_any_stack_is_cut_true(
    angles: tuple[float, float, float],
    gaps: list[float],
    shifts: list[tuple[float, float]],
    spacing: tuple[float, float],
    where: float,
) -> None:
    """Any orientation, any gaps, any shift of the slices, any shape of the pixels."""
    axes = turned(angles)
    heights = np.concatenate([[0], np.cumsum(gaps)])
    positions = [axes.T @ np.array([*shift, z]) for shift, z in zip(shifts, heights, strict=False)]
    stack = stack_of(positions, tuple(axes[:2].reshape(-1)), spacing)
    first, last = stack.box_mm
    place = tuple(stack.axes.T @ (first + where * (last - first)))
    for plane in PLANES:
        assert_true(cut(stack, plane, place), stack)  # type: ignore[arg-type]
    right, down = turned((30, 40, 50))[:2]
    picture = oblique(stack, place, tuple(right), tuple(down), (9, 11), 0.4)
    assert_true(picture, stack)


def test_the_patient_lies_in_the_picture_as_radiologists_look_at_it() -> None:
    """Right, nose and head are at the left, the left (sagittal) or top (axial), and the top."""
    stack = stack_of([(0, 0, 2.0 * i) for i in range(6)])
    assert (cut(stack, "sagittal", (4, 5, 5)).right, cut(stack, "sagittal", (4, 5, 5)).down) == (
        (0, 1, 0),
        (0, 0, -1),
    )
    assert (cut(stack, "coronal", (4, 5, 5)).right, cut(stack, "coronal", (4, 5, 5)).down) == (
        (1, 0, 0),
        (0, 0, -1),
    )
    assert (cut(stack, "axial", (4, 5, 5)).right, cut(stack, "axial", (4, 5, 5)).down) == (
        (1, 0, 0),
        (0, 1, 0),
    )
    prone = stack_of([(9, 9, 2.0 * i) for i in range(6)], (-1, 0, 0, 0, -1, 0))
    for plane in PLANES:
        one, other = cut(stack, plane, (4, 5, 5)), cut(prone, plane, (4, 5, 5))  # type: ignore[arg-type]
        assert one.right == pytest.approx(other.right)
        assert one.down == pytest.approx(other.down)


def test_a_picture_of_the_slices_themselves_is_them() -> None:
    stack = stack_of([(0, 0, z) for z in (0, 4, 11)], spacing=(0.5, 0.5))
    for index, z in enumerate((0, 4, 11)):
        assert (cut(stack, "axial", (0, 0, z)).hu == stack.hu[index]).all()


def test_a_plane_is_cut_where_it_is_asked_for_and_not_elsewhere() -> None:
    """A sphere of 6 mm, 2 mm from the middle, appears as a circle of that size in each plane of a tilted stack."""
    count, side = 40, 64
    cosine, sine = np.cos(np.radians(18.5)), np.sin(np.radians(18.5))
    orientation = (1.0, 0.0, 0.0, 0.0, float(cosine), float(-sine))
    positions = np.array([(-16, -16, 0.8 * i) for i in range(count)])
    right, down = np.array(orientation[:3]), np.array(orientation[3:])
    row, column = np.mgrid[:side, :side]
    points = positions[:, None, None] + 0.5 * (column[..., None] * right + row[..., None] * down)
    centre = np.array([2.0, -1.0, 11.0])
    distance = np.linalg.norm(points - centre, axis=-1)
    hu = np.clip(100 * (6.5 - distance), 0, 100).astype(np.int16)  # 50 at 6 mm
    stack = Stack(hu, positions, orientation, (0.5, 0.5))
    for plane in PLANES:
        picture = cut(stack, plane, tuple(centre), 0.25)  # type: ignore[arg-type]
        rows, columns = np.nonzero(picture.hu >= 50)
        area = rows.size * 0.25**2
        assert area == pytest.approx(np.pi * 36, rel=0.02)
        place = picture.patient_mm(float(columns.mean() + 0.5), float(rows.mean() + 0.5))
        assert place == pytest.approx(tuple(centre), abs=0.15)
        spread = np.ptp(rows) - np.ptp(columns)
        assert abs(spread) <= 4  # 1 mm: round, not sheared into an ellipse


def test_outside_the_slices_is_air() -> None:
    stack = tilted(30, [0, 5, 10])
    picture = cut(stack, "sagittal", (3, 4, 5))
    assert picture.hu[0, 0] == OUTSIDE_HU or picture.hu[0, -1] == OUTSIDE_HU
    beyond = oblique(stack, (500, 500, 500), (1, 0, 0), (0, 1, 0), (3, 3), 1.0)
    assert (beyond.hu == OUTSIDE_HU).all()


@pytest.mark.parametrize("plane", PLANES)
def test_a_blank_picture_lies_where_the_cut_one_does(plane: str) -> None:
    positions = np.array([(3.0, -2.0 + 0.4 * z, 1.5 * z) for z in range(9)])
    hu = np.random.default_rng(1).integers(-1000, 1000, (9, 12, 10)).astype(np.int16)
    stack = Stack(hu, positions, (1, 0, 0, 0, 0.96, -0.28), (0.7, 0.5))
    drawn, empty = (make(stack, plane, (4.0, 1.0, 6.0)) for make in (cut, blank))  # type: ignore[arg-type]
    assert (empty.hu == OUTSIDE_HU).all()
    assert not (drawn.hu == OUTSIDE_HU).all()
    assert drawn.hu.shape == empty.hu.shape
    places = [replace(one, hu=np.zeros(0, np.int16)) for one in (drawn, empty)]
    assert repr(places[0]) == repr(places[1])


def test_picture_points_and_places_are_inverse() -> None:
    picture = cut(tilted(18.5, [0, 4, 8]), "sagittal", (3, 4, 5))
    place = picture.patient_mm(7.25, 3.5)
    assert picture.picture_point(place) == pytest.approx((7.25, 3.5, 0))
    behind = tuple(np.array(place) + 2.5 * np.cross(picture.right, picture.down))
    assert picture.picture_point(behind) == pytest.approx((7.25, 3.5, 2.5))  # type: ignore[arg-type]


def test_a_straightened_stack_is_even_and_true() -> None:
    stack = tilted(18.5, [0, 4, 8, 15, 22])
    grid = straighten(stack, 0.5, 2.0)
    levels, rows, columns = grid.hu.shape
    indices = np.stack(np.mgrid[:levels, :rows, :columns][::-1], axis=-1)
    points = np.array(grid.origin_mm) + (indices * np.array(grid.steps_mm)) @ grid.axes
    inside = _inside(points, stack)
    assert inside.sum() > 1000
    assert np.abs(grid.hu - (100 + points @ np.array([3.0, -2.0, 5.0])))[inside].max() <= 1.1
    assert grid.axes @ grid.axes.T == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize(
    "positions",
    [[(0, 0, 0)], [(0, 0, 0), (0, 0, 5), (0, 0, 3)], [(0, 0, 0), (0, 0, 0)], [(0, 0, 0), (1, 0, np.nan)]],
)
def test_what_is_no_stack_is_refused(positions: list[tuple[float, float, float]]) -> None:
    with pytest.raises(PterionError, match="cut"):
        Stack(np.zeros((len(positions), 4, 5), np.int16), np.array(positions, float), AXIAL, (1, 1))


def test_a_step_that_is_too_fine_is_refused() -> None:
    stack = stack_of([(0, 0, 0), (0, 0, 400)])
    for make in (lambda: cut(stack, "sagittal", (3, 4, 5), 1e-4), lambda: straighten(stack, 1, 1e-3)):
        with pytest.raises(PterionError, match="Choose a larger step"):
            make()
