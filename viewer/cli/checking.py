"""`pterion selftest`: whether this installation works."""

import argparse
from typing import Any

from viewer.cli.output import report

Commands = Any  # argparse does not publish the type of what add_subparsers returns


def add_selftest(commands: Commands) -> None:
    """Its arguments."""
    from viewer.cli.grammar import add

    text = "try this installation: open, scroll, score, draw, retrain, close"
    command = add(commands, "selftest", selftest, text)
    command.epilog = (
        "It works on simulated heads in a temporary folder, without a screen: your data are not touched."
    )
    command.add_argument("--no-training", action="store_true", help="leave retraining out")


def selftest(arguments: argparse.Namespace) -> int:
    """Try the whole loop. Raises PterionError, which names the step that failed."""
    from viewer.bench.selftest import run

    report(arguments, run(training=not arguments.no_training), told)
    return 0


def told(result: dict[str, Any]) -> str:
    """How long each step took, a line a step."""
    steps = [f"{name[:-2]:>8}  {value:.1f} s" for name, value in result.items() if name.endswith("_s")]
    trained = [] if result.get("candidate") else ["Retraining was left out."]
    return "\n".join([*steps, *trained, "This installation works."])
