"""Curves as CSV and as a picture whose lines lie where the numbers say."""

import re
import xml.etree.ElementTree as ElementTree

from model.curves import as_csv, as_svg

ROWS = [
    {"step": 0, "seconds": 1.0, "loss": 4.0, "a_auc": 0.5},
    {"step": 50, "seconds": 2.0, "loss": 2.0, "a_auc": float("nan")},
    {"step": 100, "seconds": 3.0, "loss": 0.0, "a_auc": 1.0, "b_dice": 0.25},
]
SVG = "{http://www.w3.org/2000/svg}"


def lines(svg: str) -> list[list[tuple[float, float]]]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    return [[tuple(map(float, p.split(","))) for p in line.get("points", "").split()] for line in found]  # type: ignore[misc]


def test_a_number_that_a_row_lacks_is_empty() -> None:
    assert as_csv(ROWS).splitlines() == [
        "step,seconds,loss,a_auc,b_dice", "0,1.0,4.0,0.5,", "50,2.0,2.0,nan,", "100,3.0,0.0,1.0,0.25",
    ]  # fmt: skip


def test_the_lines_lie_where_the_numbers_say() -> None:
    svg = as_svg(ROWS, "a <b> & c")
    loss, auc, dice = lines(svg)
    frame = ElementTree.fromstring(svg).findall(f"{SVG}rect")[1]
    left, top, width, height = (float(frame.get(k, "")) for k in ("x", "y", "width", "height"))
    assert loss == [(left, top), (left + width / 2, top + height / 2), (left + width, top + height)]
    assert [x for x, _ in auc] == [left, left + width]  # what is not a number is left out
    below = auc[1][1]
    assert auc[0][1] == below + height / 2
    assert dice == [(left + width, below + 0.75 * height)]
    assert re.search("a &lt;b&gt; &amp; c", svg)


def test_a_run_that_has_not_begun_has_an_empty_picture() -> None:
    assert lines(as_svg([], "x")) == []
    assert as_csv([]) == "\n"
