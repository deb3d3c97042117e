"""A quick look at a network while it trains: how it does on cases kept from it."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from model.augment import network_input
from model.batches import Case
from model.labels import CODES
from model.losses import halve_labels
from model.metrics import auc, dice
from model.networks.flagship import Flagship


def validate(network: Flagship, sets: Mapping[str, Sequence[Case]]) -> dict[str, float]:
    """Per set the slice AUC of `any`, the mean Dice of bleeding over positive slices and that of each subtype.

    Masks are judged on the network grid; `<set>_<code>` is one Dice over all slices of the
    set, where the subtype occurs.
    """
    result: dict[str, float] = {}
    for name, cases in sets.items():
        if cases:
            result |= {f"{name}_{key}": value for key, value in _measure(network, cases).items()}
    return result


@torch.no_grad()
def _measure(network: Flagship, cases: Sequence[Case]) -> dict[str, float]:
    network.eval()
    truths, scores, dices = [], [], []
    overlap, total, drawn = np.zeros((3, len(CODES)))
    for case in cases:
        masks, logits, _ = network.series(network_input(torch.from_numpy(case.hu.astype(np.float32))))
        labels = halve_labels(torch.from_numpy(case.labels)).numpy()
        probability = torch.softmax(masks, 1)
        found = torch.where(probability[:, 0] < 0.5, probability[:, 1:].argmax(1) + 1, 0).numpy()
        truths.append(case.scores[:, 0] == 1)
        scores.append(logits[:, 0].double().numpy())
        dices += [dice(t > 0, f > 0) for t, f in zip(labels, found, strict=True) if (t > 0).any()]
        for k in range(len(CODES)):
            known = labels != 254
            truth, guess = labels == k + 1, (found == k + 1) & known
            overlap[k] += (truth & guess).sum()
            total[k] += truth.sum() + guess.sum()
            drawn[k] += truth.sum()
    per_code = {code: 2 * overlap[k] / total[k] for k, code in enumerate(CODES) if drawn[k]}
    return {
        "auc": auc(np.concatenate(truths), np.concatenate(scores)),
        "dice": float(np.mean(dices)) if dices else float("nan"),
        **{code: float(value) for code, value in per_code.items()},
    }
