"""What a step learns from: a function of seed and step alone, drawn as the recipe says."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from model.batches import Case, Stack
from model.corpus import Pool
from model.feed import Feed
from model.networks.multitask_cnn import MultitaskConfig
from model.recipe import Settings

SETTINGS = Settings(
    name="x",
    kind="multitask_cnn",
    epochs=3,
    stacks=4,
    slices=1,
    sampling="every",
    augmented=False,
    painted=0.0,
    network=MultitaskConfig(size=16),
)


def case(patient: str, values: list[int], source: str) -> Case:
    """A slice a value (0: no bleed), each of a grey of its own: patient's number times ten plus the slice's."""
    labels = np.zeros((len(values), 16, 16), np.uint8)
    scores = np.zeros((len(values), 6), np.int8)
    for z, value in enumerate(values):
        labels[z, 4:8, 4:8] = value
        scores[z, [0, value]] = value > 0
    grey = 10 * int(patient[1:]) + np.arange(len(values))
    hu = np.broadcast_to(grey[:, None, None], labels.shape).astype(np.int16)
    return Case(hu, labels, scores, np.full(len(values), 5, np.float32), patient, source)


POOL = Pool(
    [case("p0", [0, 0, 0, 1, 2], "phantom"), case("p1", [0, 0, 5], "phantom")],
    [case("p2", [0, 5], "clinic")],
    {},
    [],
)


def slices(feed: Feed, step: int) -> list[float]:
    """The grey of the first pixel of each slice of a step, which tells the slices apart."""
    return [round(float(v), 6) for v in feed.batch(step).x[:, 0, 0, 0, 0]]


def test_every_slice_comes_once_an_epoch() -> None:
    feed = Feed(POOL, SETTINGS)
    assert feed.steps == 8  # three epochs of ten slices, four a step
    seen = [grey for step in range(8) for grey in slices(feed, step)]
    for epoch in range(3):
        assert len(set(seen[10 * epoch : 10 * epoch + 10])) == 10
    assert seen[:10] != seen[10:20]


@pytest.mark.parametrize("sampling", ["every", "balanced", "classes"])
def test_a_batch_depends_on_seed_and_step_alone(sampling: str) -> None:
    settings = replace(SETTINGS, sampling=sampling, augmented=True)
    feed, other = Feed(POOL, settings), Feed(POOL, settings)
    for step in (5, 0, 2):
        feed.batch(step)
    assert all(torch.equal(a, b) for a, b in zip(feed.batch(3), other.batch(3), strict=True))
    assert not torch.equal(feed.batch(3).x, feed.batch(4).x)
    assert not torch.equal(feed.batch(3).x, Feed(POOL, replace(settings, seed=1)).batch(3).x)


@pytest.mark.parametrize("sampling", ["every", "balanced", "classes"])
def test_two_machines_share_the_batch_of_one(sampling: str) -> None:
    feed = Feed(POOL, replace(SETTINGS, sampling=sampling, augmented=True))
    whole, even, odd = feed.batch(2), feed.batch(2, 0, 2), feed.batch(2, 1, 2)
    assert torch.equal(whole.x[0::2], even.x)
    assert torch.equal(whole.x[1::2], odd.x)
    assert torch.equal(whole.scores[1::2], odd.scores)


def test_classes_come_equally_often() -> None:
    feed = Feed(POOL, replace(SETTINGS, sampling="classes", stacks=100))
    drawn = Counter(tuple(row) for step in range(4) for row in feed.batch(step).scores.tolist())
    assert len(drawn) == 4  # none, EDH, SDH, IPH: 400 draws, 100 each, SD 8.7
    assert all(65 <= count <= 135 for count in drawn.values())


def test_patients_come_after_their_share_of_the_steps_is_gone() -> None:
    settings = replace(
        SETTINGS,
        sampling="balanced",
        epochs=0,
        steps=10,
        real_share=1.0,
        real_from=0.5,
        positive=0.5,
        real_positive=1.0,
    )
    feed = Feed(POOL, settings)
    from_patients = {round(float(Feed(Pool([], POOL.real, {}, []), settings).batch(9).x[0, 0, 0, 0, 0]), 6)}
    before, after = (
        {grey for step in steps for grey in slices(feed, step)} for steps in (range(5), range(5, 10))
    )
    assert not before & from_patients
    assert after == from_patients  # the only slice of theirs that bleeds


def test_what_is_mistaken_for_blood_comes_where_a_recipe_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Stack] = []

    def note(stack: Stack, _: np.random.Generator) -> Stack:
        drawn.append(stack)
        return stack

    monkeypatch.setattr("model.feed.mimic", note)
    for share, expected in ((0.0, 0), (1.0, 4)):
        Feed(POOL, replace(SETTINGS, sampling="balanced", mimicked=share)).batch(0)
        assert len(drawn) == expected
