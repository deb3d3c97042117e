"""Paints planned bleeds into a slab and says which share of every pixel is blood of which subtype."""

from collections.abc import Iterable

import numpy as np

from model.phantom.brain import Spaces
from model.phantom.geometry import F32, Points, blend, ellipsoid, step
from model.phantom.head import Slab
from model.phantom.lesions import Lesion
from model.phantom.openings import beyond_sutures
from model.phantom.skull import Skull


def push_brain(slab: Slab, skull: Skull, lesions: Iterable[Lesion]) -> Points:
    """Where the tissue of each pixel lay before the bleeds pushed it towards the other side."""
    p = slab.points
    x = p.x
    for lesion in lesions:
        cx, cy, cz = lesion.centre
        low, high = p.z_range
        if not lesion.push_mm or low > cz + 100 or high < cz - 100:
            continue
        far = (
            ((p.x - cx * 0.35) * (1 / 45)) ** 2 + ((p.y - cy) * (1 / 60)) ** 2 + ((p.z - cz) * (1 / 45)) ** 2
        )
        x = x + float(lesion.push_mm * np.sign(cx)) * np.exp(-far) * np.clip(skull.cavity * (1 / 12), 0, 1)
    return p if x is p.x else Points(x, p.y, p.z)


def paint_bleeds(
    slab: Slab, skull: Skull, spaces: Spaces, lesions: Iterable[Lesion], hu: F32
) -> dict[int, F32]:
    """Paint `lesions` into `hu` in place. Shares (planes, rows, columns) of blood by subtype value."""
    shares: dict[int, F32] = {}
    inside = step(skull.cavity, 0.6)
    for lesion in lesions:
        if lesion.kind in (1, 2):
            share = _extra_axial(slab, skull, spaces, lesion)
        elif lesion.kind == 3:
            share = _subarachnoid(slab, spaces, lesion)
        elif lesion.kind == 4:
            share = _intraventricular(slab, spaces, lesion)
        else:
            share = _intraparenchymal(slab, skull, spaces, lesion, hu)
        if share is None:
            continue
        share = share * inside
        blend(hu, share, _density(slab, lesion))
        shares[lesion.kind] = np.maximum(shares[lesion.kind], share) if lesion.kind in shares else share
    return shares


def _density(slab: Slab, lesion: Lesion) -> F32:
    """HU of the blood, clotted unevenly."""
    folds, fine = slab.noise("folds"), slab.noise("fine folds")
    hu: F32 = lesion.hu + 2 * folds + 1.5 * fine
    if lesion.size.get("swirl"):  # fresh blood between the clots
        hu -= np.clip(folds, 0, 2) * 7
    if "old hu" in lesion.size:
        fresh = slab.points.y - lesion.centre[1] + 2 * folds > lesion.size["level"]
        hu = np.where(fresh, hu, lesion.size["old hu"] + folds)
    return hu


def _extra_axial(slab: Slab, skull: Skull, spaces: Spaces, lesion: Lesion) -> F32 | None:
    low, high = slab.points.z_range
    reach = lesion.size["length"] + 25
    if low > lesion.centre[2] + reach or high < lesion.centre[2] - reach:
        return None
    if lesion.form == "falx":
        return _along_falx(slab, skull, spaces, lesion)
    if lesion.form == "tentorium":
        return _along_tentorium(slab, spaces, lesion)
    p, size, (cx, cy, cz) = slab.points, lesion.size, lesion.centre
    # Distance from the middle of the bleed, measured along the inner table: rays from the head's middle meet it there.
    ray = 1 / skull.radius
    away = (
        (p.x * ray - cx) ** 2
        + ((p.y * ray - cy) * size["along y"]) ** 2
        + ((p.z * ray - cz) * size["along z"]) ** 2
    )
    profile = np.clip(1 - away * (1 / size["length"] ** 2), 0, None) ** size["edge"]
    height = size["height"] * profile * (1 + size["roughness"] * slab.noise("folds"))
    share = step(height - skull.depth, 0.6) * (profile > 0.02) * step(skull.floor - 3, 2)
    if size.get("bounded"):  # the dura is fast at the sutures
        share *= step(1 - beyond_sutures(lesion.centre, p.x, p.y, p.z), 1)
    if lesion.kind == 2:  # never across the falx, nor below the tentorium
        share *= step(float(np.sign(cx)) * spaces.points.x - 1, 0.8) * (1 - spaces.cerebellum)
    return share


def _along_falx(slab: Slab, skull: Skull, spaces: Spaces, lesion: Lesion) -> F32:
    p, height, (cx, cy, cz) = spaces.points, lesion.size["height"], lesion.centre
    taper = np.clip(1 - ((p.y - cy) * (1 / lesion.size["length"])) ** 2 - ((p.z - cz) * (1 / 35)) ** 2, 0, 1)
    half = height * (0.5 + 0.12 * slab.noise("folds")) * np.sqrt(taper)
    sheet = half - np.abs(p.x - float(np.sign(cx)) * height * 0.5)
    return step(np.minimum(sheet, skull.cavity), 0.6) * spaces.middle * (taper > 0)


