"""What the losses leave out and what they punish."""

import math

import pytest
import torch
from torch import Tensor

from model.labels import NOT_REVIEWED, UNKNOWN_SUBTYPE
from model.losses import area_shares, mask_loss, network_loss, score_loss


def flat_logits(winner: int, *, margin: float = 20.0, size: int = 4) -> Tensor:
    logits = torch.zeros(1, 6, size, size)
    logits[:, winner] = margin
    return logits


def labels_of(value: int, size: int = 4) -> Tensor:
    return torch.full((1, size, size), value, dtype=torch.uint8)


def shares_of(value: int) -> Tensor:
    return area_shares(labels_of(value), 4)


def test_right_masks_cost_nothing() -> None:
    for value in range(6):
        assert mask_loss(flat_logits(value), shares_of(value)) == pytest.approx(0, abs=1e-4)


def test_any_subtype_satisfies_an_unknown_one() -> None:
    for value in range(1, 6):
        assert mask_loss(flat_logits(value), shares_of(UNKNOWN_SUBTYPE)) == pytest.approx(0, abs=1e-4)
    assert mask_loss(flat_logits(0), shares_of(UNKNOWN_SUBTYPE)) > 10


def test_an_unknown_subtype_costs_minus_log_of_bleeding() -> None:
    # Even logits: p(bleeding) = 5/6. Dice: (2 * 16 * 5/6 + 1) / (16 * 25/36 + 16 + 1).
    expected = -math.log(5 / 6) + 0.5 * (1 - (2 * 16 * 5 / 6 + 1) / (16 * 25 / 36 + 17))
    assert mask_loss(torch.zeros(1, 6, 4, 4), shares_of(UNKNOWN_SUBTYPE)) == pytest.approx(expected, abs=1e-5)


def test_pixels_that_nobody_read_cost_nothing_and_teach_nothing() -> None:
    logits = flat_logits(5).requires_grad_()
    loss = mask_loss(logits, shares_of(NOT_REVIEWED))
    assert loss == 0
    torch.autograd.backward(loss)
    assert logits.grad is not None
    assert not logits.grad.any()


def test_half_read_slices_learn_from_the_read_half() -> None:
    labels = labels_of(0)
    labels[:, :2] = NOT_REVIEWED
    logits = flat_logits(0)
    logits[:, :, :2] = flat_logits(3)[:, :, :2]
    assert mask_loss(logits, area_shares(labels, 4)) == pytest.approx(0, abs=1e-4)


def test_unknown_scores_are_left_out() -> None:
    logits = torch.tensor([[8.0, -8, 8, 8, 8, 8]])
    scores = torch.tensor([[1, 0, -1, -1, -1, -1]], dtype=torch.int8)
    assert score_loss(logits, scores) == pytest.approx(0, abs=1e-3)
    assert score_loss(logits, torch.full((1, 6), -1, dtype=torch.int8)) == 0


def test_any_counts_double() -> None:
    wrong_any = score_loss(torch.tensor([[5.0, -9, -9, -9, -9, -9]]), torch.zeros(1, 6, dtype=torch.int8))
    wrong_one = score_loss(torch.tensor([[-9.0, 5, -9, -9, -9, -9]]), torch.zeros(1, 6, dtype=torch.int8))
    assert float(wrong_any / wrong_one) == pytest.approx(2, rel=0.01)


def test_shares_are_areas_of_labels() -> None:
    labels = torch.tensor([[[0, 3, 0, 0], [3, 3, 0, 4], [255, 255, 254, 0], [0, 0, 0, 0]]], dtype=torch.uint8)
    shares = area_shares(labels, 2)
    assert shares[0, 0].tolist() == [[0.25, 0.75], [0.5, 0.75]]
    assert shares[0, 3].tolist() == [[0.75, 0], [0, 0]]
    assert shares[0, 4].tolist() == [[0, 0.25], [0, 0]]
    assert shares[0, 6].tolist() == [[0, 0], [0, 0.25]]
    assert shares.sum(1)[0].tolist() == [[1, 1], [0.5, 1]]


def test_the_mask_loss_is_least_at_the_share_itself() -> None:
    shares = area_shares(torch.tensor([[[2, 0], [0, 0]]], dtype=torch.uint8), 1)

    def loss(share: float) -> float:
        p = torch.full((1, 6, 1, 1), 1e-6)
        p[:, 0], p[:, 2] = 1 - share, share
        return float(mask_loss(p.log(), shares))

    # The background weighs .3, so cross-entropy alone would be least at .25 / (.25 + .3 * .75) = .53.
    assert loss(0.4) < loss(0.1)
    assert loss(0.4) < loss(0.9)


def test_the_network_loss_takes_labels_of_either_size() -> None:
    scores = torch.zeros(1, 6, dtype=torch.int8)
    small = network_loss(flat_logits(0), torch.zeros(1, 6), labels_of(0), scores)
    large = network_loss(flat_logits(0), torch.zeros(1, 6), labels_of(0, 8), scores)
    assert float(small) == float(large)


def test_a_small_bleed_of_one_stack_counts_as_much_as_a_large_one_of_another() -> None:
    labels = torch.zeros(4, 4, 4, dtype=torch.uint8)
    labels[0], labels[2, 0, 0] = 5, 5
    shares = area_shares(labels, 4)
    missed = torch.cat([flat_logits(5), *[flat_logits(0)] * 3])
    one_batch, two_stacks = mask_loss(missed, shares), mask_loss(missed, shares, stacks=2)
    # In one batch 16 of 17 pixels are found: Dice (2 * 16 + 1) / (16 + 17 + 1). By stack: one found whole, one missed
    # of which (0 + 1) / (0 + 1 + 1) stays. Entropy and the subtype's Dice are the same in both.
    assert float(two_stacks - one_batch) == pytest.approx(0.5 * (0.25 - 1 / 34), abs=1e-4)
