"""`python -m model.evaluation`: tables of models and plain systems, and refusals."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from model.evaluation.__main__ import main

make = runpy.run_path(str(Path(__file__).parents[2] / "toy_version.py"))["make"]


@pytest.fixture
def heads(tmp_path: Path, write_heads: Callable[..., Path]) -> Path:
    return write_heads(tmp_path / "heads", {"a": 5, "b": 0}, "clinic")


def test_systems_are_told_one_after_another_and_as_other_scanners_show_them(
    heads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = make(tmp_path / "versions", "toy-7")
    words = [str(version), "--data", str(heads), "--baselines", "--shifted", "--more", str(heads)]
    assert main(words) == 0
    said = capsys.readouterr().out
    for name in ("toy-7", "always negative", "HU threshold"):
        assert f"{name}:" in said
    for row in ("as it is", "soft kernel", "heads", "mean of both"):
        assert said.count(f"\n{row} ") == 3
    assert said.count("criterion (") == 3


def test_what_cannot_be_read_is_said(heads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "absent"), "--baselines"]) == 1
    assert "no folder absent" in capsys.readouterr().err
    assert main([str(heads), "--data", str(heads)]) == 1
    assert "neither a model nor a training run" in capsys.readouterr().err
