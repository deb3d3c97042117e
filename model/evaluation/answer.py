"""What a system says of a sample, whatever it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.labels import SCORES
from model.sample import Sample


@dataclass(frozen=True)
class Answer:
    """A system's answer to a sample of Z slices.

    slice_scores: float (Z, 6), 0..1, in the order of SCORES; NaN for a score the system does not give.
    study_scores: float (6,), the same for the whole series.
    mask: uint8 (Z, rows, columns) of the source grid: 0 none, 1..5 subtype, UNKNOWN_SUBTYPE bleeding of no named
        subtype; None where the system draws nothing.
    bleeding: float32 (Z, rows, columns), probability that a pixel bleeds; None where the system has none.
    named: whether the system tells subtypes apart when it draws.
    """

    slice_scores: npt.NDArray[np.floating]
    study_scores: npt.NDArray[np.floating]
    mask: npt.NDArray[np.uint8] | None = None
    bleeding: npt.NDArray[np.float32] | None = None
    named: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError where the shapes do not belong together."""
        if self.slice_scores.ndim != 2 or self.slice_scores.shape[1] != len(SCORES):
            raise ValueError(f"slice_scores must be (Z, {len(SCORES)}), got {self.slice_scores.shape}")
        if self.study_scores.shape != (len(SCORES),):
            raise ValueError(f"study_scores must be ({len(SCORES)},), got {self.study_scores.shape}")
        for name, volume in (("mask", self.mask), ("bleeding", self.bleeding)):
            if volume is not None and (volume.ndim != 3 or len(volume) != len(self.slice_scores)):
                raise ValueError(
                    f"{name} must be ({len(self.slice_scores)}, rows, columns), got {volume.shape}"
                )


class Scorer(Protocol):
    """Anything that can be measured."""

    @property
    def name(self) -> str:
        """As tables call it."""
        ...

    @property
    def thresholds(self) -> Mapping[str, float]:
        """By name of score, from which on it flags a slice."""
        ...

    @property
    def study_thresholds(self) -> Mapping[str, float]:
        """By name of score, from which on it flags a study."""
        ...

    def __call__(self, sample: Sample) -> Answer:
        """Answer one sample. Raises PterionError where it cannot be scored."""
        ...
