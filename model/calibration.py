"""Weights and thresholds that turn logits and masks into scores, fitted on validation cases; see `model.scoring`.

Each thing a score weighs is first made a log odds of its own, by Platt's two numbers; the mean of them is stretched
and shifted to how often patients bleed. Few validation patients bleed, so nothing else is fitted: what agrees less
with the truth among a handful of them would lose its say by chance.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from model import metrics, scoring
from model.labels import SCORES
from model.scoring import DRAWN, OFFSET, PARTS, PEAK, SLOPE, sigmoid

Numbers = npt.NDArray[np.float64]

MASK_THRESHOLDS = tuple(round(0.2 + 0.05 * step, 2) for step in range(11))
"""Probabilities of bleeding, 0.2 to 0.7, among which that of the mask is chosen."""
SIMULATED_SHARE = 0.25
"""What all that is simulated, heads and painted bleeds, weighs in calibration, beside 1 for all patients."""
LEAST_SPECIFICITY = 0.9
"""Share of the patients' validation slices without a subtype that its threshold must leave alone."""
GATE_SENSITIVITY = 0.97
"""Share of the bleeding validation slices on which the gate lets a mask be drawn."""
LARGEST_GATE = 0.3
THRESHOLD_RANGE = (0.01, 0.8)
TYPICAL_PATIENTS = 3
"""How a subtype is as frequent as the five are on average counts as if so many patients had shown it."""


def _identity() -> dict[str, Numbers]:
    return {part: scoring.identity() for part in PARTS}


@dataclass(frozen=True)
class Calibration:
    """What turns a network's logits into an answer.

    weights: by part, (4, 6), see `model.scoring`. thresholds: by name of score, from which on a slice is flagged;
    study_thresholds: a study. Bleeding is rarer among slices than among studies, so theirs are lower.
    mask_threshold: probability of bleeding from which on a pixel is drawn. slice_gate: provisional score of `any`
    below which nothing is drawn on a slice. counts: how many cases each number rests on, for the card.
    """

    weights: Mapping[str, Numbers] = field(default_factory=_identity)
    thresholds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(SCORES, 0.5))
    study_thresholds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(SCORES, 0.5))
    mask_threshold: float = 0.5
    slice_gate: float = 0.0
    counts: Mapping[str, Any] = field(default_factory=dict)

    def provisional(self, logits: npt.NDArray[np.floating]) -> Numbers:
        """Scores 0..1 of slices before the sequence has run, from logits (n, 6)."""
        weights = self.weights["provisional"]
        return sigmoid(weights[SLOPE] * logits + weights[OFFSET])

    def settled(
        self,
        slice_logits: npt.NDArray[np.floating],
        study_logits: npt.NDArray[np.floating],
        mm2: Numbers,
        gaps_mm: npt.NDArray[np.floating],
    ) -> tuple[Numbers, Numbers]:
        """Scores of slices (Z, 6) and of their study (6,); see `scoring.settled`."""
        return scoring.settled(self.weights, slice_logits, study_logits, mm2, gaps_mm)

    def info(self) -> dict[str, Any]:
        """As model.json holds it: calibration, thresholds, mask."""
        return {
            "calibration": scoring.write_weights(self.weights),
            "thresholds": {code: round(float(value), 4) for code, value in self.thresholds.items()},
            "study_thresholds": {code: round(float(v), 4) for code, v in self.study_thresholds.items()},
            "mask": {"threshold": round(self.mask_threshold, 4), "slice_gate": round(self.slice_gate, 4)},
        }


