"""Windows: presets, what a header asks for, what a drag does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import PterionError
from viewer.imaging.windows import (
    BONE,
    BRAIN,
    LEVELS,
    PRESETS,
    WIDEST,
    Function,
    Table,
    Window,
    auto_window,
    by_hand,
    dragged,
    header_window,
)


def test_presets_in_the_order_of_their_keys() -> None:
    assert {key: (w.width, w.level) for key, w in PRESETS.items()} == {
        2: (80, 40),
        3: (200, 75),
        4: (40, 40),
        5: (2800, 600),
        6: (260, 80),
        7: (120, 40),
    }


@pytest.mark.parametrize("width", [0, -3, float("nan"), float("inf")])
def test_a_window_without_width_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match="at least 1 HU"):
        Window("", width, 40)


def test_a_window_without_level_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        Window("", 80, float("nan"))


def test_header_window() -> None:
    assert header_window((100, 35)) == Window("Header", 100, 35)


@pytest.mark.parametrize("header", [None, (0, 40), (float("nan"), 40), (80, float("inf"))])
def test_a_header_without_a_usable_window(header: tuple[float, float] | None) -> None:
    assert header_window(header) is None


def test_auto_window_spans_the_tissue() -> None:
    hu = np.concatenate([np.full(3000, -1000), np.arange(101)]).astype(np.int16)
    # Percentiles of 0 … 100: 1 and 99.
    assert auto_window(hu) == Window("Auto", 98, 50)


def test_auto_window_leaves_bone_and_air_out() -> None:
    hu = np.concatenate([np.full(500, -1000), np.arange(101), np.full(300, 1200)]).astype(np.int16)
    assert auto_window(hu) == Window("Auto", 98, 50)


def test_auto_window_of_bone_alone() -> None:
    hu = np.concatenate([np.full(500, -1000), np.arange(1000, 1101)]).astype(np.int16)
    assert auto_window(hu) == Window("Auto", 98, 1050)


def test_auto_window_of_a_localizer() -> None:
    hu = np.concatenate([np.arange(-1000, -899), np.full(1, 500)]).astype(np.int16)
    window = auto_window(hu)
    assert (window.width, window.level) == pytest.approx((99, -949.5), abs=2)


def test_auto_window_of_nothing_but_air() -> None:
    assert auto_window(np.full((4, 4), -1000, np.int16)) == Window("Auto", 1, -1000)


def test_right_widens_and_down_brightens() -> None:
    window = dragged(BRAIN, 60, 30)  # a third of a HU each pixel
    assert (window.width, window.level, window.name) == (100, 30, "")


def test_a_wide_window_moves_faster() -> None:
    assert dragged(BONE, 24, 0).width - BONE.width == 280


@given(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_no_drag_leaves_the_range(right: float, down: float) -> None:
    window = dragged(BRAIN, right, down)
    assert 1 <= window.width <= WIDEST
    assert LEVELS[0] <= window.level <= LEVELS[1]


def test_a_window_of_ones_own_needs_a_name_and_a_width() -> None:
    assert by_hand(" Mine ", 90, 35) == Window("Mine", 90, 35)
    for name, width, level, complaint in (
        ("", 80, 40, "needs a name"),
        ("Mine", 0, 40, "width must be 1 to"),
        ("Mine", float("nan"), 40, "width must be 1 to"),
        ("Mine", 80, 99999, "level must be"),
    ):
        with pytest.raises(PterionError, match=complaint):
            by_hand(name, width, level)


def test_a_drag_keeps_the_function() -> None:
    window = dragged(Window("", 80, 40, Function.SIGMOID), 60, 0)
    assert (window.width, window.function) == (100, Function.SIGMOID)


def test_a_table_needs_entries() -> None:
    with pytest.raises(ValueError, match="entries"):
        Table(0, b"")
