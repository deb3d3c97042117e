"""Samples on the network grid, and the stacks of neighbouring slices that training draws from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.labels import SUBTYPES
from model.preprocess import crop_hu, crop_labels, find_geometry
from model.sample import Sample


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


@dataclass(frozen=True)
class Stack:
    """Neighbouring slices of one case: hu float32 (S, N, N), labels uint8 (S, N, N), scores int8 (S, 6)."""

    hu: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.int8]


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
    """Draws stacks around slices: `positive` of them around a bleed, the five subtypes equally often.

    A subtype that no case has gives its turns to the others; a pool without bleeds gives negatives only.
    """

    def __init__(self, cases: Sequence[Case], *, count: int, positive: float) -> None:
        self.cases, self.count, self.positive = list(cases), count, positive
        scores = [(i, z, row) for i, case in enumerate(cases) for z, row in enumerate(case.scores)]
        self._by_subtype = [
            anchors for s in SUBTYPES if (anchors := [(i, z) for i, z, row in scores if row[s.value] == 1])
        ]
        vague = [(i, z) for i, z, row in scores if row[0] == 1 and not (row[1:] == 1).any()]
        if vague:
            self._by_subtype.append(vague)
        self._negative = [(i, z) for i, z, row in scores if row[0] <= 0]

    def draw(self, rng: np.random.Generator) -> Stack:
        """One stack of `count` slices; at the ends of a series the end slice repeats."""
        pools = self._by_subtype
        bleeding = bool(pools) and (not self._negative or rng.random() < self.positive)
        anchors = pools[rng.integers(len(pools))] if bleeding else self._negative
        index, z = anchors[rng.integers(len(anchors))]
        case = self.cases[index]
        start = z - int(rng.integers(self.count))
        chosen = np.clip(np.arange(start, start + self.count), 0, len(case.hu) - 1)
        return Stack(case.hu[chosen].astype(np.float32), case.labels[chosen], case.scores[chosen])
