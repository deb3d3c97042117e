"""Slabs from sums that move along: always the mean of what they hold."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from viewer.imaging.slabs import RunningMean, SlabKind, merge

COUNT = 12
spans = st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)).map(sorted)


@given(st.lists(spans, min_size=1, max_size=8), st.integers(0, 99))
def test_wherever_a_mean_has_been_it_is_that_of_its_pictures(visited: list[list[int]], seed: int) -> None:
    """int16 to its ends: sums of twelve do not overflow."""
    hu = np.random.default_rng(seed).integers(-32768, 32768, (COUNT, 3, 4)).astype(np.int16)
    mean = RunningMean(hu)
    for first, last in visited:
        expected = np.rint(merge(hu[first : last + 1], SlabKind.MEAN, 0)).astype(np.int16)
        assert np.array_equal(mean.of(first, last), expected)


def test_a_mean_that_was_given_away_does_not_change() -> None:
    hu = np.arange(4, dtype=np.int16)[:, None, None] * np.full((4, 1, 1), 10, np.int16)
    mean = RunningMean(hu)
    first = mean.of(0, 1)
    assert mean.of(2, 3).tolist() == [[25]] and first.tolist() == [[5]]