def _along_tentorium(slab: Slab, spaces: Spaces, lesion: Lesion) -> F32:
    p, (cx, cy, _) = spaces.points, lesion.centre
    away = ((p.x - cx) ** 2 + (p.y - cy) ** 2) * (1 / lesion.size["length"] ** 2)
    taper = np.clip(1 - away, 0, 1)
    # The tentorium falls 0.42 mm a mm; `tentorium` is a height, 0.92 of it the distance across.
    half = 0.5 * lesion.size["height"] * np.sqrt(taper) * (1 + 0.15 * slab.noise("folds"))
    return step(half - np.abs(spaces.tentorium * 0.92 + 0.5 * lesion.size["height"]), 0.7) * (taper > 0)


def _subarachnoid(slab: Slab, spaces: Spaces, lesion: Lesion) -> F32 | None:
    p, (cx, cy, cz), radius = spaces.points, lesion.centre, lesion.size["radius"]
    folds, fine = slab.noise("folds"), slab.noise("fine folds")
    not_ventricle = 1 - spaces.ventricles
    if lesion.form == "sulci":
        if p.near(lesion.centre, (radius + 24, radius + 24, radius / 1.3 + 20)) is None:
            return None
        away = np.sqrt((p.x - cx) ** 2 + (p.y - cy) ** 2 + ((p.z - cz) * 1.3) ** 2)
        near = step(radius - away + 0.25 * radius * folds + 0.1 * radius * fine, 4)
        # Blood widens the sulci that it fills and lies over the convexity, below the arachnoid.
        age = slab.head.age
        sulci = step((0.28 + 0.30 * age) * spaces.reach - spaces.folds, 0.13) * (spaces.reach > 0.05)
        sulci = np.maximum(sulci * (1 - spaces.cerebellum) * step(p.z + 22, 6), spaces.sylvian)
        return np.maximum(sulci, spaces.fissure) * near * not_ventricle * lesion.size["fill"]
    if p.z_range[0] > 60 or p.z_range[1] < -50:
        return None
    fill, other, here = lesion.size["fill"], lesion.size["other side"], float(np.sign(cx))
    top = lesion.size["top"]
    height = step(p.z + 40, 4) * step(top - p.z + 4 * folds, 5)
    sided = other + (1 - other) * step(here * p.x + 4, 6)
    patchy = step(1.6 + folds + fine * 0.7, 1.2)
    if lesion.form == "sylvian":
        share = spaces.sylvian * step(here * p.x, 3) * height
        share = np.maximum(share, spaces.cisterns * step(here * p.x - 4, 4) * step(-p.y - 2, 4) * height)
    elif lesion.form == "stem":
        share = spaces.cisterns * step(p.z + 44, 4) * step(-p.z - 2 + 3 * folds, 4)
    else:
        between = spaces.fissure * step(-p.y - 10, 4)
        share = (
            np.maximum(spaces.cisterns * (0.5 + 0.5 * sided), np.maximum(spaces.sylvian * sided, between))
            * height
        )
    return share * patchy * not_ventricle * fill


def _intraventricular(slab: Slab, spaces: Spaces, lesion: Lesion) -> F32 | None:
    p, size = spaces.points, lesion.size
    if not spaces.ventricles.any():
        return None
    folds, fine = slab.noise("folds"), slab.noise("fine folds")
    here = float(np.sign(lesion.centre[0]))
    if lesion.form == "layer":  # the patient lies on the back: blood sinks to the occipital horns
        lower = (
            size["level"]
            + size["tilt"] * here * np.sign(p.x)
            + (1 - size["other side"]) * 9 * (here * p.x < 0)
        )
        share = step(spaces.lateral + 0.3, 0.7) * step(p.y - lower + 0.6 * fine, 1) * step(p.ax - 2, 2)
    else:
        share = step(spaces.lateral + 1, 0.7) * step(1.4 + folds + 0.5 * fine, 0.8)
        if lesion.form == "side":
            share *= step(here * p.x + 2, 2)
    if size["fourth"]:
        share = np.maximum(share, step(spaces.fourth + 0.5, 0.8))
    if size["third"]:
        share = np.maximum(share, step(spaces.third + 0.5, 0.7))
    return share


def _intraparenchymal(slab: Slab, skull: Skull, spaces: Spaces, lesion: Lesion, hu: F32) -> F32 | None:
    size = lesion.size
    reach = max(size["a"], size["b"], size["c"]) + size["oedema"] + 6
    for offset, radius in lesion.satellites:
        reach = max(reach, max(abs(o) for o in offset) + radius + size["oedema"] + 3)
    box = slab.points.near(lesion.centre, (reach, reach, reach))
    if box is None:
        return None
    p, folds, fine = slab.points.cut(box), slab.noise("folds")[box], slab.noise("fine folds")[box]
    inside = ellipsoid(p, lesion.centre, (size["a"], size["b"], size["c"])) + size["roughness"] * (
        folds + 0.5 * fine
    )
    x, y, z = lesion.centre
    for (dx, dy, dz), radius in lesion.satellites:
        inside = np.maximum(
            inside, ellipsoid(p, (x + dx, y + dy, z + dz), (radius, radius, radius)) + 0.5 * fine
        )
    cavity = skull.cavity[box]
    inside = np.minimum(inside, cavity - size["below surface"])
    around = step(inside + size["oedema"], max(1.2, 0.45 * size["oedema"])) * step(cavity - 1, 1)
    dry = (1 - spaces.ventricles[box]) * (1 - spaces.cisterns[box])
    blend(hu[box], around * 0.85 * dry, size["oedema hu"])
    share = np.zeros_like(hu)
    share[box] = step(inside, 0.9)
    return share
