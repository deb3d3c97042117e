"""Does retraining learn? Dice and AUC on unseen patients of a new domain against the number of annotated slices, and
what is lost on the old one, beside naive and chained fine-tuning.

`python -m viewer.bench.retraining scanner WORK OUT.md`: simulated heads of one scanner outside the ranges that the
bundled model was trained on, with pale clots. `… patients WORK OUT.md VERSION CT-ICH`: patients of CT-ICH by its
frozen folds, starting from a version that never saw them. What is in WORK already is not done again.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.batches import Case, crop_sample
from model.candidate import calibration_of, mask_threshold
from model.compare import ask, by_patient, mean_subtype_dice, read, slice_auc
from model.errors import PterionError
from model.labels import CODES
from model.phantom import generate
from model.phantom.generate import PhantomSettings
from model.phantom.settings import LesionSettings, Scanner
from model.registry import verify
from model.sample import load_sample, save_sample
from viewer.bench import gains
from viewer.bench.gains import BASE, Gain

if TYPE_CHECKING:
    from model.networks.flagship import Flagship
    from model.recipe import Settings

RETRAINED, NAIVE, CHAINED = "retrained", "naive fine-tuning", "chained fine-tuning, in two goes"
COUNTS, SEEDS = (50, 100, 25, 200, 10), (0, 1, 2)
SEEDED, BESIDE = (50, 100), 50
"""Counts of slices that all seeds train on, the others have one; and the one that other ways are shown at."""
SIZE, DEPTH = 224, 20
FIRST = {"new": 90_000_000, "old": 91_000_000}
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
FOLDS = {"training": (0, 1), "validation": (2,), "test": (3, 4)}
"""Of CT-ICH, numbered from 0."""
MINUTES, SECONDS_A_STEP = 2.5, 0.5
"""What a reader's two cores have, for the number of steps."""


@dataclass(frozen=True)
class Domains:
    """The cases of both domains. Nobody in `test` and `old_test` is trained on, stopped by or calibrated with."""

    training: list[Case]
    validation: list[Case]
    test: list[Case]
    old_test: list[Case]
    replay: list[Case]
    watched: list[Case]


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
        sample = generate(FIRST[kind] + number, size=SIZE, slices=DEPTH, lesions=lesions, **other)
        save_sample(sample, path)
    return crop_sample(sample)


def scanner(folder: Path) -> Domains:
    """Heads of the new scanner and of the old ones, made where they are not in `folder`."""
    parts = [[head(folder, "new", number) for number in part] for part in (TRAINING, VALIDATION, TEST)]
    return Domains(*parts, **_old(folder))


def patients(folder: Path, ct_ich: Path) -> Domains:
    """Patients of CT-ICH by its frozen folds, beside simulated heads."""
    from model.corpus import fold_of
    from model.datasets import ct_ich as source

    cases = [crop_sample(source.read_patient(ct_ich, number)) for number in source.patients(ct_ich)]
    parts = {name: [c for c in cases if fold_of(c.patient) in folds] for name, folds in FOLDS.items()}
    return Domains(**parts, **_old(folder))


def _old(folder: Path) -> dict[str, list[Case]]:
    parts = {"old_test": OLD_TEST, "replay": REPLAY, "watched": WATCHED}
    return {name: [head(folder, "old", number) for number in part] for name, part in parts.items()}


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


