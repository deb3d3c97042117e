"""What a reader opens → the files to read: folders, single files, ZIP archives, DICOMDIRs, slow discs."""

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from model.errors import Cancelled, PterionError
from viewer.dicom.cache import Cache, default_cache, key_of
from viewer.dicom.dicomdir import is_dicomdir, read_dicomdir
from viewer.dicom.files import LONG_WINDOWS_PATH, extended, file_error, plain, reachable
from viewer.dicom.media import slow
from viewer.dicom.series import Stamp, stamp_of
from viewer.dicom.zips import Limits, Password, Unpacking, is_zip, worth

Progress = Callable[[str, int, int], None]
"""(`Unpacking a.zip`, bytes done, bytes in all), from the thread that scans."""

_DICOMDIR = "dicomdir"
_PROBED = 24
_MISSING_MAX = 50
_HEAD = 132
_ARCHIVES = (
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (257, b"ustar", "a tar archive"),
    (0x8001, b"CD001", "a disc image"),
)


@dataclass
class Sources:
    """What to open, and what was found wrong with it on the way.

    password: asked for protected archives; without it they are an error. damaged: (name, reason) of files that
    are missing or cannot be unpacked. cache: where unpacked and copied files go, by default one for the process,
    which goes with it.
    """

    roots: Sequence[Path]
    password: Password | None = None
    cancelled: Callable[[], bool] = lambda: False
    progress: Progress = lambda _what, _done, _total: None
    cache: Cache | None = None
    limits: Limits = field(default_factory=Limits)
    damaged: list[tuple[str, str]] = field(default_factory=list)

    def files(self) -> Iterator[Path]:
        """All files to look at, each once, as they are found, unpacked or copied.

        Raises PterionError where a root is missing, refuses, or cannot be unpacked; Cancelled.
        """
        seen: set[str] = set()
        for path in self._every():
            name = os.path.normcase(path)
            if name not in seen:
                seen.add(name)
                yield path

    def _every(self) -> Iterator[Path]:
        """The files of all roots; single files of one folder are taken together, for they may lie on a disc."""
        singles: list[Path] = []
        for root in map(reachable, self.roots):
            found = self._opened(root)
            if found is None and (not singles or singles[0].parent == root.parent):
                singles.append(root)
                continue
            if singles:
                yield from self._local(singles[0].parent, iter(singles))
            singles = [root] if found is None else []
            yield from found or ()
        if singles:
            yield from self._local(singles[0].parent, iter(singles))

    def _opened(self, root: Path) -> Iterator[Path] | None:
        """The files of one root, None if it is a file like any other."""
        try:
            kind = root.stat().st_mode
            if stat.S_ISDIR(kind):
                os.scandir(extended(root)).close()
                return self._local(root, self._below(root))
        except OSError as error:
            raise file_error(error, f"Opening {root.name or root}") from error
        if not stat.S_ISREG(kind):
            return iter(())
        try:
            if is_zip(root):
                return self._zip(root)
            if is_dicomdir(root):
                return self._local(root.parent, iter(self._listed(root)))
            _refuse_archive(root)
        except OSError:
            return None  # the reader says why, and goes on with the other files
        return None

    def _below(self, folder: Path) -> Iterator[Path]:
        """Regular files under a folder, sorted within each, archives unpacked; links to folders are not followed."""
        directories: list[Path] = []
        waiting = [extended(folder)]
        while waiting:
            parent = waiting.pop()
            place = plain(parent)
            folders: list[str] = []
            for entry in self._entries(parent):
                name = entry.name
                plain_name = name.casefold()
                path = place / name if len(parent) + len(name) < LONG_WINDOWS_PATH - 8 else plain(entry.path)
                if _is(entry.is_dir):
                    folders += [] if entry.is_symlink() else [entry.path]
                    continue
                if plain_name == _DICOMDIR:
                    directories.append(path)
                if not _is(entry.is_file):
                    continue
                if plain_name.endswith(".zip") and _begins_as_zip(path):
                    yield from self._zip_within(path)
                else:
                    yield path
            waiting += reversed(folders)
        for path in directories:  # last: it takes 0.1 ms a file, and the first study shall not wait for it
            self._note_missing(path)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        """What lies in a folder, by name; a folder that cannot be listed is noted."""
        try:
            with os.scandir(folder) as found:
                return sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self.damaged.append((Path(folder).name, str(file_error(error, "Opening the folder"))))
            return []

    def _zip_within(self, path: Path) -> Iterator[Path]:
        """The contents of an archive found on the way; one that cannot be opened does not stop the others."""
        try:
            yield from self._zip(path)
        except OSError as error:
            self.damaged.append((path.name, str(file_error(error, "Opening it"))))
        except PterionError as error:
            self.damaged.append((path.name, str(error)))

    def _zip(self, path: Path) -> Iterator[Path]:
        """What an archive holds, from the cache where it was unpacked before."""
        cache = self.cache = self.cache or default_cache()
        key = key_of(path)
        ready = cache.find(key)
        if ready is None:
            ready = cache.make()
            cache.note_origin(ready, path.absolute())
            unpacking = Unpacking(
                archive=path,
                folder=ready,
                password=self.password,
                cancelled=self.cancelled,
                progress=lambda done, total: self.progress(f"Unpacking {path.name}", done, total),
                room=cache.room,
                limits=self.limits,
                damaged=self.damaged,
            )
            try:
                yield from unpacking.run()
            except BaseException:
                cache.drop(ready)
                raise
            cache.keep(key, ready)
        else:
            yield from (file for file in sorted(ready.rglob("*")) if file.is_file())
        for directory in ready.rglob("*"):
            if directory.name.casefold() == _DICOMDIR:
                self._note_missing(directory)

    def _listed(self, path: Path) -> tuple[Path, ...]:
        """The files that a DICOMDIR names; those that are missing are noted."""
        directory = read_dicomdir(path)
        self._note(directory.missing)
        return directory.found

    def _note_missing(self, path: Path) -> None:
        """Note what a DICOMDIR met on the way names and is not there; a damaged one is none of our business."""
        try:
            self._note(read_dicomdir(path).missing)
        except PterionError:
            return

    def _note(self, missing: Sequence[str]) -> None:
        self.damaged += [
            (name, "the DICOMDIR names it, but it is missing") for name in missing[:_MISSING_MAX]
        ]
        if len(missing) > _MISSING_MAX:
            self.damaged.append((f"{len(missing) - _MISSING_MAX} more files", "missing as well"))

    def _local(self, folder: Path, files: Iterator[Path]) -> Iterator[Path]:
        """`files`, copied to the cache first where they lie on a slow medium and the disk has room."""
        first = list(islice(files, _PROBED))
        if not slow(folder, first):
            yield from first
            yield from files
            return
        every = [*first, *files]
        total = sum(size for size, _ in map(_stamp, every))
        cache = self.cache = self.cache or default_cache()
        if not cache.room(total):
            yield from every
            return
        yield from copied(every, folder, cache, total=total, progress=self.progress, cancelled=self.cancelled)


