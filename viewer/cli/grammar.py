"""The grammar of the command line: every command, its arguments and its help."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.labels import CODES
from viewer import __version__
from viewer.cli import learning, training, work
from viewer.cli.output import NOTICE

Handler = Callable[[argparse.Namespace], int]


def build_parser() -> argparse.ArgumentParser:
    """The grammar of all commands."""
    parser = argparse.ArgumentParser(
        prog="pterion",
        description=f"Read, annotate and score head CT. {NOTICE}",
        epilog="Without a command the window opens.",
    )
    parser.add_argument("--version", action="version", version=f"Pterion {__version__}. {NOTICE}")
    parser.set_defaults(handler=work.view, paths=[], library=None, demo=False, fresh=False, empty={})
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    add_reading(commands)
    add_making(commands)
    add_learning(commands)
    from viewer.cli.annotations import add_annotations
    from viewer.cli.checking import add_selftest  # they take their words from here
    from viewer.cli.data import add_data
    from viewer.cli.measuring import add_evaluate

    add_annotations(commands)
    add_data(commands)
    add_evaluate(commands)
    add_selftest(commands)
    return parser


Commands = Any  # argparse does not publish the type of what add_subparsers returns


def add_reading(commands: Commands) -> None:
    """Commands that open what is there."""
    command = add(commands, "view", work.view, "open the window", machine=False)
    command.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="files or folders to open")
    command.add_argument("--library", metavar="DIR", type=Path, help="keep annotations in this folder")
    command.add_argument("--demo", action="store_true", help="open a simulated head CT with bleeds")
    command.add_argument("--fresh", action="store_true", help="open nothing, whatever was open last time")

    command = add(commands, "index", work.index, "list studies, series and their problems")
    command.set_defaults(empty={"studies": []})
    command.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")

    command = add(commands, "tags", work.tags, "list every element in the header of a file")
    command.set_defaults(empty={"rows": []})
    command.add_argument("path", metavar="PATH", type=Path, help="a DICOM file")
    command.add_argument(
        "--search", metavar="TEXT", default="", help="only what holds these words: name, group, value"
    )
    command.add_argument(
        "--frame", metavar="N", type=positive, help="only frame N of a multi-frame file, from 1"
    )

    add_scoring(commands)

    add_models(commands)


def add_models(commands: Commands) -> None:
    """`models` and its actions."""
    command = add(commands, "models", learning.models, "list the models, choose the one that answers")
    command.set_defaults(action="list")
    actions = command.add_subparsers(metavar="ACTION", dest="action")
    actions.required = False
    given = {
        "id": ("ID", str, "id of the model, as `models` lists it"),
        "other": ("OTHER", str, "id of the model to hold it against"),
        "name": ("NAME", str, "name to show beside its id, empty for none"),
        "out": ("OUT", Path, "new folder, or a new file that ends in .zip"),
        "path": ("PATH", Path, "file or folder that `export` or `train` wrote"),
    }
    for name, wants, text in (
        ("list", (), "list the models (the default)"),
        ("compare", ("id", "other"), "hold two models against each other"),
        ("promote", ("id",), "let a model answer from now on"),
        ("rollback", (), "go back to the model before, or to any"),
        ("rename", ("id", "name"), "give a model a name of your own; its id stays"),
        ("delete", ("id",), "delete a model"),
        ("discard", ("id",), "delete a model (another word for it)"),
        (
            "export",
            ("id", "out"),
            "write a model as a .zip to import elsewhere, or as a folder in MONAI's form",
        ),
        ("import", ("path",), "take a model in as a candidate, once it is found sound"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        # Suppressed, so that `models --json list` keeps what stands before the action.
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
        )
        for each in wants:
            metavar, kind, words = given[each]
            action.add_argument(each, metavar=metavar, type=kind, help=words)
        if name == "rollback":
            action.add_argument(
                "id", metavar="ID", nargs="?", help="the model to go back to (default: the one before)"
            )


def add_scoring(commands: Commands) -> None:
    """`score` and what it writes."""
    command = add(
        commands, "score", work.score, "score series for hemorrhage: one series a study, scores and volumes"
    )
    command.epilog = (
        "Exit codes: 0 all studies scored and all files written; 1 a study could not be scored or a file not be "
        "written (the others are); 2 wrong use; 130 interrupted."
    )
    command.set_defaults(empty={"studies": []})
    command.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")
    command.add_argument("--series", metavar="UID", help="score this series, whatever it is")
    command.add_argument("--model", metavar="ID", help="score with this model (default: the current one)")
    command.add_argument("--masks", metavar="DIR", type=Path, help="write the masks there, one file a series")
    command.add_argument(
        "--mask-format",
        choices=("nifti", "npz"),
        help="format of the masks (default: npz, which holds every geometry; nifti needs even gaps)",
    )
    for name, what in (
        ("seg", "DICOM segmentations (SEG)"),
        ("sr", "DICOM reports (SR, TID 1500), which name the segments where --seg is given"),
        ("sc", "a page with scores and marked slices as DICOM secondary capture"),
        ("nifti", "masks as NIfTI (.nii.gz; needs even gaps)"),
        ("nrrd", "masks as NRRD with segments (.seg.nrrd; needs even gaps)"),
    ):
        command.add_argument(f"--{name}", metavar="DIR", type=Path, help=f"write there {what}")
    command.add_argument(
        "--jsonl", metavar="FILE", type=Path, help="write a line of JSON as each study is done"
    )
    command.add_argument("--csv", metavar="FILE", type=Path, help="write a row as each study is done")
    command.add_argument(
        "--resume",
        action="store_true",
        help="leave out studies that FILE of --jsonl holds, and go on with it",
    )
    command.add_argument(
        "--workers",
        metavar="N",
        type=positive,
        default=1,
        help="processes that score side by side, at most one a core (default: 1)",
    )
    command.add_argument(
        "--threads",
        metavar="N",
        type=positive,
        help="threads of each process, at most one a core (default: 2, or 1 with several workers)",
    )


def add_making(commands: Commands) -> None:
    """Commands that write studies and volumes."""
    command = add(commands, "convert", work.convert, "write a series as NIfTI or NPZ: HU and geometry")
    command.add_argument("path", metavar="PATH", type=Path, help="file or folder")
    command.add_argument("out", metavar="OUT", type=Path, help="file to write, .nii, .nii.gz or .npz")
    command.add_argument("--series", metavar="UID", help="convert this series, where PATH holds several")

    command = add(
        commands,
        "deidentify",
        work.deidentify,
        "copy studies without their patients (DICOM PS3.15 Basic Profile)",
    )
    command.add_argument("path", metavar="PATH", type=Path, help="file, folder or ZIP; it is not changed")
    command.add_argument("out", metavar="OUT", type=Path, help="new folder or .zip file to write")
    command.add_argument(
        "--retain",
        nargs="+",
        action="extend",
        default=[],
        choices=("dates", "patient", "uids", "device", "institution"),
        help="keep more: dates (shifted, the same for all of a patient), sex, age and size of the patient, UIDs, ...",
    )
    command.add_argument(
        "--burned-in",
        choices=("refuse", "leave-out"),
        default="refuse",
        help="what to do with images that have, or may have, text in their pixels (default: refuse all)",
    )
    command.add_argument(
        "--blackout",
        metavar="COLUMN,ROW,WIDTH,HEIGHT",
        type=rectangle,
        action="append",
        default=[],
        help="paint over this rectangle in such images and write them; may be repeated",
    )
    command.add_argument(
        "--key-file", metavar="FILE", type=Path, help="a secret; the same one gives the same pseudonyms again"
    )

    command = commands.add_parser(
        "import", help="make DICOM series of other data", description="Make DICOM series."
    )
    sources = command.add_subparsers(metavar="KIND", required=True)
    command = add(
        sources, "ct-ich", work.import_ct_ich, "a folder of the CT-ICH set as DICOM series in recovered HU"
    )
    command.add_argument(
        "source", metavar="DIR", type=Path, help="folder with Patients_CT and the diagnosis table"
    )
    command.add_argument("out", metavar="OUT", type=Path, help="folder to write the series to")
    command.add_argument(
        "--patient", metavar="NNN", action="append", help="this patient only; may be repeated"
    )
    command.add_argument(
        "--library", metavar="DIR", type=Path, help="keep the masks as annotations in this library"
    )

    command = add(commands, "demo", work.demo, "write a simulated head CT with bleeds as a DICOM series")
    command.add_argument("out", metavar="DIR", type=Path, help="folder to write to")
    command.add_argument(
        "--library",
        nargs="?",
        const=True,
        metavar="DIR",
        help="also write eight annotated patients to the library (in DIR), to try retraining on",
    )


def add_learning(commands: Commands) -> None:
    """Commands that train and measure."""
    command = add(
        commands, "retrain", learning.retrain, "train a candidate model on the annotations of a library"
    )
    command.add_argument(
        "--library", metavar="DIR", type=Path, help="folder of the library (default: your own)"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="only say what it would train on, and what that would take"
    )
    command.add_argument(
        "--everything", action="store_true", help="also use what is flagged or awaits review"
    )
    command.add_argument(
        "--subtypes",
        metavar="CODE",
        nargs="+",
        choices=CODES,
        help="the subtypes that you looked for; the others follow the bundled model (default: all five)",
    )
    command.add_argument(
        "--pin",
        metavar="PATIENT=PART",
        type=learning.pinned,
        action="append",
        default=[],
        help="keep a patient, by ID, in train, validation or test for ever",
    )
    command.add_argument("--seed", metavar="N", type=int, help="of what chance decides (default: 0)")

    add_training(commands)
    add_ablation(commands)

    command = add(commands, "bench", work.bench, "measure every promised number on this machine")
    command.add_argument(
        "--only", metavar="NAME", action="append", help="this row, or all that begin so (A.)"
    )
    command.add_argument("--repeat", metavar="N", type=positive, default=3, help="runs a number (default: 3)")
    command.add_argument("--check", action="store_true", help="exit with 1 where a number is over its budget")


def add_training(commands: Commands) -> None:
    """`train` and what it is given."""
    command = add(
        commands,
        "train",
        training.train,
        "train a network as a recipe says, from scratch or from a model",
        machine=False,
    )
    command.add_argument("recipe", metavar="RECIPE", help="flagship, seed-multitask …, or a TOML file")
    command.add_argument(
        "--data",
        metavar="DIR",
        nargs="+",
        action="extend",
        type=Path,
        default=[],
        help="folders of samples, and CT-ICH",
    )
    command.add_argument(
        "--out",
        metavar="RUN",
        type=Path,
        required=True,
        help="folder of the run: checkpoints, curves, the network",
    )
    command.add_argument("--fold", metavar="K", type=int, help="keep this fold's patients from it (0 to 4)")
    command.add_argument("--resume", action="store_true", help="go on with the run that RUN holds")
    command.add_argument("--seed", metavar="N", type=int, help="instead of the recipe's")
    command.add_argument("--threads", metavar="N", type=positive, help="instead of the recipe's")
    command.add_argument(
        "--device", metavar="NAME", help="cpu, cuda, cuda:1 … (default: a GPU where there is one)"
    )
    command.add_argument(
        "--weights", metavar="PATH", type=Path, help="start from ImageNet weights (a B0), a model or a run"
    )
    command.add_argument(
        "--from",
        dest="start",
        metavar="VERSION",
        help="fine-tune this model, by its id or its folder; the recipe `retrain` is made for it",
    )
    command.add_argument(
        "--name", metavar="ID", help="id of the model that comes out (default: the recipe's name)"
    )
    command.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        help="keep prepared samples there, for several runs (default: in RUN)",
    )


def add_ablation(commands: Commands) -> None:
    """`ablate` and what it is given."""
    words = "train a recipe in short, each time without something, and judge every variant"
    command = add(commands, "ablate", training.ablate, words, machine=False)
    command.add_argument("recipe", metavar="RECIPE", help="ablation, or a TOML file")
    command.add_argument(
        "--heads",
        metavar="DIR",
        nargs="+",
        action="extend",
        type=Path,
        default=[],
        help="folders of simulated heads",
    )
    command.add_argument(
        "--patients", metavar="DIR", type=Path, required=True, help="CT-ICH, or a data set of patients"
    )
    command.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help="folder of all runs; goes on with what it holds",
    )
    command.add_argument(
        "--fold", metavar="K", type=int, default=4, help="the fold to judge on (0 to 4; default: 4)"
    )
    command.add_argument("--only", metavar="NAME", nargs="+", help="these variants (default: all)")
    command.add_argument("--steps", metavar="N", type=positive, help="instead of the recipe's")
    command.add_argument("--threads", metavar="N", type=positive, help="instead of the recipe's")
    command.add_argument(
        "--unseen",
        metavar="N",
        type=int,
        default=24,
        help="judge on so many simulated heads of unseen scanners too (default: 24)",
    )


def add(
    commands: Commands, name: str, handler: Handler, text: str, *, machine: bool = True
) -> argparse.ArgumentParser:
    """A command's own parser; `machine` gives it --json."""
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}. {NOTICE}"
    )
    command.set_defaults(handler=handler)
    if machine:
        add_json(command)
    return command


def add_json(command: argparse.ArgumentParser) -> None:
    """Give a command --json."""
    command.add_argument("--json", action="store_true", help="print one JSON object")


def rectangle(text: str) -> tuple[int, int, int, int]:
    """Four whole numbers with commas between them, for argparse."""
    try:
        column, row, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be COLUMN,ROW,WIDTH,HEIGHT in pixels, got {text}") from None
    return column, row, width, height


def positive(text: str) -> int:
    """A whole number from 1 up, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number
