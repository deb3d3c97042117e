"""What a training came to on two domains: one line of a file each, and the table of them all with intervals."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.labels import CODES

DRAWS, SEED = 2000, 0
BASE = "bundled"
"""What the others are compared with."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gain:
    """One training judged. new, old: Dice of bleeding by patient who bleeds. auc: of slices, new and old.

    subtypes: mean Dice by code, new. share: how far from the weights that it started from to those at its end.
    """

    name: str
    slices: int
    seed: int
    steps: int
    share: float
    threshold: float
    new: Mapping[str, float]
    old: Mapping[str, float]
    auc: tuple[float, float]
    subtypes: Mapping[str, float]

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes it one of its kind."""
        return self.name, self.slices, self.seed


def append(path: Path, gain: Gain) -> None:
    """Add a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(gain)) + "\n")


def read(path: Path) -> list[Gain]:
    """Every whole line; what was cut short is left out, and measured again."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            table = json.loads(line)
            found.append(Gain(**{**table, "auc": (table["auc"][0], table["auc"][1])}))
        except (ValueError, TypeError, KeyError):
            continue
    return found


def change(gains: Sequence[Gain], base: Gain, domain: str) -> tuple[float, float, float]:
    """Mean change of Dice against `base` and its 95 % interval, seeds and patients drawn with replacement.

    domain: `new` or `old`. Patients who bleed are the same in all.
    """
    before = getattr(base, domain)
    table = np.array([[getattr(gain, domain)[p] - before[p] for p in sorted(before)] for gain in gains])
    rng = np.random.default_rng(SEED)
    seeds = rng.integers(len(table), size=(DRAWS, len(table)))
    patients = rng.integers(table.shape[1], size=(DRAWS, table.shape[1]))
    means = table[seeds[:, :, None], patients[:, None, :]].mean((1, 2))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(table.mean()), float(low), float(high)


def lines_of(gains: Sequence[Gain]) -> list[str]:
    """The table as lines of Markdown; one row for the seeds of the same training."""
    base = next(gain for gain in gains if gain.name == BASE)
    heads = [
        *("", "slices", "seeds", "steps", "share kept"),
        *("Dice, new", "change, 95 %", "Dice, old", "change, 95 %", "AUC, new", "AUC, old", *CODES),
    ]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    groups: dict[tuple[str, int], list[Gain]] = {}
    for gain in gains:
        groups.setdefault((gain.name, gain.slices), []).append(gain)
    for name, slices in sorted(groups, key=lambda key: (key[0] != BASE, key)):
        lines.append(_line(name, slices, groups[name, slices], base))
    return lines


def _line(name: str, slices: int, group: Sequence[Gain], base: Gain) -> str:
    cells = [name, str(slices or "–"), str(len(group)), _each(gain.steps or "–" for gain in group)]
    cells.append(_each(f"{gain.share:g}" for gain in group))
    for domain in ("new", "old"):
        value, low, high = change(group, base, domain)
        mean = np.mean([np.mean(list(getattr(gain, domain).values())) for gain in group])
        cells += [f"{mean:.3f}", "–" if name == BASE else f"{value:+.3f} ({low:+.3f} … {high:+.3f})"]
    cells += [f"{np.mean([gain.auc[n] for gain in group]):.3f}" for n in (0, 1)]
    for code in CODES:
        found = [gain.subtypes[code] for gain in group if code in gain.subtypes]
        cells.append(f"{np.mean(found):.2f}" if found else "–")
    return "| " + " | ".join(cells) + " |"


def _each(values: Iterable[object]) -> str:
    """Once where they are all the same."""
    return ", ".join(dict.fromkeys(map(str, values)))
