"""A folder for what is unpacked or copied to be read; it goes when the process ends, however it ends."""

import os
import shutil
import tempfile
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from viewer.dicom.files import extended, file_error
from viewer.dicom.series import Study

PREFIX = "pterion-open-"
_LOCK_NAME = ".in-use"
_RESERVE = 512 << 20
_HOUR = 3600.0


class Cache:
    """Folders by key below one temporary folder that only this user can read.

    root: where to make it; by default a place on disk, not in memory, where the system has one.
    What processes that were killed left behind is removed on the way. `close` removes all; so does the end of
    the process. Raises PterionError where no folder can be made.
    """

    def __init__(self, root: Path | None = None) -> None:
        root = root or _default_root()
        try:
            root.mkdir(parents=True, exist_ok=True)
            sweep(root)
            self.folder, lock = _locked_folder(root)
        except OSError as error:
            raise file_error(error, "Making a temporary folder") from error
        self._taken: dict[str, Path] = {}
        self._origins: dict[Path, Path] = {}
        self._close = weakref.finalize(self, _remove, self.folder, lock)

    def __enter__(self) -> "Cache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, key: str) -> Path | None:
        """The finished folder of a key, or None."""
        return self._taken.get(key)

    def make(self) -> Path:
        """A new empty folder. Raises PterionError where the disk refuses."""
        try:
            return Path(tempfile.mkdtemp(dir=self.folder, prefix=""))
        except OSError as error:
            raise file_error(error, "Making a temporary folder") from error

    def keep(self, key: str, folder: Path) -> None:
        """Say that the folder made for a key is finished, so that it is used again."""
        self._taken[key] = folder

    def note_origin(self, path: Path, origin: Path) -> None:
        """Say which archive a folder of ours was unpacked from, or which file one of ours is a copy of."""
        self._origins[path] = origin

    def origin(self, path: Path) -> Path:
        """Where a file of ours came from; any other path is returned as it is."""
        for place in (path, *path.parents):
            if place in self._origins:
                return self._origins[place]
        return path

    def drop(self, folder: Path) -> None:
        """Remove a folder that was not finished."""
        shutil.rmtree(folder, ignore_errors=True)

    def room(self, needed: int) -> bool:
        """Whether the disk takes `needed` more bytes and has some left for everybody else."""
        return shutil.disk_usage(self.folder).free > needed + _RESERVE

    def close(self) -> None:
        """Remove everything."""
        self._close()


_default: list[Cache] = []


def default_cache() -> Cache:
    """The one that all scans of the process share, made when it is first needed."""
    if not _default or not _default[0].folder.is_dir():
        _default[:] = [Cache()]
    return _default[0]


def origin(path: Path) -> Path:
    """The archive, or the file on a slow disc, that a path in the process's cache stands for; else the path."""
    return _default[0].origin(path) if _default else path


def with_origins(study: Study) -> Study:
    """A study as it can be found again when the cache is gone: its slices lie in their archive or on their disc."""
    series = tuple(
        replace(one, slices=tuple(replace(place, path=origin(place.path)) for place in one.slices))
        for one in study.series
    )
    return replace(study, series=series)


def key_of(path: Path) -> str:
    """A key that changes when the file does. Raises OSError."""
    state = path.stat()
    return f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"


def sweep(root: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in root.glob(f"{PREFIX}*"):
        try:
            with (folder / _LOCK_NAME).open("r+b") as lock:
                abandoned = _try_lock(lock)
        except FileNotFoundError:
            abandoned = _old(folder)  # its maker was killed at once, or is just making it
        except OSError:
            abandoned = False  # another user's
        if abandoned:
            shutil.rmtree(folder, ignore_errors=True)


def _old(folder: Path) -> bool:
    """Whether a folder was made more than an hour ago."""
    try:
        return time.time() - folder.stat().st_mtime > _HOUR
    except OSError:
        return False


def _locked_folder(root: Path) -> tuple[Path, BinaryIO]:
    """A new folder and the lock that says it is in use. Raises OSError."""
    while True:
        folder = Path(extended(tempfile.mkdtemp(dir=root, prefix=PREFIX)))  # archives hold long paths
        lock = (folder / _LOCK_NAME).open("wb")
        if _try_lock(lock):
            return folder, lock
        lock.close()  # another process swept between the two lines above; it removes the folder


def _default_root() -> Path:
    """`PTERION_CACHE`, else /var/tmp (on Linux /tmp is often memory), else the system's temporary folder."""
    chosen = os.environ.get("PTERION_CACHE")
    if chosen:
        return Path(chosen)
    on_disk = Path("/var/tmp")
    if os.name == "posix" and on_disk.is_dir() and os.access(on_disk, os.W_OK):
        return on_disk
    return Path(tempfile.gettempdir())


def _try_lock(lock: BinaryIO) -> bool:
    """Lock an open file without waiting; whether nobody else had. The lock goes with the process."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(folder: Path, lock: BinaryIO) -> None:
    lock.close()
    shutil.rmtree(folder, ignore_errors=True)
