"""Two networks on the same cases: masks, scores at the operating points, volumes, calibration, with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model import metrics
from model.batches import Case
from model.evaluation.resample import Resampler
from model.labels import CODES, NOT_REVIEWED, SCORES, UNKNOWN_SUBTYPE
from model.metrics import Numbers
from model.preprocess import PIXEL_MM
from model.scoring import drawn_mm2, suspected

if TYPE_CHECKING:
    from torch import Tensor

    from model.calibration import Calibration
    from model.networks.flagship import Flagship

Stop = Callable[[], bool]
Row = dict[str, Any]
"""{"before", "after", "difference", "interval": [low, high], "n"}; None where the truth allows no number."""

LEAST_PATIENTS = 3
"""Patients below which a measure has no interval: it is too few to tell."""


@dataclass(frozen=True)
class Answered:
    """What a network says of one case, beside the truth.

    truth: int8 (Z, 6), -1 unknown. scores: float64 (Z, 6), calibrated. true, found, both: float64 (Z, 6), mL by
    slice of `any` and each subtype, over what was read: drawn by the reader, by the network, by both.
    marks: uint8 (Z, N, N), the network's labels.
    """

    patient: str
    truth: npt.NDArray[np.int8]
    scores: Numbers
    true: Numbers
    found: Numbers
    both: Numbers
    marks: npt.NDArray[np.uint8]

    def dice(self, column: int = 0) -> float:
        """Dice over the case of `any` or a subtype; NaN where the reader drew none."""
        total = self.true[:, column].sum() + self.found[:, column].sum()
        return float(2 * self.both[:, column].sum() / total) if self.true[:, column].any() else float("nan")


@dataclass(frozen=True)
class Raw:
    """What a network says before thresholds.

    masks: logits (Z, 6, n, n), a tensor. logits, study: float64 (Z, 6) of the slices, (6,) of them together.
    """

    masks: "Tensor"
    logits: Numbers
    study: Numbers


def ask(network: "Flagship", case: Case) -> Raw:
    """One pass of `network` over a case."""
    import torch

    from model.augment import network_input

    device = next(network.parameters()).device
    x = network_input(torch.from_numpy(case.hu.astype(np.float32))).to(device)
    with torch.no_grad():
        masks, _, embeddings = network.series(x)
        gaps = torch.from_numpy(case.gaps_mm)[None].to(device)
        slices, study = (said[0].double().cpu().numpy() for said in network.sequence(embeddings[None], gaps))
        return Raw(masks, slices, study)


def read(raw: Raw, case: Case, calibration: "Calibration") -> Answered:
    """What a network said of `case`, scored and drawn as its calibration wants it."""
    from model.validation import found_labels

    size, threshold = case.labels.shape[-1], calibration.mask_threshold
    marks = found_labels(raw.masks, size, threshold)
    mm2 = np.stack([drawn_mm2(mark, (PIXEL_MM, PIXEL_MM)) for mark in marks])
    scores, study = calibration.settled(raw.logits, raw.study, mm2, case.gaps_mm)
    marks = found_labels(raw.masks, size, threshold, suspected(study, calibration.study_thresholds))
    heights = (case.gaps_mm + np.append(case.gaps_mm[1:], case.gaps_mm[-1:])).astype(np.float64) / 2
    pixel_ml = heights * PIXEL_MM**2 / 1000
    true, found, both = (part * pixel_ml[:, None] for part in _volumes(case.labels, marks, case.scores))
    return Answered(case.patient, case.scores, scores, true, found, both, marks)


def answer(network: "Flagship", case: Case, calibration: "Calibration") -> Answered:
    """What `network` says of `case`, scored and drawn as its calibration wants it."""
    return read(ask(network, case), case, calibration)


def answers(
    network: "Flagship", cases: Sequence[Case], calibration: "Calibration", stop: Stop = lambda: False
) -> list[Answered]:
    """`answer` for each case. Raises Cancelled between two of them when `stop` answers true."""
    from model.errors import Cancelled

    found = []
    for case in cases:
        if stop():
            raise Cancelled
        found.append(answer(network, case, calibration))
    return found


def _volumes(
    labels: npt.NDArray[np.uint8], marks: npt.NDArray[np.uint8], scores: npt.NDArray[np.int8]
) -> tuple[Numbers, Numbers, Numbers]:
    """Pixels by slice and score (Z, 6) that the reader, the network, both drew, where the reader looked for it."""
    true, found, both = np.zeros((3, len(labels), len(SCORES)))
    read = labels != NOT_REVIEWED
    for column in range(len(SCORES)):
        known = read & (scores[:, column] >= 0)[:, None, None]
        if column:
            known &= labels != UNKNOWN_SUBTYPE
        drawn = ((labels == column) if column else (labels > 0)) & known
        marked = ((marks == column) if column else (marks > 0)) & known
        true[:, column], found[:, column] = drawn.sum((1, 2)), marked.sum((1, 2))
        both[:, column] = (drawn & marked).sum((1, 2))
    return true, found, both


def by_patient(answered: Sequence[Answered], column: int = 0) -> dict[str, float]:
    """Dice of `any` or a subtype over all slices of each patient who shows it."""
    sums: dict[str, Numbers] = {}
    for one in answered:
        parts = np.array([one.true[:, column].sum(), one.found[:, column].sum(), one.both[:, column].sum()])
        sums[one.patient] = sums.get(one.patient, np.zeros(3)) + parts
    return {name: float(2 * s[2] / (s[0] + s[1])) for name, s in sorted(sums.items()) if s[0]}


def compare(
    before: Sequence[Answered],
    after: Sequence[Answered],
    thresholds: tuple[Mapping[str, float], Mapping[str, float]],
) -> dict[str, dict[str, Row]]:
    """Measure by score (`any`, EDH …) by name, of two networks on the same cases.

    thresholds: operating points of the first and of the second. Measures: `dice`, `auc`, `sensitivity`,
    `specificity`, `volume_bias_ml`, `calibration_error`. Intervals: 95 %, patients drawn with replacement, the same
    draws for both; None for fewer than `LEAST_PATIENTS` patients.
    """
    patients = tuple(one.patient for one in before)
    resampler = Resampler.of(patients) if patients else None
    table: dict[str, dict[str, Row]] = {name: {} for name in MEASURES}
    for column, code in enumerate(SCORES):
        for name, make in MEASURES.items():
            sides = [
                make(list(answered), column, points[code])
                for answered, points in zip((before, after), thresholds, strict=True)
            ]
            table[name][code] = _row(resampler, sides[0], sides[1])
    return table


Side = tuple[list[str], Callable[[Numbers], Numbers], int]
"""Whose the rows are; weights (R, rows) → values (R,); patients that the measure rests on."""


def _row(resampler: Resampler | None, before: Side, after: Side) -> Row:
    rows, mine, count = before
    empty: Row = {"before": None, "after": None, "difference": None, "interval": None, "n": count}
    if resampler is None or not rows:
        return empty
    whole = np.ones((1, len(rows)))
    values = [float(measure(whole)[0]) for measure in (mine, after[1])]
    if not np.isfinite(values).all():
        return empty
    found = resampler.difference(rows, after[1], mine)
    return {
        "before": round(values[0], 4),
        "after": round(values[1], 4),
        "difference": found["value"],
        "interval": found["interval"] if count >= LEAST_PATIENTS and None not in found["interval"] else None,
        "n": count,
    }


def _dice(answered: list[Answered], column: int, _: float) -> Side:
    found = by_patient(answered, column)
    values = np.array(list(found.values()))
    return list(found), lambda weights: metrics.weighted_mean(values, weights), len(found)


def _volume_bias(answered: list[Answered], column: int, _: float) -> Side:
    drawn = by_patient(answered, column)
    excess = dict.fromkeys(drawn, 0.0)
    for one in answered:
        if one.patient in excess:
            excess[one.patient] += float(one.found[:, column].sum() - one.true[:, column].sum())
    values = np.array(list(excess.values()))
    return list(excess), lambda weights: metrics.weighted_mean(values, weights), len(excess)


def _slices(answered: list[Answered], column: int) -> tuple[list[str], npt.NDArray[np.bool_], Numbers, int]:
    """Patients, truth and scores of the slices where the score is known, and how many patients show it."""
    rows: list[str] = []
    truths, scores = [np.zeros(0, np.bool_)], [np.zeros(0)]
    for one in answered:
        known = one.truth[:, column] >= 0
        rows += [one.patient] * int(known.sum())
        truths.append(one.truth[known, column] == 1)
        scores.append(one.scores[known, column])
    truth = np.concatenate(truths)
    return (
        rows,
        truth,
        np.concatenate(scores),
        len({p for p, bleeds in zip(rows, truth, strict=True) if bleeds}),
    )


def _auc(answered: list[Answered], column: int, _: float) -> Side:
    rows, truth, scores, count = _slices(answered, column)
    return rows, lambda weights: metrics.weighted_auc(truth, scores, weights), count


def _sensitivity(answered: list[Answered], column: int, threshold: float) -> Side:
    rows, truth, scores, count = _slices(answered, column)
    return rows, lambda weights: metrics.weighted_share(scores >= threshold, truth, weights), count


def _specificity(answered: list[Answered], column: int, threshold: float) -> Side:
    rows, truth, scores, _ = _slices(answered, column)
    count = len({p for p, bleeds in zip(rows, truth, strict=True) if not bleeds})
    return rows, lambda weights: metrics.weighted_share(scores < threshold, ~truth, weights), count


def _calibration_error(answered: list[Answered], column: int, _: float) -> Side:
    rows, truth, scores, count = _slices(answered, column)
    if len(rows) < 10 or not truth.any():
        return [], lambda weights: np.full(len(weights), np.nan), count
    return rows, lambda weights: metrics.weighted_calibration_error(truth, scores, weights), count


MEASURES: dict[str, Callable[[list[Answered], int, float], Side]] = {
    "dice": _dice,
    "auc": _auc,
    "sensitivity": _sensitivity,
    "specificity": _specificity,
    "volume_bias_ml": _volume_bias,
    "calibration_error": _calibration_error,
}


def worst(
    before: Sequence[Answered], after: Sequence[Answered], count: int = 3
) -> list[tuple[int, int, float, float]]:
    """Slices whose Dice fell most: (case, slice, Dice before, Dice after), the worst first; none that did not fall."""
    falls = []
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        for index in np.flatnonzero(old.true[:, 0] + old.found[:, 0] + new.found[:, 0]):
            values = [
                2 * one.both[index, 0] / (one.true[index, 0] + one.found[index, 0])
                if one.true[index, 0] + one.found[index, 0]
                else 1.0
                for one in (old, new)
            ]
            if values[1] < values[0] - 0.02:
                falls.append((number, int(index), round(float(values[0]), 4), round(float(values[1]), 4)))
    return sorted(falls, key=lambda fall: fall[3] - fall[2])[:count]


def per_case(before: Sequence[Answered], after: Sequence[Answered]) -> list[dict[str, Any]]:
    """What a version keeps of each patient: slices, Dice of bleeding and of each subtype, before and after."""
    rows = []
    tables = [{c: by_patient(side, c) for c in range(len(SCORES))} for side in (before, after)]
    slices: dict[str, int] = {}
    for one in before:
        slices[one.patient] = slices.get(one.patient, 0) + int((one.truth[:, 0] >= 0).sum())
    for patient, number in sorted(slices.items()):
        dices = {
            code: [round(table[column][patient], 4) for table in tables]
            for column, code in enumerate(SCORES)
            if patient in tables[0][column] and patient in tables[1][column]
        }
        rows.append({"patient": patient, "slices": number, "dice": dices})
    return rows


def mean_dice(answered: Sequence[Answered]) -> float:
    """Mean Dice of bleeding over the patients who bleed; NaN without any."""
    found = list(by_patient(answered).values())
    return float(np.mean(found)) if found else float("nan")


def mean_subtype_dice(answered: Sequence[Answered]) -> dict[str, float]:
    """Mean Dice of each subtype over the patients who show it; those that nobody shows are left out."""
    found = {code: list(by_patient(answered, column).values()) for column, code in enumerate(CODES, start=1)}
    return {code: float(np.mean(values)) for code, values in found.items() if values}


def slice_auc(answered: Sequence[Answered]) -> float:
    """Area under the curve of `any` over all slices; NaN unless both kinds occur."""
    _, truth, scores, _ = _slices(list(answered), 0)
    return metrics.auc(truth, scores)
