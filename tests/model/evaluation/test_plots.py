"""Plots are drawn where the numbers say, and no text can break them."""

import xml.etree.ElementTree as ElementTree

import pytest

from model.evaluation.plots import Axis, Line, plot


def test_a_plot_is_sound_svg_with_a_name_for_each_line() -> None:
    lines = [Line(((0, 0), (1, 1)), f"<{n}> & co") for n in range(4)]
    drawn = ElementTree.fromstring(plot("a < b", Axis("x"), Axis("y"), lines))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b", "x", "y", "<0> & co", "<3> & co"} <= set(texts)


def test_points_lie_between_the_ends_of_the_axes() -> None:
    line = Line(((0, 0), (5, 10), (99, 10)), dots=True)
    drawn = ElementTree.fromstring(plot("p", Axis("x", 0, 10), Axis("y", 0, 10), [line]))
    dots = [
        (float(e.get("cx", "")), float(e.get("cy", "")))
        for e in drawn.iter("{http://www.w3.org/2000/svg}circle")
    ]
    left, right, bottom, top = 52, 368, 256, 28
    assert dots == [(left, bottom), ((left + right) / 2, top), (right, top)]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 25, [0, 5, 10, 15, 20, 25]),
        (-16, 16, [-15, -10, -5, 0, 5, 10, 15]),
    ],
)
def test_ticks_are_round_numbers_within_the_axis(low: float, high: float, ticks: list[float]) -> None:
    assert Axis("x", low, high).ticks() == pytest.approx(ticks)


def test_an_axis_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="must rise"):
        Axis("x", 1, 1)
