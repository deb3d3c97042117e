"""Pterion's command line: the window, and the same work without one.

Exit codes: 0 done, 1 the input or the machine is at fault, 2 the command was used wrongly, 130 interrupted.
Every command imports what it needs when it runs, so that `--help` and the window come up at once.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model.errors import Cancelled, PterionError
from viewer import cli_text

NOTICE = "Research use only. Not for diagnosis."

Handler = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. `argv` defaults to the process's own arguments."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a console without ° must not stop the work
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else 2
    try:
        return int(arguments.handler(arguments))
    except PterionError as error:
        if getattr(arguments, "json", False):
            print_json({**arguments.empty, "error": {"code": error.code, "text": str(error)}})
        print(f"pterion: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Cancelled):
        print("pterion: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


# ------------------------------------------------------------------------------------------------------ arguments


def build_parser() -> argparse.ArgumentParser:
    """The grammar of all commands."""
    from viewer import __version__

    parser = argparse.ArgumentParser(
        prog="pterion",
        description=f"Read, annotate and score head CT. {NOTICE}",
        epilog="Without a command the window opens.",
    )
    parser.add_argument("--version", action="version", version=f"Pterion {__version__}. {NOTICE}")
    parser.set_defaults(handler=view, paths=[], library=None, demo=False, empty={})
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    add_reading(commands)
    add_making(commands)
    add_learning(commands)
    return parser


Commands = Any  # argparse does not publish the type of what add_subparsers returns


def add_reading(commands: Commands) -> None:
    """Commands that open what is there."""
    command = add(commands, "view", view, "open the window", machine=False)
    command.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="files or folders to open")
    command.add_argument("--library", metavar="DIR", type=Path, help="keep annotations in this folder")
    command.add_argument("--demo", action="store_true", help="open a simulated head CT with bleeds")

    command = add(commands, "index", index, "list studies, series and their problems")
    command.set_defaults(empty={"studies": []})
    command.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")

    command = add(commands, "tags", tags, "list every element in the header of a file")
    command.set_defaults(empty={"rows": []})
    command.add_argument("path", metavar="PATH", type=Path, help="a DICOM file")
    command.add_argument(
        "--search", metavar="TEXT", default="", help="only what holds these words: name, group, value"
    )
    command.add_argument(
        "--frame", metavar="N", type=positive, help="only frame N of a multi-frame file, from 1"
    )

    command = add(
        commands, "score", score, "score series for hemorrhage: one series a study, scores and volumes"
    )
    command.set_defaults(empty={"studies": []})
    command.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")
    command.add_argument("--series", metavar="UID", help="score this series, whatever it is")
    command.add_argument("--model", metavar="ID", help="score with this model (default: the current one)")
    command.add_argument("--masks", metavar="DIR", type=Path, help="write the masks there, one file a series")
    command.add_argument(
        "--mask-format", choices=("nifti", "npz"), help="format of the masks (default: nifti)"
    )
    command.add_argument(
        "--threads", metavar="N", type=positive, default=2, help="threads to use (default: 2)"
    )

    command = add(commands, "models", models, "list the models, choose the one that answers")
    command.set_defaults(action="list")
    actions = command.add_subparsers(metavar="ACTION", dest="action")
    actions.required = False
    for name, text in (
        ("list", "list the models (the default)"),
        ("promote", "let a model answer from now on"),
        ("rollback", "go back to the model before"),
        ("discard", "delete a model"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        # Suppressed, so that `models --json list` keeps what stands before the action.
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
        )
        if name in ("promote", "discard"):
            action.add_argument("id", metavar="ID", help="id of the model, as `models` lists it")


def add_making(commands: Commands) -> None:
    """Commands that write studies and volumes."""
    command = add(commands, "convert", convert, "write a series as NIfTI or NPZ: HU and geometry")
    command.add_argument("path", metavar="PATH", type=Path, help="file or folder")
    command.add_argument("out", metavar="OUT", type=Path, help="file to write, .nii, .nii.gz or .npz")
    command.add_argument("--series", metavar="UID", help="convert this series, where PATH holds several")

    command = commands.add_parser(
        "import", help="make DICOM series of other data", description="Make DICOM series."
    )
    sources = command.add_subparsers(metavar="KIND", required=True)
    command = add(
        sources, "ct-ich", import_ct_ich, "a folder of the CT-ICH set as DICOM series in recovered HU"
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

    command = add(commands, "demo", demo, "write a simulated head CT with bleeds as a DICOM series")
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
    command = add(commands, "retrain", retrain, "train a candidate model on the annotations of a library")
    command.add_argument(
        "--library", metavar="DIR", type=Path, help="folder of the library (default: your own)"
    )
    command.add_argument("--dry-run", action="store_true", help="only say what it would train on")

    command = add(commands, "train", train, "train a model from scratch, as a recipe says", machine=False)
    command.add_argument("recipe", metavar="RECIPE", help="a TOML file, as those in model/recipes")
    command.add_argument(
        "--data", metavar="DIR", nargs="+", required=True, help="folders of samples, and CT-ICH"
    )
    command.add_argument("--out", metavar="DIR", required=True, help="folder for checkpoints and the model")

    command = add(commands, "bench", bench, "measure every promised number on this machine")
    command.add_argument(
        "--only", metavar="NAME", action="append", help="this row, or all that begin so (A.)"
    )
    command.add_argument("--repeat", metavar="N", type=positive, default=3, help="runs a number (default: 3)")
    command.add_argument("--check", action="store_true", help="exit with 1 where a number is over its budget")


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


def positive(text: str) -> int:
    """A whole number from 1 up, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number


