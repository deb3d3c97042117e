"""Between two networks: what is a mean, what is left alone, which one is taken."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.blend import best_between, between
from model.export import load_network
from model.networks.flagship import Flagship


@pytest.fixture
def ends(tiny_version: Path) -> tuple[Flagship, Flagship]:
    """The tiny network, and the same with every number 1 larger."""
    start, end = load_network(tiny_version), load_network(tiny_version)
    with torch.no_grad():
        for value in end.state_dict().values():
            value.add_(1)
    return start, end


def weights(network: Flagship) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}


def test_a_quarter_of_the_way_is_a_quarter_of_each_difference(ends: tuple[Flagship, Flagship]) -> None:
    before = [weights(network) for network in ends]
    found = weights(between(*ends, 0.25))
    for name, value in found.items():
        wanted = (
            0.25 if value.dtype.kind == "f" else 1.0
        )  # how often statistics were taken is counted, not averaged
        np.testing.assert_allclose(value - before[0][name], wanted, atol=1e-5, err_msg=name)
    assert all(np.array_equal(weights(n)[k], b[k]) for n, b in zip(ends, before, strict=True) for k in b)


def test_the_best_of_them_is_taken_and_of_equals_the_one_that_stayed_nearest(
    ends: tuple[Flagship, Flagship],
) -> None:
    first = next(name for name, value in weights(ends[0]).items() if value.dtype.kind == "f")
    origin = weights(ends[0])[first].flat[0]

    def went(network: Flagship) -> float:
        return float(weights(network)[first].flat[0] - origin)

    network, share = best_between(*ends, lambda one: -abs(went(one) - 0.75))
    assert (share, went(network)) == (0.75, pytest.approx(0.75, abs=1e-5))
    assert best_between(*ends, lambda _: 0.0)[1] == 0.5
    assert best_between(*ends, lambda one: 0.03 * went(one))[1] == 0.75  # .0075 below the best is as good
    network, share = best_between(*ends, lambda one: 0.05 * went(one))  # .0125 is not
    assert (share, network) == (1.0, ends[1])
