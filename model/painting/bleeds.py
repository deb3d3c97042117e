"""The shapes of the five kinds of bleeding in a real head.

Shape rules, volumes and densities: BHSD's 1,873 measured components (DIDSR InSilicoICH) and radiology's textbooks.
Densities are contrasts to the head's own brain, as scanners differ by 5 to 10 HU.
"""

from collections.abc import Callable

import numpy as np

from model.painting.background import Background, Floats, Mask
from model.painting.canvas import Blood, Canvas, pick, soft
from model.preprocess import PIXEL_MM

_SUTURE_SHARE = 0.35
"""Epidural bleeds that end bluntly at a suture."""

_MOST_WALL_MM = 20.0
"""Where more bone than this lies between cavity and skin, the inner table is the skull base."""


def _clot(canvas: Canvas, rng: np.random.Generator, mean: float, deviation: float, *, mixed: float) -> Floats:
    """HU of clotted blood, uneven; `mixed`: how often darker, unclotted blood lies between the clots."""
    contrast = float(np.clip(rng.normal(mean, deviation), 8, 52))
    hu = canvas.background.brain_hu + contrast + 2.0 * canvas.fine + 1.5 * canvas.broad
    if rng.random() < mixed:
        depth = rng.uniform(0.3, 0.9) * contrast
        hu = hu - depth * np.clip(canvas.broad + 0.6 * canvas.fine - rng.uniform(-0.2, 0.8), 0, 1)
    return np.asarray(hu, np.float32)


def _volume_ml(rng: np.random.Generator, median: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(rng.lognormal(np.log(median), spread), low, high))


def way_from(back: Background, at: tuple[int, int, int]) -> tuple[Floats, float]:
    """Way along the inner table from the point of it nearest to `at` (S, rows, columns), and the z of `at`, mm."""
    perimeter = back.perimeter_mm[:, None, None]
    start = float(back.arc_mm[at]) / float(back.perimeter_mm[at[0]])
    way = back.arc_mm.astype(np.float32) - start * perimeter
    way -= perimeter * np.rint(way / perimeter)
    return way, float(back.z_mm[at[0]])


def _make_room(canvas: Canvas, thickness_mm: Floats, share: float) -> Floats:
    """Shift that presses the brain inwards by a collection of this thickness below the inner table."""
    from scipy import ndimage

    depth = canvas.background.depth_mm.astype(np.float32)
    calm = ndimage.gaussian_filter(depth, (0, 3, 3))
    slope = np.stack(np.gradient(calm, axis=(1, 2)))
    slope /= np.maximum(np.hypot(*slope), 0.3)
    room = thickness_mm * np.exp(-np.clip(depth - thickness_mm, 0, None) * (1 / 22))
    return np.asarray(-slope * np.minimum(room, depth) * (share / PIXEL_MM), np.float32)


def epidural(canvas: Canvas, rng: np.random.Generator) -> Blood | None:
    """A lens between skull and dura, sharply bounded, often ending at a suture."""
    back = canvas.background
    depth = back.depth_mm.astype(np.float32)
    lateral = 0.35 + np.clip(np.abs(back.across_mm) / back.half_mm, 0, 1) ** 2
    at = pick(back.inside & (depth < 2.2) & (back.wall_mm < 16), rng, lateral.astype(np.float32))
    if at is None:
        return None
    way, z = way_from(back, at)
    flat = rng.uniform(0.2, 0.5)
    reach = (_volume_ml(rng, 4.5, 1.4, 0.15, 100) * 1000 / (1.6 * flat)) ** (1 / 3)
    height, tall, edge = flat * reach, reach * rng.uniform(0.7, 1.2), rng.uniform(0.65, 1.0)
    z += float(rng.uniform(-0.6, 0.6)) * tall
    cut = rng.uniform(0.2, 0.8) * rng.choice((-1, 1)) if rng.random() < _SUTURE_SHARE else None

    vault = np.clip((_MOST_WALL_MM - back.wall_mm) * 0.25, 0, 1).astype(np.float32)

    def thickness(dz: float) -> Floats:
        away = (way / reach) ** 2 + ((canvas.z_mm + dz - z) / tall) ** 2
        profile = np.clip(1 - away, 0, None) ** edge * (1 + 0.05 * canvas.broad)
        if cut is not None:
            profile = profile * np.clip((abs(cut) * reach - np.sign(cut) * way) * 0.4, 0, 1)
        return np.asarray(height * profile * vault, np.float32)

    cover = _connected(canvas.across_slice(lambda dz: _behind(thickness(dz), depth)), at)
    shift = _make_room(canvas, thickness(0.0), rng.uniform(0.5, 1)) if height > 3 else None
    return Blood(1, cover, _clot(canvas, rng, 27, 10, mixed=0.3), shift=shift)


