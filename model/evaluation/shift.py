"""A sample as another scanner would have given it. Deterministic: the same sample and shift give the same pixels.

HU are changed, truth is only moved along where the geometry moves. What a shift means physically stands at each.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from model.labels import BACKGROUND
from model.preprocess import AIR_HU
from model.sample import Sample

Floats = npt.NDArray[np.float32]
Shift = Callable[[Sample], Sample]

_LOWEST_HU, _HIGHEST_HU = -1024, 3071
_JPEG_QUALITY = 50


def soft_kernel(sample: Sample) -> Sample:
    """A smoothing kernel: a point spreads over 0.8 mm (standard deviation) more."""
    return _changed(sample, lambda hu, _: _blur(hu, sample, 0.8))


def sharp_kernel(sample: Sample) -> Sample:
    """An edge-enhancing kernel: what lies above 0.9 mm of blur counts twice."""
    return _changed(sample, lambda hu, _: hu + 1.0 * (hu - _blur(hu, sample, 0.9)))


def noisy(sample: Sample) -> Sample:
    """A quarter of the dose: 7 HU of grain that is correlated over 0.7 mm, as reconstruction leaves it."""
    return _changed(sample, lambda hu, rng: hu + _grain(rng, sample, 7.0, 0.7))


def without_jpeg(sample: Sample) -> Sample:
    """Never compressed: the blocks of JPEG smoothed away, natural grain of 3 HU in their place."""
    return _changed(sample, lambda hu, rng: _blur(hu, sample, 0.45) + _grain(rng, sample, 3.0, 0.6))


def jpeg(sample: Sample) -> Sample:
    """Kept as JPEG of quality 50 in two windows, 40/120 and 700/3200, the first where it is not clipped."""
    return replace(sample, hu=np.stack([_through_jpeg(image) for image in sample.hu]))


def coarse_pixels(sample: Sample) -> Sample:
    """Pixels of 0.75 mm: a field of view of 384 mm on 512, or 256 pixels across a head."""
    return _resampled(sample, 0.75)


def fine_pixels(sample: Sample) -> Sample:
    """Pixels of 0.35 mm: a field of view of 180 mm on 512."""
    return _resampled(sample, 0.35)


def gain_up(sample: Sample) -> Sample:
    """Water and bone 4 % further apart, and 4 HU up: a scanner due for calibration."""
    return _changed(sample, lambda hu, _: np.where(hu > -500, hu * 1.04 + 4, hu))


def gain_down(sample: Sample) -> Sample:
    """4 % closer together and 6 HU down."""
    return _changed(sample, lambda hu, _: np.where(hu > -500, hu * 0.96 - 6, hu))


def clipped(sample: Sample) -> Sample:
    """An export of 8 bits: 256 grey values from -100 to 300 HU, everything else cut off."""

    def cut(hu: Floats, _: np.random.Generator) -> Floats:
        grey = np.rint((np.clip(hu, -100, 300) + 100) * (255 / 400))
        return np.asarray(grey * (400 / 255) - 100, np.float32)

    return _changed(sample, cut)


def without_holder(sample: Sample) -> Sample:
    """Table, head holder and tubes removed: air outside the largest solid part of each slice."""
    return replace(sample, hu=np.stack([_head_alone(image, sample.spacing_mm) for image in sample.hu]))


def rotated(sample: Sample) -> Sample:
    """The head turned by 12 degrees in the plane."""
    from scipy import ndimage

    def turn(volume: npt.NDArray[np.generic], order: int, outside: float) -> npt.NDArray[np.generic]:
        return np.asarray(
            ndimage.rotate(volume, 12.0, (2, 1), reshape=False, order=order, mode="constant", cval=outside)
        )

    hu = np.clip(turn(sample.hu.astype(np.float32), 1, AIR_HU), _LOWEST_HU, _HIGHEST_HU)
    labels = turn(sample.labels, 0, BACKGROUND)
    return replace(sample, hu=np.rint(hu).astype(np.int16), labels=labels.astype(np.uint8))


SHIFTS: dict[str, Shift] = {
    "soft kernel": soft_kernel,
    "sharp kernel": sharp_kernel,
    "noise": noisy,
    "JPEG removed": without_jpeg,
    "JPEG, quality 50": jpeg,
    "pixels 0.75 mm": coarse_pixels,
    "pixels 0.35 mm": fine_pixels,
    "HU × 1.04 + 4": gain_up,
    "HU × 0.96 − 6": gain_down,
    "8 bits": clipped,
    "no table or holder": without_holder,
    "rotated 12°": rotated,
}
"""Name as tables give it → shift."""


def _changed(sample: Sample, change: Callable[[Floats, np.random.Generator], Floats]) -> Sample:
    """HU slice by slice through `change`, which also gets a generator that depends on patient and slice alone."""
    images = []
    for z, image in enumerate(sample.hu):
        seed = int(sha256(f"{sample.patient}/{z}".encode()).hexdigest()[:8], 16)
        changed = change(image.astype(np.float32), np.random.default_rng(seed))
        images.append(np.rint(np.clip(changed, _LOWEST_HU, _HIGHEST_HU)).astype(np.int16))
    return replace(sample, hu=np.stack(images))


def _blur(image: Floats, sample: Sample, sigma_mm: float) -> Floats:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(image, [sigma_mm / s for s in sample.spacing_mm]))


def _grain(rng: np.random.Generator, sample: Sample, sigma_hu: float, size_mm: float) -> Floats:
    """Noise of standard deviation `sigma_hu`, correlated over `size_mm`."""
    noise = _blur(rng.standard_normal(sample.hu.shape[1:], np.float32), sample, size_mm)
    return np.asarray(noise * (sigma_hu / noise.std()))


def _resampled(sample: Sample, pixel_mm: float) -> Sample:
    """The same field of view in pixels of `pixel_mm`; larger ones average what they cover."""
    from scipy import ndimage

    shape = [
        max(8, round(n * s / pixel_mm)) for n, s in zip(sample.hu.shape[1:], sample.spacing_mm, strict=True)
    ]
    spacing = tuple(n * s / m for n, s, m in zip(sample.hu.shape[1:], sample.spacing_mm, shape, strict=True))
    # Centre of pixel i of the new grid on the old one, so that both grids cover the same square.
    at = [(np.arange(m) + 0.5) * (n / m) - 0.5 for n, m in zip(sample.hu.shape[1:], shape, strict=True)]
    where = np.stack(np.meshgrid(*at, indexing="ij"))
    blur = [max(0.0, m / s - 1) / 2 for m, s in zip(spacing, sample.spacing_mm, strict=True)]
    images, labels = [], []
    for image, label in zip(sample.hu, sample.labels, strict=True):
        smooth = ndimage.gaussian_filter(image.astype(np.float32), blur)
        images.append(np.rint(ndimage.map_coordinates(smooth, where, order=1, mode="nearest")))
        labels.append(ndimage.map_coordinates(label, where, order=0, mode="nearest"))
    return replace(
        sample,
        hu=np.stack(images).astype(np.int16),
        labels=np.stack(labels).astype(np.uint8),
        spacing_mm=(spacing[0], spacing[1]),
    )


def _through_jpeg(image: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """HU (rows, columns) after JPEG in two windows, joined as `datasets.ct_ich` joins them."""
    import imagecodecs

    from model.datasets.ct_ich import hu_from_windows

    greys = []
    for level, width in ((40, 120), (700, 3200)):
        grey = np.clip((image - (level - width / 2)) / width, 0, 1) * 255
        coded = imagecodecs.jpeg8_encode(np.rint(grey).astype(np.uint8), level=_JPEG_QUALITY)
        greys.append(np.asarray(imagecodecs.jpeg8_decode(coded, outcolorspace="GRAYSCALE"), np.uint8))
    return hu_from_windows(greys[0], greys[1])


def _head_alone(image: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> npt.NDArray[np.int16]:
    """Air outside the head: the largest part of tissue once what is thinner than 8 mm is opened away."""
    from scipy import ndimage

    step = tuple(max(1, round(2.0 / s)) for s in spacing_mm)
    tissue = image[:: step[0], :: step[1]] > -300
    labelled, count = ndimage.label(ndimage.binary_opening(tissue, iterations=2))
    if not count:
        return image
    head = labelled == int(np.bincount(labelled.ravel())[1:].argmax()) + 1
    head = ndimage.binary_dilation(ndimage.binary_fill_holes(head), iterations=3)
    full = np.repeat(np.repeat(head, step[0], 0), step[1], 1)[: image.shape[0], : image.shape[1]]
    return np.where(full, image, AIR_HU).astype(np.int16)
