"""What each command does, with the arguments that the grammar found. What is slow to import waits until it runs."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.errors import PterionError
from viewer.cli import text
from viewer.cli.display import require_display
from viewer.cli.output import progress, report

OUTPUTS = ("seg", "sr", "sc", "nifti", "nrrd")
"""Files that `pterion score` writes beside masks, each kind into a folder."""


def view(arguments: argparse.Namespace) -> int:
    """Open the window."""
    require_display()
    paths = existing(arguments.paths)
    from viewer.app import run

    return run(paths, library_dir=arguments.library, demo=arguments.demo, empty=arguments.fresh)


def index(arguments: argparse.Namespace) -> int:
    """List studies and series."""
    from viewer.jobs.index import index_paths

    report(arguments, index_paths(existing(arguments.paths)), text.studies)
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
    report(arguments, {"rows": listed}, text.tags)
    return 0


def score(arguments: argparse.Namespace) -> int:
    """Score series; 1 where a study could not be scored."""
    from viewer.jobs.headless import score_paths
    from viewer.jobs.outputs import Outputs

    wrong = _wrong_use(arguments)
    if wrong:
        print(f"pterion score: {wrong}", file=sys.stderr)
        return 2
    cores = os.cpu_count() or 1  # more than these would only get in each other's way
    workers = min(arguments.workers, cores)
    outputs = Outputs(
        masks=arguments.masks,
        mask_format=arguments.mask_format or "npz",
        **{name: getattr(arguments, name) for name in OUTPUTS},
    )
    try:
        result = score_paths(
            existing(arguments.paths),
            registry=registry(),
            model_id=arguments.model,
            series_uid=arguments.series,
            outputs=outputs,
            lines=arguments.jsonl,
            table=arguments.csv,
            resume=arguments.resume,
            light=not arguments.json,
            workers=workers,
            threads=min(arguments.threads or max(2 // workers, 1), cores),
            on_progress=progress,
        )
    except KeyboardInterrupt:
        progress("")
        if arguments.jsonl:
            name = arguments.jsonl.name
            print(
                f"What is done is in {name}; the same command with --resume goes on with it.", file=sys.stderr
            )
        raise
    progress("")
    report(arguments, result, text.scores)
    errors = [study["error"] for study in [*result["studies"], result] if study.get("error")]
    for said in [*result["notices"], *(error["text"] for error in errors)]:
        print(f"pterion: {said}", file=sys.stderr)
    return 1 if errors else 0


def _wrong_use(arguments: argparse.Namespace) -> str:
    """What does not go together, empty where all does."""
    if arguments.mask_format and not arguments.masks:
        return "--mask-format needs --masks DIR"
    if arguments.resume and not arguments.jsonl:
        return "--resume needs --jsonl FILE, which says what is done"
    return ""


def convert(arguments: argparse.Namespace) -> int:
    """Write a series as a volume."""
    from viewer.jobs.convert import convert as write

    path = existing([arguments.path])[0]
    report(arguments, write(path, arguments.out, series_uid=arguments.series), text.written)
    return 0


def deidentify(arguments: argparse.Namespace) -> int:
    """Write studies without their patients."""
    from viewer.dicom.deidentify import BurnedIn, Choices
    from viewer.dicom.deidentify import deidentify as write
    from viewer.dicom.files import file_error
    from viewer.dicom.profile import Retain

    key = None
    if arguments.key_file is not None:
        try:
            key = arguments.key_file.read_text("utf-8").strip()
        except OSError as error:
            raise file_error(error, f"Reading {arguments.key_file.name}") from error
    choices = Choices(
        retain=frozenset(map(Retain, arguments.retain)),
        burned_in=BurnedIn.BLACKOUT if arguments.blackout else BurnedIn(arguments.burned_in),
        rectangles=tuple(arguments.blackout),
        key=key,
    )
    result = write(
        existing([arguments.path]),
        arguments.out,
        choices,
        progress=lambda done, total: progress(f"{done} of {total} files"),
    )
    progress("")
    report(arguments, result, text.deidentified)
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
    report(arguments, result, text.written)
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
    report(arguments, result, text.written)
    return 0


def bench(arguments: argparse.Namespace) -> int:
    """Measure; 1 where --check is given and a number is over its budget."""
    from viewer.bench.run import measure

    result = measure(only=arguments.only, repeat=arguments.repeat, on_progress=progress)
    progress("")
    report(arguments, result, text.bench)
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


def existing(paths: Sequence[Path]) -> list[Path]:
    """`paths`. Raises PterionError where one is not there."""
    for path in paths:
        if not path.exists():
            raise PterionError(f"{path}: no such file or folder. Check the path.", code="NOT_FOUND")
    return list(paths)
