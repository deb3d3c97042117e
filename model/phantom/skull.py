"""Everything outside the brain: scalp, skull, skull base, sinuses, orbits, ears and the head holder."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from model.phantom.geometry import F32, Points, Triple, blend, capsule, step
from model.phantom.head import Head, Patch, Slab
from model.phantom.openings import bone_left

FALL = 2.15
"""Exponent of the superellipsoid that the inner table follows: a little squarer than an ellipse."""


@dataclass(frozen=True)
class Skull:
    """Distances to the head's surfaces: float32 (planes, rows, columns), mm, positive inside.

    depth: below the inner table. outer: below the outer table. skin: below the skin. floor: above the skull base.
    radius: 1 on the inner table's ellipsoid, 0 in the middle of the head. thickness: of the skull.
    muscle: height of the temporal muscle. petrous: distance from the axis of the petrous bones, 0 on it.
    """

    depth: F32
    outer: F32
    skin: F32
    floor: F32
    radius: F32
    thickness: F32
    muscle: F32
    petrous: F32

    @cached_property
    def cavity(self) -> F32:
        """Distance inside the cranial cavity, skull base included."""
        return np.minimum(self.depth, self.floor)


def shape_skull(slab: Slab) -> Skull:
    """Measure the slab against the head's surfaces."""
    p, shape = slab.points, slab.head.shape
    # The back of the head is wider than the forehead.
    width = shape.half_width * (1 + shape.taper * np.tanh(p.y * (1 / 40)))
    rx, ry = p.ax / width, np.abs(p.y) * (1 / shape.half_length)
    rz = np.where(p.z > 0, p.z * (1 / 78), p.z * (-1 / 100))
    radius = (rx**FALL + ry**FALL + rz**FALL) ** (1 / FALL) + 1e-6
    slope = (rx ** (FALL - 1) / width) ** 2 + (ry ** (FALL - 1) * (1 / shape.half_length)) ** 2
    slope += (rz ** (FALL - 1) * (1 / 85)) ** 2
    slope = np.sqrt(slope) * radius ** (1 - FALL)
    # Slices near the vertex cut the skull at an angle; as the slope counts height too, they look thick as they do.
    depth = np.clip((1 - radius) / (slope + 1e-4), -60, 60)
    thickness = shape.skull + 0.14 * shape.skull * slab.noise("thickness") + 1.5 * step(np.abs(p.y) - 60, 15)
    thickness -= 0.25 * shape.skull * step(p.ax - 45, 15) * step(20 - p.z, 15)  # thin at the temples
    thickness = np.clip(thickness, min(3, shape.skull), 12)
    outer = depth + thickness
    muscle = 6.5 * np.exp(-(((p.y + 28) * (1 / 22)) ** 2) - ((p.z + 8) * (1 / 28)) ** 2) * step(p.ax - 35, 20)
    skin = outer + shape.scalp + 0.13 * shape.scalp * slab.noise("scalp") + muscle
    if p.z_range[0] < -12:  # the face
        skin += np.clip((-p.z - 12) * (1 / 20), 0, 1) * np.clip((-p.y - 20) * (1 / 30), 0, 1) * 10
        nose = np.exp(-((p.x * (1 / 9)) ** 2)) * np.clip((-p.z - 20) * (1 / 25), 0, 1)
        skin += nose * np.clip((-p.y - 40) * (1 / 20), 0, 1) * 17
    if slab.head.swelling is not None:
        skin += slab.head.swelling.height_mm * bulge(slab, slab.head.swelling)
    floor, petrous = _base(slab)
    return Skull(depth, outer, skin, floor, radius, thickness, muscle, petrous)


def bulge(slab: Slab, patch: Patch) -> F32:
    """1 in the middle of a swelling of the scalp, 0 away from it."""
    p = slab.points
    square = (p.x - patch.centre[0]) ** 2 + (p.y - patch.centre[1]) ** 2 + (p.z - patch.centre[2]) ** 2
    height: F32 = np.exp(square * (-1 / patch.radii[0] ** 2))
    return height


