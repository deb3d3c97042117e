"""Samples on the network grid, and the stacks of neighbouring slices that training draws from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model.labels import SUBTYPES
from model.preprocess import crop_hu, crop_labels, find_geometry
from model.sample import Sample

if TYPE_CHECKING:
    from model.painting.background import Background


@dataclass(frozen=True)
class Case:
    """A sample cropped to the network's square.

    hu: int16 (Z, N, N). labels: uint8 (Z, N, N). scores: int8 (Z, 6). gaps_mm: float32 (Z,), to the slice
    before, the first repeating the second. patient, source: the sample's.
    """

    hu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.int8]
    gaps_mm: npt.NDArray[np.float32]
    patient: str
    source: str

    @property
    def background(self) -> "Background | None":
        """What the head offers to painted bleeds; found when asked for, and kept for the cases asked for last."""
        from model.painting.background import recall

        return recall(self.hu, self.gaps_mm)


@dataclass(frozen=True)
class Stack:
    """Neighbouring slices of one case: hu float32 (S, N, N), labels uint8 (S, N, N), scores int8 (S, 6).

    case, chosen: where they come from, as long as nothing moved them.
    """

    hu: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.int8]
    case: Case | None = None
    chosen: npt.NDArray[np.intp] | None = None


def crop_sample(sample: Sample) -> Case:
    """The sample on the network grid, each slice centred on its own head as in prediction."""
    hu, labels = [], []
    for image, label in zip(sample.hu, sample.labels, strict=True):
        geometry = find_geometry(image, sample.spacing_mm)
        hu.append(np.rint(crop_hu(image, geometry)).astype(np.int16))
        labels.append(crop_labels(label, geometry))
    return Case(
        np.stack(hu), np.stack(labels), sample.scores, gaps_mm(sample.z_mm), sample.patient, sample.source
    )


def gaps_mm(z_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Distance of each slice to the one before (Z,), the first repeating the second; 5 mm for a slice alone."""
    if len(z_mm) < 2:
        return np.full(len(z_mm), 5.0, np.float32)
    gaps = np.diff(z_mm)
    return np.concatenate([gaps[:1], gaps]).astype(np.float32)


class StackSampler:
    """Draws stacks around slices, `positive` of them around a bleed: its subtype first, then a patient, then a slice.

    A subtype comes up by the root of how many patients have it: rare ones more often than they occur, yet three
    patients are not shown until they are known by heart. A pool without bleeds gives negatives only.
    """

    def __init__(self, cases: Sequence[Case], *, count: int, positive: float) -> None:
        self.count, self.positive = count, positive
        of_subtype = [_slices(cases, [c.scores[:, s.value] == 1 for c in cases]) for s in SUBTYPES]
        self._bleeding = [pool for pool in of_subtype if pool]
        vague = _slices(cases, [(c.scores[:, 0] == 1) & ~(c.scores[:, 1:] == 1).any(1) for c in cases])
        if vague:
            self._bleeding.append(vague)
        self._negative = _slices(cases, [c.scores[:, 0] <= 0 for c in cases])
        roots = np.sqrt([len(found) for found in self._bleeding])
        self._weights = roots / roots.sum() if len(roots) else roots

    def draw(self, rng: np.random.Generator) -> Stack:
        """One stack of `count` slices; at the ends of a series the end slice repeats."""
        bleeding = bool(self._bleeding) and (not self._negative or rng.random() < self.positive)
        pool = (
            self._bleeding[rng.choice(len(self._bleeding), p=self._weights)] if bleeding else self._negative
        )
        case, slices = pool[rng.integers(len(pool))]
        start = int(slices[rng.integers(len(slices))]) - int(rng.integers(self.count))
        chosen = np.clip(np.arange(start, start + self.count), 0, len(case.hu) - 1)
        hu = case.hu[chosen].astype(np.float32)
        return Stack(hu, case.labels[chosen], case.scores[chosen], case, chosen)


_Slices = list[tuple[Case, npt.NDArray[np.intp]]]


def _slices(cases: Sequence[Case], wanted: Sequence[npt.NDArray[np.bool_]]) -> _Slices:
    """The cases with slices that are wanted, and those slices."""
    return [(case, np.flatnonzero(w)) for case, w in zip(cases, wanted, strict=True) if w.any()]
