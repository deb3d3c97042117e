"""Does retraining learn? Dice and AUC on unseen patients of a new scanner against the number of annotated slices, and
what is lost on the old domain: `python -m viewer.bench.retraining OUT.md [HEADS]`.

The new domain: simulated heads of one scanner outside the ranges that the model was trained on, with pale clots.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.batches import Case, crop_sample
from model.calibration import Calibration
from model.candidate import calibration_of, mask_threshold
from model.compare import ask, mean_dice, mean_subtype_dice, read, slice_auc
from model.errors import PterionError
from model.labels import CODES
from model.phantom import generate
from model.phantom.generate import PhantomSettings
from model.phantom.settings import LesionSettings, Scanner
from model.registry import verify
from model.sample import load_sample, save_sample

if TYPE_CHECKING:
    from model.networks.flagship import Flagship
    from model.recipe import Settings

SLICES = (50, 25, 100, 10, 200)
SIZE, DEPTH = 224, 20
SEEDS = {"new": 90_000_000, "old": 91_000_000}
SCANNER = Scanner(
    blur_mm=1.2,
    sharpening=0.45,
    noise_hu=5.0,
    grain_per_mm=0.45,
    cupping_hu=8.0,
    glow_hu=6.0,
    bar_hu=10.0,
    streak_hu=7.0,
    gain=0.93,
    offset_hu=6.0,
)
PALE = LesionSettings(clot_hu=((54, 5), (50, 6), (56, 5), (46, 6), (52, 6)))
TRAINING, VALIDATION, TEST = range(42), range(42, 48), range(48, 72)
OLD_TEST, REPLAY, WATCHED = range(12), range(12, 36), range(36, 42)
MINUTES, SECONDS_A_STEP = 2.5, 0.5
"""What a reader's two cores have, for the number of steps."""


def head(folder: Path, kind: str, number: int) -> Case:
    """One head of the `new` or the `old` domain; each subtype in turn, and none."""
    path = folder / f"{kind}-{number:03d}.npz"
    try:
        sample = load_sample(path)
    except PterionError:
        lesions = ([(code,) for code in CODES] + [()])[number % (1 + len(CODES))]
        other: dict[str, Any] = {}
        if kind == "new":
            other = {"scanner": SCANNER, "settings": replace(PhantomSettings(), lesions=PALE)}
        sample = generate(SEEDS[kind] + number, size=SIZE, slices=DEPTH, lesions=lesions, **other)
        save_sample(sample, path)
    return crop_sample(sample)


def annotated(cases: Sequence[Case], count: int) -> list[Case]:
    """The first `count` slices that a reader would annotate: up to four of each bleed and two or three without."""
    found, left = [], count
    for case in cases:
        if left <= 0:
            break
        bleeding, quiet = np.flatnonzero(case.scores[:, 0] == 1), np.flatnonzero(case.scores[:, 0] == 0)
        chosen = sorted({*_spread(bleeding, 4), *_spread(quiet, 2 if len(bleeding) else 3)})[:left]
        left -= len(chosen)
        labels, scores = case.labels.copy(), case.scores.copy()
        unread = np.setdiff1d(np.arange(len(labels)), chosen)
        labels[unread], scores[unread] = 255, -1
        kept = sorted({min(max(i + d, 0), len(labels) - 1) for i in chosen for d in (-1, 0, 1)})
        slices: dict[str, Any] = {"hu": case.hu[kept], "labels": labels[kept], "scores": scores[kept]}
        found.append(replace(case, **slices, gaps_mm=case.gaps_mm[kept], source="annotations"))
    return found


def _spread(places: npt.NDArray[np.intp], count: int) -> list[int]:
    """Up to `count` of the places, evenly."""
    wanted = np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int)
    return [int(place) for place in places[wanted]] if len(places) else []


@dataclass(frozen=True)
class Domains:
    """The cases of both domains."""

    training: list[Case]
    validation: list[Case]
    test: list[Case]
    old_test: list[Case]
    replay: list[Case]
    watched: list[Case]


def domains(folder: Path) -> Domains:
    """Made where they are not in `folder`."""
    new = [head(folder, "new", number) for number in range(TEST.stop)]
    old = [head(folder, "old", number) for number in range(WATCHED.stop)]
    return Domains(
        *([new[n] for n in part] for part in (TRAINING, VALIDATION, TEST)),
        *([old[n] for n in part] for part in (OLD_TEST, REPLAY, WATCHED)),
    )


def recipe(count: int, *, naive: bool = False) -> "Settings":
    """The recipe of a retraining for so many slices; naive: everything trains, on the reader's slices alone."""
    from model.fine_tune import steps_for
    from model.recipe import load_settings

    threads = int(os.environ.get("OMP_NUM_THREADS", "2"))
    ours = replace(load_settings("retrain"), apart=False, threads=threads, patience=1)
    ours = replace(ours, steps=steps_for(ours, count, SECONDS_A_STEP, MINUTES), patience=0)
    return replace(ours, frozen=False, kept=0.0, real_share=1.0) if naive else ours


