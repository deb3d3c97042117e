"""The subtypes' colours told apart with every kind of colour vision, by distances in CIE Lab (CIEDE2000)."""

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from model.labels import CODES
from viewer.ui.looks import BY_PALETTE

Array = npt.NDArray[np.float64]

# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
NOTICED = 10.0
"""CIEDE2000 of 1 is about the least that is noticed side by side; ten is told at a glance."""


def linear(colour: str) -> Array:
    """sRGB `#rrggbb` as linear RGB, IEC 61966-2-1."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    """CIE 1976 L*a*b* of linear RGB, D65."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: Array, other: Array) -> float:
    """The distance of two colours (Sharma, Wu, Dalal 2005)."""
    c_mean = (math.hypot(*one[1:]) + math.hypot(*other[1:])) / 2
    g = (1 - math.sqrt(c_mean**7 / (c_mean**7 + 25.0**7))) / 2
    (l1, c1, h1), (l2, c2, h2) = (
        (v[0], math.hypot(v[1] * (1 + g), v[2]), math.degrees(math.atan2(v[2], v[1] * (1 + g))) % 360)
        for v in (one, other)
    )
    dh = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    h_mean = h1 + h2 if c1 * c2 == 0 else (h1 + dh / 2) % 360
    l_mean, c_mean = (l1 + l2) / 2, (c1 + c2) / 2
    big_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(dh / 2))
    t = (
        1
        - 0.17 * math.cos(math.radians(h_mean - 30))
        + 0.24 * math.cos(math.radians(2 * h_mean))
        + 0.32 * math.cos(math.radians(3 * h_mean + 6))
        - 0.20 * math.cos(math.radians(4 * h_mean - 63))
    )
    s_l = 1 + 0.015 * (l_mean - 50) ** 2 / math.sqrt(20 + (l_mean - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c_mean, 1 + 0.015 * c_mean * t
    turn = 60 * math.exp(-(((h_mean - 275) / 25) ** 2))
    r_t = -math.sin(math.radians(turn)) * 2 * math.sqrt(c_mean**7 / (c_mean**7 + 25.0**7))
    dl, dc, dh_ = (l2 - l1) / s_l, (c2 - c1) / s_c, big_h / s_h
    return math.sqrt(dl**2 + dc**2 + dh_**2 + r_t * dc * dh_)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [  # rows 1, 7, 17 and 25 of Sharma, Wu, Dalal's table 1
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_distance_is_the_published_one(
    one: tuple[float, ...], other: tuple[float, ...], distance: float
) -> None:
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(distance, abs=1e-4)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("palette", BY_PALETTE)
def test_subtypes_are_told_apart_at_a_glance(palette: str, vision: str) -> None:
    seen = {code: lab(VISION[vision] @ linear(BY_PALETTE[palette][code])) for code in CODES}
    near = {(a, b): ciede2000(seen[a], seen[b]) for a, b in combinations(CODES, 2)}
    assert {pair: round(d, 1) for pair, d in near.items() if d < NOTICED} == {}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("palette", ["okabe-ito", "lightness"])
def test_subtypes_stand_out_from_brain_and_blood(palette: str, vision: str) -> None:
    """Outlines over the greys of brain to those of blood. The nearest: the shipped green over a middle grey, 8.6."""
    for grey in ("#606060", "#909090", "#c0c0c0"):
        over = lab(VISION[vision] @ linear(grey))
        for code in CODES:
            assert ciede2000(over, lab(VISION[vision] @ linear(BY_PALETTE[palette][code]))) >= 8
