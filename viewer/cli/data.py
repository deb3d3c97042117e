"""`pterion data …`: training data from public sets and from the reader's own, and what a data set holds."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model.errors import PterionError
from model.labels import CODES
from viewer.cli import text
from viewer.cli.grammar import Commands, add, positive
from viewer.cli.output import progress, report
from viewer.cli.work import existing

_MOST_LINES = 20


def add_data(commands: Commands) -> None:
    """The command `data` and its sub-commands."""
    command = commands.add_parser(
        "data",
        help="make training data of public sets, and look into it",
        description="Make training data: a folder of samples with an index. A command that was stopped goes on "
        "where it was when it is given again.",
    )
    kinds = command.add_subparsers(metavar="KIND", required=True)
    command = _source(kinds, "ct-ich", ct_ich, "CT-ICH: folder with Patients_CT and hemorrhage_diagnosis.csv")
    command.add_argument("--patient", metavar="NNN", action="append", help="this one only; may be repeated")
    _source(kinds, "bhsd", bhsd, "BHSD: folder with images and ground truths (.nii.gz)")
    _source(kinds, "rsna", rsna, "RSNA 2019: folder with stage_2_train.csv and stage_2_train/*.dcm")
    _add_dicom_seg(kinds)
    _add_polygons(kinds)
    _add_own(kinds)
    _add_phantom(kinds)
    _add_looking(kinds)


def _source(
    kinds: Commands, name: str, handler: Callable[[argparse.Namespace], int], what: str
) -> argparse.ArgumentParser:
    """A sub-command that makes a data set OUT of what is in DIR."""
    command = add(kinds, name, handler, f"samples of {what}")
    command.add_argument("source", metavar="DIR", type=Path, help=what)
    _add_out(command)
    return command


def _add_out(command: argparse.ArgumentParser) -> None:
    command.add_argument("out", metavar="OUT", type=Path, help="folder of the data set, new or to go on with")
    command.add_argument(
        "--workers", metavar="N", type=positive, default=1, help="processes, at most one a core (default: 1)"
    )


def _add_dicom_seg(kinds: Commands) -> None:
    command = _source(kinds, "dicom-seg", dicom_seg, "CT series with DICOM segmentations, in one folder")
    command.add_argument(
        "--map",
        metavar="SEGMENT=CODE",
        type=mapped,
        action="append",
        default=[],
        help=f"what a segment is, by its label or number: {', '.join(CODES)}, unknown or ignore; may be repeated",
    )
    command.add_argument(
        "--partial",
        action="store_true",
        help="slices without a mask were not reviewed (default: they do not bleed)",
    )


def _add_polygons(kinds: Commands) -> None:
    command = _source(kinds, "polygons", polygons, "rendered slices: folder with renders and segmentation")
    command.add_argument(
        "--patients",
        metavar="CSV",
        type=Path,
        help="columns Image and PatientID, so that a patient's slices stay together (default: each its own)",
    )
    command.add_argument(
        "--pixel", metavar="MM", type=float, help="pixel size, which the renders do not have (default: 0.488)"
    )
    command.add_argument(
        "--window",
        metavar="FOLDER=LEVEL/WIDTH",
        type=window,
        action="append",
        default=[],
        help="what a folder of renders shows, where it is not what its name says; may be repeated",
    )


def _add_own(kinds: Commands) -> None:
    command = add(kinds, "annotations", annotations, "samples of the annotations in a library")
    _add_out(command)
    command.add_argument(
        "--library", metavar="DIR", type=Path, help="folder of the library (default: your own)"
    )
    command = add(kinds, "exports", exports, "samples of masks that were exported, and of their series")
    command.add_argument(
        "masks", metavar="MASKS", type=Path, help="folder of exports, each with its masks.json"
    )
    command.add_argument(
        "images", metavar="IMAGES", type=Path, help="folder of the DICOM files of their series"
    )
    _add_out(command)


def _add_phantom(kinds: Commands) -> None:
    command = add(kinds, "phantom", phantom, "simulated heads with bleeds, one a seed")
    _add_out(command)
    command.add_argument("--count", metavar="N", type=positive, required=True, help="how many heads in all")
    command.add_argument(
        "--first-seed", metavar="N", type=int, default=0, help="seed of the first (default: 0)"
    )
    command.add_argument(
        "--shard",
        metavar="I/N",
        type=shard,
        default=(1, 1),
        help="make the I-th of N shares, so that N machines make the whole, each into a folder of its own",
    )
    command.add_argument(
        "--size", metavar="N", type=positive, default=256, help="rows and columns (default: 256)"
    )
    command.add_argument("--slices", metavar="N", type=positive, default=32, help="of a head (default: 32)")
    command.add_argument("--thickness", metavar="MM", type=float, default=5.0, help="of a slice (default: 5)")
    command.add_argument(
        "--scanners",
        choices=("usual", "shifted"),
        default="usual",
        help="family of scanners (default: usual)",
    )


def _add_looking(kinds: Commands) -> None:
    command = add(kinds, "info", info, "what data sets hold: patients, slices, subtypes, volumes")
    command.add_argument("folders", metavar="DIR", nargs="+", type=Path, help="data sets")
    command = add(kinds, "check", check, "read every sample of data sets and say what is wrong")
    command.set_defaults(empty={"problems": []})
    command.add_argument("folders", metavar="DIR", nargs="+", type=Path, help="data sets")
    command = add(kinds, "index", index, "write an index for a folder of samples that has none")
    command.add_argument("folder", metavar="DIR", type=Path, help="folder of .npz samples")


def ct_ich(arguments: argparse.Namespace) -> int:
    """CT-ICH."""
    from model.datasets.ct_ich import CtIch

    return _convert(arguments, CtIch(existing([arguments.source])[0], tuple(arguments.patient or ())))


def bhsd(arguments: argparse.Namespace) -> int:
    """BHSD."""
    from model.datasets.bhsd import Bhsd

    return _convert(arguments, Bhsd(existing([arguments.source])[0]))


def rsna(arguments: argparse.Namespace) -> int:
    """RSNA 2019."""
    from viewer.corpora.rsna import Rsna

    source = Rsna(existing([arguments.source])[0], salt(), lambda count: progress(f"{count} headers read"))
    return _convert(arguments, source)


def dicom_seg(arguments: argparse.Namespace) -> int:
    """CT series with DICOM segmentations."""
    from viewer.corpora.dicom_seg import DicomSeg

    folder = existing([arguments.source])[0]
    return _convert(arguments, DicomSeg(folder, salt(), dict(arguments.map), arguments.partial))


def polygons(arguments: argparse.Namespace) -> int:
    """Rendered slices with traced polygons."""
    from model.datasets.polygons import PIXEL_MM, Polygons
    from model.datasets.renders import WINDOWS

    folder = existing([arguments.source])[0]
    patients = existing([arguments.patients])[0] if arguments.patients else None
    windows = WINDOWS | dict(arguments.window)
    return _convert(arguments, Polygons(folder, patients, arguments.pixel or PIXEL_MM, windows))


def annotations(arguments: argparse.Namespace) -> int:
    """The annotations of a library."""
    from viewer.cli.work import library_dir
    from viewer.corpora.annotations import AnnotatedLibrary
    from viewer.jobs.retrain import read_volume

    return _convert(arguments, AnnotatedLibrary(library_dir(arguments.library), read_volume), renew=True)


def exports(arguments: argparse.Namespace) -> int:
    """Exported masks."""
    from viewer.corpora.exports import Exports

    masks, images = existing([arguments.masks, arguments.images])
    return _convert(arguments, Exports(masks, images, salt()))


def phantom(arguments: argparse.Namespace) -> int:
    """Simulated heads."""
    from model.datasets.simulated import Phantoms

    source = Phantoms(
        count=arguments.count,
        first_seed=arguments.first_seed,
        shard=arguments.shard,
        size=arguments.size,
        slices=arguments.slices,
        thickness_mm=arguments.thickness,
        scanners=arguments.scanners,
    )
    return _convert(arguments, source)


def info(arguments: argparse.Namespace) -> int:
    """What data sets hold, from their indexes."""
    from model.datasets.folder import contents, open_data_set

    result = {"sets": [contents(open_data_set(folder)) for folder in existing(arguments.folders)]}
    report(arguments, result, text.data_sets)
    return 0


def check(arguments: argparse.Namespace) -> int:
    """1 where something is wrong with a data set."""
    from model.datasets.folder import check as problems_of
    from model.datasets.folder import open_data_set, shared_patients

    sets = [open_data_set(folder) for folder in existing(arguments.folders)]
    problems = [problem for each in sets for problem in problems_of(each, _count)]
    problems += shared_patients(sets)
    progress("")
    result = {"samples": sum(map(len, sets)), "problems": problems}
    report(arguments, result, lambda _: "\n".join(problems) or f"{result['samples']} samples, nothing wrong.")
    return 1 if problems else 0


def index(arguments: argparse.Namespace) -> int:
    """Index a folder of samples."""
    from model.datasets.convert import summary
    from model.datasets.folder import index_folder

    made = index_folder(existing([arguments.folder])[0], _count)
    progress("")
    report(arguments, summary(made), text.data_made)
    return 0


def _count(done: int, total: int) -> None:
    progress(f"{done} of {total} samples")


def _convert(arguments: argparse.Namespace, source: Any, *, renew: bool = False) -> int:
    """Make the data set; 1 where an item was skipped."""
    from model.datasets.convert import convert, summary

    workers = min(arguments.workers, os.cpu_count() or 1)
    try:
        made = convert(
            source,
            arguments.out,
            workers=workers,
            on_progress=lambda now: progress(text.pace(now.done, now.total, now.skipped, now.left_s)),
            renew=renew,
        )
    except KeyboardInterrupt:
        progress("")
        print(f"What is done is in {arguments.out.name}; the same command goes on with it.", file=sys.stderr)
        raise
    progress("")
    result = summary(made)
    report(arguments, result, text.data_made)
    _tell("skipped", result["skipped"])
    _tell("note", result["notes"])
    return 1 if result["skipped"] else 0


def _tell(word: str, told: Sequence[dict[str, str]]) -> None:
    """What was left out, on stderr; all of it stands in the index."""
    for each in told[:_MOST_LINES]:
        print(f"pterion: {word}: {each['item']}: {each['text']}", file=sys.stderr)
    if len(told) > _MOST_LINES:
        print(f"pterion: {word}: {len(told) - _MOST_LINES} more; index.json names them all", file=sys.stderr)


def salt() -> str:
    """The user's secret that pseudonyms of patients are made with; drawn when first needed, and then kept."""
    import secrets

    from viewer.dicom.files import file_error
    from viewer.resources import data_dir

    path = data_dir() / "pseudonym-salt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="ascii") as file:
            path.chmod(0o600)
            file.write(secrets.token_hex(16))
    except FileExistsError:
        pass
    except OSError as error:
        raise file_error(error, f"Writing {path.name}") from error
    kept = path.read_text("ascii").strip()
    if len(kept) != 32:
        raise PterionError(f"{path} is damaged. Remove it; pseudonyms will then differ from earlier ones.")
    return kept


def mapped(words: str) -> tuple[str, str]:
    """`SEGMENT=CODE` for argparse."""
    name, _, code = words.rpartition("=")
    known = {each.casefold(): each for each in (*CODES, "unknown", "ignore")}
    if not name or code.casefold() not in known:
        raise argparse.ArgumentTypeError(
            f"must be SEGMENT=CODE with a code among {', '.join(known.values())}, got {words}"
        )
    return name, known[code.casefold()]


def window(words: str) -> tuple[str, tuple[float, float]]:
    """`FOLDER=LEVEL/WIDTH` for argparse."""
    try:
        name, _, numbers = words.partition("=")
        level, width = (float(part) for part in numbers.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be FOLDER=LEVEL/WIDTH, got {words}") from None
    if not name or not width > 0:
        raise argparse.ArgumentTypeError(f"needs a folder and a positive width, got {words}")
    return name, (level, width)


def shard(words: str) -> tuple[int, int]:
    """`I/N` for argparse."""
    try:
        number, shares = (int(part) for part in words.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be I/N, like 2/8, got {words}") from None
    if not 1 <= number <= shares:
        raise argparse.ArgumentTypeError(f"I must be from 1 to N, got {words}")
    return number, shares
