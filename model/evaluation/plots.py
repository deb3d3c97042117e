"""Small plots as SVG text that stands inside a page: lines, points, axes, a legend. No library, no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 380, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 28, 44


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
        """Four to eight round numbers on it."""
        step = 10.0 ** np.floor(np.log10((self.high - self.low) / 2))
        for factor in (1, 2, 5, 10):
            count = (self.high - self.low) / (step * factor)
            if count <= 8:
                step *= factor
                break
        first = np.ceil(self.low / step - 1e-9) * step
        return [float(round(t, 10)) for t in np.arange(first, self.high + step * 1e-6, step)]


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
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        f'<text class="title" x="{_LEFT}" y="16">{escape(title)}</text>',
        *_axes(x, y),
        *(_line(line, x, y) for line in lines if line.points),
        *_legend([line for line in lines if line.label]),
        "</svg>",
    ]
    return "".join(parts)


def _axes(x: Axis, y: Axis) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for tick in x.ticks():
        at = _across(tick, x)
        parts.append(f'<path class="grid" d="M{at:.1f} {_TOP}V{bottom}"/>')
        parts.append(
            f'<text class="tick" x="{at:.1f}" y="{bottom + 15}" text-anchor="middle">{tick:g}</text>'
        )
    for tick in y.ticks():
        at = _up(tick, y)
        parts.append(f'<path class="grid" d="M{_LEFT} {at:.1f}H{right}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = (_TOP + bottom) / 2
    parts.append(f'<text class="axis" x="{(_LEFT + right) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">')
    parts.append(f"{escape(x.label)}</text>")
    parts.append(f'<text class="axis" transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">')
    parts.append(f"{escape(y.label)}</text>")
    return parts


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
    """Names at the lower right, where curves of good systems leave room."""
    parts = []
    for row, line in enumerate(reversed(lines)):
        y = _HEIGHT - _BOTTOM - 10 - 15 * row
        parts.append(f'<path stroke="{line.colour}" stroke-width="3" d="M{_WIDTH - 138} {y - 4}h14"/>')
        parts.append(f'<text class="legend" x="{_WIDTH - 119}" y="{y}">{escape(line.label)}</text>')
    return parts


def _across(value: float, axis: Axis) -> float:
    share = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _up(value: float, axis: Axis) -> float:
    share = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)
