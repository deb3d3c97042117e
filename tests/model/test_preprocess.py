"""Facts about the network's square, worked out by hand on drawn heads."""

import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import preprocess
from model.errors import PterionError
from model.preprocess import MASK_SIZE, PIXEL_MM, SIZE, Geometry


def drawn_head(
    shape: tuple[int, int], spacing_mm: tuple[float, float], centre: tuple[float, float]
) -> npt.NDArray[np.int16]:
    """An ellipse of 95 x 75 mm half axes: skull 900 HU, 6 mm thick, brain 35 HU, in air."""
    row, column = np.indices(shape)
    y, x = (row - centre[0]) * spacing_mm[0], (column - centre[1]) * spacing_mm[1]
    hu = np.full(shape, -1000, np.int16)
    hu[(y / 95) ** 2 + (x / 75) ** 2 <= 1] = 900
    hu[(y / 89) ** 2 + (x / 69) ** 2 <= 1] = 35
    return hu


def test_the_square_is_centred_on_the_head() -> None:
    hu = drawn_head((512, 512), (0.45, 0.45), (220.0, 290.0))
    geometry = preprocess.find_geometry(hu, (0.45, 0.45))
    assert geometry.centre == pytest.approx((220, 290), abs=4)


def test_a_head_holder_and_a_hand_do_not_move_the_square() -> None:
    hu = drawn_head((512, 512), (0.45, 0.45), (220.0, 256.0))
    row, column = np.indices(hu.shape)
    from_middle = np.hypot(row - 220, column - 256)
    hu[(from_middle > 225) & (from_middle < 235) & (row > 300)] = 150
    hu[300:340, 10:40] = 60
    assert preprocess.find_geometry(hu, (0.45, 0.45)).centre == pytest.approx((220, 256), abs=4)


@pytest.mark.parametrize(("low", "high"), [(-1024, 3071), (-100, 300), (0, 80)])
def test_clipped_hu_do_not_move_the_square(low: int, high: int) -> None:
    hu = drawn_head((512, 512), (0.45, 0.45), (220.0, 290.0)).clip(low, high)
    assert preprocess.find_geometry(hu, (0.45, 0.45)).centre == pytest.approx((220, 290), abs=4)


def test_an_empty_slice_is_centred_on_the_image() -> None:
    x, geometry = preprocess.prepare_slice(np.full((100, 80), -1000, np.int16), (1.0, 1.0))
    assert geometry.centre == (49.5, 39.5)
    assert x.shape == (3, SIZE, SIZE)
    assert not x.any()


