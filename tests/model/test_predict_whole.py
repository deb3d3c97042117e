"""Streamed equals whole: slices scored one by one, in any order, give what the network in torch gives at once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from model.export import export, load_network
from model.predict import Predictor, SliceResult, VolumeSource, renamed_mask, source_mask
from model.preprocess import prepare_slice
from tests.tiny_version import tiny_network


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory, heads: np.ndarray) -> Path:
    """A very small flagship with random weights, its statistics those of the heads, its parts along z awake."""
    network = tiny_network(seed=3)
    with torch.no_grad():
        for weights in network.parameters():
            if not weights.any():
                weights.normal_(0, 0.5)
        x = torch.from_numpy(np.stack([prepare_slice(image, (1.75, 1.75))[0] for image in heads]))
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.6
        for _ in range(6):
            network.train()(x[None])
    folder = tmp_path_factory.mktemp("whole") / "small-1"
    export(network, folder, id="small-1", parent=None, info={})
    return folder


@pytest.fixture(scope="module")
def heads(phantom_hu: np.ndarray) -> np.ndarray:
    """The phantom with a head that drifts from slice to slice, so that each slice has a square of its own."""
    return np.stack([np.roll(image, 2 * index - 8, axis=1) for index, image in enumerate(phantom_hu)])


@torch.no_grad()
def in_torch(version: Path, heads: np.ndarray, z_mm: np.ndarray) -> tuple[np.ndarray, ...]:
    """Provisional and final slice scores, study scores and masks by the network itself, all slices at once."""
    network = load_network(version)
    prepared = [prepare_slice(image, (1.75, 1.75)) for image in heads]
    masks, logits, embeddings = network.series(torch.from_numpy(np.stack([x for x, _ in prepared])))
    gaps = np.diff(z_mm, prepend=2 * z_mm[0] - z_mm[1]).astype(np.float32)
    final, study = network.sequence(embeddings[None], torch.from_numpy(gaps)[None])
    scores = study[0].sigmoid().numpy()
    named = scores[1:] >= 0.5
    assert named.any() and not named.all()  # so that some of what is drawn is named anew
    drawn = [
        renamed_mask(source_mask(m.numpy(), geometry, 0.5), m.numpy(), geometry, named)
        for m, (_, geometry) in zip(masks, prepared, strict=True)
    ]
    return logits.sigmoid().numpy(), final[0].sigmoid().numpy(), scores, np.stack(drawn)


@pytest.mark.parametrize("order", [lambda n: range(n), lambda n: range(n)[::-1], lambda n: (5, 2, 7, 0)])
def test_streamed_equals_whole(version: Path, heads: np.ndarray, order: Callable[[int], range]) -> None:
    z_mm = np.array([0.0, 4, 8, 12, 19, 26, 33, 34])
    provisional, final, study, masks = in_torch(version, heads, z_mm)
    results: dict[int, SliceResult] = {}
    source = VolumeSource(8, (1.75, 1.75), tuple(z_mm), lambda index: heads[index])
    answer = Predictor(version, threads=1).score(
        source, order(8), lambda result: results.update({result.index: result})
    )
    for index in range(8):
        np.testing.assert_allclose(results[index].scores, provisional[index], atol=1e-4)
    np.testing.assert_allclose(answer.slice_scores, final, atol=1e-4)
    np.testing.assert_allclose(answer.scores, study, atol=1e-4)
    streamed = np.stack([results[index].mask for index in range(8)])
    assert 0.001 < (masks > 0).mean() < 0.999
    assert (streamed != masks).mean() < 1e-4  # pixels on the threshold may fall either way


def test_neighbours_and_the_sequence_matter(version: Path, heads: np.ndarray) -> None:
    z_mm = np.arange(8) * 5.0
    provisional, final, *_ = in_torch(version, heads, z_mm)
    # slice 5 bleeds, slice 6 does not
    alone, *_ = in_torch(version, np.repeat(heads[5:6], 2, axis=0), z_mm[:2])
    assert np.abs(provisional[5] - alone[0]).max() > 1e-4
    assert np.abs(provisional - final).max() > 1e-4
