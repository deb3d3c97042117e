"""95 % intervals that draw patients, the same draws for every measure and every system."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.metrics import Numbers

ROUNDS = 2000
Measure = Callable[[Numbers], Numbers]
"""Weights (R, n) of n rows → values (R,)."""


@dataclass(frozen=True)
class Resampler:
    """Draws of patients with replacement.

    patients: each once. counts: float64 (rounds, patients), how often each was drawn.
    """

    patients: tuple[str, ...]
    counts: Numbers

    @classmethod
    def of(cls, patients: Sequence[str], rounds: int = ROUNDS, seed: int = 0) -> "Resampler":
        """Draws over `patients`; those who appear several times are drawn as one."""
        names = tuple(sorted(set(patients)))
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
        return cls(names, counts.astype(np.float64))

    def weights(self, rows: Sequence[str]) -> Numbers:
        """Weight (rounds, rows) of rows that belong to these patients."""
        place = {name: index for index, name in enumerate(self.patients)}
        return self.counts[:, [place[name] for name in rows]]

    def rounds(self, rows: Sequence[str], measure: Measure) -> Numbers:
        """`measure` in every round (rounds,)."""
        return measure(self.weights(rows))

    def with_interval(self, rows: Sequence[str], measure: Measure) -> dict[str, Any]:
        """`measure` over all rows and its 95 % percentile interval; None for what is not defined.

        Rounds in which the measure is not defined (a class was not drawn) are left out.
        """
        if not len(rows):
            return {"value": None, "interval": [None, None]}
        value = float(measure(np.ones((1, len(rows))))[0])
        return {"value": plain(value), "interval": interval(self.rounds(rows, measure))}

    def difference(self, rows: Sequence[str], ours: Measure, theirs: Measure) -> dict[str, Any]:
        """`ours` minus `theirs` over the same rows and draws: value, interval, and p of no difference.

        p: twice the smaller share of rounds on either side of 0 (a paired bootstrap), at least 1 / rounds.
        """
        if not len(rows):
            return {"value": None, "interval": [None, None], "p": None}
        whole = np.ones((1, len(rows)))
        drawn = self.rounds(rows, ours) - self.rounds(rows, theirs)
        drawn = drawn[np.isfinite(drawn)]
        p = 2 * min((drawn <= 0).mean(), (drawn >= 0).mean()) if len(drawn) else float("nan")
        return {
            "value": plain(float(ours(whole)[0] - theirs(whole)[0])),
            "interval": interval(drawn),
            "p": plain(float(np.clip(p, 1 / len(self.counts), 1))) if len(drawn) else None,
        }


def interval(drawn: Numbers) -> list[float | None]:
    """2.5th and 97.5th percentile of the defined values; None where there is none."""
    kept: npt.NDArray[np.float64] = drawn[np.isfinite(drawn)]
    if not len(kept):
        return [None, None]
    low, high = np.percentile(kept, [2.5, 97.5])
    return [plain(float(low)), plain(float(high))]


def plain(value: float) -> float | None:
    """Rounded for a table; None for what is not a number."""
    return round(float(value), 4) if np.isfinite(value) else None
