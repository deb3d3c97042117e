"""Small plots as SVG text that stands inside a page: lines, points, axes, a legend. No library, no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 380, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 28, 44
_A_ROW = 3
_INK, _SOFT, _GRID = "#1d2126", "#5c6670", "#dde2e7"


@dataclass(frozen=True)
class Axis:
    """What an axis shows, from where to where."""

    label: str
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for an axis without length."""
        if not self.high > self.low:
            raise ValueError(f"an axis must rise, got {self.low} to {self.high}")

    def ticks(self) -> list[float]:
        """Round numbers on it, at most nine."""
        step = 10.0 ** np.floor(np.log10((self.high - self.low) / 8))
        for factor in (1, 2, 5, 10):
            count = (self.high - self.low) / (step * factor)
            if count <= 8:
                step *= factor
                break
        first = np.ceil(self.low / step - 1e-9) * step
        return [float(round(t, 10)) + 0.0 for t in np.arange(first, self.high + step * 1e-6, step)]


@dataclass(frozen=True)
class Line:
    """A line through points, or the points alone. dash: an SVG dash pattern."""

    points: Points
    label: str = ""
    colour: str = "#1a5fb4"
    dash: str = ""
    dots: bool = False
    joined: bool = True


def plot(title: str, x: Axis, y: Axis, lines: Sequence[Line]) -> str:
    """The whole plot. Points beyond an axis are drawn at its end."""
    named = [line for line in lines if line.label]
    height = _HEIGHT + 16 * -(-len(named) // _A_ROW) + 4
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}" font-family="Inter, Arial, sans-serif" role="img" aria-label="{escape(title)}">'
        ),
        _text(title, _LEFT, 16, 13, weight="600", colour=_INK),
        *_axes(x, y),
        *(_line(line, x, y) for line in lines if line.points),
        *_legend(named),
        "</svg>",
    ]
    return "".join(parts)


def _axes(x: Axis, y: Axis) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for tick in x.ticks():
        at = _across(tick, x)
        parts.append(f'<path stroke="{_GRID}" d="M{at:.1f} {_TOP}V{bottom}"/>')
        parts.append(_text(f"{tick:g}", at, bottom + 15, 11, "middle"))
    for tick in y.ticks():
        at = _up(tick, y)
        parts.append(f'<path stroke="{_GRID}" d="M{_LEFT} {at:.1f}H{right}"/>')
        parts.append(_text(f"{tick:g}", _LEFT - 6, at + 4, 11, "end"))
    parts.append(_text(x.label, (_LEFT + right) / 2, _HEIGHT - 8, 12, "middle"))
    turned = _text(y.label, 0, 0, 12, "middle")
    parts.append(f'<g transform="translate(13 {(_TOP + bottom) / 2}) rotate(-90)">{turned}</g>')
    return parts


def _text(
    text: str, x: float, y: float, size: int, anchor: str = "start", weight: str = "400", colour: str = _SOFT
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _line(line: Line, x: Axis, y: Axis) -> str:
    at = [(_across(px, x), _up(py, y)) for px, py in line.points]
    drawn = ""
    if line.joined:
        path = "L".join(f"{px:.1f} {py:.1f}" for px, py in at)
        dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
        drawn = f'<path fill="none" stroke="{line.colour}" stroke-width="1.8"{dash} d="M{path}"/>'
    if line.dots or not line.joined:
        drawn += "".join(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{line.colour}"/>' for px, py in at)
    return drawn


def _legend(lines: Sequence[Line]) -> list[str]:
    """Names below the plot, so many a row that they never hide a curve."""
    parts = []
    for place, line in enumerate(lines):
        row, column = divmod(place, _A_ROW)
        x, y = _LEFT + column * (_WIDTH - _LEFT) / _A_ROW, _HEIGHT + 12 + 16 * row
        parts.append(f'<path stroke="{line.colour}" stroke-width="3" d="M{x:.1f} {y - 4}h12"/>')
        parts.append(_text(line.label, x + 16, y, 11))
    return parts


def _across(value: float, axis: Axis) -> float:
    share = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _up(value: float, axis: Axis) -> float:
    share = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)
