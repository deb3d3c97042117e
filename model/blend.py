"""Between a network and what a training made of it: the mean of both weights that gains much and forgets little.

Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch

from model.networks.flagship import Flagship

SHARES = (1.0, 0.75, 0.5)
"""How far to go from the first network to the second; of equals the one named first is taken."""


@torch.no_grad()
def between(start: Flagship, end: Flagship, share: float) -> Flagship:
    """The network `share` of the way from `start` to `end`, which have the same sizes; neither changes."""
    found = deepcopy(start)
    for mine, other in zip(found.state_dict().values(), end.state_dict().values(), strict=True):
        if mine.is_floating_point():
            mine.lerp_(other, share)
        else:
            mine.copy_(other)
    return found


def best_between(
    start: Flagship, end: Flagship, score: Callable[[Flagship], float], shares: Sequence[float] = SHARES
) -> tuple[Flagship, float]:
    """The network between both with the highest score, and its share."""
    networks = [(end if share == 1 else between(start, end, share), share) for share in shares]
    return max(networks, key=lambda each: score(each[0]))