@dataclass(frozen=True)
class Rows:
    """Logits and truth of slices or studies of validation patients.

    logits: float64 (n, 6). truth: int8 (n, 6), 1 present, 0 absent, -1 unknown. patients: whose each row is.
    real: (n,), whether of a patient as scanned. painted: (n,), whether of a patient with painted bleeds (None: no
    row is); what is neither is of a simulated head. studies: (n,), of slices, which of the studies' rows theirs is
    (None: not known).
    """

    logits: Numbers
    truth: npt.NDArray[np.int8]
    patients: tuple[str, ...]
    real: npt.NDArray[np.bool_]
    painted: npt.NDArray[np.bool_] | None = None
    studies: npt.NDArray[np.intp] | None = None

    def head(self, column: int) -> "Head":
        """The rows whose truth of one score is known."""
        known = np.flatnonzero(self.truth[:, column] >= 0)
        return Head(
            self.logits[known, column],
            self.truth[known, column] == 1,
            tuple(self.patients[i] for i in known),
            self.real[known],
            None if self.painted is None else self.painted[known],
        )


@dataclass(frozen=True)
class Head:
    """One score of `Rows`: (n,) each."""

    logits: Numbers
    truth: npt.NDArray[np.bool_]
    patients: tuple[str, ...]
    real: npt.NDArray[np.bool_]
    painted: npt.NDArray[np.bool_] | None = None

    def bleeding(self, kind: npt.NDArray[np.bool_]) -> int:
        """Patients or heads among the rows of a `kind` (n,) that bleed."""
        return len({self.patients[i] for i in np.flatnonzero(self.truth & kind)})


Drawn = Callable[[float, npt.NDArray[np.bool_]], Numbers]
"""`scoring.log_volume` of each study (n, 6), from a mask threshold and the slices (rows,) on which a mask is drawn."""


def fit(
    parts: Mapping[str, Rows], dice_at: Sequence[Numbers] = (), drawn: Drawn | None = None
) -> Calibration:
    """Calibration, thresholds, mask threshold and gate, all from validation cases.

    parts: rows of each of PARTS. dice_at: of each kind of case (cases, MASK_THRESHOLDS), Dice of each that bleeds
    with its mask drawn from that probability on; none keeps 0.5. drawn: what is drawn then; without it studies are
    scored by the part along z alone. Raises ValueError where a part is missing.
    """
    missing = [part for part in PARTS if part not in parts]
    if missing:
        raise ValueError(f"calibration needs rows of {', '.join(PARTS)}; {', '.join(missing)} missing")
    first, slices, study = (parts[part] for part in PARTS)
    weights = {"provisional": _weigh(first, [first.logits]), "slice": _weigh(slices, [slices.logits])}
    mask_threshold = best_mask_threshold(dice_at)
    odds = {part: parts[part].logits * w[SLOPE] + w[OFFSET] for part, w in weights.items()}
    known = first.truth[:, 0] >= 0
    gate = metrics.threshold_for(
        first.truth[known, 0] == 1, sigmoid(odds["provisional"][known, 0]), least_sensitivity=GATE_SENSITIVITY
    )
    points = {"slice": _operating_points(slices, odds["slice"])}
    gate = min(gate, points["slice"][SCORES[0]]["threshold"], LARGEST_GATE)
    evidence = [study.logits]
    if drawn is not None and slices.studies is not None:
        volumes = drawn(mask_threshold, sigmoid(odds["provisional"][:, 0]) >= gate)
        peaks = [scoring.peak(odds["slice"][slices.studies == row]) for row in range(len(study.logits))]
        evidence += [volumes, np.stack(peaks)]
    weights["study"] = _weigh(study, evidence)
    rows = zip((SLOPE, DRAWN, PEAK), evidence, strict=False)
    whole = np.asarray(weights["study"][OFFSET] + sum(weights["study"][row] * e for row, e in rows))
    points["study"] = _operating_points(study, whole)
    thresholds, study_thresholds = ({c: p["threshold"] for c, p in each.items()} for each in points.values())
    return Calibration(
        weights=weights,
        thresholds=thresholds,
        study_thresholds=study_thresholds,
        mask_threshold=mask_threshold,
        slice_gate=gate,
        counts={"mask_cases": sum(map(len, dice_at)), **points["slice"], "study": points["study"]},
    )


