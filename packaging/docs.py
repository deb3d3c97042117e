"""Write the pages that are made of the program itself: `.venv/bin/python -P packaging/docs.py`.

The keyboard sheet comes from the table of commands, the command line's page from its grammar. A test compares both with
what lies in assets/docs, so that they never go stale. `mkdocs build -f packaging/mkdocs.yml` makes a site of all pages.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "assets" / "docs"
NOTE = "<!-- Made by packaging/docs.py. -->"
KEYS_INTRO = """\
The keys that Pterion ships. *Preferences → Keys* changes every one of them, *Mouse* the buttons and the wheel; **?**
shows the keys that are bound now, **Ctrl+K** finds every action by name.

The wheel scrolls, with Ctrl it zooms; the right button drags window and level, the middle one pans; a double click
makes a viewport fill the window."""
COMMANDS_INTRO = """\
Every command has `--help`, and `--json` where a machine may read the answer. Exit codes are 0 done, 1 the input or the
machine is at fault, 2 wrong use, 130 interrupted. Research use only. Not for diagnosis."""


def main() -> int:
    """Write both pages."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


def pages() -> dict[str, str]:
    """Text by file name."""
    return {"keys.md": keys(), "commands.md": commands()}


def keys() -> str:
    """The keyboard sheet."""
    from viewer.ui.keys import BINDABLE

    lines = [
        NOTE,
        "",
        "# Keys and mouse",
        "",
        KEYS_INTRO,
    ]
    groups: dict[str, list[str]] = {}
    for each in BINDABLE:
        if each.keys:
            pressed = ", ".join(f"`{key}`" for key in each.keys)
            groups.setdefault(each.group, []).append(f"| {pressed} | {each.text} |")
    for group, rows in groups.items():
        lines += ["", f"## {group}", "", "| Key | What it does |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Every command with its arguments."""
    from viewer.cli.grammar import build_parser

    parser = build_parser()
    lines = [
        NOTE,
        "",
        "# Command line",
        "",
        COMMANDS_INTRO,
    ]
    for words, command in walk(parser, ("pterion",)):
        lines += ["", f"## `{' '.join(words)}`", "", sentence(command.description or ""), *arguments(command)]
        if command.epilog:
            lines += ["", command.epilog]
    return "\n".join(lines) + "\n"


def walk(
    parser: argparse.ArgumentParser, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command that does something, by its words."""
    below = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not below:
        yield words, parser
    for each in below:
        for name, child in each.choices.items():
            yield from walk(child, (*words, name))


def arguments(command: argparse.ArgumentParser) -> list[str]:
    """A table of what may be given to a command."""
    rows = []
    for each in command._actions:
        if isinstance(each, argparse._HelpAction):
            continue
        name = ", ".join(each.option_strings) or str(each.metavar)
        if each.choices and not each.metavar:
            name += " " + "|".join(map(str, each.choices))
        elif each.option_strings and each.metavar:
            name += f" {each.metavar}"
        cells = (f"`{name}`", (each.help or "").replace("%%", "%"))
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return ["", "| Argument | What it is |", "|---|---|", *rows] if rows else []


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!")) else text + "."


if __name__ == "__main__":
    sys.exit(main())
