"""Whether files lie on a medium that is too slow to read slices from while one scrolls: a disc, a network."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_SLOW_TYPES = frozenset(
    {
        "iso9660",
        "udf",
        "hsfs",
        "cd9660",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "nfs",
        "nfs4",
        "afs",
        "afpfs",
    }
    | {"webdav", "davfs", "davfs2", "ncpfs", "fuse.sshfs", "fuse.davfs2", "fuse.gvfsd-fuse", "fuse.rclone"}
)
_WINDOWS_SLOW = {2: "a removable disk", 4: "a network drive", 5: "a disc"}
_PROBE_FILES, _PROBE_BYTES = 6, 128 << 10
_SLOW_SECONDS = 0.05  # discs and remote shares take longer, hard disks do not
_MOUNTS = Path("/proc/self/mountinfo")


def slow(folder: Path, files: Sequence[Path] = ()) -> bool:
    """Whether to copy what is in `folder` before it is read: by the kind of the mount, else by a measurement.

    files: some of its files, a few of which are read for the measurement.
    """
    kind = mount_type(folder)
    if kind in _SLOW_TYPES:
        return True
    if sys.platform == "win32":
        return _windows_drive(folder) in _WINDOWS_SLOW and seconds_a_file(files) > _SLOW_SECONDS / 10
    return seconds_a_file(files) > _SLOW_SECONDS


def mount_type(folder: Path) -> str:
    """Type of the file system that holds `folder`, empty where the system does not tell (Linux alone does)."""
    try:
        lines = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
        place = os.path.realpath(folder)
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = _unescaped(fields[4])
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, after.split(" ")[0]
    return kind


def seconds_a_file(files: Sequence[Path]) -> float:
    """How long opening a file and reading its first 128 KB takes, the median of a few; 0 without files."""
    step = max(len(files) // _PROBE_FILES, 1)
    times = []
    for path in list(files)[::step][:_PROBE_FILES]:
        begun = time.perf_counter()
        try:
            with path.open("rb", buffering=0) as file:
                file.read(_PROBE_BYTES)
        except OSError:
            continue
        times.append(time.perf_counter() - begun)
    return sorted(times)[len(times) // 2] if times else 0.0


def _unescaped(text: str) -> str:
    """A mount point with its octal escapes undone (proc(5))."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def _windows_drive(folder: Path) -> int:
    """GetDriveType of the drive that holds a folder; 0 elsewhere."""
    if sys.platform != "win32":
        return 0
    import ctypes

    text = str(folder.absolute())
    if text.startswith("\\\\"):
        return 4
    return int(ctypes.windll.kernel32.GetDriveTypeW(f"{folder.absolute().anchor}"))
