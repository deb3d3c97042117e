"""`pterion evaluate`: how good a model is on labelled cases, beside plain systems and other models."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from viewer.cli import text
from viewer.cli.grammar import Commands, add, positive
from viewer.cli.output import progress, report
from viewer.cli.work import existing, registry

_ROWS = (
    ("study_auc_any", "study AUC, any"),
    ("slice_auc_any", "slice AUC, any"),
    *((f"slice_auc_{code}", f"slice AUC, {code}") for code in ("EDH", "SDH", "SAH", "IVH", "IPH")),
    ("slice_log_loss", "slice log loss (RSNA)"),
    ("dice_any", "Dice over bleeding patients"),
    *((f"dice_{code}", f"Dice, {code}") for code in ("EDH", "SDH", "SAH", "IVH", "IPH")),
    ("false_ml_any", "mL marked where nothing bleeds"),
    ("lesion_sensitivity", "lesions touched"),
    ("false_marks", "false marks a study"),
    ("slice_ece_any", "calibration error, slices"),
)


def add_evaluate(commands: Commands) -> None:
    """The command `evaluate`."""
    command = add(commands, "evaluate", evaluate, "judge a model on labelled cases and write a report")
    command.add_argument("model", metavar="MODEL", help="id of a model, a version folder or a training run")
    command.add_argument("data", metavar="DATA", type=Path, help="a data set (`pterion data`) or CT-ICH")
    command.add_argument("--fold", metavar="K", type=int, help="only the patients of this fold (0 to 4)")
    command.add_argument(
        "--out", metavar="DIR", type=Path, help="write report.json and report.html into this folder"
    )
    command.add_argument(
        "--beside", metavar="MODEL", nargs="+", action="extend", default=[], help="more models in the tables"
    )
    command.add_argument(
        "--shifted", action="store_true", help="also as other scanners would show the same patients"
    )
    command.add_argument(
        "--heads",
        metavar="N",
        type=int,
        default=24,
        help="with --shifted: so many simulated heads of unseen scanners (default: 24)",
    )
    command.add_argument("--threads", metavar="N", type=positive, default=2, help="threads (default: 2)")


def evaluate(arguments: argparse.Namespace) -> int:
    """Judge and report."""
    from viewer.jobs.evaluate import Request, evaluate_model
    from viewer.resources import data_dir

    existing([arguments.data])
    request = Request(
        model=arguments.model,
        data=arguments.data,
        beside=tuple(dict.fromkeys(arguments.beside)),
        fold=arguments.fold,
        shifted=arguments.shifted,
        heads=max(0, arguments.heads),
        cache=data_dir() / "evaluation" / "unseen-scanners",
        out=arguments.out,
        threads=min(arguments.threads, os.cpu_count() or 1),
    )
    result = evaluate_model(request, registry(), progress)
    progress("")
    report(arguments, result, words)
    for said in result["warnings"]:
        print(f"pterion: {said}", file=sys.stderr)
    return 0


def words(result: dict[str, Any]) -> str:
    """The main rows, a column a system, intervals in brackets."""
    data, systems = result["data"], result["systems"]
    rows = [("", "n", *systems)]
    for name, label in _ROWS:
        cells = [system["measures"][name] for system in systems.values()]
        rows.append((label, str(cells[0]["n"]), *map(_cell, cells)))
    lines = [
        (
            f"{data['name']}: {data['patients']} patients, {data['studies_bleeding']} of {data['studies']} studies and "
            f"{data['slices_bleeding']} of {data['slices']} slices bleed. 95 % intervals by patient."
        ),
        text.table(rows, right=range(1, 2 + len(systems))),
    ]
    if "shifted" in result:
        panel = result["shifted"]
        for name, row in (*panel["rows"].items(), ("mean of both", panel["combined"])):
            lines.append(
                f"  {name:28} slice AUC {text.number(row['slice_auc_any'], 3)}, "
                f"study AUC {text.number(row['study_auc_any'], 3)}, Dice {text.number(row['dice_any'], 3)}"
            )
        lines.append(f"criterion: {text.number(panel['criterion'], 4)}")
    return "\n".join(lines)


def _cell(cell: dict[str, Any]) -> str:
    low, high = cell["interval"]
    if low is None:
        return text.number(cell["value"], 3)
    return f"{text.number(cell['value'], 3)} ({low:.2f}-{high:.2f})"