def _connected(cover: Floats, at: tuple[int, int, int]) -> Floats:
    """The part of `cover` that hangs together with `at`: the same way along the table may lie behind a ridge."""
    from scipy import ndimage

    labelled, _ = ndimage.label(cover > 0.2, np.ones((3, 3, 3)))
    return np.where(labelled == labelled[at], cover, 0) if labelled[at] else cover


def _behind(thickness_mm: Floats, depth_mm: Floats) -> Floats:
    """Distance inside a collection below the inner table; far outside where it has no thickness."""
    return np.where(thickness_mm > 0.3, thickness_mm - depth_mm + 0.5 * PIXEL_MM, -9).astype(np.float32)


def subdural(canvas: Canvas, rng: np.random.Generator) -> Blood | None:
    """A crescent over one hemisphere, or a sheet along falx or tentorium."""
    form = rng.choice(4, p=(0.54, 0.23, 0.16, 0.07))
    if form == 2:
        return _along_falx(canvas, rng)
    if form == 3:
        return _along_tentorium(canvas, rng)
    back = canvas.background
    depth, across = back.depth_mm.astype(np.float32), back.across_mm.astype(np.float32)
    at = pick(back.inside & (depth < 2.2) & (back.wall_mm < 14) & (np.abs(across) > 0.45 * back.half_mm), rng)
    if at is None:
        return None
    side = float(np.sign(across[at]))
    way, z = way_from(back, at)
    thin = form == 1
    height = rng.uniform(1.8, 3.8) if thin else float(np.clip(rng.lognormal(np.log(4.6), 0.55), 2.2, 24))
    reach = rng.uniform(12, 45) if thin else rng.uniform(24, 85)
    tall, edge = rng.uniform(8, 25) if thin else rng.uniform(14, 42), rng.uniform(0.4, 0.7)
    z += float(rng.uniform(-0.6, 0.6)) * tall

    vault = np.clip((_MOST_WALL_MM - back.wall_mm) * 0.25, 0, 1).astype(np.float32)

    def thickness(dz: float) -> Floats:
        away = np.abs(way / reach) ** 2.2 + ((canvas.z_mm + dz - z) / tall) ** 2
        rough = 1 + 0.16 * canvas.broad + 0.07 * canvas.fine
        return np.asarray(height * np.clip(1 - away, 0, None) ** edge * rough * vault, np.float32)

    cover = canvas.across_slice(
        lambda dz: np.minimum(_behind(thickness(dz), depth), side * across - 1.2).astype(np.float32)
    )
    shift = _make_room(canvas, thickness(0.0), rng.uniform(0.5, 1)) if height > 3 else None
    return Blood(2, cover, _subdural_hu(canvas, rng), shift=shift)