def tune(
    base: "Path | Flagship", settings: "Settings", mine: list[Case], replay: list[Case], bundled: Path
) -> "Flagship":
    """`base` after a training; a network that was tuned before is trained further."""
    from model.corpus import Pool
    from model.gather import Run
    from model.networks.flagship import Flagship
    from model.team import join
    from model.train import Trainer

    settings = replace(settings, validate_every=settings.steps, checkpoint_every=settings.steps)
    with tempfile.TemporaryDirectory() as folder, join("cpu") as team:
        run, pool = Run((), Path(folder), weights=bundled, resume=True), Pool(replay, mine, {}, [])
        trainer = Trainer(settings, run, team, pool, lambda *_: {})
        if isinstance(base, Flagship):
            trainer.take(base)
        trainer.begin({"fold": None, "data": [], "patients": {}, "slices": 0}, lambda _: None)
        trainer.run(lambda _: None, lambda: False)
        assert isinstance(trainer.result, Flagship)
        return trainer.result.eval()


@dataclass(frozen=True)
class Row:
    """One line of the table: Dice of bleeding and slice AUC, on the new and on the old domain."""

    name: str
    slices: int
    steps: int
    new: tuple[float, float]
    old: tuple[float, float]
    subtypes: dict[str, float]
    threshold: float


def judge(name: str, network: "Flagship", count: int, steps: int, given: Domains, parent: Calibration) -> Row:
    """How a network does, its mask threshold set on the annotated slices of the validation patients."""
    validation = annotated(given.validation, max(count // 4, 6)) if count else []
    said = [(ask(network, case), case) for case in [*validation, *given.watched]]
    threshold = mask_threshold(parent, said, len(validation))
    chosen = replace(parent, mask_threshold=threshold)
    sides = [[read(ask(network, c), c, chosen) for c in cases] for cases in (given.test, given.old_test)]
    new, old = ((mean_dice(side), slice_auc(side)) for side in sides)
    return Row(name, count, steps, new, old, mean_subtype_dice(sides[0]), threshold)


def experiment(bundled: Path, folder: Path, out: Path) -> None:
    """Run all of it; the table is written anew after each line."""
    from model.export import load_network
    from model.train import prepare_torch

    prepare_torch(int(os.environ.get("OMP_NUM_THREADS", "2")))
    parent, given = calibration_of(verify(bundled)), domains(folder)
    start = load_network(bundled)
    rows = [judge("bundled", start, 0, 0, given, parent)]
    rows.append(judge("bundled, its mask threshold set on 12 slices", start, 50, 0, given, parent))
    write(out, bundled.name, rows)
    for count in SLICES:
        settings = recipe(count)
        tuned = tune(bundled, settings, annotated(given.training, count), given.replay, bundled)
        rows.append(judge("retrained", tuned, count, settings.steps, given, parent))
        write(out, bundled.name, rows)
        if count == SLICES[0]:
            rows += beside(bundled, given, parent)
            write(out, bundled.name, rows)


def beside(bundled: Path, given: Domains, parent: Calibration) -> list[Row]:
    """The same 50 slices in other ways: naively, and in two goes of 25, the second from what the first came to."""
    naive, half = recipe(50, naive=True), recipe(25, naive=True)
    network = tune(bundled, naive, annotated(given.training, 50), [], bundled)
    rows = [judge("naive fine-tuning", network, 50, naive.steps, given, parent)]
    first = annotated(given.training, 25)
    names = {case.patient for case in first}
    rest = annotated([case for case in given.training if case.patient not in names], 25)
    chained = tune(tune(bundled, half, first, [], bundled), half, rest, [], bundled)
    rows.append(judge("chained fine-tuning, 25 then 25", chained, 50, 2 * half.steps, given, parent))
    return rows


def write(out: Path, name: str, rows: Sequence[Row]) -> None:
    """The table as Markdown."""
    lines = [
        f"# Does retraining learn? {name} on a new scanner",
        "",
        (
            f"New domain: {len(TEST)} simulated patients of one scanner outside the training's ranges (sharp kernel, "
            f"noise {SCANNER.noise_hu:g} HU, gain {SCANNER.gain:g}, offset {SCANNER.offset_hu:+g} HU) with pale clots "
            f"({PALE.clot_hu[1][0]} HU for SDH). Old domain: {len(OLD_TEST)} heads as the model was trained on. "
            "Nobody in either was trained on. Dice: mean over bleeding patients of all bleeding; by subtype, on the "
            "new domain. Written by `python -m viewer.bench.retraining`."
        ),
        "",
        "| | slices | steps | Dice, new | change | Dice, old | change | AUC, new | AUC, old | "
        + " | ".join(CODES)
        + " | threshold |",
        "|" + "---|" * (10 + len(CODES)),
    ]
    base = rows[0]
    for row in sorted(rows, key=lambda each: (each.name != "bundled", each.name, each.slices)):
        cells = [
            row.name,
            str(row.slices or "–"),
            str(row.steps or "–"),
            f"{row.new[0]:.3f}",
            f"{row.new[0] - base.new[0]:+.3f}",
            f"{row.old[0]:.3f}",
            f"{row.old[0] - base.old[0]:+.3f}",
            f"{row.new[1]:.3f}",
            f"{row.old[1]:.3f}",
            *(f"{row.subtypes.get(code, float('nan')):.2f}" for code in CODES),
            f"{row.threshold:g}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(argv: Sequence[str]) -> int:
    """`OUT.md [HEADS]`: where the table goes, and where the heads are kept."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported
    from viewer.cli.work import registry

    heads = Path(argv[1]) if len(argv) > 1 else Path(tempfile.mkdtemp(prefix="pterion-heads-"))
    experiment(Path(registry().bundled().path), heads, Path(argv[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
