"""What one system did on a set of cases, as JSON: intervals by patient, None for what is not defined."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model import metrics
from model.evaluation.cases import CaseResult
from model.evaluation.lesions import THRESHOLDS, LesionCount, froc
from model.evaluation.measures import LEVELS, Head, head_of, lower_is_better, measures
from model.evaluation.resample import Resampler, plain
from model.labels import ANY, CODES, SCORES

PREVALENCES = (0.06, 0.14)
"""Shares of bleeding studies for which predictive values are given: screening, and an emergency department."""
VOLUMES_ML = ((0.0, 1.0), (1.0, 10.0), (10.0, 30.0), (30.0, float("inf")))
FALSE_MARKS = (0.5, 1.0, 2.0)

Table = dict[str, Any]


def system_table(
    cases: Sequence[CaseResult], thresholds: Mapping[str, Mapping[str, float]], resampler: Resampler
) -> Table:
    """All tables of one system; `thresholds` by level and name of score."""
    named = measures(cases)
    return {
        "measures": {
            name: {**resampler.with_interval(m.patients, m.measure), "n": m.positives}
            for name, m in named.items()
        },
        "operating": {
            level: {
                code: operating_table(head_of(cases, level, code), thresholds[level][code]) for code in SCORES
            }
            for level in LEVELS
        },
        "calibration": {
            level: {code: calibration_table(head_of(cases, level, code)) for code in SCORES}
            for level in LEVELS
        },
        "lesions": lesion_table([c.lesions for c in cases if c.lesions is not None]),
        "confusion": confusion_table(cases),
        "volume": volume_table(cases),
        "strata": strata_table(cases, thresholds["study"][ANY]),
        "seconds": seconds_table(cases),
    }


def compare(
    ours: Sequence[CaseResult], theirs: Sequence[CaseResult], resampler: Resampler
) -> dict[str, Table]:
    """Ours minus theirs, measure by measure where both have the same rows; `ahead` says whether ours is better."""
    mine, other = measures(ours), measures(theirs)
    table = {}
    for name in mine:
        if mine[name].patients and mine[name].patients == other[name].patients:
            row = resampler.difference(mine[name].patients, mine[name].measure, other[name].measure)
            gain = row["value"] if row["value"] is None or not lower_is_better(name) else -row["value"]
            table[name] = {**row, "ahead": None if gain is None else gain > 0}
    return table


def operating_table(head: Head, threshold: float) -> Table:
    """At the threshold as shipped, and where the curve of these very cases allows 90 % or 95 % of the other kind.

    Intervals of shares are Wilson's. Predictive values are those at PREVALENCES, from the threshold as shipped.
    """
    positives, negatives = int(head.truth.sum()), int((~head.truth).sum())
    flagged = head.scores >= threshold
    sensitive, specific = metrics.sensitivity(head.truth, flagged), metrics.specificity(head.truth, flagged)
    table: Table = {
        "positives": positives,
        "negatives": negatives,
        "threshold": plain(threshold),
        "sensitivity": share(int((flagged & head.truth).sum()), positives),
        "specificity": share(int((~flagged & ~head.truth).sum()), negatives),
        "sensitivity_at_90_specificity": share(*_at_least(head.truth, head.scores, 0.9)),
        "specificity_at_95_sensitivity": share(*_at_least(~head.truth, -head.scores, 0.95)),
    }
    for prevalence in PREVALENCES:
        ppv, npv = predictive_values(sensitive, specific, prevalence)
        table[f"at_{prevalence:.0%}".replace("%", "_percent")] = {"ppv": plain(ppv), "npv": plain(npv)}
    return table


def share(part: int, whole: int) -> Table:
    """A share and Wilson's 95 % interval; None without cases."""
    from scipy.stats import binomtest

    if not whole:
        return {"value": None, "interval": [None, None]}
    low, high = binomtest(part, whole).proportion_ci(0.95, method="wilson")
    return {"value": plain(part / whole), "interval": [plain(float(low)), plain(float(high))]}


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """Positive and negative predictive value where `prevalence` of the studies bleed; NaN where nothing is flagged."""
    flagged = np.array([sensitivity * prevalence, (1 - specificity) * (1 - prevalence)])
    quiet = np.array([specificity * (1 - prevalence), (1 - sensitivity) * prevalence])
    return tuple(float(part[0] / part.sum()) if part.sum() > 0 else float("nan") for part in (flagged, quiet))  # type: ignore[return-value]


