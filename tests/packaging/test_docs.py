"""The pages of assets/docs: those made of the program are fresh, and every command in them does what they say."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from viewer.cli import main
from viewer.cli.grammar import build_parser
from viewer.resources import asset

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted(asset("docs").glob("*.md"))


def commands(path: Path, kinds: tuple[str, ...]) -> Iterator[list[str]]:
    """The words of each command in the fenced blocks of a page, without `pterion`. kinds: what follows the fence."""
    for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.splitlines() if kind in kinds else ():
            words = shlex.split(line, comments=True)
            if words[:1] == ["pterion"]:
                yield words[1:]


def expanded(word: str) -> list[str]:
    """What a shell makes of a word."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def test_what_is_made_of_the_program_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("docs", ROOT / "packaging" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, text in module.pages().items():
        assert (asset("docs") / name).read_text("utf-8") == text, f"{name}: run packaging/docs.py"


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda path: path.name)
def test_every_command_is_in_the_grammar(path: Path) -> None:
    for words in commands(path, ("", "sh")):
        build_parser().parse_args([word for word in words if word != "…"])


def test_every_command_runs_in_the_order_of_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Blocks marked `sh` need data that are not at hand, or hours; the window has tests of its own.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PTERION_DATA", str(tmp_path / "data"))
    order = ("index.md", "reading.md", "retraining.md", "model.md", "training.md", "formats.md")
    run = [words for name in order for words in commands(asset("docs") / name, ("",))]
    assert len(run) >= 9
    assert {words[0] for path in DOCS for words in commands(path, ("",))} == {words[0] for words in run}
    for words in run:
        if words[0] != "view":
            given = [name for word in words for name in expanded(word)]
            assert main(given) == 0, f"{words}: {capsys.readouterr().err}"
    assert {path.name for path in tmp_path.iterdir()} >= {"heads", "copies", "sets", "head.npz", "bundle"}
