"""The raster rule: a pixel is in iff its centre is, ties half open; masks go to polygons and back exactly."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viewer.annotation.document import Annotation, Document
from viewer.annotation.geometry import Shape, area, may_cross, signed_area
from viewer.annotation.raster import dice, mask_outlines, polygon_mask, simplify, slice_labels, with_pixels

SQUARE = ((2.0, 2.0), (5.0, 2.0), (5.0, 5.0), (2.0, 5.0))


def circle(x: float, y: float, radius: float, count: int) -> tuple[tuple[float, float], ...]:
    angles = [2 * math.pi * k / count for k in range(count)]
    return tuple((x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles)


def test_square_of_three_pixels_covers_nine() -> None:
    mask = polygon_mask(SQUARE, (8, 8))
    assert mask.sum() == 9
    assert mask[2:5, 2:5].all()


def test_ties_are_half_open_so_edges_through_centres_give_nine_too() -> None:
    mask = polygon_mask([(x + 0.5, y + 0.5) for x, y in SQUARE], (8, 8))
    assert mask.sum() == 9
    assert mask[2:5, 2:5].all()  # the left and top edges are in, the right and bottom ones out


@pytest.mark.parametrize(("shift", "pixels"), [(-0.4, 9), (0.4, 9), (0.6, 9)])
def test_a_shifted_square_keeps_its_nine_pixels(shift: float, pixels: int) -> None:
    assert polygon_mask([(x + shift, y + shift) for x, y in SQUARE], (8, 8)).sum() == pixels


def test_direction_of_the_outline_does_not_matter() -> None:
    outline = circle(20, 21, 11.3, 17)
    assert np.array_equal(polygon_mask(outline, (40, 40)), polygon_mask(outline[::-1], (40, 40)))


@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=3, max_size=6).map(
            lambda ring: (tuple(ring), ())
        ),
        max_size=4,
    ).map(tuple)
)
def test_parts_without_a_pixel_are_those_whose_mask_is_empty(parts: tuple[Shape, ...]) -> None:
    full = tuple(part for part in parts if polygon_mask(part[0], (10, 10)).any())
    assert with_pixels(parts) == (full or parts)


def test_a_frame_whose_hole_takes_every_pixel_holds_none() -> None:
    outline = ((2.0, 2.0), (5.0, 2.0), (5.0, 5.0), (2.0, 5.0))
    hole = ((2.2, 2.2), (4.8, 2.2), (4.8, 4.8), (2.2, 4.8))
    one = ((7.0, 7.0), (8.0, 7.0), (8.0, 8.0), (7.0, 8.0))
    assert with_pixels(((outline, (hole,)), (one, ()))) == ((one, ()),)


def test_pixels_outside_the_image_are_left_out() -> None:
    mask = polygon_mask([(-3, -2), (2, -2), (2, 20), (-3, 20)], (6, 5))
    assert mask[:, :2].all()
    assert mask.sum() == 12


def test_a_polygon_beside_the_image_covers_nothing() -> None:
    for outline in (SQUARE, [(-9, 1), (-2, 1), (-5, 3)], [(1, -9), (3, -9), (2, -2)]):
        assert not polygon_mask(outline, (2, 2)).any()


def test_holes_are_cut_out() -> None:
    hole = ((3.0, 3.0), (4.0, 3.0), (4.0, 4.0), (3.0, 4.0))
    mask = polygon_mask(SQUARE, (8, 8), (hole,))
    assert mask.sum() == 8
    assert not mask[3, 3]


def test_neighbours_share_no_pixel_and_leave_none_out() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        apex, left, right = (tuple(p) for p in rng.uniform(0, 24, (3, 2)).tolist())
        middle = tuple(rng.uniform(0, 24, 2).tolist())
        whole = polygon_mask([apex, left, right], (24, 24))
        parts = [
            polygon_mask([a, b, middle], (24, 24)) for a, b in ((apex, left), (left, right), (right, apex))
        ]
        assert np.array_equal(parts[0] ^ parts[1] ^ parts[2], whole)


@given(st.lists(st.tuples(st.floats(-4, 36), st.floats(-4, 36)), min_size=3, max_size=20))
@settings(max_examples=100, deadline=None)
def test_same_as_counting_crossings_to_the_left_of_each_centre(points: list[tuple[float, float]]) -> None:
    mask = polygon_mask(points, (32, 30))
    y, x = np.mgrid[:32, :30] + 0.5
    inside = np.zeros((32, 30), bool)
    for (xa, ya), (xb, yb) in zip(points, points[1:] + points[:1], strict=True):
        (x0, y0), (x1, y1) = ((xa, ya), (xb, yb)) if ya <= yb else ((xb, yb), (xa, ya))
        spans = (y0 <= y) & (y < y1)
        if spans.any():
            inside ^= spans & (x0 + (y - y0) * ((x1 - x0) / (y1 - y0)) <= x)
    assert np.array_equal(mask, inside)


def test_same_as_skimage_where_no_centre_lies_on_an_edge() -> None:
    from skimage.draw import polygon2mask

    for radius in (3.0, 6.0, 12.0, 24.0):
        outline = np.array(circle(31.37, 29.81, radius, 23))
        theirs = polygon2mask((64, 64), outline[:, ::-1] - 0.5)
        assert np.array_equal(polygon_mask([tuple(p) for p in outline], (64, 64)), theirs)


@pytest.mark.parametrize("radius", [3.0, 6.0, 12.0, 24.0])
def test_area_of_a_disc_is_kept(radius: float) -> None:
    rng = np.random.default_rng(1)
    areas = [
        polygon_mask(circle(*(32 + rng.random(2)), radius, 64), (64, 64)).sum() / (math.pi * radius**2)
        for _ in range(60)
    ]
    assert abs(np.mean(areas) - 1) < 0.01


def test_the_later_annotation_wins_where_two_overlap() -> None:
    wide = ((0.0, 0.0), (6.0, 0.0), (6.0, 6.0), (0.0, 6.0))
    first = Annotation("1", "a", 0, "SDH", wide)
    second = Annotation("2", "a", 0, "EDH", SQUARE)
    labels = slice_labels(Document(annotations=(first, second)), "a", (8, 8))
    assert (labels == 1).sum() == 9
    assert (labels == 2).sum() == 36 - 9
    labels = slice_labels(Document(annotations=(second, first)), "a", (8, 8))
    assert (labels == 2).sum() == 36
    assert labels.dtype == np.uint8


def test_annotations_of_other_slices_and_frames_are_left_out() -> None:
    document = Document(
        annotations=(Annotation("1", "a", 0, "SDH", SQUARE), Annotation("2", "a", 3, "EDH", SQUARE))
    )
    assert set(np.unique(slice_labels(document, "a", (8, 8)))) == {0, 2}
    assert set(np.unique(slice_labels(document, "a", (8, 8), frame=3))) == {0, 1}
    assert not slice_labels(document, "b", (8, 8)).any()


def test_outline_of_one_pixel_is_its_four_corners_clockwise() -> None:
    mask = np.zeros((4, 5), bool)
    mask[2, 3] = True
    [(outline, holes)] = mask_outlines(mask)
    assert set(outline) == {(3.0, 2.0), (4.0, 2.0), (4.0, 3.0), (3.0, 3.0)}
    assert signed_area(outline) == 1
    assert holes == ()


def test_two_pixels_that_touch_at_a_corner_are_two_outlines() -> None:
    assert len(mask_outlines(np.eye(2, dtype=bool))) == 2


def test_a_frame_is_one_outline_with_one_hole() -> None:
    mask = np.ones((3, 3), bool)
    mask[1, 1] = False
    [(outline, holes)] = mask_outlines(mask)
    assert len(outline) == 4
    assert [area(hole) for hole in holes] == [1]


def test_an_empty_mask_has_no_outline() -> None:
    assert mask_outlines(np.zeros((3, 3), bool)) == []


masks = arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))


@given(masks)
@settings(max_examples=150, deadline=None)
def test_mask_to_polygons_to_mask_is_exact(mask: npt.NDArray[np.bool_]) -> None:
    import shapely

    again = np.zeros_like(mask)
    for outline, holes in mask_outlines(mask):
        assert shapely.Polygon(outline, holes).is_valid
        part = polygon_mask(outline, mask.shape, holes)
        assert not (part & again).any()
        again |= part
    assert np.array_equal(again, mask)


@given(masks)
@settings(max_examples=50, deadline=None)
def test_polygons_to_mask_to_polygons_is_the_same(mask: npt.NDArray[np.bool_]) -> None:
    again = np.zeros_like(mask)
    outlines = mask_outlines(mask)
    for outline, holes in outlines:
        again |= polygon_mask(outline, mask.shape, holes)
    assert mask_outlines(again) == outlines


def test_regions_are_those_that_touch_along_edges() -> None:
    from scipy.ndimage import label

    rng = np.random.default_rng(7)
    for _ in range(30):
        mask = rng.random((20, 20)) < 0.55
        assert len(mask_outlines(mask)) == label(mask)[1]


def test_simplify_leaves_corners_and_drops_points_between() -> None:
    dense = tuple((float(x), 0.0) for x in range(10)) + tuple((10.0, float(y)) for y in range(10))
    dense += tuple((10.0 - x, 10.0) for x in range(10)) + tuple((0.0, 10.0 - y) for y in range(10))
    assert set(simplify(dense)) == {(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)}


@given(st.floats(2, 40), st.integers(40, 400), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_simplify_keeps_the_mask(radius: float, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wobble = 1 + 0.1 * np.sin(5 * np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 6))
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    outline = tuple(
        (float(50 + radius * w * math.cos(a)), float(50 + radius * w * math.sin(a)))
        for a, w in zip(angles, wobble, strict=True)
    )
    fewer = simplify(outline)
    assert set(fewer) <= set(outline)
    assert len(fewer) <= len(outline)
    assert not may_cross(fewer)
    assert dice(polygon_mask(outline, (110, 110)), polygon_mask(fewer, (110, 110))) >= 0.98
