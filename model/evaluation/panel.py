"""A model on the same patients as other scanners would show them, and the one number that choices go by."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from model import metrics
from model.errors import Cancelled
from model.evaluation.answer import Scorer
from model.evaluation.cases import CaseResult, judge
from model.evaluation.resample import plain
from model.evaluation.shift import SHIFTS
from model.labels import ANY, CODES, SCORES
from model.sample import Sample

MEASURES = (
    "slice_auc_any",
    "study_auc_any",
    *(f"slice_auc_{code}" for code in CODES),
    "dice_any",
    *(f"dice_{code}" for code in CODES),
    "slice_ece_any",
)
AS_IT_IS = "as it is"


def shifted_panel(
    scorer: Scorer,
    samples: Iterable[Sample],
    more: Mapping[str, Iterable[Sample]] | None = None,
    *,
    on_progress: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The samples as they are and through every shift, and further sets of unseen scanners by name in `more`.

    Returns rows (name → measure → value), their mean over the shifts and those sets (`shifted`), the mean of that
    with the samples as they are (`combined`), and `criterion`, see there.
    """
    results: dict[str, list[CaseResult]] = {AS_IT_IS: [], **{name: [] for name in SHIFTS}}
    for number, sample in enumerate(samples, 1):
        for name in results:
            if cancelled():
                raise Cancelled
            on_progress(f"shifted panel: patient {number}, {name}")
            seen = sample if name == AS_IT_IS else SHIFTS[name](sample)
            results[name].append(judge(seen, scorer(seen), detail=False))
    for name, others in (more or {}).items():
        results[name] = []
        for number, sample in enumerate(others, 1):
            if cancelled():
                raise Cancelled
            on_progress(f"shifted panel: {name}, {number}")
            results[name].append(judge(sample, scorer(sample), detail=False))
    return summary({name: quick(cases) for name, cases in results.items() if cases})


def summary(rows: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Rows, their mean without the first kind, and the mean of both. NaN becomes None."""
    own = rows[AS_IT_IS]
    shifted = {key: _mean([row[key] for name, row in rows.items() if name != AS_IT_IS]) for key in MEASURES}
    combined = {key: (own[key] + shifted[key]) / 2 for key in MEASURES}
    return {
        "rows": {name: {key: plain(row[key]) for key in MEASURES} for name, row in rows.items()},
        "shifted": {key: plain(value) for key, value in shifted.items()},
        "combined": {key: plain(value) for key, value in combined.items()},
        "criterion": plain(criterion(combined)),
    }


def criterion(row: Mapping[str, float]) -> float:
    """Mean of slice AUC of `any`, mean slice AUC of the subtypes, and mean Dice of bleeding.

    Of the combined row it says which checkpoint is bundled: the one where it is largest.
    """
    subtypes = _mean([row[f"slice_auc_{code}"] for code in CODES])
    return _mean([row["slice_auc_any"], subtypes, row["dice_any"]])


def quick(cases: Sequence[CaseResult]) -> dict[str, float]:
    """MEASURES of judged cases, without intervals; NaN where not defined."""
    truth = np.concatenate([c.truth for c in cases])
    scores = np.concatenate([c.slice_scores for c in cases])
    row: dict[str, float] = {}
    for column, code in enumerate(SCORES):
        known = (truth[:, column] >= 0) & np.isfinite(scores[:, column])
        row[f"slice_auc_{code}"] = metrics.auc(truth[known, column] == 1, scores[known, column])
        dices = [c.masks[code].dice for c in cases if c.masks and (code == ANY or c.named)]
        row[f"dice_{code}"] = _mean(dices)
    study = np.array([c.study_truth[0] for c in cases])
    row["study_auc_any"] = metrics.auc(
        study[study >= 0] == 1, np.array([c.study_scores[0] for c in cases])[study >= 0]
    )
    known = (truth[:, 0] >= 0) & np.isfinite(scores[:, 0])
    row["slice_ece_any"] = metrics.calibration_error(truth[known, 0] == 1, scores[known, 0])
    return row


def text(name: str, panel: Mapping[str, Any]) -> str:
    """The panel as a table for a terminal."""
    short = ["any", "study", *CODES, "Dice", *(f"D.{code}" for code in CODES), "ECE"]
    rows = [
        *panel["rows"].items(),
        ("mean of the shifted", panel["shifted"]),
        ("mean of both", panel["combined"]),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [
        f"{name}: slice AUC any, study AUC any, slice AUC of subtypes; Dice over patients; ECE of slices"
    ]
    lines.append(" " * width + "".join(f"{s:>7}" for s in short))
    for label, row in rows:
        cells = "".join("      -" if row[key] is None else f"{row[key]:7.3f}" for key in MEASURES)
        lines.append(f"{label:{width}}{cells}")
    lines.append(f"criterion (mean of both: slice AUC any, mean of subtypes, Dice): {panel['criterion']}")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")
