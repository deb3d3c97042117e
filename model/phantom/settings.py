"""What the phantom may look like: ranges that a head, its bleeds and its scanner are drawn from."""

from dataclasses import dataclass

import numpy as np

Span = tuple[float, float]


def uniform(rng: np.random.Generator, span: Span) -> float:
    """A value of the span, all equally likely."""
    return float(rng.uniform(*span))


@dataclass(frozen=True)
class AnatomySettings:
    """Ranges of the head. Shares are probabilities, 0 to 1.

    field_of_view_mm: width of the picture.
    child_share: heads with a small, thin skull, young brain and tight CSF spaces.
    infant_share: heads with open sutures and a fontanelle.
    turned_share: heads lying far off the midline (the others lie within about 15°).
    dark_share: heads with old infarcts, cysts or fluid over the brain; the older, the more.
    """

    field_of_view_mm: Span = (212.0, 256.0)
    child_share: float = 0.12
    infant_share: float = 0.05
    turned_share: float = 0.15
    turned_deg: float = 28.0
    yaw_deg: float = 6.0
    roll_deg: float = 3.0
    pitch_deg: float = 8.0
    skull_mm: Span = (3.2, 7.6)
    scalp_mm: Span = (3.0, 8.0)
    grey_hu: Span = (35.0, 41.0)
    white_below_grey_hu: Span = (6.0, 12.0)
    csf_hu: Span = (2.0, 11.0)
    warp_mm: Span = (0.8, 2.6)
    scalp_haematoma_share: float = 0.15
    dark_share: float = 0.22
    fracture_share: float = 0.10
    surgery_share: float = 0.09
    holder_share: float = 0.85
    tubes_share: float = 0.2


@dataclass(frozen=True)
class LesionSettings:
    """How often and how dense bleeds are. Subtypes in the order EDH, SDH, SAH, IVH, IPH.

    clot_hu: mean and deviation of a clot before blur and slice averaging take their part.
    together: weights of one, two or three subtypes in a head that bleeds.
    """

    negative_share: float = 0.4
    weights: tuple[float, float, float, float, float] = (0.17, 0.23, 0.24, 0.15, 0.21)
    together: tuple[float, float, float] = (0.55, 0.32, 0.13)
    clot_hu: tuple[Span, Span, Span, Span, Span] = ((64, 8), (60, 9), (66, 7), (52, 8), (61, 8))


@dataclass(frozen=True)
class Scanner:
    """One scanner and protocol.

    blur_mm: deviation of the point spread in the plane. sharpening: how much the kernel lifts edges (0 none).
    noise_hu: deviation of the noise at the head's rim. grain_per_mm: frequency at which the noise's power fades.
    cupping_hu: brightening below the inner table. glow_hu: the same, fading over some 2 cm.
    bar_hu: darkening between the petrous bones. streak_hu: deviation of the streaks.
    motion_mm: how far the head moves while some slices are taken. gain, offset_hu: HU shown = gain · HU + offset.
    """

    blur_mm: float = 0.65
    sharpening: float = 0.1
    noise_hu: float = 2.2
    grain_per_mm: float = 0.3
    cupping_hu: float = 4.0
    glow_hu: float = 3.0
    bar_hu: float = 5.0
    streak_hu: float = 4.0
    motion_mm: float = 0.0
    gain: float = 1.0
    offset_hu: float = 0.0


@dataclass(frozen=True)
class ScannerSettings:
    """Ranges that a scanner is drawn from."""

    blur_mm: Span = (0.4, 1.0)
    sharpening: Span = (0.0, 0.22)
    noise_hu: Span = (1.0, 3.4)
    grain_per_mm: Span = (0.16, 0.42)
    cupping_hu: Span = (1.0, 7.0)
    glow_hu: Span = (0.0, 8.0)
    bar_hu: Span = (1.0, 10.0)
    streak_hu: Span = (1.0, 7.0)
    motion_mm: Span = (0.8, 4.0)
    motion_share: float = 0.08
    gain: Span = (0.96, 1.04)
    offset_hu: Span = (-4.0, 4.0)

    def draw(self, rng: np.random.Generator) -> Scanner:
        """A scanner of these ranges."""
        return Scanner(
            blur_mm=uniform(rng, self.blur_mm),
            sharpening=uniform(rng, self.sharpening),
            noise_hu=uniform(rng, self.noise_hu),
            grain_per_mm=uniform(rng, self.grain_per_mm),
            cupping_hu=uniform(rng, self.cupping_hu),
            bar_hu=uniform(rng, self.bar_hu),
            streak_hu=uniform(rng, self.streak_hu),
            glow_hu=uniform(rng, self.glow_hu),
            motion_mm=uniform(rng, self.motion_mm) if rng.random() < self.motion_share else 0.0,
            gain=uniform(rng, self.gain),
            offset_hu=uniform(rng, self.offset_hu),
        )


SHIFTED = ScannerSettings(
    blur_mm=(1.0, 1.4),
    sharpening=(0.3, 0.5),
    noise_hu=(3.5, 5.0),
    grain_per_mm=(0.38, 0.5),
    cupping_hu=(6.0, 10.0),
    glow_hu=(0.0, 12.0),
    bar_hu=(8.0, 14.0),
    streak_hu=(6.0, 10.0),
    gain=(0.92, 0.97),
    offset_hu=(4.0, 8.0),
)
"""Scanners unlike those of `ScannerSettings()`: for measuring what a model does where it never was."""
