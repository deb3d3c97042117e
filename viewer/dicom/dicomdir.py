"""DICOMDIR: the list of the files on a disc (PS3.10 8, PS3.3 F), whatever its own name."""

import os
from dataclasses import dataclass
from pathlib import Path

from viewer.dicom.guard import dicom_file, read_dataset

CLASS = "1.2.840.10008.1.3.10"
_HEAD = 4096


@dataclass(frozen=True)
class Directory:
    """Files that a DICOMDIR names: those that are there, and the names of those that are not."""

    found: tuple[Path, ...]
    missing: tuple[str, ...]


def is_dicomdir(path: Path) -> bool:
    """Whether a file is a DICOMDIR, told by what it holds. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    at = head.find(b"\x02\0\x02\0UI", 132)
    if head[128:132] != b"DICM" or at < 0:
        return False
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + length].strip(b" \0") == CLASS.encode("ascii")


def read_dicomdir(path: Path) -> Directory:
    """The files that a DICOMDIR names, looked for without regard to case, version and extension.

    References that leave its folder count as missing. Raises PterionError where it cannot be read.
    """
    folder = _Folder(path.parent)
    found: dict[Path, None] = {}
    missing: dict[str, None] = {}
    for parts in references(path):
        file = folder.find(parts)
        if file is not None:
            found[file] = None
        else:
            missing["/".join(parts)] = None
    return Directory(tuple(found), tuple(missing))


def references(path: Path) -> list[tuple[str, ...]]:
    """ReferencedFileID of every record in use, as components of relative paths, in the file's order."""
    with dicom_file(path, f"The directory {path.name} is damaged. Open the folder that it lies in.") as file:
        records = read_dataset(file, path).get("DirectoryRecordSequence") or []
        named = []
        for record in records:
            value = record.get("ReferencedFileID")
            if value and record.get("RecordInUseFlag") != 0:
                named.append((value,) if isinstance(value, str) else tuple(map(str, value)))
    # One component each is the rule; some writers put the whole path into one, with either slash.
    return [tuple(p for part in parts for p in part.replace("\\", "/").split("/") if p) for parts in named]


class _Folder:
    """Looks files up below a folder, each folder on the way listed once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[Path, dict[str, str]] = {}

    def find(self, parts: tuple[str, ...]) -> Path | None:
        """The file at a relative path, or None where there is none or the path leads out of the folder."""
        if not parts or any(part in (".", "..") or ":" in part for part in parts):
            return None
        path = self._root
        for part in parts:
            name = self._name_in(path, part)
            if name is None:
                return None
            path = path / name
        return path if path.is_file() else None

    def _name_in(self, folder: Path, name: str) -> str | None:
        """The real name of an entry: as given, in another case, with a version (`;1`), with an extension."""
        names = self._listed.get(folder)
        if names is None:
            names = self._listed[folder] = _listing(folder)
        wanted = _plain(name)
        if wanted in names:
            return names[wanted]
        longer = [real for plain, real in names.items() if plain.rpartition(".")[0] == wanted]
        return longer[0] if len(longer) == 1 else None


def _listing(folder: Path) -> dict[str, str]:
    """Entries of a folder by their plain name; none where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {_plain(entry.name): entry.name for entry in entries}
    except OSError:
        return {}


def _plain(name: str) -> str:
    """A name without what tells apart how systems show the files of a disc: case, version, closing dot."""
    return name.casefold().partition(";")[0].rstrip(". ")
