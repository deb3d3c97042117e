"""What a step learns from: a pure function of the recipe's seed and the step, on any number of machines."""

import signal
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from model.augment import Augmentation, augment
from model.batches import Case, Stack, StackSampler
from model.corpus import Pool
from model.labels import SUBTYPES
from model.networks.base import Batch, Kind
from model.networks.kinds import kind_named
from model.painting import Donor, lift, mimic, paint
from model.recipe import Settings

_AHEAD = 6


class Feed:
    """Draws the batches of a run. Stopping, going on and sharing the work change none of them."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        """A feed from `pool`, which must hold at least one case to train on."""
        self._pool, self._settings = pool, settings
        self._kind = kind_named(settings.kind)
        self._slices = [(case, z) for case in pool.training for z in range(len(case.hu))]
        self._classes = _by_class(self._slices)
        self._ordered: tuple[int, npt.NDArray[np.int64]] = (-1, np.zeros(0, np.int64))
        self._samplers = [
            StackSampler(cases, count=settings.slices, positive=share) if cases else None
            for cases, share in ((pool.simulated, settings.positive), (pool.real, settings.real_positive))
        ]

    @property
    def steps(self) -> int:
        """Steps of the whole run: an epoch is as many slices as there are."""
        drawn = self._settings.stacks * self._settings.slices
        return self._settings.steps or -(-self._settings.epochs * len(self._slices) // drawn)

    def batches(self, first: int, rank: int = 0, size: int = 1) -> Iterator[Batch]:
        """The batches from step `first` to the end, made ahead by the recipe's worker processes."""
        workers = (
            self._settings.workers if sys.platform == "linux" else 0
        )  # elsewhere each would copy the cases
        return iter(
            DataLoader(
                _Steps(self, rank, size),
                batch_size=None,
                sampler=range(first, self.steps),
                num_workers=workers,
                prefetch_factor=_AHEAD if workers else None,
                multiprocessing_context="fork" if workers else None,
                worker_init_fn=_quiet,
            )
        )

    def batch(self, step: int, rank: int = 0, size: int = 1) -> Batch:
        """The stacks of `step` that fall to machine `rank` of `size`."""
        parts = []
        for number in range(rank, self._settings.stacks, size):
            rng = np.random.default_rng([self._settings.seed, step, number])
            stack = self._stack(step, number, rng)
            generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
            augmentation = self._settings.augmentation if self._settings.augmented else None
            parts.append(make_batch([stack], augmentation, generator, self._kind))
        replayed = [part.replayed for part in parts if part.replayed is not None]
        return Batch(
            torch.cat([part.x for part in parts]),
            torch.cat([part.labels for part in parts]),
            torch.cat([part.scores for part in parts]),
            torch.cat(replayed) if replayed else None,
        )

    def _stack(self, step: int, number: int, rng: np.random.Generator) -> Stack:
        if self._settings.sampling == "every":
            return self._next_slices(step * self._settings.stacks + number)
        if self._settings.sampling == "classes":
            drawn = [self._classes[k] for k in rng.integers(len(self._classes), size=self._settings.slices)]
            return _stacked([slices[rng.integers(len(slices))] for slices in drawn])
        simulated, real = self._samplers
        late = step >= self._settings.real_from * self.steps
        share = self._settings.real_share if late else 0.0
        sampler = real if real is not None and (simulated is None or rng.random() < share) else simulated
        assert sampler is not None
        stack = sampler.draw(rng)
        if rng.random() < self._settings.mimicked:
            stack = mimic(stack, rng)
        if sampler is real and not stack.scores.any() and rng.random() < self._settings.painted:
            stack = paint(stack, rng, self.donors)
        return stack

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The order of the slices in an epoch; the last one asked for is kept."""
        if epoch != self._ordered[0]:
            rng = np.random.default_rng([self._settings.seed, epoch])
            self._ordered = epoch, rng.permutation(len(self._slices))
        return self._ordered[1]

    @cached_property
    def donors(self) -> list[Donor]:
        """Bleeds of the training patients that may be set into others."""
        wanted = self._pool.real if self._settings.transplants else []
        return [donor for case in wanted for donor in lift(case)]

    def _next_slices(self, number: int) -> Stack:
        """The slices that follow in the order of their epoch; each epoch has an order of its own."""
        chosen = []
        for position in range(number * self._settings.slices, (number + 1) * self._settings.slices):
            epoch, place = divmod(position, len(self._slices))
            chosen.append(self._slices[self._order(epoch)[place]])
        return _stacked(chosen)


class _Steps(Dataset[Batch]):
    """The batches of one machine by step, for a DataLoader."""

    def __init__(self, feed: Feed, rank: int, size: int) -> None:
        self._feed, self._rank, self._size = feed, rank, size

    def __getitem__(self, step: int) -> Batch:
        return self._feed.batch(step, self._rank, self._size)


def _quiet(_: int) -> None:
    """A worker ends with its parent; Ctrl-C and SIGTERM are for the parent to answer."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def make_batch(
    stacks: Sequence[Stack],
    augmentation: Augmentation | None,
    generator: torch.Generator,
    kind: Kind | None = None,
) -> Batch:
    """The input of a network of `kind` (default: the flagship), changed at random, from equal stacks."""
    hu = torch.from_numpy(np.stack([s.hu for s in stacks]))
    labels = torch.from_numpy(np.stack([s.labels for s in stacks]))
    if augmentation is not None:
        hu, labels = augment(hu, labels, augmentation, generator)
    scores = torch.from_numpy(np.concatenate([s.scores for s in stacks]))
    channels = (kind or kind_named("flagship")).channels
    replayed = torch.tensor([s.case is not None and s.case.source == "phantom" for s in stacks])
    return Batch(channels(hu), labels.flatten(0, 1), scores, replayed)


def whole_series(case: Case) -> Stack:
    """All slices of a case as one stack."""
    return Stack(
        case.hu.astype(np.float32), np.array(case.labels), case.scores, case, np.arange(len(case.hu))
    )


_Slices = list[tuple[Case, int]]


def _stacked(slices: _Slices) -> Stack:
    """Slices that need not be neighbours, as a stack."""
    return Stack(
        np.stack([case.hu[z] for case, z in slices]).astype(np.float32),
        np.stack([case.labels[z] for case, z in slices]),
        np.stack([case.scores[z] for case, z in slices]),
    )


def _by_class(slices: _Slices) -> list[_Slices]:
    """The slices without bleeding, and those of each subtype; classes that there are none of are left out."""
    classes = [[(case, z) for case, z in slices if case.scores[z, 0] == 0]]
    classes += [[(case, z) for case, z in slices if case.scores[z, s.value] == 1] for s in SUBTYPES]
    return [found for found in classes if found]
