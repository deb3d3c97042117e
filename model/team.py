"""The machines that train together, as `torchrun` starts them; one alone without it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from model.errors import PterionError

_PATIENCE = timedelta(hours=6)  # the first prepares the samples while the others wait


@dataclass(frozen=True)
class Team:
    """rank: which of `size` this process is; the first writes and speaks. device: what it computes on."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, network: nn.Module) -> nn.Module:
        """The network to train: gradients, and on GPUs batch statistics, are those of all."""
        if self.size == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
            return DistributedDataParallel(network, [self.device.index], find_unused_parameters=True)
        return DistributedDataParallel(network, find_unused_parameters=True)

    def mean(self, value: float) -> float:
        """The mean of everybody's value."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return float(total) / self.size

    def told(self, value: float) -> float:
        """The first one's value."""
        if self.size == 1:
            return value
        said = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(said, 0)
        return float(said)

    def any(self, value: bool) -> bool:
        """Whether it is true for anybody."""
        return self.mean(float(value)) > 0

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()

    def autocast(self, precision: str) -> torch.autocast:
        """The context of a forward pass: bfloat16 on a GPU, and where `precision` is bf16 on a CPU that has it."""
        short = self.device.type == "cuda" or (precision == "bf16" and computes_bf16())
        return torch.autocast(self.device.type, torch.bfloat16, enabled=short)

    def here(self, *tensors: Tensor) -> list[Tensor]:
        """The tensors on this one's device."""
        return [tensor.to(self.device, non_blocking=True) for tensor in tensors]


def computes_bf16() -> bool:
    """Whether this processor has instructions for bfloat16; without them it would only be slower."""
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@contextmanager
def join(device: str | None = None) -> Iterator[Team]:
    """The team that torchrun's environment describes; `device` is cpu, cuda, cuda:1 … (default: a GPU if any).

    Raises PterionError for a device that is not there.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if size == 1:
        yield Team(rank, size, chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Team(rank, size, chosen)
    finally:
        distributed.destroy_process_group()


def _device(name: str | None, local: int) -> torch.device:
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise PterionError(f"There is no device {name}. Name cpu, cuda or cuda:N.") from error
    if chosen.type == "cuda":
        count = torch.cuda.device_count()
        chosen = torch.device("cuda", local if chosen.index is None else chosen.index)
        if chosen.index >= count:
            raise PterionError(
                f"{chosen} was asked for, and {count} GPUs are here. Leave --device out, or name cpu."
            )
        torch.cuda.set_device(chosen)
    elif chosen.type != "cpu":
        raise PterionError(f"{name} is not supported. Name cpu, cuda or cuda:N.")
    return chosen
