"""Score one series without a window: load it, predict, measure; its entry in the JSON of `pterion score`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.labels import SCORES, SUBTYPES
from model.predict import Predictor, SliceResult, StudyResult, VolumeSource
from model.preprocess import estimate_spacing_mm
from viewer.dicom.load import load_all
from viewer.dicom.series import Series
from viewer.dicom.volume import Volume
from viewer.jobs.answer import Answer
from viewer.jobs.choose import Caution, cautions, sampled_slices, skull_width_mm

Masks = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]
"""Called with slices scored and slices in all."""


@dataclass(frozen=True)
class SeriesScore:
    """The model's answer for one series.

    masks: uint8 (slices, rows, columns) on the source grid. volume_ml: by subtype, None where distances between
    slices are unknown. thresholds: operating points of the study's scores.
    """

    volume: Volume
    spacing_mm: tuple[float, float]
    model_id: str
    result: StudyResult
    masks: Masks
    volume_ml: dict[str, float] | None
    cautions: tuple[Caution, ...]
    seconds: float
    thresholds: dict[str, float]

    @property
    def series(self) -> Series:
        """The series that was scored."""
        return self.volume.series

    def answer(self) -> Answer:
        """What leaves the program."""
        return Answer(
            self.volume,
            self.model_id,
            self.masks,
            {code: float(value) for code, value in zip(SCORES, self.result.scores, strict=True)},
            self.thresholds,
            self.result.slice_scores,
            self.volume_ml or {},
            tuple(caution.text for caution in self.cautions),
        )


def physical_spacing(volume: Volume) -> tuple[tuple[float, float], bool]:
    """(row, column) spacing in mm, and whether it is a guess from the skull because the files have none.

    Needs every slice that can be read. Raises PterionError where there is neither spacing nor skull.
    """
    if volume.series.slices[0].spacing_mm is not None:
        return volume.spacing_mm, False
    guess = estimate_spacing_mm(sampled_slices(volume))
    return (guess, guess), True


def areas_px(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pixels (6,) of a mask by label: none, then the five subtypes."""
    return np.bincount(mask.ravel(), minlength=1 + len(SUBTYPES))


def volumes_ml(
    areas: npt.NDArray[np.int64], volume: Volume, spacing_mm: tuple[float, float]
) -> dict[str, float] | None:
    """Volume in mL by subtype: Σ area × the length that a slice stands for along the normal; None if unknown.

    areas: (slices, 6), each row from `areas_px`.
    """
    weights_mm = volume.thickness_weights_mm()
    if not weights_mm.any():
        return None
    ml = (areas * weights_mm[:, None]).sum(0) * spacing_mm[0] * spacing_mm[1] / 1000
    return {subtype.code: float(ml[subtype.value]) for subtype in SUBTYPES}


def source_of(volume: Volume, spacing_mm: tuple[float, float]) -> VolumeSource:
    """A volume that is loaded, as the predictor wants it."""
    z_mm = volume.series.z_mm or None
    return VolumeSource(
        len(volume.hu), spacing_mm, z_mm, lambda index: None if volume.failed[index] else volume.hu[index]
    )


def score_series(
    series: Series,
    predictor: Predictor,
    *,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SeriesScore:
    """Load and score one series. Raises PterionError where it cannot be, Cancelled when asked to stop."""
    start = time.perf_counter()
    volume = load_all(series, cancelled=cancelled)
    spacing_mm, estimated = physical_spacing(volume)
    masks = np.zeros(volume.hu.shape, np.uint8)
    scored = 0

    def take(answer: SliceResult) -> None:
        nonlocal scored
        masks[answer.index] = answer.mask
        scored += 1
        if on_progress is not None:
            on_progress(scored, len(masks))

    result = predictor.score(source_of(volume, spacing_mm), (), take, cancelled)
    width = skull_width_mm(sampled_slices(volume), spacing_mm)
    return SeriesScore(
        volume,
        spacing_mm,
        predictor.id,
        result,
        masks,
        volumes_ml(np.stack([areas_px(mask) for mask in masks]), volume, spacing_mm),
        cautions(volume, width, spacing_estimated=estimated, novelty=result.novelty),
        time.perf_counter() - start,
        predictor.study_thresholds,
    )


def as_json(score: SeriesScore) -> dict[str, Any]:
    """One entry of `studies[]`. The names of the fields are stable."""
    series, result = score.series, score.result
    return {
        "study_uid": series.study_uid,
        "series_uid": series.series_uid,
        "model": score.model_id,
        "seconds": round(score.seconds, 3),
        "study": _scores(result.scores),
        "volume_ml": {
            s.code: None if score.volume_ml is None else round(score.volume_ml[s.code], 3) for s in SUBTYPES
        },
        "slices": [
            {
                "sop_uid": header.sop_uid,
                "index": index,
                "z_mm": round(series.z_mm[index], 4) if series.z_mm else None,
                "scores": _scores(result.slice_scores[index]),
            }
            for index, header in enumerate(series.slices)
        ],
        "cautions": list(dict.fromkeys(str(caution.code) for caution in score.cautions)),
        "caution_texts": [caution.text for caution in score.cautions],
    }


def _scores(values: npt.NDArray[np.float32]) -> dict[str, float] | None:
    if not np.isfinite(values).all():
        return None
    return {code: round(float(value), 6) for code, value in zip(SCORES, values, strict=True)}
