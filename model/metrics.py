"""Measures of scores and masks, with intervals that resample patients. numpy only."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


def auc(truth: Truth, scores: Numbers) -> float:
    """Area under the ROC curve, ties counted half; NaN unless both classes occur."""
    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def sensitivity(truth: Truth, flagged: Truth) -> float:
    """Share of the positives that are flagged; NaN without positives."""
    return float(flagged[truth].mean()) if truth.any() else float("nan")


def specificity(truth: Truth, flagged: Truth) -> float:
    """Share of the negatives that are not flagged; NaN without negatives."""
    return float((~flagged[~truth]).mean()) if (~truth).any() else float("nan")


def dice(truth: Truth, found: Truth) -> float:
    """2 |A ∩ B| / (|A| + |B|); NaN when both are empty, so that empty cases never raise a mean."""
    total = int(truth.sum()) + int(found.sum())
    return float(2 * (truth & found).sum() / total) if total else float("nan")


def accuracy_of_never(truth: Truth) -> float:
    """What always answering `no` scores: the line that any accuracy has to be read against."""
    return float((~truth).mean()) if len(truth) else float("nan")


def threshold_for(truth: Truth, scores: Numbers, *, least_sensitivity: float) -> float:
    """Largest threshold (score >= threshold flags) that still reaches `least_sensitivity`; 0.5 without positives."""
    if not truth.any():
        return 0.5
    ordered = np.sort(scores[truth])
    allowed = int(np.floor((1 - least_sensitivity) * len(ordered) + 1e-9))
    return float(ordered[min(allowed, len(ordered) - 1)])


def youden_threshold(truth: Truth, scores: Numbers) -> float:
    """Threshold (score >= threshold flags) with the largest sensitivity + specificity; 0.5 unless both occur."""
    if truth.all() or not truth.any():
        return 0.5
    best = max(
        np.unique(scores),
        key=lambda t: sensitivity(truth, scores >= t) + specificity(truth, scores >= t),
    )
    return float(best)


def bootstrap(
    groups: Sequence[object],
    measure: Callable[[npt.NDArray[np.int64]], float],
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of `measure(indices)`, whole groups (patients) drawn with replacement.

    groups: the patient of each row. measure: takes row indices; rounds where it is NaN are left out.
    NaN, NaN when every round is.
    """
    names = sorted(set(groups), key=str)
    rows_of = {name: np.flatnonzero([g == name for g in groups]) for name in names}
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(rounds):
        drawn = rng.integers(len(names), size=len(names))
        values.append(measure(np.concatenate([rows_of[names[i]] for i in drawn])))
    kept = np.array([v for v in values if np.isfinite(v)])
    if not len(kept):
        return float("nan"), float("nan")
    low, high = np.percentile(kept, [2.5, 97.5])
    return float(low), float(high)