# --------------------------------------------------------------------------------------------------------- output


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


def existing(paths: Sequence[Path]) -> list[Path]:
    """`paths`. Raises PterionError where one is not there."""
    for path in paths:
        if not path.exists():
            raise PterionError(f"{path}: no such file or folder. Check the path.", code="NOT_FOUND")
    return list(paths)


# ------------------------------------------------------------------------------------------------------- commands


def view(arguments: argparse.Namespace) -> int:
    """Open the window."""
    if sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        raise PterionError(
            "There is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set). "
            "Log in with a desktop, or use the commands that need none: pterion index, score, convert, --help.",
            code="NO_DISPLAY",
        )
    paths = existing(arguments.paths)
    from viewer.app import run

    return run(paths, library_dir=arguments.library, demo=arguments.demo)


def index(arguments: argparse.Namespace) -> int:
    """List studies and series."""
    from viewer.jobs.index import index_paths

    report(arguments, index_paths(existing(arguments.paths)), cli_text.studies)
    return 0


def tags(arguments: argparse.Namespace) -> int:
    """List the elements of one file's header."""
    from viewer.dicom.tags import read_tags, search

    path = existing([arguments.path])[0]
    if path.is_dir():
        raise PterionError(f"{path.name} is a folder. Name one DICOM file in it.", code="IS_FOLDER")
    rows = read_tags(path, None if arguments.frame is None else arguments.frame - 1)
    found = [rows[index] for index in search(rows, arguments.search)]
    listed = [
        {
            "depth": row.depth,
            "tag": row.tag,
            "vr": row.vr,
            "name": row.name,
            "value": row.value,
            "meaning": row.meaning,
        }
        for row in found
    ]
    report(arguments, {"rows": listed}, cli_text.tags)
    return 0