def copied(
    files: Sequence[Path],
    folder: Path,
    cache: Cache,
    *,
    total: int,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> Iterator[Path]:
    """`files` of a folder as copies in the cache, each as soon as it is there; those that are no DICOM as they are.

    A file that cannot be copied is left to the reader, who will say why. Raises Cancelled.
    """
    key = _fingerprint(files)
    goal = cache.find(key)
    if goal is None:
        goal = cache.make()
    done, what = 0, f"Copying from {folder.name or folder}"
    for number, path in enumerate(files):
        if cancelled():
            raise Cancelled
        copy = goal / f"{number // 1000:03d}" / f"{number:06d}-{path.name[-60:]}"
        try:
            if not copy.exists():
                _copy(path, copy)
            done += path.stat().st_size
            progress(what, done, total)
            cache.note_origin(copy, path.absolute())
            yield copy if copy.exists() else path
        except OSError:
            copy.unlink(missing_ok=True)
            yield path
    cache.keep(key, goal)


def _fingerprint(files: Sequence[Path]) -> str:
    """A key that differs where another disc is in the drive, although its files may be as many and as large."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.absolute()}|{_stamp(path)}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _is(asked: Callable[[], bool]) -> bool:
    """What the system says of an entry; no where it cannot say."""
    try:
        return asked()
    except OSError:
        return False


def _begins_as_zip(path: Path) -> bool:
    """Whether a file is the archive that its name promises; one that cannot be opened is left to the reader."""
    try:
        return is_zip(path)
    except OSError:
        return False


def _stamp(path: Path) -> Stamp:
    """Size and time of a file; nothing where it has vanished, which whoever reads it says."""
    return stamp_of(path) or (0, 0)


def _copy(path: Path, copy: Path) -> None:
    """Copy what may be DICOM, whole or not at all. Raises OSError."""
    with path.open("rb") as source:
        head = source.read(_HEAD)
        if not worth(head) or head.startswith(b"PK"):
            return
        copy.parent.mkdir(exist_ok=True)
        part = copy.with_name(f".{copy.name}")
        with part.open("wb") as target:
            target.write(head)
            shutil.copyfileobj(source, target, 1 << 20)
    os.replace(part, copy)


def _refuse_archive(path: Path) -> None:
    """Raise PterionError for an archive that is no ZIP; OSError."""
    with path.open("rb") as file:
        for offset, magic, what in _ARCHIVES:
            file.seek(offset)
            if file.read(len(magic)) == magic:
                text = f"{path.name} is {what}, which Pterion does not open. Unpack it and open its folder."
                raise PterionError(text, code="NOT_DICOM")
