"""Each shift does what it says, to the HU alone, and the same each time."""

from dataclasses import replace

import numpy as np
import pytest

from model.evaluation import shift
from model.evaluation.shift import SHIFTS
from model.sample import Sample, slice_scores


@pytest.fixture(scope="module")
def head() -> Sample:
    """Two slices of a round skull around brain of 35 HU with a clot of 70 HU; a thin table below."""
    row, column = np.indices((180, 180)) - 89.5
    away = np.hypot(row, column)
    hu = np.where(away <= 65, 35, np.where(away <= 72, 1000, -1000))
    hu[172:174, 20:160] = 200
    hu = np.stack([hu, hu]).astype(np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    labels[1, 70:90, 100:120] = 5
    hu[labels > 0] = 70
    return Sample(hu, (1.0, 1.0), np.array([0.0, 5]), labels, slice_scores(labels), "a", "test")


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_gives_the_same_valid_sample_every_time(name: str, head: Sample) -> None:
    first, second = SHIFTS[name](head), SHIFTS[name](head)
    assert (first.hu == second.hu).all()
    assert (first.hu.shape[0], first.patient) == (2, "a")
    assert (first.scores == head.scores).all()
    assert first.hu.shape != head.hu.shape or (first.hu != head.hu).any()
    # The clot stays about as large as it was.
    area = (first.labels == 5).sum() * np.prod(first.spacing_mm)
    assert area == pytest.approx(400, rel=0.05)


def test_noise_differs_between_slices_and_patients(head: Sample) -> None:
    noisy = shift.noisy(head)
    other = shift.noisy(replace(head, patient="b"))
    grain = noisy.hu[0].astype(int) - head.hu[0]
    assert (grain[80:100, 40:60] != (noisy.hu[1].astype(int) - head.hu[1])[80:100, 40:60]).any()
    assert (noisy.hu != other.hu).any()
    assert grain[60:120, 60:120].std() == pytest.approx(7, abs=1)


def test_gains_move_water_and_leave_air(head: Sample) -> None:
    up, down = shift.gain_up(head), shift.gain_down(head)
    assert (up.hu[0, 90, 60], down.hu[0, 90, 60]) == (round(35 * 1.04 + 4), round(35 * 0.96 - 6))
    assert up.hu[0, 0, 0] == down.hu[0, 0, 0] == -1000


def test_eight_bits_keep_256_values_between_their_ends(head: Sample) -> None:
    noisy = shift.clipped(shift.noisy(head))
    assert (noisy.hu.min(), noisy.hu.max()) == (-100, 300)
    assert len(np.unique(noisy.hu)) <= 256


def test_kernels_blur_and_sharpen_the_edge_of_the_clot(head: Sample) -> None:
    inside, outside = (1, 80, 101), (1, 80, 98)
    soft, sharp = shift.soft_kernel(head), shift.sharp_kernel(head)
    steps = [int(s.hu[inside]) - int(s.hu[outside]) for s in (soft, head, sharp)]
    assert steps == sorted(steps)
    assert steps[0] < steps[2]


@pytest.mark.parametrize(("name", "pixel_mm"), [("pixels 0.75 mm", 0.75), ("pixels 0.35 mm", 0.35)])
def test_other_pixels_cover_the_same_square(name: str, pixel_mm: float, head: Sample) -> None:
    shifted = SHIFTS[name](head)
    assert shifted.spacing_mm == pytest.approx((pixel_mm, pixel_mm), rel=0.01)
    for axis in (1, 2):
        assert shifted.hu.shape[axis] * shifted.spacing_mm[axis - 1] == pytest.approx(180)
    rows = np.flatnonzero((shifted.labels[1] == 5).any(1))
    assert rows[0] * shifted.spacing_mm[0] == pytest.approx(70, abs=1)
    assert (rows[-1] + 1) * shifted.spacing_mm[0] == pytest.approx(90, abs=1)


def test_the_table_goes_and_the_head_stays(head: Sample) -> None:
    alone = shift.without_holder(head)
    assert (alone.hu[0, 172:174] == -1000).all()
    inside = np.hypot(*(np.indices((180, 180)) - 89.5)) <= 70
    assert (alone.hu[0][inside] == head.hu[0][inside]).all()


def test_jpeg_keeps_brain_within_a_few_hu(head: Sample) -> None:
    coded = shift.jpeg(head)
    brain = np.hypot(*(np.indices((180, 180)) - 89.5)) < 50
    assert np.abs(coded.hu[0][brain].astype(int) - 35).max() <= 3


def test_a_turn_moves_truth_with_the_image(head: Sample) -> None:
    turned = shift.rotated(head)
    clot = turned.hu[1][turned.labels[1] == 5]
    assert np.median(clot) == 70
    # 20 mm right of the middle, turned by 12 degrees: the centre of the clot moves by 2 sin(6°) of its distance.
    before, after = (np.argwhere(s.labels[1] == 5).mean(0) for s in (head, turned))
    reach = np.hypot(*(before - 89.5))
    assert np.hypot(*(after - before)) == pytest.approx(2 * reach * np.sin(np.radians(6)), abs=0.5)
    assert np.hypot(*(after - 89.5)) == pytest.approx(reach, abs=0.5)


def test_a_slice_of_air_has_no_holder_to_lose(head: Sample) -> None:
    hu = head.hu.copy()
    hu[0] = -1000
    changed = shift.without_holder(replace(head, hu=hu))
    assert (changed.hu[0] == -1000).all()
    assert (changed.hu[1, 172:174] == -1000).all()
