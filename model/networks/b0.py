"""The classification seed's network: EfficientNet-B0 on three windows, pooled, a dense layer, a sigmoid a subtype.

EfficientNet after M. Tan and Q. V. Le, ICML 2019, table 1; modules are named as torchvision's, so that its ImageNet
weights (and timm's, under other names) load from a file. Written here because MONAI's pads as TensorFlow does, which
those weights do not fit, and torchvision comes only with a binary of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.batches import Case
from model.labels import CODES
from model.networks.base import Batch, Kind, WholeImage, window
from model.networks.slicewise import SliceAnswer, known_targets, mean_where
from model.networks.slicewise import validate as validate_slices

WINDOWS = ((40.0, 80.0), (80.0, 200.0), (600.0, 2800.0))
"""Level and width of the three channels, HU: brain, subdural, bone."""
STAGES = (
    # expansion, width, blocks, stride, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
STEM, TOP = 32, 1280
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class B0Config:
    """Sizes of the network.

    size: rows and columns of its input. codes: the subtypes that it answers. dense: length of the dense layer.
    dropout: before and after it. drop_path: chance that the last block is skipped in training, less before it.
    focal_power, focal_share, focal_share_edh: of the focal loss; shares are those of the positives.
    width: factor on every number of channels.
    """

    size: int = 224
    codes: tuple[str, ...] = CODES
    dense: int = 128
    dropout: float = 0.3
    drop_path: float = 0.2
    focal_power: float = 2.0
    focal_share: float = 0.5
    focal_share_edh: float = 0.75
    width: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for a subtype that there is not."""
        if not self.codes or set(self.codes) - set(CODES):
            raise ValueError(f"codes must be some of {', '.join(CODES)}, got {', '.join(self.codes)}")


class B0(nn.Module):
    """See the module."""

    share: Tensor
    mean: Tensor
    sd: Tensor

    def __init__(self, config: B0Config) -> None:
        super().__init__()
        self.config, self.codes = config, config.codes
        self.features = _features(config)
        top = _channels(TOP, config)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(top, config.dense),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.dense, len(config.codes)),
        )
        share = [config.focal_share_edh if code == "EDH" else config.focal_share for code in config.codes]
        self.register_buffer("share", torch.tensor(share), persistent=False)
        for name, values in (("mean", IMAGENET_MEAN), ("sd", IMAGENET_SD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, x: Tensor) -> SliceAnswer:
        """Logits of slices x (B, 3, N, N), one a subtype."""
        pooled = self.features((x - self.mean) / self.sd).mean((2, 3))
        return SliceAnswer(self.head(pooled), None)


class MbConv(nn.Module):
    """Expand, depthwise, squeeze and excite, project; skipped at random in training where shapes allow it."""

    def __init__(
        self, before: int, width: int, expansion: int, stride: int, kernel: int, drop: float
    ) -> None:
        super().__init__()
        middle = before * expansion
        layers: list[nn.Module] = [_conv(before, middle, 1)] if expansion > 1 else []
        layers += [
            _conv(middle, middle, kernel, stride, groups=middle),
            SqueezeExcitation(middle, max(1, before // 4)),
            _conv(middle, width, 1, active=False),
        ]
        self.block = nn.Sequential(*layers)
        self.shortcut, self.drop = stride == 1 and before == width, drop

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, h, w) → (B, width, h / stride, w / stride)."""
        y: Tensor = self.block(x)
        if not self.shortcut:
            return y
        if self.training and self.drop:
            kept = torch.rand(len(y), 1, 1, 1, device=y.device) >= self.drop
            y = y * kept.to(y.dtype) / (1 - self.drop)
        return x + y


class SqueezeExcitation(nn.Module):
    """Channels weighed by what the whole map holds (J. Hu et al., CVPR 2018)."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, squeezed, 1), nn.Conv2d(squeezed, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) → the same, each channel scaled by 0..1."""
        scale: Tensor = self.fc2(functional.silu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()
        return x * scale


def channels(hu: Tensor) -> Tensor:
    """The three windows."""
    return torch.stack([window(hu, level, width) for level, width in WINDOWS], -3)


def loss(network: nn.Module, batch: Batch) -> Tensor:
    """Focal loss (T.-Y. Lin et al., ICCV 2017) of the subtypes that are known."""
    bare = network.module if isinstance(network, nn.parallel.DistributedDataParallel) else network
    assert isinstance(bare, B0)
    logits = network(batch.x.flatten(0, 1)).logits.float()
    target, known = known_targets(batch.scores, bare.codes)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = logits.sigmoid()
    right = torch.where(target > 0, probability, 1 - probability)
    share = torch.where(target > 0, bare.share, 1 - bare.share)
    return mean_where(share * (1 - right) ** bare.config.focal_power * entropy, known)


def validate(network: nn.Module, sets: Mapping[str, Sequence[Case]]) -> dict[str, float]:
    """See `model.networks.slicewise.validate`."""
    return validate_slices(network, sets, channels, loss)


def _features(config: B0Config) -> nn.Sequential:
    """The stem, seven stages and the last 1 x 1 convolution, in torchvision's order."""
    blocks = sum(count for _, _, count, _, _ in STAGES)
    before, done = _channels(STEM, config), 0
    layers: list[nn.Module] = [_conv(3, before, 3, 2)]
    for expansion, wide, count, stride, kernel in STAGES:
        width, stage = _channels(wide, config), []
        for i in range(count):
            drop = config.drop_path * done / blocks
            stage.append(MbConv(before, width, expansion, stride if i == 0 else 1, kernel, drop))
            before, done = width, done + 1
        layers.append(nn.Sequential(*stage))
    layers.append(_conv(before, _channels(TOP, config), 1))
    features = nn.Sequential(*layers)
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return features


def _channels(width: int, config: B0Config) -> int:
    """`width` times the config's factor, to a multiple of 8."""
    return max(8, 8 * math.ceil(width * config.width / 8))


def _conv(
    before: int, width: int, kernel: int, stride: int = 1, *, groups: int = 1, active: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(before, width, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(width),
    ]
    return nn.Sequential(*layers, *([nn.SiLU(inplace=True)] if active else []))


KIND = Kind(
    name="b0",
    config=B0Config,
    build=B0,
    view=lambda config: WholeImage(config.size),
    channels=channels,
    loss=loss,
    validate=validate,
)
