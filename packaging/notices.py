"""The licences of everything in a built folder: of the Python packages, of the system's libraries, of Python itself.

Python packages carry theirs in their metadata, which the folder keeps. A library that was taken from the system is
looked up in Debian's package database; its copyright file comes along. Standard library only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

UNKNOWN = "unknown"
README = (
    "Pterion. Research use only. Not for diagnosis.\n\n"
    "Pterion itself: LICENSE.txt beside this folder (Apache-2.0).\n"
    "Python: python.txt here.\n"
    "Python packages: _internal/NAME-VERSION.dist-info; the window lists them under Help → Licences.\n"
    "Libraries of the system that this was built on: system/NAME.txt here, one file a package of Debian.\n\n"
    "Qt and PySide6 (LGPL-3.0) are linked dynamically: _internal/PySide6/Qt/lib holds Qt's libraries as they were\n"
    "published; another build of the same version may be put in their place. Their source is at\n"
    "https://download.qt.io/official_releases/qt/ and https://code.qt.io/cgit/pyside/pyside-setup.git.\n"
)


def notices(folder: Path) -> dict[str, str]:
    """Text by file name of what `licences/` in a built folder holds."""
    texts = {"README.txt": README, "python.txt": python_licence()}
    for package, libraries in sorted(system_packages(folder).items()):
        text = copyright_of(package)
        texts[f"system/{package}.txt"] = f"{', '.join(sorted(libraries))}\n\n{text}"
    return texts


def python_licence() -> str:
    """Python's licence, as the interpreter that builds carries it."""
    for place in (Path(sys.base_prefix), Path(sys.base_prefix) / "lib" / f"python3.{sys.version_info[1]}"):
        for name in ("LICENSE.txt", "LICENSE"):
            if (place / name).is_file():
                return (place / name).read_text(encoding="utf-8", errors="replace")
    return "Python Software Foundation License Version 2: https://docs.python.org/3/license.html\n"


def shared_objects(folder: Path) -> list[Path]:
    """Libraries at the top of `_internal`, where those of the system are put; links to packages' own are not meant."""
    inside = folder / "_internal"
    return sorted(path for path in inside.glob("*.so*") if path.is_file() and not path.is_symlink())


def system_packages(folder: Path) -> dict[str, set[str]]:
    """Names of libraries by the Debian package that they came from; those without one under `unknown`."""
    found: dict[str, set[str]] = {}
    for path in shared_objects(folder) if shutil.which("dpkg-query") else ():
        found.setdefault(package_of(path.name) or UNKNOWN, set()).add(path.name)
    found.pop(UNKNOWN, None)
    return found


def package_of(library: str) -> str | None:
    """The installed Debian package that owns a library of this name, None where there is none."""
    words = ["dpkg-query", "--search", f"*/{library}"]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    for line in said.splitlines():
        owner, _, path = line.partition(": ")
        if path.endswith(f"/{library}"):
            return owner.partition(":")[0]
    return None


def copyright_of(package: str) -> str:
    """A Debian package's copyright file."""
    path = Path("/usr/share/doc") / package / "copyright"
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"The copyright file of {package} was not installed on the machine that built this.\n"


def package_version(package: str) -> str:
    """The installed version of a Debian package."""
    words = ["dpkg-query", "--show", "--showformat", "${Version}", package]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout
