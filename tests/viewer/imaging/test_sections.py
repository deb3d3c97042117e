"""What viewports scroll through: every picture shows what lies at its place, of any stack, in any plane and slab."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.imaging.reformat import OUTSIDE_HU, Stack
from viewer.imaging.sections import Acquired, Across, Section
from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.turned import Facing, Solid, Turned

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SLOPE = np.array([3.0, -2.0, 5.0])
ROWS, COLUMNS = 15, 18


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


def sloping(
    positions: npt.ArrayLike,
    orientation: tuple[float, ...] = AXIAL,
    spacing: tuple[float, float] = (0.8, 0.5),
) -> Stack:
    """A stack whose HU rise by `SLOPE` (HU a mm) along the patient's axes, from 100 at the origin."""
    places = np.asarray(positions, np.float64)
    right, down = np.array(orientation[:3]), np.array(orientation[3:])
    row, column = np.mgrid[:ROWS, :COLUMNS]
    points = (
        places[:, None, None] + column[..., None] * spacing[1] * right + row[..., None] * spacing[0] * down
    )
    return Stack(np.rint(100 + points @ SLOPE).astype(np.int16), places, orientation, spacing)


def oriented(angles: tuple[float, float, float], gaps: list[float], tilt_mm: float) -> Stack:
    """A stack turned by angles, with gaps, each slice shifted down its columns by `tilt_mm` a mm of height."""
    right, down, normal = turned(angles).T
    heights = np.concatenate([[0.0], np.cumsum(gaps)])
    places = heights[:, None] * normal + heights[:, None] * tilt_mm * down
    return sloping(places, (*right, *down))


def assert_true(
    section: Section, stack: Stack, stop: int, slab: Slab | None = None, margin: float = 0.0
) -> int:
    """Assert that each pixel well inside the stack shows the HU of its place; how many there are."""
    picture = section.hu(stop, slab)
    assert picture.shape == section.shape
    assert picture.dtype == np.int16
    row, column = np.mgrid[: picture.shape[0], : picture.shape[1]]
    corner, across, below = (
        np.array(section.patient_mm(stop, point)) for point in ((0.5, 0.5), (1.5, 0.5), (0.5, 1.5))
    )
    points = corner + column[..., None] * (across - corner) + row[..., None] * (below - corner)
    frame = points @ stack.axes.T
    heights = stack.heights_mm
    low = np.clip(np.searchsorted(heights, frame[..., 2]) - 1, 0, len(heights) - 2)
    inside = (frame[..., 2] >= heights[0] + margin) & (frame[..., 2] <= heights[-1] - margin)
    for index in (low, low + 1):
        right = frame[..., 0] - stack.origins_mm[index, 0]
        down = frame[..., 1] - stack.origins_mm[index, 1]
        inside &= (right >= margin) & (right <= (COLUMNS - 1) * stack.spacing_mm[1] - margin)
        inside &= (down >= margin) & (down <= (ROWS - 1) * stack.spacing_mm[0] - margin)
    expected = 100 + points @ SLOPE
    assert np.abs(picture - expected)[inside].max(initial=0) <= 2.1
    return int(inside.sum())


gaps = st.lists(st.floats(0.7, 3.0), min_size=4, max_size=7)
small = st.floats(-20, 20)


@settings(max_examples=40, deadline=None)
@given(angles=st.tuples(small, small, small), gaps=gaps, tilt=st.floats(-0.4, 0.4), plane=st.booleans())
def test_cuts_show_what_lies_there(
    angles: tuple[float, float, float], gaps: list[float], tilt: float, plane: bool
) -> None:
    stack = oriented(angles, gaps, tilt)
    section = Across(stack, "coronal" if plane else "sagittal")
    seen = sum(assert_true(section, stack, stop) for stop in range(section.count))
    assert seen > 20


@settings(max_examples=25, deadline=None)
@given(
    angles=st.tuples(small, small, small), gaps=gaps, tilt=st.floats(-0.4, 0.4), turn=st.tuples(small, small)
)
def test_oblique_pictures_show_what_lies_there(
    angles: tuple[float, float, float], gaps: list[float], tilt: float, turn: tuple[float, float]
) -> None:
    stack = oriented(angles, gaps, tilt)
    section = Turned(Solid(stack), Facing((1, 0, 0), (0, 0, -1)).turned(*turn))
    seen = sum(assert_true(section, stack, stop) for stop in range(0, section.count, 3))
    assert seen > 20


