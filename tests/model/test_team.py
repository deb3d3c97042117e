"""Training on several machines: what they agree on, over a real connection, and devices that are not there."""

import os
import socket
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from model.errors import PterionError
from model.team import join

# The second machine: the same calls in the same order.
_OTHER = """
import torch
from torch import nn
from model.team import join
with join("cpu") as team:
    network = team.share(nn.Linear(1, 1))
    network(torch.tensor([[3.0]])).sum().backward()
    print(team.first, team.mean(3.0), team.told(9.0), team.any(True), team.any(False), team.here(torch.ones(1)))
    team.wait()
"""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> str:
    """A free port; the environment is that of the first machine of two."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    for name, value in (
        ("RANK", "0"),
        ("WORLD_SIZE", "2"),
        ("MASTER_ADDR", "127.0.0.1"),
        ("MASTER_PORT", port),
    ):
        monkeypatch.setenv(name, value)
    return port


def test_two_machines_agree(port: str) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", _OTHER],
        env={**os.environ, "RANK": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with join("cpu") as team:
        network = team.share(nn.Linear(1, 1))
        assert isinstance(network, DistributedDataParallel)
        network(torch.tensor([[1.0]])).sum().backward()
        assert (team.first, team.mean(1.0), team.told(5.0)) == (True, 2.0, 5.0)
        assert (team.any(False), team.any(False)) == (True, False)  # the other one said true, then false
        team.wait()
        # The gradient of w · x is x: the mean of 1 and 3.
        assert [float(p.grad) for p in network.parameters() if p.grad is not None] == [2.0, 1.0]
    said, _ = other.communicate(timeout=60)
    assert said.split("[")[0].split() == ["False", "2.0", "5.0", "True", "False"]
    assert other.returncode == 0


def test_one_machine_needs_nobody() -> None:
    network = nn.Linear(1, 1)
    with join("cpu") as team:
        assert team.share(network) is network
        assert (team.first, team.mean(4.0), team.told(5.0), team.any(True)) == (True, 4.0, 5.0, True)
        team.wait()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("abacus", "There is no device abacus"),
        ("meta", "meta is not supported"),
        ("cuda:7", r"cuda:7 was asked for, and \d+ GPUs are here"),
    ],
)
def test_a_device_that_is_not_there_is_said(name: str, sentence: str) -> None:
    with pytest.raises(PterionError, match=sentence), join(name):
        pass


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with join() as team:
        assert team.device == torch.device("cuda", 1)
    assert chosen == [team.device]