class Experiment:
    """The trainings from one version on one pair of domains."""

    def __init__(self, version: Path, given: Domains) -> None:
        self.version, self.given = version, given
        self.parent = calibration_of(verify(version))

    def trainings(self) -> Iterator[tuple[tuple[str, int, int], Callable[[], Gain]]]:
        """What is to be measured, what matters most first, and how."""
        yield (BASE, 0, 0), self.before
        for count in COUNTS:
            yield (RETRAINED, count, SEEDS[0]), partial(self.retrained, count, SEEDS[0])
            if count == BESIDE:
                yield (NAIVE, count, SEEDS[0]), partial(self.naive, SEEDS[0])
                yield (CHAINED, count, SEEDS[0]), partial(self.chained, SEEDS[0])
        for seed in SEEDS[1:]:
            for count in SEEDED:
                yield (RETRAINED, count, seed), partial(self.retrained, count, seed)
            yield (NAIVE, BESIDE, seed), partial(self.naive, seed)
            yield (CHAINED, BESIDE, seed), partial(self.chained, seed)

    def run(self, rows: Path, on_row: Callable[[list[Gain]], None]) -> None:
        """Measure what `rows` does not hold yet; it grows by a line each time."""
        for key, measure in self.trainings():
            if key not in {gain.key for gain in gains.read(rows)}:
                gains.append(rows, measure())
                on_row(gains.read(rows))

    def before(self) -> Gain:
        """The version as it is."""
        from model.export import load_network

        return self.judge((BASE, 0, 0), 0, _once(load_network(self.version)))

    def retrained(self, count: int, seed: int) -> Gain:
        """As the program does it: watched, ended, and blended with the weights that it started from."""
        from model.deal import Deal
        from model.fine_tune import Training, settings_of, steps_for
        from model.replay import Heads
        from model.run_folder import Control, EventLog, Request

        given, version = self.given, str(self.version)
        mine, watched = annotated(given.training, count), self._validation(count)
        dealt = Deal(tuple(mine), tuple(watched))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            request = Request(version, version, "bench", name, seed=seed, threads=_threads(), device="cpu")
            settings = settings_of(request, verify(self.version)["network"], dealt, judged=True)
            steps = steps_for(settings, count, SECONDS_A_STEP, MINUTES)
            request = replace(request, steps=steps)
            settings = settings_of(request, verify(self.version)["network"], dealt, judged=True)
            heads, log = Heads(tuple(given.replay), tuple(given.watched), ()), EventLog(folder)
            control = Control(folder, log)
            training = Training(folder, request, dealt, heads, self.parent, log, control, judged=True)
            tuned = training.blended(training.run(settings))
        return self.judge((RETRAINED, count, seed), tuned.steps, _once(tuned.network), tuned.share)

    def naive(self, seed: int) -> Gain:
        """Everything trains on the reader's slices alone, to the end."""
        settings = self._plainly(BESIDE, seed)
        network = self._tuned(None, settings, annotated(self.given.training, BESIDE))
        return self.judge((NAIVE, BESIDE, seed), settings.steps, _once(network))

    def chained(self, seed: int) -> Gain:
        """Naively in two goes of half the slices, the second from what the first came to."""
        half = BESIDE // 2
        settings, first = self._plainly(half, seed), annotated(self.given.training, half)
        names = {case.patient for case in first}
        rest = annotated([case for case in self.given.training if case.patient not in names], half)
        network = self._tuned(self._tuned(None, settings, first), settings, rest)
        return self.judge((CHAINED, BESIDE, seed), 2 * settings.steps, _once(network))

    def _validation(self, count: int) -> list[Case]:
        return annotated(self.given.validation, max(count // 4, 6))

    def _plainly(self, count: int, seed: int) -> "Settings":
        from model.fine_tune import steps_for
        from model.networks.flagship import FlagshipConfig
        from model.recipe import load_settings

        recipe = replace(load_settings("retrain"), apart=False, threads=_threads(), seed=seed, patience=1)
        steps = steps_for(recipe, count, SECONDS_A_STEP, MINUTES)
        sizes = FlagshipConfig.from_table(verify(self.version)["network"])
        plain = replace(recipe, frozen=False, kept=0.0, real_share=1.0, patience=0, network=sizes)
        return replace(plain, steps=steps, validate_every=steps, checkpoint_every=steps)

    def _tuned(self, start: "Flagship | None", settings: "Settings", mine: list[Case]) -> "Flagship":
        from model.corpus import Pool
        from model.gather import Run
        from model.networks.flagship import Flagship
        from model.team import join
        from model.train import Trainer

        with tempfile.TemporaryDirectory() as folder, join("cpu") as team:
            run = Run((), Path(folder), weights=self.version, resume=True)
            trainer = Trainer(settings, run, team, Pool([], mine, {}, []), lambda *_: {})
            if start is not None:
                trainer.take(start)
            trainer.begin({"fold": None, "data": [], "patients": {}, "slices": 0}, lambda _: None)
            trainer.run(lambda _: None, lambda: False)
            assert isinstance(trainer.result, Flagship)
            return trainer.result.eval()

    def judge(self, key: tuple[str, int, int], steps: int, network: "Flagship", share: float = 1.0) -> Gain:
        """How a network does, its mask threshold set on the annotated slices of the validation patients."""
        chosen, given, count = self.parent, self.given, key[1]
        if count:
            validation = self._validation(count)
            said = [(ask(network, case), case) for case in [*validation, *given.watched]]
            chosen = replace(chosen, mask_threshold=mask_threshold(chosen, said, len(validation)))
        new, old = ([read(ask(network, c), c, chosen) for c in part] for part in (given.test, given.old_test))
        auc = slice_auc(new), slice_auc(old)
        dices, subtypes = (by_patient(new), by_patient(old)), mean_subtype_dice(new)
        return Gain(*key, steps, share, chosen.mask_threshold, *dices, auc, subtypes)


def _once(network: "Flagship") -> "Flagship":
    """Reading each slice as it is, and not mirrored as well, which takes twice as long and helps all alike."""
    network.config = replace(network.config, mirrored=False)
    return network


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", "2"))


def main(argv: Sequence[str]) -> int:
    """See the module; heads and rows are kept in WORK."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported
    from model.train import prepare_torch
    from viewer.cli.work import registry

    prepare_torch(_threads())
    kind, work, out = argv[0], Path(argv[1]), Path(argv[2])
    version = Path(argv[3]) if len(argv) > 3 else registry().bundled().path
    given = patients(work / "heads", Path(argv[4])) if kind == "patients" else scanner(work / "heads")

    def write(found: Sequence[Gain]) -> None:
        out.write_text("\n".join(gains.lines_of(found)) + "\n", encoding="utf-8")

    Experiment(version, given).run(work / f"{kind}-{version.name}.jsonl", write)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
