"""The report on a version: cases it never saw, with intervals by patient and plain baselines beside it.

Everything is measured on the source grid with what is shipped: ONNX Runtime, calibration and thresholds included.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from model import metrics
from model.batches import gaps_mm
from model.errors import Cancelled
from model.labels import CODES, NOT_REVIEWED, SCORES, UNKNOWN_SUBTYPE
from model.predict import Predictor, SliceResult, VolumeSource
from model.sample import Sample

_CLOT_HU = (50, 90)
_BONE_HU = 200


@dataclass(frozen=True)
class CaseResult:
    """A sample beside what was found in it.

    truth: int8 (Z, 6). slice_scores: float32 (Z, 6). study_scores: float32 (6,). slice_dice: of bleeding, one a
    positive slice. overlap: (6, 2), shared pixels and sum of both, bleeding first, then the subtypes where they
    are known. volume_ml: true and found. threshold_area, threshold_overlap: of the HU threshold.
    """

    patient: str
    truth: npt.NDArray[np.int8]
    slice_scores: npt.NDArray[np.float64]
    study_scores: npt.NDArray[np.float64]
    slice_dice: tuple[float, ...]
    overlap: npt.NDArray[np.float64]
    volume_ml: tuple[float, float]
    threshold_area: npt.NDArray[np.float64]
    threshold_overlap: npt.NDArray[np.float64]


def evaluate(
    predictor: Predictor,
    samples: Iterable[Sample],
    on_case: Callable[[CaseResult], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Judge a version on samples it never saw; a table for model.json (see `report`)."""
    results = []
    for sample in samples:
        if cancelled():
            raise Cancelled
        results.append(judge_case(predictor, sample))
        if on_case is not None:
            on_case(results[-1])
    return report(results, predictor.thresholds)


def judge_case(predictor: Predictor, sample: Sample) -> CaseResult:
    """Score one sample and compare."""
    masks = np.zeros(sample.labels.shape, np.uint8)

    def keep(result: SliceResult) -> None:
        masks[result.index] = result.mask

    source = VolumeSource(
        len(sample.hu), sample.spacing_mm, tuple(float(z) for z in sample.z_mm), lambda z: sample.hu[z]
    )
    study = predictor.score(source, range(len(sample.hu)), keep)
    bleeding = (sample.labels > 0) & (sample.labels != NOT_REVIEWED)
    simple = np.stack([clot_by_threshold(image, sample.spacing_mm) for image in sample.hu])
    pixel_mm2 = sample.spacing_mm[0] * sample.spacing_mm[1]
    shared = simple & bleeding
    return CaseResult(
        patient=sample.patient,
        truth=sample.scores,
        slice_scores=study.slice_scores.astype(np.float64),
        study_scores=study.scores.astype(np.float64),
        slice_dice=tuple(
            metrics.dice(truth, found > 0)
            for truth, found in zip(bleeding, masks, strict=True)
            if truth.any()
        ),
        overlap=_overlap(sample.labels, bleeding, masks),
        volume_ml=(_volume_ml(bleeding, sample), _volume_ml(masks > 0, sample)),
        threshold_area=simple.sum((1, 2)) * pixel_mm2,
        threshold_overlap=np.array([shared.sum(), simple.sum() + bleeding.sum()], np.float64),
    )


