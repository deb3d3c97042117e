"""What the queue's order is worth: how much of a model's error the first studies hold, against a random order.

`python -m viewer.bench.learning CT-ICH [FOLD]` scores the patients of a fold that the model never saw, puts them in the
orders of `viewer.library.queue`, and prints the table of `learning.md`. The error of a patient is what a reader would
have to mend: mL that are marked and do not bleed, mL that bleed and are not marked, and slices on the wrong side of
the operating point of `any`. Random is the mean over all orders: k of n studies hold k/n of the error.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.datasets import ct_ich
from model.labels import SCORES
from model.predict import Predictor, SliceResult, VolumeSource
from model.registry import Registry
from model.sample import Sample
from viewer.library.queue import Candidate, Order, ordered
from viewer.resources import assets_dir, data_dir

FOLDS = Path(__file__).parents[2] / "model" / "recipes" / "ct-ich-folds.json"
SHARES = (0.25, 0.5)
DRAWS = 4000


@dataclass(frozen=True)
class Case:
    """One patient: scores of the study, error in mL, slices that are wrong, slices."""

    patient: str
    scores: dict[str, float]
    wrong_ml: float
    wrong_slices: int
    slices: int


def judged(sample: Sample, patient: str, predictor: Predictor) -> Case:
    """Score a patient and compare with the truth."""
    masks = np.zeros(sample.hu.shape, np.uint8)

    def take(answer: SliceResult) -> None:
        masks[answer.index] = answer.mask

    z_mm = tuple(map(float, sample.z_mm))
    source = VolumeSource(len(sample.hu), sample.spacing_mm, z_mm, lambda index: sample.hu[index])
    result = predictor.score(source, (), take)
    gap_mm = float(np.median(np.abs(np.diff(sample.z_mm)))) if len(sample.hu) > 1 else 5.0
    wrong = np.count_nonzero((masks > 0) != (sample.labels > 0))
    bleeding = (sample.labels > 0).any((1, 2))
    called = result.slice_scores[:, 0] >= predictor.thresholds["any"]
    return Case(
        patient,
        {code: float(score) for code, score in zip(SCORES, result.scores, strict=True)},
        wrong * sample.spacing_mm[0] * sample.spacing_mm[1] * gap_mm / 1000,
        int(np.count_nonzero(called != bleeding)),
        len(sample.hu),
    )


def found_early(order: Sequence[Case], share: float, what: str) -> float:
    """Which share of all error lies in the first `share` of the studies."""
    values = np.array([getattr(case, what) for case in order], np.float64)
    return float(values[: round(share * len(values))].sum() / max(values.sum(), 1e-9))


def in_order(cases: Sequence[Case], order: Order) -> list[Case]:
    """The cases as the queue puts them."""
    by_name = {case.patient: case for case in cases}
    candidates = [Candidate(case.patient, scores=case.scores) for case in cases]
    return [by_name[each.study_uid] for each in ordered(candidates, order)]


def rows(cases: Sequence[Case], seed: int = 0) -> Iterator[str]:
    """The table, Markdown; in brackets how often a random order holds as much or more."""
    rng = np.random.default_rng(seed)
    draws = [[cases[i] for i in rng.permutation(len(cases))] for _ in range(DRAWS)]
    yield "| order | mL, first quarter | mL, first half | slices, first quarter | slices, first half |"
    yield "|---|---|---|---|---|"
    for order in (Order.DOUBT, Order.SUSPICION):
        put = in_order(cases, order)
        cells = []
        for what in ("wrong_ml", "wrong_slices"):
            for share in SHARES:
                value = found_early(put, share, what)
                chance = np.mean([found_early(draw, share, what) >= value - 1e-12 for draw in draws])
                cells.append(f"{value:.2f} ({chance:.2f})")
        yield f"| {order} | {' | '.join(cells)} |"
    yield f"| random | {' | '.join(f'{share:.2f}' for share in (*SHARES, *SHARES))} |"


def main(folder: Path, fold: int) -> None:
    """Score, order, print."""
    registry = Registry(assets_dir() / "models", data_dir() / "models")
    predictor = Predictor(registry.current().path, 1)
    patients = json.loads(FOLDS.read_text())["folds"][fold]
    cases = [judged(ct_ich.read_patient(folder, number), number, predictor) for number in patients]
    wrong, slices = sum(case.wrong_ml for case in cases), sum(case.wrong_slices for case in cases)
    print(f"{predictor.id}, fold {fold}: {len(cases)} patients, {wrong:.0f} mL and {slices} slices wrong\n")
    print("\n".join(rows(cases)))
    for case in in_order(cases, Order.DOUBT):
        print(
            f"  {case.patient}: {case.wrong_ml:.1f} mL, {case.wrong_slices} of {case.slices} slices",
            case.scores,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4)
