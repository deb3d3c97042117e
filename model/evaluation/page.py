"""An evaluation as one HTML file that needs nothing else: tables, plots, the best and the worst cases."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.card import number
from model.evaluation.cases import CaseResult
from model.evaluation.measures import LEVELS, head_of, lower_is_better
from model.evaluation.panel import MEASURES
from model.evaluation.pictures import png
from model.evaluation.plots import Axis, Line, plot
from model.evaluation.report import Evaluation
from model.labels import ANY, BY_CODE, CODES, SCORES

_TEMPLATE = Path(__file__).with_name("page.html")
_COLOURS = ("#1a5fb4", "#8a8a8a", "#c0791b", "#7b4ea3", "#2a8a5f", "#b3364a", "#555555")
_SHOWN = 4
_ROWS = (
    ("Study", tuple(f"study_auc_{code}" for code in SCORES)),
    (
        "Slice",
        (
            *(f"slice_auc_{code}" for code in SCORES),
            *(f"slice_ap_{code}" for code in SCORES),
            "slice_log_loss",
        ),
    ),
    ("Lesion", ("lesion_sensitivity", "lesion_outlined", "false_marks")),
    (
        "Mask",
        (
            *(f"dice_{code}" for code in SCORES),
            "slice_dice_any",
            *(f"surface_dice_{code}" for code in SCORES),
            *(f"hausdorff95_mm_{code}" for code in SCORES),
            "false_ml_any",
        ),
    ),
    (
        "Calibration",
        ("study_ece_any", "study_brier_any", *(f"slice_ece_{code}" for code in SCORES), "slice_brier_any"),
    ),
)
_WORDS = {
    "auc": "AUC",
    "ap": "average precision",
    "ece": "calibration error",
    "brier": "Brier score",
    "dice": "Dice, patients who have it",
    "slice_dice": "Dice, slices that bleed",
    "surface_dice": "surface Dice at 2 mm",
    "hausdorff95_mm": "95th percentile of surface distance, mm",
    "false_ml": "marked in a study without bleeding, mL",
}
_WHOLE_WORDS = {
    "slice_log_loss": "RSNA log loss, any counts twice",
    "lesion_sensitivity": "lesions touched by a mark",
    "lesion_outlined": "lesions outlined (IoU ≥ 0.1)",
    "false_marks": "false marks a study",
}


@dataclass(frozen=True)
class Shown:
    """A case as the page shows it."""

    patient: str
    caption: str
    image: str


def page(evaluation: Evaluation) -> str:
    """The HTML text."""
    import jinja2

    table = evaluation.table
    ours = table["model"]
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["interval"] = number
    environment.filters["plain"] = _plain
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        report=table,
        own=table["systems"][ours],
        names=list(table["systems"]),
        groups=[(title, _rows(table, names)) for title, names in _ROWS],
        scores=SCORES,
        codes=CODES,
        panel_measures=MEASURES,
        plots=_plots(evaluation),
        cases=_cases(evaluation.results[ours]),
        panel_words=_panel_words,
    )


def _rows(table: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """A row a measure that somebody has: a cell a system, the best one marked."""
    rows = []
    for name in names:
        cells = [system["measures"][name] for system in table["systems"].values()]
        known = [cell["value"] for cell in cells if cell["value"] is not None]
        if known:
            best = min(known) if lower_is_better(name) else max(known)
            best = None if len(known) > 1 and min(known) == max(known) else best
            comparisons = [table["comparisons"].get(system, {}).get(name) for system in table["systems"]]
            rows.append(
                {
                    "words": _words(name),
                    "n": cells[0]["n"],
                    "cells": [
                        {
                            "text": number(cell),
                            "best": best is not None and cell["value"] == best,
                            "p": against and against["p"],
                        }
                        for cell, against in zip(cells, comparisons, strict=True)
                    ],
                }
            )
    return rows


def _words(name: str) -> str:
    """A measure as the page calls it."""
    if name in _WHOLE_WORDS:
        return _WHOLE_WORDS[name]
    what, _, code = name.rpartition("_")
    level, _, short = what.partition("_")
    if level in LEVELS and what not in _WORDS:
        return f"{code}: {_WORDS[short]}" if short in ("auc", "ap") else f"{level} {code}: {_WORDS[short]}"
    return f"{code}: {_WORDS.get(what, what)}"


def _panel_words(name: str) -> str:
    """A measure of the panel in as few words as a narrow column takes: `slice AUC any`, `AUC EDH`, `Dice any`."""
    what, _, code = name.rpartition("_")
    level, _, short = what.partition("_")
    if not short:
        return f"Dice {code}"
    return f"{level} {short.upper()} {code}" if code == ANY else f"{short.upper()} {code}"


def _plots(evaluation: Evaluation) -> list[str]:
    ours = evaluation.results[evaluation.table["model"]]
    own = evaluation.table["systems"][evaluation.table["model"]]
    found = [
        _roc(evaluation, "study"),
        _roc(evaluation, "slice"),
        _roc_by_subtype(ours),
        _precision_recall(ours),
        *(_reliability(own["calibration"], level) for level in ("study", "slice")),
    ]
    if own["lesions"] is not None and own["lesions"]["lesions"] and own["lesions"]["curve"]:
        found.append(_froc(own["lesions"]))
    if own["volume"] is not None:
        found.append(_volumes(own["volume"]))
    return found


def _roc(evaluation: Evaluation, level: str) -> str:
    lines = [Line(((0, 0), (1, 1)), colour="#bbbbbb", dash="4 4")]
    for colour, (name, cases) in zip(_COLOURS, evaluation.results.items(), strict=False):
        lines.append(Line(_roc_points(cases, level, ANY), name, colour))
    return plot(f"ROC, any bleeding, by {level}", Axis("1 − specificity"), Axis("sensitivity"), lines)


def _roc_by_subtype(cases: Sequence[CaseResult]) -> str:
    lines = [Line(((0, 0), (1, 1)), colour="#bbbbbb", dash="4 4")]
    lines += [Line(_roc_points(cases, "slice", code), code, BY_CODE[code].colour) for code in CODES]
    return plot("ROC of the subtypes, by slice", Axis("1 − specificity"), Axis("sensitivity"), lines)


def _roc_points(cases: Sequence[CaseResult], level: str, code: str) -> list[tuple[float, float]]:
    from sklearn.metrics import roc_curve

    head = head_of(cases, level, code)
    if head.truth.all() or not head.truth.any():
        return []
    false_rate, true_rate, _ = roc_curve(head.truth, head.scores)
    return list(zip(false_rate.tolist(), true_rate.tolist(), strict=True))


def _precision_recall(cases: Sequence[CaseResult]) -> str:
    from sklearn.metrics import precision_recall_curve

    lines = []
    for code in SCORES:
        head = head_of(cases, "slice", code)
        if head.truth.any() and not head.truth.all():
            precision, recall, _ = precision_recall_curve(head.truth, head.scores)
            colour = "#222222" if code == ANY else BY_CODE[code].colour
            lines.append(Line(list(zip(recall.tolist(), precision.tolist(), strict=True)), code, colour))
    return plot(
        "Precision and recall, by slice", Axis("recall (sensitivity)"), Axis("precision (PPV here)"), lines
    )


def _reliability(tables: Mapping[str, Mapping[str, Any]], level: str) -> str:
    lines = [Line(((0, 0), (1, 1)), colour="#bbbbbb", dash="4 4")]
    for code in SCORES:
        points = [(b["score"], b["share"]) for b in tables[level][code]["bins"]]
        colour = "#222222" if code == ANY else BY_CODE[code].colour
        lines.append(Line(points, code, colour, dots=True))
    return plot(f"Reliability, by {level}", Axis("mean score"), Axis("share that bleeds"), lines)


def _froc(lesions: Mapping[str, Any]) -> str:
    rows = [*lesions["curve"]]
    most = max([2.0, *(r["false_marks"] for r in rows)])
    lines = [
        Line([(r["false_marks"], r[key]) for r in rows], words, colour, dots=True)
        for key, words, colour in (("touched", "touched", "#1a5fb4"), ("outlined", "outlined", "#c0791b"))
    ]
    drawn = lesions["as_drawn"]
    lines.append(Line([(drawn["false_marks"], drawn["touched"])], "as drawn", "#b3364a", joined=False))
    return plot("Lesions found (FROC)", Axis("false marks a study", 0, most), Axis("share of lesions"), lines)


def _volumes(volume: Mapping[str, Any]) -> str:
    """Bland and Altman: found minus true against their mean."""
    points = [((t + f) / 2, f - t) for t, f in volume["pairs_ml"]]
    reach = (
        max([1.0, *(abs(y) for _, y in points), *(abs(v) for v in volume["limits_ml"] if v is not None)])
        * 1.1
    )
    far = max(1.0, *(x for x, _ in points)) * 1.05
    lines = [Line(((0, volume["bias_ml"]), (far, volume["bias_ml"])), "bias", "#1a5fb4")]
    lines += [
        Line(((0, limit), (far, limit)), colour="#1a5fb4", dash="4 4")
        for limit in volume["limits_ml"]
        if limit is not None
    ]
    lines.append(Line(points, colour="#222222", joined=False))
    return plot(
        "Volume of bleeding, found − true", Axis("mean of both, mL", 0, far), Axis("mL", -reach, reach), lines
    )


def _cases(cases: Sequence[CaseResult]) -> list[tuple[str, list[Shown]]]:
    """The best and the worst that bleed, and the worst that do not."""
    drawn = [c for c in cases if c.picture is not None and c.masks]
    bleeding = sorted((c for c in drawn if np.isfinite(c.masks[ANY].dice)), key=lambda c: -c.masks[ANY].dice)
    quiet = sorted(
        (c for c in drawn if c.study_truth[0] == 0),
        key=lambda c: (-c.masks[ANY].found_ml, -c.study_scores[0]),
    )
    half = min(_SHOWN, (len(bleeding) + 1) // 2)
    groups = [
        ("Best of those that bleed", bleeding[:half]),
        ("Worst of those that bleed", bleeding[half:][::-1][:_SHOWN]),
        ("Worst of those that do not bleed", quiet[:_SHOWN]),
    ]
    return [(title, [_shown(c) for c in chosen]) for title, chosen in groups if chosen]


def _shown(case: CaseResult) -> Shown:
    assert case.picture is not None
    named = ", ".join(code for code, t in zip(CODES, case.study_truth[1:], strict=True) if t == 1)
    found = case.masks[ANY]
    overlap = "" if np.isnan(found.dice) else f"Dice {found.dice:.2f}, {found.true_ml:.1f} mL, "
    caption = (
        f"{named or ('bleeding' if case.study_truth[0] == 1 else 'no bleeding')}: score {case.study_scores[0]:.2f}, "
        f"{overlap}found {found.found_ml:.1f} mL; slice {case.picture.number} of {case.picture.count}"
    )
    image = base64.b64encode(png(case.picture)).decode("ascii")
    return Shown(case.patient, caption, f"data:image/png;base64,{image}")


def _plain(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
