"""Simulated heads as a source of samples: shards part them, settings are told."""

import pytest

from model.datasets.simulated import Phantoms
from model.errors import PterionError
from model.phantom import VERSION


def test_shards_part_the_seeds_and_leave_none_out() -> None:
    shards = [Phantoms(7, 10, (number, 3)).items() for number in (1, 2, 3)]
    assert list(shards[0].values()) == [10, 13, 16]
    assert sorted(seed for shard in shards for seed in shard.values()) == list(range(10, 17))
    assert shards[1] == {"0000011": 11, "0000014": 14}


def test_a_seed_gives_the_same_head_of_the_size_asked_for() -> None:
    source = Phantoms(1, 5, size=48, slices=6, thickness_mm=8.0, scanners="shifted")
    (head,), (again,) = list(source.read("", 5)), list(source.read("", 5))
    assert head.hu.shape == (6, 48, 48)
    assert (head.hu == again.hu).all()
    assert head.z_mm[1] - head.z_mm[0] == pytest.approx(8.0)
    assert source.options == {
        "phantom": VERSION,
        "size": 48,
        "slices": 6,
        "thickness_mm": 8.0,
        "scanners": "shifted",
    }


@pytest.mark.parametrize(
    "given", [{"count": 0}, {"count": 1, "first_seed": -1}, {"count": 1, "shard": (3, 2)}], ids=str
)
def test_a_share_that_is_none_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(PterionError, match="count from 1"):
        Phantoms(**given)  # type: ignore[arg-type]