def _weigh(rows: Rows, evidence: Sequence[Numbers]) -> Numbers:
    """Weights (4, 6) of the logits, then of what is drawn and of the peak, each (n, 6), where they are given."""
    found = np.zeros((4, len(SCORES)))
    shares = natural_shares([rows.head(column) for column in range(len(SCORES))])
    for column, share in enumerate(shares):
        known = rows.truth[:, column] >= 0
        slopes, offset = fit_mean([e[known, column] for e in evidence], rows.head(column), share)
        found[OFFSET, column] = offset
        for row, slope in zip((SLOPE, DRAWN, PEAK), slopes, strict=False):
            found[row, column] = slope
    return found


def fit_mean(evidence: Sequence[Numbers], head: Head, share: float) -> tuple[tuple[float, ...], float]:
    """Slopes of each kind of evidence (n,) and an offset: the mean of their log odds, where a `share` bleeds.

    Evidence alone gets Platt's two numbers. Of several each gets them first, patients, painted and simulated ones
    with the same say; it is measured in its own standard deviations, which the prior on a slope near 1 needs.
    """
    natural = natural_weights(head.truth, head.real, share)
    if len(evidence) == 1:
        slope, offset = fit_platt(evidence[0], head.truth, natural, balanced=False)
        return (slope,), offset
    even = even_weights(head)
    slopes, offsets = [], []
    for values in evidence:
        middle = np.average(values, weights=even)
        spread = float(np.sqrt(np.average((values - middle) ** 2, weights=even))) or 1.0
        slope, offset = fit_platt(values / spread, head.truth, even)
        slopes.append(slope / spread / len(evidence))
        offsets.append(offset / len(evidence))
    mean = np.asarray(sum(slope * values for slope, values in zip(slopes, evidence, strict=True)))
    stretch, offset = fit_platt(mean + sum(offsets), head.truth, natural, balanced=False)
    return tuple(stretch * slope for slope in slopes), offset + stretch * sum(offsets)


def even_weights(head: Head) -> Numbers:
    """Weights (n,) under which patients, painted patients and simulated heads weigh the same, however many."""
    painted = np.zeros_like(head.real) if head.painted is None else head.painted
    weights = np.zeros(len(head.truth))
    for kind in (head.real, painted & ~head.real, ~painted & ~head.real):
        if kind.any():
            weights[kind] = 1 / kind.sum()
    return weights


def _operating_points(rows: Rows, odds: Numbers) -> dict[str, dict[str, Any]]:
    """`operating_point` of each score, from log odds (n, 6)."""
    points = {}
    for column, code in enumerate(SCORES):
        known = rows.truth[:, column] >= 0
        points[code] = operating_point(replace(rows.head(column), logits=sigmoid(odds[known, column])))
    return points


def natural_shares(heads: Sequence[Head]) -> list[float]:
    """How often each score is to be expected positive (6,), from the patients as scanned; NaN where none is known.

    Of bleeding, as often as in them. Of a subtype, so too, drawn towards the mean of the five by `TYPICAL_PATIENTS`:
    that none of a few patients has it does not make it all but impossible.
    """
    found = [float(head.truth[head.real].sum()) for head in heads]
    known = [int(head.real.sum()) for head in heads]
    means = [f / n for f, n in zip(found[1:], known[1:], strict=True) if n]
    typical = float(np.mean(means)) if means else 0.0
    shares = []
    for column, head in enumerate(heads):
        patients = len({head.patients[i] for i in np.flatnonzero(head.real)})
        weight = TYPICAL_PATIENTS * known[column] / patients if column and patients else 0.0
        share = (found[column] + weight * typical + 0.5) / (known[column] + weight + 1)
        shares.append(share if patients else float("nan"))
    return shares


