"""The loss of fine-tuning: what nobody read follows the teacher, what was not looked for is no negative."""

import torch
from torch import Tensor, nn

from model.distil import fine_tuning_loss
from model.networks.base import Batch


class Says(nn.Module):
    """Always the same: mask logits (B, 6, n, n), slice logits (B, 6)."""

    def __init__(self, masks: Tensor, scores: Tensor) -> None:
        super().__init__()
        self.masks, self.scores = nn.Parameter(masks), nn.Parameter(scores)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.masks, self.scores, self.scores


def float_of(loss: Tensor) -> float:
    return float(loss.detach())


def batch(label: int, score: int, *, replayed: bool = False) -> Batch:
    """Two slices of 4 × 4, all of one label, all six scores alike."""
    labels = torch.full((2, 4, 4), label, dtype=torch.uint8)
    scores = torch.full((2, 6), score, dtype=torch.int8)
    return Batch(torch.zeros(1, 2, 3, 8, 8), labels, scores, torch.tensor([replayed]))


def drawn(seed: int) -> Says:
    generator = torch.Generator().manual_seed(seed)
    return Says(torch.randn(2, 6, 4, 4, generator=generator), torch.randn(2, 6, generator=generator))


def gradients(network: Says) -> tuple[Tensor, Tensor]:
    assert network.masks.grad is not None
    assert network.scores.grad is not None
    return network.masks.grad, network.scores.grad


def test_slices_that_nobody_read_only_follow_the_teacher() -> None:
    network, teacher = drawn(0), drawn(1)
    fine_tuning_loss(network, teacher, batch(255, -1), kept=1.0).backward()
    assert all(part.abs().max() > 0 for part in gradients(network))
    alone = drawn(0)
    fine_tuning_loss(alone, teacher, batch(255, -1), kept=0.0).backward()
    assert all(part.abs().max() == 0 for part in gradients(alone))


def test_a_network_like_its_teacher_is_not_pulled() -> None:
    network, teacher = drawn(3), drawn(3)
    loss = fine_tuning_loss(network, teacher, batch(255, -1), kept=1.0)
    loss.backward()
    assert abs(float(loss.detach())) < 1e-6
    assert all(part.abs().max() < 1e-6 for part in gradients(network))


def test_a_replayed_stack_is_held_to_the_teacher_also_where_it_was_read() -> None:
    read, replayed = (
        float_of(fine_tuning_loss(drawn(0), drawn(1), batch(0, 0, replayed=each), kept=1.0))
        for each in (False, True)
    )
    assert replayed > read


def test_subtypes_not_looked_for_are_no_negatives() -> None:
    """All background, EDH not looked for: a network that sees EDH where its teacher does is not punished for it."""
    teacher = Says(torch.zeros(2, 6, 4, 4), torch.zeros(2, 6))
    teacher.masks.data[:, 1] = 8.0  # sure of EDH everywhere
    alike, unlike = drawn(0), drawn(0)
    alike.masks.data[:] = teacher.masks.data
    unlike.masks.data[:] = 0
    unlike.masks.data[:, 0] = 8.0
    given = batch(0, 0)
    given.scores[:, 0] = given.scores[:, 1] = -1
    losses = [float_of(fine_tuning_loss(network, teacher, given, kept=0.0)) for network in (alike, unlike)]
    assert losses[0] < losses[1]
    given.scores[:, :2] = 0  # looked for, and absent: now it is the other way round
    losses = [float_of(fine_tuning_loss(network, teacher, given, kept=0.0)) for network in (alike, unlike)]
    assert losses[0] > losses[1]
