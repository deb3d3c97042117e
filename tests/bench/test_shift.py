"""The known push of simulated heads, and what is said of the estimates."""

import math
from dataclasses import replace

import pytest

from model.phantom.lesions import Lesion, draw_kinds, plan_lesions
from model.phantom.settings import LesionSettings
from viewer.bench.shift import Estimate, pushed_mm, report


def a_lesion() -> Lesion:
    settings = LesionSettings()
    return next(
        lesion for seed in range(100) for lesion in plan_lesions(seed, draw_kinds(seed, settings), settings)
    )


def test_a_bleed_on_the_left_pushes_to_the_right() -> None:
    """Seen from the midline a bleed 45 mm to the left counts as 0.35 · 45 mm away, of a reach of 45 mm."""
    left = replace(a_lesion(), centre=(45.0, 0.0, 0.0), push_mm=8.0)
    assert pushed_mm([left]) == pytest.approx(-8 * math.exp(-(0.35**2)))
    assert pushed_mm([left, replace(left, centre=(-45.0, 0.0, 0.0))]) == pytest.approx(0)
    assert pushed_mm([]) == 0


def test_the_report_counts_sides_errors_and_what_is_not_there() -> None:
    found = [
        Estimate(5.0, 6.0),
        Estimate(-4.0, -7.0),
        Estimate(4.0, -4.0),
        Estimate(0.0, 3.5),
        Estimate(0.2, 0.0),
    ]
    said = report([*found, Estimate(6.0, None)])
    assert "6 heads, 1 said not to be measurable" in said
    assert "3.8 mm or more: 3; told to the right side: 2" in said
    assert "median 2.0 mm, largest 3.0 mm" in said
    assert "less than 1 mm: 2; a shift is told of 1 (3.5 mm)" in said