def natural_weights(truth: npt.NDArray[np.bool_], real: npt.NDArray[np.bool_], share: float) -> Numbers:
    """Weights (n,) of validation rows such that a `share` of them is positive.

    Patients count 1 each. Simulated heads and painted patients together count SIMULATED_SHARE of that, positive or
    not as often as the patients, so they help the slope where few patients bleed and leave the frequency alone. Then
    all that is positive is scaled to `share`. Without patients every row counts 1.
    """
    weights = np.ones(len(truth))
    if not real.any():
        return weights
    for kind, part in ((True, share), (False, 1 - share)):
        rows = ~real & (truth == kind)
        if rows.any():
            weights[rows] = SIMULATED_SHARE * real.sum() * part / rows.sum()
    whole = weights.sum()
    for kind, part in ((True, share), (False, 1 - share)):
        rows = truth == kind
        if rows.any():
            weights[rows] *= whole * part / weights[rows].sum()
    return weights


def operating_point(head: Head, specificity: float = LEAST_SPECIFICITY) -> dict[str, Any]:
    """A threshold on scores (in `logits`), the cases it rests on, and what it does on patients left out.

    positives: rows that bleed, in so many `patients` and simulated `heads`; `painted` of them were painted.

    The threshold is where sensitivity and specificity add up to most, midway between two scores, and raised
    until `specificity` of the patients' negatives stay unflagged. left_out: the same rule applied without
    each patient in turn, judged on that patient: with few the honest guess of what it will do elsewhere.
    """
    threshold = _threshold(head.truth, head.logits, head.real, specificity)
    names = np.array(head.patients)
    flagged = np.zeros(len(head.truth), np.bool_)
    for name in np.unique(names):
        rest = names != name
        left = _threshold(head.truth[rest], head.logits[rest], head.real[rest], specificity)
        flagged[~rest] = head.logits[~rest] >= left
    painted = np.zeros_like(head.real) if head.painted is None else head.painted
    return {
        "threshold": threshold,
        "positives": int(head.truth.sum()),
        "patients": head.bleeding(head.real),
        "heads": head.bleeding(~head.real & ~painted),
        "painted": int((head.truth & painted).sum()),
        "left_out": {
            "sensitivity": _plain(metrics.sensitivity(head.truth, flagged)),
            "specificity": _plain(metrics.specificity(head.truth, flagged)),
        },
    }


def best_mask_threshold(dice_at: Sequence[Numbers]) -> float:
    """The probability with the best mean Dice of bleeding cases, in the middle of those as good within 0.005.

    dice_at: as in `fit`. Each kind counts the same, however many cases it has: few patients alone would set a
    threshold that suits those few.
    """
    curves = [np.nanmean(kind, axis=0) for kind in dice_at if len(kind)]
    if not curves:
        return 0.5
    means = np.mean(curves, axis=0)
    good = np.array(MASK_THRESHOLDS)[means >= means.max() - 0.005]
    return float(good[len(good) // 2])


def _threshold(
    truth: npt.NDArray[np.bool_], scores: Numbers, real: npt.NDArray[np.bool_], specificity: float
) -> float:
    chosen = metrics.youden_threshold(truth, scores)
    if truth.any() and (scores < chosen).any():
        chosen = (
            chosen + float(scores[scores < chosen].max())
        ) / 2  # as far from those below as from those above
    quiet = scores[~truth & real]
    if len(quiet):
        chosen = max(chosen, float(np.quantile(quiet, specificity)))
    return float(np.clip(chosen, *THRESHOLD_RANGE))


def _plain(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def fit_platt(
    logits: Numbers, truth: npt.NDArray[np.bool_], weight: Numbers | None = None, *, balanced: bool = True
) -> tuple[float, float]:
    """Slope and offset such that sigmoid(slope * logit + offset) fits `truth`.

    balanced: both classes weigh the same, and 0.5 is where a case is as typical of bleeding as of not bleeding;
    otherwise rows weigh as given, and a score is a probability where bleeding is as frequent as in them. A weak
    prior holds the slope near 1 (few positives). 1 and 0 unless both classes occur. Platt, Advances in Large
    Margin Classifiers 1999.
    """
    if truth.all() or not truth.any():
        return 1.0, 0.0
    weight = np.ones(len(logits)) if weight is None else weight
    share = weight / weight.sum()
    if balanced:
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