def _subdural_hu(canvas: Canvas, rng: np.random.Generator) -> Floats:
    """Acute mostly; also subacute, and acute on chronic with a level that the blood has sunk below."""
    age = rng.random()
    hu = _clot(canvas, rng, 22, 8, mixed=0.2)
    if age < 0.1:  # subacute: about as bright as the brain
        return np.asarray(hu - hu.mean() + canvas.background.brain_hu + rng.uniform(4, 11), np.float32)
    if age < 0.25:
        old = canvas.background.brain_hu + rng.uniform(-16, 6)
        level = rng.uniform(0.25, 0.7) * canvas.rows.max() + 3 * canvas.broad
        fresh = np.clip((canvas.rows - level) * 0.2 + 0.5, 0, 1)
        return np.asarray(old + fresh * (hu - old) + canvas.fine, np.float32)
    return hu


def _along_falx(canvas: Canvas, rng: np.random.Generator) -> Blood | None:
    back = canvas.background
    across, along = back.across_mm.astype(np.float32), back.along_mm.astype(np.float32)
    below = np.where(np.isnan(back.below_mm), 50, back.below_mm)[:, None, None]
    long = 1.2 * back.half_mm
    # Below the roof of the ventricles the falx is only in front and behind.
    room = back.inside & (np.abs(across) < 3) & ((below < 38) | (np.abs(along) > 0.5 * long)) & (below < 84)
    at = pick(room, rng)
    if at is None:
        return None
    side, height = float(rng.choice((-1, 1))), rng.uniform(2, 6.5)
    reach, tall = rng.uniform(12, 55), rng.uniform(10, 35)
    z = float(back.z_mm[at[0]])

    def inside(dz: float) -> Floats:
        away = ((along - along[at]) / reach) ** 2 + ((canvas.z_mm + dz - z) / tall) ** 2
        half = 0.5 * height * np.clip(1 - away, 0, None) ** 0.5 * (1 + 0.15 * canvas.broad)
        sheet = half - np.abs(side * across + 0.8 * canvas.broad - 0.5 * height)
        return np.where((half > 0.4) & ((below < 42) | (np.abs(along) > 0.42 * long)), sheet, -9).astype(
            np.float32
        )

    return Blood(2, canvas.across_slice(inside), _clot(canvas, rng, 24, 8, mixed=0.1))


def _along_tentorium(canvas: Canvas, rng: np.random.Generator) -> Blood | None:
    """A band beside the midbrain's gap: sharp towards the middle, fading towards the side."""
    back = canvas.background
    across, along = back.across_mm.astype(np.float32), back.along_mm.astype(np.float32)
    near = (back.below_mm > 76) & (back.below_mm < 104)
    if not near.any():
        return None
    side, size = float(rng.choice((-1, 1))), back.half_mm / 66
    z = float(rng.choice(back.z_mm[near]))
    slant, gap, reach = rng.uniform(0.5, 0.9), rng.uniform(6, 14) * size, rng.uniform(3, 9)
    first, last = rng.uniform(8, 20) * size, rng.uniform(38, 64) * size
    edge = (side * across - gap - slant * (last - along)) / np.hypot(1, slant) + 1.2 * canvas.broad
    ends = np.clip(np.minimum(along - first, last - along) * 0.2, 0, 1)
    steep = np.clip(1 - ((canvas.z_mm - z) / rng.uniform(6, 10)) ** 2, 0, 1)
    fading = soft(edge) * np.clip(1 - edge / reach, 0, 1) ** 0.6
    cover = fading * ends * np.sqrt(steep) * (side * across > 3)
    return Blood(2, cover.astype(np.float32), _clot(canvas, rng, 26, 7, mixed=0.0))


