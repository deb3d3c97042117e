"""The plan of a head's bleeds: subtype, place, size and density. Nothing is painted here (see `bleeds`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.labels import BY_CODE, CODES
from model.phantom.geometry import Triple, stream
from model.phantom.settings import LesionSettings, uniform


@dataclass(frozen=True)
class Lesion:
    """A bleed. `kind` is a value of `model.labels`; x > 0 of `centre` is the patient's left.

    form: how it lies: `convex`, `falx`, `tentorium`; `sulci`, `basal`, `sylvian`, `stem`; `layer`, `side`, `cast`;
        `clot`.
    size: what the form needs, in mm unless its name says otherwise. push_mm: how far it shifts the brain.
    satellites: centres relative to `centre` and radii of smaller clots.
    """

    kind: int
    form: str
    centre: Triple
    hu: float
    size: dict[str, float]
    push_mm: float = 0.0
    satellites: tuple[tuple[Triple, float], ...] = field(default=())


def draw_kinds(seed: int, settings: LesionSettings) -> tuple[str, ...]:
    """Subtypes that the head of `seed` shows; none in `settings.negative_share` of the heads."""
    rng = stream(seed, "kinds")
    if rng.random() < settings.negative_share:
        return ()
    count = rng.choice((1, 2, 3), p=np.array(settings.together) / sum(settings.together))
    weights = np.array(settings.weights) / sum(settings.weights)
    return tuple(str(code) for code in rng.choice(CODES, size=count, replace=False, p=weights))


def plan_lesions(seed: int, kinds: Sequence[str], settings: LesionSettings) -> tuple[Lesion, ...]:
    """Bleeds of the head of `seed`, in painting order: deep ones first, those at the skull last.

    Each subtype has its own random numbers: asking for another one too leaves this one as it is.
    """
    side = int(stream(seed, "side").choice((-1, 1)))
    plans: dict[str, Callable[[np.random.Generator, int, Callable[[], float]], list[Lesion]]] = {
        "EDH": _epidural,
        "SDH": _subdural,
        "SAH": _subarachnoid,
        "IVH": _intraventricular,
        "IPH": _intraparenchymal,
    }
    lesions: list[Lesion] = []
    for code in kinds:
        rng = stream(seed, f"lesion {code}")
        here = side if rng.random() < 0.8 else -side
        mean, deviation = settings.clot_hu[BY_CODE[code].value - 1]

        def clot(rng: np.random.Generator = rng, mean: float = mean, deviation: float = deviation) -> float:
            return float(np.clip(rng.normal(mean, deviation), 44, 88))

        lesions += plans[code](rng, here, clot)
    return tuple(sorted(lesions, key=lambda lesion: -lesion.kind))


def _normal(rng: np.random.Generator, mean: float, deviation: float) -> float:
    return float(rng.normal(mean, deviation))


def _epidural(rng: np.random.Generator, side: int, clot: Callable[[], float]) -> list[Lesion]:
    places = ((64, -14, 10), (60, 22, 38), (44, -62, 25), (40, 66, 10))
    x, y, z = places[int(rng.choice(4, p=(0.48, 0.28, 0.14, 0.10)))]
    length = float(np.clip(rng.lognormal(np.log(22), 0.4), 9, 44))
    height = length * uniform(rng, (0.26, 0.52))
    size = {"length": length, "height": height, "along y": 1, "along z": 1, "roughness": 0.06, "edge": 0.75}
    size["swirl"] = float(rng.random() < 0.3)
    push = height * 0.22 * (rng.random() < 0.8)
    centre = (side * x, y + _normal(rng, 0, 9), z + _normal(rng, 0, 7))
    size["bounded"] = float(rng.random() < 0.85)
    return [Lesion(1, "convex", centre, clot(), size, push)]


def _subdural(rng: np.random.Generator, side: int, clot: Callable[[], float]) -> list[Lesion]:
    first = str(rng.choice(("convex", "thin", "falx", "tentorium"), p=(0.58, 0.20, 0.14, 0.08)))
    lesions = [_one_subdural(rng, first, side, clot)]
    if rng.random() < 0.3:
        second = str(rng.choice(("thin", "falx", "tentorium"), p=(0.5, 0.25, 0.25)))
        lesions.append(_one_subdural(rng, second, -side if rng.random() < 0.4 else side, clot))
    return lesions


def _one_subdural(rng: np.random.Generator, form: str, side: int, clot: Callable[[], float]) -> Lesion:
    if form == "falx":
        centre = (side * 2.0, float(rng.choice((-1, 1))) * uniform(rng, (20, 58)), 35 + _normal(rng, 0, 8))
        return Lesion(
            2, form, centre, clot(), {"height": uniform(rng, (2.4, 6.5)), "length": uniform(rng, (18, 45))}
        )
    if form == "tentorium":
        size = {"height": uniform(rng, (2.4, 6)), "length": uniform(rng, (14, 30))}
        return Lesion(2, form, (side * uniform(rng, (18, 34)), uniform(rng, (26, 50)), -8.0), clot(), size)
    thin = form == "thin"
    height = uniform(rng, (2.2, 4.5)) if thin else float(np.clip(rng.lognormal(np.log(5.6), 0.45), 2.8, 20))
    size = {
        "length": uniform(rng, (18, 45)) if thin else uniform(rng, (35, 85)),
        "height": height,
        "along y": uniform(rng, (0.7, 1)),
        "along z": uniform(rng, (1, 1.5)),
        "roughness": 0.16,
        "edge": 0.5,
        "level": 1e3,
    }
    age = rng.random()
    hu = clot()
    if age < 0.2:  # acute on chronic: older, darker fluid above the level
        size |= {"level": _normal(rng, 5, 12), "old hu": uniform(rng, (18, 38))}
    elif age < 0.28:  # subacute, about as bright as the brain
        hu = uniform(rng, (32, 44))
    y = _normal(rng, 0, 40) if thin else _normal(rng, 0, 22)
    centre = (side * 60.0, float(np.clip(y, -75, 75)), 28 + _normal(rng, 0, 12))
    return Lesion(2, "convex", centre, hu, size, max(0.0, height - 5) * uniform(rng, (0.3, 0.8)))


def _subarachnoid(rng: np.random.Generator, side: int, clot: Callable[[], float]) -> list[Lesion]:
    form = str(rng.choice(("sulci", "basal", "sylvian", "stem"), p=(0.52, 0.28, 0.14, 0.06)))
    lesions = []
    if form != "sulci":
        size = {
            "fill": uniform(rng, (0.72, 1)),
            "other side": uniform(rng, (0, 1)),
            "top": uniform(rng, (8, 34)),
            "radius": uniform(rng, (20, 45)),
        }
        lesions.append(Lesion(3, form, (side * 30.0, -10.0, -5.0), clot(), size))
    spots = int(rng.integers(2, 7)) if form == "sulci" else int(rng.integers(0, 3))
    for _ in range(spots):
        far = side if rng.random() < 0.75 else -side
        centre = _under_skull((far * uniform(rng, (15, 62)), uniform(rng, (-75, 80)), uniform(rng, (-5, 70))))
        radius = uniform(rng, (16, 32)) if rng.random() < 0.2 else uniform(rng, (7, 16))
        lesions.append(
            Lesion(3, "sulci", centre, clot(), {"fill": uniform(rng, (0.72, 1)), "radius": radius})
        )
    return lesions


def _under_skull(place: Triple) -> Triple:
    """The point a little below the inner table in the direction of `place`."""
    x, y, z = place
    stretch = 0.9 / float(np.sqrt((x / 66) ** 2 + (y / 84) ** 2 + (z / 78) ** 2))
    return (x * stretch, y * stretch, z * stretch)


def _intraventricular(rng: np.random.Generator, side: int, clot: Callable[[], float]) -> list[Lesion]:
    form = str(rng.choice(("layer", "side", "cast"), p=(0.68, 0.22, 0.10)))
    size = {
        "level": uniform(rng, (34, 54)),
        "tilt": _normal(rng, 0, 3),
        "other side": float(rng.choice((0, 0.5, 1), p=(0.3, 0.2, 0.5))),
        "fourth": float(rng.random() < 0.25),
        "third": float(rng.random() < 0.25),
    }
    return [Lesion(4, form, (side * 20.0, 20.0, 10.0), clot(), size)]


def _intraparenchymal(rng: np.random.Generator, side: int, clot: Callable[[], float]) -> list[Lesion]:
    place = str(
        rng.choice(("ganglia", "lobe", "thalamus", "below", "contusion"), p=(0.32, 0.33, 0.11, 0.09, 0.15))
    )
    if place == "contusion":
        return _contusions(rng, side, clot)
    centre, reach = {
        "ganglia": ((_normal(rng, 26, 3), _normal(rng, -4, 6), _normal(rng, 5, 4)), (5, 21)),
        "lobe": ((uniform(rng, (25, 48)), uniform(rng, (-50, 50)), uniform(rng, (5, 50))), (4, 26)),
        "thalamus": ((_normal(rng, 12, 2), _normal(rng, 9, 3), _normal(rng, 4, 3)), (4, 14)),
        "below": ((uniform(rng, (0, 28)), _normal(rng, 44, 8), _normal(rng, -32, 4)), (4, 16)),
    }[place]
    radius = uniform(rng, (float(reach[0]), float(reach[1])))
    satellites = _satellites(rng, radius, int(rng.integers(0, 4))) if place == "lobe" else ()
    surface = place in ("lobe", "below")
    return [_clot(rng, (side * centre[0], centre[1], centre[2]), radius, clot(), surface, satellites)]


def _contusions(rng: np.random.Generator, side: int, clot: Callable[[], float]) -> list[Lesion]:
    """Small clots below the frontal and temporal bones and in the white matter, as after a blow."""
    places = ((20, -58, -4), (46, -18, -14), (30, -48, 12), (44, 20, 20), (26, 0, 40))
    lesions = []
    for _ in range(int(rng.integers(1, 5))):
        x, y, z = places[int(rng.choice(5, p=(0.34, 0.30, 0.12, 0.12, 0.12)))]
        here = side if rng.random() < 0.7 else -side
        centre = (here * (x + _normal(rng, 0, 6)), y + _normal(rng, 0, 8), z + _normal(rng, 0, 6))
        radius = float(np.clip(rng.lognormal(np.log(6), 0.5), 2.6, 20))
        lesions.append(
            _clot(rng, centre, radius, clot(), True, _satellites(rng, radius, int(rng.integers(0, 3))))
        )
    return lesions


def _satellites(rng: np.random.Generator, radius: float, count: int) -> tuple[tuple[Triple, float], ...]:
    return tuple(
        (
            (_normal(rng, 0, radius + 2), _normal(rng, 0, radius + 2), _normal(rng, 0, 0.7 * radius + 1)),
            uniform(rng, (1.6, 0.35 * radius + 2.2)),
        )
        for _ in range(count)
    )


def _clot(
    rng: np.random.Generator,
    centre: Triple,
    radius: float,
    hu: float,
    surface: bool,
    satellites: tuple[tuple[Triple, float], ...],
) -> Lesion:
    a, b, c = (float(radius * s) for s in rng.uniform(0.7, 1.3, 3))
    size = {
        "a": a,
        "b": b,
        "c": c,
        "roughness": uniform(rng, (0.8, 2.4)) * 0.16 * min(a, b, c),
        "oedema": uniform(rng, (1.5, 8)) * min(1, radius / 12) + 0.6,
        "oedema hu": uniform(rng, (13, 23)),
        "below surface": 1.2 if surface else 4.0,
    }
    push = max(0.0, radius - 9) * uniform(rng, (0.2, 0.5))
    return Lesion(5, "clot", centre, hu, size, push, satellites)
