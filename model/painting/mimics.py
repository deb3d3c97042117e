"""What readers and networks mistake for blood, or what makes brain beside it look bright; none of it is labelled."""

from collections.abc import Callable

import numpy as np

from model.painting.background import Floats
from model.painting.canvas import Canvas, pick, soft
from model.preprocess import PIXEL_MM

_Spot = tuple[Floats, Floats | float]
"""Share of each pixel and what fills it, HU."""


def _away_mm(canvas: Canvas, at: tuple[int, int, int], slab: float = 1.0) -> Floats:
    y, x = (canvas.rows - at[1]) * PIXEL_MM, (canvas.columns - at[2]) * PIXEL_MM
    z = (canvas.z_mm - canvas.background.z_mm[at[0]]) * slab
    return np.asarray(np.sqrt(y**2 + x**2 + z**2), np.float32)


def old_infarct(canvas: Canvas, rng: np.random.Generator) -> _Spot | None:
    """Dead brain, nearly as dark as fluid, reaching to the cortex: what is left of it beside the skull looks bright."""
    back = canvas.background
    depth = back.depth_mm.astype(np.float32)
    at = pick(back.inside & (depth > 3) & (depth < 26), rng)
    if at is None:
        return None
    radius = rng.uniform(5, 24)
    border = radius * (1 + 0.3 * canvas.broad + 0.15 * canvas.fine) - _away_mm(canvas, at)
    dead = np.clip(border / rng.uniform(2, 7) + 0.5, 0, 1)
    # A rim of cortex often survives.
    spared = np.clip((depth - rng.uniform(0, 4)) * 0.7, 0, 1)
    dark = back.fluid_hu + rng.uniform(0, 0.8) * (back.brain_hu - back.fluid_hu)
    return np.asarray(dead * spared * rng.uniform(0.6, 1), np.float32), float(dark)


def pale_matter(canvas: Canvas, rng: np.random.Generator) -> _Spot | None:
    """Darkened white matter around the ventricles, as in old age."""
    from scipy import ndimage

    back = canvas.background
    if back.ventricle.sum() < 25:
        return None
    reach = rng.uniform(4, 12)
    away = np.stack(
        [ndimage.distance_transform_edt(~v) if v.any() else np.full(v.shape, 99.0) for v in back.ventricle]
    )
    pale = np.clip(1 - away * PIXEL_MM / reach + 0.3 * canvas.broad, 0, 1) * (back.depth_mm > 12)
    return np.asarray(pale * 0.7 * (1 - back.fluid), np.float32), back.brain_hu - rng.uniform(6, 13)


def calcification(canvas: Canvas, rng: np.random.Generator) -> _Spot | None:
    """Chalk in choroid plexus, pineal gland, basal ganglia or falx."""
    back = canvas.background
    across, along, size = np.abs(back.across_mm), back.along_mm, back.half_mm / 66
    deep = ((back.below_mm > 62) & (back.below_mm < 92))[:, None, None]
    places = (
        back.ventricle & (along > 10 * size),
        (across < 3) & (along > 2 * size) & (along < 22 * size) & deep,
        (across > 14 * size)
        & (across < 28 * size)
        & (np.abs(along) < 18 * size)
        & (back.depth_mm > 25)
        & deep,
        (across < 2) & (along < -38 * size),
    )
    at = pick(places[int(rng.integers(4))] & back.inside, rng)
    if at is None:
        return None
    border = rng.uniform(0.8, 3.5) + 0.7 * canvas.fine - _away_mm(canvas, at, 0.7)
    chalk = soft(np.asarray(border, np.float32))
    return chalk, back.brain_hu + float(np.exp(rng.uniform(np.log(20), np.log(250))))


def dense_sinus(canvas: Canvas, rng: np.random.Generator) -> _Spot | None:
    """Thick blood in the sagittal and transverse sinuses behind: bright, and where it belongs."""
    back = canvas.background
    across, depth = np.abs(back.across_mm).astype(np.float32), back.depth_mm.astype(np.float32)
    reach = rng.uniform(4, 9)
    sagittal = soft(np.minimum(reach - depth, 0.5 * reach * (1 - depth / (reach + 2)) + 1 - across))
    lying = ((back.below_mm > 82) & (back.below_mm < 104))[:, None, None] & (back.along_mm > 0)
    transverse = soft(rng.uniform(2, 4.5) - depth + 0.5 * canvas.broad) * lying
    share = np.maximum(sagittal, transverse) * (back.along_mm > 0.3 * back.half_mm)
    return np.asarray(share, np.float32), back.brain_hu + rng.uniform(8, 26)


MIMICS: tuple[Callable[[Canvas, np.random.Generator], _Spot | None], ...] = (
    old_infarct,
    pale_matter,
    calcification,
    dense_sinus,
)


def paint_mimic(canvas: Canvas, rng: np.random.Generator) -> bool:
    """Paint one mimic; False, and nothing painted, where none fits. Blood that was painted before stays on top."""
    spot = MIMICS[int(rng.choice(len(MIMICS), p=(0.35, 0.15, 0.25, 0.25)))](canvas, rng)
    if spot is None:
        return False
    share, hu = spot
    share = share * canvas.background.inside * (canvas.labels == 0)
    canvas.structure += share * (np.asarray(hu, np.float32) - canvas.structure)
    return bool((share > 0.3).any())
