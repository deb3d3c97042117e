"""Scores from what the network says and what it draws, so that the two tell the same. numpy only.

A slice's score weighs its logit. A study's weighs the logit of the part along z, the highest of its slices and the
volume drawn; no weight is negative: what is drawn larger never makes it smaller. The suspected subtypes then settle
what is drawn where a pixel could be one of them nearly as well as what it was taken for.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import ModelFileError
from model.labels import SCORES

Numbers = npt.NDArray[np.float64]

PARTS = ("provisional", "slice", "study")
"""Scores of a slice before the sequence has run, after it, and of the study."""
SLOPE, OFFSET, DRAWN, PEAK = range(4)
"""Rows of a part's weights (4, 6): of the logit, of 1, and, of a study alone, of `log_volume` and `peak`."""
VOLUME_ML = 0.1
"""What makes a difference beside nothing; far above, doubling counts the same everywhere."""
PEAK_SLICES = 3
NEARLY = 0.5
"""As likely as this, beside the likeliest subtype of a pixel, a suspected one takes its place."""


def identity() -> Numbers:
    """Weights (4, 6) under which a score is the sigmoid of its logit."""
    weights = np.zeros((4, len(SCORES)))
    weights[SLOPE] = 1
    return weights


def read_weights(info: Mapping[str, Any]) -> dict[str, Numbers]:
    """Weights (4, 6) of each of PARTS from model.json; what its lists end before is 0.

    Without a list a score is the sigmoid of its logit, the provisional one that of the slice. Raises ModelFileError
    where a list is not of two to four numbers.
    """
    found = {part: identity() for part in PARTS}
    tables = info.get("calibration", {})
    for part in PARTS:
        for code, row in _table(tables, part).items():
            values = _numbers(row)
            if code not in SCORES or not 2 <= len(values) <= 4:
                raise ModelFileError(f"The calibration of {code}, {part}, is damaged. Add the model again.")
            found[part][: len(values), SCORES.index(code)] = values
    return found


def _table(tables: object, part: str) -> Mapping[str, Any]:
    """The table of a part; of provisional scores, where there is none, that of the slices."""
    table = (
        tables.get(part, tables.get("slice", {}) if part == PARTS[0] else {})
        if isinstance(tables, dict)
        else None
    )
    if not isinstance(table, dict):
        raise ModelFileError(f"The calibration of a model, {part}, is damaged. Add the model again.")
    return table


def _numbers(row: object) -> Numbers:
    """The finite numbers of a list; none where it is something else."""
    if not isinstance(row, list | tuple) or not all(
        isinstance(v, int | float) and np.isfinite(v) for v in row
    ):
        return np.zeros(0)
    return np.array(row, np.float64)


def write_weights(weights: Mapping[str, Numbers]) -> dict[str, dict[str, list[float]]]:
    """As model.json holds them: by part and score slope, offset and, where they count, the others."""
    table: dict[str, dict[str, list[float]]] = {}
    for part, numbers in weights.items():
        count = 2 + max((i for i in (1, 2) if numbers[1 + i].any()), default=0)
        table[part] = {
            code: [round(float(v), 5) for v in numbers[:count, column]] for column, code in enumerate(SCORES)
        }
    return table


def sigmoid(logits: npt.NDArray[np.floating]) -> Numbers:
    """1 / (1 + exp(-logits)), without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float64)


def drawn_mm2(mask: npt.NDArray[np.uint8], spacing_mm: tuple[float, float]) -> Numbers:
    """Area (6,) of all that is drawn in a mask (rows, columns) and of each subtype."""
    counts = np.bincount(mask.ravel(), minlength=len(SCORES)).astype(np.float64)[: len(SCORES)]
    counts[0] = counts[1:].sum()
    return np.asarray(counts * spacing_mm[0] * spacing_mm[1], np.float64)


def log_volume(mm2: Numbers, gaps_mm: npt.NDArray[np.floating]) -> Numbers:
    """What a study's score weighs (6,) of the areas (Z, 6) drawn on slices with `gaps_mm` (Z,) to the one before."""
    gaps = np.asarray(gaps_mm, np.float64)
    heights = (gaps + np.append(gaps[1:], gaps[-1:])) / 2
    return np.asarray(np.log1p(heights @ mm2 / 1000 / VOLUME_ML))


def peak(logits: Numbers) -> Numbers:
    """Mean (6,) of the highest `PEAK_SLICES` of the slices' log odds (Z, 6)."""
    return np.asarray(np.sort(logits, 0)[-PEAK_SLICES:].mean(0))


def settled(
    weights: Mapping[str, Numbers],
    slices: npt.NDArray[np.floating],
    study: npt.NDArray[np.floating],
    mm2: Numbers,
    gaps_mm: npt.NDArray[np.floating],
) -> tuple[Numbers, Numbers]:
    """Scores of slices (Z, 6) and of their study (6,), from logits of either.

    weights: as of `read_weights`. mm2: areas drawn (Z, 6). gaps_mm: (Z,), to the slice before.
    """
    own, whole = weights["slice"], weights["study"]
    odds = own[SLOPE] * slices + own[OFFSET]
    said = whole[SLOPE] * study + whole[OFFSET] + whole[DRAWN] * log_volume(mm2, gaps_mm)
    return sigmoid(odds), sigmoid(said + whole[PEAK] * peak(odds))


def suspected(scores: npt.NDArray[np.floating], thresholds: Mapping[str, float]) -> npt.NDArray[np.bool_]:
    """Subtypes (5,) whose score in a study (6,) reaches its operating point; all of them where none does."""
    over = np.array([scores[i] >= thresholds[code] for i, code in enumerate(SCORES)][1:], np.bool_)
    return over if over.any() else np.ones_like(over)


def readiness(named: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """What the probabilities of the subtypes (5,) count when a pixel is named, where some are suspected."""
    return np.where(named, 1, NEARLY).astype(np.float32)
