"""What a scanner makes of a head: blur and kernel, beam hardening, streaks, correlated noise, gain and offset."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from model.phantom.geometry import F32, stream
from model.phantom.settings import Scanner

_METAL_HU = 2400


@lru_cache(maxsize=8)
def _frequency(size: int, pixel_mm: float) -> F32:
    """Spatial frequency, 1/mm, of each element of a real Fourier transform of a square picture."""
    rows = np.fft.fftfreq(size, pixel_mm)[:, None]
    columns = np.fft.rfftfreq(size, pixel_mm)[None, :]
    frequency: F32 = np.hypot(rows, columns).astype(np.float32)
    return frequency


@lru_cache(maxsize=8)
def _noise_shape(size: int, pixel_mm: float, grain_per_mm: float) -> F32:
    """Square root of the noise's power spectrum, scaled to unit variance.

    Filtered back-projection leaves little noise at low frequencies (a ramp) and a soft kernel little at high ones.
    """
    frequency = _frequency(size, pixel_mm)
    shape = np.sqrt(frequency) * np.exp(-0.5 * (frequency / grain_per_mm) ** 2) + 0.02
    # A real transform holds columns 1 to size/2 - 1 once that count twice in the picture's variance.
    double = np.full(shape.shape[1], 2.0)
    double[0] = 1.0
    if size % 2 == 0:
        double[-1] = 1.0
    power = float((shape**2 * double).sum()) / size**2
    return np.asarray(shape / np.sqrt(power), np.float32)


@lru_cache(maxsize=8)
def _transfer(size: int, pixel_mm: float, blur_mm: float, sharpening: float) -> F32:
    """Modulation transfer: a Gaussian of `blur_mm`, with the middle frequencies lifted."""
    frequency = _frequency(size, pixel_mm)
    lift = 1 + sharpening * (1 - np.exp(-0.5 * (frequency / 0.12) ** 2))
    return np.asarray(np.exp(-2 * (np.pi * blur_mm * frequency) ** 2) * lift, np.float32)


def acquire(
    hu: F32,
    depth_mm: F32,
    cavity_mm: F32,
    *,
    height_mm: float,
    pixel_mm: float,
    centre_px: tuple[float, float],
    scanner: Scanner,
    seed: int,
    index: int,
) -> npt.NDArray[np.int16]:
    """Scan one slice: float32 (size, size) HU of the head → int16.

    depth_mm, cavity_mm: distance below the inner table and inside the cranial cavity. height_mm: head z of the slice.
    centre_px: (row, column) of the head's middle. `index` gives the slice its own noise.
    """
    from scipy import fft

    size = hu.shape[0]
    rng = stream(seed, f"noise {index}")
    inside = np.clip(cavity_mm, 0, None)
    bright = hu + scanner.cupping_hu * np.exp(inside * (-1 / 4)) * (cavity_mm > 0)
    bright += scanner.glow_hu * np.exp(inside * (-1 / 20)) * (cavity_mm > 0)
    bright = _moved(bright, pixel_mm, scanner, seed, index)
    transfer = _transfer(size, pixel_mm, scanner.blur_mm, scanner.sharpening)
    image = fft.irfft2(fft.rfft2(bright) * transfer, s=hu.shape)
    white = rng.standard_normal(hu.shape, dtype=np.float32)
    grain = fft.irfft2(fft.rfft2(white) * _noise_shape(size, pixel_mm, scanner.grain_per_mm), s=hu.shape)
    # Fewer photons come through the middle of the head and through slices full of bone.
    path = np.exp(np.clip(depth_mm + 8, 0, 70) * (1 / 130))
    path *= 1 + 4 * float((hu > 500).mean())
    image += scanner.noise_hu * grain * np.where(depth_mm > -25, path, 1)
    image += _metal(image, pixel_mm)
    streaks = _streaks(hu.shape[0], pixel_mm, centre_px, height_mm, scanner, stream(seed, f"streaks {index}"))
    if streaks is not None:
        image += streaks * (depth_mm > -25)
    image = np.where(image > -500, image * scanner.gain + scanner.offset_hu, image)
    shot: npt.NDArray[np.int16] = np.clip(np.rint(image), -1024, 3071).astype(np.int16)
    return shot


def _moved(hu: F32, pixel_mm: float, scanner: Scanner, seed: int, index: int) -> F32:
    """The slice as a head shows that moved while some neighbouring slices were taken: it and its ghosts."""
    if not scanner.motion_mm:
        return hu
    rng = stream(seed, "motion")
    middle, reach = rng.uniform(4, 26), rng.uniform(1.5, 6)
    still = abs(index - middle) / reach
    if still > 1:
        return hu
    angle, share = rng.uniform(0, 2 * np.pi), float(rng.uniform(0.25, 0.5))
    far = scanner.motion_mm * (1 - still) / pixel_mm
    steps = (round(float(far * np.sin(angle))), round(float(far * np.cos(angle))))
    ghost = np.roll(hu, steps, (0, 1))
    return np.asarray((1 - share) * hu + share * ghost, np.float32)


def _metal(image: F32, pixel_mm: float) -> F32 | float:
    """Bright and dark rays from metal; 0 where there is none."""
    metal = image > _METAL_HU
    count = int(metal.sum())
    if count < 2:
        return 0.0
    row, column = (float(v.mean()) for v in np.nonzero(metal))
    y = (np.arange(image.shape[0], dtype=np.float32) - row)[:, None] * pixel_mm
    x = (np.arange(image.shape[1], dtype=np.float32) - column)[None, :] * pixel_mm
    far, angle = np.hypot(x, y) + 3, np.arctan2(y, x)
    rays = np.sin(14 * angle + 1.0) * np.cos(5 * angle) + 0.5 * np.sin(31 * angle)
    return np.asarray(min(count, 60) * 9 * rays / far, np.float32)


def _streaks(
    size: int,
    pixel_mm: float,
    centre_px: tuple[float, float],
    height_mm: float,
    scanner: Scanner,
    rng: np.random.Generator,
) -> F32 | None:
    """Dark bar between the petrous bones and streaks beside dense bone; rarely a streak higher up."""
    y = ((np.arange(size, dtype=np.float32) - centre_px[0]) * pixel_mm)[:, None]
    x = ((np.arange(size, dtype=np.float32) - centre_px[1]) * pixel_mm)[None, :]
    low = height_mm < -8
    if not low and rng.random() > 0.08:
        return None
    total = np.zeros((size, size), np.float32)
    if low:
        depth = scanner.bar_hu * float(rng.uniform(0.5, 1.3)) * min(1.0, (-8 - height_mm) / 15)
        bar = np.exp(-(((y - 14 - float(rng.normal(0, 2))) * (1 / 5)) ** 2)) * np.exp(-((x * (1 / 30)) ** 2))
        total -= depth * bar
    for _ in range(int(rng.integers(2, 6)) if low else 1):
        angle = float(rng.normal(0, 0.5) if low else rng.uniform(0, np.pi))
        offset = float(rng.normal(8, 14) if low else rng.normal(0, 40))
        across = x * np.sin(angle, dtype=np.float32) + y * np.cos(angle, dtype=np.float32) - offset
        total += float(rng.normal(0, scanner.streak_hu * (1 if low else 0.4))) * np.exp(
            -((across * (1 / float(rng.uniform(1, 3)))) ** 2)
        )
    return total
