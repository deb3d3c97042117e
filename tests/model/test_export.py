"""A version folder: whole, equal to the network it was made from, and readable again."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from model import registry
from model.errors import ModelFileError
from model.export import export, load_network, rounded_to_half
from model.networks.flagship import Flagship, FlagshipConfig
from model.preprocess import SIZE

TINY = FlagshipConfig(
    widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1, 1), expansion=1, decoder=(8, 8, 8, 8), pooled=4
)


@pytest.fixture(
    scope="module", params=[{}, {"mirrored": True, "fine": True}], ids=["plain", "mirrored, fine"]
)
def network(request: pytest.FixtureRequest) -> Flagship:
    """Tiny, every parameter away from its start and from what fp16 holds exactly."""
    torch.manual_seed(3)
    network = Flagship(replace(TINY, **request.param)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network


@pytest.fixture(scope="module")
def version(network: Flagship, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("versions") / "tiny-1"
    info = {"thresholds": dict.fromkeys(("any", "EDH", "SDH", "SAH", "IVH", "IPH"), 0.4), "licence": "none"}
    export(network, folder, id="tiny-1", parent="tiny-0", info=info, card="# card\n")
    return folder


def test_the_folder_is_one_the_registry_accepts(version: Path) -> None:
    info = registry.verify(version)
    registry.check_loadable(version)
    assert {p.name for p in version.iterdir()} == {*registry.FILES} - {
        *(registry.REPORT, registry.CASES, registry.LOG)  # nobody judged it, and no reader trained it
    }
    assert (info["id"], info["parent"], info["format"]) == ("tiny-1", "tiny-0", 1)
    assert info["thresholds"]["SAH"] == 0.4
    assert info["preprocess"]["size"] == SIZE
    assert info["preprocess"]["mask_size"] == (SIZE if info["network"]["fine"] else SIZE // 2)


def test_every_user_may_read_the_files(version: Path) -> None:
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in version.iterdir())


def test_the_checksums_are_those_of_the_files(version: Path) -> None:
    info = json.loads((version / "model.json").read_text())
    assert len(info["files"]) == 5
    for name, digest in info["files"].items():
        assert hashlib.sha256((version / name).read_bytes()).hexdigest() == digest


@torch.no_grad()
def test_the_graphs_give_what_the_rounded_network_gives(network: Flagship, version: Path) -> None:
    rounded = rounded_to_half(network)
    x = torch.rand(4, 3, SIZE, SIZE)
    expected = rounded.series(x)
    encode, decode, sequence = (
        onnxruntime.InferenceSession(version / f"{name}.onnx") for name in ("encode", "decode", "sequence")
    )
    maps = [encode.run(None, {"x": x[z : z + 1].numpy()}) for z in range(4)]
    wanted = {node.name for node in decode.get_inputs()}
    assert wanted == {"p2", "p3", "p4", "h0", "h1", "h2", "h3", "h4", "n2", "n3", "n4"}
    embeddings = []
    for z in range(4):
        sides = {"p": maps[max(z - 1, 0)], "h": maps[z], "n": maps[min(z + 1, 3)]}
        given = {name: sides[name[0]][int(name[1:])] for name in wanted}
        answers = decode.run(None, given)
        for answer, whole in zip(answers, expected, strict=True):
            assert np.allclose(answer[0], whole[z].numpy(), atol=1e-3)
        embeddings.append(answers[2])
    gaps = np.array([[5, 5, 7, 4]], np.float32)
    found = sequence.run(None, {"embeddings": np.stack(embeddings, 1), "gaps_mm": gaps})
    for answer, whole in zip(found, rounded.sequence(expected[2][None], torch.from_numpy(gaps)), strict=True):
        assert np.allclose(answer, whole.numpy(), atol=1e-3)


SHIPPED = sorted((Path(__file__).resolve().parents[2] / "assets" / "models").iterdir())


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
@torch.no_grad()
def test_the_shipped_graphs_agree_with_the_shipped_weights(folder: Path) -> None:
    """Three slices of noise and shapes, through PyTorch and through ONNX Runtime: no number differs by 1e-3."""
    x = torch.nn.functional.interpolate(
        torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0)), (SIZE, SIZE), mode="bilinear"
    )
    network = load_network(folder)
    expected = network.series(x)
    encode, decode, sequence = (
        onnxruntime.InferenceSession(folder / f"{name}.onnx") for name in ("encode", "decode", "sequence")
    )
    maps = [encode.run(None, {"x": x[z : z + 1].numpy()}) for z in range(3)]
    embeddings = []
    for z in range(3):
        sides = {"p": maps[max(z - 1, 0)], "h": maps[z], "n": maps[min(z + 1, 2)]}
        answers = decode.run(None, {n.name: sides[n.name[0]][int(n.name[1:])] for n in decode.get_inputs()})
        for answer, whole in zip(answers, expected, strict=True):
            assert np.abs(answer[0] - whole[z].numpy()).max() < 1e-3
        embeddings.append(answers[2])
    gaps = torch.full((1, 3), 5.0)
    found = sequence.run(None, {"embeddings": np.stack(embeddings, 1), "gaps_mm": gaps.numpy()})
    for answer, whole in zip(found, network.sequence(expected[2][None], gaps), strict=True):
        assert np.abs(answer - whole.numpy()).max() < 1e-3


def test_weights_are_read_back_as_rounded(network: Flagship, version: Path) -> None:
    loaded, rounded = load_network(version), rounded_to_half(network)
    assert loaded.config == network.config
    for name, value in rounded.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert not torch.equal(loaded.state_dict()["stem.0.weight"], network.state_dict()["stem.0.weight"])


def test_exporting_what_was_loaded_gives_the_same_weights(version: Path, tmp_path: Path) -> None:
    export(load_network(version), tmp_path / "again", id="again", parent=None, info={})
    name = "weights.safetensors"
    assert (tmp_path / "again" / name).read_bytes() == (version / name).read_bytes()


def test_a_version_is_never_written_over(network: Flagship, version: Path) -> None:
    with pytest.raises(ModelFileError, match="already a model"):
        export(network, version, id="tiny-1", parent=None, info={})


def test_a_failed_export_leaves_nothing(network: Flagship, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        export(network, tmp_path / "v", id="v", parent=None, info={"metrics": object()})
    assert list(tmp_path.iterdir()) == []


def test_damaged_weights_are_named(version: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "model.json").write_bytes((version / "model.json").read_bytes())
    (damaged / "weights.safetensors").write_bytes((version / "weights.safetensors").read_bytes()[:500])
    with pytest.raises(ModelFileError, match="damaged"):
        load_network(damaged)
