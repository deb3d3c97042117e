"""Logits to scores that mean the same for every subtype: Platt's two numbers a head, fitted on validation cases."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


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
