"""Contrast of words by numbers, and subtypes that stay apart however somebody sees colours."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from model.labels import CODES
from viewer.preferences import CHOSEN
from viewer.ui import looks, theme
from viewer.ui.looks import BY_PALETTE, CONTRASTS, HIGH, NORMAL, SUBTYPE_PALETTES, contrast

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB; and as they are.
SEEN = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def lab(colours: tuple[str, ...], sight: str) -> npt.NDArray[np.float64]:
    srgb = np.array([list(bytes.fromhex(colour[1:])) for colour in colours]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4) @ SEEN[sight].T
    linear = np.clip(linear, 0, 1)
    back = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    found: npt.NDArray[np.float64] = rgb2lab(back[None])[0]
    return found


def least_distance(colours: tuple[str, ...], sight: str) -> float:
    points = lab(colours, sight)
    return float(min(deltaE_ciede2000(one, other) for one, other in combinations(points, 2)))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == pytest.approx(1)


@pytest.mark.parametrize(
    ("colours", "words", "quiet", "edge"), [(NORMAL, 11.0, 4.5, 1.1), (HIGH, 15.0, 9.0, 3.0)], ids=CONTRASTS
)
def test_words_stand_out_from_every_ground(
    colours: dict[str, str], words: float, quiet: float, edge: float
) -> None:
    for ground in ("IMAGE", "PANEL", "CARD"):
        assert contrast(colours["TEXT"], colours[ground]) >= words
        for name in ("QUIET", "AMBER", "RED", "GREEN"):
            assert contrast(colours[name], colours[ground]) >= quiet, (name, ground)
        assert contrast(colours["HAIRLINE"], colours[ground]) >= edge
    assert contrast(colours["BRIGHT"], colours["ACCENT_DARK"]) >= 7


@pytest.mark.parametrize("palette", SUBTYPE_PALETTES, ids=lambda palette: palette.id)
def test_names_of_subtypes_can_be_read(palette) -> None:
    for colour in palette.colours:
        assert contrast(colour, NORMAL["IMAGE"]) >= 4.2, colour


@pytest.mark.parametrize("sight", SEEN)
@pytest.mark.parametrize(
    ("id_", "least"),
    [("okabe-ito", 11.0), ("apart", 24.0), ("lightness", 19.0)],  # about 2.3 is just noticeable
)
def test_subtypes_stay_apart_however_somebody_sees(id_: str, least: float, sight: str) -> None:
    assert least_distance(tuple(BY_PALETTE[id_].values()), sight) >= least


def test_steps_of_lightness_need_no_colour_at_all() -> None:
    steps = sorted(lab(tuple(BY_PALETTE["lightness"].values()), "normal")[:, 0])
    assert min(np.diff(steps)) >= 10


def test_every_choice_has_its_colours() -> None:
    assert tuple(BY_PALETTE) == CHOSEN["palette"]
    assert tuple(CONTRASTS) == CHOSEN["contrast"]
    assert all(tuple(colours) == CODES for colours in BY_PALETTE.values())
    assert set(HIGH) == set(NORMAL) <= set(vars(theme))
    assert looks.luminance("#ffffff") == pytest.approx(1)
