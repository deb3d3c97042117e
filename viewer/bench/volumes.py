"""How near the volumes that Pterion tells come to the true ones, from DICOM files to regions.

`python -m viewer.bench.volumes [HEADS]` simulates heads that no version was trained on, writes each as a DICOM series,
reads, scores and measures it as the window does, and prints the table of `volumes.md`: once with the masks of the model
in use, once with the true masks, which tells what is the geometry's part of the error.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.labels import BY_CODE, CODES, SCORES
from model.phantom import generate
from model.predict import Predictor
from model.registry import Registry
from model.sample import Sample
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series
from viewer.findings.region import find_regions
from viewer.jobs.score import score_series
from viewer.resources import assets_dir, data_dir

FIRST_SEED = 7_700_000
"""Training draws its heads from seeds far below."""
HEADS, SLICES, THICKNESS_MM, SIZE = 25, 32, 5.0, 256
LEAST_ML = 1.0
"""Smaller bleeds are left out: a pixel more or less decides there."""


@dataclass(frozen=True)
class Case:
    """One bleed of one head: true volume, the model's, that of the true masks through the same path. mL."""

    code: str
    true_ml: float
    model_ml: float
    exact_ml: float
    suspected: bool


def written(folder: Path, sample: Sample, seed: int) -> None:
    """A simulated head as a DICOM series."""
    row_mm, column_mm = sample.spacing_mm
    first = (-(SIZE - 1) / 2 * column_mm, -(SIZE - 1) / 2 * row_mm)
    write_series(
        folder,
        sample.hu,
        spacing_mm=sample.spacing_mm,
        positions_mm=np.array([(*first, z) for z in sample.z_mm]),
        study_description="Simulated head CT, not a patient",
        thickness_mm=THICKNESS_MM,
        seed=f"volumes {seed}",
    )


def told_ml(
    volume: Volume,
    masks: npt.NDArray[np.uint8],
    slice_scores: npt.NDArray[np.float32],
    codes: Sequence[str],
    thresholds: dict[str, float],
) -> dict[str, float]:
    """What the regions of each subtype come to, mL."""
    found = find_regions(volume, masks, slice_scores, codes, thresholds)
    return {code: sum(r.volume_ml or 0.0 for r in found.found if r.code == code) for code in codes}


def cases(heads: int) -> Iterator[Case]:
    """Measure `heads` simulated heads, their bleeds in turn."""
    registry = Registry(assets_dir() / "models", data_dir() / "models")
    predictor = Predictor(registry.current().path, 1)
    for number in range(heads):
        seed, code = FIRST_SEED + number, CODES[number % len(CODES)]
        sample = generate(seed, size=SIZE, slices=SLICES, thickness_mm=THICKNESS_MM, lesions=(code,))
        with tempfile.TemporaryDirectory() as folder:
            written(Path(folder) / "s", sample, seed)
            series = scan([Path(folder)]).studies[0].series[0]
            scored = score_series(series, predictor)
        volume, scores = scored.volume, dict(zip(SCORES, scored.result.scores, strict=True))
        truth = sample.labels if np.array_equal(volume.hu, sample.hu) else sample.labels[::-1]
        pixel_ml = sample.spacing_mm[0] * sample.spacing_mm[1] * volume.thickness_weights_mm() / 1000
        counts = (truth == BY_CODE[code].value).sum((1, 2))
        true_ml = float(counts @ pixel_ml)
        if true_ml < LEAST_ML:
            continue
        table = scored.result.slice_scores
        model = told_ml(volume, scored.masks, table, (code,), scored.thresholds)
        exact = told_ml(volume, truth, table, (code,), scored.thresholds)
        suspected = bool(scores[code] >= scored.thresholds[code])
        yield Case(code, true_ml, model[code], exact[code], suspected)


def rows(found: Sequence[Case]) -> Iterator[str]:
    """The table, Markdown."""
    heads = (
        "subtype",
        "bleeds",
        "suspected",
        "true, mL",
        "told ÷ true",
        "within 10 %",
        "within 25 %",
        "true masks",
    )
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for code in (*CODES, ""):
        these = [case for case in found if code in ("", case.code)]
        if not these:
            continue
        ratio = np.array([case.model_ml / case.true_ml for case in these])
        exact = np.array([case.exact_ml / case.true_ml for case in these])
        off = np.abs(ratio - 1)
        listed = f"{np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f})"
        yield (
            f"| {code or 'all'} | {len(these)} | {sum(case.suspected for case in these)} | "
            f"{np.median([case.true_ml for case in these]):.1f} | {listed} | {(off <= 0.1).sum()} | "
            f"{(off <= 0.25).sum()} | {exact.min():.3f} to {exact.max():.3f} |"
        )


if __name__ == "__main__":
    print("\n".join(rows(list(cases(int(sys.argv[1]) if len(sys.argv) > 1 else HEADS)))))
