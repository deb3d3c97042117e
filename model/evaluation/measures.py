"""Every measure that has one value a system, by name, so that intervals and comparisons are made in one place."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from model import metrics
from model.evaluation.cases import CaseResult
from model.evaluation.resample import Measure
from model.labels import ANY, CODES, SCORES
from model.metrics import Numbers

LEVELS = ("study", "slice")
LOWER_IS_BETTER = ("log_loss", "ece", "brier", "hausdorff95_mm", "false_ml", "false_marks")
"""Measures whose names hold one of these are better when smaller; all others when larger."""


@dataclass(frozen=True)
class Named:
    """A measure over rows that belong to patients.

    positives: rows that bleed (of scores), or rows that count (of masks).
    """

    patients: tuple[str, ...]
    measure: Measure
    positives: int


@dataclass(frozen=True)
class Head:
    """One score of one level beside the truth, where both are known: (n,) each."""

    patients: tuple[str, ...]
    truth: npt.NDArray[np.bool_]
    scores: Numbers


def lower_is_better(name: str) -> bool:
    """Whether a measure of this name is an error."""
    return any(part in name for part in LOWER_IS_BETTER)


def head_of(cases: Sequence[CaseResult], level: str, code: str) -> Head:
    """The rows of a score at `study` or `slice` level whose truth is known and that the system gives."""
    column = SCORES.index(code)
    if level == "study":
        patients = [c.patient for c in cases]
        truth = np.array([c.study_truth[column] for c in cases], np.int8)
        scores = np.array([c.study_scores[column] for c in cases], np.float64)
    else:
        patients = [c.patient for c in cases for _ in c.truth]
        truth = np.concatenate([c.truth[:, column] for c in cases])
        scores = np.concatenate([c.slice_scores[:, column] for c in cases])
    known = np.flatnonzero((truth >= 0) & np.isfinite(scores))
    return Head(tuple(patients[i] for i in known), truth[known] == 1, scores[known])


def measures(cases: Sequence[CaseResult]) -> dict[str, Named]:
    """All measures of one system's cases. What the system does not give has no rows."""
    found: dict[str, Named] = {}
    for level in LEVELS:
        for code in SCORES:
            found |= _of_head(f"{level}_{{}}_{code}", head_of(cases, level, code))
    found["slice_log_loss"] = _log_loss(cases)
    for code in SCORES:
        found |= _of_masks(cases, code)
    drawn = [c for c in cases if c.masks]
    slices = [(c.patient, d) for c in drawn for d in c.slice_dice]
    found["slice_dice_any"] = _mean_over([p for p, _ in slices], [d for _, d in slices])
    quiet = [c for c in drawn if c.study_truth[0] == 0]
    found["false_ml_any"] = _mean_over([c.patient for c in quiet], [c.masks[ANY].found_ml for c in quiet])
    found |= _of_lesions(cases)
    return found


def log_loss_of_prior(cases: Sequence[CaseResult]) -> float:
    """RSNA's log loss of the best constants there are: the share of positives of each score in these very slices."""
    rows = []
    for code in SCORES:
        head = head_of(cases, "slice", code)
        prior = np.full(len(head.truth), head.truth.mean() if len(head.truth) else 0.5)
        rows.append(metrics.log_losses(head.truth, prior))
    weights = [2.0] + [1.0] * len(CODES)
    total = sum(w * r.sum() for w, r in zip(weights, rows, strict=True))
    return float(total / sum(w * len(r) for w, r in zip(weights, rows, strict=True)))


def _of_head(pattern: str, head: Head) -> dict[str, Named]:
    positives = int(head.truth.sum())
    squared = (head.scores - head.truth) ** 2
    ways: dict[str, Measure] = {
        "auc": partial(metrics.weighted_auc, head.truth, head.scores),
        "ap": partial(metrics.weighted_average_precision, head.truth, head.scores),
        "brier": partial(metrics.weighted_mean, squared),
        "ece": partial(metrics.weighted_calibration_error, head.truth, head.scores),
    }
    return {pattern.format(name): Named(head.patients, way, positives) for name, way in ways.items()}


def _log_loss(cases: Sequence[CaseResult]) -> Named:
    """Of all scores of all slices, `any` twice: the measure of RSNA 2019, over what is known."""
    patients: list[str] = []
    losses, weights, positives = [], [], 0
    for code in SCORES:
        head = head_of(cases, "slice", code)
        patients += head.patients
        losses.append(metrics.log_losses(head.truth, head.scores))
        weights.append(np.full(len(head.truth), 2.0 if code == ANY else 1.0))
        positives += int(head.truth.sum()) if code == ANY else 0
    loss, weight = np.concatenate(losses), np.concatenate(weights)

    def measure(drawn: Numbers) -> Numbers:
        return metrics.weighted_mean(loss, drawn * weight)

    return Named(tuple(patients), measure, positives)


def _of_masks(cases: Sequence[CaseResult], code: str) -> dict[str, Named]:
    """Over patients who have the subtype drawn; a system that names no subtype has none of theirs."""
    named = code == ANY or all(c.named for c in cases)
    having = [c for c in cases if c.masks and c.masks[code].true_ml > 0] if named else []
    patients = [c.patient for c in having]
    return {
        f"{name}_{code}": _mean_over(patients, [getattr(c.masks[code], field) for c in having])
        for name, field in (
            ("dice", "dice"),
            ("surface_dice", "surface_dice"),
            ("hausdorff95_mm", "hausdorff95_mm"),
        )
    }


def _of_lesions(cases: Sequence[CaseResult]) -> dict[str, Named]:
    """Of the marks as drawn: the last level."""
    counted = [(c.patient, c.lesions) for c in cases if c.lesions is not None]
    rows = [(patient, n) for patient, count in counted for n in count.lesions]
    patients = [patient for patient, _ in rows]
    return {
        "lesion_sensitivity": _mean_over(patients, [float(n.touched[-1]) for _, n in rows]),
        "lesion_outlined": _mean_over(patients, [float(n.outlined[-1]) for _, n in rows]),
        "false_marks": _mean_over([p for p, _ in counted], [float(c.false_marks[-1]) for _, c in counted]),
    }


def _mean_over(patients: Sequence[str], values: Sequence[float]) -> Named:
    numbers = np.array(values, np.float64)
    return Named(tuple(patients), partial(metrics.weighted_mean, numbers), int(np.isfinite(numbers).sum()))
