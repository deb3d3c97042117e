"""A model version small enough to work out by hand. Not a test; `make` is reached through the conftests.

encode:   f0 = x, the network's input itself.
decode:   m = (p0 + 2 h0 + n0) / 4 in the first channel, halved in size by 2 × 2 means;
          mask_logits = [0, 20 (m - 0.9), 20 (m - 2), …]; slice_logits = 10 (max m - 0.9) six times; embedding = them.
sequence: slice_logits = embeddings - 0.1 × their mean over the slices; study_logits = their maximum.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file


def _graph(path: Path, nodes: list, inputs: dict, outputs: dict, constants: dict[str, np.ndarray]) -> None:
    def values(table: dict) -> list:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in table.items()
        ]

    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", values(inputs), values(outputs), tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def make(folder: Path, version_id: str = "toy-1", parent: str | None = None, **more: object) -> Path:
    """Write the version to `folder`/`version_id` and return that path."""
    target = folder / version_id
    target.mkdir(parents=True)
    image, feature = [1, 3, "N", "N"], [1, 3, "N", "N"]
    node = helper.make_node
    _graph(target / "encode.onnx", [node("Identity", ["x"], ["f0"])], {"x": image}, {"f0": feature}, {})
    decode = [
        node("Add", ["p0", "n0"], ["sides"]),
        node("Mul", ["h0", "two"], ["double"]),
        node("Add", ["sides", "double"], ["four"]),
        node("Mul", ["four", "quarter"], ["mean"]),
        node("Gather", ["mean", "first"], ["m_full"], axis=1),
        node("AveragePool", ["m_full"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["m", "weight", "bias"], ["mask_logits"]),
        node("ReduceMax", ["m"], ["peak"], axes=[1, 2, 3], keepdims=0),
        node("Sub", ["peak", "edge"], ["above"]),
        node("Mul", ["above", "ten"], ["slice_logits"]),
        node("Identity", ["slice_logits"], ["embedding"]),
    ]
    constants = {
        "two": np.float32(2),
        "quarter": np.float32(0.25),
        "first": np.array([0]),
        "weight": np.array([0, 20, 20, 20, 20, 20], np.float32).reshape(6, 1, 1, 1),
        "bias": np.array([0, -18, -40, -40, -40, -40], np.float32),
        "edge": np.full((1, 6), 0.9, np.float32),
        "ten": np.float32(10),
    }
    _graph(
        target / "decode.onnx",
        decode,
        {"p0": feature, "h0": feature, "n0": feature},
        {"mask_logits": [1, 6, "n", "n"], "slice_logits": [1, 6], "embedding": [1, 6]},
        constants,
    )
    sequence = [
        node("ReduceMean", ["embeddings"], ["mean"], axes=[1], keepdims=1),
        node("Mul", ["mean", "tenth"], ["part"]),
        node("Sub", ["embeddings", "part"], ["slice_logits"]),
        node("ReduceMax", ["embeddings"], ["study_logits"], axes=[1], keepdims=0),
    ]
    _graph(
        target / "sequence.onnx",
        sequence,
        {"embeddings": [1, "Z", 6]},
        {"slice_logits": [1, "Z", 6], "study_logits": [1, 6]},
        {"tenth": np.float32(0.1)},
    )
    save_file({"weight": np.ones(3, np.float16)}, target / "weights.safetensors")
    (target / "card.md").write_text("# A toy\n", encoding="utf-8")
    info: dict[str, object] = {
        "format": 1,
        "id": version_id,
        "parent": parent,
        "created": "2025-01-01T00:00:00+00:00",
        "thresholds": dict.fromkeys(("any", "EDH", "SDH", "SAH", "IVH", "IPH"), 0.5),
        **more,
    }
    seal(target, info)
    return target


def seal(folder: Path, info: dict[str, object]) -> None:
    """Write model.json with the checksums of the files as they are."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "model.json")
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    (folder / "model.json").write_text(json.dumps({**info, "files": files}), encoding="utf-8")
