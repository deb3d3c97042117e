"""The plain systems that any model has to beat."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from model.evaluation.answer import Answer
from model.labels import SCORES, UNKNOWN_SUBTYPE
from model.sample import Sample

_CLOT_HU = (50, 90)
_BONE_HU = 200
_TYPICAL_MM2 = 100.0
"""Area of clot at which the threshold's score is one half."""


class AlwaysNegative:
    """Answers that nothing bleeds: the line that any accuracy has to be read against."""

    name = "always negative"
    thresholds: Mapping[str, float] = MappingProxyType(dict.fromkeys(SCORES, 0.5))
    study_thresholds = thresholds

    def __call__(self, sample: Sample) -> Answer:
        """Zeros."""
        count = len(sample.hu)
        scores = np.zeros((count, len(SCORES)))
        return Answer(scores, scores[0], np.zeros(sample.labels.shape, np.uint8))


class HuThreshold:
    """Takes for clot what has 50 to 90 HU within the skull. Every score is that of `any`: it knows no subtypes."""

    name = "HU threshold"
    thresholds: Mapping[str, float] = MappingProxyType(dict.fromkeys(SCORES, 0.5))
    study_thresholds = thresholds

    def __call__(self, sample: Sample) -> Answer:
        """Scores grow with the area of clot on a slice; a study takes its largest."""
        clot = np.stack([clot_by_threshold(image, sample.spacing_mm) for image in sample.hu])
        area_mm2 = clot.sum((1, 2)) * sample.spacing_mm[0] * sample.spacing_mm[1]
        scores = np.repeat((area_mm2 / (area_mm2 + _TYPICAL_MM2))[:, None], len(SCORES), 1)
        mask = np.where(clot, UNKNOWN_SUBTYPE, 0).astype(np.uint8)
        return Answer(scores, scores.max(0), mask, named=False)


def clot_by_threshold(hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Smoothed pixels of 50 to 90 HU within the skull, at least 3 mm from it.

    hu: (rows, columns). The result has its shape.
    """
    from scipy import ndimage

    step = tuple(max(1, round(1.0 / s)) for s in spacing_mm)
    image = ndimage.uniform_filter(hu[:: step[0], :: step[1]].astype(np.float32), 3)
    bone = image > _BONE_HU
    inside = ndimage.binary_fill_holes(ndimage.binary_closing(bone, iterations=3)) & ~bone
    inside = ndimage.binary_erosion(inside, iterations=3)
    clot = ndimage.binary_opening(inside & (image >= _CLOT_HU[0]) & (image <= _CLOT_HU[1]))
    full = np.repeat(np.repeat(clot, step[0], 0), step[1], 1)
    return np.asarray(full[: hu.shape[0], : hu.shape[1]])
