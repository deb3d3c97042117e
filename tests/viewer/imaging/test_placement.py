"""Image to screen and back, in every flip, turn, zoom and pixel shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.imaging.placement import ZOOM_RANGE, Placement, flipped_on_screen

placements = st.builds(
    Placement,
    rows=st.integers(1, 1024),
    columns=st.integers(1, 1024),
    spacing_mm=st.tuples(st.floats(0.1, 4), st.floats(0.1, 4)),
    size_px=st.tuples(st.floats(50, 3000), st.floats(50, 3000)),
    zoom=st.floats(*ZOOM_RANGE),
    centre=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    flip_horizontal=st.booleans(),
    flip_vertical=st.booleans(),
    quarter_turns=st.integers(-4, 8),
)


def plain(**changes: object) -> Placement:
    values: dict[str, object] = {
        "rows": 100,
        "columns": 200,
        "spacing_mm": (1.0, 1.0),
        "size_px": (400.0, 300.0),
    }
    return Placement(**(values | changes))  # type: ignore[arg-type]


def test_fit_shows_the_whole_image_in_the_middle() -> None:
    # 200 columns fill 400 px; 100 rows take 200 of 300 px: 50 px stay free above.
    placement = plain()
    assert placement.to_screen((0, 0)) == (0, 50)
    assert placement.to_screen((200, 100)) == (400, 250)
    assert placement.magnification == 2


def test_tall_pixels_are_drawn_tall() -> None:
    # 100 rows of 2 mm by 200 columns of 0.5 mm: 200 mm high, 100 mm wide; 300 px give 1.5 px/mm.
    placement = plain(spacing_mm=(2.0, 0.5))
    assert placement.px_per_mm == 1.5
    assert placement.to_screen((0, 0)) == (125, 0)
    assert placement.to_screen((200, 100)) == (275, 300)


def test_a_turn_is_clockwise() -> None:
    # The first pixel's corner, top left, goes to the top right. The turned image is 100 wide and 200 high: 1.5 px/mm.
    placement = plain(quarter_turns=1)
    assert placement.to_screen((0, 0)) == (275, 0)
    assert placement.to_screen((200, 0)) == (275, 300)


def test_flips() -> None:
    assert plain(flip_horizontal=True).to_screen((0, 0)) == (400, 50)
    assert plain(flip_vertical=True).to_screen((0, 0)) == (0, 250)


def test_pixel_under_the_cursor() -> None:
    placement = plain()
    assert placement.pixel_at((0, 50)) == (0, 0)
    assert placement.pixel_at((3.9, 53.9)) == (1, 1)
    assert placement.pixel_at((399.9, 249.9)) == (199, 99)


def test_beside_the_image_is_no_pixel() -> None:
    placement = plain()
    assert placement.pixel_at((10, 49.9)) is None
    assert placement.pixel_at((10, 250.1)) is None


@given(placements, st.floats(-100, 1200), st.floats(-100, 1200))
def test_there_and_back(placement: Placement, column: float, row: float) -> None:
    assert placement.to_image(placement.to_screen((column, row))) == pytest.approx((column, row), abs=1e-6)


@given(placements)
def test_the_centre_is_in_the_middle_of_the_viewport(placement: Placement) -> None:
    point = (placement.centre[0] * placement.columns, placement.centre[1] * placement.rows)
    middle = (placement.size_px[0] / 2, placement.size_px[1] / 2)
    assert placement.to_screen(point) == pytest.approx(middle, abs=1e-6)


def test_zoom_keeps_the_point_under_the_cursor() -> None:
    placement = plain(centre=(0.4, 0.6))
    before = placement.to_image((123, 210))
    zoom, centre = placement.zoomed(1.7, (123, 210))
    after = plain(zoom=zoom, centre=centre)
    assert after.to_image((123, 210)) == pytest.approx(before)


@given(placements, st.floats(0.01, 100))
def test_zoom_stays_in_its_range_and_on_the_image(placement: Placement, factor: float) -> None:
    zoom, centre = placement.zoomed(factor, (10, 10))
    assert ZOOM_RANGE[0] <= zoom <= ZOOM_RANGE[1]
    assert all(0 <= part <= 1 for part in centre)


def test_pan_moves_the_image_with_the_cursor() -> None:
    placement = plain(zoom=2.0)  # 4 px a pixel
    centre = placement.centre_panned((40, -20))
    moved = plain(zoom=2.0, centre=centre)
    before, after = placement.to_screen((100, 50)), moved.to_screen((100, 50))
    assert (after[0] - before[0], after[1] - before[1]) == pytest.approx((40, -20))


def test_pan_never_loses_the_image() -> None:
    assert plain().centre_panned((1e5, 1e5)) == (0, 0)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("left_to_right", [True, False])
def test_mirroring_what_is_on_the_screen(turns: int, left_to_right: bool) -> None:
    flips = flipped_on_screen((False, False), turns, left_to_right=left_to_right)
    before = plain(quarter_turns=turns).to_screen((20, 30))
    after = plain(quarter_turns=turns, flip_horizontal=flips[0], flip_vertical=flips[1]).to_screen((20, 30))
    mirrored = (400 - before[0], before[1]) if left_to_right else (before[0], 300 - before[1])
    assert after == pytest.approx(mirrored)


@pytest.mark.parametrize(
    "changes", [{"rows": 0}, {"spacing_mm": (0.0, 1.0)}, {"size_px": (0.0, 5.0)}, {"zoom": 0.0}]
)
def test_what_has_no_extent_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="got"):
        plain(**changes)


def test_an_image_fills_its_viewport_or_leaves_a_part_free() -> None:
    # 200 × 100 mm in 400 × 300 px: 50 px are free above; 1.5 times larger they are not, until it is moved or turned.
    assert not plain().fills
    assert plain(zoom=1.5).fills
    assert not plain(zoom=1.5, centre=(0.5, 0.6)).fills
    assert not plain(zoom=1.5, quarter_turns=1).fills
    assert plain(size_px=(600.0, 300.0)).fills


def test_what_lies_beside_the_image_is_boxes_around_it() -> None:
    # The image takes 400 × 200 px from (0, 50) on; a rim of one pixel, and the one at its border, belong outside.
    assert plain().uncovered == ((0, 0, 400, 51), (0, 249, 400, 51), (0, 51, 1, 198), (399, 51, 1, 198))
    assert plain(zoom=0.001).uncovered == ((0, 0, 400, 300),)
    assert plain(zoom=9.0).uncovered == ()


@given(placements, st.floats(0, 0.999), st.floats(0, 0.999))
def test_every_pixel_is_painted_once_beside_the_image_or_lies_on_it(
    placement: Placement, across: float, down: float
) -> None:
    x, y = (int(share * side) for share, side in zip((across, down), placement.size_px, strict=True))
    boxes = [
        (left, top, width, height)
        for left, top, width, height in placement.uncovered
        if left <= x < left + width and top <= y < top + height
    ]
    assert len(boxes) <= 1
    if not boxes:
        assert placement.pixel_at((x, y)) is not None
        assert placement.pixel_at((x + 1, y + 1)) is not None