def subarachnoid(canvas: Canvas, rng: np.random.Generator) -> Blood | None:
    """Blood among the folds of a region, in the Sylvian fissure, the basal cisterns or beside the falx."""
    from scipy import ndimage

    back = canvas.background
    depth, across = back.depth_mm.astype(np.float32), back.across_mm.astype(np.float32)
    along = back.along_mm.astype(np.float32)
    below = np.where(np.isnan(back.below_mm), 60, back.below_mm)[:, None, None]
    size = back.half_mm / 66
    ours = ~ndimage.binary_dilation(back.ventricle, np.ones((1, 7, 7), np.bool_)) & ~_central(canvas)
    wet = back.fluid.astype(np.float32) * ours
    form = int(rng.choice(4, p=(0.56, 0.16, 0.18, 0.10)))
    regions = (
        (depth < 22 * size) & (below < 100),
        (np.abs(across) > 22 * size) & (depth > 5) & (depth < 32 * size) & (below > 62) & (below < 100),
        (depth > 14 * size) & (np.abs(across) < 34 * size) & (below > 76) & (below < 116),
        (np.abs(across) < 4) & (below < 80),
    )
    region = regions[form] & back.inside
    at = pick(region & (wet > 0.3), rng) or (pick(region & (depth < 6), rng) if form == 0 else None)
    if at is None:
        return None
    reach = rng.uniform(5, 18) if form == 0 else rng.uniform(14, 45)
    if rng.random() < 0.12:
        reach = 60.0
    z, r, c = at
    away = np.sqrt(
        ((along - along[z, r, c]) ** 2 + (across - across[z, r, c]) ** 2)
        + ((canvas.z_mm - back.z_mm[z]) * rng.uniform(1, 1.6)) ** 2
    )
    near = np.clip((reach * (1 + 0.3 * canvas.broad) - away) * 0.25, 0, 1)
    folds = np.maximum(wet ** rng.uniform(0.4, 0.8), 0.9 * _folds(canvas, rng) * (depth < 20 * size))
    if form == 0 and rng.random() < 0.5:  # a film over the folds
        folds = np.maximum(folds, 0.7 * np.clip(1.6 - depth / 2, 0, 1))
    patchy = np.clip(1.1 + 0.6 * canvas.broad + 0.5 * canvas.fine, 0, 1)
    share = ndimage.gaussian_filter(folds * near * patchy, (0, 0.6, 0.6)) * rng.uniform(0.85, 1.3)
    share = np.clip(share, 0, 1) * ours
    if form:
        share = share * regions[form]
    clot = _clot(canvas, rng, 29, 8, mixed=0.0)
    # Blood takes the fluid's part of a pixel; what is left of it is brain.
    filled = np.clip(share * 6, 0, 1) * (near > 0)
    hu = back.brain_hu + share * (clot - back.brain_hu)
    return Blood(
        3, filled.astype(np.float32), hu.astype(np.float32), blood=share.astype(np.float32), drawn=0.33
    )


def _central(canvas: Canvas) -> Mask:
    """Where midline fluid is that of ventricles, shown by the background or not."""
    back = canvas.background
    size = back.half_mm / 66
    across, along = np.abs(back.across_mm) / size, back.along_mm / size
    below = np.where(np.isnan(back.below_mm), 60, back.below_mm)[:, None, None]
    lateral = (across < 18) & (np.abs(along) < 42) & (below > 40) & (below < 78)
    third = (across < 6) & (along > -12) & (along < 8) & (below >= 78) & (below < 92)
    fourth = (across < 13) & (along > -6) & (along < 48) & (below >= 92)
    return np.asarray(lateral | third | fourth)


def _folds(canvas: Canvas, rng: np.random.Generator) -> Floats:
    """Share of folds that are too tight to show as fluid: they run inwards from the inner table."""
    back = canvas.background
    turn = rng.uniform(0, 2 * np.pi)
    pitch = rng.uniform(9, 16)
    way = back.arc_mm.astype(np.float32) + 8.0 * canvas.broad + 2.0 * canvas.fine
    wave = np.abs(np.sin(way * (np.pi / pitch) + turn + 0.12 * canvas.z_mm))
    gape = 0.3 * np.clip(0.7 + canvas.broad, 0, 1) * np.clip(1 - back.depth_mm.astype(np.float32) / 20, 0, 1)
    return np.asarray(np.clip((gape - wave) * 5 + 0.4, 0, 1) * (gape > 0), np.float32)


