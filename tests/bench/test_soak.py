"""Whether a soak tells growth from noise."""

import pytest

from model.errors import PterionError
from viewer.bench.soak import Reading, flat, growth


def readings(count: int, mb_each: float = 0.0, handles_each: int = 0) -> list[Reading]:
    """Readings that wobble by 5 MB, and grow by so much each."""
    return [Reading(n, n, 300 + 5 * (n % 3) + mb_each * n, 60 + handles_each * n, 12) for n in range(count)]


def test_what_only_wobbles_is_flat() -> None:
    assert growth(readings(40)) == {"memory_mb": 0.0, "handles": 0.0, "threads": 0.0}
    assert flat(growth(readings(40)))


def test_a_leak_is_growth() -> None:
    """Of 40 readings the second quarter is 10 to 19 and the last 30 to 39: 20 apart."""
    assert growth(readings(40, mb_each=2.0))["memory_mb"] == pytest.approx(40, abs=5)
    assert not flat(growth(readings(40, mb_each=2.0)))
    assert growth(readings(40, handles_each=1))["handles"] == 20
    assert not flat(growth(readings(40, handles_each=1)))


def test_filling_caches_at_the_start_is_not() -> None:
    filling = [Reading(n, n, 200 + 20 * min(n, 8), 60, 12) for n in range(40)]
    assert flat(growth(filling))


def test_too_few_studies_tell_nothing() -> None:
    with pytest.raises(PterionError, match="too few"):
        growth(readings(7))
