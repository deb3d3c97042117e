"""`pterion annotations` and `pterion library`: what readers drew, in and out, without a window."""

import argparse
import getpass
from pathlib import Path
from typing import Any

from model.errors import PterionError
from model.labels import CODES
from viewer.cli.grammar import Commands, add
from viewer.cli.output import report
from viewer.cli.text import count
from viewer.cli.work import existing, library_dir

FORMS = ("png", "npz", "nifti", "nrrd", "dicom-seg", "coco", "labelme")


def add_annotations(commands: Commands) -> None:
    """The commands `annotations` and `library`."""
    command = commands.add_parser(
        "annotations",
        help="bring annotations into a library, or write them for other programs",
        description="Annotations in and out.",
    )
    actions = command.add_subparsers(metavar="ACTION", required=True)
    command = add(actions, "import", take_in, "add what a file holds to the annotations of a series")
    command.add_argument(
        "file", metavar="FILE", type=Path, help="masks, DICOM SEG, RTSTRUCT, COCO, labelme …"
    )
    _add_series(command)
    command.add_argument(
        "--name",
        metavar="NAME=CODE",
        action="append",
        default=[],
        type=named,
        help=f"the file calls a subtype so (CODE: {', '.join(CODES)}; nothing leaves it out); may be repeated",
    )
    command = add(
        actions, "export", write, "write the annotations of a series; they are read back and compared"
    )
    command.add_argument("form", metavar="FORM", choices=FORMS, help=f"one of {', '.join(FORMS)}")
    command.add_argument("out", metavar="OUT", type=Path, help="file, or folder for png, npz and labelme")
    _add_series(command)

    command = commands.add_parser(
        "library",
        help="a whole library to a folder, and back",
        description="A library with its history, readings, statuses and time.",
    )
    actions = command.add_subparsers(metavar="ACTION", required=True)
    command = add(actions, "export", library_out, "write a library to a folder; it is read back and compared")
    command.add_argument("folder", metavar="DIR", type=Path, help="new or empty folder")
    _add_library(command)
    command = add(actions, "import", library_in, "put an exported library into one; both versions are kept")
    command.add_argument("folder", metavar="DIR", type=Path, help="folder that `library export` wrote")
    _add_library(command)


def _add_series(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", metavar="PATH", type=Path, help="file or folder of the series")
    command.add_argument("--series", metavar="UID", help="this series, where PATH holds several")
    command.add_argument(
        "--reading", metavar="UID", default="", help="a reading of its own (default: the shared one)"
    )
    _add_library(command)


def _add_library(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--library", metavar="DIR", type=Path, help="folder of the library (default: your own)"
    )


def named(text: str) -> tuple[str, str]:
    """NAME=CODE, for argparse."""
    name, sign, code = text.rpartition("=")
    if not sign or not name or code not in ("", *CODES):
        raise argparse.ArgumentTypeError(f"must be NAME=CODE with CODE one of {', '.join(CODES)}, got {text}")
    return name, code


def take_in(arguments: argparse.Namespace) -> int:
    """Import."""
    from viewer.interchange.drawn import LEAVE_OUT
    from viewer.jobs.annotations_in import import_annotations
    from viewer.jobs.convert import choose
    from viewer.library.store import Library

    existing([arguments.file, arguments.path])
    series = choose(arguments.path, arguments.series)
    library = Library(library_dir(arguments.library))
    try:
        result = import_annotations(
            library,
            series,
            arguments.file,
            reader=_user(),
            names={name: code or LEAVE_OUT for name, code in arguments.name},
            reading=arguments.reading,
        )
    finally:
        library.close()
    report(arguments, result, imported)
    return 0


def write(arguments: argparse.Namespace) -> int:
    """Export."""
    from viewer.jobs.annotations_in import FORMS as KNOWN
    from viewer.jobs.annotations_in import export_annotations
    from viewer.jobs.convert import choose

    existing([arguments.path])
    library = _known_library(arguments.library)
    try:
        series = choose(arguments.path, arguments.series)
        form = KNOWN[arguments.form]
        result = export_annotations(library, series, form, arguments.out, reading=arguments.reading)
    finally:
        library.close()
    report(arguments, result, exported)
    return 0


def library_out(arguments: argparse.Namespace) -> int:
    """Write a library to a folder."""
    from viewer.interchange.library_folder import write_library

    library = _known_library(arguments.library)
    try:
        counts = write_library(library, arguments.folder)
    finally:
        library.close()
    result = {"folder": str(arguments.folder), "readings": counts.series, "edits": counts.edits}
    report(arguments, result, library_words)
    return 0


def library_in(arguments: argparse.Namespace) -> int:
    """Put an exported library into one."""
    from viewer.interchange.library_folder import read_library
    from viewer.library.store import Library

    existing([arguments.folder])
    library = Library(library_dir(arguments.library))
    try:
        counts = read_library(library, arguments.folder)
    finally:
        library.close()
    result = {"folder": str(arguments.folder), "readings": counts.series, "edits": counts.edits}
    report(arguments, result | {"added_to_known": counts.merged}, library_words)
    return 0


def imported(result: dict[str, Any]) -> str:
    """`annotations import`: how many came, how many there are."""
    lines = [f"{result['added']} added; the series has {count(result['annotations'], 'annotation')}."]
    if result["there_already"]:
        lines.append(f"{result['there_already']} were there already.")
    return "\n".join((*lines, *result["remarks"]))


def exported(result: dict[str, Any]) -> str:
    """`annotations export`: the files."""
    head = f"{count(result['annotations'], 'annotation')} as {result['form']}, read back and compared:"
    return "\n".join((head, *result["files"]))


def library_words(result: dict[str, Any]) -> str:
    """`library`: how much went in or out."""
    words = f"{count(result['readings'], 'reading')} with {count(result['edits'], 'edit')}"
    if "added_to_known" in result:
        return f"{words}; {result['added_to_known']} were added to what was there."
    return f"{words} in {result['folder']}, read back and compared."


def _known_library(folder: Path | None) -> Any:
    """A library that is there; looking into one must not make one."""
    from viewer.library.store import FILE_NAME, Library

    place = library_dir(folder)
    if not (place / FILE_NAME).is_file():
        raise PterionError(f"There is no library in {place.name}. Give its folder.", code="NOT_FOUND")
    return Library(place)


def _user() -> str:
    """Who asks, for the journal."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "reader"
