"""The multitask network: one encoder, masks and scores a slice, context along z, in parts that can stream.

`encode` sees one slice; `decode` mixes its features with those of the slices before and after; `sequence` reads the
embeddings of all slices and refines the scores. Inverted residuals after MobileNetV2 (Sandler et al., CVPR 2018).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.labels import SCORES

CLASSES = len(SCORES)
"""Background and five subtypes in the masks; `any` and five subtypes in the scores: six either way."""

Features = tuple[Tensor, ...]


@dataclass(frozen=True)
class FlagshipConfig:
    """Sizes of the network.

    widths: channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's resolution.
    depths: blocks at each of them.
    expansion: factor inside an inverted residual.
    decoder: channels of the decoder at 1/16, 1/8, 1/4 and 1/2.
    mixed: the deepest so many levels are mixed along z.
    pooled: length of the projected deep features within an embedding.
    sequence_width: channels of the sequence part.
    dilations: of its convolutions along z.
    mirrored: whether a slice is read as it is and mirrored, and the two answers averaged; training reads it once.
    fine: whether masks have the input's resolution, instead of half of it.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128, 192)
    depths: tuple[int, ...] = (1, 2, 3, 3, 2)
    expansion: int = 4
    decoder: tuple[int, ...] = (96, 64, 40, 24)
    mixed: int = 3
    pooled: int = 64
    sequence_width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4)
    mirrored: bool = False
    fine: bool = False

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "FlagshipConfig":
        """From JSON or TOML, where tuples are lists. Raises TypeError for an unknown name."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
        return cls(**values)

    @property
    def embedding(self) -> int:
        """Length E of a slice's embedding: deep features, mask statistics and slice logits."""
        return self.pooled + 2 * (CLASSES - 1) + CLASSES


