"""Heads, and parts of heads, that offer no place for a bleed: every painter says so and leaves the picture alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from model.batches import Case, Stack, crop_sample
from model.painting import bleeds, lift, mimic, mimics, paint
from model.painting.canvas import Canvas, open_canvas, pick
from model.painting.transplant import transplant
from model.phantom import generate

PAINTERS = (
    bleeds.epidural,
    bleeds.subdural,
    bleeds.subarachnoid,
    bleeds.intraventricular,
    bleeds.intraparenchymal,
    mimics.old_infarct,
    mimics.pale_matter,
    mimics.calcification,
)


@pytest.fixture(scope="module")
def head() -> Case:
    """A simulated head without bleeding, taken for a patient."""
    return replace(crop_sample(generate(5, size=128, slices=8, lesions=())), source="clinic")


@pytest.fixture(scope="module")
def bare(head: Case) -> Canvas:
    """Four of its slices, as if none of them showed brain."""
    back, chosen = head.background, np.arange(2, 6)
    assert back is not None
    box = back.box(chosen)
    assert box is not None
    cut = back.cut(chosen, box)
    nothing = np.zeros_like(cut.inside)
    labels = np.zeros(nothing.shape, np.uint8)
    return open_canvas(replace(cut, inside=nothing, ventricle=nothing), labels, np.random.default_rng(0))


@pytest.mark.parametrize("painter", PAINTERS, ids=lambda painter: painter.__name__)
def test_without_brain_there_is_no_place(
    painter: Callable[[Canvas, np.random.Generator], object], bare: Canvas
) -> None:
    before = bare.structure.copy()
    assert all(painter(bare, np.random.default_rng(seed)) is None for seed in range(8))
    assert np.array_equal(bare.structure, before)


def test_a_lifted_bleed_finds_no_place_either(head: Case, bare: Canvas) -> None:
    labels = head.labels.copy()
    labels[4, 90:100, 90:100] = 5
    donors = lift(replace(head, labels=labels))
    assert len(donors) == 1
    assert transplant(bare, donors[0], np.random.default_rng(1)) is None


def test_slices_without_brain_have_no_box(head: Case) -> None:
    back = head.background
    assert back is not None
    assert replace(back, inside=np.zeros_like(back.inside)).box(np.arange(3)) is None


def test_places_that_weigh_nothing_are_not_chosen() -> None:
    allowed = np.ones((1, 2, 2), np.bool_)
    assert pick(allowed, np.random.default_rng(0), np.zeros((1, 2, 2), np.float32)) is None
    assert pick(~allowed, np.random.default_rng(0)) is None


def test_a_picture_of_air_is_left_as_it_is() -> None:
    air = np.full((3, 192, 192), -1000, np.float32)
    stack = Stack(air, np.zeros(air.shape, np.uint8), np.zeros((3, 6), np.int8))
    rng = np.random.default_rng(0)
    assert paint(stack, rng) is stack
    assert mimic(stack, rng) is stack
    case = Case(air.astype(np.int16), stack.labels, stack.scores, np.full(3, 5, np.float32), "air", "clinic")
    assert lift(case) == []
