"""How a built Pterion starts: its window, its commands, its children; and one that was built without training."""

import importlib.util
import sys
from contextlib import closing
from pathlib import Path

import pytest

import viewer.__main__ as entry
from model.errors import PterionError
from model.registry import Registry
from viewer import cli, resources
from viewer.jobs.retrain import prepare_run
from viewer.library.store import Library


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Arguments that reach the command line of a frozen build."""
    found: list[list[str]] = []

    def main(arguments: list[str]) -> int:
        found.append(arguments)
        return 7

    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(cli, "main", main)
    return found


@pytest.mark.parametrize("given", [[], ["view", "head"], ["-P"], ["--train-child"]])
def test_a_build_takes_commands(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch, given: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pterion", *given])
    assert entry.start() == 7
    assert asked == [given]


def test_a_build_stands_in_for_python_for_its_own_children_only(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in entry.CHILDREN:
        module = importlib.import_module(name)
        monkeypatch.setattr(module, "main", lambda arguments: 3 if arguments == ["a", "b"] else 4)
        monkeypatch.setattr(sys, "argv", ["pterion", "-P", "-m", name, "a", "b"])
        assert entry.start() == 3
    monkeypatch.setattr(sys, "argv", ["pterion", "-P", "-m", "http.server"])
    assert entry.start() == 7
    assert asked == [["-P", "-m", "http.server"]]


def test_a_build_without_a_console_has_somewhere_to_write(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["pterion"])
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert entry.start() == 7
    print("heard by nobody")
    for stream in (sys.stdout, sys.stderr):
        stream.close()


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a package be missing."""
    find = importlib.util.find_spec
    monkeypatch.setattr(resources, "find_spec", lambda asked: None if asked == name else find(asked))
    monkeypatch.setitem(sys.modules, name, None)


def test_the_reader_package_says_where_training_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without(monkeypatch, "torch")
    monkeypatch.setenv("PTERION_DATA", str(tmp_path))
    registry = Registry(resources.assets_dir() / "models", tmp_path / "models")
    with (
        closing(Library(tmp_path)) as library,
        pytest.raises(PterionError, match=r"full package.*nnotations"),
    ):
        prepare_run(library, registry)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("words", [["retrain"], ["train", "flagship", "--data", "data", "--out", "out"]])
def test_its_command_line_says_so_too(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    without(monkeypatch, "torch")
    for name in {"model.bundle", "model.checkpoint"} & set(sys.modules):
        monkeypatch.delitem(sys.modules, name)  # what has imported torch already does not ask again
    monkeypatch.setenv("PTERION_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Library(tmp_path).close()
    assert cli.main(words) == 1
    assert resources.NO_TRAINING in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["train", "flagship", "--data", "data", "--out", "out"],
        ["ablate", "ablation", "--patients", "data", "--out", "out"],
        ["evaluate", "flagship", "."],
    ],
)
def test_a_package_that_cannot_judge_models_says_so_before_it_begins(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without(monkeypatch, "sklearn")
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 1
    assert capsys.readouterr().err == f"pterion: {resources.NO_REPORTS}\n"
    assert list(tmp_path.iterdir()) == []


def test_any_other_missing_module_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "viewer.jobs.index", None)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["index", str(tmp_path)])
