"""Soft distances, noise and boxes of the phantom."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.phantom.acquisition import _noise_shape, _transfer, acquire
from model.phantom.geometry import Lattice, Points, Pose, capsule, ellipsoid, step, stream
from model.phantom.settings import Scanner


def points(*places: tuple[float, float, float]) -> Points:
    """Points in one row."""
    x, y, z = (np.array([[each]], np.float32) for each in zip(*places, strict=True))
    return Points(x, y, z)


def grid() -> Points:
    """One plane, x and y from -50 to 49 mm, at z = 10."""
    y, x = np.mgrid[-50:50, -50:50].astype(np.float32)[:, None]
    return Points(x, y, np.full_like(x, 10))


def test_a_step_rises_over_its_width() -> None:
    distance = np.array([-9, -2, -1, 0, 1, 2, 9], np.float32)
    assert step(distance, 2).tolist() == [0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert step(distance, 2).dtype == np.float32


def test_distance_to_an_ellipsoid() -> None:
    at = points((1, 2, 3), (5, 2, 3), (9, 2, 3), (1, 2, 5))
    assert ellipsoid(at, (1, 2, 3), (4, 4, 2)).ravel().tolist() == pytest.approx([2, 0, -2, 0], abs=1e-5)


def test_distance_to_a_rod_that_grows() -> None:
    at = points((0, 0, 0), (10, 0, 0), (5, 0, 0), (-3, 0, 0))
    assert capsule(at, (0, 0, 0), (10, 0, 0), (1, 3)).ravel().tolist() == pytest.approx(
        [1, 3, 2, -2], abs=1e-5
    )


def test_noise_has_unit_variance_and_does_not_depend_on_the_grid() -> None:
    lattice = Lattice.draw(np.random.default_rng(0), (0, 0, 0), (400, 400, 400), 8)
    axis = np.arange(5, 395, 3.7)
    noise = lattice.at(axis, axis, axis)
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(1, abs=0.05)
    assert np.array_equal(lattice.at(axis[3:5], axis[10:20], axis[40:45]), noise[3:5, 10:20, 40:45])


def test_noise_is_smooth_on_the_scale_of_its_wavelength() -> None:
    lattice = Lattice.draw(np.random.default_rng(0), (0, 0, 0), (200, 200, 200), 20)
    line = lattice.at(np.array([50.0]), np.array([50.0]), np.arange(10, 190, 0.5)).ravel()
    assert np.abs(np.diff(line)).max() < 0.2


def test_concerns_have_streams_of_their_own() -> None:
    first, again, other = (stream(1, name).random(4) for name in ("skull", "skull", "noise"))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    assert stream(2, "skull").random() != first[0]


def test_a_turned_head_looks_to_its_left() -> None:
    pose = Pose.turned((90, 0, 0), (1, 1, 1), (0, 0, 0))
    assert pose.matrix @ np.array([0, 1, 0]) == pytest.approx([1, 0, 0])
    assert np.linalg.det(Pose.turned((20, -10, 5), (1, 1, 1), (0, 0, 0)).matrix) == pytest.approx(1)
    assert np.linalg.det(Pose.turned((0, 0, 0), (2, 2, 2), (0, 0, 0)).matrix) == pytest.approx(1 / 8)


@given(
    st.tuples(*(st.floats(-60, 60) for _ in range(3))),
    st.tuples(*(st.floats(0.5, 30) for _ in range(3))),
)
def test_a_box_leaves_no_point_out(
    centre: tuple[float, float, float], reach: tuple[float, float, float]
) -> None:
    plane = grid()
    near = np.ones(plane.x.shape, bool)
    for values, middle, most in zip((plane.x, plane.y, plane.z), centre, reach, strict=True):
        near &= np.abs(values - middle) <= most
    box = plane.near(centre, reach)
    covered = np.zeros_like(near)
    if box is not None:
        covered[box] = True
    assert not (near & ~covered).any()


def test_nothing_far_away_is_boxed() -> None:
    assert grid().near((0, 0, 60), (5, 5, 5)) is None
    assert grid().near((200, 0, 10), (5, 5, 5)) is None


@pytest.mark.parametrize("size", [64, 65])
def test_noise_keeps_its_deviation_at_every_grain(size: int) -> None:
    white = np.random.default_rng(0).standard_normal((20, size, size))
    for grain in (0.16, 0.42):
        shaped = np.fft.irfft2(np.fft.rfft2(white) * _noise_shape(size, 0.9, grain), s=(size, size))
        assert shaped.std() == pytest.approx(1, abs=0.05)


def test_noise_of_neighbouring_pixels_is_correlated() -> None:
    white = np.random.default_rng(0).standard_normal((20, 64, 64))
    shaped = np.fft.irfft2(np.fft.rfft2(white) * _noise_shape(64, 0.5, 0.3), s=(64, 64))
    assert np.mean(shaped[:, :, 1:] * shaped[:, :, :-1]) > 0.4


def test_blur_has_its_width_and_keeps_the_mean() -> None:
    spot = np.zeros((65, 65))
    spot[32, 32] = 1
    image = np.fft.irfft2(np.fft.rfft2(spot) * _transfer(65, 0.5, 1.5, 0), s=(65, 65))
    offset_mm = (np.arange(65) - 32) * 0.5
    assert image.sum() == pytest.approx(1, abs=1e-5)
    assert np.sqrt((image.sum(0) * offset_mm**2).sum()) == pytest.approx(1.5, abs=0.02)


def shot(scanner: Scanner, hu: float, index: int = 0) -> npt.NDArray[np.int16]:
    """A slice of one HU everywhere, outside the head as far as noise and streaks go."""
    flat = np.full((64, 64), hu, np.float32)
    far = np.full((64, 64), -60, np.float32)
    return acquire(
        flat, far, far, height_mm=40, pixel_mm=0.9, centre_px=(32, 32), scanner=scanner, seed=1, index=index
    )


def test_hu_stay_in_the_range_of_ct() -> None:
    still = Scanner(noise_hu=0)
    assert set(np.unique(shot(still, 9000))) == {3071}
    assert set(np.unique(shot(still, -9000))) == {-1024}


def test_each_slice_has_its_own_noise() -> None:
    first, same, other = (shot(Scanner(), 40, index) for index in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
