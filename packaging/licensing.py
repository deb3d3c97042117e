"""Which licences the distributions in a package are under, and whether one of them forbids shipping it so.

Nothing copyleft beyond the LGPL may be inside: `PYTHON packaging/licensing.py` prints a table for the environment that
runs it and fails where there is. Licences are read from the metadata: the expression, the classifiers, the old field.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

import contents
from lock import closure

COPYLEFT = re.compile(
    r"(?<!L)(?<!Lesser )(?<!Library )\b(A?GPL|GNU (Affero )?General Public|SSPL|EUPL|CC-BY-(NC|SA))"
)
"""What a licence's name must not hold. The LGPL may: Qt and PySide6 are linked dynamically."""
CHOSEN = {
    "pyside6-essentials": "LGPL-3.0-only",
    "shiboken6": "LGPL-3.0-only",
}
"""Of distributions that offer a choice, the licence that they are shipped under."""


def licence_of(distribution: metadata.Distribution) -> str:
    """What a distribution says of itself, in short."""
    words = distribution.metadata
    chosen = CHOSEN.get(contents.normal(words["Name"]))
    if chosen is not None:
        offered = " ".join([words.get("License-Expression") or "", words.get("License") or ""])
        if chosen.partition("-only")[0] not in offered:
            raise ValueError(f"{words['Name']} no longer offers {chosen}: {offered}")
        return chosen
    classified = [
        each.rpartition(" :: ")[2] for each in words.get_all("Classifier") or () if each[:7] == "License"
    ]
    said = words.get("License-Expression") or "; ".join(classified) or words.get("License") or ""
    return said.strip().splitlines()[0] if said.strip() else "unknown"


def licences(flavour: contents.Flavour) -> dict[str, tuple[str, str]]:
    """(version, licence) by name of every distribution that a flavour holds, from this environment."""
    found = {}
    for name in sorted(closure(["pterion"])):
        if name != "pterion" and not contents.distribution_left_out(name, flavour):
            distribution = metadata.distribution(name)
            found[name] = (distribution.version, licence_of(distribution))
    return found


def copyleft(licence: str) -> bool:
    """Whether a licence reaches over to what it is shipped with. Of `A OR B`, A or B is chosen."""
    choices = re.split(r"\s+OR\s+", licence)
    return all(COPYLEFT.search(choice) for choice in choices)


def offending(table: dict[str, tuple[str, str]]) -> list[str]:
    """Names whose licence is copyleft beyond the LGPL, or not known."""
    return [name for name, (_, licence) in table.items() if licence == "unknown" or copyleft(licence)]


def bundled_readline(folder: Path) -> list[Path]:
    """Libraries of the system under the GPL that a build must not have picked up."""
    return [path for name in ("libreadline*", "libgmp*", "libgdbm*") for path in folder.rglob(name)]


def main() -> int:
    """Print the table of the full package."""
    table = licences(contents.FLAVOURS["full"])
    width = max(map(len, table))
    for name, (version, licence) in table.items():
        print(f"{name:{width}}  {version:12}  {licence}")
    wrong = offending(table)
    for name in wrong:
        print(f"{name} may not be shipped: {table[name][1]}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
