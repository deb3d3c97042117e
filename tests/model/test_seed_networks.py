"""The seeds' networks: their sizes, losses worked out by hand, ImageNet weights under either name."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model.batches import crop_sample
from model.errors import ModelFileError
from model.labels import NOT_REVIEWED, UNKNOWN_SUBTYPE
from model.networks import b0, multitask_cnn
from model.networks.b0 import B0, B0Config
from model.networks.base import Batch, HeadSquare, WholeImage
from model.networks.imagenet import load_imagenet, torchvision_name
from model.networks.multitask_cnn import MultitaskCnn, MultitaskConfig
from model.networks.slicewise import SliceAnswer, answer
from model.sample import Sample, load_sample

SMALL = B0Config(size=32, width=0.25, dense=8)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_multitask_network_has_the_seeds_sizes() -> None:
    # 3 x 3: 1·16, 16·32, 32·64; dense 65536·128 and 128·5; 2 x 2 transposed: 64·32, 32·16, 16·1; and their offsets.
    convolutions = 9 * (16 + 512 + 2048) + 16 + 32 + 64
    dense = 65536 * 128 + 128 + 128 * 5 + 5
    transposed = 4 * (2048 + 512 + 16) + 32 + 16 + 1
    network = MultitaskCnn(MultitaskConfig())
    assert count(network) == convolutions + dense + transposed
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.1, 0.1, 0.3]
    logits, masks = network.eval()(torch.zeros(2, 1, 256, 256))
    assert logits.shape == (2, 5)
    assert masks is not None
    assert masks.shape == (2, 256, 256)


def test_b0_has_torchvisions_sizes() -> None:
    network = B0(B0Config())
    assert (
        count(network.features) == 4_007_548
    )  # torchvision's efficientnet_b0 less its classifier of 1 281 000
    assert count(network.head) == 1280 * 128 + 128 + 128 * 5 + 5
    assert network.eval()(torch.zeros(1, 3, 64, 64)).logits.shape == (1, 5)


def test_the_windows_of_the_seeds() -> None:
    hu = torch.tensor([[-1000.0, 0, 40, 80, 2000]])
    assert multitask_cnn.grey(hu)[0, 0].tolist() == pytest.approx([0, 1 / 7, 0.25 + 0.15, 0.5 + 11 / 70, 1])
    assert b0.channels(hu)[:, 0].tolist() == [
        pytest.approx([0, 0, 0.5, 1, 1]),
        pytest.approx([0, 0.1, 0.3, 0.5, 1]),
        pytest.approx([0, 2 / 7, 0.3, 11 / 35, 1]),
    ]


class Fixed(nn.Module):
    """Answers the same whatever it sees."""

    def __init__(self, logits: list[float], mask: Tensor | None) -> None:
        super().__init__()
        self._answer = SliceAnswer(torch.tensor([logits]), mask)

    def forward(self, _: Tensor) -> SliceAnswer:
        return self._answer


def test_the_multitask_loss_is_two_cross_entropies() -> None:
    """Even logits cost log 2 where anything is known, and nothing where it is not."""
    mask = torch.full((1, 2, 2), 1e3)
    labels = torch.tensor([[[0, 3], [UNKNOWN_SUBTYPE, NOT_REVIEWED]]], dtype=torch.uint8)
    scores = torch.tensor([[1, -1, 0, 1, -1, -1]], dtype=torch.int8)
    batch = Batch(torch.zeros(1, 1, 1, 2, 2), labels, scores)
    loss = float(multitask_cnn.loss(Fixed([0.0] * 5, mask), batch))
    # One of the three pixels that were read is background: 1000 / 3. The bleeding ones cost nothing.
    assert loss == pytest.approx(math.log(2) + 1000 / 3)
    unknown = Batch(batch.x, torch.full_like(labels, NOT_REVIEWED), torch.full_like(scores, -1))
    assert float(multitask_cnn.loss(Fixed([0.0] * 5, mask), unknown)) == 0


def test_the_focal_loss_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logit 0 is p = 1/2: share · (1/2)² · log 2; EDH's positives weigh .75, the others' .5, -1 nothing."""
    network = B0(SMALL).eval()
    monkeypatch.setattr(B0, "forward", lambda *_: SliceAnswer(torch.zeros(1, 5), None))
    scores = torch.tensor([[1, 1, 0, 1, -1, -1]], dtype=torch.int8)
    loss = float(b0.loss(network, Batch(torch.zeros(1, 1, 3, 4, 4), torch.zeros(1, 4, 4), scores)))
    assert loss == pytest.approx((0.75 + 0.5 + 0.5) / 3 / 4 * math.log(2))


