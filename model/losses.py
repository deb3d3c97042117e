"""What the network is punished for: masks and scores, with unknown subtypes and unread pixels left out."""

import torch
from torch import Tensor
from torch.nn import functional

from model.labels import SUBTYPES, UNKNOWN_SUBTYPE

BACKGROUND_WEIGHT = 0.3
"""Weight of a background pixel in the cross-entropy: bleeds are rare and small."""
ANY_WEIGHT = 2.0
"""Weight of `any` among the six scores, as in the RSNA 2019 challenge."""


def network_loss(
    mask_logits: Tensor, slice_logits: Tensor, labels: Tensor, scores: Tensor, stacks: int = 1
) -> Tensor:
    """Sum of the mask and score losses of a batch of slices, which are `stacks` stacks of equal length; a scalar.

    mask_logits: (B, 6, n, n), background first. slice_logits: (B, 6).
    labels: uint8 (B, n, n) or (B, 2n, 2n), values of `model.sample`. scores: int8 (B, 6), -1 unknown.
    """
    shares = area_shares(labels, mask_logits.shape[-1])
    return mask_loss(mask_logits, shares, stacks) + score_loss(slice_logits, scores)


def score_loss(logits: Tensor, scores: Tensor) -> Tensor:
    """Binary cross-entropy over the known scores, `any` weighted double; 0 where none is known."""
    known = (scores >= 0).float()
    weight = torch.ones_like(logits)
    weight[:, 0] = ANY_WEIGHT
    weight = weight * known
    error = functional.binary_cross_entropy_with_logits(logits, scores.clamp(min=0).float(), reduction="none")
    return (error * weight).sum() / weight.sum().clamp(min=1)


def mask_loss(logits: Tensor, shares: Tensor, stacks: int = 1) -> Tensor:
    """Cross-entropy over read pixels, plus half the Dice loss of each subtype and half that of bleeding at all.

    Bleeding has a Dice of its own in each of the `stacks`, so that a small one counts as much as a large one.
    shares: of `area_shares`, (B, 7, n, n). Where the subtype is unknown the probability of any subtype counts,
    -log(1 - p(background)).
    """
    log_probability = functional.log_softmax(logits, 1)
    known, unknown = shares[:, :-1], shares[:, -1]
    weight = torch.ones_like(logits[:1, :, :1, :1])
    weight[:, 0] = BACKGROUND_WEIGHT
    bleeding = torch.logsumexp(log_probability[:, 1:], 1)
    error = -(weight * known * log_probability).sum() - (unknown * bleeding).sum()
    entropy = error / ((weight * known).sum() + unknown.sum()).clamp(min=1)
    probability = log_probability.exp()
    read = shares.sum(1)
    return (
        entropy
        + 0.5 * _subtype_dice(probability, known, read - unknown)
        + 0.5 * _bleeding_dice((1 - probability[:, 0]) * read, shares[:, 1:].sum(1), stacks)
    )


def area_shares(labels: Tensor, size: int) -> Tensor:
    """Share of each mask pixel's area, (B, 7, size, size): background, five subtypes, subtype unknown.

    labels: uint8 (B, n, n), n a multiple of `size`. What nobody read has no share, so a pixel's shares add up to
    what was read of it. Thin bleeds keep their true area this way; whole pixels would widen or lose them.
    """
    values = torch.tensor(
        [*range(len(SUBTYPES) + 1), UNKNOWN_SUBTYPE], dtype=labels.dtype, device=labels.device
    )
    each = (labels[:, None] == values[:, None, None]).float()
    factor = labels.shape[-1] // size
    return functional.avg_pool2d(each, factor) if factor > 1 else each


def _bleeding_dice(probability: Tensor, share: Tensor, stacks: int) -> Tensor:
    """Mean over the stacks that bleed."""
    each = zip(probability.chunk(stacks), share.chunk(stacks), strict=True)
    losses = [_dice_loss(found, true) for found, true in each if true.any()]
    return torch.stack(losses).mean() if losses else probability.new_zeros(())


def _subtype_dice(probability: Tensor, shares: Tensor, known: Tensor) -> Tensor:
    """Mean over the subtypes that occur in the batch; one Dice over the whole batch each."""
    losses = [
        _dice_loss(probability[:, s.value] * known, shares[:, s.value])
        for s in SUBTYPES
        if shares[:, s.value].any()
    ]
    return torch.stack(losses).mean() if losses else probability.new_zeros(())


def _dice_loss(probability: Tensor, share: Tensor) -> Tensor:
    """Dice with squares below, as in V-Net (Milletari et al., 2016): least where the two are equal, soft or not."""
    overlap = (probability * share).sum()
    return 1 - (2 * overlap + 1) / (probability.square().sum() + share.square().sum() + 1)
