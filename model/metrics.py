"""Measures of scores and masks. numpy only.

Those that take `weights` (R, n) give R values, one for each way to weigh the n rows: a bootstrap over patients is
a table of how often each row was drawn, and all its rounds are measured at once (see `model.evaluation.resample`).
"""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


def auc(truth: Truth, scores: Numbers) -> float:
    """Area under the ROC curve, ties counted half; NaN unless both classes occur."""
    return float(weighted_auc(truth, scores, np.ones((1, len(truth))))[0])


def weighted_auc(truth: Truth, scores: Numbers, weights: Numbers) -> Numbers:
    """Area under the ROC curve (R,): the weight of pairs in which the positive scores higher, ties half."""
    positive, negative = _by_score(truth, scores, weights)
    below = np.cumsum(negative, 1) - negative
    pairs = positive.sum(1) * negative.sum(1)
    return ratio((positive * (below + negative / 2)).sum(1), pairs)


def average_precision(truth: Truth, scores: Numbers) -> float:
    """Area under the stepped precision-recall curve; NaN unless both classes occur."""
    return float(weighted_average_precision(truth, scores, np.ones((1, len(truth))))[0])


def weighted_average_precision(truth: Truth, scores: Numbers, weights: Numbers) -> Numbers:
    """Sum over thresholds of precision times the recall gained there (R,); NaN without both classes."""
    positive, negative = (part[:, ::-1] for part in _by_score(truth, scores, weights))
    found, flagged = np.cumsum(positive, 1), np.cumsum(positive + negative, 1)
    total = ratio((positive * ratio(found, flagged, empty=0.0)).sum(1), positive.sum(1))
    return np.where(negative.sum(1) > 0, total, np.nan)


def weighted_share(chosen: Truth, among: Truth, weights: Numbers) -> Numbers:
    """Share (R,) of the rows `among` that are `chosen`; NaN where `among` weighs nothing."""
    inside = weights[:, among]
    return ratio(inside @ chosen[among].astype(np.float64), inside.sum(1))


def weighted_mean(values: Numbers, weights: Numbers) -> Numbers:
    """Mean (R,) over the rows whose value is a number; NaN where none is."""
    known = np.isfinite(values)
    inside = weights[:, known]
    return ratio(inside @ values[known], inside.sum(1))


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
    return float((~truth).mean())


def log_losses(truth: Truth, scores: Numbers) -> Numbers:
    """-log of the probability that each row's truth was given (n,); scores clipped to 1e-6 and 1 - 1e-6."""
    given = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(-np.log(np.where(truth, given, 1 - given)))


def calibration_bins(scores: Numbers, count: int = 15) -> npt.NDArray[np.int64]:
    """Bin (n,) of each score, 0.. : at most `count` bins of equal mass, at least five rows each; equals share one."""
    count = max(1, min(count, len(scores) // 5))
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, count + 1)[1:-1]))
    return np.asarray(np.searchsorted(edges, scores, side="left"), np.int64)


def weighted_calibration_error(truth: Truth, scores: Numbers, weights: Numbers, count: int = 15) -> Numbers:
    """Expected calibration error (R,): |share of positives - mean score| of each bin, weighed by its mass.

    Bins of equal mass over all rows (Nixon et al., CVPR Workshops 2019).
    """
    bins = calibration_bins(scores, count)
    member = bins[:, None] == np.unique(bins)
    excess = weights @ (member * (truth - scores)[:, None])
    return ratio(np.abs(excess).sum(1), weights.sum(1))


def calibration_error(truth: Truth, scores: Numbers, count: int = 15) -> float:
    """Expected calibration error over `count` bins of equal mass."""
    return float(weighted_calibration_error(truth, scores, np.ones((1, len(truth))), count)[0])


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


def ratio(over: Numbers, under: Numbers, *, empty: float = float("nan")) -> Numbers:
    """`over` / `under`, and `empty` where `under` is 0."""
    return np.asarray(
        np.divide(over, under, out=np.full(np.shape(over), empty), where=np.asarray(under) > 0), np.float64
    )


def _by_score(truth: Truth, scores: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
    """Weight of positives and of negatives (R, distinct scores) at each score, ascending."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    sorted_weights, sorted_truth = weights[:, order], truth[order]
    if not len(starts):
        return np.zeros((len(weights), 0)), np.zeros((len(weights), 0))
    positive = np.add.reduceat(sorted_weights * sorted_truth, starts, axis=1)
    negative = np.add.reduceat(sorted_weights * ~sorted_truth, starts, axis=1)
    return positive, negative
