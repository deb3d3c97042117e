"""A candidate beside the model in use, on patients that neither was trained on and on simulated heads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from model.batches import Case
from model.labels import CODES, NOT_REVIEWED

if TYPE_CHECKING:
    from model.networks.flagship import Flagship

Metrics = dict[str, dict[str, dict[str, float | None]]]
"""{"incumbent" | "candidate": {"yours" | "simulated": {measure: value}}}, see `measure`."""

ENOUGH_BLEEDING = 3
"""Bleeding patients below which nobody can tell whether a model got better."""
FEW_HELD_OUT = 5
"""Held-out bleeding patients below which a difference proves little."""
_SETS = (("yours", "your held-out patients"), ("simulated", "simulated heads"))


def measure(network: "Flagship", cases: Sequence[Case], threshold: float = 0.5) -> dict[str, float | None]:
    """Slice AUC of `any`, Dice of bleeding, and Dice of each subtype, over the reviewed slices of all cases.

    threshold: probability of bleeding from which a pixel is drawn. None stands where the truth allows no number:
    no slice of both kinds, no bleed.
    """
    import torch

    from model.augment import network_input
    from model.metrics import auc
    from model.validation import found_labels

    truths, scores = [np.zeros(0, np.bool_)], [np.zeros(0)]
    overlap, total = np.zeros(1 + len(CODES)), np.zeros(1 + len(CODES))
    found_any = np.zeros(1 + len(CODES), np.bool_)
    with torch.no_grad():
        for case in cases:
            known = case.scores[:, 0] >= 0
            masks, logits, _ = network.series(network_input(torch.from_numpy(case.hu.astype(np.float32))))
            labels, guess = case.labels, found_labels(masks, case.labels.shape[-1], threshold)
            read = (labels != NOT_REVIEWED) & known[:, None, None]
            truths.append(case.scores[known, 0] == 1)
            scores.append(logits[known, 0].double().numpy())
            for value in range(1 + len(CODES)):
                truth = ((labels > 0) if value == 0 else (labels == value)) & read
                drawn = ((guess > 0) if value == 0 else (guess == value)) & read
                overlap[value] += (truth & drawn).sum()
                total[value] += truth.sum() + drawn.sum()
                found_any[value] |= bool(truth.any())
    area = auc(np.concatenate(truths), np.concatenate(scores))
    dices = [float(2 * overlap[v] / total[v]) if found_any[v] else None for v in range(1 + len(CODES))]
    return {
        "auc": None if np.isnan(area) else area,
        "dice": dices[0],
        **dict(zip(CODES, dices[1:], strict=True)),
    }


def comparison(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Rows (measure, incumbent, candidate), ready to show; measures without a number are left out."""
    rows = []
    for name, words in _SETS:
        for key, label in (
            ("dice", "Dice"),
            ("auc", "slice AUC"),
            *((code, f"{code} Dice") for code in CODES),
        ):
            before, after = metrics["incumbent"][name][key], metrics["candidate"][name][key]
            if before is not None and after is not None:
                rows.append((f"{label}, {words}", f"{before:.2f}", f"{after:.2f}"))
    return rows


def judge(metrics: Metrics, bleeding: int, bleeding_held_out: int) -> str:
    """A sentence about which of the two to use, from patients with a bleed in all and among the held out."""
    changes = {
        name: {
            key: (after or 0.0) - before
            for key in ("dice", "auc")
            if (before := metrics["incumbent"][name][key]) is not None
            for after in [metrics["candidate"][name][key]]
        }
        for name, _ in _SETS
    }
    kept = changes["simulated"]
    if kept.get("dice", 0.0) < -0.05 or kept.get("auc", 0.0) < -0.03:
        return "The candidate does worse on simulated heads than the model in use: it has forgotten. Keep the old one."
    if bleeding < ENOUGH_BLEEDING or bleeding_held_out == 0:
        return (
            f"Too little data to tell: {bleeding} patients with a bleed, {bleeding_held_out} of them held out to "
            "compare on. Look at a few studies with the candidate before you rely on it."
        )
    gain = changes["yours"].get("dice", 0.0)
    few = ""
    if bleeding_held_out < FEW_HELD_OUT:
        held = f"{bleeding_held_out} held-out patient{'s' * (bleeding_held_out != 1)}"
        few = f" That rests on {held} with a bleed, which proves little; annotate more."
    if gain > 0.02:
        return f"The candidate does better on your held-out patients (Dice {gain:+.2f}) and has not forgotten.{few}"
    if gain < -0.02:
        return (
            f"The candidate does worse on your held-out patients (Dice {gain:+.2f}). Keep the old one.{few}"
        )
    return f"The candidate does about as well as the model in use.{few}"