def calibration_table(head: Head) -> Table:
    """Error over 15 bins of equal mass, Brier score, slope and intercept, and the bins themselves for a plot.

    slope: of a logistic regression of the truth on the logit of the score, 1 is right, below 1 too sure of itself.
    intercept: what has to be added to the logit for the mean to be right, 0 is right. None with one class only, the
    slope also where the scores part the classes without error. Van Calster et al., BMC Medicine 17 (2019).
    """
    if not len(head.truth):
        return {"n": 0, "ece": None, "brier": None, "slope": None, "intercept": None, "bins": []}
    bins = metrics.calibration_bins(head.scores)
    return {
        "n": len(head.truth),
        "ece": plain(metrics.calibration_error(head.truth, head.scores)),
        "brier": plain(float(((head.scores - head.truth) ** 2).mean())),
        "slope": plain(calibration_slope(head.truth, head.scores)),
        "intercept": plain(calibration_intercept(head.truth, head.scores)),
        "bins": [
            {
                "score": plain(float(head.scores[bins == b].mean())),
                "share": plain(float(head.truth[bins == b].mean())),
                "n": int((bins == b).sum()),
            }
            for b in np.unique(bins)
        ],
    }


def calibration_slope(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    """See `calibration_table`."""
    from sklearn.linear_model import LogisticRegression

    if truth.all() or not truth.any() or np.ptp(scores) == 0 or metrics.auc(truth, scores) in (0.0, 1.0):
        return float("nan")
    return float(LogisticRegression(C=np.inf).fit(_logit(scores)[:, None], truth).coef_[0, 0])


def calibration_intercept(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    """See `calibration_table`."""
    from scipy.optimize import brentq
    from scipy.special import expit

    if truth.all() or not truth.any():
        return float("nan")
    logits = _logit(scores)
    return float(brentq(lambda shift: expit(logits + shift).mean() - truth.mean(), -60, 60))


def lesion_table(counts: Sequence[LesionCount]) -> Table | None:
    """Lesions found and false marks: as drawn, along the thresholds, by volume and subtype; None without masks."""
    if not counts:
        return None
    levels = len(counts[0].false_marks)
    curve = [_froc_row(counts, level) for level in range(levels)]
    for threshold, row in zip(THRESHOLDS if levels > 1 else (), curve, strict=False):
        row["threshold"] = threshold
    return {
        "lesions": curve[-1]["lesions"],
        "as_drawn": curve[-1],
        "curve": curve[:-1],
        "sensitivity_at_false_marks": {str(most): _best(curve, most) for most in FALSE_MARKS},
        "by_volume": {
            volume_name(low, high): _froc_row(counts, levels - 1, low, high) for low, high in VOLUMES_ML
        },
        "by_subtype": {
            code: _froc_row(
                [LesionCount(tuple(n for n in c.lesions if n.code == code), c.false_marks) for c in counts],
                levels - 1,
            )
            for code in CODES
        },
    }


def confusion_table(cases: Sequence[CaseResult]) -> Table | None:
    """Of bleeding that was found as some subtype: mL by true subtype (rows) and found, and the share named wrongly."""
    tables = [c.confusion_ml for c in cases if c.confusion_ml is not None]
    if not tables or not all(c.named for c in cases):
        return None
    total = np.sum(tables, axis=0)
    wrong = 1 - np.trace(total) / total.sum() if total.sum() > 0 else float("nan")
    return {"ml": [[plain(v) for v in row] for row in total], "wrong_share": plain(float(wrong))}


def volume_table(cases: Sequence[CaseResult]) -> Table | None:
    """Found against true mL over bleeding patients: bias, limits of agreement, concordance, relative difference.

    Bland and Altman, Lancet 1986; Lin, Biometrics 45 (1989); the relative difference is INSTANCE's, |found - true|
    / true, its mean and its median.
    """
    pairs = [(c.masks[ANY].true_ml, c.masks[ANY].found_ml) for c in cases if c.masks and c.volume_ml > 0]
    if not pairs:
        return None
    true, found = np.array(pairs).T
    differences = found - true
    spread = 1.96 * float(differences.std(ddof=1)) if len(pairs) > 1 else float("nan")
    bias = float(differences.mean())
    return {
        "n": len(pairs),
        "bias_ml": plain(bias),
        "limits_ml": [plain(bias - spread), plain(bias + spread)],
        "concordance": plain(concordance(true, found)),
        "relative_difference": plain(float((np.abs(differences) / true).mean())),
        "relative_difference_median": plain(float(np.median(np.abs(differences) / true))),
        "pairs_ml": [[plain(t), plain(f)] for t, f in pairs],
    }


def concordance(true: npt.NDArray[np.float64], found: npt.NDArray[np.float64]) -> float:
    """Lin's concordance correlation; NaN where neither varies and both are equal."""
    together = ((true - true.mean()) * (found - found.mean())).mean()
    apart = true.var() + found.var() + (true.mean() - found.mean()) ** 2
    return float(2 * together / apart) if apart > 0 else float("nan")


def strata_table(cases: Sequence[CaseResult], threshold: float) -> Table:
    """Bleeding patients by volume and by subtype: how many, how many flagged, their mean Dice."""
    bleeding = [c for c in cases if c.study_truth[0] == 1]
    strata = {
        volume_name(low, high): [c for c in bleeding if low < c.volume_ml <= high] for low, high in VOLUMES_ML
    }
    strata |= {
        code: [c for c in bleeding if c.study_truth[column] == 1]
        for column, code in enumerate(SCORES)
        if column
    }
    return {name: _stratum(chosen, threshold) for name, chosen in strata.items()}


def seconds_table(cases: Sequence[CaseResult]) -> Table:
    """Time for a study, as it went."""
    seconds = np.array([c.seconds for c in cases if np.isfinite(c.seconds)])
    if not len(seconds):
        return {"p50": None, "p95": None, "slices_per_second": None}
    slices = sum(len(c.truth) for c in cases if np.isfinite(c.seconds))
    return {
        "p50": plain(float(np.percentile(seconds, 50))),
        "p95": plain(float(np.percentile(seconds, 95))),
        "slices_per_second": plain(slices / float(seconds.sum())),
    }


def volume_name(low: float, high: float) -> str:
    """A class of volume in words: `< 1 mL`, `1-10 mL`, `> 30 mL`."""
    if low == 0:
        return f"< {high:g} mL"
    return f"> {low:g} mL" if np.isinf(high) else f"{low:g}-{high:g} mL"


def _stratum(cases: Sequence[CaseResult], threshold: float) -> Table:
    dices = [c.masks[ANY].dice for c in cases if c.masks and np.isfinite(c.masks[ANY].dice)]
    flagged = sum(bool(c.study_scores[0] >= threshold) for c in cases)
    return {
        "patients": len(cases),
        "flagged": share(flagged, len(cases)),
        "dice": plain(float(np.mean(dices))) if dices else None,
    }


def _at_least(
    truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], specificity: float
) -> tuple[int, int]:
    """Most positives that can be flagged while that share of the negatives stays unflagged, and all positives."""
    from sklearn.metrics import roc_curve

    positives = int(truth.sum())
    if not positives or truth.all():
        return 0, 0
    false_rate, true_rate, _ = roc_curve(truth, scores, drop_intermediate=False)
    return round(float(true_rate[false_rate <= 1 - specificity + 1e-9].max()) * positives), positives


def _froc_row(
    counts: Sequence[LesionCount], level: int, low: float = 0.0, high: float = float("inf")
) -> Table:
    row = froc(counts, level, low, high)
    return {key: value if isinstance(value, int) else plain(value) for key, value in row.items()}


def _best(curve: Sequence[Table], most: float) -> float | None:
    allowed = [r["touched"] for r in curve if r["false_marks"] <= most and r["touched"] is not None]
    return max(allowed) if allowed else None


def _logit(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    given = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(given / (1 - given)))
