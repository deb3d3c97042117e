"""Simulated heads as a data set: one sample a seed, divided among machines by shard."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from model.errors import PterionError
from model.sample import Sample


@dataclass(frozen=True)
class Phantoms:
    """`count` heads from `first_seed` on, of which this shard (number from 1, of how many) makes its share.

    size: rows and columns. scanners: a family of `model.phantom.write.SCANNERS`.
    """

    count: int
    first_seed: int = 0
    shard: tuple[int, int] = (1, 1)
    size: int = 256
    slices: int = 32
    thickness_mm: float = 5.0
    scanners: str = "usual"
    command = "phantom"

    def __post_init__(self) -> None:
        """Raise PterionError for a share that is none."""
        number, shares = self.shard
        if self.count < 1 or self.first_seed < 0 or not 1 <= number <= shares:
            raise PterionError(
                f"Phantoms need a count from 1, a first seed from 0 and a shard I/N with I from 1 to N, not "
                f"{self.count}, {self.first_seed} and {number}/{shares}."
            )

    @property
    def options(self) -> dict[str, Any]:
        """What decides how a head of a given seed looks."""
        from model.phantom import VERSION

        return {
            "phantom": VERSION,
            "size": self.size,
            "slices": self.slices,
            "thickness_mm": self.thickness_mm,
            "scanners": self.scanners,
        }

    def items(self) -> dict[str, int]:
        """The seeds of this shard."""
        number, shares = self.shard
        seeds = range(self.first_seed + number - 1, self.first_seed + self.count, shares)
        return {f"{seed:07d}": seed for seed in seeds}

    def read(self, _item: str, seed: int, /) -> Iterator[Sample]:
        """The head of one seed; the same seed gives the same bytes. Raises PterionError for impossible settings."""
        from model.phantom import PhantomSettings, generate
        from model.phantom.write import SCANNERS

        yield generate(
            seed,
            size=self.size,
            slices=self.slices,
            thickness_mm=self.thickness_mm,
            settings=PhantomSettings(scanners=SCANNERS[self.scanners]),
        )
