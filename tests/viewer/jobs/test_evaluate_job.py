"""`pterion evaluate` from the arguments to the files."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from model.phantom.write import sample_path
from model.sample import Sample, save_sample, slice_scores
from viewer import cli
from viewer.jobs import evaluate

make = runpy.run_path(str(Path(__file__).parents[2] / "toy_version.py"))["make"]


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    """Two heads, one with a clot so bright that the toy version finds it."""
    row, column = np.indices((90, 90)) - 44.5
    away = np.hypot(row, column) * 2
    for patient, value in (("a", 1), ("b", 0)):
        hu = np.repeat(np.where(away <= 70, 30, np.where(away <= 78, 1000, -1000))[None], 3, 0).astype(
            np.int16
        )
        labels = np.zeros(hu.shape, np.uint8)
        if value:
            labels[1, 30:36, 50:56] = value
            hu[labels > 0] = 79
        sample = Sample(hu, (2.0, 2.0), np.array([0.0, 5, 10]), labels, slice_scores(labels), patient, "test")
        save_sample(sample, tmp_path / "heads" / f"{patient}.npz")
    return tmp_path / "heads"


def test_a_model_is_judged_and_the_report_written(
    heads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version, beside = make(tmp_path / "models"), make(tmp_path / "models", "toy-2")
    out = tmp_path / "report"
    code = cli.main(
        [
            "evaluate",
            str(version),
            str(heads),
            "--beside",
            str(beside),
            "--out",
            str(out),
            "--shifted",
            "--heads",
            "0",
        ]
    )
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "2 patients, 1 of 2 studies" in said.out
    assert "Research use only" in said.err
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert list(report["systems"]) == ["toy-1", "toy-2", "always negative", "HU threshold"]
    assert report["comparisons"]["toy-2"]["slice_auc_any"]["value"] == 0
    assert report["shifted"]["criterion"] is not None
    assert report["speed"]["slices"] == 3
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "As other scanners would show them" in html
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody-1", "HEADS"], "no model nobody-1"),
        (["HEADS", "HEADS"], "neither a model nor a training run"),
        (["MODEL", "gone"], "no such file or folder"),
        (["MODEL", "HEADS", "--fold", "9"], "no fold 9"),
        (["MODEL", "HEADS", "--out", "FILE"], "cannot be written to taken"),
        (["MODEL", "HEADS", "--beside", "MODEL"], "same name"),
    ],
)
def test_what_cannot_be_used_is_named(
    arguments: list[str], words: str, heads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    places = {"HEADS": heads, "MODEL": make(tmp_path / "models"), "FILE": tmp_path / "taken"}
    assert cli.main(["evaluate", *(str(places.get(word, word)) for word in arguments)]) == 1
    assert words in capsys.readouterr().err


def test_simulated_heads_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def write_one(folder: Path, size: int, slices: int, thickness: float, scanners: str, seed: int) -> None:
        assert scanners == "shifted"
        made.append(seed)
        folder.mkdir(exist_ok=True)
        sample_path(folder, seed).touch()

    monkeypatch.setattr("model.phantom.write.write_one", write_one)
    evaluate.simulated_heads(tmp_path / "heads", 2)
    evaluate.simulated_heads(tmp_path / "heads", 3)
    assert made == [evaluate.FIRST_SEED, evaluate.FIRST_SEED + 1, evaluate.FIRST_SEED + 2]


@pytest.mark.parametrize(
    ("training", "fold", "words"),
    [
        ({"fold": 4}, 4, ""),
        ({"fold": 3}, 4, "Only fold 3 was kept from the training of toy-1"),
        ({"fold": 4}, None, "Only fold 4"),
        ({"fold": None}, 4, "No fold was kept"),
        ({}, 4, ""),
    ],
)
def test_who_may_have_been_learned_from_is_said(
    training: dict[str, int | None], fold: int | None, words: str, tmp_path: Path
) -> None:
    said = evaluate._seen(make(tmp_path, training=training), fold)
    assert said.startswith(words)
    assert bool(said) == bool(words)
