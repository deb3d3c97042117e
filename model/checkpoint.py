"""What a run keeps: a checkpoint to go on from, and the finished network. safetensors and JSON; nothing is unpickled.

```
<run>/run.json                    recipe, fold, data: what must be the same to go on
<run>/checkpoint.safetensors      the newest; checkpoint-before.safetensors the one before it
<run>/network.safetensors         the finished network
```
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model.errors import ModelFileError, PterionError
from model.networks.kinds import kind_named
from model.recipe import Settings

FORMAT = 1
RUN, NEWEST, BEFORE, FINISHED = (
    "run.json",
    "checkpoint.safetensors",
    "checkpoint-before.safetensors",
    "network.safetensors",
)


@dataclass
class Progress:
    """How far a run is.

    step: steps done. seconds: time they took. losses: of the steps since the last row.
    rows: the curves so far, a row a validation.
    best: the least or largest watched number. waited: validations since then. ended: why, where early.
    """

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    rows: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None
    waited: int = 0
    ended: str = ""


def save_checkpoint(
    folder: Path, networks: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write a checkpoint whole or not at all; the one that was the newest stays as the one before."""
    tensors = {
        f"{name}/{key}": value
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{number}/{key}": value for key, value in state.items()}
    content = _packed(tensors, {"progress": vars(progress)})
    write_whole(folder / f"{NEWEST}.part", content)
    if (folder / NEWEST).exists():
        os.replace(folder / NEWEST, folder / BEFORE)
    os.replace(folder / f"{NEWEST}.part", folder / NEWEST)


def load_checkpoint(
    folder: Path, networks: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer
) -> tuple[Progress, str]:
    """Fill networks and optimiser from the newest sound checkpoint; how far it was, and its file's name.

    A damaged one, cut short by a lost machine, falls back to the one before. Raises PterionError where none is
    sound or where it is of another network.
    """
    problems = []
    for name in (NEWEST, BEFORE):
        try:
            tensors, facts = _unpacked(folder / name)
        except ModelFileError as error:
            problems.append(str(error))
            continue
        try:
            for part, network in networks.items():
                network.load_state_dict(_below(tensors, part))
            _fill(optimiser, _below(tensors, "optimiser"))
            return Progress(**facts["progress"]), name
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise PterionError(
                f"{name} in {folder.name} is of another network or version. Choose an empty folder."
            ) from error
    raise PterionError(f"There is no checkpoint to go on from in {folder.name}. {' '.join(problems)}")


def save_network(path: Path, network: nn.Module) -> None:
    """Write the weights of `network`, whole or not at all."""
    write_whole(path.with_suffix(".part"), _packed(network.state_dict(), {}))
    os.replace(path.with_suffix(".part"), path)


def load_run(folder: Path) -> tuple[Settings, nn.Module]:
    """Recipe and finished network of a run, in evaluation mode. Raises ModelFileError where it has none."""
    settings = read_run(folder)[0]
    tensors, _ = _unpacked(folder / FINISHED)
    network = kind_named(settings.kind).build(settings.network)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelFileError(
            f"{FINISHED} in {folder.name} does not fit its recipe. Train again in an empty folder."
        ) from error
    return settings, network.eval()


def write_run(folder: Path, settings: Settings, facts: Mapping[str, Any]) -> None:
    """Write run.json: recipe and `facts` (fold, data)."""
    content = {"format": FORMAT, "recipe": settings.as_table(), **facts}
    write_whole(folder / f"{RUN}.part", (json.dumps(content, indent=1) + "\n").encode())
    os.replace(folder / f"{RUN}.part", folder / RUN)


def read_run(folder: Path) -> tuple[Settings, dict[str, Any]]:
    """Recipe and facts of run.json. Raises ModelFileError where it is missing, damaged or of another version."""
    try:
        content = json.loads((folder / RUN).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ModelFileError(
                f"{folder.name} is a run of format {content['format']}, this program reads {FORMAT}. Train again."
            )
        return Settings.from_table(content["recipe"]), content
    except (OSError, ValueError, KeyError, TypeError, PterionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(
            f"{folder.name} is no training run ({error}). Name the folder of one."
        ) from error


def _packed(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> bytes:
    """A safetensors file with a digest over all that is in it; by itself the format only notices a file cut short."""
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps({"format": FORMAT, **facts})
    return save(plain, {"pterion": text, "digest": _digest(plain, text)})


def _unpacked(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        text = header["pterion"]
        facts: dict[str, Any] = json.loads(text)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelFileError(f"{path.name} in {path.parent.name} cannot be read ({error}).") from error
    if facts["format"] != FORMAT:
        raise ModelFileError(
            f"{path.name} in {path.parent.name} has format {facts['format']}, this program reads {FORMAT}."
        )
    if header.get("digest") != _digest(tensors, text):
        raise ModelFileError(
            f"{path.name} in {path.parent.name} is not what was written: its checksum differs."
        )
    return tensors, facts


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = sha256(text.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _below(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{part}/"): value for name, value in tensors.items() if name.startswith(f"{part}/")
    }


def _fill(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The optimiser's state, each tensor laid out as its weight: another layout may round differently."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, key = name.split("/")
        like = parameters[int(number)]
        same = value.shape == like.shape and value.ndim > 0
        state.setdefault(int(number), {})[key] = torch.empty_like(like).copy_(value) if same else value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def write_whole(path: Path, content: bytes) -> None:
    """Write and flush a file, or leave none. Raises PterionError where the disk is full."""
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise PterionError(
            f"{path.name} cannot be written to {path.parent.name} ({error.strerror}). Free some space; the run can "
            "go on from its last checkpoint with --resume."
        ) from error