def test_oblique_pictures_of_slices_shifted_without_order() -> None:
    stack = sloping([(shift, 0.0, 2.0 * i) for i, shift in enumerate((0.0, 1.7, -0.9, 2.2, 0.3))])
    section = Turned(Solid(stack), Facing().turned(20, 30))
    assert sum(assert_true(section, stack, stop, margin=0.8) for stop in range(section.count)) > 20


@settings(max_examples=15, deadline=None)
@given(turn=st.tuples(st.floats(1, 89), st.floats(-89, -1)), seed=st.integers(0, 2**32 - 1))
def test_oblique_pictures_are_what_itk_samples(turn: tuple[float, float], seed: int) -> None:
    """Linear between the centres of voxels, and up to their outer faces; air beyond."""
    hu = np.random.default_rng(seed).integers(-1000, 3000, (6, 20, 24)).astype(np.int16)
    stack = Stack(hu, np.array([[0.0, 0.0, 4.0 * level] for level in range(6)]), AXIAL, (0.9, 0.7))
    section = Turned(Solid(stack), Facing().turned(*turn))
    image = SimpleITK.GetImageFromArray(hu)
    image.SetSpacing((0.7, 0.9, 4.0))
    rows, columns = section.shape
    for stop in range(0, section.count, 3):
        picture = section.cut(stop)
        sampler = SimpleITK.ResampleImageFilter()
        sampler.SetSize((columns, rows, 1))
        sampler.SetOutputSpacing((picture.step_mm, picture.step_mm, 1.0))
        sampler.SetOutputOrigin(picture.origin_mm)
        axes = np.stack([picture.right, picture.down, np.cross(picture.right, picture.down)])
        sampler.SetOutputDirection(axes.T.ravel().tolist())
        sampler.SetDefaultPixelValue(OUTSIDE_HU)
        expected = SimpleITK.GetArrayFromImage(sampler.Execute(image))[0]
        apart = np.abs(picture.hu.astype(int) - expected) > 1
        assert apart.sum() <= 2  # a centre on an outer face falls to either side


@pytest.mark.parametrize("plane", ["coronal", "sagittal"])
@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_a_mean_slab_of_a_slope_is_its_middle(plane: str, tilt: float) -> None:
    stack = oriented((0, 0, 0), [1.0] * 8, tilt)
    section = Across(stack, plane)
    slab = Slab(SlabKind.MEAN, 3.0)
    middle = section.count // 2
    assert assert_true(section, stack, middle, slab, margin=1.7) > 20


