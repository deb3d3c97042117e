"""What Pterion is made of, and under which licences: from the metadata of what is installed, full texts included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.resources import asset, licence

if TYPE_CHECKING:
    from importlib.metadata import Distribution

OURS = "pterion"
_TEXTS = re.compile(r"^(licen[sc]es?|copying|notice|copyright|thirdparty)", re.IGNORECASE)
_NOT_TEXT = (".py", ".pyc", ".pyi", ".h", ".so", ".json")
_FIELDS = ("License-Expression", "License")
_SHORT = 60
_STANDARD = (("LGPL", "LGPL-3.0"), ("GPL", "GPL-3.0"), ("Apache", "Apache-2.0"), ("MIT", "MIT"))
"""What to look for in a licence's name, and the text in `assets/licences` for packages that carry none."""


@dataclass(frozen=True)
class Component:
    """A part of the program. licence: its short name, as its authors say it; text: in full."""

    name: str
    version: str
    licence: str
    text: str


def components() -> tuple[Component, ...]:
    """Pterion first, then everything it needs to run, by name. It takes a while: some hundred files are read."""
    from viewer import __version__

    typeface = Component("Inter", "typeface", "OFL-1.1", asset("fonts/OFL.txt").read_text(encoding="utf-8"))
    others = [typeface, *map(_component, _needed().values())]
    own = Component("Pterion", __version__, "Apache-2.0", licence())
    return (own, *sorted(others, key=lambda each: each.name.casefold()))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed() -> dict[str, Distribution]:
    """What Pterion needs and what that needs, by normal name; everything installed where Pterion itself is not."""
    from importlib.metadata import (
        PackageNotFoundError,
        distribution,
        distributions,
    )  # slow, and seldom needed

    found: dict[str, Distribution] = {}
    try:
        waiting = list(_requirements(distribution(OURS)))
    except PackageNotFoundError:
        waiting = [each.name for each in distributions()]
    while waiting:
        name = waiting.pop()
        if _normal(name) in found or _normal(name) == OURS:
            continue
        try:
            there = distribution(name)
        except PackageNotFoundError:  # needed on another system, or by another Python
            continue
        found[_normal(name)] = there
        waiting += _requirements(there)
    return found


def _requirements(of: Distribution) -> Iterator[str]:
    for line in of.requires or ():
        name = re.match(r"[\w.-]+", line)
        if name is not None and "extra ==" not in line:
            yield name[0]


def _component(of: Distribution) -> Component:
    said = next((of.metadata[name] for name in _FIELDS if of.metadata.get_all(name)), "")
    first = said.strip().splitlines()[0] if said.strip() else ""
    if not first or len(first) > _SHORT or first.startswith(("Files:", "Copyright")):
        listed = (each for each in of.metadata.get_all("Classifier") or () if each.startswith("License ::"))
        first = first if len(said) < 4 * _SHORT and first and not first.startswith("Files:") else ""
        first = next((each.rpartition(" :: ")[2] for each in listed), first or "see its text")
    name = of.metadata["Name"]
    return Component(name, of.version, first, _text(name, first, of))


def _text(name: str, short: str, of: Distribution) -> str:
    """The full texts that a package carries; where it carries none, the standard ones."""
    found = tuple(_files(of))
    if found:
        return "\n\n".join(f"{title}\n{'=' * len(title)}\n{words.strip()}" for title, words in found)
    standard = (file for word, file in _STANDARD if word in short)
    texts = [asset(f"licences/{file}.txt").read_text(encoding="utf-8").strip() for file in standard]
    return "\n\n".join([f"{name}: {short}", *texts])


def _files(of: Distribution) -> Iterator[tuple[str, str]]:
    """Name and words of every licence file of a package."""
    for file in of.files or ():
        in_licences = "licenses" in file.parts[:-1]
        if file.suffix in _NOT_TEXT or not (in_licences or _TEXTS.match(file.name)):
            continue
        path = Path(str(of.locate_file(file)))
        if path.is_file():
            yield "/".join(file.parts[1:]) or file.name, path.read_text(encoding="utf-8", errors="replace")