def score(arguments: argparse.Namespace) -> int:
    """Score series; 1 where a study could not be scored."""
    from viewer.jobs.score import score_paths

    if arguments.mask_format and not arguments.masks:
        print("pterion score: --mask-format needs --masks DIR", file=sys.stderr)
        return 2
    result = score_paths(
        existing(arguments.paths),
        registry=registry(),
        model_id=arguments.model,
        series_uid=arguments.series,
        masks=arguments.masks,
        mask_format=arguments.mask_format or "nifti",
        threads=arguments.threads,
        on_progress=progress,
    )
    progress("")
    report(arguments, result, cli_text.scores)
    errors = [study["error"] for study in [*result["studies"], result] if study.get("error")]
    for text in [*result["notices"], *(error["text"] for error in errors)]:
        print(f"pterion: {text}", file=sys.stderr)
    return 1 if errors else 0


def convert(arguments: argparse.Namespace) -> int:
    """Write a series as a volume."""
    from viewer.jobs.convert import convert as write

    path = existing([arguments.path])[0]
    report(arguments, write(path, arguments.out, series_uid=arguments.series), cli_text.written)
    return 0


def import_ct_ich(arguments: argparse.Namespace) -> int:
    """Write a CT-ICH folder as DICOM series."""
    from viewer.jobs.import_ct_ich import import_ct_ich as write

    library = None
    if arguments.library:
        from viewer.library.store import Library

        library = Library(arguments.library)
    try:
        source = existing([arguments.source])[0]
        result = write(
            source, arguments.out, patients=arguments.patient, library=library, on_progress=progress
        )
    finally:
        if library is not None:
            library.close()
    progress("")
    report(arguments, result, cli_text.written)
    for each in result["skipped"]:
        print(f"pterion: patient {each['patient']}: {each['text']}", file=sys.stderr)
    return 1 if result["skipped"] else 0


def demo(arguments: argparse.Namespace) -> int:
    """Write the demo study, and the annotated patients where asked for."""
    from viewer.jobs import demo as job

    result = job.write_demo(arguments.out)
    if arguments.library:
        library = None if arguments.library is True else Path(arguments.library)
        result |= job.write_demo_library(arguments.out, library_dir(library), on_progress=progress)
        progress("")
    report(arguments, result, cli_text.written)
    return 0


def models(arguments: argparse.Namespace) -> int:
    """List the models after the change that was asked for, if any."""
    store = registry()
    if arguments.action == "promote":
        store.promote(arguments.id)
    elif arguments.action == "rollback":
        store.roll_back()
    elif arguments.action == "discard":
        store.discard(arguments.id)
    current = store.current().id
    listed = [
        {
            "id": version.id,
            "status": version.status,
            "current": version.id == current,
            "created": version.info.get("created"),
            "parent": version.info.get("parent"),
        }
        for version in store.versions()
    ]
    report(arguments, {"models": listed}, cli_text.models)
    return 0


def retrain(arguments: argparse.Namespace) -> int:
    """Train a candidate on a library's annotations, or say what it would be trained on."""
    from viewer.jobs.retrain import retrain_headless

    result = retrain_headless(
        library_dir(arguments.library),
        registry=registry(),
        dry_run=arguments.dry_run,
        on_event=cli_text.event(progress),
    )
    progress("")
    report(arguments, result, cli_text.written)
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Train a model; its events are JSON lines on stdout."""
    from model.bundle import main as work

    return work([arguments.recipe, "--data", *arguments.data, "--out", arguments.out])


def bench(arguments: argparse.Namespace) -> int:
    """Measure; 1 where --check is given and a number is over its budget."""
    from viewer.bench.run import measure

    result = measure(only=arguments.only, repeat=arguments.repeat, on_progress=progress)
    progress("")
    report(arguments, result, cli_text.bench)
    return 1 if arguments.check and not all(row["within"] for row in result["rows"]) else 0


def registry() -> Any:
    """The models of this installation and of this user."""
    from model.registry import Registry
    from viewer.resources import assets_dir, data_dir

    return Registry(assets_dir() / "models", data_dir() / "models")


def library_dir(chosen: Path | None) -> Path:
    """The folder of the library: the chosen one or the user's own."""
    from viewer.resources import data_dir

    return chosen or data_dir()