def test_any_is_the_largest_and_what_is_not_answered_is_not_a_number() -> None:
    network = B0(B0Config(size=32, width=0.25, dense=8, codes=("SDH", "IPH"))).eval()
    scores, masks = answer(network, torch.rand(3, 3, 32, 32))
    assert masks is None
    assert torch.isnan(scores[:, [1, 3, 4]]).all()
    assert torch.equal(scores[:, 0], torch.maximum(scores[:, 2], scores[:, 5]))


def test_a_subtype_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="got XYZ"):
        B0Config(codes=("XYZ",))


@pytest.fixture
def head(tmp_path: Path, write_heads: Callable[..., Path]) -> Sample:
    return load_sample(write_heads(tmp_path / "head", {"a": 4}) / "a.npz")


def test_the_whole_image_keeps_areas_and_comes_back(head: Sample) -> None:
    view = WholeImage(60)
    case = view.look(head)
    assert case.hu.shape == case.labels.shape == (4, 60, 60)
    assert (case.labels[1] == 4).sum() == 25  # 10 x 10 pixels at half the resolution
    assert case.hu[0, 0, 0] == -1000
    back = view.back(torch.from_numpy((case.labels > 0).astype(np.float32)), 120, 120)
    found = back.numpy() >= 0.5
    assert (found & (head.labels == 4)).sum() / (head.labels == 4).sum() > 0.95
    assert found.sum() <= 1.1 * (head.labels == 4).sum()


def test_the_head_square_is_the_view_of_prediction(head: Sample) -> None:
    assert np.array_equal(HeadSquare().look(head).hu, crop_sample(head).hu)


def timm_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights as timm names them, found by turning `torchvision_name` round."""
    layers = ("conv_dw", "conv_pw", "conv_pwl", "bn1", "bn2", "bn3", "se.conv_reduce", "se.conv_expand")
    parameters = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = [f"{top}.{p}" for top in ("conv_stem", "bn1", "conv_head", "bn2") for p in parameters]
    names += [
        f"blocks.{stage}.{block}.{layer}.{p}"
        for stage in range(7)
        for block in range(4)
        for layer in layers
        for p in parameters
    ]
    return {name: state[theirs] for name in names if (theirs := torchvision_name(name)) in state}


@pytest.fixture
def pretrained() -> tuple[B0, dict[str, Tensor]]:
    torch.manual_seed(5)
    network = B0(SMALL)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value))
    return network, {name: v for name, v in network.state_dict().items() if name.startswith("features")}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("naming", ["torchvision", "timm"])
def test_imagenet_weights_fill_the_features(
    naming: str, suffix: str, pretrained: tuple[B0, dict[str, Tensor]], tmp_path: Path
) -> None:
    network, state = pretrained
    named = state if naming == "torchvision" else timm_names(state)
    assert len(named) == len(state)
    extra = {**named, "classifier.1.weight": torch.zeros(1000, 4)}
    path = tmp_path / f"b0{suffix}"
    if suffix == ".pth":
        torch.save(extra, path)
    else:
        save_file(extra, path)
    fresh = B0(SMALL)
    assert len(load_imagenet(fresh, path)) == 64
    for name, value in network.features.state_dict().items():
        assert torch.equal(fresh.features.state_dict()[name], value), name


class Trap:
    """What would run while it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('it ran')",))


def test_a_file_of_weights_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "b0.pth"
    torch.save({"weights": Trap()}, path)
    with pytest.raises(ModelFileError, match=r"b0\.pth cannot be read as weights"):
        load_imagenet(B0(SMALL), path)
    path.write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(ModelFileError, match=r"b0\.pth cannot be read as weights"):
        load_imagenet(B0(SMALL), path)


def test_weights_of_another_network_are_named(
    pretrained: tuple[B0, dict[str, Tensor]], tmp_path: Path
) -> None:
    _, state = pretrained
    save_file({k: v for k, v in state.items() if "features.8" not in k}, tmp_path / "part.safetensors")
    with pytest.raises(
        ModelFileError, match=r"lacks 5 of the .* weights of an EfficientNet-B0, .* features\.8\.0"
    ):
        load_imagenet(B0(SMALL), tmp_path / "part.safetensors")
    save_file(state, tmp_path / "wide.safetensors")
    with pytest.raises(ModelFileError, match="another network"):
        load_imagenet(B0(B0Config(size=32, width=0.5)), tmp_path / "wide.safetensors")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelFileError, match="holds no table of weights"):
        load_imagenet(B0(SMALL), tmp_path / "list.pth")