def clot_by_threshold(hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """The plain baseline: smoothed pixels of 50 to 90 HU within the skull, at least 3 mm from it.

    hu: (rows, columns). The result has its shape.
    """
    from scipy import ndimage

    step = tuple(max(1, round(1.0 / s)) for s in spacing_mm)
    image = ndimage.uniform_filter(hu[:: step[0], :: step[1]].astype(np.float32), 3)
    bone = image > _BONE_HU
    inside = ndimage.binary_fill_holes(ndimage.binary_closing(bone, iterations=3)) & ~bone
    inside = ndimage.binary_erosion(inside, iterations=3)
    clot = ndimage.binary_opening(inside & (image >= _CLOT_HU[0]) & (image <= _CLOT_HU[1]))
    full = np.repeat(np.repeat(clot, step[0], 0), step[1], 1)
    return np.asarray(full[: hu.shape[0], : hu.shape[1]])


def report(results: Sequence[CaseResult], thresholds: dict[str, float]) -> dict[str, Any]:
    """Numbers with 95 % intervals by patient, as JSON; None where a number is not defined (a class is missing)."""
    slices = _Table(
        [r.patient for r in results for _ in r.truth],
        np.concatenate([r.truth for r in results]),
        np.concatenate([r.slice_scores for r in results]),
    )
    studies = _Table(
        [r.patient for r in results],
        np.stack([_study_truth(r.truth) for r in results]),
        np.stack([r.study_scores for r in results]),
    )
    return {
        "patients": len(results),
        "patients_bleeding": int((studies.truth[:, 0] == 1).sum()),
        "slices": len(slices.truth),
        "slices_bleeding": int((slices.truth[:, 0] == 1).sum()),
        "study": _score_report(studies, thresholds),
        "slice": _score_report(slices, thresholds),
        "masks": _mask_report(results),
        "volume_ml": _volume_report(results),
        "baselines": _baseline_report(results, slices, studies),
    }


@dataclass(frozen=True)
class _Table:
    patients: list[str]
    truth: npt.NDArray[np.int8]
    scores: npt.NDArray[np.float64]


def _score_report(table: _Table, thresholds: dict[str, float]) -> dict[str, Any]:
    """AUC of every score; sensitivity and specificity at its threshold."""
    result = {}
    for column, code in enumerate(SCORES):
        known = np.flatnonzero(table.truth[:, column] >= 0)
        truth, scores = table.truth[known, column] == 1, table.scores[known, column]
        patients = [table.patients[i] for i in known]
        flagged = scores >= thresholds[code]
        result[code] = {
            "positives": int(truth.sum()),
            "auc": with_interval(patients, partial(_measured, metrics.auc, truth, scores)),
            "sensitivity": with_interval(patients, partial(_measured, metrics.sensitivity, truth, flagged)),
            "specificity": with_interval(patients, partial(_measured, metrics.specificity, truth, flagged)),
        }
    return result


def _measured(
    measure: Callable[..., float],
    truth: npt.NDArray[Any],
    answers: npt.NDArray[Any],
    rows: npt.NDArray[np.int64],
) -> float:
    return measure(truth[rows], answers[rows])


def _mask_report(results: Sequence[CaseResult]) -> dict[str, Any]:
    """Dice over positive slices and over positive patients; each subtype over its positive patients."""
    bleeding = [r for r in results if r.slice_dice]
    slices = [(r.patient, d) for r in bleeding for d in r.slice_dice]
    table: dict[str, Any] = {
        "slice_dice": _mean_with_interval([p for p, _ in slices], [d for _, d in slices]),
        "patient_dice": _mean_with_interval(
            [r.patient for r in bleeding], [_ratio(r.overlap[0]) for r in bleeding]
        ),
        "false_ml_in_negatives": _mean_with_interval(
            [r.patient for r in results if not r.slice_dice],
            [r.volume_ml[1] for r in results if not r.slice_dice],
        ),
    }
    for row, code in enumerate(CODES, start=1):
        having = [r for r in results if (r.truth[:, row] == 1).any() and r.overlap[row, 1] > 0]
        table[f"patient_dice_{code}"] = _mean_with_interval(
            [r.patient for r in having], [_ratio(r.overlap[row]) for r in having]
        )
    return table


def _volume_report(results: Sequence[CaseResult]) -> dict[str, Any]:
    """Mean of found minus true over patients who bleed, and the 95 % limits of agreement (Bland and Altman 1986)."""
    differences = [r.volume_ml[1] - r.volume_ml[0] for r in results if r.slice_dice]
    spread = 1.96 * float(np.std(differences, ddof=1)) if len(differences) > 1 else float("nan")
    bias = float(np.mean(differences)) if differences else float("nan")
    return {"bias": plain(bias), "limits_of_agreement": [plain(bias - spread), plain(bias + spread)]}


def _baseline_report(results: Sequence[CaseResult], slices: _Table, studies: _Table) -> dict[str, Any]:
    area = np.concatenate([r.threshold_area for r in results])
    largest = np.array([r.threshold_area.max() for r in results])
    bleeding = [r for r in results if r.slice_dice]
    truth, study_truth = slices.truth[:, 0] == 1, studies.truth[:, 0] == 1
    return {
        "always_negative": {
            "slice_accuracy": plain(metrics.accuracy_of_never(truth)),
            "study_accuracy": plain(metrics.accuracy_of_never(study_truth)),
            "auc": 0.5,
        },
        "hu_threshold": {
            "slice_auc": with_interval(slices.patients, lambda i: metrics.auc(truth[i], area[i])),
            "study_auc": with_interval(studies.patients, lambda i: metrics.auc(study_truth[i], largest[i])),
            "patient_dice": _mean_with_interval(
                [r.patient for r in bleeding], [_ratio(r.threshold_overlap) for r in bleeding]
            ),
        },
    }


def with_interval(
    patients: Sequence[str], measure: Callable[[npt.NDArray[np.int64]], float]
) -> dict[str, Any]:
    """`measure` over all rows and its 95 % interval by patient."""
    low, high = metrics.bootstrap(patients, measure) if patients else (float("nan"), float("nan"))
    value = measure(np.arange(len(patients))) if patients else float("nan")
    return {"value": plain(value), "interval": [plain(low), plain(high)]}


def plain(value: float) -> float | None:
    """Rounded for a table; None for what is not a number."""
    return round(float(value), 4) if np.isfinite(value) else None


def _mean_with_interval(patients: Sequence[str], values: Sequence[float]) -> dict[str, Any]:
    numbers = np.array(values, np.float64)
    return with_interval(patients, lambda i: float(np.nanmean(numbers[i])))


def _overlap(
    labels: npt.NDArray[np.uint8], bleeding: npt.NDArray[np.bool_], masks: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float64]:
    read = labels != NOT_REVIEWED
    found = (masks > 0) & read
    rows = [((found & bleeding).sum(), found.sum() + bleeding.sum())]
    known = read & (labels != UNKNOWN_SUBTYPE)
    for value in range(1, len(SCORES)):
        truth, guess = labels == value, (masks == value) & known
        rows.append(((truth & guess).sum(), truth.sum() + guess.sum()))
    return np.array(rows, np.float64)


def _ratio(overlap: npt.NDArray[np.float64]) -> float:
    return float(2 * overlap[0] / overlap[1]) if overlap[1] else float("nan")


def _volume_ml(mask: npt.NDArray[np.bool_], sample: Sample) -> float:
    """Sum of area times half the gap to each neighbour; an end slice counts its only gap."""
    gaps = gaps_mm(sample.z_mm).astype(np.float64)
    heights = (gaps + np.concatenate([gaps[1:], gaps[-1:]])) / 2
    area_mm2 = mask.sum((1, 2)) * sample.spacing_mm[0] * sample.spacing_mm[1]
    return float((area_mm2 * heights).sum() / 1000)


def _study_truth(truth: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    present, unknown = (truth == 1).any(0), (truth == -1).any(0)
    return np.where(present, 1, np.where(unknown, -1, 0)).astype(np.int8)
