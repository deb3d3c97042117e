"""Logits to scores that mean the same for every subtype: Platt's two numbers a head, fitted on validation cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from model.labels import SCORES

Numbers = npt.NDArray[np.float64]

PARTS = ("provisional", "slice", "study")
"""Scores of a slice before the sequence has run, after it, and of the study."""


def _identity() -> dict[str, Numbers]:
    return {part: np.stack([np.ones(len(SCORES)), np.zeros(len(SCORES))]) for part in PARTS}


@dataclass(frozen=True)
class Calibration:
    """What turns a network's logits into an answer.

    platt: by part, (2, 6) slopes and offsets. thresholds: by name of score, from which on it flags.
    mask_threshold: probability of bleeding from which on a pixel is drawn. slice_gate: provisional score of `any`
    below which nothing is drawn on a slice. counts: how many cases each number rests on, for the card.
    """

    platt: Mapping[str, Numbers] = field(default_factory=_identity)
    thresholds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(SCORES, 0.5))
    mask_threshold: float = 0.5
    slice_gate: float = 0.0
    counts: Mapping[str, Any] = field(default_factory=dict)

    def scores(self, part: str, logits: npt.NDArray[np.floating]) -> Numbers:
        """Scores 0..1 of logits (n, 6)."""
        slope, offset = self.platt[part]
        return sigmoid(slope * logits + offset)

    def info(self) -> dict[str, Any]:
        """As model.json holds it: calibration, thresholds, mask."""
        table = {
            part: {
                code: [round(float(v), 5) for v in pair] for code, pair in zip(SCORES, numbers.T, strict=True)
            }
            for part, numbers in self.platt.items()
        }
        return {
            "calibration": table,
            "thresholds": {code: round(float(value), 4) for code, value in self.thresholds.items()},
            "mask": {"threshold": round(self.mask_threshold, 4), "slice_gate": round(self.slice_gate, 4)},
        }


def sigmoid(logits: Numbers) -> Numbers:
    """1 / (1 + exp(-logits)), without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


def fit_platt(
    logits: Numbers, truth: npt.NDArray[np.bool_], weight: Numbers | None = None
) -> tuple[float, float]:
    """Slope and offset such that sigmoid(slope * logit + offset) fits `truth`, both classes weighing the same.

    Balanced, because validation has another share of bleeds than any clinic: 0.5 is where a case is as typical
    of bleeding as of not bleeding. A weak prior holds the slope near 1 (few positives). 1 and 0 unless both
    classes occur. Platt, Advances in Large Margin Classifiers 1999.
    """
    if truth.all() or not truth.any():
        return 1.0, 0.0
    weight = np.ones(len(logits)) if weight is None else weight
    share = np.where(truth, weight / weight[truth].sum(), weight / weight[~truth].sum()) * 0.5
    inputs = np.stack([logits, np.ones(len(logits))], 1)
    prior, strength = np.array([1.0, 0.0]), np.diag([0.005, 0.0005])
    found = prior.copy()
    for _ in range(50):
        score = sigmoid(inputs @ found)
        slope = inputs.T @ (share * (score - truth)) + strength @ (found - prior)
        curve = (inputs * (share * score * (1 - score))[:, None]).T @ inputs + strength
        step = np.linalg.solve(curve, slope)
        found = found - np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return float(max(found[0], 0.05)), float(found[1])
