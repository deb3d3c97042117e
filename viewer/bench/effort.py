"""How many clicks, and how much of the machine's time, a reader needs to draw a real bleed with each tool.

`python -m viewer.bench.effort FOLDER` (a folder of CT-ICH, or of samples by `python -m model.phantom`) prints the
tables of `effort.md`. A reader is simulated who knows the true mask and aims without error. A bleed is a 4-connected
region of a slice, drawn when the Dice with it reaches 0.9.

- polygon: a click a corner; the corners are those that matter most (farthest from the outline so far), and a click
  closes it.
- livewire: a click an anchor, the next one where the wire strays farthest from the true outline; a click closes it.
- grow: a press in the middle of what is still missing and a drag to the best tolerance, up to five times.
- smart fill: a click in the middle with the limits as they come, then one for each lower limit tried.
- grow, brushed: one press of grow, then dabs of the brush or the eraser, each as large as what is missing or too much
  holds, until it is enough.

Beside them it prints how far HU alone can tell a bleed: the best of all ranges of HU, looked for nowhere but near the
true outline.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.datasets.ct_ich import bleeding, read_patient
from model.labels import BY_CODE, CODES, NOT_REVIEWED
from model.sample import Sample, iterate_samples
from viewer.annotation.document import Point
from viewer.annotation.options import FillOptions, GrowOptions, LivewireOptions
from viewer.annotation.raster import Mask, dice, mask_outlines, polygon_mask
from viewer.annotation.regions import Growth, filled, softened
from viewer.annotation.stack import Stack
from viewer.annotation.vectorise import rounded
from viewer.annotation.wire import edge_costs, trace

ENOUGH, LEAST_PX, MOST_CLICKS = 0.9, 60, 60
MOST_BLEEDS = 60
TOLERANCES_HU = tuple(range(3, 41, 2))
LOWER_LIMITS_HU = (48.0, 44.0, 40.0, 52.0, 56.0)
GROWN_AT_MOST = 5
NEAR_MM = 2.0
LOWEST_HU, HIGHEST_HU = range(10, 76, 2), (70, 80, 90, 100, 140)
DEEP = ("IVH", "IPH")
"""Subtypes of simulated heads whose outline is that of the blood; the others end at dura and bone."""


@dataclass(frozen=True)
class Bleed:
    """One region to draw: its slice as a stack of one, its mask and outline, its subtype where one is told apart."""

    stack: Stack
    mask: Mask
    outline: npt.NDArray[np.float64]
    code: str = ""


@dataclass(frozen=True)
class Effort:
    """What one bleed took: clicks, milliseconds of the processor, and the Dice reached."""

    clicks: int
    machine_ms: float
    reached: float


def bleeds(folder: Path, most: int = MOST_BLEEDS) -> Iterator[Bleed]:
    """Regions of all bleeding patients in turn, the largest of each slice; of simulated heads, and of each subtype."""
    queues = list(_simulated(folder) if any(folder.glob("*.npz")) else _real(folder))
    rng = np.random.default_rng(0)
    for queue in queues:
        rng.shuffle(queue)
    found = 0
    while any(queues) and found < most:
        for queue in queues:
            if queue and found < most:
                found += 1
                yield queue.pop()


def _real(folder: Path) -> Iterator[list[Bleed]]:
    """The bleeds of each patient of CT-ICH."""
    for number, bleeds_ in bleeding(folder).items():
        if bleeds_:
            yield list(_of_sample(read_patient(folder, number)))


def _simulated(folder: Path) -> Iterator[list[Bleed]]:
    """The bleeds of each subtype in each simulated head."""
    for sample in islice(iterate_samples(folder), MOST_BLEEDS):
        for code in CODES:
            yield list(_of_sample(sample, code))


def _of_sample(sample: Sample, code: str = "") -> Iterator[Bleed]:
    for index, labels in enumerate(sample.labels):
        mask = labels == BY_CODE[code].value if code else (labels > 0) & (labels < NOT_REVIEWED)
        if not mask.any():
            continue
        largest = max(
            mask_outlines(mask), key=lambda shape: polygon_mask(shape[0], mask.shape, shape[1]).sum()
        )
        region = polygon_mask(largest[0], mask.shape, largest[1])
        if region.sum() >= LEAST_PX:
            stack = Stack(sample.hu[index : index + 1], np.ones(1, np.bool_), (("0", 0),), sample.spacing_mm)
            yield Bleed(stack, region, np.array(rounded(largest[0])), code)


def told_by_hu(bleed: Bleed) -> float:
    """The best Dice of any range of HU, looked for within `NEAR_MM` of the true outline and nowhere else outside."""
    from scipy import ndimage

    near = ndimage.distance_transform_edt(~bleed.mask, bleed.stack.spacing_mm) <= NEAR_MM
    soft = softened(bleed.stack.hu[0], bleed.stack.spacing_mm)
    return max(
        dice(np.asarray(ndimage.binary_fill_holes(near & (soft >= low) & (soft <= high))), bleed.mask)
        for low in LOWEST_HU
        for high in HIGHEST_HU
        if low < high
    )


def by_polygon(bleed: Bleed) -> Effort:
    """Corners, those first that matter most."""
    start = time.thread_time()
    return _clicked(bleed, start, lambda first, second: (first, second))


def by_livewire(bleed: Bleed) -> Effort:
    """Anchors, each where the wire strays farthest."""
    start = time.thread_time()
    costs = edge_costs(bleed.stack.hu[0], LivewireOptions().smooth)
    return _clicked(bleed, start, lambda first, second: trace(costs, first, second))


def _clicked(bleed: Bleed, start: float, leg: Callable[[Point, Point], tuple[Point, ...]]) -> Effort:
    """Add points of the true outline, one at a time, until the legs between them draw the bleed."""
    outline = bleed.outline
    away = np.hypot(*(outline - outline[0]).T)
    chosen = sorted({0, int(away.argmax())})
    legs: dict[tuple[int, int], tuple[Point, ...]] = {}
    best = 0.0
    while len(chosen) < MOST_CLICKS:
        pairs = list(zip(chosen, [*chosen[1:], chosen[0]], strict=True))
        for pair in pairs:
            if pair not in legs:
                legs[pair] = leg(_point(outline, pair[0]), _point(outline, pair[1]))
        ring = [point for pair in pairs for point in legs[pair][:-1]]
        if len(ring) >= 3:
            best = max(best, dice(polygon_mask(ring, bleed.mask.shape), bleed.mask))
        if best >= ENOUGH and len(chosen) >= 2:
            break
        chosen = sorted({*chosen, _worst(outline, pairs, legs)})
    return Effort(len(chosen) + 1, 1000 * (time.thread_time() - start), best)


def _point(outline: npt.NDArray[np.float64], index: int) -> Point:
    return (float(outline[index, 0]), float(outline[index, 1]))


def _worst(
    outline: npt.NDArray[np.float64],
    pairs: Sequence[tuple[int, int]],
    legs: dict[tuple[int, int], tuple[Point, ...]],
) -> int:
    """Which point of the outline lies farthest from its leg."""
    worst, found = -1.0, 0
    for first, last in pairs:
        count = (last - first) % len(outline) or len(outline)
        between = (first + np.arange(1, count)) % len(outline)
        if not between.size:
            continue
        distance = _to_line(outline[between], np.array(legs[(first, last)]))
        if distance.max() > worst:
            worst, found = float(distance.max()), int(between[distance.argmax()])
    return found


def _to_line(points: npt.NDArray[np.float64], line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance of each point to an open line."""
    start, way = line[:-1], np.diff(line, axis=0)
    length = np.maximum((way**2).sum(1), 1e-12)
    to = points[:, None] - start
    share = np.clip((to * way).sum(2) / length, 0, 1)
    return np.asarray(np.sqrt(((to - share[..., None] * way) ** 2).sum(2)).min(1))


