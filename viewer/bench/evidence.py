"""Which way to find an evidence map is faithful: deletion and insertion, measured on simulated heads.

`python -m viewer.bench.evidence FOLDER` (samples as `python -m model.phantom` writes them) prints the table of
`evidence.md`. Deletion: the places that a map calls most important are calmed first; the sooner the score falls, the
better. Insertion: they are given back first to a slice that is calm all over; the sooner it rises, the better. Both
are the mean share of the score over fractions of the head (Petsiuk, RISE, BMVC 2018).
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.evidence import Occluder, by_occlusion, smooth
from model.labels import SUBTYPES
from model.predict import Predictor
from model.preprocess import SIZE
from model.sample import load_sample

Floats = npt.NDArray[np.float32]
FRACTIONS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
LEAST_PX, LEAST_SCORE, MOST_SLICES = 60, 0.3, 60
_RANDOM_MASKS = 120


def slices_of(folder: Path, predictor: Predictor, most: int = MOST_SLICES) -> Iterator[Occluder]:
    """Slices on which a subtype bleeds and is suspected, one a head and subtype, ready to be asked about."""
    given = 0
    for path in sorted(folder.glob("*.npz")):
        sample = load_sample(path)
        for subtype in SUBTYPES:
            areas = (sample.labels == subtype.value).sum((1, 2))
            index = int(areas.argmax())
            if areas[index] < LEAST_PX or not 0 < index < len(areas) - 1:
                continue
            around = sample.hu[index - 1], sample.hu[index], sample.hu[index + 1]
            occluder = Occluder(predictor, around, sample.spacing_mm, subtype.code)
            if _score(occluder.logit(np.zeros((SIZE, SIZE), np.float32))) < LEAST_SCORE:
                continue
            yield occluder
            given += 1
            if given == most:
                return


def faithfulness(occluder: Occluder, values: Floats) -> tuple[float, float]:
    """Deletion (lower is better) and insertion (higher is better) of a map, as shares of the slice's score."""
    order = np.argsort(-np.where(occluder.head, values, -np.inf), axis=None, kind="stable")
    count = int(occluder.head.sum())
    nothing = np.zeros((SIZE, SIZE), np.float32)
    whole = _score(occluder.logit(nothing))
    deleted, inserted = [], []
    for fraction in FRACTIONS:
        taken = np.zeros(SIZE * SIZE, np.float32)
        taken[order[: max(1, round(fraction * count))]] = 1
        picture = taken.reshape(SIZE, SIZE)
        deleted.append(_score(occluder.logit(picture)) / whole)
        inserted.append(_score(occluder.logit(1 - picture)) / whole)
    return float(np.mean(deleted)), float(np.mean(inserted))


def _score(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def two_sizes(occluder: Occluder) -> Floats:
    """Large squares, then small ones where those matter: what Pterion shows."""
    return by_occlusion(occluder)[0]


def squares(occluder: Occluder, side: int) -> Floats:
    """Squares of one size all over the head."""
    total, weight = np.zeros((SIZE, SIZE), np.float32), np.full((SIZE, SIZE), 1e-6, np.float32)
    changeable = occluder.calm != occluder.hu
    whole = occluder.logit(np.zeros((SIZE, SIZE), np.float32))
    for row in range(0, SIZE - side + 1, side // 2):
        for column in range(0, SIZE - side + 1, side // 2):
            cut = slice(row, row + side), slice(column, column + side)
            if changeable[cut].mean() <= 0.02:
                continue
            taken = np.zeros((SIZE, SIZE), np.float32)
            taken[cut] = 1
            total[cut] += max(whole - occluder.logit(taken), 0.0)
            weight[cut] += 1
    return smooth((total / weight) * changeable)


def random_masks(occluder: Occluder) -> Floats:
    """RISE: the mean of random masks, each weighted with the score that it leaves."""
    rng = np.random.default_rng(5)
    total = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(_RANDOM_MASKS):
        grid = (rng.random((9, 9)) < 0.5).astype(np.float32)
        kept = np.kron(grid, np.ones((24, 24), np.float32))
        top, left = rng.integers(0, 24, 2)
        mask = smooth(kept[top : top + SIZE, left : left + SIZE])
        total += mask * _score(occluder.logit(1 - mask))
    return np.asarray(total - total.min(), np.float32)


def brightness(occluder: Occluder) -> Floats:
    """How much brighter than brain a place is: no network at all."""
    return smooth(occluder.hu - occluder.calm)


def chance(_: Occluder) -> Floats:
    """Noise, as smooth as the other maps."""
    return smooth(np.random.default_rng(9).random((SIZE, SIZE)).astype(np.float32))


WAYS: dict[str, Callable[[Occluder], Floats]] = {
    "squares of 50 mm, then of 25 mm": two_sizes,
    "squares of 50 mm": lambda occluder: squares(occluder, 48),
    "squares of 25 mm": lambda occluder: squares(occluder, 24),
    "squares of 17 mm": lambda occluder: squares(occluder, 16),
    "120 random masks (RISE)": random_masks,
    "brightness": brightness,
    "chance": chance,
}


def measure(folder: Path, version: Path, most: int = MOST_SLICES) -> str:
    """The table, in Markdown."""
    predictor = Predictor(version, threads=2)
    found: dict[str, list[tuple[float, float, float, int]]] = {name: [] for name in WAYS}
    for occluder in slices_of(folder, predictor, most):
        for name, way in WAYS.items():
            before, start = occluder.asked, time.process_time()
            values = way(occluder)
            seconds, asked = time.process_time() - start, occluder.asked - before
            found[name].append((*faithfulness(occluder, values), seconds, asked))
    lines = [
        "| map | deletion (lower is better) | insertion (higher is better) | questions | processor time, s |",
        "|---|---|---|---|---|",
    ]
    for name, rows in found.items():
        deletion, insertion, seconds, asked = np.mean(rows, axis=0)
        lines.append(f"| {name} | {deletion:.3f} | {insertion:.3f} | {asked:.0f} | {seconds:.2f} |")
    return "\n".join([f"Model {predictor.id}, {len(rows)} slices of simulated heads.", "", *lines])


if __name__ == "__main__":
    from viewer.cli.work import registry

    print(measure(Path(sys.argv[1]), registry().current().path))
