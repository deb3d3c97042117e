"""Pictures worked out by hand: the linear window of PS3.3 C.11.2.1.2, masks on top of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import SUBTYPES
from viewer.imaging.render import Palette, compose, grey_table, overlay_of, pixel_table, tint_table
from viewer.imaging.windows import BONE, BRAIN, Function, Table, Window

PALETTE = Palette(tuple(subtype.rgb for subtype in SUBTYPES))


def grey_of(hu: int, window: Window, inverted: bool = False) -> int:
    picture = compose(np.full((1, 1), hu, np.int16), window, inverted=inverted)
    return int(picture[0, 0]) & 0xFF


def test_brain_window_ends_and_middle() -> None:
    # Width 80, level 40: black up to 39.5 - 39.5 = 0, white above 39.5 + 39.5 = 79.
    assert [grey_of(hu, BRAIN) for hu in (-1000, 0, 79, 80, 3000)] == [0, 0, 255, 255, 255]
    # ((40 - 39.5) / 79 + 0.5) * 255 = 129.1
    assert grey_of(40, BRAIN) == 129


def test_inversion_swaps_black_and_white() -> None:
    assert [grey_of(hu, BRAIN, inverted=True) for hu in (-1000, 3000)] == [255, 0]
    assert grey_of(40, BRAIN, inverted=True) == 255 - 129


def test_width_of_one_is_a_threshold() -> None:
    window = Window("", 1, 50)
    assert [grey_of(hu, window) for hu in (49, 50)] == [0, 255]


def test_a_sigmoid_bends_at_both_ends() -> None:
    window = Window("", 100, 50, Function.SIGMOID)
    assert grey_of(50, window) == 128  # 255 / 2, to even
    assert grey_of(100, window) == 225  # 255 / (1 + e^-2) = 224.6
    assert grey_of(0, window) == 30
    assert [grey_of(hu, window) for hu in (-32768, 32767)] == [0, 255]


def test_an_exact_window_has_the_full_width() -> None:
    window = Window("", 4, 10, Function.LINEAR_EXACT)
    # Black up to 8, white above 12; (9 - 10) / 4 + .5 = .25.
    assert [grey_of(hu, window) for hu in (8, 9, 10, 11, 12, 13)] == [0, 64, 128, 191, 255, 255]


def test_a_table_goes_on_at_its_ends() -> None:
    window = Window("VOI LUT", 3, 1.5, table=Table(-1, bytes([7, 100, 200])))
    assert [grey_of(hu, window) for hu in (-500, -1, 0, 1, 2, 3000)] == [7, 7, 100, 200, 200, 200]
    assert grey_of(0, window, inverted=True) == 155


def test_pixels_are_opaque_grey() -> None:
    assert compose(np.full((2, 3), 40, np.int16), BRAIN).tolist() == [[0xFF818181] * 3] * 2


def test_extremes_of_int16_stay_in_the_table() -> None:
    picture = compose(np.array([[-32768, 32767]], np.int16), BRAIN)
    assert picture.tolist() == [[0xFF000000, 0xFFFFFFFF]]


@given(st.floats(1, 4000), st.floats(-1000, 3000))
def test_grey_never_falls_as_hu_rises(width: float, level: float) -> None:
    table = np.roll(grey_table(Window("", width, level)), 32768).astype(int)
    assert (np.diff(table) >= 0).all()
    assert (table[0], table[-1]) == (0, 255)


def test_tables_are_shared_and_cannot_be_changed() -> None:
    assert pixel_table(BONE) is pixel_table(BONE)
    with pytest.raises(ValueError, match="read-only"):
        pixel_table(BONE)[0] = 1


def test_overlay_tells_edge_from_inside() -> None:
    mask = np.zeros((5, 6), np.uint8)
    mask[1:4, 1:5] = 2
    overlay = overlay_of(mask)
    codes = np.zeros(mask.size, np.uint8)
    codes[overlay.index] = overlay.row // 256
    assert codes.reshape(mask.shape).tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 5, 5, 5, 5, 0],
        [0, 5, 4, 4, 5, 0],
        [0, 5, 5, 5, 5, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_a_mask_at_the_border_of_the_slice_has_an_edge_there() -> None:
    overlay = overlay_of(np.full((3, 3), 1, np.uint8))
    assert (overlay.row // 256).reshape(3, 3).tolist() == [[3, 3, 3], [3, 2, 3], [3, 3, 3]]


def test_touching_subtypes_have_an_edge_between_them() -> None:
    mask = np.repeat(np.array([[1, 1, 1, 2, 2, 2]], np.uint8), 3, 0)
    assert (overlay_of(mask).row // 256).reshape(3, 6)[1].tolist() == [3, 2, 3, 5, 4, 5]


def test_a_mask_is_blended_with_the_grey_beneath() -> None:
    hu = np.full((3, 3), -1000, np.int16)
    mask = np.full((3, 3), 2, np.uint8)
    picture = compose(hu, BRAIN, overlay=overlay_of(mask), palette=Palette(PALETTE.colours, 0.5, 1.0))
    assert hex(picture[0, 0]) == "0xff56b4e9"  # edge: the subdural colour itself
    assert hex(picture[1, 1]) == "0xff2b5a74"  # inside: half of it over black


def test_slice_without_mask_is_untouched() -> None:
    hu = np.arange(12, dtype=np.int16).reshape(3, 4)
    empty = overlay_of(np.zeros((3, 4), np.uint8))
    assert (compose(hu, BRAIN, overlay=empty, palette=PALETTE) == compose(hu, BRAIN)).all()


def test_the_buffer_is_reused() -> None:
    buffer = np.zeros((4, 4), np.uint32)
    assert compose(np.zeros((4, 4), np.int16), BRAIN, out=buffer) is buffer
    assert (buffer == 0xFF000000).all()


def test_a_strided_slice_is_accepted() -> None:
    hu = np.arange(64, dtype=np.int16).reshape(4, 4, 4)[:, :, 1]
    assert compose(hu, BRAIN).tolist() == compose(np.ascontiguousarray(hu), BRAIN).tolist()


@pytest.mark.parametrize("wrong", [np.zeros((2, 2), np.float32), np.zeros((2, 2, 2), np.int16)])
def test_what_is_no_slice_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="int16"):
        compose(wrong, BRAIN)


def test_opacity_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Palette(PALETTE.colours, fill=1.2)


def test_every_code_has_its_tint() -> None:
    assert tint_table(PALETTE).shape == (12, 256)


@given(
    st.floats(1, 8000),
    st.floats(-40000, 40000),
    st.sampled_from(Function),
    st.none() | st.builds(Table, st.integers(-40000, 40000), st.binary(min_size=1, max_size=300)),
    st.booleans(),
)
def test_greys_are_those_of_the_formula_at_every_value(
    width: float, level: float, function: Function, table: Table | None, inverted: bool
) -> None:
    """Also where nothing but black or white is worked out."""
    hu = np.array([-32768, -20000, -1000, -1, 0, 1, 40, 1000, 20000, 32767, *_around(width, level)])
    hu = np.unique(np.clip(hu, -32768, 32767))
    with np.errstate(over="ignore"):
        x = hu.astype(float)
        if table is not None:
            greys = np.frombuffer(table.greys, np.uint8)
            grey = greys[np.clip(hu - table.first_hu, 0, len(greys) - 1)].astype(float)
        elif function is Function.SIGMOID:
            grey = 255 / (1 + np.exp(np.clip(-4 * (x - level) / width, -700, 700)))
        else:
            one = 0.0 if function is Function.LINEAR_EXACT else 1.0
            centre, wide = level - one / 2, width - one
            ramp = ((x - centre) / wide + 0.5) * 255 if wide else np.where(x <= centre, 0, 255)
            grey = np.where(x <= centre - wide / 2, 0, np.where(x > centre + wide / 2, 255, ramp))
    expected = np.rint(grey).astype(int)
    found = grey_table(Window("", width, level, function, table), inverted)[
        hu.astype(np.int16).view(np.uint16)
    ]
    assert np.abs((255 - found.astype(int) if inverted else found) - expected).max() == 0


def _around(width: float, level: float) -> list[int]:
    """Values at the ends of a window, and a little beyond."""
    return [
        int(level + width * share) + step for share in (-2, -0.5, 0, 0.5, 2) for step in (-2, -1, 0, 1, 2)
    ]
