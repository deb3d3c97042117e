#!/usr/bin/env python3
"""Set Pterion up, open it, test it. Standard library only; the same on Linux, macOS and Windows.

    python3 packaging/start.py [PATH ...]        open PATH, or a simulated head CT where none is given
    python3 packaging/start.py test [-- ARGS]    run the whole suite; ARGS go to pytest

The packages go to `.venv` beside pyproject.toml, in the versions of `lock.txt`. A second run finds them there.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
UNFINISHED = VENV / "pterion-installing"
LOCKS = {"run": ["lock.txt"], "test": ["lock.txt", "lock-test.txt"]}

OLDEST, NEWEST = (3, 11), (3, 12)

# What Qt loads and its wheel does not carry, and where Debian and Ubuntu keep it.
LIBRARIES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}
# What single tests need; without it they skip.
TEST_PROGRAMS = {"Xvfb": "xvfb", "dciodvfy": "dicom3tools"}


class SetUpError(Exception):
    """The machine lacks something; the text says what and what to do."""


def main(argv: list[str]) -> int:
    """Set up, then run what `argv` asks for; its exit code, or 1 where the set-up failed."""
    if argv[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    kind = "test" if argv[:1] == ["test"] else "run"
    try:
        if not OLDEST <= sys.version_info[:2] <= NEWEST:
            return run([other_python(), str(Path(__file__).resolve()), *argv])
        install_system_packages(kind)
        if not is_ready(kind):
            install(kind)
    except SetUpError as error:
        print(f"\nPterion could not be set up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    if kind == "test":
        arguments = argv[1:]
        if arguments[:1] == ["--"]:
            arguments = arguments[1:]
        os.chdir(ROOT)
        workers = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "worksteal", "--durations", "10"]
        return run([str(PYTHON), "-m", "pytest", *workers, *arguments])  # `-n 0` in ARGS takes it back
    if not has_display():
        print(no_display_text(), file=sys.stderr)
        return 1
    # -P: a folder named `viewer` in the current directory must not be taken for Pterion's.
    return run([str(PYTHON), "-P", "-m", "viewer", "view", *(argv or ["--demo"])])


def run(command: list[str]) -> int:
    """Replace this process by `command` (on Windows: wait for it), so that signals reach it."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:
        return 130


def other_python() -> str:
    """Another Python on this machine that Pterion runs on. Raises SetUpError where there is none."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        for words in ([f"python3.{minor}"], ["py", f"-3.{minor}"]):  # `py` is Windows' launcher
            program = shutil.which(words[0])
            if program is None:
                continue
            ask = [program, *words[1:], "-c", "import sys; print(sys.executable)"]
            answer = subprocess.run(ask, capture_output=True, text=True, check=False)
            if answer.returncode == 0:
                return answer.stdout.strip()
    raise SetUpError(
        f"it needs Python 3.{OLDEST[1]} or 3.{NEWEST[1]}, and this is {sys.version.split()[0]}. "
        f"Install Python 3.{NEWEST[1]} (python.org or your package manager) and run this command with it."
    )


def has_display() -> bool:
    """Whether a window can be opened, or Qt was told to do without a screen."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def no_display_text() -> str:
    """What to do on a machine without a screen."""
    command = VENV / "bin" / "pterion"
    return (
        "Pterion is set up, but there is no display for its window (neither DISPLAY nor WAYLAND_DISPLAY is set).\n"
        "Log in with a desktop or with `ssh -X`, or work without a window:\n"
        f"  {command} index PATH          what a folder holds\n"
        f"  {command} score PATH          the model's scores and volumes\n"
        f"  {command} convert PATH OUT    HU and geometry as NIfTI or NPZ\n"
        f"  {command} --help              everything else"
    )


# ---------------------------------------------------------------------------------------------- system packages


def install_system_packages(kind: str) -> None:
    """Bring in what pip cannot. Raises SetUpError where something stays missing."""
    if not sys.platform.startswith("linux"):
        return
    needed = missing_packages()
    if needed:
        apt_install(needed, "Pterion needs")
        still = missing_packages()
        if still:
            raise SetUpError(
                f"these system packages are still missing: {' '.join(still)}. Install them and run again."
            )
    if kind == "test" and os.geteuid() == 0:
        programs = missing_programs()
        if programs and shutil.which("apt-get"):
            try:
                apt_install(programs, "Some tests need")
            except SetUpError as error:
                print(f"Tests that need {' and '.join(programs)} will be skipped: {error}", file=sys.stderr)


def missing_packages() -> list[str]:
    """Debian's names of the required packages that are not installed."""
    packages = [LIBRARIES[name] for name in missing_libraries()]
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        packages.append("python{}.{}-venv".format(*sys.version_info[:2]))
    return packages


def missing_libraries() -> list[str]:
    """Sonames from LIBRARIES that neither the linker's cache nor its search path has."""
    ldconfig = shutil.which("ldconfig", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
    listed = ""
    if ldconfig:
        listed = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False).stdout
    return [name for name in LIBRARIES if f"\t{name} " not in listed and not loads(name)]


