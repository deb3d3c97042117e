"""A one-page summary of a series: what was measured, what the model said, the key images. HTML that needs nothing else.

The markup keeps to what Qt's rich text knows, so that one text makes the page and the PDF.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path

from model.labels import SUBTYPES
from viewer.dicom.files import whole_file
from viewer.jobs.export_view import RGB

RESEARCH = "Research use only, not for diagnosis. The model suspects; it does not diagnose."
KEY_IMAGES_MAX = 6
MEASURES_MAX = 24
"""More would not fit on a page; the rest is counted and listed by “Copy as text”."""
_INK, _QUIET, _LINE = "#16191f", "#5b6472", "#c9ced6"


@dataclass(frozen=True)
class Score:
    """What the model said of a subtype. volume_ml: None where it is not known."""

    code: str
    score: float
    threshold: float
    volume_ml: float | None = None


@dataclass(frozen=True)
class KeyImage:
    """A picture, uint8 (rows, columns, 3), and what is written below it."""

    picture: RGB
    caption: str


@dataclass(frozen=True)
class Summary:
    """What a page says. who: lines about patient and study, empty where they are not to be shown.

    measures: (what, result, where, caution) of each. scores: empty where the series was not scored; `not_scored`
    says why. any_score: that of any hemorrhage. more_key_images: how many are not among `key_images`.
    """

    who: tuple[str, ...]
    series: str
    made: str
    measures: tuple[tuple[str, str, str, str], ...] = ()
    scores: tuple[Score, ...] = ()
    any_score: float | None = None
    model_id: str = ""
    not_scored: str = ""
    cautions: tuple[str, ...] = ()
    key_images: tuple[KeyImage, ...] = ()
    more_key_images: int = 0


def html(summary: Summary, *, image_px: int = 200, text_px: float = 12.0) -> str:
    """The page, self-contained. image_px: width of a key image; text_px: size of the text."""
    who = "<br>".join(map(escape, summary.who)) or "Patient not shown"
    body = "".join(
        (
            f'<h1 style="font-size:{text_px * 1.7:.1f}px; margin:0 0 4px 0">Summary of measures</h1>',
            f'<p style="margin:0 0 2px 0">{who}</p>',
            f'<p style="margin:0 0 8px 0; color:{_QUIET}">{escape(summary.series)} · {escape(summary.made)}</p>',
            f'<p style="margin:0 0 10px 0"><b>{RESEARCH}</b></p>',
            _measures(summary.measures),
            _scores(summary),
            _images(summary.key_images, summary.more_key_images, image_px),
        )
    )
    style = f"font-family:Inter,sans-serif; font-size:{text_px:g}px; color:{_INK}"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Summary of measures</title>'
        "<style>@page { size: A4; margin: 14mm } body { max-width: 720px; margin: 0 auto }</style></head>"
        f'<body style="{style}; background:#ffffff">{body}</body></html>'
    )


def write_html(path: Path, page: str) -> None:
    """Write a page. Raises PterionError where the operating system refuses."""
    with whole_file(path) as file:
        file.write(page.encode("utf-8"))


def _heading(text: str) -> str:
    return f'<h2 style="font-size:medium; margin:10px 0 4px 0">{escape(text)}</h2>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are HTML."""
    cell = f'style="border-bottom:1px solid {_LINE}; padding:2px 10px 2px 0"'
    first = "".join(f'<th align="left" {cell}>{name}</th>' for name in head)
    lines = "".join("<tr>" + "".join(f"<td {cell}>{each}</td>" for each in row) + "</tr>" for row in rows)
    table = '<table width="100%" cellspacing="0" cellpadding="2" style="margin-bottom:10px">'
    return f"{table}<tr>{first}</tr>{lines}</table>"


def _measures(measures: tuple[tuple[str, str, str, str], ...]) -> str:
    if not measures:
        return _heading("Measures") + "<p>Nothing was measured.</p>"
    rows = [
        (escape(what), f"<b>{escape(result)}</b>", escape(where), escape(caution))
        for what, result, where, caution in measures[:MEASURES_MAX]
    ]
    left = len(measures) - len(rows)
    more = f"<p>{left} more measure{'s' * (left != 1)} not listed on this page.</p>" if left else ""
    return _heading("Measures") + _table(("What", "Result", "Image", ""), rows) + more


def _scores(summary: Summary) -> str:
    title = _heading(f"AI scores{f' · model {summary.model_id}' if summary.model_id else ''}")
    if not summary.scores:
        return title + f"<p>{escape(summary.not_scored or 'This series was not scored.')}</p>"
    names = {subtype.code: subtype.name for subtype in SUBTYPES}
    rows = []
    for score in summary.scores:
        suspected = score.score >= score.threshold
        volume = "–" if score.volume_ml is None or not suspected else f"{score.volume_ml:.1f} mL"
        word = "<b>suspected</b>" if suspected else "below threshold"
        rows.append(
            (
                f"{score.code} {names.get(score.code, '')}",
                f"{score.score:.2f}",
                f"{score.threshold:.2f}",
                word,
                volume,
            )
        )
    total = f"<p>Any hemorrhage: <b>{summary.any_score:.2f}</b></p>" if summary.any_score is not None else ""
    caution = f"<p>Scored with caution. {escape(' '.join(summary.cautions))}</p>" if summary.cautions else ""
    return title + total + _table(("Subtype", "Score", "Threshold", "", "Volume"), rows) + caution


def _images(images: tuple[KeyImage, ...], left: int, width_px: int) -> str:
    if not images:
        return ""
    cells = []
    for image in images[:KEY_IMAGES_MAX]:
        data = base64.b64encode(_png(image.picture)).decode("ascii")
        cells.append(
            f'<td align="center" style="padding:3px"><img width="{width_px}" src="data:image/png;base64,{data}"><br>'
            f"{escape(image.caption)}</td>"
        )
    rows = "".join(f"<tr>{''.join(cells[start : start + 3])}</tr>" for start in range(0, len(cells), 3))
    left += len(images) - len(cells)
    more = f"<p>{left} more key image{'s' * (left != 1)} not shown on this page.</p>" if left else ""
    return _heading("Key images") + f"<table>{rows}</table>{more}"


def _png(picture: RGB) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(picture).save(file, "png", optimize=True)
    return file.getvalue()
