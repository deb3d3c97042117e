"""What every network declares once: how it looks at a slice, what it is punished for, how it is watched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.batches import Case, crop_sample, gaps_mm
from model.preprocess import PIXEL_MM, SIZE
from model.sample import Sample


class Batch(NamedTuple):
    """What one step learns from: B stacks of S slices.

    x: float32 (B, S, C, N, N) in 0..1. labels: uint8 (B * S, N, N). scores: int8 (B * S, 6), -1 unknown.
    replayed: bool (B,), stacks that stand for what a network knows already; None: no stack does.
    """

    x: Tensor
    labels: Tensor
    scores: Tensor
    replayed: Tensor | None = None


class View(Protocol):
    """How a network looks at a series: which part of a slice, on which grid."""

    @property
    def key(self) -> str:
        """Names the view and its sizes; equal keys give equal cases."""
        ...

    def look(self, sample: Sample) -> Case:
        """The sample on the network's grid."""
        ...


@dataclass(frozen=True)
class HeadSquare:
    """A square of fixed physical size, centred on the head of each slice."""

    @property
    def key(self) -> str:
        """See `View`."""
        return f"head-{SIZE}-{PIXEL_MM}"

    def look(self, sample: Sample) -> Case:
        """See `View`."""
        return crop_sample(sample)


@dataclass(frozen=True)
class WholeImage:
    """The whole image, resized to `size` rows and columns whatever its pixels measure, as the seed systems do."""

    size: int

    @property
    def key(self) -> str:
        """See `View`."""
        return f"whole-{self.size}"

    def look(self, sample: Sample) -> Case:
        """See `View`."""
        hu = torch.from_numpy(sample.hu.astype(np.float32))[:, None]
        labels = torch.from_numpy(sample.labels)[:, None]
        side = (self.size, self.size)
        small = functional.interpolate(hu, side, mode="bilinear", antialias=True)[:, 0]
        drawn = functional.interpolate(labels, side, mode="nearest-exact")[:, 0]
        return Case(
            small.round().to(torch.int16).numpy(),
            drawn.numpy(),
            sample.scores,
            gaps_mm(sample.z_mm),
            sample.patient,
            sample.source,
        )

    def back(self, maps: Tensor, rows: int, columns: int) -> Tensor:
        """Maps (Z, size, size) on the source grid, (Z, rows, columns)."""
        return functional.interpolate(maps[:, None], (rows, columns), mode="bilinear")[:, 0]


@dataclass(frozen=True)
class Kind:
    """One family of networks, and everything that training has to know of it.

    config: its sizes, a frozen dataclass. build: a network of such sizes. view: how it looks at a series.
    channels: HU float32 (…, N, N) as its input (…, C, N, N). loss: of a batch, a scalar.
    validate: named numbers over named sets of cases.
    """

    name: str
    config: type[Any]
    build: Callable[[Any], nn.Module]
    view: Callable[[Any], View]
    channels: Callable[[Tensor], Tensor]
    loss: Callable[[nn.Module, Batch], Tensor]
    validate: Callable[[nn.Module, Mapping[str, Sequence[Case]]], dict[str, float]]


def window(hu: Tensor, level: float, width: float) -> Tensor:
    """HU shown at a level and width, HU too: 0 to 1."""
    return ((hu - (level - width / 2)) / width).clamp(0, 1)
