"""The flagship's part along z, trained last: on embeddings of whole series, while the rest stays as it is."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.batches import Case
from model.errors import Cancelled
from model.feed import make_batch, whole_series
from model.losses import score_loss
from model.networks.flagship import Flagship
from model.painting import Donor, paint
from model.recipe import Settings

Stop = Callable[[], bool]


def fit_sequence(
    network: Flagship,
    cases: Sequence[Case],
    settings: Settings,
    cancelled: Stop = lambda: False,
    donors: Sequence[Donor] = (),
) -> dict[str, Any]:
    """Train the part along z on embeddings of augmented whole series; the rest of `network` stays as it is."""
    network.eval()
    device = next(network.parameters()).device
    rng = np.random.default_rng(settings.seed)
    series = embedded_series(network, cases, settings, rng, cancelled, donors)
    optimiser = torch.optim.AdamW(network.context.parameters(), lr=1e-3, weight_decay=0.05)
    losses = []
    for step in range(settings.sequence_steps if series else 0):
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 - step / settings.sequence_steps)
        embeddings, gaps, scores = (t.to(device) for t in series[rng.integers(len(series))])
        slice_logits, study_logits = network.sequence(embeddings[None], gaps[None])
        loss = score_loss(slice_logits[0], scores) + score_loss(study_logits, study_scores(scores)[None])
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))
    return {"loss": float(np.mean(losses[-200:])) if losses else None, "series": len(series)}


def embedded_series(
    network: Flagship,
    cases: Sequence[Case],
    settings: Settings,
    rng: np.random.Generator,
    cancelled: Stop,
    donors: Sequence[Donor],
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Embeddings (Z, E), gaps (Z,) and scores (Z, 6) of series changed at random, patients and phantoms in turn."""
    generator = torch.Generator().manual_seed(settings.seed)
    device = next(network.parameters()).device
    groups = [
        group
        for group in (
            [c for c in cases if c.source == "phantom"],
            [c for c in cases if c.source != "phantom"],
        )
        if group
    ]
    series = []
    for number in range(settings.sequence_series if groups else 0):
        if cancelled():
            raise Cancelled
        group = groups[number % len(groups)]
        case = group[rng.integers(len(group))]
        whole = whole_series(case)
        if case.source != "phantom" and not case.scores.any() and rng.random() < settings.painted:
            whole = paint(whole, rng, donors)
        x, _, scores, _ = make_batch(
            [whole], settings.augmentation if settings.augmented else None, generator
        )
        embeddings = network.series(x[0].to(device))[2].cpu()
        series.append((embeddings, torch.from_numpy(case.gaps_mm), scores))
    return series


def study_scores(scores: Tensor) -> Tensor:
    """Scores int8 (6,) of a study from those of its slices (Z, 6): present anywhere, else unknown, else absent."""
    present, unknown = (scores == 1).any(0), (scores == -1).any(0)
    return torch.where(present, 1, torch.where(unknown, -1, 0)).to(torch.int8)
