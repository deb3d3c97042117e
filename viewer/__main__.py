"""`python -m viewer`: the command line, or the training child when a frozen build starts itself again."""

import sys
from multiprocessing import freeze_support


def start() -> int:
    """Run what the arguments ask for; the exit code."""
    freeze_support()
    if len(sys.argv) == 3 and sys.argv[1] == "--train-child":
        from model.retrain import main as train

        return train([sys.argv[2]])
    from viewer.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(start())
