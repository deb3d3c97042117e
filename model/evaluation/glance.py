"""One model on one set, as a few lines for a terminal: what to look at while training."""

from collections.abc import Iterable

import numpy as np

from model.evaluation.answer import Scorer
from model.evaluation.cases import CaseResult, judge
from model.evaluation.panel import MEASURES, quick
from model.labels import ANY, CODES
from model.sample import Sample


def glance(scorer: Scorer, samples: Iterable[Sample]) -> str:
    """The measures of the panel, and a line a patient: truth, score, Dice, volumes."""
    cases = [judge(sample, scorer(sample), detail=False) for sample in samples]
    row = quick(cases)
    lines = [f"{scorer.name}: {len(cases)} patients, {sum(len(c.truth) for c in cases)} slices"]
    lines += [f"  {key:16} {row[key]:.3f}" for key in MEASURES]
    lines.append(f"  {'patient':14} {'truth':14} {'score':>6} {'Dice':>6} {'true mL':>8} {'found mL':>9}")
    return "\n".join([*lines, *map(_line, cases)])


def _line(case: CaseResult) -> str:
    named = " ".join(code for code, present in zip(CODES, case.study_truth[1:], strict=True) if present == 1)
    score = f"  {case.patient:14} {named or '-':14} {case.study_scores[0]:6.2f}"
    if not case.masks:
        return score
    found = case.masks[ANY]
    overlap = "     -" if np.isnan(found.dice) else f"{found.dice:6.2f}"
    return f"{score} {overlap} {found.true_ml:8.1f} {found.found_ml:9.1f}"
