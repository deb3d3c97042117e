"""A quick look at a network while it trains: how it does on cases kept from it."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from model.augment import network_input
from model.batches import Case
from model.labels import CODES
from model.metrics import auc, dice
from model.networks.flagship import Flagship
from model.scoring import readiness


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


def found_labels(
    mask_logits: Tensor, size: int, threshold: float = 0.5, named: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.uint8]:
    """Labels uint8 (Z, size, size) of mask logits (Z, 6, n, n), smoothly enlarged.

    threshold: probability of bleeding from which a pixel is drawn; its label is the likeliest subtype. named: of which
    subtypes (5,) a study is suspected; they settle what could as well be another, as in `predict.renamed_mask`.
    """
    probability = torch.softmax(mask_logits.float(), 1)
    probability = functional.interpolate(probability, (size, size), mode="bilinear", align_corners=False)
    likely = probability[:, 1:]
    if named is not None:
        likely = likely * torch.from_numpy(readiness(named)).to(likely)[:, None, None]
    subtype = likely.argmax(1) + 1
    return torch.where(1 - probability[:, 0] >= threshold, subtype, 0).to(torch.uint8).cpu().numpy()


@torch.no_grad()
def _measure(network: Flagship, cases: Sequence[Case]) -> dict[str, float]:
    network.eval()
    device = next(network.parameters()).device
    truths, scores, dices = [], [], []
    overlap, total, drawn = np.zeros((3, len(CODES)))
    for case in cases:
        masks, logits, _ = network.series(
            network_input(torch.from_numpy(case.hu.astype(np.float32))).to(device)
        )
        labels, found = case.labels, found_labels(masks, case.labels.shape[-1])
        truths.append(case.scores[:, 0] == 1)
        scores.append(logits[:, 0].double().cpu().numpy())
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
