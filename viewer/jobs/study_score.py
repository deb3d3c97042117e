"""One study's entry in the JSON of `pterion score`: the series is chosen, scored and written; a fault stays in it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import Cancelled, PterionError
from model.predict import Predictor
from viewer.dicom.series import Problem, Series, Study
from viewer.jobs.choose import choose_series, why_not
from viewer.jobs.outputs import NOTHING, Outputs, write_outputs
from viewer.jobs.score import Progress, SeriesScore, as_json, score_series

Keep = Callable[[SeriesScore], None]
"""What else is done with a score before it is let go; may raise PterionError."""


@dataclass(frozen=True)
class Task:
    """A study to score. series_uid: this series of it, else the one that suits best. library: where the findings
    are kept, None for nowhere."""

    study: Study
    series_uid: str | None = None
    outputs: Outputs = NOTHING
    library: Path | None = None


def score_study(
    task: Task,
    predictor: Predictor,
    *,
    keep: Keep | None = None,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """The entry of one study. One that cannot be scored carries an `error`. Raises Cancelled, and nothing else."""
    entry = without_score(task.study, predictor.id)
    try:
        series = _pick(task.study, task.series_uid)
        entry["series_uid"] = series.series_uid
        score = score_series(series, predictor, on_progress=on_progress, cancelled=cancelled)
        entry = as_json(score)
        if keep is not None:
            keep(score)
        files, failed = write_outputs(task.outputs, score)
        entry |= files
        if failed is not None:
            entry["error"] = error_entry(failed)
    except PterionError as error:
        entry["error"] = error_entry(error)
    except Cancelled:
        raise
    except Exception as error:  # one study must not take the others with it; the log has the traceback
        logging.getLogger(__name__).exception("a study could not be scored")
        text = (
            f"This study met a fault of the program ({type(error).__name__}). Please report it with the log."
        )
        entry["error"] = {"code": "INTERNAL_ERROR", "text": text}
    return entry


def error_entry(error: PterionError) -> dict[str, str]:
    """An error for machines and for people."""
    return {"code": str(error.code), "text": str(error)}


def without_score(study: Study, model_id: str) -> dict[str, Any]:
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


def _pick(study: Study, series_uid: str | None) -> Series:
    if series_uid is None:
        return choose_series(study)
    series = next(series for series in study.series if series.series_uid == series_uid)
    reason = why_not(series)
    if reason:
        raise PterionError(f"{reason} Choose another series.", code="AI_NOT_RUN")
    return series
