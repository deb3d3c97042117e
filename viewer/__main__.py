"""`python -m viewer`: the command line, or one of its children when a frozen build starts itself again."""

import os
import sys
from collections.abc import Callable
from multiprocessing import freeze_support

CHILDREN = ("model.evaluation.speed", "viewer.bench.child")
"""Modules that are started as `python -P -m MODULE …`, for which a frozen build stands in itself."""


def start() -> int:
    """Run what the arguments ask for; the exit code."""
    freeze_support()
    if len(sys.argv) == 3 and sys.argv[1] == "--train-child":
        from model.retrain import main as train

        return train([sys.argv[2]])
    arguments = sys.argv[1:]
    if getattr(sys, "frozen", False):
        _open_streams()
        if arguments[:2] == ["-P", "-m"] and arguments[2:3] and arguments[2] in CHILDREN:
            return _child(arguments[2])(arguments[3:])
    from viewer.cli import main

    return main(arguments)


def _child(name: str) -> Callable[[list[str]], int]:
    if name == "model.evaluation.speed":
        from model.evaluation.speed import main as speed

        return speed
    from viewer.bench.child import main as bench

    return bench


def _open_streams() -> None:
    """Somewhere to write to, in a program that Windows started without a console."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  until the process ends


if __name__ == "__main__":
    sys.exit(start())
