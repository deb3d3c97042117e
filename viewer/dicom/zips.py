"""ZIP archives, unpacked for reading: nested ones, protected ones, and none that would fill the disk.

Names in an archive never decide where a file is written: `..`, drives, links and absolute paths lead nowhere.
"""

import lzma
import os
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import cast

from model.errors import Cancelled, PterionError
from viewer.dicom.files import file_error

Password = Callable[[str, bool], str | None]
"""(name of the archive, whether the last answer was wrong) → the password, or None to give up."""

VARIABLE = "PTERION_ZIP_PASSWORD"

_CHUNK = 1 << 20
_HEAD = 132
_TRIES = 5
_AES, _DEFLATE64 = 99, 9
_SMALL = 1 << 30
_DIRECTORY_MAX = 32 << 20
_PART_MAX, _PARTS_MAX = 80, 12
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """What an archive may become before it is refused.

    depth: archives within archives. ratio: bytes unpacked for each byte of the archive, counted beyond the first
    GB, because empty slices do shrink a thousandfold.
    """

    bytes: int = 64 << 30
    files: int = 200_000
    depth: int = 4
    ratio: int = 250


@dataclass
class Unpacking:
    """One archive, with those in it, being unpacked into `folder`.

    room: whether the disk takes that many bytes more. damaged: gets (name, reason) of members that cannot be
    read. progress: told (bytes unpacked, bytes announced).
    """

    archive: Path
    folder: Path
    password: Password | None = None
    cancelled: Callable[[], bool] = lambda: False
    progress: Callable[[int, int], None] = lambda _done, _total: None
    room: Callable[[int], bool] = lambda _: True
    limits: Limits = field(default_factory=Limits)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    written: int = 0
    announced: int = 0
    files: int = 0
    _taken: set[str] = field(default_factory=set)
    _known: list[bytes] = field(default_factory=list)

    def run(self) -> Iterator[Path]:
        """Unpack what may be DICOM, file by file.

        Raises PterionError where the archive is damaged, protected, encrypted in a way we cannot read, or beyond
        the limits; Cancelled.
        """
        yield from self._open(self.archive, self.archive.name, 1)

    def _open(self, path: Path, name: str, depth: int) -> Iterator[Path]:
        try:
            check_directory(path, self.limits)
            with _archive(path) as opened:
                members = [info for info in opened.infolist() if not info.filename.endswith("/")]
                self.announced += sum(info.file_size for info in members)
                for info in members:
                    if self.cancelled():
                        raise Cancelled
                    yield from self._member(opened, info, name, depth)
        except OSError as error:
            raise file_error(error, f"Unpacking {name}") from error
        except _broken() as error:
            text = f"{name} is damaged and cannot be unpacked. Copy or download it again."
            raise PterionError(text, code="BAD_ARCHIVE") from error

    def _member(
        self, opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, depth: int
    ) -> Iterator[Path]:
        """One member: itself where it may be DICOM, its contents where it is an archive."""
        self.files += 1
        if self.files > self.limits.files:
            text = f"{self.archive.name} holds more than {self.limits.files} files. Unpack it and open its folder."
            raise PterionError(text, code="ARCHIVE_LIMIT")
        inner = PurePosixPath(member_name(info)).name or "file"
        why = _unreadable(info)
        if why and info.flag_bits & 1:
            text = (
                f"{name} is encrypted with {why}, which Pterion does not read. Unpack it and open its folder."
            )
            raise PterionError(text, code="ENCRYPTION")
        if why:
            self.damaged.append((inner, f"it is compressed with {why}, which cannot be read"))
            return
        path = self.folder / place(member_name(info), self._taken)
        try:
            nested = self._extract(opened, info, name, path)
        except _broken():
            path.unlink(missing_ok=True)
            self.damaged.append((inner, "it is damaged in the archive"))
            return
        if nested is None:
            return
        if not nested:
            yield path
        elif depth >= self.limits.depth:
            path.unlink()
            self.damaged.append((inner, f"archives are nested deeper than {self.limits.depth}"))
        else:
            yield from self._nested(path, inner, depth)

    def _nested(self, path: Path, name: str, depth: int) -> Iterator[Path]:
        """The contents of an archive in the archive, which is removed afterwards."""
        try:
            yield from self._open(path, name, depth + 1)
        except PterionError as error:
            if error.code != "BAD_ARCHIVE":
                raise
            self.damaged.append((name, "it is a damaged archive"))
        finally:
            path.unlink(missing_ok=True)

    def _extract(self, opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, path: Path) -> bool | None:
        """Write a member to `path`; whether it is an archive, None (and nothing written) if it is of no use."""
        password = self._password_for(opened, info, name) if info.flag_bits & 1 else None
        with opened.open(info, pwd=password) as source:
            head = source.read(_HEAD)
            if not worth(head):
                return None
            if not self.room(info.file_size):
                text = f"The disk has no room for the contents of {self.archive.name}. Free some space."
                raise PterionError(text, code="DISK_FULL")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as target:
                chunk = head
                while chunk:
                    self._count(len(chunk))
                    target.write(chunk)
                    if self.cancelled():
                        raise Cancelled
                    chunk = source.read(_CHUNK)
        return head.startswith(b"PK\x03\x04")

    def _count(self, count: int) -> None:
        """Take note of bytes about to be written. Raises PterionError beyond the limits."""
        self.written += count
        size = max(self.archive.stat().st_size, 1)
        if self.written > self.limits.bytes:
            limit = f"{self.limits.bytes / 2**30:.3g} GB"
            text = f"{self.archive.name} unpacks to more than {limit}. Unpack it and open the folder of one study."
            raise PterionError(text, code="ARCHIVE_LIMIT")
        if self.written > _SMALL and self.written > self.limits.ratio * size:
            text = f"{self.archive.name} unpacks to far more than any study would; it looks made to fill the disk."
            raise PterionError(f"{text} Ask where it came from.", code="ARCHIVE_LIMIT")
        self.progress(self.written, max(self.announced, self.written))

    def _password_for(self, opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
        """A password that opens a member, asked for until it does. Raises PterionError, Cancelled."""
        for known in self._known:
            if _fits(opened, info, known):
                return known
        wrong, ask = False, self.password or _from_environment
        for _ in range(_TRIES):
            answer = ask(name, wrong)
            if answer is None and self.password is None:
                break
            if answer is None:
                raise Cancelled
            for candidate in _encodings(answer):
                if _fits(opened, info, candidate):
                    self._known.append(candidate)
                    return candidate
            wrong = True
        text = (
            "is protected, and the password does not open it." if wrong else "is protected with a password."
        )
        raise PterionError(f"{name} {text} Ask whoever sent it for the password.", code="PASSWORD")


def _from_environment(_name: str, wrong: bool) -> str | None:
    """The password for archives that the command line opens."""
    return None if wrong else os.environ.get(VARIABLE)


def is_zip(path: Path) -> bool:
    """Whether a file begins as a ZIP archive does. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def worth(head: bytes) -> bool:
    """Whether a file that begins so may be DICOM, a DICOMDIR or an archive."""
    if head[128:132] == b"DICM" or head.startswith(b"PK\x03\x04"):
        return True
    return (
        len(head) >= 16 and head[0] in (2, 8) and head[1] == 0 and head[3] == 0 and head[2] != head[0] + 255
    )


def member_name(info: zipfile.ZipInfo) -> str:
    """A member's name; names written in UTF-8 without saying so, as many tools do, are mended."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def place(name: str, taken: set[str]) -> PurePosixPath:
    """A relative path for a member that is safe on every system and not in `taken` yet, to which it is added."""
    parts = [part for part in re.split(r"[/\\]+", name) if part not in ("", ".", "..")]
    safe = [_safe(part) for part in parts][-_PARTS_MAX:] or ["file"]
    path, number = PurePosixPath(*safe), 1
    while str(path).casefold() in taken:
        number += 1
        path = PurePosixPath(*safe[:-1], f"{number}-{safe[-1]}")
    taken.add(str(path).casefold())
    return path


def _safe(part: str) -> str:
    """A path component without what some system forbids, of at most 80 bytes, its end kept."""
    clean = re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", part).strip(" .") or "_"
    if _RESERVED.match(clean):
        clean = f"_{clean}"
    data = clean.encode("utf-8", "replace")
    return data[-_PART_MAX:].decode("utf-8", "ignore").lstrip(" .") or "_"


def _archive(path: Path) -> zipfile.ZipFile:
    """An open archive; by pyzipper where members are encrypted with AES, which zipfile does not know."""
    opened = zipfile.ZipFile(path)
    if all(info.compress_type != _AES for info in opened.infolist()):
        return opened
    opened.close()
    import pyzipper

    return cast(zipfile.ZipFile, pyzipper.AESZipFile(path))


def _broken(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """What zipfile, its copy in pyzipper and the decompressors raise for damaged archives, and `more`."""
    kinds = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, ValueError, IndexError)
    copy = sys.modules.get("pyzipper")
    return (*kinds, *more, copy.BadZipFile) if copy is not None else (*kinds, *more)


def _unreadable(info: zipfile.ZipInfo) -> str:
    """How a member is packed, if in a way that cannot be read."""
    if info.flag_bits & 0x40:
        return "strong encryption"
    if info.compress_type == _DEFLATE64:
        return "Deflate64"
    known = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return "" if info.compress_type in known else f"method {info.compress_type}"


def _encodings(password: str) -> list[bytes]:
    """A password as the bytes that different tools make of it."""
    made = []
    for encoding in ("utf-8", "cp437", "cp1252"):
        try:
            made.append(password.encode(encoding))
        except UnicodeError:
            continue
    return list(dict.fromkeys(made))


def _fits(opened: zipfile.ZipFile, info: zipfile.ZipInfo, password: bytes) -> bool:
    """Whether a password opens a member: the check byte, then (it fits by chance once in 256) the contents."""
    try:
        with opened.open(info, pwd=password) as member:
            if info.file_size <= 16 * _CHUNK:
                while member.read(_CHUNK):
                    pass
            else:
                member.read(_CHUNK)
    except _broken(RuntimeError, OSError):
        return False
    return True


def check_directory(path: Path, limits: Limits) -> None:
    """Raise PterionError where the archive's directory alone would fill the memory; OSError.

    zipfile reads it whole before anything can be asked, so its end record (APPNOTE 4.3.16) is read first.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - (1 << 16) - 22, 0))
        tail = file.read()
        end = tail.rfind(b"PK\x05\x06")
        if end < 0 or end + 22 > len(tail):
            raise zipfile.BadZipFile
        count, length = struct.unpack_from("<HI", tail, end + 10)
        locator = end - 20
        if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
            file.seek(struct.unpack_from("<Q", tail, locator + 8)[0])
            record = file.read(56)
            if record[:4] == b"PK\x06\x06" and len(record) == 56:
                count, length = struct.unpack_from("<QQ", record, 32)
    if count > limits.files or length > _DIRECTORY_MAX:
        text = f"{path.name} lists more than {limits.files} files. Unpack it and open its folder."
        raise PterionError(text, code="ARCHIVE_LIMIT")
