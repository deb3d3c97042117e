"""A trained network as a version folder, and back: weights in fp16, the three parts as ONNX, model.json, card.

The graphs are made from the weights as fp16 rounds them, so that what is trained further and what predicts agree.
"""

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model import preprocess
from model.errors import ModelFileError
from model.labels import SCORES
from model.networks.flagship import Features, Flagship, FlagshipConfig

FORMAT = 1
_OPSET = 17


def export(
    network: Flagship,
    folder: Path,
    *,
    id: str,  # noqa: A002 - the word of model.json
    parent: str | None,
    info: Mapping[str, Any],
    card: str = "",
    extra: Mapping[str, str] | None = None,
) -> None:
    """Write the whole version folder, or nothing. `folder` must not exist.

    info: what model.json holds besides id, parent, created, network, preprocess and files: thresholds (six),
    calibration, training, metrics, licence. card: the text of card.md. extra: texts of further files by name.
    Raises ModelFileError where the folder exists or cannot be written.
    """
    if folder.exists():
        raise ModelFileError(f"There is already a model in {folder.name}. Choose another id.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{id}-"))
    try:
        rounded = rounded_to_half(network)
        _save_weights(rounded, temporary / "weights.safetensors")
        _save_graphs(rounded, temporary)
        for name, text in {"card.md": card or f"# {id}\n", **(extra or {})}.items():
            (temporary / name).write_text(text, encoding="utf-8")
        content = {
            "format": FORMAT,
            "id": id,
            "parent": parent,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "network": asdict(network.config),
            "preprocess": preprocess_settings(network.config),
            "thresholds": dict.fromkeys(SCORES, 0.5),
            **info,
            "files": {path.name: _sha256(path) for path in sorted(temporary.iterdir())},
        }
        text = json.dumps(content, indent=1, allow_nan=False)
        (temporary / "model.json").write_text(text + "\n", encoding="utf-8")
        temporary.chmod(0o755)
        for path in temporary.iterdir():
            path.chmod(0o644)  # safetensors writes files that only their owner may read
            _flush(path)
        os.replace(temporary, folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise ModelFileError(
            f"The model {id} cannot be written ({error.strerror}). Free some space and try again."
        ) from error
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def load_network(folder: Path) -> Flagship:
    """The torch network of a version folder, float32, in evaluation mode. Raises ModelFileError where damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        network = Flagship(FlagshipConfig.from_table(info["network"]))
        state = load_file(folder / "weights.safetensors")
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelFileError(
            f"The weights of the model {folder.name} cannot be read ({error}). Add the model again."
        ) from error
    return network.eval()


def rounded_to_half(network: Flagship) -> Flagship:
    """A float32 copy in evaluation mode whose weights fp16 can hold; batch statistics keep their precision."""
    copy = Flagship(network.config).eval()
    copy.load_state_dict({k: v.float() for k, v in _half_state(network).items()})
    return copy


def preprocess_settings(config: FlagshipConfig) -> dict[str, Any]:
    """What the input of a network of these sizes is made with, for model.json."""
    return {
        "size": preprocess.SIZE,
        "pixel_mm": preprocess.PIXEL_MM,
        "mask_size": preprocess.SIZE if config.fine else preprocess.MASK_SIZE,
        "windows": [list(w) for w in preprocess.WINDOWS],
    }


def _half_state(network: nn.Module) -> dict[str, Tensor]:
    """State in fp16, apart from batch statistics: a small variance would vanish in it."""
    return {
        k: v.detach().half() if v.is_floating_point() and "running_" not in k else v.detach()
        for k, v in network.state_dict().items()
    }


def _save_weights(network: Flagship, path: Path) -> None:
    from safetensors.torch import save_file

    save_file({k: v.contiguous().clone() for k, v in _half_state(network).items()}, path)


class _Encode(nn.Module):
    def __init__(self, network: Flagship) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Features:
        return self.network.encode(x)


class _Decode(nn.Module):
    """Takes only the neighbours' features that are mixed."""

    def __init__(self, network: Flagship) -> None:
        super().__init__()
        self.network = network
        self.levels = len(network.config.widths)
        self.first = self.levels - network.config.mixed

    def forward(self, *maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mixed = self.levels - self.first
        here = maps[mixed : mixed + self.levels]
        previous = here[: self.first] + maps[:mixed]
        following = here[: self.first] + maps[mixed + self.levels :]
        return self.network.decode(previous, here, following)


class _Sequence(nn.Module):
    def __init__(self, network: Flagship) -> None:
        super().__init__()
        self.network = network

    def forward(self, embeddings: Tensor, gaps_mm: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.sequence(embeddings, gaps_mm)


def _save_graphs(network: Flagship, folder: Path) -> None:
    config, levels = network.config, len(network.config.widths)
    x = torch.zeros(2, 3, preprocess.SIZE, preprocess.SIZE)
    names = [f"f{i}" for i in range(levels)]
    _save_graph(_Encode(network), (x,), folder / "encode.onnx", ["x"], names, 0)
    maps = network.encode(x)
    mixed = range(levels - config.mixed, levels)
    given = [*(f"p{i}" for i in mixed), *(f"h{i}" for i in range(levels)), *(f"n{i}" for i in mixed)]
    tensors = tuple(maps[int(name[1:])].detach() for name in given)
    outputs = ["mask_logits", "slice_logits", "embedding"]
    _save_graph(_Decode(network), tensors, folder / "decode.onnx", given, outputs, 0)
    series = (torch.zeros(1, 7, config.embedding), torch.full((1, 7), 5.0))
    _save_graph(
        _Sequence(network),
        series,
        folder / "sequence.onnx",
        ["embeddings", "gaps_mm"],
        ["slice_logits", "study_logits"],
        1,
    )


def _save_graph(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    input_names: list[str],
    output_names: list[str],
    moving: int,
) -> None:
    """Export with axis `moving` of any length, of every tensor that has it."""
    axes = {name: {moving: "count"} for name in [*input_names, *output_names] if name != "study_logits"}
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is deprecated, but the new one cannot leave an axis open without extra constraints.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            input_names=input_names,
            output_names=output_names,
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