def loads(library: str) -> bool:
    """Whether the linker finds a library, as on systems whose cache does not list everything."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_programs() -> list[str]:
    """Debian's names of the packages whose programs single tests need."""
    return [package for program, package in TEST_PROGRAMS.items() if not shutil.which(program)]


def apt_install(packages: list[str], why: str) -> None:
    """Install Debian packages as root or through sudo, saying so. Raises SetUpError where that is not possible."""
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise SetUpError(
            f"{why.lower()} system packages that are not here. On Debian they are called {names}; "
            "install what your system calls them and run again."
        )
    prefix: list[str] = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise SetUpError(f"{why.lower()} {names}. Ask an administrator for: apt-get install {names}")
        prefix = ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    print(f"{why} {names}: installing with {' '.join([*prefix, 'apt-get'])}", flush=True)
    environment = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    subprocess.call([*environment, "update"])
    if subprocess.call([*environment, "install", "-y", "--no-install-recommends", *packages]) != 0:
        raise SetUpError(
            f"apt-get could not install {names}; its message is above. Install them and run again."
        )


# ------------------------------------------------------------------------------------------------ Python packages


def digest(kind: str) -> str:
    """What an installation was made from and for."""
    content = hashlib.sha256()
    for path in [*(HERE / name for name in LOCKS[kind]), ROOT / "pyproject.toml"]:
        content.update(path.read_bytes())
    content.update(repr((sys.version_info[:2], str(ROOT))).encode())
    return content.hexdigest()


def stamp(kind: str) -> Path:
    """The file that says that an installation was finished."""
    return VENV / f"pterion-{kind}"


def is_ready(kind: str) -> bool:
    """Whether the last installation was finished and still fits the lock, the project and this Python."""
    if UNFINISHED.exists() or not PYTHON.exists():
        return False
    try:
        return stamp(kind).read_text(encoding="utf-8") == digest(kind)
    except OSError:
        return False


def install(kind: str) -> None:
    """Make `.venv` and bring the locked packages and the project in. Raises SetUpError where that fails.

    A mark stands in `.venv` while it is worked on. Found at the start, it tells of an interrupted run, whose
    half-copied packages pip would take for whole: then the environment is made anew.
    """
    if VENV.exists() and (UNFINISHED.exists() or not is_sound()):
        print(f"{VENV} is not whole: making it anew", flush=True)
        shutil.rmtree(VENV)
    try:
        VENV.mkdir(exist_ok=True)
        UNFINISHED.touch()
    except OSError as error:
        raise SetUpError(
            f"{VENV} cannot be written: {error.strerror}. Put Pterion where you may write."
        ) from error
    if not PYTHON.exists():
        command([sys.executable, "-m", "venv", str(VENV)], "the virtual environment could not be made")
    print(download_text(kind), flush=True)
    locks = [part for name in LOCKS[kind] for part in ("-r", str(HERE / name))]
    command([*pip("install"), *locks], "pip could not install the packages")
    UNFINISHED.unlink()
    project = ["--no-deps", "--no-build-isolation", "--quiet", "-e", str(ROOT)]
    command([*pip("install"), *project], "pip could not install Pterion itself")
    for done in ("run", kind):
        stamp(done).write_text(digest(done), encoding="utf-8")


def is_sound() -> bool:
    """Whether the Python in `.venv` starts, is of this version and has pip."""
    ask = "import sys, pip; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.stdout.split() == [str(number) for number in sys.version_info[:2]]


def pip(*arguments: str) -> list[str]:
    """A call of the environment's pip, which reads its own configuration."""
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]


def command(words: list[str], failure: str) -> None:
    """Run a command. Raises SetUpError where it fails."""
    if subprocess.call(words) != 0:
        raise SetUpError(
            f"{failure}; the reason is above. Check the network and the disk, and run this again."
        )


def download_text(kind: str) -> str:
    """How much pip is about to fetch, said before it does."""
    size = "about 500 MB to download (less what pip has cached), 2 GB on disk"
    if cuda_torch():
        size = "about 3 GB to download (less what pip has cached), 7 GB on disk: pip finds PyTorch with CUDA here"
    what = "the packages and the test tools" if kind == "test" else "the packages"
    return f"Setting Pterion up in {VENV}: installing {what}, {size}."


def cuda_torch() -> bool:
    """Whether the torch that pip would fetch here brings CUDA: PyPI's does on Linux, unless pip is configured else."""
    if not sys.platform.startswith("linux"):
        return False
    torch = next(
        line for line in (HERE / "lock.txt").read_text("utf-8").split() if line.startswith("torch==")
    )
    ask = [*pip("install"), "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-", torch]
    answer = subprocess.run(ask, capture_output=True, text=True, check=False)
    try:
        needs = json.loads(answer.stdout)["install"][0]["metadata"].get("requires_dist", [])
    except (ValueError, LookupError):
        return False
    return any(need.startswith(("nvidia", "cuda")) for need in needs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