def intraventricular(canvas: Canvas, rng: np.random.Generator) -> Blood | None:
    """Blood sunk to the back of the ventricles (the patient lies on it), a clot in them, or a cast of them."""
    from scipy import ndimage

    back = canvas.background
    if back.ventricle.sum() < 25:
        return None
    form = int(rng.choice(3, p=(0.55, 0.25, 0.2)))
    cavity = ndimage.gaussian_filter(back.ventricle.astype(np.float32), (0, 0.8, 0.8)) * 1.3
    room = np.clip(np.maximum(cavity, back.fluid * (cavity > 0.15)), 0, 1).astype(np.float32)
    if form == 0:
        rows = np.nonzero(back.ventricle)[1]
        level = float(np.quantile(rows, rng.beta(2.2, 1.2) * 0.97))
        tilt = rng.normal(0, 0.04) * (canvas.columns - canvas.columns.mean())
        share = room * soft((canvas.rows - level + tilt + 0.8 * canvas.fine) * PIXEL_MM)
    elif form == 1:
        at = pick(back.ventricle, rng)
        assert at is not None
        far = np.hypot(canvas.rows - at[1], canvas.columns - at[2]) * PIXEL_MM
        away = np.hypot(far, canvas.z_mm - back.z_mm[at[0]])
        share = room * soft(rng.uniform(3, 13) * (1 + 0.2 * canvas.broad) - away)
    else:
        share = np.clip(room * 1.25, 0, 1) * np.clip(1.2 + canvas.broad + 0.4 * canvas.fine, 0, 1)
        if rng.random() < 0.5:
            share = share * (rng.choice((-1, 1)) * back.across_mm > -1.5)
    return Blood(4, share.astype(np.float32), _clot(canvas, rng, 18, 8, mixed=0.25), drawn=0.42)


def intraparenchymal(canvas: Canvas, rng: np.random.Generator) -> Blood | None:
    """A rough clot, often of several lobes, with oedema around it; or contusions below the skull."""
    from scipy import ndimage

    back = canvas.background
    bruise = rng.random() < 0.3
    at = _place_in_brain(canvas, rng, bruise)
    if at is None:
        return None
    volume = _volume_ml(rng, 0.8 if bruise else 3.0, 1.7, 0.04, 20 if bruise else 90)
    radius = (volume * 1000 * 0.239) ** (1 / 3)
    clots = _lobes(canvas, rng, at, radius, bruise)
    depth = back.depth_mm.astype(np.float32)
    margin = rng.uniform(0.3, 1.5) if bruise else rng.uniform(1.5, 5)
    dry = 3.0 - 9.0 * back.ventricle

    def inside(dz: float) -> Floats:
        return np.asarray(np.minimum(np.minimum(clots(dz), depth - margin), dry), np.float32)

    cover = ndimage.gaussian_filter(canvas.across_slice(inside), (0, 0.6, 0.6))
    if bruise and rng.random() < 0.6:  # salt and pepper
        cover = cover * np.clip(0.9 + 0.8 * canvas.fine + 0.3 * canvas.broad, 0.1, 1)
    width = rng.uniform(1.5, 9) * min(1.0, radius / 9) + 0.5
    around = np.clip((clots(0.0) + width + 1.2 * canvas.broad) / (0.5 * width + 1), 0, 1) * 0.85
    around = around * np.clip(depth - 1.5, 0, 1) if rng.random() < 0.8 else None
    shift = _push(canvas, at, radius, rng.uniform(0.15, 0.5)) if radius > 7 else None
    return Blood(
        5,
        cover,
        _clot(canvas, rng, 17 if bruise else 24, 7, mixed=0.35 if bruise or radius > 12 else 0.15),
        around=None if around is None else np.asarray(around, np.float32),
        around_hu=back.brain_hu - rng.uniform(6, 15),
        shift=shift,
    )