def by_grow(bleed: Bleed) -> Effort:
    """Press in the middle of what is missing, drag to the best tolerance; again, and joined, while it helps."""
    start = time.thread_time()
    drawn, best, clicks = np.zeros_like(bleed.mask), 0.0, 0
    while clicks < GROWN_AT_MOST and best < ENOUGH:
        seed = _middle(bleed.mask & ~drawn)
        if seed is None:
            break
        reached, whole = _grown(bleed, seed, drawn)
        clicks += 1
        if reached <= best:
            break
        best, drawn = reached, whole
    return Effort(clicks, 1000 * (time.thread_time() - start), best)


def _grown(bleed: Bleed, seed: tuple[int, int], drawn: Mask) -> tuple[float, Mask]:
    """The Dice and the mask at the best tolerance, together with what is drawn."""
    growth = Growth(bleed.stack, (0, *seed), GrowOptions())
    tries = []
    for tolerance in TOLERANCES_HU:
        part = growth.on_slice(tolerance)
        whole = drawn.copy()
        whole[growth.top : growth.top + part.shape[0], growth.left : growth.left + part.shape[1]] |= part
        tries.append((dice(whole, bleed.mask), whole))
    return max(tries, key=lambda each: each[0])


def by_grow_and_brush(bleed: Bleed) -> Effort:
    """One press of grow, then dabs where most is missing or too much."""
    start = time.thread_time()
    seed = _middle(bleed.mask)
    assert seed is not None
    best, drawn = _grown(bleed, seed, np.zeros_like(bleed.mask))
    rows, columns = np.mgrid[: bleed.mask.shape[0], : bleed.mask.shape[1]]
    clicks = 1
    while best < ENOUGH and clicks < MOST_CLICKS:
        missing, extra = bleed.mask & ~drawn, drawn & ~bleed.mask
        add, take = _deepest(missing), _deepest(extra)
        (row, column), depth = max(add, take, key=lambda each: each[1])
        dab = np.hypot(rows - row, columns - column) < depth
        drawn = drawn | dab if add[1] >= take[1] else drawn & ~dab
        best = dice(drawn, bleed.mask)
        clicks += 1
    return Effort(clicks, 1000 * (time.thread_time() - start), best)


