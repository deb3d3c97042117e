"""One drawn head: its pose, sizes, tissues and noise fields. Drawn once from the seed, then only read."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model.phantom.geometry import F32, Lattice, Points, Pose, Triple, Volume, stream
from model.phantom.openings import Openings, draw_openings, on_table
from model.phantom.settings import AnatomySettings, uniform

WAVELENGTHS_MM = {
    "warp x": 60.0,
    "warp y": 60.0,
    "thickness": 45.0,
    "scalp": 50.0,
    "fat": 10.0,
    "floor": 25.0,
    "bone": 7.0,
    "broad": 30.0,
    "folds": 13.0,
    "fine folds": 7.5,
    "texture": 5.0,
}
"""Distance of the knots of each noise field. `folds` and `fine folds` shape sulci and ragged borders."""


GYRI_MM = 9.0
"""Distance of the knots of the noise that the cortex folds along."""

GYRI_GRID_MM = 2.5


@dataclass(frozen=True)
class Calcification:
    """A calcified spot: mimics blood, is none."""

    centre: Triple
    radii: Triple
    hu: float


@dataclass(frozen=True)
class Patch:
    """A swelling of the scalp, or something dark in the brain: an old infarct, a cyst."""

    centre: Triple
    radii: Triple
    hu: float
    height_mm: float = 0.0


@dataclass(frozen=True)
class Shape:
    """Sizes of the skull and the soft tissue around it, millimetres. taper: how much wider its back is than its front.

    tubes: bars and leads beside the head: x, y, radius and HU.
    """

    half_width: float
    half_length: float
    skull: float
    diploe_hu: float
    scalp: float
    warp: float
    taper: float
    sinus: tuple[float, float, float] | None
    holder: tuple[float, float, float, float] | None
    tubes: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Tissue:
    """HU of the tissues, and sizes of the fluid spaces, mm.

    pale: how far around the ventricles white matter has darkened. hygroma: fluid over the left and right hemisphere.
    """

    grey: float
    white: float
    csf: float
    falx: float
    falx_width: float
    sagittal_sinus: float
    transverse_sinus: float
    vessel: float
    ventricles: tuple[float, float]
    third_ventricle: float
    pale: float
    hygroma: tuple[float, float]


@dataclass(frozen=True)
class Head:
    """A head. age: 0 (young, tight spaces) to 1 (old, wide spaces)."""

    seed: int
    age: float
    child: bool
    infant: bool
    pose: Pose
    shape: Shape
    tissue: Tissue
    calcifications: tuple[Calcification, ...]
    dense_falx_hu: float
    dark: tuple[Patch, ...]
    swelling: Patch | None
    openings: Openings
    gyri: Volume = field(repr=False)
    fields: dict[str, Lattice] = field(repr=False)


@dataclass(frozen=True)
class Slab:
    """A few neighbouring planes of a head: where their pixels are and what noise they see.

    world: positions (z, y, x) of the planes, rows and columns in mm.
    """

    head: Head
    world: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]
    points: Points
    noises: dict[str, F32] = field(default_factory=dict, repr=False)

    def noise(self, name: str) -> F32:
        """A noise field at every pixel: float32 (planes, rows, columns), unit variance."""
        if name not in self.noises:
            self.noises[name] = self.head.fields[name].at(*self.world)
        return self.noises[name]


def open_slab(
    head: Head,
    z_mm: npt.NDArray[np.float64],
    y_mm: npt.NDArray[np.float64],
    x_mm: npt.NDArray[np.float64],
) -> Slab:
    """Slab of the planes at `z_mm`, with the head's slight asymmetry already in its points."""
    m, offset = head.pose.matrix, head.pose.offset_mm
    x = (x_mm - offset[0]).astype(np.float32)[None, None, :]
    y = (y_mm - offset[1]).astype(np.float32)[None, :, None]
    z = (z_mm - offset[2]).astype(np.float32)[:, None, None]
    places = [float(row[0]) * x + float(row[1]) * y + float(row[2]) * z for row in m]
    slab = Slab(head, (z_mm, y_mm, x_mm), Points(*places))
    places[0] += head.shape.warp * slab.noise("warp x")
    places[1] += head.shape.warp * slab.noise("warp y")
    return slab


