"""The multitask seed's network, as it was written: three convolutions, five sigmoids and a binary mask.

One grey window at 256 px; convolutions of 16, 32 and 64 channels, each halving the resolution; dropout after the
first two; a dense layer of 128; three transposed convolutions back to 256 px. About 8.4 million weights, almost all
of them in the dense layer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from model.batches import Case
from model.labels import CODES, NOT_REVIEWED
from model.networks.base import Batch, Kind, WholeImage, window
from model.networks.slicewise import SliceAnswer, known_targets, mean_where
from model.networks.slicewise import validate as validate_slices


@dataclass(frozen=True)
class MultitaskConfig:
    """Sizes of the network.

    size: rows and columns of its input, a multiple of 8. widths: channels of the three convolutions.
    dropout: after the first two. dense: length of the dense layer. dense_dropout: after it.
    """

    size: int = 256
    widths: tuple[int, ...] = (16, 32, 64)
    dropout: float = 0.1
    dense: int = 128
    dense_dropout: float = 0.3


class MultitaskCnn(nn.Module):
    """See the module."""

    codes = CODES

    def __init__(self, config: MultitaskConfig) -> None:
        super().__init__()
        self.config = config
        one, two, three = config.widths
        self.encoder = nn.Sequential(
            *_block(1, one), nn.Dropout(config.dropout),
            *_block(one, two), nn.Dropout(config.dropout),
            *_block(two, three),
        )  # fmt: skip
        self.classify = nn.Sequential(
            nn.Flatten(),
            nn.Linear(three * (config.size // 8) ** 2, config.dense),
            nn.ReLU(),
            nn.Dropout(config.dense_dropout),
            nn.Linear(config.dense, len(CODES)),
        )
        self.draw = nn.Sequential(
            nn.ConvTranspose2d(three, two, 2, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(two, one, 2, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(one, 1, 2, stride=2),
        )

    def forward(self, x: Tensor) -> SliceAnswer:
        """Logits of slices x (B, 1, N, N): five subtypes, and bleeding at each pixel."""
        features = self.encoder(x)
        return SliceAnswer(self.classify(features), self.draw(features)[:, 0])


def grey(hu: Tensor) -> Tensor:
    """Bone and brain in one grey window: half of it for 0..80 HU, half for -800..2000."""
    return (0.5 * window(hu, 40, 80) + 0.5 * window(hu, 600, 2800)).unsqueeze(-3)


def loss(network: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy of the subtypes that are known, plus that of bleeding at the pixels that were read."""
    answer: SliceAnswer = network(batch.x.flatten(0, 1))
    target, known = known_targets(batch.scores, CODES)
    of_slices = functional.binary_cross_entropy_with_logits(answer.logits.float(), target, reduction="none")
    read = batch.labels != NOT_REVIEWED
    bleeding = ((batch.labels > 0) & read).float()
    assert answer.mask_logits is not None
    of_pixels = functional.binary_cross_entropy_with_logits(
        answer.mask_logits.float(), bleeding, reduction="none"
    )
    return mean_where(of_slices, known) + mean_where(of_pixels, read.float())


def validate(network: nn.Module, sets: Mapping[str, Sequence[Case]]) -> dict[str, float]:
    """See `model.networks.slicewise.validate`."""
    return validate_slices(network, sets, grey, loss)


def _block(before: int, width: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)


KIND = Kind(
    name="multitask_cnn",
    config=MultitaskConfig,
    build=MultitaskCnn,
    view=lambda config: WholeImage(config.size),
    channels=grey,
    loss=loss,
    validate=validate,
)
