#!/usr/bin/env python3
"""Make a release: `python3 packaging/release.py [--skip-smoke]`.

From the commit that is checked out, into build/release: the wheel, the built folders as archives, Debian packages, the
site, the bill of materials of each package, the table of licences, and SHA256SUMS over all of it. What is built is
tried before it is packed. packaging/README.md has the list of what comes before and after. Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import build
import contents
import deb

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUT = ROOT / "build" / "release"


def main(argv: list[str] | None = None) -> int:
    """Build everything; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip-smoke", action="store_true", help="do not try what was built")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--environment", type=Path, default=build.BUILD / "environment")
    arguments = parser.parse_args(argv)
    try:
        ready()
        release(arguments.out, arguments.environment, smoke=not arguments.skip_smoke)
    except (build.BuildError, subprocess.CalledProcessError, OSError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def ready() -> None:
    """Raises BuildError where something is not committed, or the changes of this version are not written down."""
    changed = deb.tool("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    if changed:
        raise build.BuildError(f"not committed:\n{changed}")
    version = contents.version(ROOT)
    if f"\n## {version}" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        raise build.BuildError(f"CHANGELOG.md has no section “## {version}”: rename “Unreleased” and date it")


def release(out: Path, environment: Path, *, smoke: bool) -> None:
    """Everything of a release in `out`, which is made anew."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    python = build.environment(environment)
    build.install(python, build.wheel(python, out, "HEAD"))
    licensing = subprocess.run([python, HERE / "licensing.py"], check=True, capture_output=True, text=True)
    (out / "licences.txt").write_text(licensing.stdout, encoding="utf-8")
    audit(python, out)
    for flavour in contents.FLAVOURS.values():
        folder = build.freeze(python, flavour, build.BUILD / "dist")
        if smoke:
            subprocess.run([sys.executable, HERE / "smoke.py", folder], check=True)
        pack(folder, out)
        words = [python, HERE / "bill.py", flavour.name, folder, out / f"{flavour.folder}.cdx.json"]
        subprocess.run(words, check=True)
        if shutil.which("dpkg-deb"):
            deb.pack(folder, out)
    site(python, out)
    sums(out)


def audit(python: Path, out: Path) -> None:
    """Ask the advisory database about the locked versions; what it says, or that it could not be asked."""
    words = [python, "-m", "pip_audit", "-r", HERE / "lock.txt", "--no-deps", "--disable-pip"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    unasked = said.count("could not be audited")
    (out / "audit.txt").write_text(said, encoding="utf-8")
    print(
        f"pip-audit ended with {done.returncode}, {unasked} packages not found: read audit.txt and advisories.md"
    )


def pack(folder: Path, out: Path) -> Path:
    """A built folder as an archive, named by version and platform."""
    name = f"{folder.name}-{contents.version(ROOT)}-{sys.platform}-{os.uname().machine}"
    archive = out / f"{name}.tar.xz"
    with tarfile.open(archive, "w:xz", preset=3) as file:
        file.add(folder, arcname=name)
    return archive


def site(python: Path, out: Path) -> None:
    """The documentation as pages for a web server."""
    words = [
        python,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "-f",
        HERE / "mkdocs.yml",
        "-d",
        out / "site",
    ]
    subprocess.run(words, check=True)


def sums(out: Path) -> None:
    """SHA256SUMS over every file, in the form that `sha256sum --check` reads."""
    lines = []
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != "SHA256SUMS":
            with path.open("rb") as file:
                lines.append(
                    f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(out).as_posix()}\n"
                )
    (out / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
