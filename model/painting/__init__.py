"""Simulated and transplanted bleeds in real heads: slices without bleeding get some, with their labels.

Real skull bases, sutures and noise are what a phantom lacks; bleeds of other kinds are what few patients have.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from model.batches import Case, Stack
from model.painting.background import Background, Floats, look
from model.painting.bleeds import PAINTERS
from model.painting.canvas import Canvas, open_canvas

__all__ = ["Background", "look", "paint", "paint_case"]

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
_TRIES = 3
_ORDER = (4, 3, 5, 2, 1)
"""Those that push the brain come after those inside it, so that they move together."""


def paint(stack: Stack, rng: np.random.Generator) -> Stack:
    """A copy of a stack with simulated bleeds; the stack itself where none fits.

    A stack that knows its case is painted on the case's background, found once; else that is found anew.
    """
    if stack.case is not None and stack.chosen is not None:
        background, chosen = stack.case.background, stack.chosen
    else:
        background, chosen = look(stack.hu), np.arange(len(stack.hu))
    if background is None:
        return stack
    return _paint(stack, background, chosen, rng)


def paint_case(case: Case, rng: np.random.Generator) -> Case:
    """A copy of a whole case with simulated bleeds; the case itself where none fits."""
    whole = Stack(case.hu.astype(np.float32), case.labels, case.scores)
    if case.background is None:
        return case
    painted = _paint(whole, case.background, np.arange(len(case.hu)), rng)
    if painted is whole:
        return case
    hu = np.rint(painted.hu).astype(np.int16)
    return replace(case, hu=hu, labels=painted.labels, scores=painted.scores)


def _paint(
    stack: Stack, background: Background, chosen: npt.NDArray[np.intp], rng: np.random.Generator
) -> Stack:
    box = background.box(chosen)
    if box is None:
        return stack
    place = (slice(None), *box)
    back = background.cut(chosen, box)
    canvas = open_canvas(back, stack.labels[place], rng)
    painted: list[int] = []
    for value in _draw_kinds(rng):
        count = int(rng.integers(1, _MOST[value - 1] + 1))
        painted += [value for _ in range(count) if any(_add(canvas, value, rng) for _ in range(_TRIES))]
    if not painted:
        return stack
    hu, labels, scores = stack.hu.copy(), stack.labels.copy(), stack.scores.copy()
    hu[place] = _develop(hu[place], back, canvas.structure, canvas.labels > 0)
    labels[place] = canvas.labels
    for value in set(painted):
        shown = (labels == value).sum((1, 2)) >= 3
        scores[shown, 0] = scores[shown, value] = 1
    return replace(stack, hu=hu, labels=labels, scores=scores)


def _add(canvas: Canvas, value: int, rng: np.random.Generator) -> bool:
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
