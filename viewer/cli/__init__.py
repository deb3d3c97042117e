"""Pterion's command line: the window, and the same work without one.

Exit codes: 0 done, 1 the input or the machine is at fault, 2 the command was used wrongly, 130 interrupted.
Every command imports what it needs when it runs, so that `--help` and the window come up at once.
"""

import os
import sys
from collections.abc import Sequence

from model.errors import Cancelled, PterionError
from viewer.cli.grammar import build_parser
from viewer.cli.output import print_json

TRAINING = ("torch", "onnx", "safetensors")
"""Packages that only training imports; the reader package leaves them out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. `argv` defaults to the process's own arguments."""
    # The matrices here are small: a second thread of BLAS is waited for longer than it helps. Read when NumPy comes.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a console without ° must not stop the work
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else 2
    try:
        code = int(arguments.handler(arguments))
        sys.stdout.flush()  # here, where a full disk can still be told
        return code
    except PterionError as error:
        if getattr(arguments, "json", False):
            print_json({**arguments.empty, "error": {"code": error.code, "text": str(error)}})
        print(f"pterion: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in TRAINING:
            raise
        from viewer.resources import NO_TRAINING

        print(f"pterion: {NO_TRAINING}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Cancelled):
        print("pterion: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        from viewer.dicom.files import file_error

        print(f"pterion: {file_error(error, 'The command')}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