def test_an_oblique_slab_of_a_slope_is_its_middle() -> None:
    stack = oriented((0, 0, 0), [1.0] * 8, 0.2)
    section = Turned(Solid(stack), Facing().turned(10, 60))
    assert assert_true(section, stack, section.count // 2, Slab(SlabKind.MEAN, 2.0), margin=1.2) > 20


@pytest.mark.parametrize("tilt", [0.0, 0.35])
def test_an_acquired_slab_of_a_slope_is_its_middle(tilt: float) -> None:
    stack = oriented((0, 0, 0), [1.0] * 8, tilt)
    section = Acquired(stack.hu, stack.spacing_mm, stack.positions_mm, [AXIAL] * 9)
    assert assert_true(section, stack, 4, Slab(SlabKind.MEAN, 5.0), margin=1.5) > 20


def dotted() -> tuple[Stack, Acquired]:
    """Air with one bright pixel: slice 3, row 5, column 7."""
    positions = np.array([(0.0, 0.0, float(i)) for i in range(8)])
    hu = np.full((8, 12, 14), -1000, np.int16)
    hu[3, 5, 7] = 500
    return Stack(hu, positions, AXIAL, (1.0, 1.0)), Acquired(hu, (1.0, 1.0), positions, [AXIAL] * 8)


def test_mip_and_minip_keep_the_extreme_and_the_mean_shares_it() -> None:
    stack, section = dotted()
    assert section.hu(4, Slab(SlabKind.MAX, 3.0))[5, 7] == 500
    assert section.hu(4, Slab(SlabKind.MIN, 3.0))[5, 7] == -1000
    assert section.hu(4, Slab(SlabKind.MEAN, 3.0))[5, 7] == -500  # one of three
    assert section.hu(5, Slab(SlabKind.MAX, 3.0))[5, 7] == -1000  # slices 4, 5, 6
    for plane, stop in (("coronal", 6), ("sagittal", 8)):
        across = Across(stack, plane)
        assert across.hu(stop, Slab(SlabKind.MAX, 3.0)).max() == 500
        assert across.hu(stop + 2, Slab(SlabKind.MAX, 3.0)).max() == -1000


def test_stops_and_places_are_there_and_back() -> None:
    stack, acquired = dotted()
    place = (7.0, 5.0, 3.0)  # the bright pixel
    assert acquired.image_point(place) == pytest.approx((3, 7.5, 5.5))
    for plane in ("coronal", "sagittal"):
        section = Across(stack, plane)
        stop, column, row = section.image_point(place)  # type: ignore[misc]
        assert stop == pytest.approx(round(stop))
        assert section.hu(round(stop))[int(row), int(column)] == 500
        assert section.patient_mm(round(stop), (column, row)) == pytest.approx(place)
    oblique = Turned(Solid(stack), Facing().turned(20, 70))
    stop, column, row = oblique.image_point(place)  # type: ignore[misc]
    assert np.linalg.norm(np.subtract(oblique.patient_mm(round(stop), (column, row)), place)) < 0.51


@settings(max_examples=30, deadline=None)
@given(
    angles=st.tuples(small, small, small), tilt=st.floats(-0.3, 0.3), at=st.tuples(*[st.floats(0.2, 0.8)] * 3)
)
def test_masks_lie_where_the_pixels_lie(
    angles: tuple[float, float, float], tilt: float, at: tuple[float, float, float]
) -> None:
    """A block that is bright in HU and marked in the mask is seen in the same pixels of every cut."""
    stack = oriented(angles, [2.0] * 6, tilt)
    stack.hu[...] = 0
    masks = np.zeros(stack.hu.shape, np.uint8)
    z, y, x = (int(share * size) for share, size in zip(at, stack.hu.shape, strict=True))
    block = (slice(z, z + 2), slice(y, y + 4), slice(x, x + 5))
    stack.hu[block], masks[block] = 1000, 3
    sections: list[Section] = [
        Across(stack, "coronal"),
        Across(stack, "sagittal"),
        Turned(Solid(stack), Facing()),
    ]
    for section in sections:
        for stop in range(section.count):
            picture, labels = section.hu(stop), section.labels(stop, masks)
            assert set(np.unique(labels)) <= {0, 3}
            assert (labels[picture > 990] == 3).mean() > 0.9 if (picture > 990).any() else True
            assert not labels[picture == 0].any()


def test_slices_that_are_not_there_are_air() -> None:
    stack, _ = dotted()
    loaded = np.ones(8, bool)
    loaded[:4] = False
    picture = Across(stack, "coronal", loaded).hu(5)
    assert (picture[-1] == OUTSIDE_HU).all()  # the feet are down
    assert (picture[0] == -1000).all()


@pytest.mark.parametrize("tilt", [0.0, 0.3])
@pytest.mark.parametrize("slab", [None, Slab(SlabKind.MAX, 3.0), Slab(SlabKind.MEAN, 3.0)])
@pytest.mark.parametrize("plane", ["coronal", "sagittal"])
@pytest.mark.parametrize("there", [[], [4], [0, 1, 5, 7]])
def test_what_lies_in_slices_that_are_not_there_is_not_looked_at(
    tilt: float, slab: Slab | None, plane: str, there: list[int]
) -> None:
    stack = oriented((0, 0, 0), [2.0] * 7, tilt)
    loaded = np.zeros(len(stack.hu), bool)
    loaded[there] = True
    air = replace(stack, hu=np.where(loaded[:, None, None], stack.hu, OUTSIDE_HU).astype(np.int16))
    stack.hu[~loaded] = 3000
    partly, whole = Across(stack, plane, loaded), Across(air, plane)
    for stop in range(0, whole.count, 3):
        assert (partly.hu(stop, slab) == whole.hu(stop, slab)).all()


def test_without_positions_there_are_no_places() -> None:
    section = Acquired(np.zeros((3, 4, 5), np.int16), (1.0, 1.0), None, [None] * 3)
    assert section.patient_mm(0, (1, 1)) is None
    assert section.image_point((0, 0, 0)) is None
    assert section.hu(1, Slab(SlabKind.MEAN, 5.0)).shape == (4, 5)  # the slice itself


def test_the_plane_of_the_slices_is_not_across() -> None:
    with pytest.raises(ValueError, match="plane of the slices"):
        Across(dotted()[0], "axial")


def test_a_plane_turned_stays_square() -> None:
    facing = Facing()
    for _ in range(200):
        facing = facing.turned(3.7, -2.9)
    right, down = np.array(facing.right), np.array(facing.down)
    assert np.linalg.norm(right) == pytest.approx(1)
    assert np.linalg.norm(down) == pytest.approx(1)
    assert right @ down == pytest.approx(0, abs=1e-12)