def draw_head(seed: int, settings: AnatomySettings, start_mm: Triple, stop_mm: Triple) -> Head:
    """Draw the head of `seed`; the noise covers the box from `start_mm` to `stop_mm` (z, y, x; world)."""
    rng = stream(seed, "head")
    child = bool(rng.random() < settings.child_share)
    age = float(rng.beta(1.5, 1.3)) * (0.15 if child else 1.0)
    infant = bool(rng.random() < settings.infant_share / max(settings.child_share, 1e-9)) and child
    fields = {
        name: Lattice.draw(stream(seed, f"noise {name}"), start_mm, stop_mm, wavelength)
        for name, wavelength in WAVELENGTHS_MM.items()
    }
    return Head(
        seed=seed,
        age=age,
        child=child,
        infant=infant,
        pose=_draw_pose(stream(seed, "pose"), settings, child, infant),
        shape=_draw_shape(stream(seed, "shape"), settings, child, infant),
        tissue=_draw_tissue(stream(seed, "tissue"), settings, age, infant),
        calcifications=_draw_calcifications(stream(seed, "calcifications"), age),
        dense_falx_hu=_draw_dense_falx(stream(seed, "dense falx"), age),
        dark=_draw_dark(stream(seed, "dark"), settings, age),
        swelling=_draw_swelling(stream(seed, "swelling"), settings),
        openings=draw_openings(stream(seed, "openings"), settings, child=child, infant=infant),
        gyri=_draw_gyri(stream(seed, "gyri")),
        fields=fields,
    )


def _draw_gyri(rng: np.random.Generator) -> Volume:
    reach = np.arange(-100, 101, GYRI_GRID_MM)
    lattice = Lattice.draw(rng, (-101.0, -101.0, -101.0), (101.0, 101.0, 101.0), GYRI_MM)
    return Volume(lattice.at(reach, reach, reach), -100.0, GYRI_GRID_MM)


def _draw_pose(rng: np.random.Generator, settings: AnatomySettings, child: bool, infant: bool) -> Pose:
    far = rng.random() < settings.turned_share
    yaw = rng.uniform(-settings.turned_deg, settings.turned_deg) if far else rng.normal(0, settings.yaw_deg)
    angles = (float(yaw), float(rng.normal(0, settings.roll_deg)), float(rng.normal(0, settings.pitch_deg)))
    whole = rng.uniform(0.76, 0.94) if child else rng.normal(1, 0.035)
    whole *= 0.86 if infant else 1.0
    scale = tuple(float(whole * s) for s in (rng.normal(1, 0.035), rng.normal(0.97, 0.05), 1.0))
    offset = (float(rng.normal(0, 4)), float(rng.normal(0, 4)), float(rng.normal(0, 2.5)))
    return Pose.turned(angles, scale, offset)  # type: ignore[arg-type]


def _draw_shape(rng: np.random.Generator, settings: AnatomySettings, child: bool, infant: bool) -> Shape:
    thin = 0.32 if infant else 0.55 if child else 1.0
    sinus = (uniform(rng, (4, 10)), uniform(rng, (8, 16)), uniform(rng, (8, 14)))
    holder = (
        uniform(rng, (98, 116)),
        uniform(rng, (-16, -4)),
        uniform(rng, (5, 45)),
        uniform(rng, (-260, 40)),
    )
    tubes = tuple(
        (
            float(side * rng.uniform(92, 104)),
            uniform(rng, (-50, 70)),
            uniform(rng, (1.5, 5)),
            uniform(rng, (-100, 700)),
        )
        for side in (-1, 1)
        for _ in range(int(rng.integers(1, 4)))
    )
    return Shape(
        half_width=float(rng.normal(66, 1.5)),
        half_length=float(rng.normal(84, 2)),
        skull=uniform(rng, settings.skull_mm) * thin,
        diploe_hu=uniform(rng, (550, 950)) * thin,
        scalp=uniform(rng, settings.scalp_mm),
        warp=uniform(rng, settings.warp_mm),
        taper=uniform(rng, (0.02, 0.11)),
        sinus=sinus if rng.random() < 0.8 and not child else None,
        holder=holder if rng.random() < settings.holder_share else None,
        tubes=tubes if rng.random() < settings.tubes_share else (),
    )


def _draw_tissue(rng: np.random.Generator, settings: AnatomySettings, age: float, infant: bool) -> Tissue:
    grey = uniform(rng, settings.grey_hu) - (uniform(rng, (3, 8)) if infant else 0.0)
    size = float(np.exp(rng.normal(-0.25 + 0.55 * age, 0.2)))
    left, right = rng.normal(0, 0.12, 2)
    return Tissue(
        grey=grey,
        white=grey - uniform(rng, settings.white_below_grey_hu),
        csf=uniform(rng, settings.csf_hu),
        falx=uniform(rng, (46, 62)),
        falx_width=uniform(rng, (0.3, 0.9)),
        sagittal_sinus=uniform(rng, (44, 74)),
        transverse_sinus=uniform(rng, (44, 72)),
        vessel=uniform(rng, (40, 54)),
        ventricles=(size * float(1 + left), size * float(1 + right)),
        third_ventricle=1.5 * size + uniform(rng, (0.2, 0.9)),
        pale=uniform(rng, (4, 13)) if rng.random() < 0.7 * age else 0.0,
        hygroma=_draw_hygroma(rng, settings, age, infant),
    )


