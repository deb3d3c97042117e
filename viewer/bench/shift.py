"""How well the midline shift is estimated.

`python -m viewer.bench.shift FOLDER` (samples by `python -m model.phantom`) prints the numbers of `shift.md`. The
bleeds of a simulated head push its midline aside by a length that is known.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from model.labels import UNKNOWN_SUBTYPE
from model.phantom.lesions import Lesion, draw_kinds, plan_lesions
from model.phantom.settings import LesionSettings
from model.sample import Sample, iterate_samples
from viewer.findings.frame import Frame
from viewer.findings.head import find_head
from viewer.findings.shift import NO_HEAD, Shift, midline_shift

CLEAR_MM, NONE_MM = 3.8, 1.0
"""Heads pushed at least so far have a shift; those pushed less than so far have none."""


@dataclass(frozen=True)
class Estimate:
    """One head. true_mm, told_mm: to the patient's left; told_mm is None where it was said not to be measurable."""

    true_mm: float
    told_mm: float | None


def pushed_mm(lesions: Iterable[Lesion]) -> float:
    """How far the lesions of a simulated head push its midline to the left at most (`model.phantom.bleeds`)."""
    return sum(
        -math.copysign(lesion.push_mm, lesion.centre[0]) * math.exp(-((lesion.centre[0] * 0.35 / 45) ** 2))
        for lesion in lesions
    )


def estimate(sample: Sample) -> Estimate:
    """What is told of one simulated head."""
    seed, settings = int(str(sample.provenance["seed"])), LesionSettings()
    true_mm = pushed_mm(plan_lesions(seed, draw_kinds(seed, settings), settings))
    head = find_head(sample.hu, _frame(sample))
    masks = np.where(sample.labels < UNKNOWN_SUBTYPE, sample.labels, 0).astype(np.uint8)
    told: Shift | str = NO_HEAD if head is None else midline_shift(sample.hu, masks, head)
    if isinstance(told, str):
        return Estimate(true_mm, None)
    return Estimate(true_mm, told.mm if told.to == "left" else -told.mm)


def _frame(sample: Sample) -> Frame:
    slices, rows, columns = sample.hu.shape
    down, right = sample.spacing_mm
    origins = np.stack(
        [
            np.full(slices, -(columns - 1) / 2 * right),
            np.full(slices, -(rows - 1) / 2 * down),
            np.asarray(sample.z_mm, np.float64),
        ],
        axis=1,
    )
    across, back, up = np.eye(3)
    gaps = np.diff(sample.z_mm)
    weights = np.abs(np.gradient(sample.z_mm))
    return Frame(origins, across, back, up, (down, right), weights, tuple(gaps.tolist()))


def report(found: Sequence[Estimate]) -> str:
    """The numbers in words."""
    told = [(each.true_mm, each.told_mm) for each in found if each.told_mm is not None]
    clear = [(true, said) for true, said in told if abs(true) >= CLEAR_MM]
    none = [abs(said) for true, said in told if abs(true) < NONE_MM]
    wrong = ", ".join(f"{said:.1f}" for said in sorted(none) if said)
    right = [abs(said - true) for true, said in clear if said * true > 0]
    lines = [
        f"{len(found)} heads, {len(found) - len(told)} said not to be measurable.",
        f"Pushed by {CLEAR_MM} mm or more: {len(clear)}; told to the right side: {len(right)}.",
        f"Pushed by less than {NONE_MM:.0f} mm: {len(none)}; a shift is told of {np.count_nonzero(none)} ({wrong} mm).",
    ]
    if right:
        lines.insert(2, f"Of these the error: median {median(right):.1f} mm, largest {max(right):.1f} mm.")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    found = []
    for sample in iterate_samples(Path(argv[0])):
        found.append(estimate(sample))
        print(f"{len(found)} heads", end="\r", file=sys.stderr, flush=True)
    print(report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