def test_channels_are_the_three_windows() -> None:
    hu = np.full((SIZE, SIZE), 40, np.int16)
    x, _ = preprocess.prepare_slice(hu, (PIXEL_MM, PIXEL_MM))
    # 40 HU: middle of 40/80; 72.5 above the lower end (-32.5) of 75/215; 840 above that (-800) of 600/2800.
    assert x[:, SIZE // 2, SIZE // 2] == pytest.approx([0.5, 72.5 / 215, 840 / 2800], abs=1e-4)


def test_equal_heads_of_other_pixel_size_give_equal_input() -> None:
    fine, _ = preprocess.prepare_slice(drawn_head((600, 600), (0.4, 0.4), (300.0, 300.0)), (0.4, 0.4))
    coarse, _ = preprocess.prepare_slice(drawn_head((240, 480), (1.0, 0.5), (120.0, 240.0)), (1.0, 0.5))
    assert np.mean(np.abs(fine[0] - coarse[0]) > 0.2) < 0.02


def test_mask_positions_are_the_middles_of_two_by_two_pixels() -> None:
    geometry = Geometry((SIZE, SIZE), (PIXEL_MM, PIXEL_MM), ((SIZE - 1) / 2, (SIZE - 1) / 2))
    rows, columns = geometry.source_positions(MASK_SIZE)
    assert rows[:2] == pytest.approx([0.5, 2.5])
    assert columns[-1] == pytest.approx(SIZE - 1.5)


@pytest.mark.parametrize("spacing_mm", [(0.45, 0.45), (0.9, 0.5), (0.35, 0.6), (1.2, 1.2)])
def test_a_mask_returns_to_where_it_came_from(spacing_mm: tuple[float, float]) -> None:
    shape = (int(230 / spacing_mm[0]), int(230 / spacing_mm[1]))
    centre = (shape[0] * 0.46, shape[1] * 0.53)
    geometry = preprocess.find_geometry(drawn_head(shape, spacing_mm, centre), spacing_mm)
    row, column = np.indices(shape)
    truth = np.hypot((row - centre[0] + 9) * spacing_mm[0], (column - centre[1] - 20) * spacing_mm[1]) <= 14
    rows, columns = geometry.source_positions(MASK_SIZE)
    y, x = np.meshgrid(
        (rows - centre[0] + 9) * spacing_mm[0], (columns - centre[1] - 20) * spacing_mm[1], indexing="ij"
    )
    # A soft edge of one mask pixel (2.1 mm), as the network's probabilities have.
    found = np.clip((14 - np.hypot(y, x)) / 2.1 + 0.5, 0, 1).astype(np.float32)
    back = preprocess.to_source(found[None], geometry)[0] >= 0.5
    assert 2 * (truth & back).sum() / (truth.sum() + back.sum()) > 0.97
    offset_mm = [
        (np.nonzero(back)[axis].mean() - np.nonzero(truth)[axis].mean()) * spacing_mm[axis] for axis in (0, 1)
    ]
    assert offset_mm == pytest.approx([0, 0], abs=0.15)


def test_outside_the_square_every_map_is_zero() -> None:
    geometry = Geometry((600, 600), (0.5, 0.5), (100.0, 300.0))
    maps = preprocess.to_source(np.ones((2, MASK_SIZE, MASK_SIZE), np.float32), geometry)
    # The square spans 201.6 mm = 403.2 px: columns 98.4 to 501.6 around 300, rows up to 301.6.
    assert maps[:, 50, 300].tolist() == [1, 1]
    assert not maps[:, :, :98].any()
    assert not maps[:, 302:].any()
    assert maps[0, 0, 99:501].all()


def test_a_square_beside_the_image_gives_nothing() -> None:
    geometry = Geometry((50, 50), (1.0, 1.0), (-500.0, 25.0))
    assert not preprocess.to_source(np.ones((1, MASK_SIZE, MASK_SIZE), np.float32), geometry).any()


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(2, 90), columns=st.integers(2, 90), row_mm=st.floats(0.2, 4), column_mm=st.floats(0.2, 4)
)
def test_any_image_is_prepared_and_mapped_back(
    rows: int, columns: int, row_mm: float, column_mm: float
) -> None:
    hu = np.random.default_rng(rows * columns).integers(-1024, 3071, (rows, columns)).astype(np.int16)
    x, geometry = preprocess.prepare_slice(hu, (row_mm, column_mm))
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert x.min() >= 0
    assert x.max() <= 1
    maps = preprocess.to_source(np.ones((1, MASK_SIZE, MASK_SIZE), np.float32), geometry)
    assert maps.shape == (1, rows, columns)
    assert maps.max() <= 1 + 1e-5


def test_labels_are_cropped_like_the_image() -> None:
    spacing_mm = (0.5, 0.5)
    hu = drawn_head((480, 480), spacing_mm, (240.0, 240.0))
    labels = np.zeros(hu.shape, np.uint8)
    labels[200:240, 260:300] = 5
    hu[labels == 5] = 70
    geometry = preprocess.find_geometry(hu, spacing_mm)
    cropped, image = preprocess.crop_labels(labels, geometry), preprocess.crop_hu(hu, geometry)
    assert (cropped == 5).sum() * PIXEL_MM**2 == pytest.approx(400, rel=0.06)
    assert image[cropped == 5].mean() == pytest.approx(70, abs=3)


@pytest.mark.parametrize("spacing_mm", [(0.0, 1.0), (float("nan"), 1.0), (1.0, 50.0)])
def test_an_impossible_spacing_is_refused(spacing_mm: tuple[float, float]) -> None:
    with pytest.raises(PterionError, match="pixel spacing"):
        preprocess.prepare_slice(np.zeros((64, 64), np.int16), spacing_mm)


def test_a_volume_is_not_a_slice() -> None:
    with pytest.raises(PterionError, match="not an image"):
        preprocess.prepare_slice(np.zeros((2, 64, 64), np.int16), (1.0, 1.0))


def test_the_spacing_is_estimated_from_the_skull() -> None:
    # The drawn skull is 150 mm wide, the width that the estimate takes for granted.
    volume = np.stack([drawn_head((500, 500), (0.4, 0.4), (250.0, 240.0))] * 3)
    assert preprocess.estimate_spacing_mm(volume) == pytest.approx(0.4, rel=0.02)


def test_without_a_skull_no_spacing_is_estimated() -> None:
    with pytest.raises(PterionError, match="No skull"):
        preprocess.estimate_spacing_mm(np.full((2, 64, 64), 40, np.int16))


def _seconds(hu: npt.NDArray[np.int16]) -> float:
    start = time.perf_counter()
    preprocess.prepare_slice(hu, (0.45, 0.45))
    return time.perf_counter() - start
