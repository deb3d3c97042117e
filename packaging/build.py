#!/usr/bin/env python3
"""Build Pterion as a folder that needs no Python: `python3 packaging/build.py [--flavour full|reader]`.

Makes `build/environment` from the locks, a wheel of the checkout, and from both `build/dist/pterion` (everything) or
`build/dist/pterion-reader` (without what training needs). What is left out, and why, stands in contents.py.
Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import contents
import notices
import slimming

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build"
LOCKS = ("lock.txt", "lock-release.txt")
SOURCES = ("viewer", "model", "assets", "pyproject.toml", "README.md", "LICENSE")


class BuildError(Exception):
    """Something is missing or went wrong; the text says what and what to do."""


def main(argv: list[str] | None = None) -> int:
    """Build what `argv` asks for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flavour", choices=contents.FLAVOURS, action="append", help="default: full")
    parser.add_argument("--out", type=Path, default=BUILD / "dist", help="where the folders go")
    parser.add_argument(
        "--environment", type=Path, default=BUILD / "environment", help="virtual environment to build with"
    )
    parser.add_argument("--commit", help="build this commit (default: the checkout as it is)")
    arguments = parser.parse_args(argv)
    try:
        python = environment(arguments.environment)
        with tempfile.TemporaryDirectory(prefix="pterion-build-") as work:
            install(python, wheel(python, Path(work), arguments.commit))
        for name in arguments.flavour or ["full"]:
            folder = freeze(python, contents.FLAVOURS[name], arguments.out)
            print(f"{folder}: {size_mb(folder):.0f} MB")
    except BuildError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    return 0


def environment(folder: Path) -> Path:
    """The Python of the environment that builds, made from the locks where it is not there. Raises BuildError."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        run([sys.executable, "-m", "venv", str(folder)], "the environment could not be made")
    locks = [word for lock in LOCKS for word in ("-r", str(HERE / lock))]
    run([str(python), "-m", "pip", "install", "--quiet", *locks], "the packages could not be installed")
    ask = "import torch; print(torch.version.cuda or '')"
    cuda = subprocess.run(
        [str(python), "-c", ask], capture_output=True, text=True, check=False
    ).stdout.strip()
    if cuda:
        raise BuildError(
            f"the environment holds PyTorch for CUDA {cuda}, which takes several GB. Install the build for processors "
            f"into it: {python} -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
        )
    return python


def copy_sources(copy: Path, commit: str | None) -> None:
    """What a wheel is made of: of a commit, or of the checkout as it is. Raises BuildError for an unknown commit."""
    if commit is not None:
        archive = copy.with_suffix(".tar")
        words = ["git", "-C", str(ROOT), "archive", "-o", str(archive), commit, "--", *SOURCES]
        run(words, f"the sources of {commit} could not be taken out of Git")
        shutil.unpack_archive(archive, copy, filter="data")
        archive.unlink()
        return
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(source, copy / name)


def wheel(python: Path, out: Path, commit: str | None = None) -> Path:
    """A wheel, made from a copy: what an earlier build left behind must not get in. Raises BuildError."""
    with tempfile.TemporaryDirectory(prefix="pterion-source-") as work:
        copy = Path(work) / "source"
        copy.mkdir()
        copy_sources(copy, commit)
        words = [
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(out),
            str(copy),
        ]
        run([str(python), *words], "the wheel could not be made")
    (made,) = out.glob("pterion-*.whl")
    return made


def install(python: Path, made: Path) -> None:
    """Put the wheel into the environment, in place of an earlier one."""
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", str(made)]
    run([str(python), *words], "the wheel could not be installed")


def freeze(python: Path, flavour: contents.Flavour, out: Path) -> Path:
    """The built folder with the licences of what is in it. Raises BuildError, also where it grew too large."""
    with tempfile.TemporaryDirectory(prefix="pterion-icons-") as icons:
        if sys.platform in ("win32", "darwin"):
            run([str(python), str(HERE / "icons.py"), icons], "the icons could not be made")
        words = ["-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
        work = BUILD / "work" / flavour.name
        words += ["--distpath", str(out), "--workpath", str(work), str(HERE / "pterion.spec")]
        changed = {"PTERION_FLAVOUR": flavour.name, "PTERION_ICONS": icons}
        BUILD.mkdir(exist_ok=True)
        run([str(python), *words], "PyInstaller failed", cwd=BUILD, env={**os.environ, **changed})
    folder = out / flavour.folder
    slimming.slim(folder / "_internal")
    for name, text in notices.notices(folder).items():
        path = folder / "licences" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE.txt")
    size = size_mb(folder)
    if size > flavour.most_mb:
        raise BuildError(
            f"{folder.name} takes {size:.0f} MB, and {flavour.most_mb} MB are promised. `du -d 2` tells what grew; "
            "contents.py says what is left out."
        )
    return folder


def size_mb(folder: Path) -> float:
    """What the files of a folder take, 10⁶ bytes; a link counts nothing."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


def run(words: list[str], failure: str, **options: object) -> None:
    """Run a command. Raises BuildError with `failure` where it fails."""
    print("+", " ".join(words), flush=True)
    if subprocess.call(words, **options):  # type: ignore[call-overload]
        raise BuildError(f"{failure}; the message is above")


if __name__ == "__main__":
    sys.exit(main())
