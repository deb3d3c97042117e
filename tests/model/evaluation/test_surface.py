"""Distances between boxes that can be worked out in the head."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch

from model.evaluation.surface import hausdorff95_mm, surface_dice, surface_mm

Z_MM = np.array([0.0, 5, 10, 20])


def box(rows: slice, columns: slice, slices: slice = slice(1, 2)) -> npt.NDArray[np.bool_]:
    mask = np.zeros((4, 20, 20), np.bool_)
    mask[slices, rows, columns] = True
    return mask


def points(mask: npt.NDArray[np.bool_], z_mm: npt.NDArray[np.float64] = Z_MM) -> npt.NDArray[np.float64]:
    return surface_mm(mask, (1.0, 0.5), z_mm)


def test_the_surface_of_a_block_leaves_its_inside_out() -> None:
    block = box(slice(5, 10), slice(5, 10), slice(0, 3))
    # 3 x 5 x 5 pixels, of which the inner 1 x 3 x 3 have all six neighbours.
    assert len(points(block)) == 75 - 9


def test_a_surface_lies_at_the_slices_own_positions() -> None:
    mask = box(slice(3, 4), slice(4, 5), slice(2, 4))
    assert points(mask).tolist() == [[10, 3, 2], [20, 3, 2]]


def test_the_same_mask_is_no_distance_away() -> None:
    a = points(box(slice(5, 10), slice(5, 10)))
    assert surface_dice(a, a) == 1
    assert hausdorff95_mm(a, a) == 0


def test_a_line_moved_by_three_mm_is_three_mm_away() -> None:
    a, b = (points(box(slice(row, row + 1), slice(0, 20))) for row in (5, 8))
    assert hausdorff95_mm(a, b) == 3
    assert surface_dice(a, b) == 0
    assert surface_dice(a, b, tolerance_mm=3) == 1


def test_the_slice_gap_counts_in_mm() -> None:
    a, b = (points(box(slice(5, 6), slice(5, 6), slice(z, z + 1))) for z in (2, 3))
    assert hausdorff95_mm(a, b) == 10


def test_half_within_the_tolerance_is_half_a_surface_dice() -> None:
    a = np.array([[0.0, 0, 0], [0, 0, 10]])
    b = np.array([[0.0, 1, 0], [0, 0, 30]])
    # Of four points, those at 0 lie 1 mm apart; 10 is 10 from 0 and 30 is 20 from 10.
    assert surface_dice(a, b) == 0.5


def test_an_empty_surface_has_no_distance() -> None:
    some, none = points(box(slice(5, 6), slice(5, 6))), np.zeros((0, 3))
    assert surface_dice(some, none) == surface_dice(none, some) == 0
    assert math.isnan(surface_dice(none, none))
    assert math.isnan(hausdorff95_mm(some, none))


def test_distances_agree_with_a_search_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 4, 12, 12)) > 0.8
    pa, pb = surface_mm(a, (0.7, 0.4), Z_MM), surface_mm(b, (0.7, 0.4), Z_MM)
    apart = np.linalg.norm(pa[:, None] - pb[None], axis=2)
    there, back = apart.min(1), apart.min(0)
    expected = max(np.percentile(there, 95), np.percentile(back, 95))
    assert hausdorff95_mm(pa, pb) == pytest.approx(expected)
    within = (there <= 1).sum() + (back <= 1).sum()
    assert surface_dice(pa, pb, 1.0) == pytest.approx(within / (len(there) + len(back)))


def test_distances_survive_what_training_does_to_small_numbers() -> None:
    torch.set_flush_denormal(True)
    rng = np.random.default_rng(0)
    a, b = (surface_mm(mask, (0.7, 0.4), Z_MM) for mask in rng.random((2, 4, 60, 60)) > 0.5)
    assert 0 < surface_dice(a, b) <= 1


def test_exactly_the_tolerance_is_within_it_wherever_it_lies() -> None:
    rows = np.arange(40)[:, None] * np.array([0, 0.8, 0]) + np.array([0, 0, 0.6])
    # 1.6 and 1.2 mm away, 2 mm in all, at forty places that round differently.
    assert all(surface_dice(row[None], row[None] + [0, 1.6, 1.2]) == 1 for row in rows)
