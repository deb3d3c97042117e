"""The slice of a case that says most about it: the image, what is true and what was found, outlined."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.labels import NOT_REVIEWED
from model.preprocess import crop_hu, crop_labels, find_geometry
from model.sample import Sample

WINDOW = (40.0, 80.0)
_SCALE = 2
_TRUTH_RGB, _FOUND_RGB = (64, 224, 128), (255, 64, 160)


@dataclass(frozen=True)
class Picture:
    """A slice on the network's square: grey, truth and found uint8 (N, N); its number from 1 of so many."""

    grey: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.bool_]
    found: npt.NDArray[np.bool_]
    number: int
    count: int


def picture(sample: Sample, found: npt.NDArray[np.uint8], slice_scores: npt.NDArray[np.floating]) -> Picture:
    """The slice with most true bleeding; else that with most found; else the one that scores highest."""
    drawn = np.where(sample.labels == NOT_REVIEWED, 0, sample.labels)
    areas = [(volume > 0).sum((1, 2)) for volume in (drawn, found)]
    chosen = next((area for area in areas if area.any()), np.nan_to_num(slice_scores))
    index = int(np.argmax(chosen))
    geometry = find_geometry(sample.hu[index], sample.spacing_mm)
    level, width = WINDOW
    grey = np.clip((crop_hu(sample.hu[index], geometry) - level + width / 2) / width, 0, 1) * 255
    return Picture(
        np.rint(grey).astype(np.uint8),
        crop_labels(drawn[index], geometry) > 0,
        crop_labels(found[index], geometry) > 0,
        index + 1,
        len(sample.hu),
    )


def png(image: Picture) -> bytes:
    """The picture twice as large as PNG, the truth outlined in green, what was found in pink."""
    import imagecodecs

    rgb = np.stack([_enlarged(image.grey)] * 3, axis=2)
    for mask, colour in ((image.truth, _TRUTH_RGB), (image.found, _FOUND_RGB)):
        rgb[_outline(_enlarged(mask) > 0)] = colour
    return bytes(imagecodecs.png_encode(rgb))


def _enlarged(image: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    return np.repeat(np.repeat(image.astype(np.uint8), _SCALE, 0), _SCALE, 1)


def _outline(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    from scipy import ndimage

    return np.asarray(mask & ~ndimage.binary_erosion(mask))
