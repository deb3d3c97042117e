"""The curves of a run: every number by step, as CSV and as a picture (SVG, drawn here: lines need no library)."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Rows = Sequence[Mapping[str, float]]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 240, 56, 30, 190, 34
_SHARES = ("auc", "dice", "EDH", "SDH", "SAH", "IVH", "IPH")


def as_csv(rows: Rows) -> str:
    """A header and a line a row; what a row lacks is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_svg(rows: Rows, title: str) -> str:
    """Losses above, shares from 0 to 1 (AUC, Dice) below, over `step`."""
    names = [
        name for name in dict.fromkeys(n for row in rows for n in row) if name not in ("step", "seconds")
    ]
    losses = [name for name in names if name.endswith("loss")]
    shares = [name for name in names if name.endswith(_SHARES)]
    charts = [chart for chart in (losses, shares) if chart]
    parts = [
        _chart(rows, chart, number * _HEIGHT, (0.0, 1.0) if chart is shares else None)
        for number, chart in enumerate(charts)
    ]
    height = _HEIGHT * max(len(charts), 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{_LEFT}" y="16" font-weight="bold">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def _chart(rows: Rows, names: Sequence[str], top: int, ends: tuple[float, float] | None) -> str:
    """Lines of `names` in a frame whose upper edge lies at `top`; `ends` of the scale, else those of the numbers."""
    series = {name: _points(rows, name) for name in names}
    values = [y for points in series.values() for _, y in points] or [0.0]
    low, high = ends or (min(0.0, *values), max(values) or 1.0)
    last = max((x for points in series.values() for x, _ in points), default=1.0) or 1.0
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> str:
        return f"{_LEFT + x / last * width:.1f},{top + _TOP + (1 - (y - low) / (high - low)) * height:.1f}"

    parts = [
        f'<rect x="{_LEFT}" y="{top + _TOP}" width="{width}" height="{height}" fill="none" stroke="#999"/>',
        f'<text x="{_LEFT - 6}" y="{top + _TOP + 8}" text-anchor="end">{high:.3g}</text>',
        f'<text x="{_LEFT - 6}" y="{top + _TOP + height}" text-anchor="end">{low:.3g}</text>',
        f'<text x="{_LEFT + width}" y="{top + _TOP + height + 16}" text-anchor="end">step {last:.0f}</text>',
    ]
    for number, (name, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(place(x, y) for x, y in points)
        dash = ' stroke-dasharray="4 3"' if number >= len(_COLOURS) else ""
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
        x, y = _LEFT + width + 10, top + _TOP + 10 + 14 * number
        parts.append(f'<text x="{x}" y="{y}" fill="{colour}">{escape(name)}</text>')
    return "".join(parts)


def _points(rows: Rows, name: str) -> list[tuple[float, float]]:
    return [
        (float(row["step"]), float(row[name]))
        for row in rows
        if name in row and row[name] is not None and math.isfinite(row[name])
    ]
