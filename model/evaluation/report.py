"""Judge a model beside plain baselines and other models on the same cases: one table, as JSON."""

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import Cancelled, PterionError
from model.evaluation.answer import Scorer
from model.evaluation.cases import CaseResult, judge
from model.evaluation.measures import head_of, log_loss_of_prior
from model.evaluation.resample import ROUNDS, Resampler, plain
from model.evaluation.tables import compare, system_table
from model.labels import ANY, CODES, SCORES
from model.metrics import accuracy_of_never
from model.sample import Sample

FORMAT = 1
NOTICE = "Research use only. Not for diagnosis."
SLIM = ("measures", "operating", "lesions", "volume", "strata", "seconds", "confusion")
"""Parts of our own table that a bundled report keeps; of the other systems it keeps the measures."""

Report = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """table: the report as JSON. results: by system, every case, ours first."""

    table: Report
    results: Mapping[str, Sequence[CaseResult]]


def evaluate(
    systems: Sequence[Scorer],
    samples: Iterable[Sample],
    *,
    data: str,
    rounds: int = ROUNDS,
    on_progress: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Judge the first of `systems`, the others beside it, each on every sample.

    data: what the samples are, in words. Raises Cancelled, and PterionError where there is no sample or where two
    systems have one name.
    """
    results: dict[str, list[CaseResult]] = {scorer.name: [] for scorer in systems}
    if len(results) != len(systems):
        raise PterionError("Two of the systems to compare have the same name. Name each one once.")
    for number, sample in enumerate(samples, 1):
        for scorer in systems:
            if cancelled():
                raise Cancelled
            on_progress(f"patient {number}: {scorer.name}")
            start = time.perf_counter()
            answer = scorer(sample)
            seconds = time.perf_counter() - start
            results[scorer.name].append(judge(sample, answer, seconds=seconds))
    ours = results[systems[0].name]
    if not ours:
        raise PterionError("There is no sample to judge on. Name a folder that holds some.")
    on_progress("counting")
    resampler = Resampler.of([case.patient for case in ours], rounds)
    table: Report = {
        "format": FORMAT,
        "notice": NOTICE,
        "model": systems[0].name,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        "data": {"name": data, **facts(ours)},
        "rounds": rounds,
        "machine": machine(),
        "systems": {
            scorer.name: system_table(results[scorer.name], _thresholds(scorer), resampler)
            for scorer in systems
        },
        "comparisons": {
            scorer.name: compare(ours, results[scorer.name], resampler) for scorer in systems[1:]
        },
    }
    return Evaluation(table, results)


def facts(cases: Sequence[CaseResult]) -> dict[str, Any]:
    """What the cases are, and what can be had there without looking."""
    slices, studies = head_of(cases, "slice", ANY), head_of(cases, "study", ANY)
    return {
        "patients": len({case.patient for case in cases}),
        "studies": len(cases),
        "studies_bleeding": sum(int(case.study_truth[0] == 1) for case in cases),
        "slices": sum(len(case.truth) for case in cases),
        "slices_bleeding": sum(int((case.truth[:, 0] == 1).sum()) for case in cases),
        "studies_by_subtype": {
            code: sum(int(case.study_truth[column] == 1) for case in cases)
            for column, code in enumerate(SCORES)
            if code in CODES
        },
        "slice_accuracy_of_never": plain(accuracy_of_never(slices.truth)) if len(slices.truth) else None,
        "study_accuracy_of_never": plain(accuracy_of_never(studies.truth)) if len(studies.truth) else None,
        "slice_log_loss_of_prior": plain(log_loss_of_prior(cases)),
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def slim(table: Report) -> Report:
    """The report as a bundled model keeps it: without curves, bins and comparisons measure by measure."""
    own = table["model"]
    kept = {key: value for key, value in table.items() if key not in ("systems", "comparisons")}
    systems = {
        name: {part: parts[part] for part in (SLIM if name == own else ("measures",))}
        for name, parts in table["systems"].items()
    }
    return {**kept, "systems": systems}


def _thresholds(scorer: Scorer) -> dict[str, Mapping[str, float]]:
    return {"slice": scorer.thresholds, "study": scorer.study_thresholds}
