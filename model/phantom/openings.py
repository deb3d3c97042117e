"""What opens a skull: sutures, an infant's fontanelle, fractures, burr holes, bone flaps and their hardware."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model.phantom.geometry import F32, Triple, blend, capsule, step
from model.phantom.settings import AnatomySettings, uniform

if TYPE_CHECKING:
    from model.phantom.head import Slab
    from model.phantom.skull import Skull

BREGMA = (0.0, -10.0, 76.0)
"""Where the coronal and the sagittal suture meet: the anterior fontanelle of infants."""

METAL_HU = 3000.0


@dataclass(frozen=True)
class Crack:
    """A fracture: it runs through `centre` along `along`, `length_mm` to either side, `width_mm` wide."""

    centre: Triple
    along: Triple
    length_mm: float
    width_mm: float


@dataclass(frozen=True)
class Surgery:
    """An operated place of the vault.

    kind: `burr` (holes), `flap` (bone put back, with a gap around it, plates and clips) or `craniectomy` (bone gone).
    centre: on the inner table. radius: of the opening, mm. fluid_mm, fluid_hu: thickness and HU of what lies below.
    air_mm: thickness of air below the foremost point of the skull. catheter: whether one leads into a ventricle.
    """

    kind: str
    centre: Triple
    radius: float
    fluid_mm: float
    fluid_hu: float
    air_mm: float
    catheter: bool


@dataclass(frozen=True)
class Openings:
    """Everything that opens one skull. suture_mm: width of the sutures; fontanelle_mm: radius, 0 when closed."""

    suture_mm: float
    fontanelle_mm: float
    crack: Crack | None
    surgery: Surgery | None


def on_table(place: Triple) -> Triple:
    """The point of the standard inner table in the direction of `place`."""
    x, y, z = place
    stretch = 1 / float(np.sqrt((x / 66) ** 2 + (y / 84) ** 2 + (z / 78) ** 2))
    return (x * stretch, y * stretch, z * stretch)


def draw_openings(
    rng: np.random.Generator, settings: AnatomySettings, *, child: bool, infant: bool
) -> Openings:
    """Openings of one head."""
    suture = uniform(rng, (2.0, 6.0)) if infant else uniform(rng, (0.5, 1.6) if child else (0.0, 0.9))
    fontanelle = uniform(rng, (6, 16)) if infant else 0.0
    return Openings(suture, fontanelle, _draw_crack(rng, settings), _draw_surgery(rng, settings, infant))


def _draw_crack(rng: np.random.Generator, settings: AnatomySettings) -> Crack | None:
    chance, side = rng.random(), rng.choice((-1, 1))
    centre = on_table((float(side * rng.uniform(20, 66)), uniform(rng, (-70, 75)), uniform(rng, (-8, 55))))
    along = rng.normal(0, 1, 3)
    along /= np.linalg.norm(along)
    crack = Crack(
        centre,
        (float(along[0]), float(along[1]), float(along[2])),
        uniform(rng, (12, 45)),
        uniform(rng, (0.4, 1.6)),
    )
    return crack if chance < settings.fracture_share else None


def _draw_surgery(rng: np.random.Generator, settings: AnatomySettings, infant: bool) -> Surgery | None:
    chance, side = rng.random(), rng.choice((-1, 1))
    kind = str(rng.choice(("burr", "flap", "craniectomy"), p=(0.4, 0.4, 0.2)))
    centre = on_table((float(side * rng.uniform(25, 60)), uniform(rng, (-55, 45)), uniform(rng, (15, 55))))
    radius = {
        "burr": uniform(rng, (4, 8)),
        "flap": uniform(rng, (22, 42)),
        "craniectomy": uniform(rng, (30, 52)),
    }[kind]
    fluid = uniform(rng, (0, 7)) if kind != "burr" else 0.0
    surgery = Surgery(
        kind=kind,
        centre=centre,
        radius=radius,
        fluid_mm=fluid,
        fluid_hu=uniform(rng, (4, 28)),
        air_mm=uniform(rng, (2, 9)) if rng.random() < 0.35 else 0.0,
        catheter=kind == "burr" and bool(rng.random() < 0.5),
    )
    return surgery if chance < settings.surgery_share * (0.5 if infant else 1) else None


def _away(slab: "Slab", skull: "Skull", centre: Triple) -> F32:
    """Distance from a point of the table, measured where rays from the head's middle meet it."""
    p, ray = slab.points, 1 / skull.radius
    away: F32 = np.sqrt(
        (p.x * ray - centre[0]) ** 2 + (p.y * ray - centre[1]) ** 2 + (p.z * ray - centre[2]) ** 2
    )
    return away


def bone_left(slab: "Slab", skull: "Skull") -> F32 | float:
    """Share of the vault's bone that openings leave (planes, rows, columns)."""
    openings = slab.head.openings
    left = _sutures(slab, openings)
    crack, surgery = openings.crack, openings.surgery
    if crack is not None and _reaches(slab, crack.centre, crack.length_mm + 15):
        left = left * (1 - _crack(slab, skull, crack))
    if surgery is not None and _reaches(slab, surgery.centre, surgery.radius + 25):
        away = _away(slab, skull, surgery.centre) + 1.5 * slab.noise("broad")
        if surgery.kind == "flap":
            left = left * (1 - step(1.2 - np.abs(away - surgery.radius), 0.6))
        else:
            left = left * (1 - step(surgery.radius - away, 0.8))
    return left


