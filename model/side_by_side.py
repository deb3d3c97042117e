"""Two versions held against each other by what was measured when they were made."""

from typing import Any

from model.registry import Version
from model.verdict import REFERENCE

Values = dict[tuple[str, str], float]


def side_by_side(first: Version, second: Version) -> list[dict[str, Any]]:
    """Rows of `set`, `measure`, `values` on the same cases.

    Where one was judged beside the other, those are the reader's test patients and the reference set of then. Else it
    is the reference set, which is the same for all that one program made.
    """
    if first.info.get("incumbent") == second.id:
        tables = [_measured(first, "after"), _measured(first, "before")]
    elif second.info.get("incumbent") == first.id:
        tables = [_measured(second, "before"), _measured(second, "after")]
    else:
        tables = [
            {name: value for name, value in _measured(version, "after").items() if name[0] == REFERENCE}
            for version in (first, second)
        ]
    return [
        {"set": name[0], "measure": name[1], "values": [table[name] for table in tables]}
        for name in tables[0]
        if name in tables[1]
    ]


def _measured(version: Version, side: str) -> Values:
    """Values by set and measure of the candidate (`after`) or of the one that was in use (`before`)."""
    found: Values = {}
    metrics = version.info.get("metrics")
    for name, measures in metrics.items() if isinstance(metrics, dict) else ():
        for measure, by_code in measures.items() if isinstance(measures, dict) else ():
            for code, row in by_code.items() if isinstance(by_code, dict) else ():
                if isinstance(row, dict) and isinstance(row.get(side), int | float):
                    found[str(name), f"{measure} {code}"] = float(row[side])
    return found
