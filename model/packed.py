"""A version as one .zip file, to move it to another computer; nothing in it is run, and nothing lands outside."""

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import ModelFileError
from model.registry import FILES, INFO, MAX_FILE_BYTES, verify

_MOST_RATIO = 200
"""Most that a file may grow when it is unpacked; more is taken for a trap."""


def pack(folder: Path, out: Path) -> None:
    """Write a version folder as `out`, whole or not at all. Raises ModelFileError."""
    info = verify(folder)
    if out.exists():
        raise ModelFileError(f"{out.name} exists already. Choose another name.")
    try:
        handle, temporary = tempfile.mkstemp(dir=out.parent, prefix=f".{out.stem}-", suffix=".zip")
        try:
            with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in (INFO, *info["files"]):
                    archive.write(folder / name, f"{info['id']}/{name}")
            os.replace(temporary, out)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise ModelFileError(
            f"{out.name} cannot be written ({error.strerror}). Free some space or choose another folder."
        ) from error


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The version folder in a .zip, for as long as the block runs. Raises ModelFileError for anything else."""
    with tempfile.TemporaryDirectory(prefix="pterion-model-") as temporary:
        try:
            with path.open("rb") as file, zipfile.ZipFile(file) as archive:
                folder = _unpack(archive, Path(temporary), path.name)
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            NotImplementedError,
            EOFError,
            ValueError,
        ) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ModelFileError(
                f"{path.name} is no model that Pterion wrote ({reason}). Export it again."
            ) from error
        yield folder


def _unpack(archive: zipfile.ZipFile, into: Path, name: str) -> Path:
    """One folder with the files of a version, judged by their names and sizes before anything is read."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    parts = [member.filename.split("/") for member in members]
    heads = {part[0] for part in parts}
    known = all(len(part) == 2 and part[1] in FILES for part in parts)
    if (
        len(heads) != 1
        or not known
        or len({part[-1] for part in parts}) != len(parts)
        or {"", ".", ".."} & heads
    ):
        raise ModelFileError(f"{name} is no model that Pterion wrote: it holds other files. Export it again.")
    folder = into / "version"
    folder.mkdir()
    for member, (_, file_name) in zip(members, parts, strict=True):
        if member.file_size > min(MAX_FILE_BYTES, _MOST_RATIO * max(member.compress_size, 1 << 12)):
            raise ModelFileError(f"{file_name} in {name} is larger than any model's. Do not use it.")
        with archive.open(member) as source, (folder / file_name).open("wb") as target:
            shutil.copyfileobj(source, target)
    return folder
