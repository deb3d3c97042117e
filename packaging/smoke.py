#!/usr/bin/env python3
"""Try an installed or built Pterion: `python3 packaging/smoke.py PROGRAM [WORDS …]`.

PROGRAM is a built program, a command, or `python3 -P -m viewer`. It makes the demo, lists and scores it, then goes
through the whole loop in a window that is painted into memory: open, scroll, score, draw, retrain in a process of its
own, promote, roll back, close. Everything happens in a folder that is deleted afterwards. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIMIT_S = 1800
SUBTYPES = {"any", "EDH", "SDH", "SAH", "IVH", "IPH"}


class SmokeError(Exception):
    """A step failed; the text says which, and what the program said."""


def main(argv: list[str] | None = None) -> int:
    """Try the program that `argv` names; 0 where everything works."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the program, or a built folder")
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, help="what comes before a command, as in -P -m viewer"
    )
    arguments = parser.parse_args(argv)
    path = Path(arguments.program)
    if path.is_dir():
        path = path / ("pterion.exe" if os.name == "nt" else "pterion")
    program = [str(path.resolve()) if path.exists() else arguments.program, *arguments.words]
    try:
        for line in smoke(program):
            print(line, flush=True)
    except SmokeError as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 1
    print("smoke: everything works")
    return 0


def smoke(program: list[str]) -> list[str]:
    """What was done, a line a step. Raises SmokeError."""
    lines = []
    with tempfile.TemporaryDirectory(prefix="pterion-smoke-", ignore_cleanup_errors=True) as work:
        for name, step in (
            ("version", version),
            ("demo", demo),
            ("index", index),
            ("score", score),
            ("self-test", selftest),
        ):
            start = time.monotonic()
            said = step(program, Path(work))
            lines.append(f"{name:>10}  {time.monotonic() - start:6.1f} s  {said}")
    return lines


def version(program: list[str], work: Path) -> str:
    """It starts, and says that it is for research."""
    said = run([*program, "--version"], work)
    need("Research use only" in said, "the version does not say that it is for research", said)
    return said.strip()


def demo(program: list[str], work: Path) -> str:
    """It simulates a head and writes it as DICOM."""
    made = ask([*program, "demo", str(work / "heads"), "--json"], work)
    files = sum(path.is_file() for path in (work / "heads").rglob("*"))
    need(files >= made["slices"], "the demo misses files", str(made))
    return f"{made['slices']} slices"


def index(program: list[str], work: Path) -> str:
    """It reads them."""
    studies = ask([*program, "index", str(work / "heads"), "--json"], work)["studies"]
    need(len(studies) == 1, "the demo is not one study", str(studies))
    return "1 study"


def score(program: list[str], work: Path) -> str:
    """It scores them in a process of its own, and finds the bleeds that were simulated."""
    words = [
        "score",
        str(work / "heads"),
        "--json",
        "--masks",
        str(work / "masks"),
        "--seg",
        str(work / "seg"),
    ]
    (study,) = ask([*program, *words], work)["studies"]
    scores = study["study"]
    need(set(scores) == SUBTYPES, "scores are missing", str(scores))
    need(scores["any"] > 0.5, "the bleeds of the demo are not found", str(scores))
    need(len(list((work / "seg").rglob("*.dcm"))) == 1, "no segmentation was written", str(study))
    return f"any {scores['any']:.2f}"


def selftest(program: list[str], work: Path) -> str:
    """The whole loop in the window."""
    done = ask([*program, "selftest", "--json"], work)
    need(done["drawn"] == 3, "what was drawn was not kept", str(done))
    trained = (
        f"candidate {done['candidate']}" if done["candidate"] else "training was left out, and it says so"
    )
    return f"scrolled, drew {done['drawn']}, {trained}, closed in {done['close_s']} s"


def ask(command: list[str], work: Path) -> dict[str, Any]:
    """The JSON that a command answers with."""
    said = run(command, work)
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError as error:
        raise SmokeError(f"{' '.join(command)}: no JSON: {said[-2000:]}") from error
    return answer


def run(command: list[str], work: Path) -> str:
    """What a command says. Raises SmokeError where it fails or does not end."""
    environment = {
        **os.environ,
        "PTERION_DATA": str(work / "data"),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SmokeError(f"{' '.join(command)}: {error}") from error
    need(done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}", done.stderr[-4000:])
    need("Traceback" not in done.stderr, f"{' '.join(command)} met a fault", done.stderr[-4000:])
    return done.stdout


def need(holds: bool, what: str, said: str) -> None:
    """Raise SmokeError with what the program said unless something holds."""
    if not holds:
        raise SmokeError(f"{what}\n{said}")


if __name__ == "__main__":
    sys.exit(main())
