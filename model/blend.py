"""Between a network and what a training made of it: the mean of both weights that gains much and forgets little.

Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch

from model.networks.flagship import Flagship

SHARES = (0.5, 0.75, 1.0)
"""How far to go from the first network to the second, the nearest first."""
AS_GOOD = 0.01
"""How far below the best score is still as good: then the network that stayed nearer is taken."""


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
    """The network between both with the highest score, or one as good that stayed nearer; and its share."""
    networks = [end if share == 1 else between(start, end, share) for share in shares]
    scores = [score(network) for network in networks]
    chosen = next(n for n, value in enumerate(scores) if value >= max(scores) - AS_GOOD)
    return networks[chosen], shares[chosen]