def _reaches(slab: "Slab", centre: Triple, reach: float) -> bool:
    low, high = slab.points.z_range
    return low - reach < centre[2] < high + reach


def beyond_sutures(place: Triple, x: F32, y: F32, z: F32) -> F32:
    """Distance by which points lie beyond the coronal or lambdoid suture as seen from `place`; negative this side."""
    cx, cy, cz = place
    coronal = 1.0 if cy + 35 - 0.32 * cz > 0 else -1.0
    lambdoid = 1.0 if cy - 72 + 0.42 * abs(cx) > 0 else -1.0
    front = -coronal * (y + 35 - 0.32 * z) - np.clip(-5 - z, 0, None)
    back = -lambdoid * (y - 72 + 0.42 * np.abs(x)) - np.clip(30 - y, 0, None)
    beyond: F32 = np.maximum(front, back)
    return beyond


def _sutures(slab: "Slab", openings: Openings) -> F32 | float:
    """Coronal, sagittal and lambdoid sutures, jagged; wide in infants, where the fontanelle joins them."""
    p, width = slab.points, openings.suture_mm
    if width < 0.15 or p.z_range[1] < -25:
        return 1.0
    jag = 1.2 * slab.noise("bone") + 0.8 * slab.noise("fine folds")
    coronal = np.abs(p.y + 35 - 0.32 * p.z + jag) + np.clip(-5 - p.z, 0, None)
    lambdoid = np.abs(p.y - 72 + 0.42 * p.ax + jag) + np.clip(30 - p.y, 0, None)
    sagittal = np.abs(p.x + jag) + np.clip(30 - p.z, 0, None) + np.clip(-14 - p.y, 0, None)
    nearest = np.minimum(np.minimum(coronal, lambdoid), sagittal)
    gone = step(0.5 * width - nearest, 0.5)
    if openings.fontanelle_mm:
        x, y, z = BREGMA
        away = np.sqrt((p.x - x) ** 2 + (p.y - y) ** 2 + ((p.z - z) * 0.5) ** 2)
        gone = np.maximum(gone, step(openings.fontanelle_mm - away, 1))
    left: F32 = 1 - gone
    return left


def _crack(slab: "Slab", skull: "Skull", crack: Crack) -> F32:
    p, ray = slab.points, 1 / skull.radius
    offset = [axis * ray - middle for axis, middle in zip((p.x, p.y, p.z), crack.centre, strict=True)]
    along = sum(o * a for o, a in zip(offset, crack.along, strict=True))
    square = sum(o * o for o in offset) - along * along
    aside = np.sqrt(np.clip(square, 0, None)) - np.float32(0)
    outward = np.asarray(crack.centre) / np.linalg.norm(crack.centre)
    across = np.cross(outward, crack.along)
    across /= np.linalg.norm(across) + 1e-6
    aside = np.abs(
        sum(o * float(c) for o, c in zip(offset, across, strict=True)) + 1.2 * slab.noise("fine folds")
    )
    share: F32 = step(0.5 * crack.width_mm - aside, 0.4) * step(crack.length_mm - np.abs(along), 1)
    share *= step(30 - np.sqrt(np.clip(square, 0, None)), 3)
    return share


def paint_hardware(slab: "Slab", skull: "Skull", hu: F32) -> None:
    """Clips and plates round a flap, a catheter and its valve; metal is dense."""
    surgery = slab.head.openings.surgery
    if surgery is None or not _reaches(slab, surgery.centre, surgery.radius + 60):
        return
    p, (cx, cy, cz) = slab.points, surgery.centre
    if surgery.kind == "flap":
        away = _away(slab, skull, surgery.centre)
        ring = (
            step(1.8 - np.abs(away - surgery.radius), 0.6)
            * step(skull.outer + 1, 0.6)
            * step(1.2 - skull.outer, 0.6)
        )
        blend(hu, ring * step(slab.noise("bone") - 1.0, 0.2), METAL_HU)
    if surgery.catheter:
        side = float(np.sign(cx))
        tube = capsule(p, (cx * 1.08, cy * 1.08, cz * 1.08), (side * 8.0, -8.0, 18.0), (1.3, 1.3))
        blend(hu, step(tube, 0.5), 260.0)


def paint_below(slab: "Slab", skull: "Skull", hu: F32) -> None:
    """Fluid below an operated place, and air where it rises to in a patient who lies on the back."""
    surgery = slab.head.openings.surgery
    if surgery is None:
        return
    if surgery.fluid_mm and _reaches(slab, surgery.centre, surgery.radius + 25):
        away = _away(slab, skull, surgery.centre)
        profile = np.clip(1 - (away * (1 / (surgery.radius + 8))) ** 2, 0, None) ** 0.6
        depth = surgery.fluid_mm * profile * (1 + 0.15 * slab.noise("folds"))
        blend(hu, step(depth - skull.cavity, 0.6) * (profile > 0.02), surgery.fluid_hu)
    if surgery.air_mm:
        p, size = slab.points, slab.head.shape
        front = -size.half_length + surgery.air_mm
        bubble = np.minimum(front - p.y + slab.noise("folds"), skull.cavity)
        blend(hu, step(bubble, 0.5) * step(p.z, 4) * step(45 - p.z, 4), -950.0)