def _place_in_brain(canvas: Canvas, rng: np.random.Generator, bruise: bool) -> tuple[int, int, int] | None:
    back = canvas.background
    depth = back.depth_mm.astype(np.float32)
    brain = back.inside & (back.fluid < 0.5) & ~back.ventricle
    if bruise:  # mostly below the frontal and temporal bones
        front = 0.3 + (back.along_mm < -0.4 * back.half_mm) + 0.5 * (back.below_mm > 80)[:, None, None]
        return pick(brain & (depth < 11), rng, front.astype(np.float32))
    size = back.half_mm / 66
    deep = (np.abs(back.across_mm) > 8 * size) & (np.abs(back.across_mm) < 32 * size)
    deep &= (np.abs(back.along_mm + 2) < 26 * size) & ((back.below_mm > 58) & (back.below_mm < 92))[
        :, None, None
    ]
    if rng.random() < 0.5 and (at := pick(brain & deep & (depth > 15), rng)):
        return at
    return pick(brain & (depth > rng.uniform(4, 16)), rng)


def _lobes(
    canvas: Canvas, rng: np.random.Generator, at: tuple[int, int, int], radius: float, bruise: bool
) -> Callable[[float], Floats]:
    """Distance inside one to four overlapping rough ellipsoids, as a function of a step in z."""
    count = int(rng.integers(1, 5)) if bruise else int(rng.choice((1, 2, 3), p=(0.5, 0.3, 0.2)))
    spread = 1.6 if bruise else 0.7
    lobes = []
    for k in range(count):
        share = 1.0 if k == 0 else rng.uniform(0.35, 0.85)
        centre = np.array([0.0, 0.0, 0.0]) if k == 0 else rng.normal(0, spread * radius, 3) * (0.6, 1, 1)
        angle, (a, b, c) = rng.uniform(0, np.pi), rng.uniform(0.7, 1.35, 3)
        lobes.append((share * radius * 0.92 ** (count - 1), centre, angle, a, b, c))
    y = (canvas.rows - at[1]) * PIXEL_MM
    x = (canvas.columns - at[2]) * PIXEL_MM
    z = canvas.z_mm - canvas.background.z_mm[at[0]] + rng.uniform(-0.5, 0.5) * radius
    rough = min(0.24 * radius, 3.5) * canvas.broad + min(0.14 * radius, 1.5) * canvas.fine

    def inside(dz: float) -> Floats:
        best = np.full(canvas.structure.shape, -99, np.float32)
        for size, (cz, cy, cx), angle, a, b, c in lobes:
            along = np.cos(angle) * (y - cy) + np.sin(angle) * (x - cx)
            beside = np.cos(angle) * (x - cx) - np.sin(angle) * (y - cy)
            flat = (along / a) ** 2 + (beside / b) ** 2
            best = np.maximum(best, size - np.sqrt(flat[None] + ((z + dz - cz) / c) ** 2))
        return best + rough

    return inside


def _push(canvas: Canvas, at: tuple[int, int, int], radius: float, share: float) -> Floats:
    """Shift that presses tissue away from a clot of this radius; nothing moves at the skull."""
    y, x = (canvas.rows - at[1]) * PIXEL_MM, (canvas.columns - at[2]) * PIXEL_MM
    z = canvas.z_mm - canvas.background.z_mm[at[0]]
    away = np.sqrt(y**2 + x**2 + z**2) + 0.5
    room = share * radius * np.minimum(1, (radius / away) ** 1.3)
    room = room * np.clip(canvas.background.depth_mm.astype(np.float32) / 14, 0, 1) / away / PIXEL_MM
    return np.asarray(np.stack([-y * room, -x * room]), np.float32)


PAINTERS: tuple[Callable[[Canvas, np.random.Generator], Blood | None], ...] = (
    epidural,
    subdural,
    subarachnoid,
    intraventricular,
    intraparenchymal,
)
"""By value of the subtype, less one."""
