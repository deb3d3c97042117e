"""Score studies without a window: scan, choose a series, load it, predict, measure; the JSON of `pterion score`."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import Cancelled, PterionError
from model.labels import SCORES, SUBTYPES
from model.predict import Predictor, SliceResult, StudyResult, VolumeSource
from model.preprocess import estimate_spacing_mm
from model.registry import Registry
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series, Study
from viewer.dicom.volume import Volume
from viewer.jobs.choose import Caution, cautions, choose_series, sampled_slices, skull_width_mm, why_not
from viewer.jobs.masks import write_masks

Masks = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]
"""Called with slices scored and slices in all."""


@dataclass(frozen=True)
class SeriesScore:
    """The model's answer for one series.

    masks: uint8 (slices, rows, columns) on the source grid. volume_ml: by subtype, None where distances between
    slices are unknown.
    """

    series: Series
    spacing_mm: tuple[float, float]
    model_id: str
    result: StudyResult
    masks: Masks
    volume_ml: dict[str, float] | None
    cautions: tuple[Caution, ...]
    seconds: float


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
        series,
        spacing_mm,
        predictor.id,
        result,
        masks,
        volumes_ml(np.stack([areas_px(mask) for mask in masks]), volume, spacing_mm),
        cautions(volume, width, spacing_estimated=estimated),
        time.perf_counter() - start,
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


def score_paths(
    paths: Sequence[Path],
    *,
    registry: Registry,
    model_id: str | None = None,
    series_uid: str | None = None,
    masks: Path | None = None,
    mask_format: str = "npz",
    threads: int = 2,
    on_progress: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """The JSON of `pterion score`: {"studies": […], "notices": […]}, and an "error" where there is nothing to score.

    A study that cannot be scored carries an `error` and does not stop the rest; `failed` tells whether there is one.
    masks: folder for the masks, one file a series. mask_format: `npz` or `nifti`.
    """
    try:
        version = registry.current() if model_id is None else registry.get(model_id)
        predictor = Predictor(version.path, threads)
        studies = _studies(paths, series_uid, cancelled)
    except PterionError as error:
        return {"studies": [], "notices": [], "error": _error(error)}
    entries = []
    for number, study in enumerate(studies, start=1):

        def tell(scored: int, total: int, place: str = f"study {number} of {len(studies)}") -> None:
            if on_progress is not None:
                on_progress(f"{place}: slice {scored} of {total}")

        entry = _without_score(study, predictor.id)
        try:
            series = _pick(study, series_uid)
            entry["series_uid"] = series.series_uid
            score = score_series(series, predictor, on_progress=tell, cancelled=cancelled)
            entry = as_json(score)
            if masks is not None:
                path = write_masks(masks, score.series, score.masks, mask_format, score.spacing_mm)
                entry["masks"] = str(path)
        except PterionError as error:
            entry["error"] = _error(error)
        except Cancelled:
            raise
        except Exception as error:  # one study must not take the others with it; the log has the traceback
            logging.getLogger(__name__).exception("a study could not be scored")
            text = f"This study met a fault of the program ({type(error).__name__}). Please report it with the log."
            entry["error"] = {"code": "INTERNAL_ERROR", "text": text}
        entries.append(entry)
    return {"studies": entries, "notices": [version.notice] if version.notice else []}


def _studies(
    paths: Sequence[Path], series_uid: str | None, cancelled: Callable[[], bool] | None
) -> tuple[Study, ...]:
    """The studies to score. Raises PterionError where there are none."""
    studies = scan(paths, cancelled=cancelled).studies
    if not studies:
        names = ", ".join(path.name or str(path) for path in paths)
        raise PterionError(
            f"No DICOM study was found in {names}. Choose a folder with a head CT.", code="NO_STUDY"
        )
    if series_uid is None:
        return studies
    chosen = tuple(s for s in studies if any(series.series_uid == series_uid for series in s.series))
    if not chosen:
        raise PterionError(
            f"There is no series {series_uid} here. `pterion index` lists those there are.",
            code="NO_SUCH_SERIES",
        )
    return chosen


def failed(report: dict[str, Any]) -> bool:
    """Whether anything in a report of `score_paths` could not be scored (exit code 1)."""
    return "error" in report or any("error" in entry for entry in report["studies"])


def _pick(study: Study, series_uid: str | None) -> Series:
    if series_uid is None:
        return choose_series(study)
    series = next(series for series in study.series if series.series_uid == series_uid)
    reason = why_not(series)
    if reason:
        raise PterionError(f"{reason} Choose another series.", code="AI_NOT_RUN")
    return series


def _error(error: PterionError) -> dict[str, str]:
    return {"code": str(error.code), "text": str(error)}


def _without_score(study: Study, model_id: str) -> dict[str, Any]:
    """An entry with every field of `as_json`, empty, to which an error comes."""
    return {
        "study_uid": study.study_uid,
        "series_uid": None,
        "model": model_id,
        "seconds": 0.0,
        "study": None,
        "volume_ml": None,
        "slices": [],
        "cautions": [Problem.AI_NOT_RUN.value],
        "caution_texts": [],
    }
