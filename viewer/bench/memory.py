"""Memory of this process in bytes, by the means of each operating system."""

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def resident() -> int:
    """Physical memory held now; where only the peak is known, the peak so far."""
    return _status("VmRSS:") if STATUS.exists() else peak()


def reset_peak() -> None:
    """Let the peak begin at what is held now, where the system can."""
    if STATUS.exists():
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return  # not allowed in some containers; then the peak since the start counts


def peak() -> int:
    """The most physical memory that was ever held."""
    if STATUS.exists():
        return _status("VmHWM:")
    if sys.platform == "win32":
        return _windows_peak()
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024  # macOS counts bytes, the others kibibytes


def _status(field: str) -> int:
    """One line of /proc/self/status, which counts kibibytes."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(field))
    return int(value) * 1024


def _windows_peak() -> int:
    """PeakWorkingSetSize of PROCESS_MEMORY_COUNTERS (psapi.h): the second size after two 32-bit fields."""
    import ctypes

    counters = (ctypes.c_size_t * 9)()
    windll = ctypes.windll  # type: ignore[attr-defined, unused-ignore]
    process = ctypes.c_void_p(windll.kernel32.GetCurrentProcess())
    windll.psapi.GetProcessMemoryInfo(process, ctypes.byref(counters), ctypes.sizeof(counters))
    return int(counters[1])