def by_fill(bleed: Bleed) -> Effort:
    """A click in the middle, with each of some lower limits."""
    start = time.thread_time()
    seed = _middle(bleed.mask)
    best, clicks = 0.0, 0
    for low in LOWER_LIMITS_HU:
        clicks += 1
        masks = filled(bleed.stack, (0, *(seed or (0, 0))), FillOptions(low_hu=low))
        best = max(best, dice(masks[0], bleed.mask) if masks else 0.0)
        if best >= ENOUGH:
            break
    return Effort(clicks, 1000 * (time.thread_time() - start), best)


def _deepest(mask: Mask) -> tuple[tuple[int, int], float]:
    """(row, column) of the pixel farthest from the edge of the mask, and how far in pixels; 0 where it is empty."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), mask.shape)
    return (int(row), int(column)), float(depth[row, column])


def _middle(mask: Mask) -> tuple[int, int] | None:
    place, depth = _deepest(mask)
    return place if depth else None


WAYS: dict[str, Callable[[Bleed], Effort]] = {
    "polygon": by_polygon,
    "livewire": by_livewire,
    "grow": by_grow,
    "smart fill": by_fill,
    "grow, brushed": by_grow_and_brush,
}


def table(efforts: dict[str, list[Effort]]) -> str:
    """The rows of `effort.md`."""
    lines = [
        "| tool | reach Dice .9 | clicks there | clicks, all | Dice, all | machine |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in efforts.items():
        there = [each for each in found if each.reached >= ENOUGH]
        clicks = f"{np.median([each.clicks for each in there]):.0f}" if there else "–"
        lines.append(
            f"| {name} | {len(there)} of {len(found)} | {clicks} | {np.median([e.clicks for e in found]):.0f}"
            f" | {np.median([e.reached for e in found]):.2f} | {np.median([e.machine_ms for e in found]):.0f} ms |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    found: list[Bleed] = []
    efforts: dict[str, list[Effort]] = {name: [] for name in WAYS}
    ceilings: list[float] = []
    for bleed in bleeds(Path(argv[0])):
        found.append(bleed)
        ceilings.append(told_by_hu(bleed))
        for name, way in WAYS.items():
            efforts[name].append(way(bleed))
        print(f"{len(found)} bleeds", end="\r", file=sys.stderr, flush=True)
    told = {bleed.code for bleed in found}
    groups = [told] if told == {""} else [told & set(DEEP), told - set(DEEP)]
    for codes in groups:
        _print_group([bleed.code in codes for bleed in found], " ".join(sorted(codes)), efforts, ceilings)
    return 0


def _print_group(
    there: Sequence[bool], title: str, efforts: dict[str, list[Effort]], ceilings: Sequence[float]
) -> None:
    kept = {name: list(compress(each, there)) for name, each in efforts.items()}
    best = np.array(list(compress(ceilings, there)))
    alone = [
        grow.reached >= ENOUGH or fill.reached >= ENOUGH
        for grow, fill in zip(kept["grow"], kept["smart fill"], strict=True)
    ]
    print(f"{title}\n\n{table(kept)}\n")
    print(f"Grow or smart fill draw {sum(alone)} of {len(alone)} without a corner placed by hand.")
    print(
        f"The best range of HU within {NEAR_MM:.0f} mm of the true outline: median Dice {np.median(best):.2f}, "
        f"{int((best >= ENOUGH).sum())} of {best.size} reach {ENOUGH}.\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
