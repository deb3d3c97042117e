"""Every network that can be trained, by the name that recipes use."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from model.augment import network_input
from model.batches import Case
from model.errors import PterionError
from model.losses import network_loss
from model.networks import b0, multitask_cnn
from model.networks.base import Batch, HeadSquare, Kind
from model.networks.flagship import Flagship, FlagshipConfig
from model.validation import validate


def kind_named(name: str) -> Kind:
    """The kind called `name`. Raises PterionError where there is none."""
    if name not in KINDS:
        raise PterionError(f"There is no network {name}. Known are: {', '.join(KINDS)}.")
    return KINDS[name]


def _flagship_loss(network: nn.Module, batch: Batch) -> Tensor:
    mask_logits, slice_logits, _ = network(batch.x)
    return network_loss(
        mask_logits.float(), slice_logits.float(), batch.labels, batch.scores, stacks=len(batch.x)
    )


def _flagship_validation(network: nn.Module, sets: Mapping[str, Sequence[Case]]) -> dict[str, float]:
    assert isinstance(network, Flagship)
    return validate(network, sets)


_FLAGSHIP = Kind(
    name="flagship",
    config=FlagshipConfig,
    build=Flagship,
    view=lambda _: HeadSquare(),
    channels=network_input,
    loss=_flagship_loss,
    validate=_flagship_validation,
)

KINDS = {kind.name: kind for kind in (_FLAGSHIP, multitask_cnn.KIND, b0.KIND)}
