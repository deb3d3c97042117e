"""Write `lock.txt`, `lock-test.txt` and `lock-release.txt`: the versions in this environment that the project needs.

Run it with the environment's Python after its packages were changed and the suite has passed:
`.venv/bin/python packaging/lock.py`. A list whose packages are not installed there stays as it is: that of a release
is written with the Python of `build/environment`, which packaging/build.py makes. Versions only, no hashes and no
addresses, so that pip's own configuration decides where a package comes from and which build of it.
"""

import importlib.metadata as metadata
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent


def closure(requirements: list[str]) -> dict[str, str]:
    """Installed version by name of `requirements` and of everything they need on this platform."""
    found: dict[str, str] = {}
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        distribution = metadata.distribution(name)
        if name not in found:
            found[name] = distribution.version.partition("+")[0]
            extras = ["", *requirement.extras]
            needed = [Requirement(text) for text in distribution.requires or []]
            waiting += [(each, extra) for each in needed for extra in extras]
    return found


def main() -> None:
    """Write both files beside this one."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    # setuptools builds the project itself, without fetching another one.
    run = closure([*project["dependencies"], "setuptools"])
    write("lock.txt", run)
    for kind in ("test", "release"):
        try:
            more = closure(extras[kind])
        except metadata.PackageNotFoundError as error:
            print(f"lock-{kind}.txt stays as it is: {error.name} is not installed here")
            continue
        write(f"lock-{kind}.txt", {k: v for k, v in more.items() if k not in run})


def write(file: str, versions: dict[str, str]) -> None:
    """One list, beside this file."""
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    (HERE / file).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