def _base(slab: Slab) -> tuple[F32, F32]:
    """Height above the skull base, and distance from the petrous bones' axis."""
    p = slab.points
    petrous = np.abs((p.y - 6) * 0.88 - (p.ax - 20) * 0.47)
    if p.z_range[0] > 12:  # the base's highest point is the petrous ridge
        return p.z + 12, petrous
    front, back = step(-p.y - 30, 8), step(p.y - 8, 10)
    # Two domes roof the orbits; between them the floor is deepest over the nose.
    domes = 15 * np.exp(-(((p.ax - 27) * (1 / 17)) ** 2) - ((p.y + 52) * (1 / 24)) ** 2)
    floor = -38 + front * (4 + domes) - back * 24
    floor += np.where(p.y < 10, step(15 - p.ax, 6) * (1 - front) * 18, 0)  # sella and clivus
    ridge = -12 - petrous * 1.3 - np.clip(14 - p.ax, 0, None) * 2 - np.clip(56 - p.ax, 0, None) * 0.14
    ridge += 1.6 * slab.noise("broad") - np.clip(p.ax - 66, 0, None)
    floor = (
        np.maximum(floor, np.where(p.ax > 10, ridge, -99))
        + 2 * slab.noise("floor")
        + 0.6 * slab.noise("folds")
    )
    return (p.z - floor) * 0.75, petrous


def paint_outside(slab: Slab, skull: Skull) -> F32:
    """HU of the slab as if the cranial cavity were filled with soft tissue."""
    hu = np.full(slab.points.x.shape, -1000, np.float32)
    blend(hu, step(skull.skin, 0.8), 35.0)
    fat = step(skull.skin - 1.8, 0.8)
    blend(hu, fat, -85 + 25 * slab.noise("fat"))
    blend(hu, step(skull.muscle - 2.5, 1.5) * step(skull.skin - 3, 1), 55.0)
    swelling = slab.head.swelling
    if swelling is not None:
        blend(hu, step(bulge(slab, swelling) - 0.3, 0.2) * step(skull.skin - 2, 1), swelling.hu)
    if float(skull.floor.min()) < 7:
        _paint_base(slab, skull, hu)
    bone = step(np.minimum(skull.outer, -skull.depth), 0.5)
    if slab.points.z_range[0] < -30:
        bone *= step(slab.points.z + 48 + slab.points.ax * 0.2, 3)
    if slab.points.z_range[0] < -10:  # below the brow and the floor of the brain the face begins
        bone *= 1 - step(-slab.points.y - 44, 4) * step(-19 - slab.points.z, 3) * step(-skull.floor - 3, 1.5)
    bone = bone * bone_left(slab, skull)
    across = np.clip(-skull.depth / skull.thickness, 0, 1)
    diploe = np.clip(1 - np.abs(across - 0.5) * (1 / 0.27), 0, 1) ** 0.7
    blend(hu, bone, 1650 - diploe * (slab.head.shape.diploe_hu - 110 * slab.noise("bone")))
    _paint_frontal_sinus(slab, skull, hu)
    return hu


def _paint_base(slab: Slab, skull: Skull, hu: F32) -> None:
    """Neck, face and the bones below the brain."""
    p, bone = slab.points, slab.noise("bone")
    below = -skull.floor
    deep = step(skull.outer, 0.8) * step(below - 3, 2)
    folds, fine = slab.noise("folds"), slab.noise("fine folds")
    blend(hu, deep, 48 + 12 * slab.noise("fat"))
    blend(hu, deep * step(folds - 0.5 * fine - 0.7, 0.3), -80.0)  # fat between the muscles
    blend(hu, deep * step(-folds - 0.5 * fine - 0.9, 0.2), 700.0)  # plates and processes of bone
    low = step(below - 2, 2) * step(skull.outer, 1)
    if low.any():
        _paint_orbits(slab, hu, low)
        sinus = np.minimum(11 - p.ax, np.minimum(-p.y - 22, p.y + 86)) - np.clip(p.z + 26, 0, None) * 2
        blend(hu, step(sinus + 1.5, 1) * low, 500.0)
        blend(hu, step(sinus, 0.8) * low * step(np.abs(bone) - 0.22, 0.15), -950.0)
        pyramid = np.minimum(10 - skull.petrous + 2 * folds, p.ax - 12)
        blend(hu, step(pyramid, 1.5) * low, 1250 + 250 * bone)
        mastoid = _paired(slab, (56, 28, -38), (15, 18, 26))
        blend(hu, step(mastoid, 1.5) * low, 700.0)
        blend(hu, step(mastoid - 2, 1) * low * step(bone, 0.25), -800.0)
        blend(hu, step(_paired(slab, (70, 8, -34), (22, 4, 4)), 0.8) * step(below, 1), -950.0)  # ear canals
        cheek = _rods(
            slab, ((46.0, -70.0, -40.0), (63.0, -42.0, -38.0)), ((48.0, -60.0, -18.0), (49.0, -66.0, -40.0))
        )
        blend(hu, step(cheek, 0.7), 900.0)
    shell = np.minimum(skull.floor + 3 + 2.5 * step(p.y - 10, 10), below)
    blend(hu, step(shell, 0.7) * step(skull.outer, 0.7), 950 + 150 * bone)