class Flagship(nn.Module):
    """See the module. Inputs are `model.preprocess.prepare_slice`'s, float32 (B, 3, N, N) in 0..1."""

    def __init__(self, config: FlagshipConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FlagshipConfig()
        self.stem = _conv(3, config.widths[0], kernel=3, stride=2)
        stages, before = [], config.widths[0]
        for level, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            blocks = [
                InvertedResidual(
                    before if i == 0 else width, width, config.expansion, 2 if i == 0 and level else 1
                )
                for i in range(depth)
            ]
            stages.append(nn.Sequential(*blocks))
            before = width
        self.stages = nn.ModuleList(stages)
        self.mixers = nn.ModuleList(SliceMixer(width) for width in config.widths[-config.mixed :])
        deep, steps = config.widths[-1], []
        for skip, width in zip(reversed(config.widths[:-1]), config.decoder, strict=True):
            steps.append(UpStep(deep, skip, width))
            deep = width
        self.up = nn.ModuleList(steps)
        self.mask_head = nn.Conv2d(deep, CLASSES, 1)
        self.detail = _sub_pixels(deep) if config.fine else None
        self.project = nn.Sequential(nn.Linear(2 * config.widths[-1], config.pooled), nn.SiLU())
        self.slice_head = nn.Linear(config.pooled + 2 * (CLASSES - 1), CLASSES)
        self.context = SequenceHead(config)

    def encode(self, x: Tensor) -> Features:
        """Feature maps of single slices at 1/2 .. 1/32 of the resolution of `x` (B, 3, N, N).

        Where the network is mirrored, those of the mirrored slice are a second half of the channels.
        """
        if not self.config.mirrored:
            return self._encode(x)
        both = self._encode(torch.stack([x, x.flip(-1)], 1).flatten(0, 1))
        return tuple(m.reshape(-1, 2 * m.shape[1], *m.shape[2:]) for m in both)

    def _encode(self, x: Tensor) -> Features:
        maps, here = [], self.stem(2 * x - 1)
        for stage in self.stages:
            here = stage(here)
            maps.append(here)
        return tuple(maps)

    def decode(
        self, previous: Features, here: Features, following: Features
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mask logits (B, 6, n, n), slice logits (B, 6) and embeddings (B, E) of the slices `here`; n is N/2, or N.

        At the ends of a series `here` takes the missing neighbour's place.
        """
        if not self.config.mirrored:
            return self._decode(previous, here, following)
        apart = (
            tuple(m.reshape(-1, m.shape[1] // 2, *m.shape[2:]) for m in maps)
            for maps in (previous, here, following)
        )
        masks, logits, embeddings = (r.reshape(-1, 2, *r.shape[1:]) for r in self._decode(*apart))
        return (masks[:, 0] + masks[:, 1].flip(-1)) / 2, logits.mean(1), embeddings.mean(1)

    def _decode(
        self, previous: Features, here: Features, following: Features
    ) -> tuple[Tensor, Tensor, Tensor]:
        first = len(here) - len(self.mixers)
        maps = list(here[:first])
        for i, mixer in enumerate(self.mixers, start=first):
            maps.append(mixer(previous[i], here[i], following[i]))
        deep = maps[-1]
        grown = deep
        for step, skip in zip(self.up, reversed(maps[:-1]), strict=True):
            grown = step(grown, skip)
        mask_logits = self.mask_head(grown)
        flat = deep.flatten(2)
        pooled = self.project(torch.cat([flat.mean(2), flat.amax(2)], 1))
        evidence = torch.cat([pooled, _mask_statistics(mask_logits)], 1)
        slice_logits = self.slice_head(evidence)
        if self.detail is not None:
            coarse = functional.interpolate(mask_logits, scale_factor=2, mode="bilinear", align_corners=False)
            mask_logits = coarse + functional.pixel_shuffle(self.detail(grown), 2)
        return mask_logits, slice_logits, torch.cat([evidence, slice_logits], 1)

    def sequence(self, embeddings: Tensor, gaps_mm: Tensor) -> tuple[Tensor, Tensor]:
        """Slice logits (1, Z, 6) and study logits (1, 6) of a whole series.

        embeddings: (1, Z, E). gaps_mm: (1, Z), distance to the slice before; the first repeats the second.
        """
        result: tuple[Tensor, Tensor] = self.context(embeddings, gaps_mm)
        return result

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`decode` of every slice of stacks x (B, S, 3, N, N), read once, flattened to (B * S, …)."""
        batch, count = x.shape[:2]
        maps = self._encode(x.flatten(0, 1))
        index = torch.arange(batch * count).reshape(batch, count)
        before = torch.cat([index[:, :1], index[:, :-1]], 1).flatten()
        after = torch.cat([index[:, 1:], index[:, -1:]], 1).flatten()
        first = len(maps) - len(self.mixers)
        shallow = maps[:first]
        previous = shallow + tuple(m[before] for m in maps[first:])
        following = shallow + tuple(m[after] for m in maps[first:])
        return self._decode(previous, maps, following)

    @torch.no_grad()
    def series(self, x: Tensor, chunk: int = 16) -> tuple[Tensor, Tensor, Tensor]:
        """`decode` of every slice of one whole series x (Z, 3, N, N), without gradients, `chunk` at a time."""
        parts = [
            self.encode(part.contiguous(memory_format=torch.channels_last)) for part in torch.split(x, chunk)
        ]
        here = [torch.cat(level) for level in zip(*parts, strict=True)]
        before = [torch.cat([m[:1], m[:-1]]) for m in here]
        after = [torch.cat([m[1:], m[-1:]]) for m in here]
        results = []
        for start in range(0, len(x), chunk):
            part = slice(start, start + chunk)
            sides = [tuple(m[part] for m in side) for side in (before, here, after)]
            results.append(self.decode(*sides))
        masks, logits, embeddings = (torch.cat(r) for r in zip(*results, strict=True))
        return masks, logits, embeddings


class InvertedResidual(nn.Module):
    """Expand, depthwise 3 x 3, project; a shortcut where shapes allow it."""

    def __init__(self, before: int, width: int, expansion: int, stride: int) -> None:
        super().__init__()
        middle = before * expansion
        self.expand = _conv(before, middle, kernel=1)
        self.depthwise = _conv(middle, middle, kernel=3, stride=stride, groups=middle)
        self.reduce = nn.Sequential(nn.Conv2d(middle, width, 1, bias=False), nn.BatchNorm2d(width))
        self.shortcut = stride == 1 and before == width

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, h, w) → (B, width, h / stride, w / stride)."""
        y: Tensor = self.reduce(self.depthwise(self.expand(x)))
        return x + y if self.shortcut else y


class SliceMixer(nn.Module):
    """A depthwise convolution of three along z and a 1 x 1 across channels; it starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.tensor([-0.5, 1.0, -0.5])[:, None, None, None].repeat(1, width, 1, 1))
        self.across = nn.Sequential(nn.BatchNorm2d(width), nn.SiLU(), nn.Conv2d(width, width, 1))
        nn.init.zeros_(self.across[2].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.across[2].bias)  # type: ignore[arg-type]

    def forward(self, previous: Tensor, here: Tensor, following: Tensor) -> Tensor:
        """Features of a slice (B, width, h, w) changed by its neighbours'."""
        mixed: Tensor = self.across(previous * self.taps[0] + here * self.taps[1] + following * self.taps[2])
        return here + mixed


