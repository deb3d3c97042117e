"""Compare models at a glance: `python -m model.evaluation MODEL … --data FOLDER [--fold K] [--shifted]`.

MODEL is a version folder or a training run's folder. `pterion evaluate` writes the full report.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from model.errors import PterionError
from model.evaluation.answer import Scorer
from model.evaluation.baselines import AlwaysNegative, HuThreshold
from model.evaluation.data import open_cases
from model.evaluation.glance import glance
from model.evaluation.panel import shifted_panel, text
from model.evaluation.scorers import open_model


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; 1 where a model or the data cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m model.evaluation", description=__doc__)
    parser.add_argument("models", type=Path, nargs="*", metavar="MODEL")
    parser.add_argument("--data", type=Path, required=True, help="folder of samples, or CT-ICH")
    parser.add_argument("--fold", type=int, help="only the patients of this fold of CT-ICH")
    parser.add_argument("--shifted", action="store_true", help="also as other scanners would show them")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="more folders for the shifted panel")
    parser.add_argument("--baselines", action="store_true", help="also always negative and the HU threshold")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(argv)
    try:
        cases = open_cases(arguments.data, arguments.fold)
        systems: list[Scorer] = [open_model(path, arguments.threads) for path in arguments.models]
        systems += [AlwaysNegative(), HuThreshold()] if arguments.baselines else []
        for scorer in systems:
            print(glance(scorer, cases), flush=True)
            if arguments.shifted:
                more = {folder.name: open_cases(folder) for folder in arguments.more}
                print(text(scorer.name, shifted_panel(scorer, cases, more)), flush=True)
    except PterionError as error:
        print(str(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
