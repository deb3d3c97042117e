"""Colours to choose from: of the subtypes, and of the window at two contrasts. Tests hold their distances."""

from dataclasses import dataclass

from model.labels import CODES, SUBTYPES


@dataclass(frozen=True)
class SubtypePalette:
    """Colours of the subtypes, in their order. note: for whom it is."""

    id: str
    name: str
    note: str
    colours: tuple[str, ...]


SUBTYPE_PALETTES = (
    SubtypePalette(
        "okabe-ito",
        "Okabe–Ito",
        "Known from charts; told apart with red-green deficiencies.",
        tuple(subtype.colour for subtype in SUBTYPES),
    ),
    # The other two were found by search over saturated colours of at least 4.5 : 1 on black: the largest least
    # distance as four ways to see have it, and steps of lightness of at least 10.
    SubtypePalette(
        "apart",
        "Widest apart",
        "The largest differences with red-green and with blue-yellow deficiencies.",
        ("#FFBFFF", "#BF00FF", "#009F80", "#DFFF9F", "#FF2000"),
    ),
    SubtypePalette(
        "lightness",
        "Steps of lightness",
        "Told apart without any colour vision, and on grey prints.",
        ("#FFBFFF", "#80BF80", "#608000", "#FFFF40", "#FF00FF"),
    ),
)
BY_PALETTE = {palette.id: dict(zip(CODES, palette.colours, strict=True)) for palette in SUBTYPE_PALETTES}

NORMAL = {
    "IMAGE": "#0b0d10",
    "PANEL": "#13161b",
    "CARD": "#1a1e25",
    "RAISED": "#222732",
    "HAIRLINE": "#262b34",
    "EDGE": "#3d4552",
    "TEXT": "#d7dbe2",
    "BRIGHT": "#f2f4f7",
    "QUIET": "#8a93a2",
    "ACCENT": "#8f7df2",
    "ACCENT_DARK": "#352d63",
    "ACCENT_HOVER": "#41377a",
    "AMBER": "#ffd166",
    "AMBER_DARK": "#4a3812",
    "RED": "#ee7b6c",
    "RED_DARK": "#4c2320",
    "GREEN": "#7cc47f",
    "GREEN_DARK": "#17251a",
}
HIGH = NORMAL | {
    "IMAGE": "#000000",
    "PANEL": "#07090b",
    "CARD": "#0f1216",
    "RAISED": "#2a303c",
    "HAIRLINE": "#6b7686",
    "EDGE": "#8e99ab",
    "TEXT": "#ffffff",
    "BRIGHT": "#ffffff",
    "QUIET": "#c3cad6",
    "ACCENT": "#b5a8ff",
    "ACCENT_DARK": "#4a3d99",
    "ACCENT_HOVER": "#5a4cb0",
    "AMBER": "#ffdd80",
    "RED": "#ff9d90",
    "GREEN": "#9be59e",
}
CONTRASTS = {"normal": NORMAL, "high": HIGH}


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2)."""
    parts = [part / 255 for part in bytes.fromhex(colour[1:])]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, 1.4.3)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
