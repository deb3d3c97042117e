"""The slice strip, from one slice to two thousand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from viewer.imaging.strip import FAILED, GROUND, PENDING, cell_colours, cell_edges, slice_at, strip_rows

COLOURS = ((200, 0, 0), (0, 200, 0))
HALF = np.array([0.5, 0.5], np.float32)


def cells(scores: list[list[float]] | None, count: int = 1) -> np.ndarray:
    everything = np.ones(count, bool)
    return cell_colours(
        everything, ~everything, None if scores is None else np.array(scores, np.float32), HALF, COLOURS
    )


def test_cells_share_the_height() -> None:
    assert cell_edges(4, 100).tolist() == [0, 25, 50, 75, 100]


def test_slice_under_the_cursor_and_beyond_the_ends() -> None:
    assert [slice_at(y, 10, 100) for y in (-5, 0, 9.9, 10, 99, 250)] == [0, 0, 0, 1, 9, 9]


def test_an_empty_strip_has_slice_zero() -> None:
    assert slice_at(20, 0, 100) == 0


def test_loaded_pending_failed() -> None:
    loaded = np.array([True, False, False])
    failed = np.array([False, False, True])
    drawn = cell_colours(loaded, failed, None, HALF, COLOURS)
    assert drawn[:, 0].tolist() == [list(GROUND), list(PENDING), list(FAILED)]


def test_the_strongest_suspected_subtype_colours_the_cell_and_the_second_the_band() -> None:
    drawn = cells([[0.6, 1.0]])
    assert drawn[0, 0].tolist() == [0, 200, 0]
    assert drawn[0, 1, 0] > 100  # mostly the first colour


def test_one_suspected_subtype_fills_the_cell() -> None:
    assert cells([[1.0, 0.49]])[0].tolist() == [[200, 0, 0]] * 2


def test_below_the_threshold_and_not_scored_stay_dark() -> None:
    assert cells([[0.4, float("nan")]])[0].tolist() == [list(GROUND)] * 2


def test_two_thousand_slices_keep_the_one_that_is_suspected() -> None:
    count = 2000
    scores = np.zeros((count, 2), np.float32)
    scores[1234, 0] = 1.0
    drawn = strip_rows(cells(scores.tolist(), count), scores.max(1), 300)
    assert np.flatnonzero((drawn[:, 0] & 0xFF0000) >> 16 == 200).tolist() == [1234 * 300 // 2000]


def test_tall_cells_are_parted() -> None:
    drawn = strip_rows(cells(None, 3), np.zeros(3, np.float32), 30)
    assert np.flatnonzero(drawn[:, 0] == 0xFF000000).tolist() == [9, 19, 29]


@given(st.integers(1, 2000), st.integers(1, 1500))
def test_every_row_of_pixels_has_a_colour(count: int, height: int) -> None:
    assert strip_rows(cells(None, count), np.zeros(count, np.float32), height).shape == (height, 2)