class UpStep(nn.Module):
    """Twice the resolution, joined with the encoder's features there."""

    def __init__(self, deep: int, skip: int, width: int) -> None:
        super().__init__()
        self.deep, self.skip = _conv(deep, width, kernel=1), _conv(skip, width, kernel=1)
        self.refine = nn.Sequential(
            _conv(width, width, kernel=3, groups=width), _conv(width, width, kernel=1)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, deep, h, w) and (B, skip, 2h, 2w) → (B, width, 2h, 2w)."""
        grown: Tensor = functional.interpolate(self.deep(x), scale_factor=2, mode="nearest") + self.skip(skip)
        refined: Tensor = self.refine(grown)
        return grown + refined


class SequenceHead(nn.Module):
    """Dilated convolutions along z over embeddings; their output corrects the slice logits, starting at none."""

    def __init__(self, config: FlagshipConfig) -> None:
        super().__init__()
        width = config.sequence_width
        self.enter = nn.Sequential(nn.Linear(config.embedding + 1, width), nn.SiLU())
        self.along = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in config.dilations
        )
        self.correct = nn.Linear(width, CLASSES)
        self.attend = nn.Linear(width, CLASSES)
        self.study = nn.Linear(width, CLASSES)
        self.sharpness = nn.Parameter(torch.zeros(CLASSES))
        for layer in (self.correct, self.attend, self.study):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, embeddings: Tensor, gaps_mm: Tensor) -> tuple[Tensor, Tensor]:
        """See `Flagship.sequence`."""
        spread = torch.clamp(gaps_mm / 5, 0, 3)[..., None]
        hidden = self.enter(torch.cat([embeddings, spread], 2)).transpose(1, 2)
        for convolution in self.along:
            hidden = hidden + functional.silu(convolution(hidden))
        hidden = hidden.transpose(1, 2)
        slice_logits = embeddings[..., -CLASSES:] + self.correct(hidden)
        peak = torch.softmax(functional.softplus(self.sharpness + 1) * slice_logits, 1)
        pooled = (torch.softmax(self.attend(hidden), 1) * self.study(hidden)).sum(1)
        return slice_logits, (peak * slice_logits).sum(1) + pooled


def _conv(before: int, width: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, width, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(width),
        nn.SiLU(inplace=True),
    )


def _sub_pixels(width: int) -> nn.Conv2d:
    """Adds to each mask pixel what tells its four quarters apart (Shi et al., CVPR 2016); at first nothing."""
    layer = nn.Conv2d(width, 4 * CLASSES, 3, padding=1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _mask_statistics(mask_logits: Tensor) -> Tensor:
    """Per subtype the mean margin over background of its 16 strongest pixels and the log of its area: (B, 10)."""
    margin = (mask_logits[:, 1:] - mask_logits[:, :1]).flatten(2)
    peak = margin.topk(16, dim=2).values.mean(2)
    area = torch.softmax(mask_logits, 1)[:, 1:].flatten(2).sum(2)
    return torch.cat([peak / 4, torch.log1p(area)], 1)