def _draw_calcifications(rng: np.random.Generator, age: float) -> tuple[Calcification, ...]:
    found: list[Calcification] = []
    pineal, choroid, ganglia, stray = rng.random(4)
    sizes = rng.uniform(0.55, 1.15, 3)
    densities = (rng.uniform(70, 240), rng.uniform(60, 220), rng.uniform(52, 120), rng.uniform(90, 500))
    if pineal < 0.25 + 0.6 * age:
        s = float(sizes[0])
        found.append(
            Calcification((float(rng.normal(0, 0.7)), 23, 1), (2.2 * s, 2.6 * s, 3 * s), float(densities[0]))
        )
    if choroid < 0.15 + 0.6 * age:
        sides = (1, -1) if rng.random() < 0.8 else (1,)
        radii = tuple(float(v * sizes[1]) for v in (2.6, 4, 4))
        found += [Calcification((side * 25, 36, 9), radii, float(densities[1])) for side in sides]  # type: ignore[arg-type]
    if ganglia < 0.16 * age:
        found += [Calcification((side * 22, -4, 3), (3, 5, 3), float(densities[2])) for side in (1, -1)]
    if stray < 0.05:
        centre = (float(rng.normal(0, 28)), float(rng.normal(0, 35)), float(rng.uniform(0, 50)))
        found.append(Calcification(centre, (1.5, 1.5, 2.5), float(densities[3])))
    return tuple(found)


def _draw_dense_falx(rng: np.random.Generator, age: float) -> float:
    """HU of the falx' calcified part, 0 where it has none."""
    return float(rng.uniform(90, 300)) if rng.random() < 0.25 * age else 0.0


def _draw_hygroma(
    rng: np.random.Generator, settings: AnatomySettings, age: float, infant: bool
) -> tuple[float, float]:
    """Thickness of fluid over the left and right hemisphere."""
    sizes = (uniform(rng, (2, 9)), uniform(rng, (0, 6)))
    first = bool(rng.random() < 0.5)
    if rng.random() > settings.dark_share * (0.8 if infant else 0.4 * age):
        return (0.0, 0.0)
    return sizes if first else (sizes[1], sizes[0])


def _draw_dark(rng: np.random.Generator, settings: AnatomySettings, age: float) -> tuple[Patch, ...]:
    """Old infarcts, in the depth or reaching to the inner table, and cysts of the temporal fossa."""
    side = float(rng.choice((-1, 1)))
    deep = (side * uniform(rng, (14, 40)), uniform(rng, (-35, 40)), uniform(rng, (-2, 35)))
    x, y, z = on_table((side * uniform(rng, (20, 66)), uniform(rng, (-70, 70)), uniform(rng, (-5, 60))))
    share = uniform(rng, (0.62, 0.9))
    kind, chance, count = str(rng.choice(("deep", "cortex", "cyst"), p=(0.4, 0.5, 0.1))), rng.random(), 1
    if kind == "deep":
        count = int(rng.integers(1, 4))
    patches = []
    for _ in range(count):
        a, b, c = (uniform(rng, (3, 9)) for _ in range(3))
        if kind == "deep":
            centre = (deep[0] + float(rng.normal(0, 6)), deep[1] + float(rng.normal(0, 9)), deep[2])
            patches.append(Patch(centre, (a, b, c), uniform(rng, (6, 22))))
        elif kind == "cortex":
            size = uniform(rng, (1.6, 4))
            patches.append(
                Patch(
                    (x * share, y * share, z * share), (a * size, b * size, c * size), uniform(rng, (7, 26))
                )
            )
        else:
            centre = (side * uniform(rng, (38, 50)), uniform(rng, (-42, -22)), uniform(rng, (-16, 0)))
            patches.append(Patch(centre, (a + 6, b + 8, c + 6), uniform(rng, (2, 9))))
    return tuple(patches) if chance < settings.dark_share * (0.35 + 1.3 * age) else ()


def _draw_swelling(rng: np.random.Generator, settings: AnatomySettings) -> Patch | None:
    chance, side = rng.random(), rng.choice((-1, 1))
    centre = (float(side * rng.uniform(25, 75)), float(rng.uniform(-75, 85)), float(rng.uniform(0, 60)))
    radius = float(rng.uniform(22, 45))
    if chance > settings.scalp_haematoma_share:
        return None
    return Patch(centre, (radius, radius, radius), float(rng.uniform(45, 68)), float(rng.uniform(4, 13)))
