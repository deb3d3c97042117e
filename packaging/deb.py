#!/usr/bin/env python3
"""A Debian package of a built folder: `python3 packaging/deb.py build/dist/pterion [--out DIR]`.

It goes to /opt, with a command, an entry in the menu, an icon and the type of DICOM files. Needs dpkg-deb.
Standard library only.
"""

from __future__ import annotations

import argparse
import gzip
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import contents

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MAINTAINER = "The Pterion authors <pterion@localhost>"
# What Qt needs of the system; everything else is in the folder. The libraries that it was built with set the C library.
DEPENDS = ("libc6 (>= {glibc})", "libgl1", "libegl1")
DESCRIPTION = {
    "full": "Head CT reader with a hemorrhage model that learns from its reader",
    "reader": "Head CT reader with a hemorrhage model, without training",
}
LONG = """\
 Reads CT of the head from folders, archives and media, scores each slice for
 five kinds of hemorrhage, and keeps what its reader draws. Research use only.
 Not for diagnosis."""


def main(argv: list[str] | None = None) -> int:
    """Pack the folder that `argv` names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "dist")
    parser.add_argument("--fast", action="store_true", help="do not compress: for a trial on this machine")
    arguments = parser.parse_args(argv)
    print(pack(arguments.folder, arguments.out, fast=arguments.fast))
    return 0


def pack(folder: Path, out: Path, *, fast: bool = False) -> Path:
    """The package of a built folder, named as Debian does. fast: not compressed."""
    flavour = next(each for each in contents.FLAVOURS.values() if each.folder == folder.name)
    version, architecture = contents.version(ROOT), tool("dpkg", "--print-architecture")
    with tempfile.TemporaryDirectory(prefix="pterion-deb-") as work:
        tree = Path(work) / "tree"
        lay_out(folder, flavour, tree)
        size_kib = sum(path.lstat().st_size for path in tree.rglob("*") if not path.is_dir()) // 1024
        control = tree / "DEBIAN" / "control"
        control.parent.mkdir()
        control.write_text(control_text(flavour, version, architecture, size_kib, glibc_of(folder)), "utf-8")
        out.mkdir(parents=True, exist_ok=True)
        package = out / f"{flavour.folder}_{version}_{architecture}.deb"
        how = ["-Znone"] if fast else ["-Zxz", "-z3"]
        words = ["dpkg-deb", "--root-owner-group", *how, "--build", str(tree), str(package)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return package


def control_text(
    flavour: contents.Flavour, version: str, architecture: str, size_kib: int, glibc: str
) -> str:
    """The package's control file."""
    other = next(each.folder for each in contents.FLAVOURS.values() if each != flavour)
    lines = (
        f"Package: {flavour.folder}",
        f"Version: {version}",
        f"Architecture: {architecture}",
        f"Maintainer: {MAINTAINER}",
        f"Installed-Size: {size_kib}",
        f"Depends: {', '.join(DEPENDS).format(glibc=glibc)}",
        f"Conflicts: {other}",
        f"Replaces: {other}",
        "Section: science",
        "Priority: optional",
        f"Description: {DESCRIPTION[flavour.name]}",
        LONG,
    )
    return "\n".join(lines) + "\n"


def lay_out(folder: Path, flavour: contents.Flavour, tree: Path) -> None:
    """What the package puts where."""
    home = tree / "opt" / "pterion"
    shutil.copytree(folder, home, symlinks=True)
    command = tree / "usr" / "bin" / "pterion"
    command.parent.mkdir(parents=True)
    command.symlink_to("../../opt/pterion/pterion")
    share = tree / "usr" / "share"
    for source, place in (
        (HERE / "linux" / "pterion.desktop", "applications/pterion.desktop"),
        (HERE / "linux" / "pterion.xml", "mime/packages/pterion.xml"),
        (ROOT / "assets" / "icons" / "pterion.svg", "icons/hicolor/scalable/apps/pterion.svg"),
        (ROOT / "LICENSE", f"doc/{flavour.folder}/copyright"),
    ):
        (share / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, share / place)
    changes = gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), mtime=0)
    (share / "doc" / flavour.folder / "changelog.gz").write_bytes(changes)
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def glibc_of(folder: Path) -> str:
    """The newest version of the C library that anything in the folder asks for."""
    newest = (2, 17)
    for path in folder.rglob("*"):
        if not path.is_symlink() and path.is_file() and (".so" in path.name or path.parent == folder):
            found = re.findall(rb"GLIBC_(\d+)\.(\d+)\b", path.read_bytes())
            newest = max([newest, *((int(major), int(minor)) for major, minor in found)])
    return f"{newest[0]}.{newest[1]}"


def tool(*words: str) -> str:
    """What a program says."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
