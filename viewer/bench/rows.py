"""The numbers that are promised: name, unit, budget, and how a measured one is written down."""

import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Promise:
    """A number that Pterion promises. `budget`: the most it may be, in `unit`; None where it is only reported.

    least: the budget is the least it may be.
    times: how many times as fast as the peer it has to be.
    """

    name: str
    unit: str
    budget: float | None
    text: str
    peer: str | None = None
    times: float | None = None
    least: bool = False

    def kept(self, value: float, peer_value: float | None) -> bool:
        """Whether a measured value keeps the promise."""
        if self.times is not None and (peer_value is None or peer_value < self.times * value):
            return False
        if self.budget is None:
            return True
        return value >= self.budget if self.least else value <= self.budget


PROMISES = (
    Promise("A.window_up", "s", 1.5, "from the command to the first paint of the window"),
    Promise("A.window_imports", "modules", 0, "torch, monai, SimpleITK, highdicom imported by then"),
    Promise("A.first_slice", "s", 0.5, "300 slices opened: the first on screen"),
    Promise(
        "A.all_slices", "s", 1.5, "300 slices opened in the window: all loaded", "SimpleITK series reader"
    ),
    Promise("A.load_memory", "× volume", 2.5, "peak above the idle window while they load"),
    Promise("A.read_all", "s", None, "300 slices scanned and read without a window", "pydicom pixel_array"),
    Promise("A.scroll_p99", "ms", 12, "a step through three linked views with masks"),
    Promise("A.score_40", "s", 4, "40 slices scored, model loaded, two threads"),
    Promise("A.score_first", "s", 0.6, "of them the slice on screen"),
    Promise("A.gui_late_p99", "ms", 30, "a 5 ms timer of the window while it scores"),
)


def row(promise: Promise, values: list[float], peer_values: list[float]) -> dict[str, Any]:
    """The row of `pterion bench --json` for one number: medians, and whether the budget is kept.

    `values` empty: it could not be measured; then value is None and `within` false.
    """
    value = median(values) if values else None
    peer_value = median(peer_values) if peer_values else None
    return {
        "name": promise.name,
        "value": value,
        "unit": promise.unit,
        "budget": promise.budget,
        "peer": promise.peer if peer_value is not None else None,
        "peer_value": peer_value,
        "ratio": value / peer_value if value is not None and peer_value else None,
        "within": value is not None and promise.kept(value, peer_value),
        "runs": len(values),
        "text": promise.text,
        **({"least": True} if promise.least else {}),
    } | ({} if promise.times is None else {"times_as_fast": promise.times})


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    packages = ("PySide6-Essentials", "numpy", "pydicom", "SimpleITK", "onnxruntime", "torch")
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "memory": memory(),
        "load": None if sys.platform == "win32" else round(os.getloadavg()[0], 2),
        "os": platform.platform(),
        "python": platform.python_version(),
        "display": os.environ.get("QT_QPA_PLATFORM") or os.environ.get("DISPLAY") or "offscreen",
        "versions": {name: version(name) for name in packages},
    }


def version(package: str) -> str | None:
    """Installed version of a package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def cpu() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory() -> str:
    """Physical memory, or `unknown`."""
    if sys.platform == "win32":
        return "unknown"
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
