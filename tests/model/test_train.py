"""Drawing, changing and painting stacks."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from model.augment import Augmentation, augment, network_input
from model.batches import Case, Stack, StackSampler, crop_sample, gaps_mm
from model.painting import paint
from model.preprocess import AIR_HU, PIXEL_MM, SIZE, window_channels
from model.sample import Sample, slice_scores
from model.sequence import study_scores


def head_hu(size: int = 120, spacing_mm: float = 1.7) -> npt.NDArray[np.int16]:
    """A round skull of 75 mm radius around brain of 35 HU with a ventricle of 5 HU."""
    row, column = np.indices((size, size)) - (size - 1) / 2
    away = np.hypot(row, column) * spacing_mm
    hu = np.where(away <= 68, 35, np.where(away <= 75, 1000, -1000))
    hu[(np.abs(row * spacing_mm) < 20) & (np.abs(column * spacing_mm) < 8)] = 5
    return hu.astype(np.int16)


def head_sample(patient: str, value: int, source: str = "phantom") -> Sample:
    """Four slices; slices 1 and 2 bleed as `value` in 10 x 10 pixels of 1.7 mm."""
    hu, labels = np.stack([head_hu()] * 4), np.zeros((4, 120, 120), np.uint8)
    if value:
        labels[1:3, 40:50, 70:80] = value
        hu[labels > 0] = 65
    return Sample(hu, (1.7, 1.7), np.array([0.0, 5, 10, 15]), labels, slice_scores(labels), patient, source)


def a_case(patient: str, value: int) -> Case:
    return crop_sample(head_sample(patient, value))


def test_a_sample_is_cropped_to_the_network_grid() -> None:
    case = a_case("a", 2)
    assert case.hu.shape == case.labels.shape == (4, SIZE, SIZE)
    assert (case.labels[1] == 2).sum() * PIXEL_MM**2 == pytest.approx(17 * 17, rel=0.08)
    assert case.gaps_mm.tolist() == [5, 5, 5, 5]


def test_gaps_belong_to_the_slice_before() -> None:
    assert gaps_mm(np.array([0.0, 4, 11])).tolist() == [4, 4, 7]
    assert gaps_mm(np.array([3.0])).tolist() == [5]


def test_rare_subtypes_are_drawn_by_the_root_of_their_patients() -> None:
    cases = [a_case(f"s{i}", 2) for i in range(4)] + [a_case("i", 5)]
    sampler = StackSampler(cases, count=1, positive=1.0)
    rng = np.random.default_rng(0)
    drawn = [sampler.draw(rng).scores[0] for _ in range(600)]
    assert np.mean([d[2] for d in drawn]) == pytest.approx(2 / 3, abs=0.07)
    assert np.mean([d[5] for d in drawn]) == pytest.approx(1 / 3, abs=0.07)


def test_a_pool_without_bleeds_gives_negatives() -> None:
    stack = StackSampler([a_case("n", 0)], count=3, positive=0.9).draw(np.random.default_rng(1))
    assert not stack.scores.any()
    assert stack.hu.shape == (3, SIZE, SIZE)


def test_augmenting_moves_labels_with_the_image() -> None:
    case = a_case("a", 3)
    hu = torch.from_numpy(case.hu[1:2].astype(np.float32))[None]
    labels = torch.from_numpy(case.labels[1:2])[None]
    only_pose = Augmentation(
        gain=0, offset_hu=0, noise_hu=0, blur_px=0, bias_hu=0, quantised=0, halo=0, cupping_hu=0, clipped=0
    )
    for seed in range(5):
        moved, turned = augment(hu, labels, only_pose, torch.Generator().manual_seed(seed))
        inside = moved[turned == 3]
        assert 0.6 * 262 < len(inside) < 1.6 * 262
        assert inside.median() == pytest.approx(65, abs=12)


def test_augmenting_by_nothing_changes_nothing_but_the_side() -> None:
    none = Augmentation(*[0.0] * 13)
    hu = torch.from_numpy(a_case("a", 1).hu.astype(np.float32))[None]
    labels = torch.zeros(hu.shape, dtype=torch.uint8)
    for seed in range(4):
        changed, _ = augment(hu, labels, replace(none), torch.Generator().manual_seed(seed))
        assert min(_typical_error(changed, hu), _typical_error(changed, hu.flip(3))) < 0.01


def _typical_error(changed: torch.Tensor, hu: torch.Tensor) -> float:
    return float((changed - hu).abs().median())


def test_the_network_sees_the_windows_of_prediction() -> None:
    hu = np.linspace(-1000, 2000, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    assert np.allclose(network_input(torch.from_numpy(hu)).numpy(), window_channels(hu), atol=1e-5)


def test_nothing_is_painted_where_there_is_no_head() -> None:
    air = Stack(
        np.full((2, SIZE, SIZE), AIR_HU, np.float32),
        np.zeros((2, SIZE, SIZE), np.uint8),
        np.zeros((2, 6), np.int8),
    )
    assert paint(air, np.random.default_rng(0)) is air


def test_a_study_is_present_unknown_or_absent() -> None:
    scores = torch.tensor([[1, 0, -1, 0, 0, 0], [0, 0, 0, -1, 1, 0]], dtype=torch.int8)
    assert study_scores(scores).tolist() == [1, 0, -1, -1, 1, 0]
