"""ImageNet weights of EfficientNet-B0 from a file that the user names; nothing is fetched, nothing is unpickled."""

import pickle
import re
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from model.errors import ModelFileError
from model.networks.b0 import B0

_TIMM_STAGE = re.compile(r"blocks\.(\d+)\.(\d+)\.(.+)")
_TIMM_TOPS = {
    "conv_stem": "features.0.0",
    "bn1": "features.0.1",
    "conv_head": "features.8.0",
    "bn2": "features.8.1",
}
_SQUEEZE = ("se.conv_reduce", "se.conv_expand")
_FIRST = dict(
    zip(
        ("conv_dw", "bn1", *_SQUEEZE, "conv_pw", "bn2"),
        ("0.0", "0.1", "1.fc1", "1.fc2", "2.0", "2.1"),
        strict=True,
    )
)
_LATER = dict(
    zip(
        ("conv_pw", "bn1", "conv_dw", "bn2", *_SQUEEZE, "conv_pwl", "bn3"),
        ("0.0", "0.1", "1.0", "1.1", "2.fc1", "2.fc2", "3.0", "3.1"),
        strict=True,
    )
)
"""timm's names within a block → torchvision's: the first stage does not expand."""


def load_imagenet(network: B0, path: Path) -> str:
    """Fill the features of `network` from a .safetensors or .pth file named as torchvision or timm name them.

    Returns a digest of the file. Raises ModelFileError where it cannot be read or is of another network.
    """
    state = {torchvision_name(name): value for name, value in _read(path).items()}
    wanted = network.features.state_dict()
    found = {name: state[f"features.{name}"] for name in wanted if f"features.{name}" in state}
    missing = [name for name in wanted if name not in found and not name.endswith("num_batches_tracked")]
    if missing:
        raise ModelFileError(
            f"{path.name} lacks {len(missing)} of the {len(wanted)} weights of an EfficientNet-B0, the first of them "
            f"features.{missing[0]}. Name a file of torchvision's or timm's efficientnet_b0."
        )
    try:
        network.features.load_state_dict({**wanted, **found})
    except RuntimeError as error:
        raise ModelFileError(
            f"{path.name} is of another network ({str(error).splitlines()[-1].strip()}). "
            "Name a file of torchvision's or timm's efficientnet_b0."
        ) from error
    return sha256(path.read_bytes()).hexdigest()


def torchvision_name(name: str) -> str:
    """The torchvision name of a weight that timm or torchvision names."""
    block = _TIMM_STAGE.fullmatch(name)
    if block:
        stage, number, rest = int(block[1]), block[2], block[3]
        layer, _, parameter = rest.rpartition(".")
        known = _LATER if stage else _FIRST
        return f"features.{stage + 1}.{number}.block.{known.get(layer, layer)}.{parameter}"
    layer, _, parameter = name.rpartition(".")
    return f"{_TIMM_TOPS.get(layer, layer)}.{parameter}"


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        # Tensors and plain containers only: a file with code in it is refused.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelFileError(
            f"{path.name} cannot be read as weights ({reason}). Name a .safetensors or .pth file of tensors."
        ) from error
    if isinstance(content, dict):
        content = content.get("state_dict", content)
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelFileError(
            f"{path.name} holds no table of weights. Name a .safetensors or .pth file of tensors."
        )
    return content
