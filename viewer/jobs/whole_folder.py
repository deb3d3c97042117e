"""A folder of a DICOM series that appears whole or not at all, also when the program is killed meanwhile."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import PterionError
from viewer.dicom.files import file_error


def holds_series(folder: Path, slices: int) -> bool:
    """Whether `folder` holds as many DICOM files as the series has slices."""
    return folder.is_dir() and len(list(folder.glob("*.dcm"))) == slices


@contextmanager
def whole_folder(goal: Path) -> Iterator[Path]:
    """A new path to fill, which becomes the folder `goal` when the block ends without an error.

    Replaces what is left of an interrupted series. Raises PterionError where `goal` holds anything else, and
    where the operating system refuses.
    """
    occupied = next((path for path in (goal, *goal.parents) if path.exists() and not path.is_dir()), None)
    if occupied is not None:
        raise PterionError(f"{occupied.name} is a file. Choose a folder.", code="FILE_EXISTS")
    found = goal.iterdir() if goal.is_dir() else ()
    strangers = [path.name for path in found if not re.fullmatch(r"IM\d{4,}\.dcm|\..*", path.name)]
    if strangers:
        raise PterionError(
            f"The folder {goal.name} already holds {strangers[0]}. Choose another folder.", code="FILE_EXISTS"
        )
    # One name for each goal, so that what a killed run left is found and replaced.
    work = goal.parent / f".pterion-{goal.name}"
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        yield work / goal.name
        if goal.exists():
            goal.rename(work / "old")
        (work / goal.name).rename(goal)
    except OSError as error:
        raise file_error(error, f"Writing {goal.name}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
