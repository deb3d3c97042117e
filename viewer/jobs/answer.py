"""What the model answered for one series, ready to leave the program: in reports, segmentations and pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model.labels import ANY, CODES, SCORES, SUBTYPES
from viewer.dicom.volume import Volume


@dataclass(frozen=True)
class Answer:
    """One model's answer for one series.

    masks: uint8 (slices, rows, columns), 0 none, 1..5 subtype. scores, thresholds: of the study, by code.
    slice_scores: float32 (slices, 6), NaN where a slice could not be read. volume_ml: empty where unknown.
    """

    volume: Volume
    model_id: str
    masks: npt.NDArray[np.uint8]
    scores: Mapping[str, float]
    thresholds: Mapping[str, float]
    slice_scores: npt.NDArray[np.float32]
    volume_ml: Mapping[str, float]
    cautions: tuple[str, ...] = ()
    mean_hu: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        """Raise ValueError where a part is missing."""
        missing = [code for code in SCORES if code not in self.scores or code not in self.thresholds]
        if missing or self.masks.shape != self.volume.hu.shape:
            raise ValueError(
                f"an answer needs all scores and a mask a slice, without {missing}, {self.masks.shape}"
            )
        object.__setattr__(self, "mean_hu", mean_hu(self.volume, self.masks))

    @property
    def suspected(self) -> tuple[str, ...]:
        """Subtypes at or above their operating points, highest score first."""
        over = [s.code for s in SUBTYPES if self.scores[s.code] >= self.thresholds[s.code]]
        return tuple(sorted(over, key=lambda code: -self.scores[code]))

    @property
    def bleed_suspected(self) -> bool:
        """Whether any hemorrhage is suspected, whatever the subtypes say."""
        return bool(self.suspected) or self.scores[ANY] >= self.thresholds[ANY]

    @property
    def told(self) -> tuple[str, ...]:
        """Subtypes whose masks belong to what is said: the suspected; all where a bleed is, but no subtype."""
        return self.suspected or (CODES if self.bleed_suspected else ())

    def verdict(self, code: str) -> str:
        """`suspected` or `below its operating point`."""
        return "suspected" if self.scores[code] >= self.thresholds[code] else "below its operating point"

    def remarks(self) -> dict[str, str]:
        """Score and verdict of each subtype, in words."""
        return {
            s.code: f"Score {self.scores[s.code]:.2f}, {self.verdict(s.code)} ({self.thresholds[s.code]:.2f})."
            for s in SUBTYPES
        }


def mean_hu(volume: Volume, masks: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Mean HU of what is marked, by subtype; those without a pixel are left out."""
    count = np.zeros(1 + len(SUBTYPES))
    total = np.zeros(1 + len(SUBTYPES))
    for index in np.flatnonzero(volume.loaded):
        values = masks[index].ravel()
        if values.any():
            count += np.bincount(values, minlength=len(count))
            total += np.bincount(values, volume.hu[index].ravel(), minlength=len(count))
    return {s.code: float(total[s.value] / count[s.value]) for s in SUBTYPES if count[s.value]}
