"""The loss of fine-tuning: what a reader marked, and for all that nobody read, what the network said before."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.labels import NOT_REVIEWED, SUBTYPES, UNKNOWN_SUBTYPE
from model.losses import area_shares, mask_loss, score_loss
from model.networks.base import Batch

SCORE_WEIGHT = 0.5
"""Weight of following the scores beside following the masks."""


def fine_tuning_loss(
    network: nn.Module, teacher: nn.Module, batch: Batch, kept: float, *, apart: bool = False
) -> Tensor:
    """Loss of a batch, a scalar: that of training, and `kept` times how far the network went from its teacher.

    It is held to the teacher on replayed stacks, on pixels and scores that nobody read, and, within the background of
    a slice, between background and the subtypes that its reader did not look for. apart: the mean of the losses of
    the stacks, which is the same however many machines share them; else Dice is that of all stacks together.
    """
    mask_logits, slice_logits, _ = (part.float() for part in network(batch.x))
    with torch.no_grad():
        said_masks, said_scores, _ = (part.float() for part in teacher(batch.x))
    replayed = torch.zeros(len(batch.x), device=batch.x.device)
    if batch.replayed is not None:
        replayed = batch.replayed.float()
    replayed = replayed.repeat_interleave(batch.x.shape[1])
    stacks = len(batch.x)
    groups = stacks if apart else 1
    parts = (mask_logits, slice_logits, said_masks, said_scores, batch.labels, batch.scores, replayed)
    losses = [
        _loss(*group, kept=kept, stacks=stacks // groups)
        for group in zip(*(part.chunk(groups) for part in parts), strict=True)
    ]
    return torch.stack(losses).mean()


def _loss(
    mask_logits: Tensor,
    slice_logits: Tensor,
    said_masks: Tensor,
    said_scores: Tensor,
    labels: Tensor,
    scores: Tensor,
    replayed: Tensor,
    *,
    kept: float,
    stacks: int,
) -> Tensor:
    shares = _completed(area_shares(labels, mask_logits.shape[-1]), said_masks.softmax(1), labels, scores)
    learnt = mask_loss(mask_logits, shares, stacks=stacks) + score_loss(slice_logits, scores)
    unread = torch.maximum((1 - shares.sum(1)).clamp(0, 1), replayed[:, None, None])
    unknown = torch.maximum((scores < 0).float(), replayed[:, None])
    return learnt + kept * (
        _mask_distance(mask_logits, said_masks, unread)
        + SCORE_WEIGHT * _score_distance(slice_logits, said_scores, unknown)
    )


def _completed(shares: Tensor, said: Tensor, labels: Tensor, scores: Tensor) -> Tensor:
    """Shares (B, 7, n, n) whose background is split as the teacher says among it and the subtypes not looked for.

    Those are the subtypes that a slice's scores do not know although all of it was read and named.
    """
    vague = ((labels == NOT_REVIEWED) | (labels == UNKNOWN_SUBTYPE)).flatten(1).any(1)
    open_ = (scores[:, 1:] < 0) & ~vague[:, None]
    if not bool(open_.any()):
        return shares
    allowed = torch.cat([torch.ones_like(open_[:, :1]), open_], 1).float()[:, :, None, None] * said
    part = allowed / allowed.sum(1, keepdim=True).clamp(min=1e-6)
    count = 1 + len(SUBTYPES)
    return torch.cat(
        [shares[:, :1] * part[:, :1], shares[:, 1:count] + shares[:, :1] * part[:, 1:], shares[:, count:]], 1
    )


def _mask_distance(logits: Tensor, said: Tensor, weight: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the teacher's masks, mean over the weighted pixels (B, n, n)."""
    each = functional.kl_div(
        logits.log_softmax(1), said.log_softmax(1), log_target=True, reduction="none"
    ).sum(1)
    return (each * weight).sum() / weight.sum().clamp(min=1)


def _score_distance(logits: Tensor, said: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy above that of the teacher with itself, mean over the weighted scores (B, 6)."""
    target = said.sigmoid()
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    own = functional.binary_cross_entropy_with_logits(said, target, reduction="none")
    return ((each - own) * weight).sum() / weight.sum().clamp(min=1)
