"""What the two seed networks share: they answer each slice alone, for subtypes, and `any` follows from those."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from model.batches import Case
from model.labels import BY_CODE, NOT_REVIEWED, SCORES
from model.metrics import auc, dice
from model.networks.base import Batch

CHUNK = 16


class SliceAnswer(NamedTuple):
    """logits: (B, K), one a subtype that the network knows. mask_logits: (B, N, N) of bleeding, or None."""

    logits: Tensor
    mask_logits: Tensor | None


class Slicewise(Protocol):
    """A network that sees one slice. codes: the subtypes it answers, in the order of its logits."""

    codes: tuple[str, ...]

    def __call__(self, x: Tensor) -> SliceAnswer:
        """Answer slices x (B, C, N, N) in 0..1."""
        ...


def columns(codes: Sequence[str]) -> list[int]:
    """Where the subtypes stand among the six scores."""
    return [BY_CODE[code].value for code in codes]


def known_targets(scores: Tensor, codes: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Targets float (B, K) of scores (B, 6), and which of them anybody knows."""
    chosen = scores[:, columns(codes)]
    return chosen.clamp(min=0).float(), (chosen >= 0).float()


def mean_where(error: Tensor, weight: Tensor) -> Tensor:
    """Mean of `error` weighted by `weight`; 0 where nothing weighs."""
    return (error * weight).sum() / weight.sum().clamp(min=1)


@torch.no_grad()
def answer(network: Slicewise, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Probabilities (Z, 6), `any` the largest of the others and NaN what it does not know; bleeding (Z, N, N)."""
    parts = [network(part) for part in torch.split(x, CHUNK)]
    scores = torch.full((len(x), len(SCORES)), torch.nan, device=x.device)
    scores[:, columns(network.codes)] = torch.cat([p.logits for p in parts]).sigmoid()
    scores[:, 0] = scores[:, columns(network.codes)].amax(1)
    masks = [p.mask_logits.sigmoid() for p in parts if p.mask_logits is not None]
    return scores, torch.cat(masks) if masks else None


def validate(
    network: nn.Module,
    sets: Mapping[str, Sequence[Case]],
    channels: Callable[[Tensor], Tensor],
    loss: Callable[[nn.Module, Batch], Tensor],
) -> dict[str, float]:
    """Per set the mean loss, the slice AUC of `any`, the mean AUC of the subtypes, and Dice on bleeding slices."""
    network.eval()
    return {
        f"{name}_{key}": value
        for name, cases in sets.items()
        if cases
        for key, value in _measure(network, cases, channels, loss).items()
    }


@torch.no_grad()
def _measure(
    network: nn.Module,
    cases: Sequence[Case],
    channels: Callable[[Tensor], Tensor],
    loss: Callable[[nn.Module, Batch], Tensor],
) -> dict[str, float]:
    device = next(network.parameters()).device
    losses, truths, found, dices = [], [], [], []
    for case in cases:
        x = channels(torch.from_numpy(case.hu.astype(np.float32))).to(device)
        labels, scores = (torch.from_numpy(np.array(a)).to(device) for a in (case.labels, case.scores))
        losses += [
            float(loss(network, Batch(x[i : i + CHUNK, None], labels[i : i + CHUNK], scores[i : i + CHUNK])))
            for i in range(0, len(x), CHUNK)
        ]
        probability, masks = answer(network, x)  # type: ignore[arg-type]
        truths.append(case.scores)
        found.append(probability.cpu().double().numpy())
        if masks is not None:
            drawn = (case.labels > 0) & (case.labels != NOT_REVIEWED)
            guesses = masks.cpu().numpy() >= 0.5
            dices += [dice(t, g) for t, g in zip(drawn, guesses, strict=True) if t.any()]
    truth, score = np.concatenate(truths), np.concatenate(found)
    areas = [
        auc(truth[known, k] == 1, score[known, k])
        for k in range(len(SCORES))
        if (known := (truth[:, k] >= 0) & np.isfinite(score[:, k])).any()
    ]
    subtypes = [a for a in areas[1:] if np.isfinite(a)]
    return {
        "loss": float(np.mean(losses)),
        "auc": areas[0] if areas else float("nan"),
        "subtype_auc": float(np.mean(subtypes)) if subtypes else float("nan"),
        **({"dice": float(np.mean(dices))} if dices else {}),
    }
