"""A real network of a few thousand weights, and an untrained version of it that trains in seconds. Not a test."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.networks.flagship import Flagship


def tiny_network(seed: int = 0) -> "Flagship":
    """The flagship with as few channels as it can have; its weights are random, and the same for a seed."""
    import torch

    from model.networks.flagship import Flagship, FlagshipConfig

    torch.manual_seed(seed)
    config = FlagshipConfig(
        widths=(4, 4, 8, 8, 8),
        depths=(1, 1, 1, 1, 1),
        expansion=1,
        decoder=(8, 8, 4, 4),
        pooled=4,
        sequence_width=4,
    )
    return Flagship(config)


def make_tiny(folder: Path, version_id: str = "tiny-1", **info: object) -> Path:
    """Write it as a version to `folder`/`version_id` and return that path."""
    from model.export import export

    export(tiny_network().eval(), folder / version_id, id=version_id, parent=None, info=info)
    return folder / version_id
