"""Everything inside the skull: grey and white matter, fluid spaces, falx, tentorium, veins and calcifications."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.phantom.geometry import F32, Points, blend, capsule, ellipsoid, step
from model.phantom.head import Slab
from model.phantom.openings import paint_below
from model.phantom.skull import Skull

VENTRICLE = (
    ((9.0, -36.0, 5.0), (6.5, -22.0, 15.0), (4.2, 4.0)),
    ((15.0, -40.0, 6.0), (9.0, -36.0, 5.0), (1.5, 3.8)),
    ((6.5, -22.0, 15.0), (10.0, 5.0, 23.0), (4.4, 4.4)),
    ((10.0, 5.0, 23.0), (22.0, 30.0, 17.0), (4.6, 5.2)),
    ((22.0, 30.0, 17.0), (27.0, 36.0, 4.0), (5.6, 5.5)),
    ((27.0, 36.0, 4.0), (24.0, 60.0, 3.0), (4.4, 1.6)),
    ((27.0, 34.0, 3.0), (33.0, 16.0, -12.0), (3.6, 1.9)),
    ((33.0, 16.0, -12.0), (29.0, -3.0, -18.0), (1.9, 1.5)),
)
"""Rods of one lateral ventricle (frontal horn, body, atrium, occipital and temporal horn): ends and radii."""

NUCLEI = (
    ((13.0, -24.0, 9.0), (5.0, 9.0, 10.0)),
    ((11.0, 9.0, 4.0), (8.0, 13.0, 10.0)),
    ((25.0, -7.0, 4.0), (8.0, 17.0, 11.0)),
)
"""Head of the caudate, thalamus and lentiform nucleus of one side: centres and radii."""

NOWHERE = np.float32(-99)


@dataclass(frozen=True)
class Spaces:
    """Where blood and fluid can be: float32 (planes, rows, columns).

    points: brain coordinates, shifted by whatever pushes the brain aside.
    folds: 0 in the depth of a sulcus, growing away from it (see `_folds`). reach: how much the cortex folds here.
    cerebellum: share below the tentorium. tentorium: distance below it, mm. middle: where the falx may be.
    sylvian, cisterns, fissure: shares of fluid. lateral, third, fourth: distances inside the ventricles, mm.
    ventricles: share of fluid in all ventricles.
    """

    points: Points
    folds: F32
    reach: F32
    cerebellum: F32
    tentorium: F32
    middle: F32
    sylvian: F32
    cisterns: F32
    fissure: F32
    lateral: F32
    third: F32
    fourth: F32
    ventricles: F32
    sulci: F32


def shape_spaces(slab: Slab, skull: Skull, pushed: Points) -> Spaces:
    """Measure the fluid spaces. `pushed` are the slab's points where the brain's tissue was before it was pushed."""
    p, age = pushed, slab.head.age
    depth, ax = skull.cavity, p.ax
    folds = slab.noise("folds")
    tentorium = 4 - 0.42 * slab.points.ax - p.z - np.clip(20 - p.y, 0, None) * 0.9
    cerebellum = step(tentorium, 1) * step(p.y - 8, 3)
    reach = np.clip(1 - (depth - 2) / (20 + 4 * slab.noise("broad")), 0, 1) * np.clip(depth * (1 / 3), 0, 1)
    wave = _folds(slab, skull, p, (depth > 0) & (depth < 42))
    gape = (0.02 + 0.24 * age) * reach
    sulci = step(gape - wave, 0.12) * (reach > 0) * step(p.z + 22, 6) * (1 - cerebellum)
    middle = ((p.y * (1 / 52)) ** 2 + ((p.z - 6) * (1 / 38)) ** 2 > 1) & (p.z > -14) & (tentorium < 2)
    gap = 0.9 + 1.0 * age + 0.5 * folds - ax
    # The fissure runs out of plane towards the vertex and the forehead, where it shows wider.
    fissure = step(gap, 0.7) * middle
    lateral, third, fourth = _ventricles(slab, p)
    ventricles = step(np.maximum(np.maximum(lateral, third), fourth), 0.7)
    return Spaces(
        points=p,
        folds=wave,
        reach=reach,
        cerebellum=cerebellum,
        tentorium=tentorium,
        middle=middle.astype(np.float32),
        sylvian=_sylvian(slab, p),
        cisterns=_cisterns(slab, p),
        fissure=fissure,
        lateral=lateral,
        third=third,
        fourth=fourth,
        ventricles=ventricles,
        sulci=sulci,
    )


def _folds(slab: Slab, skull: Skull, p: Points, wanted: npt.NDArray[np.bool_]) -> F32:
    """0 in the depth of a sulcus, growing away from it by about 1 in 5 mm; 9 where not `wanted`.

    Sulci run inwards from the skull: every ray from the middle of the head sees the same noise all along.
    """
    wave = np.full_like(p.x, 9)
    ray = 1 / skull.radius[wanted]
    wave[wanted] = slab.head.gyri.at(p.x[wanted] * ray, p.y[wanted] * ray, p.z[wanted] * ray)
    wave[wanted] += 0.22 * slab.noise("folds")[wanted] + 0.22 * slab.noise("fine folds")[wanted]
    return np.abs(wave)


def _sylvian(slab: Slab, p: Points) -> F32:
    share = np.zeros_like(p.x)
    box = p.box((-60, -40, -14), (60, 32, 24))
    if box is None:
        return share
    p, age = p.cut(box), slab.head.age
    folds, fine = slab.noise("folds")[box], slab.noise("fine folds")[box]
    insula = 38 + 3 * folds + np.clip(p.y + 2, -30, 30) ** 2 * 0.012
    ends = np.minimum(np.minimum(p.y + 22, 16 - p.y), np.minimum(p.z + 8, 18 - p.z)) * 0.35 + fine * 0.6
    deep = np.minimum(0.2 + 1.4 * age + 0.5 * fine - np.abs(p.ax - insula), ends)
    course = np.abs(p.y + 14 - p.z * 0.5 + 1.5 * fine + 2 * folds + (p.ax - 40) * 0.25)
    ends = np.minimum(p.ax - 35, np.minimum(p.z + 12, 20 - p.z))
    outward = np.minimum(0.6 + 1.6 * age + 0.3 * folds - course, ends)
    share[box] = np.maximum(step(deep, 0.7), step(outward, 0.7))
    return share


def _cisterns(slab: Slab, p: Points) -> F32:
    share = np.zeros_like(p.x)
    box = p.box((-32, -42, -60), (32, 90, 8))
    if box is None:
        return share
    p, age = p.cut(box), slab.head.age
    # The suprasellar star: its middle, its arms to the Sylvian fissures and its forward ray.
    arms = np.minimum(1.8 - np.abs(p.y + 14 - p.ax * 0.48), np.minimum(26 - p.ax, 5 - np.abs(p.z + 16)))
    ray = np.minimum(1.3 - p.ax, np.minimum(-p.y - 14, p.y + 40)) - np.abs(p.z + 16) * 0.5
    star = np.maximum(ellipsoid(p, (0, -13, -17), (10, 7.5, 7)), np.maximum(arms, ray))
    # The ambient cistern follows the midbrain's sides; in front the peduncles leave a notch.
    folds, fine = slab.noise("folds")[box], slab.noise("fine folds")[box]
    round_stem = np.abs(ellipsoid(p, (0, 8, -12), (17.5, 15.5, 15)) + 0.9 * folds)
    ambient = np.minimum(1.0 + 0.9 * age + 0.5 * fine - round_stem, np.minimum(7 - np.abs(p.z + 12), p.y + 8))
    behind = np.minimum(ellipsoid(p, (0, 27, -4), (13, 5, 9)), p.y - 21 - p.ax * 0.1)
    prepontine = ellipsoid(p, (0, -5, -30), (13, 4, 12))
    magna = ellipsoid(p, (0, slab.head.shape.half_length - 12, -48), (10, 8, 9))
    near = np.maximum(np.maximum(star, ambient), np.maximum(behind, prepontine))
    share[box] = np.maximum(step(near, 0.8), step(magna, 1))
    return share


def _ventricles(slab: Slab, p: Points) -> tuple[F32, F32, F32]:
    """Distances inside the lateral, the third and the fourth ventricle, far outside NOWHERE."""
    tissue, fine = slab.head.tissue, slab.noise("fine folds")
    lateral, third, fourth = (np.full_like(p.x, NOWHERE) for _ in range(3))
    for sign, size in zip((1, -1), tissue.ventricles, strict=True):
        low, high = sorted((sign * 0.0, sign * 46.0))
        box = p.box((low, -54, -28), (high, 70, 36))
        if box is None:
            continue
        part, wobble = p.cut(box), 0.35 * fine[box]
        side = Points(part.x * sign, part.y, part.z)
        for start, stop, (thick, thin) in VENTRICLE:
            rod = capsule(side, start, stop, (thick * size, thin * size)) + wobble
            np.maximum(lateral[box], rod, out=lateral[box])
    box = p.box((-10, -14, -10), (10, 16, 12))
    if box is not None:
        third[box] = ellipsoid(p.cut(box), (0, 1, 0), (tissue.third_ventricle, 13, 10)) + 0.2 * fine[box]
    box = p.box((-9, 24, -42), (9, 36, -22))
    if box is not None:
        fourth[box] = ellipsoid(p.cut(box), (0, 30, -32), (6.2, 4.2, 9)) + 0.35 * fine[box]
    return lateral, third, fourth


def paint_brain(slab: Slab, skull: Skull, spaces: Spaces) -> F32:
    """HU of the cranial cavity without bleeds, also outside it."""
    hu = _parenchyma(slab, skull, spaces)
    age, tissue = slab.head.age, slab.head.tissue
    rim = 0.3 + 1.5 * age + 0.5 * slab.noise("broad") + 1.8 * age * step(-slab.points.y - 30, 15)
    fluid = np.maximum(
        spaces.sulci * (0.55 + 0.4 * age), step(rim - skull.cavity, 0.7) * step(slab.points.z + 30, 8) * 0.9
    )
    fluid = np.maximum(fluid, spaces.fissure * 0.8)
    fluid = np.maximum(fluid, np.maximum(spaces.sylvian * 0.9, spaces.cisterns * 0.95))
    blend(hu, fluid, tissue.csf)
    blend(hu, spaces.ventricles, tissue.csf)
    for thickness, sign in zip(tissue.hygroma, (1, -1), strict=True):
        if thickness and spaces.points.z_range[1] > -10:
            over = np.minimum(
                thickness * (1 + 0.2 * slab.noise("broad")) - skull.cavity, sign * slab.points.x - 2
            )
            blend(hu, step(over - np.clip(15 - slab.points.z, 0, None) * 0.15, 0.7), tissue.csf + 4)
    paint_below(slab, skull, hu)
    _paint_membranes(slab, skull, spaces, hu)
    _paint_vessels(slab, spaces, hu)
    _paint_calcifications(slab, spaces, hu)
    return hu


def _parenchyma(slab: Slab, skull: Skull, spaces: Spaces) -> F32:
    p, tissue, age = spaces.points, slab.head.tissue, slab.head.age
    folds, fine = slab.noise("folds"), slab.noise("fine folds")
    # Cortex fills most of the outer 2 cm; fingers of white matter reach into its folds.
    outer = np.clip(1 - (skull.cavity - 2) / (27 + 4 * slab.noise("broad")), 0, 1)
    ribbon = step(1.35 * outer**0.6 - spaces.folds, 0.45) * (outer > 0.03)
    grey = np.maximum(ribbon, step(5 + age - skull.cavity, 1.5))
    hu: F32 = tissue.white + grey * (tissue.grey - tissue.white)
    for centre, radii in NUCLEI:
        for sign in (1, -1):
            middle = (sign * centre[0], centre[1], centre[2])
            box = p.near(middle, radii)
            if box is not None:
                nucleus = ellipsoid(p.cut(box), middle, radii)
                blend(hu[box], step(nucleus, 1.5) * 0.85, tissue.grey)
    if p.z_range[0] < 12:
        leaves = np.sin(skull.cavity * 1.6 + 1.5 * folds)
        blend(hu, spaces.cerebellum, tissue.grey - 1.5 + leaves)
        box = p.box((-17, -8, -64), (17, 26, 3))
        if box is not None:
            part = p.cut(box)
            stem = np.maximum(
                ellipsoid(part, (0, 8, -14), (15, 13, 15)), ellipsoid(part, (0, 12, -36), (13, 12, 26))
            )
            blend(hu[box], step(stem, 1.2), 0.5 * (tissue.grey + tissue.white))
    hu += 0.7 * slab.noise("texture") + 0.8 * folds
    if tissue.pale:
        near = np.clip(1 + np.maximum(spaces.lateral, -99) * (1 / tissue.pale) + 0.3 * folds, 0, 1)
        blend(hu, 0.6 * near, tissue.white - 7)
    for patch in slab.head.dark:
        a, b, c = patch.radii
        box = p.near(patch.centre, (a + 12, b + 12, c + 12))
        if box is not None:
            rough = min(1.0, min(patch.radii) / 8)
            dead = ellipsoid(p.cut(box), patch.centre, patch.radii) + rough * (2.5 * folds[box] + fine[box])
            blend(hu[box], step(dead, 1 + rough) * 0.88, patch.hu)
    return hu


def _paint_membranes(slab: Slab, skull: Skull, spaces: Spaces, hu: F32) -> None:
    """Falx, tentorium, sagittal and transverse sinus."""
    p, tissue, depth = spaces.points, slab.head.tissue, skull.depth
    # The falx reaches down to the vein of Galen behind, where veins in it look hazy.
    falx = step(tissue.falx_width - p.ax, 0.6) * spaces.middle * step(skull.cavity - 0.3, 0.6)
    blend(hu, falx * (0.6 + 0.25 * step(p.y - 20, 20)), tissue.falx)
    if slab.head.dense_falx_hu:
        spots = (
            step(1.2 - p.ax, 0.5) * spaces.middle * step(-p.y - 45, 3) * step(slab.noise("folds") - 0.5, 0.3)
        )
        blend(hu, spots, slab.head.dense_falx_hu)
    sagittal = np.minimum(3.2 - np.abs(depth - 3), 3.5 - p.ax - depth * 0.15)
    blend(hu, step(sagittal, 0.8) * spaces.middle * (p.y > 0) * step(p.z + 5, 5), tissue.sagittal_sinus)
    if p.z_range[0] > 24:  # the tentorium's tip is the highest point of the rest
        return
    wings = step(2 - np.abs(spaces.tentorium) * 1.6, 1) * step(p.y - 14, 3)
    wings *= step(p.ax - 2 - np.clip(30 - p.y, 0, None) * 0.6, 2)
    blend(hu, wings * 0.5, 46.0)
    straight = np.minimum(1.6 - p.ax, np.minimum(2.5 - np.abs(spaces.tentorium), p.y - 26))
    blend(hu, step(straight, 1) * 0.55, tissue.transverse_sinus)
    transverse = np.minimum(2.5 - np.abs(depth - 2.5), 2.5 - np.abs(spaces.tentorium - 1))
    blend(hu, step(transverse, 0.8) * step(p.y - 25, 5), tissue.transverse_sinus)


def _paint_vessels(slab: Slab, spaces: Spaces, hu: F32) -> None:
    """Basilar, carotid and middle cerebral arteries in the cisterns."""
    box = spaces.points.box((-30, -22, -32), (30, 2, -8))
    if box is None:
        return
    p, part = spaces.points.cut(box), hu[box]
    tall = step(8 - np.abs(p.z + 20), 2)
    for x, y in ((0.0, -3.0), (9.0, -17.0), (-9.0, -17.0)):
        blend(part, step(1.5 - np.hypot(p.x - x, p.y - y), 0.6) * tall, slab.head.tissue.vessel)
    for sign in (1, -1):
        middle = capsule(p, (sign * 9.0, -17.0, -16.0), (sign * 27.0, -12.0, -13.0), (1.2, 0.9))
        blend(part, step(middle, 0.6), slab.head.tissue.vessel)


def _paint_calcifications(slab: Slab, spaces: Spaces, hu: F32) -> None:
    for spot in slab.head.calcifications:
        box = spaces.points.near(spot.centre, spot.radii)
        if box is not None:
            crumbs = step(slab.noise("fine folds")[box] + 0.9, 0.8)
            share = step(ellipsoid(spaces.points.cut(box), spot.centre, spot.radii), 0.7) * crumbs
            blend(hu[box], share, spot.hu)
