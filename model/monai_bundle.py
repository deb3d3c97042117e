"""A version as a folder in the form of MONAI's bundles, for those who work with them.

```
<out>/configs/metadata.json   what goes in, what comes out, numbers, licence (the specification's fields)
<out>/configs/inference.json  how to run it: `python -m monai.bundle run --config_file configs/inference.json`
<out>/models/                 model.safetensors, the three graphs, model.json
<out>/docs/README.md          the model's card            <out>/LICENSE
```

The form is that of the MONAI Bundle Specification; the graphs stream, so inference runs through `model.predict`.
"""

import json
import os
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from model import card
from model.errors import ModelFileError
from model.labels import SCORES, SUBTYPES
from model.preprocess import PIXEL_MM, SIZE, WINDOWS
from model.registry import GRAPHS, INFO, WEIGHTS, check_loadable, read_file, verify

MODEL = "model.safetensors"
_SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
)
_PACKAGES = ("numpy", "torch", "onnxruntime", "safetensors", "scipy")


def export_bundle(folder: Path, out: Path, licence: str, program: str) -> None:
    """Write the version in `folder` to `out`, which must not exist, whole or not at all.

    licence: the text of LICENSE. program: our version. Raises ModelFileError where the version is not sound or
    `out` exists or cannot be written.
    """
    info = verify(folder)
    check_loadable(folder)
    if out.exists():
        raise ModelFileError(f"{out.name} exists already. Name a new folder.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=".bundle-"))
    except OSError as error:
        raise ModelFileError(
            f"{out.name} cannot be written ({error.strerror}). Name another folder."
        ) from error
    try:
        _write(folder, info, temporary, licence, program)
        temporary.chmod(0o755)
        os.replace(temporary, out)
    except OSError as error:
        raise ModelFileError(f"{out.name} cannot be written ({error.strerror}). Free some space.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def metadata(info: dict[str, Any], program: str) -> dict[str, Any]:
    """configs/metadata.json of a version, from its model.json."""
    return {
        "schema": _SCHEMA,
        "version": program,
        "changelog": {
            program: f"exported from {info['id']}, made {info.get('created', 'at an unknown time')}"
        },
        "monai_version": "1.6.1",
        "pytorch_version": _installed("torch"),
        "numpy_version": _installed("numpy"),
        "required_packages_version": {name: _installed(name) for name in _PACKAGES[2:]}
        | {"pterion": program},
        "name": info["id"],
        "task": "Detection and segmentation of intracranial hemorrhage on head CT",
        "description": "Scores per slice and study and a mask per subtype from axial, non-contrast head CT.",
        "authors": "The Pterion maintainers",
        "copyright": "The Pterion maintainers",
        "data_source": info.get("data", card.DATA),
        "data_type": "HU of a CT series, one axial slice at a time",
        "intended_use": card.BANNER,
        "eval_metrics": _numbers(info.get("metrics", {})),
        "references": ["https://doi.org/10.3390/data5010014"],
        "network_data_format": {
            "inputs": {"image": _input()},
            "outputs": {"pred": _output(int(info["preprocess"]["mask_size"]))},
        },
        "thresholds": info["thresholds"],
    }


def _write(folder: Path, info: dict[str, Any], out: Path, licence: str, program: str) -> None:
    for part in ("configs", "models", "docs"):
        (out / part).mkdir()
    for name in (WEIGHTS, *GRAPHS):
        (out / "models" / (MODEL if name == WEIGHTS else name)).write_bytes(read_file(folder, info, name))
    shutil.copyfile(folder / INFO, out / "models" / INFO)
    for name, content in (("metadata", metadata(info, program)), ("inference", _inference())):
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        (out / "configs" / f"{name}.json").write_text(text, encoding="utf-8")
    shutil.copyfile(folder / "card.md", out / "docs" / "README.md")
    terms = f"{info.get('licence', card.LICENCE)}\n\nData: {info.get('data', card.DATA)}\n\n{licence}"
    (out / "LICENSE").write_text(terms.rstrip() + "\n", encoding="utf-8")


def _inference() -> dict[str, Any]:
    """A configuration that scores one sample, `--image FILE.npz`, and prints the study's scores by name."""
    return {
        "imports": ["$from pathlib import Path", "$from model.labels import SCORES"],
        "bundle_root": ".",
        "image": "sample.npz",
        "sample": {"_target_": "model.sample.load_sample", "path": "$Path(@image)"},
        "scorer": {
            "_target_": "model.evaluation.scorers.VersionScorer",
            "folder": "$Path(@bundle_root) / 'models'",
        },
        "answer": "$@scorer(@sample)",
        "run": ["$print(dict(zip(SCORES, @answer.study_scores.tolist())))"],
    }


def _input() -> dict[str, Any]:
    names = [f"window {level:g}/{width:g} HU, 0 to 1" for level, width in WINDOWS]
    return {
        "type": "image",
        "format": "hounsfield",
        "modality": "CT",
        "num_channels": len(WINDOWS),
        "spatial_shape": [SIZE, SIZE],
        "dtype": "float32",
        "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": {str(number): name for number, name in enumerate(names)},
        "spacing": [PIXEL_MM, PIXEL_MM],
    }


def _output(size: int) -> dict[str, Any]:
    names = ["background", *(subtype.name for subtype in SUBTYPES)]
    return {
        "type": "probabilities",
        "format": "segmentation",
        "num_channels": len(names),
        "spatial_shape": [size, size],
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": False,
        "channel_def": {str(number): name for number, name in enumerate(names)},
        "scores": list(SCORES),
    }


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """The study and slice AUC of `any`, and Dice, of every set that the version was judged on."""
    found = {}
    for name, table in metrics.items():
        for level in ("study", "slice"):
            value = table.get(level, {}).get("any", {}).get("auc") if isinstance(table, dict) else None
            value = value.get("value") if isinstance(value, dict) else value
            if isinstance(value, int | float):
                found[f"{name} {level} AUC"] = float(value)
    return found


def _installed(name: str) -> str:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return "unknown"
