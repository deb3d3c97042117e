"""What a built Pterion promises: how soon its window is up with none of its files in memory, and its size on disk.

`PTERION_BUILT` names the folder; without it, that which `packaging/build.py` leaves in the checkout.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from model.errors import PterionError
from viewer.bench.rows import Promise

PROMISES = (
    Promise("H.window_cold", "s", 2.5, "built program: window up, its files not in memory"),
    Promise("H.folder", "MB", 700, "built program on disk, with training"),
)
PROBES = (("packaged", tuple(promise.name for promise in PROMISES), None),)
TIMEOUT_S = 200


def built() -> Path:
    """The built folder. Raises PterionError where there is none."""
    named = os.environ.get("PTERION_BUILT")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "build" / "dist" / "pterion"
    if not (folder / program_name()).is_file():
        raise PterionError(
            f"There is no built program in {folder.name}. packaging/build.py makes one; PTERION_BUILT names another.",
            code="NOT_FOUND",
        )
    return folder


def program_name() -> str:
    """What the program is called in its folder."""
    return "pterion.exe" if sys.platform == "win32" else "pterion"


def packaged(_: Path) -> dict[str, float]:
    """Start it as a user would; it says itself when its window was painted first."""
    folder = built()
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    for path in files:
        forget(path)
    command = [
        str(folder / program_name()),
        "-P",
        "-m",
        "viewer.bench.child",
        "window",
        str(time.monotonic()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PterionError(f"the built program did not start: {reason}", code="BENCH")
    return {"H.window_cold": json.loads(done.stdout.splitlines()[-1])["A.window_up"], "H.folder": size_mb}


def forget(path: Path) -> None:
    """Let the system drop a file from its memory, where it can be asked to."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


CHILD = {"packaged": packaged}
