"""`current.json`: which version answers, which answered before, and what their owner calls them."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model.errors import ModelFileError

FORMAT = 1
CURRENT = "current.json"
LONGEST_NAME = 60
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True)
class Pointer:
    """What the file holds. None stands for the bundled version, so that an update of the program replaces it."""

    current: str | None = None
    history: tuple[str | None, ...] = ()
    promoted: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)


def check_id(version_id: object) -> str:
    """`version_id` where it can name a folder. Raises ModelFileError else (separators, `..`, over 64 characters)."""
    if not isinstance(version_id, str) or len(version_id) > 64 or not _ID.fullmatch(version_id):
        raise ModelFileError(
            f"{version_id!r} is not a model id. Ids hold up to 64 letters, digits, dots, dashes and underscores."
        )
    return version_id


def check_name(name: str) -> str:
    """`name` where it can be shown beside an id. Raises ModelFileError else."""
    if len(name) > LONGEST_NAME or any(not sign.isprintable() for sign in name):
        raise ModelFileError(
            f"A model's name is one line of at most {LONGEST_NAME} characters. Choose another."
        )
    return name.strip()


def read_pointer(folder: Path) -> tuple[Pointer, str]:
    """The pointer, and a sentence where its file cannot be used."""
    try:
        raw = json.loads((folder / CURRENT).read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise ValueError(f"format {raw['format']}")
        names = {check_id(version_id): check_name(name) for version_id, name in raw.get("names", {}).items()}
        for version_id in [raw["current"], *raw["history"], *raw["promoted"]]:
            if version_id is not None:
                check_id(version_id)
        return Pointer(raw["current"], tuple(raw["history"]), frozenset(raw["promoted"]), names), ""
    except FileNotFoundError:
        return Pointer(), ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ModelFileError) as error:
        return Pointer(), f"{CURRENT}, which says which model to use, cannot be read ({error})."


def write_pointer(folder: Path, state: Pointer) -> None:
    """Write the file whole or not at all. Raises ModelFileError."""
    raw = {
        "format": FORMAT,
        "current": state.current,
        "history": list(state.history),
        "promoted": sorted(state.promoted),
        "names": dict(state.names),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".current-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(raw, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, folder / CURRENT)
        finally:
            Path(temporary).unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise disk_error("The choice of the model could not be saved", error) from error


def sync_folder(folder: Path) -> None:
    """Make sure that a folder's entries are on the disk."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def disk_error(what: str, error: OSError) -> ModelFileError:
    """A sentence about a disk that takes no data."""
    return ModelFileError(
        f"{what}: {error.strerror or error}. Free some space or check the folder's permissions."
    )
