"""What a retraining watches: the reader's validation patients end it, simulated heads tell whether it forgets."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch

from model.augment import network_input
from model.batches import Case
from model.calibration import Calibration
from model.compare import answers, mean_dice, mean_subtype_dice, slice_auc
from model.losses import network_loss
from model.networks.flagship import Flagship

MINE, HEADS, SCORE = "mine", "phantom", "score"
"""Sets that are watched, and the number that a training is stopped by: what the reader's patients gained."""
KEPT = 0.01
"""Dice or AUC that the heads may lose before a network counts as the worse for it."""
PRICE = 2.0
"""What each loss beyond that costs, in gains on the reader's patients."""

Stop = Callable[[], bool]
Numbers = dict[str, float]


class Watch:
    """Says numbers of networks on both sets, and one score to choose among networks by."""

    def __init__(self, validation: Sequence[Case], heads: Sequence[Case], calibration: Calibration) -> None:
        self.sets: dict[str, list[Case]] = {MINE: list(validation), HEADS: list(heads)}
        self._calibration = calibration
        self._before: Numbers = {}

    def begin(self, start: Flagship, stop: Stop) -> None:
        """Note what the network that a training starts from says of the heads. Raises Cancelled."""
        self._before = self._said(start, HEADS, stop)

    def numbers(self, network: Flagship, stop: Stop) -> Numbers:
        """Dice of bleeding and of each subtype and slice AUC by set; of validation patients loss and score as well.

        Raises Cancelled.
        """
        found = {key: value for name in self.sets for key, value in self._said(network, name, stop).items()}
        if self.sets[MINE]:
            with _read_once(network):
                found[f"{MINE}_loss"] = mean_loss(network, self.sets[MINE])
            found[f"{MINE}_{SCORE}"] = _gain(found)
        return found

    def score(self, network: Flagship, stop: Stop) -> float:
        """The gain on the validation patients, 0 where there are none, less what the heads lost. Raises Cancelled."""
        return self._score({**self._said(network, MINE, stop), **self._said(network, HEADS, stop)})

    def _said(self, network: Flagship, name: str, stop: Stop) -> Numbers:
        if not self.sets[name]:
            return {}
        with _read_once(network.eval()):
            found = answers(network, self.sets[name], self._calibration, stop)
        subtypes = {f"{name}_{code}": value for code, value in mean_subtype_dice(found).items()}
        return {f"{name}_dice": mean_dice(found), f"{name}_auc": slice_auc(found), **subtypes}

    def _score(self, numbers: Mapping[str, float]) -> float:
        lost = _finite(
            self._before[key] - numbers[key]
            for key in (f"{HEADS}_dice", f"{HEADS}_auc")
            if key in self._before
        )
        return _gain(numbers) - PRICE * max(max(lost, default=0.0) - KEPT, 0.0)


def _gain(numbers: Mapping[str, float]) -> float:
    """Mean of Dice and AUC of the validation patients, of what is known of them; 0 where nothing is."""
    known = _finite(numbers.get(f"{MINE}_{measure}") for measure in ("dice", "auc"))
    return float(np.mean(known)) if known else 0.0


@contextmanager
def _read_once(network: Flagship) -> Iterator[None]:
    """Without reading each slice mirrored as well: half the time, and alike for all that are compared."""
    before = network.config
    network.config = replace(before, mirrored=False)
    try:
        yield
    finally:
        network.config = before


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and np.isfinite(value)]


def mean_loss(network: Flagship, cases: Sequence[Case]) -> float:
    """Mean of the training loss over the cases, without changes to them; 0 where there are none."""
    losses = []
    device = next(network.parameters()).device
    with torch.no_grad():
        for case in cases:
            x = network_input(torch.from_numpy(case.hu.astype(np.float32))).to(device)
            masks, logits, _ = network.series(x)
            labels, scores = (
                torch.from_numpy(case.labels).to(device),
                torch.from_numpy(case.scores).to(device),
            )
            losses.append(float(network_loss(masks, logits, labels, scores)))
    return float(np.mean(losses)) if losses else 0.0
