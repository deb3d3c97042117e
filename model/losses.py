"""What the network is punished for: masks and scores, with unknown subtypes and unread pixels left out."""

import torch
from torch import Tensor
from torch.nn import functional

from model.labels import NOT_REVIEWED, SUBTYPES, UNKNOWN_SUBTYPE

BACKGROUND_WEIGHT = 0.3
"""Weight of a background pixel in the cross-entropy: bleeds are rare and small."""
ANY_WEIGHT = 2.0
"""Weight of `any` among the six scores, as in the RSNA 2019 challenge."""


def network_loss(mask_logits: Tensor, slice_logits: Tensor, labels: Tensor, scores: Tensor) -> Tensor:
    """Sum of the mask and score losses of a batch of slices; a scalar.

    mask_logits: (B, 6, n, n), background first. slice_logits: (B, 6).
    labels: uint8 (B, n, n) or (B, 2n, 2n), values of `model.sample`. scores: int8 (B, 6), -1 unknown.
    """
    if labels.shape[-1] != mask_logits.shape[-1]:
        labels = halve_labels(labels)
    return mask_loss(mask_logits, labels) + score_loss(slice_logits, scores)


def score_loss(logits: Tensor, scores: Tensor) -> Tensor:
    """Binary cross-entropy over the known scores, `any` weighted double; 0 where none is known."""
    known = (scores >= 0).float()
    weight = torch.ones_like(logits)
    weight[:, 0] = ANY_WEIGHT
    weight = weight * known
    error = functional.binary_cross_entropy_with_logits(logits, scores.clamp(min=0).float(), reduction="none")
    return (error * weight).sum() / weight.sum().clamp(min=1)


def mask_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy over read pixels, plus half the Dice loss of each subtype and half that of bleeding at all.

    Where the subtype is unknown the probability of any subtype counts, -log(1 - p(background)).
    """
    log_probability = functional.log_softmax(logits, 1)
    read = labels != NOT_REVIEWED
    unknown = labels == UNKNOWN_SUBTYPE
    plain = torch.where(read & ~unknown, labels, torch.zeros_like(labels)).long()
    picked = -log_probability.gather(1, plain[:, None])[:, 0]
    bleeding = -torch.logsumexp(log_probability[:, 1:], 1)
    error = torch.where(unknown, bleeding, picked)
    weight = torch.where(plain > 0, 1.0, BACKGROUND_WEIGHT)
    weight = torch.where(unknown, 1.0, weight) * read
    entropy = (error * weight).sum() / weight.sum().clamp(min=1)
    probability = log_probability.exp()
    return (
        entropy
        + 0.5 * _subtype_dice(probability, plain, read & ~unknown)
        + 0.5 * _bleeding_dice(probability, (plain > 0) | unknown, read)
    )


def halve_labels(labels: Tensor) -> Tensor:
    """Labels (B, n, n) from (B, 2n, 2n): a pixel bleeds if at least two of its four do, its label the largest."""
    batch, rows, columns = labels.shape
    blocks = labels.reshape(batch, rows // 2, 2, columns // 2, 2).permute(0, 1, 3, 2, 4).flatten(3)
    return torch.where((blocks > 0).sum(3) >= 2, blocks.amax(3), torch.zeros_like(blocks[..., 0]))


def _bleeding_dice(probability: Tensor, target: Tensor, read: Tensor) -> Tensor:
    if not target.any():
        return probability.new_zeros(())
    return _dice_loss((1 - probability[:, 0]) * read, target.float())


def _subtype_dice(probability: Tensor, labels: Tensor, known: Tensor) -> Tensor:
    """Mean over the subtypes that occur in the batch; one Dice over the whole batch each."""
    losses = [
        _dice_loss(probability[:, s.value] * known, (labels == s.value).float())
        for s in SUBTYPES
        if bool((labels == s.value).any())
    ]
    return torch.stack(losses).mean() if losses else probability.new_zeros(())


def _dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    overlap = (probability * target).sum()
    return 1 - (2 * overlap + 1) / (probability.sum() + target.sum() + 1)
