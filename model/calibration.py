"""Logits to scores that mean the same for every subtype: Platt's two numbers a head, fitted on validation cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from model import metrics
from model.labels import SCORES

Numbers = npt.NDArray[np.float64]

PARTS = ("provisional", "slice", "study")
"""Scores of a slice before the sequence has run, after it, and of the study."""
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
    return {part: np.stack([np.ones(len(SCORES)), np.zeros(len(SCORES))]) for part in PARTS}


@dataclass(frozen=True)
class Calibration:
    """What turns a network's logits into an answer.

    platt: by part, (2, 6) slopes and offsets. thresholds: by name of score, from which on a slice is flagged;
    study_thresholds: a study. Bleeding is rarer among slices than among studies, so theirs are lower.
    mask_threshold: probability of bleeding from which on a pixel is drawn. slice_gate: provisional score of `any`
    below which nothing is drawn on a slice. counts: how many cases each number rests on, for the card.
    """

    platt: Mapping[str, Numbers] = field(default_factory=_identity)
    thresholds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(SCORES, 0.5))
    study_thresholds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(SCORES, 0.5))
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
            "study_thresholds": {code: round(float(v), 4) for code, v in self.study_thresholds.items()},
            "mask": {"threshold": round(self.mask_threshold, 4), "slice_gate": round(self.slice_gate, 4)},
        }


def sigmoid(logits: Numbers) -> Numbers:
    """1 / (1 + exp(-logits)), without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


@dataclass(frozen=True)
class Rows:
    """Logits and truth of slices or studies of validation patients.

    logits: float64 (n, 6). truth: int8 (n, 6), 1 present, 0 absent, -1 unknown. patients: whose each row is.
    real: (n,), whether of a patient as scanned. painted: (n,), whether of a patient with painted bleeds (None: no
    row is); what is neither is of a simulated head.
    """

    logits: Numbers
    truth: npt.NDArray[np.int8]
    patients: tuple[str, ...]
    real: npt.NDArray[np.bool_]
    painted: npt.NDArray[np.bool_] | None = None

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


def fit(parts: Mapping[str, Rows], dice_at: Sequence[Numbers] = ()) -> Calibration:
    """Calibration, thresholds, mask threshold and gate, all from validation cases.

    parts: rows of each of PARTS. dice_at: of each kind of case (cases, MASK_THRESHOLDS), Dice of each that bleeds
    with its mask drawn from that probability on; none keeps 0.5. Raises ValueError where a part is missing.
    """
    missing = [part for part in PARTS if part not in parts]
    if missing:
        raise ValueError(f"calibration needs rows of {', '.join(PARTS)}; {', '.join(missing)} missing")
    platt: dict[str, Numbers] = {}
    counts: dict[str, Any] = {"mask_cases": sum(map(len, dice_at))}
    for part in PARTS:
        heads = [parts[part].head(column) for column in range(len(SCORES))]
        shares = natural_shares(heads)
        platt[part] = np.array(
            [
                fit_platt(h.logits, h.truth, natural_weights(h.truth, h.real, share), balanced=False)
                for h, share in zip(heads, shares, strict=True)
            ]
        ).T
    points = {part: _operating_points(parts[part], platt[part]) for part in ("slice", "study")}
    thresholds, study_thresholds = ({c: p["threshold"] for c, p in each.items()} for each in points.values())
    first = parts["provisional"].head(0)
    scores = sigmoid(platt["provisional"][0, 0] * first.logits + platt["provisional"][1, 0])
    gate = metrics.threshold_for(first.truth, scores, least_sensitivity=GATE_SENSITIVITY)
    return Calibration(
        platt=platt,
        thresholds=thresholds,
        study_thresholds=study_thresholds,
        mask_threshold=best_mask_threshold(dice_at),
        slice_gate=min(gate, thresholds[SCORES[0]], LARGEST_GATE),
        counts={**counts, **points["slice"], "study": points["study"]},
    )


def _operating_points(rows: Rows, platt: Numbers) -> dict[str, dict[str, Any]]:
    """`operating_point` of each score."""
    points = {}
    for column, code in enumerate(SCORES):
        head = rows.head(column)
        points[code] = operating_point(
            replace(head, logits=sigmoid(platt[0, column] * head.logits + platt[1, column]))
        )
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
