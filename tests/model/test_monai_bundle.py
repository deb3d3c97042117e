"""A version in the form of MONAI's bundles: whole, sound, and answering as the version does."""

import json
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model.errors import ModelFileError
from model.evaluation.scorers import VersionScorer
from model.export import export
from model.monai_bundle import export_bundle
from model.networks.flagship import Flagship, FlagshipConfig
from model.sample import Sample

ROOT = Path(__file__).resolve().parents[2]
TINY = FlagshipConfig(
    widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1, 1), expansion=1, decoder=(8, 8, 8, 8), pooled=4
)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("versions") / "tiny-1"
    info = {
        "metrics": {"held-out": {"study": {"any": {"auc": {"value": 0.9}}}}},
        "licence": "Free for tests.",
    }
    export(Flagship(TINY).eval(), folder, id="tiny-1", parent=None, info=info, card="# tiny-1\n")
    return folder


def test_a_bundle_holds_what_the_specification_asks_for(version: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    export_bundle(version, out, "Apache License", "0.1.0")
    assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == {
        "LICENSE", "configs/inference.json", "configs/metadata.json", "docs/README.md", "models/decode.onnx",
        "models/encode.onnx", "models/model.json", "models/model.safetensors", "models/sequence.onnx",
    }  # fmt: skip
    facts = json.loads((out / "configs" / "metadata.json").read_text())
    # The fields that MONAI's metadata schema requires.
    assert {
        "schema", "version", "changelog", "monai_version", "pytorch_version", "numpy_version", "task", "description",
        "authors", "copyright", "network_data_format", "required_packages_version",
    } <= set(facts)  # fmt: skip
    assert facts["eval_metrics"] == {"held-out study AUC": 0.9}
    assert facts["network_data_format"]["inputs"]["image"]["spatial_shape"] == [192, 192]
    assert facts["network_data_format"]["outputs"]["pred"]["spatial_shape"] == [96, 96]
    assert facts["network_data_format"]["outputs"]["pred"]["channel_def"]["1"] == "epidural"
    assert "Not a medical device" in facts["intended_use"]
    assert (out / "docs" / "README.md").read_text() == "# tiny-1\n"
    assert (out / "LICENSE").read_text().startswith("Free for tests.\n\nData: ")
    assert (
        load_file(out / "models" / "model.safetensors").keys()
        == load_file(version / "weights.safetensors").keys()
    )


def test_a_bundle_answers_as_the_version_does(version: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    export_bundle(version, out, "", "0.1.0")
    hu = np.random.default_rng(0).integers(-1000, 1500, (3, 64, 64)).astype(np.int16)
    empty = np.zeros(hu.shape, np.uint8)
    sample = Sample(hu, (3.0, 3.0), np.array([0.0, 5, 10]), empty, np.zeros((3, 6), np.int8), "p", "test")
    configuration = json.loads((out / "configs" / "inference.json").read_text())
    for name in ("sample", "scorer"):
        module, _, target = configuration[name]["_target_"].rpartition(".")
        assert hasattr(import_module(module), target)
    there, here = (VersionScorer(folder)(sample) for folder in (out / "models", version))
    assert np.array_equal(there.study_scores, here.study_scores)


def test_a_tampered_version_is_not_exported(version: Path, tmp_path: Path) -> None:
    harmed = tmp_path / "harmed"
    shutil.copytree(version, harmed)
    content = bytearray((harmed / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (harmed / "weights.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"weights\.safetensors of the model harmed is not the file"):
        export_bundle(harmed, tmp_path / "out", "", "0.1.0")
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(version: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="exists already"):
        export_bundle(version, tmp_path, "", "0.1.0")


def test_the_command_exports_the_bundled_model(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from viewer import cli, resources

    shutil.copytree(version, tmp_path / "assets" / "models" / "tiny-1")
    monkeypatch.setattr(resources, "assets_dir", lambda: tmp_path / "assets")
    assert cli.main(["models", "export", "tiny-1", str(tmp_path / "out")]) == 0
    assert "Apache License" in (tmp_path / "out" / "LICENSE").read_text()
    assert cli.main(["models", "export", "toy-9", str(tmp_path / "again")]) == 1
    assert "There is no model toy-9" in capsys.readouterr().err


def test_the_shipped_model_stays_small() -> None:
    for folder in (ROOT / "assets" / "models").iterdir():
        assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) <= 25 * 2**20


def test_a_place_that_cannot_be_written_is_said_and_nothing_is_left(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelFileError, match="bundle cannot be written"):
        export_bundle(version, tmp_path / "file" / "bundle", "", "0.1.0")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.monai_bundle.os.replace", full)
    with pytest.raises(ModelFileError, match="No space left"):
        export_bundle(version, tmp_path / "bundle", "", "0.1.0")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
