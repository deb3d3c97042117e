"""The five hemorrhage subtypes and `any`: names, order, colours, hot keys. Written once, here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Subtype:
    """One hemorrhage subtype. `value` is its number in every label map (0 is no hemorrhage)."""

    value: int
    code: str
    name: str
    colour: str
    hotkey: str

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green, blue, 0 to 255."""
        return tuple(bytes.fromhex(self.colour[1:]))  # type: ignore[return-value]


# Okabe-Ito colours, distinguishable with the common colour-vision deficiencies.
SUBTYPES = (
    Subtype(1, "EDH", "epidural", "#E69F00", "E"),
    Subtype(2, "SDH", "subdural", "#56B4E9", "S"),
    Subtype(3, "SAH", "subarachnoid", "#009E73", "A"),
    Subtype(4, "IVH", "intraventricular", "#F0E442", "V"),
    Subtype(5, "IPH", "intraparenchymal", "#D55E00", "P"),
)
CODES = tuple(subtype.code for subtype in SUBTYPES)
BY_CODE = {subtype.code: subtype for subtype in SUBTYPES}
BY_VALUE = {subtype.value: subtype for subtype in SUBTYPES}

ANY = "any"
SCORES = (ANY, *CODES)
"""Order of every score vector: any, EDH, SDH, SAH, IVH, IPH."""

BACKGROUND = 0
UNKNOWN_SUBTYPE = 254
"""Label of a pixel that bleeds, but whose subtype nobody determined. Training samples only."""
NOT_REVIEWED = 255
"""Label of a pixel that nobody looked at. Training samples only."""
