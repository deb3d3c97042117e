"""What this installation is, for the about box and for somebody who helps: versions, machine, numbers; no patient."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, qVersion
from PySide6.QtGui import QGuiApplication

import viewer
from model.errors import PterionError
from viewer.app.tasks import Tasks
from viewer.dicom.load import memory_bytes
from viewer.library.counts import counts
from viewer.licences import components
from viewer.preferences import Preferences
from viewer.session import Session

PACKAGES = ("numpy", "PySide6-Essentials", "pydicom", "imagecodecs", "onnxruntime", "torch")
LOG_LINES = 40
_LOG_FORM = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]{8,12} [A-Za-z_]\w* at [\w.:<> ]*$")
"""What `BugReporter` writes: a time, the kind of an error, places in the program. Nothing else is copied."""
_GPU = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")


def machine() -> list[str]:
    """The computer: system, processor, memory, graphics card."""
    lines = [
        f"System: {platform.system()} {platform.release()} ({platform.machine()})",
        f"Python: {platform.python_version()}",
        f"Processor: {os.cpu_count() or '?'} cores, {memory_bytes() / 2**30:.1f} GiB memory",
    ]
    return [*lines, *(f"GPU: {name}" for name in _gpus())]


def _gpus() -> list[str]:
    tool = shutil.which(_GPU[0])
    if tool is None:
        return ["none that the NVIDIA driver knows"]
    try:
        said = subprocess.run([tool, *_GPU[1:]], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ["the NVIDIA driver does not answer"]
    return [line.strip() for line in said.stdout.splitlines() if line.strip()]


def packages() -> list[str]:
    """The versions of what matters most."""
    from importlib.metadata import PackageNotFoundError, version  # slow, and seldom needed

    lines = []
    for name in PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} not installed")
    return lines


def library_lines(path: Path) -> list[str]:
    """How much the library holds, and how much room it has. Never where it is: folders name patients."""
    try:
        found = counts(path)
        free = shutil.disk_usage(path.parent).free
    except (PterionError, OSError):
        return ["Library: cannot be read"]
    rows = ", ".join(f"{number} {name}" for name, number in found.items() if name not in ("schema", "bytes"))
    size = f"{found['bytes'] / 2**20:.1f} MiB, {free / 2**30:.1f} GiB free"
    return [f"Library: schema {found['schema']}, {size}", f"  {rows}"]


def log_lines(path: Path) -> list[str]:
    """The last lines of the log that are of the one form it is written in."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - 64 * 1024, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ["  none"]
    return [f"  {line}" for line in lines if _LOG_FORM.match(line)][-LOG_LINES:] or ["  none"]


def preference_lines(preferences: Preferences) -> list[str]:
    """What differs from what Pterion ships, in one line; of the keys only how many."""
    shipped = Preferences()
    changed = [
        f"{name}={value}"
        for name, value in vars(preferences).items()
        if name != "bindings" and value != getattr(shipped, name)
    ]
    mine = preferences.bindings
    keys = f"keys {mine.profile}, {len(mine.keys)} keys and {len(mine.mouse)} mouse choices changed"
    return [f"Preferences: {', '.join([keys, *changed])}"]


def screens() -> list[str]:
    """The monitors and what Qt makes of them. GUI thread only."""
    platform_name = QGuiApplication.platformName()
    sizes = (
        f"{screen.size().width()}×{screen.size().height()} at {screen.devicePixelRatio():g}"
        for screen in QGuiApplication.screens()
    )
    return [f"Qt: {qVersion()} on {platform_name}", f"Screens: {', '.join(sizes)}"]


def series_lines(session: Session) -> list[str]:
    """What kind of series is open: numbers and codes, no names."""
    volume = session.volume
    if volume is None:
        return ["Open series: none"]
    series, shape = volume.series, "×".join(map(str, volume.hu.shape))
    notes = ", ".join(note.problem for note in series.notes) or "no problem noted"
    return [f"Open series: {shape}, transfer syntax {series.transfer_syntax}, {notes}"]


class Describing(QObject):
    """Answers for the about box and copies the diagnostics to the clipboard."""

    def __init__(self, session: Session, chores: Tasks, library: Path, log: Path, parent: QObject) -> None:
        """library, log: files that may be missing."""
        super().__init__(parent)
        self._session, self._chores = session, chores
        self._library, self._log = library, log
        session.diagnostics_requested.connect(self.copy)
        session.licences_requested.connect(self.list_licences)

    def list_licences(self) -> None:
        """Read the licences of everything, once."""
        if not self._session.licences:
            self._chores.ask("The licences cannot be read", components, self._session.set_licences)

    def copy(self) -> None:
        """Put the description into the clipboard and say so."""
        session = self._session
        seen = (
            f"Pterion {viewer.__version__} · diagnostics · research use only",
            *screens(),
            f"Model: {session.model_id or 'none'}, {len(session.models)} versions",
            *series_lines(session),
            *preference_lines(session.preferences),
        )

        def work() -> list[str]:
            return [*machine(), *packages(), *library_lines(self._library), "Log:", *log_lines(self._log)]

        self._chores.ask("The diagnostics cannot be copied", work, lambda found: self._tell((*seen, *found)))

    def _tell(self, lines: Iterable[str]) -> None:
        QGuiApplication.clipboard().setText("\n".join(lines) + "\n")
        text = "Versions, machine, sizes and the last errors; no patient and no path. Paste them where they are needed."
        self._session.notice("info", "Diagnostics copied", text)
