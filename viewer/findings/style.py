"""How the model's masks are laid over the picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from model.labels import CODES

FILL, EDGE = 0.42, 0.85
"""Share of a mask's colour that covers the picture where its opacity is 1: inside and on its outermost pixels."""
FAINT = 0.65
"""The same for the outline of a subtype below its operating point."""


class Look(StrEnum):
    """What of a mask is painted."""

    BOTH = "both"
    FILL = "fill"
    OUTLINE = "outline"


@dataclass(frozen=True)
class OverlayStyle:
    """look: of all masks. opacity: 0 to 1, of all. hidden: subtypes that are not painted. own: opacity of single
    subtypes, where it differs."""

    look: Look = Look.BOTH
    opacity: float = 1.0
    hidden: frozenset[str] = frozenset()
    own: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for a share or a subtype that cannot be."""
        object.__setattr__(self, "look", Look(self.look))
        unknown = sorted((set(self.hidden) | set(self.own)) - set(CODES))
        if unknown or not all(0 <= value <= 1 for value in (self.opacity, *self.own.values())):
            raise ValueError(
                f"opacities go from 0 to 1, of {CODES}: got {self.opacity}, {self.own}, {unknown}"
            )

    def of(self, code: str, *, below: bool = False) -> tuple[float, float]:
        """Shares of colour (inside, on the edge) of a subtype; `below`: of one below its operating point, which a
        reader asked for. That is a faint outline in every look."""
        if below:
            return 0.0, FAINT * self.own.get(code, self.opacity)
        opacity = 0.0 if code in self.hidden else self.own.get(code, self.opacity)
        edge = EDGE if self.look is not Look.FILL else FILL
        return (FILL if self.look is not Look.OUTLINE else 0.0) * opacity, edge * opacity

    def with_shown(self, code: str, *, shown: bool) -> "OverlayStyle":
        """A subtype painted or not."""
        return replace(self, hidden=self.hidden - {code} if shown else self.hidden | {code})

    def with_opacity(self, opacity: float, code: str | None = None) -> "OverlayStyle":
        """Another opacity, of one subtype or of all."""
        if code is None:
            return replace(self, opacity=opacity, own={})
        return replace(self, own={**self.own, code: opacity})

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "look": str(self.look),
            "opacity": self.opacity,
            "hidden": sorted(self.hidden),
            "own": dict(self.own),
        }


def style_from_json(values: Any) -> OverlayStyle:
    """What `to_json` wrote; the usual style for anything else."""
    try:
        return OverlayStyle(
            Look(values["look"]),
            float(values["opacity"]),
            frozenset(values["hidden"]),
            {code: float(value) for code, value in values["own"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return OverlayStyle()
