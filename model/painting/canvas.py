"""The picture that bleeds are painted on: structure and noise apart, as neither blood nor a shift smooths noise."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model.painting.background import Background, Floats, Mask
from model.preprocess import PIXEL_MM

THICKNESS_MM = 4.0
"""Part of a slice that a border in the picture is averaged over."""
_FINE_MM, _BROAD_MM = 5.0, 15.0
_LEAST_PIXELS = 4
_DRAWN = 0.5


@dataclass(frozen=True)
class Blood:
    """One bleed. Arrays are float32 (S, rows, columns).

    value: of its subtype. cover: share of each pixel that it replaces. hu: by what. blood: share of blood in each
    pixel; None where that is `cover`. around, around_hu: share and HU of oedema. shift: rows and columns (2, S, rows,
    columns), in pixels, from a pixel to where its tissue lay before the bleed pushed it; None where nothing moved.
    drawn: share of blood from which a reader draws it.
    """

    value: int
    cover: Floats
    hu: Floats
    blood: Floats | None = None
    around: Floats | None = None
    around_hu: float = 0.0
    shift: Floats | None = None
    drawn: float = _DRAWN


@dataclass
class Canvas:
    """A cut of a background under work: `structure` in HU, labels, and smooth random fields of unit variance."""

    background: Background
    structure: Floats
    labels: npt.NDArray[np.uint8]
    broad: Floats
    fine: Floats
    rows: Floats = field(repr=False)
    columns: Floats = field(repr=False)

    @property
    def z_mm(self) -> Floats:
        """Position of the slices (S, 1, 1)."""
        return self.background.z_mm[:, None, None]

    def across_slice(self, signed_mm: Callable[[float], Floats]) -> Floats:
        """Share of each pixel inside a border, averaged over the slice: `signed_mm(dz)` is the distance inside it."""
        steps = (-THICKNESS_MM / 3, 0.0, THICKNESS_MM / 3)
        return np.asarray(np.mean([soft(signed_mm(dz)) for dz in steps], 0), np.float32)

    def add(self, blood: Blood) -> bool:
        """Paint a bleed; False, and nothing painted, where too little of it shows."""
        back = self.background
        cover = (blood.cover * back.inside).astype(np.float32)
        share = cover if blood.blood is None else blood.blood * back.inside
        drawn = (share > blood.drawn) & (back.bone_share < 0.015)
        if drawn.sum() < _LEAST_PIXELS:
            return False
        if blood.shift is not None:
            self._move(blood.shift)
        if blood.around is not None:
            dry = blood.around * (1 - back.fluid) * back.inside
            self.structure += dry * (blood.around_hu - self.structure)
        self.structure += cover * (blood.hu - self.structure)
        self.labels[drawn] = blood.value
        return True

    def _move(self, shift: Floats) -> None:
        """Take the tissue of every pixel from where `shift` points to, by linear interpolation."""
        from scipy import ndimage

        back = self.background
        for z in np.flatnonzero(np.abs(shift).max((0, 2, 3)) > 0.3):
            places = [self.rows + shift[0, z], self.columns + shift[1, z]]
            moved = ndimage.map_coordinates(self.structure[z], places, order=1, mode="nearest")
            self.structure[z] = np.where(back.inside[z], moved, self.structure[z])
            if self.labels[z].any():
                self.labels[z] = ndimage.map_coordinates(self.labels[z], places, order=0) * back.inside[z]


def open_canvas(background: Background, labels: npt.NDArray[np.uint8], rng: np.random.Generator) -> Canvas:
    """A canvas over a cut background."""
    shape = background.inside.shape
    rows, columns = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape[1:]), indexing="ij")
    return Canvas(
        background=background,
        structure=background.smooth.astype(np.float32),
        labels=labels.copy(),
        broad=field_of(shape, background.z_mm, _BROAD_MM, rng),
        fine=field_of(shape, background.z_mm, _FINE_MM, rng),
        rows=rows,
        columns=columns,
    )


def soft(signed_mm: Floats) -> Floats:
    """0 outside, 1 inside, linear over a pixel and a half."""
    return np.asarray(np.clip(signed_mm * (1 / (1.5 * PIXEL_MM)) + 0.5, 0, 1), np.float32)


def field_of(shape: tuple[int, ...], z_mm: Floats, wavelength_mm: float, rng: np.random.Generator) -> Floats:
    """A smooth random field (S, rows, columns) of unit variance: a cubic spline through random knots.

    Written without matrix products: those may round differently on another number of threads.
    """
    lengths = (z_mm - z_mm[0], np.arange(shape[1]) * PIXEL_MM, np.arange(shape[2]) * PIXEL_MM)
    places = [np.asarray(length, np.float64) / wavelength_mm for length in lengths]
    knots = [int(place.max()) + 4 for place in places]
    values: Floats = rng.standard_normal(knots, dtype=np.float32) * np.float32(1 / 0.33)
    for axis, place in enumerate(places):
        first = place.astype(np.intp)
        u = (place - first).astype(np.float32)
        parts = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
        along = tuple(slice(None) if each == axis else None for each in range(3))
        taps = [values.take(first + k, axis) * (part[along] / 6) for k, part in enumerate(parts)]
        values = np.asarray(taps[0] + taps[1] + taps[2] + taps[3], np.float32)
    return values


def pick(
    allowed: Mask, rng: np.random.Generator, weight: Floats | None = None
) -> tuple[int, int, int] | None:
    """Slice, row and column of a random pixel among the allowed ones; None where there are none."""
    places = np.flatnonzero(allowed)
    if not len(places):
        return None
    if weight is None:
        chosen = places[rng.integers(len(places))]
    else:
        odds = np.cumsum(weight.ravel()[places], dtype=np.float64)
        if odds[-1] <= 0:
            return None
        chosen = places[min(int(np.searchsorted(odds, rng.random() * odds[-1])), len(places) - 1)]
    z, row, column = np.unravel_index(chosen, allowed.shape)
    return int(z), int(row), int(column)
