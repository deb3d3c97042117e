"""Novelty of embeddings: what is fitted, kept and read again, and how far a slice off the usual lies."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from model.errors import ModelFileError
from model.novelty import KEY, SHARE, attach, fit, novelty_from
from model.predict import Predictor, VolumeSource
from model.registry import read_info
from model.sample import Sample, slice_scores

make = runpy.run_path(str(Path(__file__).parent.parent / "toy_version.py"))["make"]


def usual(count: int = 2000) -> np.ndarray:
    """Embeddings of 40 numbers that vary along five directions, by 5, 4, 3, 2 and 1."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.05, (count, 40)) + 2.0
    values[:, :5] += rng.normal(0, 1, (count, 5)) * np.array([5, 4, 3, 2, 1])
    return values.astype(np.float32)


def test_the_share_that_is_kept_within_is_the_one_that_was_asked_for() -> None:
    values = usual()
    beyond = (fit(values).of(values) > 1).mean()
    assert beyond == pytest.approx(1 - SHARE / 100, abs=0.002)


def test_far_along_a_direction_and_off_all_directions_are_both_unusual() -> None:
    values = usual()
    found = fit(values)
    middle = values.mean(0, keepdims=True)
    along, off = middle.copy(), middle.copy()
    along[0, 0] += 100
    off[0, 30] += 10
    assert found.of(middle)[0] < 0.5
    assert found.of(along)[0] > 1
    assert found.of(off)[0] > 1


def test_it_reads_as_it_was_written() -> None:
    values = usual()
    found = fit(values)
    again = novelty_from({KEY: json.loads(json.dumps(found.to_json()))})
    assert again is not None
    assert again.of(values) == pytest.approx(found.of(values), rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [{"mean": "!"}, {"mean": "AAAA"}, {"limit": 0}, {"spread": "AAA="}, {"rest": None}, {"directions": ""}],
)
def test_a_damaged_one_is_none(change: dict[str, object]) -> None:
    table = fit(usual()).to_json()
    assert novelty_from({KEY: {**table, **change}}) is None


def test_without_one_there_is_none() -> None:
    assert novelty_from({}) is None


def test_too_few_slices_say_nothing() -> None:
    with pytest.raises(ValueError, match="200"):
        fit(usual(50))


def heads(count: int) -> list[Sample]:
    """Heads whose slices are of one grey each."""
    rng = np.random.default_rng(3)
    hu = rng.integers(10, 60, (count, 8, 1, 1)).astype(np.int16) + np.zeros((1, 1, 32, 32), np.int16)
    labels = np.zeros((8, 32, 32), np.uint8)
    return [
        Sample(
            each,
            (5.0, 5.0),
            np.arange(8) * 5.0,
            labels,
            slice_scores(labels),
            f"p{number}",
            "test",
            {},
        )
        for number, each in enumerate(hu)
    ]


def test_a_version_tells_after_it_was_fitted(tmp_path: Path) -> None:
    folder = make(tmp_path)
    sample = heads(1)[0]
    source = VolumeSource(8, (5.0, 5.0), None, lambda index: sample.hu[index])
    assert Predictor(folder).score(source, ()).novelty is None
    attach(folder, heads(40))
    assert KEY in read_info(folder)
    found = Predictor(folder).score(source, ()).novelty
    assert found is not None
    assert found.shape == (8,)
    assert np.isfinite(found).all()


def test_a_damaged_version_is_not_fitted(tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "decode.onnx").write_bytes(b"x")
    with pytest.raises(ModelFileError):
        attach(folder, heads(40))


def test_a_full_disk_leaves_the_version_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.novelty.os.replace", full)
    with pytest.raises(ModelFileError, match="No space left"):
        attach(folder, heads(40))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
