"""Simulated and transplanted bleeds in real heads: slices without bleeding get some, with their labels.

Real skull bases, sutures and noise are what a phantom lacks; bleeds of other kinds are what few patients have.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from model.batches import Case, Stack
from model.painting.background import Background, Floats, look
from model.painting.bleeds import PAINTERS
from model.painting.canvas import Canvas, open_canvas
from model.painting.mimics import paint_mimic
from model.painting.transplant import Donor, lift, transplant

__all__ = ["Background", "Donor", "lift", "look", "mimic", "paint", "paint_case"]

_Place = tuple[slice, slice, slice]

_TOGETHER = (0.62, 0.26, 0.12)
"""How often one, two or three subtypes are painted into one stack."""
_PARTNERS = np.array(
    (
        (0, 0.3, 0.8, 0.05, 0.8),
        (0.2, 0, 1.0, 0.2, 0.8),
        (0.2, 0.6, 0, 0.6, 1.0),
        (0.02, 0.2, 0.8, 0, 1.5),
        (0.2, 0.5, 1.0, 1.0, 0),
    )
)
"""How readily a second subtype (column) comes with a first (row): co-occurrence in BHSD."""
_MOST = (1, 2, 6, 2, 3)
"""Bleeds of a subtype in one stack, at most."""
_TRANSPLANTED = 0.35
"""Bleeds that a donor gives where one has that subtype; the others are simulated."""
_LEAST_SHOWN = 3
"""Pixels from which a slice counts as bleeding."""
_TRIES = 3
_ORDER = (4, 3, 5, 2, 1)
"""Those that push the brain come after those inside it, so that they move together."""


def paint(stack: Stack, rng: np.random.Generator, donors: Sequence[Donor] = ()) -> Stack:
    """A copy of a stack with simulated bleeds, some of them `donors`'; the stack itself where none fits.

    A stack that knows its case is painted on the case's background, which is kept for patients; else and for
    simulated heads it is found anew, in the stack alone.
    """
    opened = _open(stack, rng)
    if opened is None:
        return stack
    canvas, place = opened
    painted: list[int] = []
    for value in _draw_kinds(rng):
        count = int(rng.integers(1, _MOST[value - 1] + 1))
        painted += [
            value for _ in range(count) if any(_add(canvas, value, rng, donors) for _ in range(_TRIES))
        ]
    if not painted:
        return stack
    labels, scores = stack.labels.copy(), stack.scores.copy()
    labels[place] = canvas.labels
    for value in set(painted):
        shown = (labels == value).sum((1, 2)) >= _LEAST_SHOWN
        scores[shown, 0] = scores[shown, value] = 1
    hu = _developed(stack.hu, canvas, place)
    return replace(stack, hu=hu, labels=labels, scores=scores, case=None, chosen=None)


def paint_case(case: Case, rng: np.random.Generator, donors: Sequence[Donor] = ()) -> Case:
    """A copy of a whole case with simulated bleeds, some of them `donors`'; the case itself where none fits."""
    chosen = np.arange(len(case.hu))
    whole = Stack(case.hu.astype(np.float32), case.labels, case.scores, case, chosen)
    painted = paint(whole, rng, donors)
    if painted is whole:
        return case
    hu = np.rint(painted.hu).astype(np.int16)
    return replace(case, hu=hu, labels=painted.labels, scores=painted.scores)


def mimic(stack: Stack, rng: np.random.Generator) -> Stack:
    """A copy of a stack with something that is mistaken for blood, its labels as they were; itself where none fits."""
    opened = _open(stack, rng)
    if opened is None or not paint_mimic(opened[0], rng):
        return stack
    return replace(stack, hu=_developed(stack.hu, *opened))


def _open(stack: Stack, rng: np.random.Generator) -> tuple[Canvas, _Place] | None:
    """A canvas over the part of a stack that shows the cranial cavity, and where that part is."""
    # Simulated heads are too many to keep what is known of them.
    if stack.case is not None and stack.chosen is not None and stack.case.source != "phantom":
        background, chosen = stack.case.background, stack.chosen
    else:
        background, chosen = look(stack.hu), np.arange(len(stack.hu))
    box = None if background is None else background.box(chosen)
    if background is None or box is None:
        return None
    place = (slice(None), *box)
    return open_canvas(background.cut(chosen, box), stack.labels[place], rng), place


def _developed(hu: Floats, canvas: Canvas, place: _Place) -> Floats:
    """The stack's pictures with what the canvas shows now."""
    changed = hu.copy()
    changed[place] = _develop(hu[place], canvas.background, canvas.structure, canvas.labels > 0)
    return changed


def _add(canvas: Canvas, value: int, rng: np.random.Generator, donors: Sequence[Donor]) -> bool:
    fitting = [donor for donor in donors if donor.value == value]
    if fitting and rng.random() < _TRANSPLANTED:
        blood = transplant(canvas, fitting[rng.integers(len(fitting))], rng)
    else:
        blood = PAINTERS[value - 1](canvas, rng)
    return blood is not None and canvas.add(blood)


def _draw_kinds(rng: np.random.Generator) -> list[int]:
    first = int(rng.integers(5))
    kinds = {first}
    for _ in range(int(rng.choice(3, p=_TOGETHER))):
        odds = _PARTNERS[first].copy()
        odds[list(kinds)] = 0
        kinds.add(int(rng.choice(5, p=odds / odds.sum())))
    return [value for value in _ORDER if value - 1 in kinds]


def _develop(hu: Floats, back: Background, structure: Floats, blood: npt.NDArray[np.bool_]) -> Floats:
    """The picture of a changed structure: noise stays as it was, and bone covers what it covered."""
    before = back.smooth.astype(np.float32)
    noise = hu - before
    deep = back.depth_mm > 6
    grain = 2.5 * 1.48 * float(np.median(np.abs(noise[deep]))) if deep.any() else 6.0
    # Edges of folds that blood now fills are left in the noise.
    calm = np.where(blood & (back.bone_share == 0), np.clip(noise, -grain, grain), noise)
    soft_part = 1 - back.bone_share.astype(np.float32)
    return np.asarray(np.where(back.inside, before + (structure - before) * soft_part + calm, hu), np.float32)
