"""Where the command line prints what: results on stdout, notices and progress on stderr."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

NOTICE = "Research use only. Not for diagnosis."


def print_json(content: object) -> None:
    """One JSON object on stdout; what is no number is null, never NaN."""
    print(json.dumps(content, indent=2, allow_nan=False))


def report(
    arguments: argparse.Namespace, result: dict[str, Any], text: Callable[[dict[str, Any]], str]
) -> None:
    """Print a result for a machine or for a person, with the notice."""
    if arguments.json:
        print_json(result)
    else:
        print(text(result))
    sys.stdout.flush()  # a reader of it that has gone is noticed here, not after the end
    print(NOTICE, file=sys.stderr)


def progress(text: str) -> None:
    """Say how far a long command is, to a person only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="" if text else "\r", file=sys.stderr, flush=True)