def _rods(slab: Slab, *ends: tuple[Triple, Triple]) -> F32:
    """Distance to rods of 2.5 mm on either side of the head."""
    p = slab.points
    sided = Points(p.ax, p.y, p.z)
    nearest: F32 = np.max([capsule(sided, start, stop, (2.5, 2.5)) for start, stop in ends], axis=0)
    return nearest


def _paired(slab: Slab, centre: Triple, radii: Triple) -> F32:
    """Distance to an ellipsoid on either side of the head."""
    p = slab.points
    total = ((p.ax - centre[0]) * (1 / radii[0])) ** 2 + ((p.y - centre[1]) * (1 / radii[1])) ** 2
    total += ((p.z - centre[2]) * (1 / radii[2])) ** 2
    return (1 - np.sqrt(total)) * min(radii)


def _paint_orbits(slab: Slab, hu: F32, low: F32) -> None:
    box = slab.points.box((-52, -96, -55), (52, -36, -12))
    if box is None:
        return
    part = Slab(slab.head, slab.world, slab.points.cut(box))
    p, hu, low = part.points, hu[box], low[box]
    orbit = _paired(part, (30, -66, -33), (18, 26, 17))
    blend(hu, step(orbit + 2, 1) * low, 650.0)
    blend(hu, step(orbit, 0.8) * low, -80.0)
    blend(hu, step(_paired(part, (31, -74, -33), (12, 12, 12)), 0.6), 14.0)  # eyeball
    blend(hu, step(_paired(part, (31, -83, -33), (4.5, 2.2, 4.5)), 0.5), 70.0)  # lens
    nerve = np.minimum(1.8 - np.abs(p.ax - 31 - (p.y + 62) * 0.25), np.minimum(-p.y - 42, p.y + 66))
    blend(hu, step(nerve - np.abs(p.z + 33) * 0.4, 0.5), 38.0)


def _paint_frontal_sinus(slab: Slab, skull: Skull, hu: F32) -> None:
    sinus = slab.head.shape.sinus
    if sinus is None:
        return
    centre_x, width, height = sinus
    front = -slab.head.shape.half_length - 3
    box = slab.points.box((-28, front - 6, -14 - height), (28, front + 6, -14 + height))
    if box is None:
        return
    part = Slab(slab.head, slab.world, slab.points.cut(box))
    thickness, outer = skull.thickness[box], skull.outer[box]
    inner = thickness * 0.5 - 1 - np.abs(outer - thickness * 0.5)
    blend(
        hu[box],
        step(np.minimum(_paired(part, (centre_x, front, -14), (width, 4.5, height)), inner), 0.6),
        -900.0,
    )


def props(head: Head, hu: F32, y_mm: npt.NDArray[np.float64], x_mm: npt.NDArray[np.float64]) -> None:
    """Paint bars and leads beside the head into `hu` (rows, columns)."""
    y, x = y_mm.astype(np.float32)[:, None], x_mm.astype(np.float32)[None, :]
    for tube_x, tube_y, radius, density in head.shape.tubes:
        blend(hu, step(radius - np.hypot(x - tube_x, y - tube_y), 0.7), density)


def holder(head: Head, y_mm: npt.NDArray[np.float64], x_mm: npt.NDArray[np.float64]) -> tuple[F32, float]:
    """Share (rows, columns) of the shell that the head lies in, and its HU."""
    if head.shape.holder is None:
        return np.zeros((len(y_mm), len(x_mm)), np.float32), 0.0
    radius, centre, start, density = head.shape.holder
    y, x = y_mm.astype(np.float32)[:, None], x_mm.astype(np.float32)[None, :]
    return step(np.minimum(3 - np.abs(np.hypot(x, y + centre) - radius), y - start), 0.8), density
