"""The flagship's parts: shapes, streaming, and where context may and may not reach."""

from dataclasses import replace

import pytest
import torch

from model.networks.flagship import Flagship, FlagshipConfig

SMALL = FlagshipConfig(
    widths=(8, 8, 16, 16, 24), depths=(1, 1, 1, 1, 1), expansion=2, decoder=(16, 16, 8, 8), pooled=8
)


@pytest.fixture(scope="module")
def network() -> Flagship:
    """A small network whose zero-initialised parts have been shaken, so that they matter."""
    torch.manual_seed(1)
    network = Flagship(SMALL).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for mixer in network.mixers.parameters():
            mixer.add_(torch.randn_like(mixer))
    return network


@torch.no_grad()
def test_parts_have_the_promised_shapes(network: Flagship) -> None:
    maps = network.encode(torch.rand(2, 3, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (8, 32, 32),
        (8, 16, 16),
        (16, 8, 8),
        (16, 4, 4),
        (24, 2, 2),
    ]
    masks, scores, embedding = network.decode(maps, maps, maps)
    assert (masks.shape, scores.shape) == ((2, 6, 32, 32), (2, 6))
    assert embedding.shape == (2, SMALL.embedding) == (2, 8 + 10 + 6)
    slices, study = network.sequence(embedding[None], torch.full((1, 2), 5.0))
    assert (slices.shape, study.shape) == ((1, 2, 6), (1, 6))


@pytest.fixture(scope="module")
def mirrored(network: Flagship) -> Flagship:
    twice = Flagship(replace(SMALL, mirrored=True)).eval()
    twice.load_state_dict(network.state_dict())
    return twice


@torch.no_grad()
def test_a_mirrored_network_answers_a_mirrored_head_alike(network: Flagship, mirrored: Flagship) -> None:
    x = torch.rand(3, 3, 64, 64)
    masks, scores, embeddings = mirrored.series(x)
    seen_mirrored = mirrored.series(x.flip(-1))
    assert torch.allclose(seen_mirrored[0].flip(-1), masks, atol=1e-4)
    assert torch.allclose(seen_mirrored[1], scores, atol=1e-4)
    one, other = network.series(x), network.series(x.flip(-1))
    assert torch.allclose(masks, (one[0] + other[0].flip(-1)) / 2, atol=1e-4)
    assert torch.allclose(scores, (one[1] + other[1]) / 2, atol=1e-4)
    assert torch.allclose(embeddings, (one[2] + other[2]) / 2, atol=1e-4)
    assert not torch.allclose(one[1], other[1], atol=1e-4)


@torch.no_grad()
def test_a_mirrored_network_trains_on_slices_as_they_are(network: Flagship, mirrored: Flagship) -> None:
    x = torch.rand(1, 2, 3, 64, 64)
    for trained, plain in zip(mirrored(x), network(x), strict=True):
        assert torch.equal(trained, plain)


@pytest.mark.parametrize("kind", ["network", "mirrored"])
@torch.no_grad()
def test_streamed_equals_whole(kind: str, request: pytest.FixtureRequest) -> None:
    network: Flagship = request.getfixturevalue(kind)
    x = torch.rand(5, 3, 64, 64)
    whole = network.series(x, chunk=2)
    maps = [network.encode(x[z : z + 1]) for z in range(5)]
    for z in (3, 0, 4, 1, 2):
        one = network.decode(maps[max(z - 1, 0)], maps[z], maps[min(z + 1, 4)])
        for streamed, full in zip(one, whole, strict=True):
            assert torch.allclose(streamed[0], full[z], atol=1e-4)


@torch.no_grad()
def test_training_stacks_give_what_prediction_gives(network: Flagship) -> None:
    x = torch.rand(2, 3, 3, 64, 64)
    together = network(x)
    for stack in (0, 1):
        for trained, predicted in zip(together, network.series(x[stack]), strict=True):
            assert torch.allclose(trained[3 * stack : 3 * stack + 3], predicted, atol=1e-4)


@torch.no_grad()
def test_a_mask_depends_on_the_neighbours_and_no_further(network: Flagship) -> None:
    x = torch.rand(5, 3, 64, 64)
    changed = x.clone()
    changed[4] = 0
    before, after = network.series(x)[0], network.series(changed)[0]
    assert not torch.allclose(before[3], after[3], atol=1e-4)
    assert torch.allclose(before[2], after[2], atol=1e-5)


@torch.no_grad()
def test_a_new_network_ignores_context_and_adds_nothing_in_sequence() -> None:
    network = Flagship(SMALL).eval()
    maps, other = network.encode(torch.rand(1, 3, 64, 64)), network.encode(torch.rand(1, 3, 64, 64))
    alone, beside = network.decode(maps, maps, maps), network.decode(other, maps, other)
    assert torch.equal(alone[0], beside[0])
    slices, _ = network.sequence(alone[2][None], torch.full((1, 1), 5.0))
    assert torch.equal(slices[0], alone[1])


def test_the_default_network_is_small() -> None:
    assert 0.5e6 < sum(p.numel() for p in Flagship().parameters()) < 3e6


def test_a_config_reads_lists_and_refuses_unknown_names() -> None:
    assert FlagshipConfig.from_table({"widths": [8, 8, 8, 8, 8]}).widths == (8, 8, 8, 8, 8)
    with pytest.raises(TypeError):
        FlagshipConfig.from_table({"colour": 1})


@pytest.fixture(scope="module")
def fine() -> Flagship:
    """Masks at the resolution of the input."""
    torch.manual_seed(2)
    return Flagship(replace(SMALL, fine=True)).eval()


@torch.no_grad()
def test_a_fine_network_starts_as_the_coarse_one_smoothly_enlarged(fine: Flagship) -> None:
    coarse = Flagship(SMALL).eval()
    coarse.load_state_dict({k: v for k, v in fine.state_dict().items() if not k.startswith("detail.")})
    x = torch.rand(2, 3, 64, 64)
    (masks, scores, embeddings), (small, *rest) = fine.series(x), coarse.series(x)
    assert masks.shape == (2, 6, 64, 64)
    enlarged = torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(masks, enlarged, atol=1e-6)
    assert torch.equal(scores, rest[0]) and torch.equal(embeddings, rest[1])


def test_a_fine_network_learns_to_tell_the_quarters_of_a_coarse_pixel_apart(fine: Flagship) -> None:
    masks = fine(torch.rand(1, 2, 3, 64, 64))[0]
    masks[:, :, ::2, ::2].sum().backward()
    assert fine.detail is not None and fine.detail.bias is not None and fine.detail.bias.grad is not None
    quarters = fine.detail.bias.grad.reshape(6, 4)
    assert (quarters[:, 0] > 0).all() and not quarters[:, 1:].any()
