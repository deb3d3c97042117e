"""Keep a report with the version it judges: `python -m model.evaluation.attach VERSION NAME REPORT.json`.

The version's report.json holds the slim reports by name of their set; its card is written anew from them.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model import card
from model.errors import ModelFileError, PterionError
from model.evaluation.report import FORMAT, Report, slim
from model.labels import CODES, SCORES
from model.registry import INFO, REPORT, verify

_CARD = "card.md"


def attach(folder: Path, name: str, table: Report, limits: tuple[str, ...] = ()) -> None:
    """Add a report under `name` (one of that name is replaced) and write the card anew, all or nothing.

    limits: more of what is known to go wrong, for the card. Raises ModelFileError where the version is not sound
    or cannot be written.
    """
    info = verify(folder)
    reports = {**read_reports(folder), name: slim(table)}
    info["metrics"] = {**info.get("metrics", {}), name: compact(table)}
    info["limits"] = list(dict.fromkeys([*info.get("limits", ()), *limits]))
    written = {
        REPORT: json.dumps({"format": FORMAT, "sets": reports}, separators=(",", ":"), allow_nan=False)
        + "\n",
        _CARD: card.text(info["id"], info, reports),
    }
    for file, text in written.items():
        info["files"][file] = hashlib.sha256(text.encode()).hexdigest()
    written[INFO] = json.dumps(info, indent=1, allow_nan=False) + "\n"
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        new, old = temporary / folder.name, temporary / "before"
        shutil.copytree(folder, new)
        for file, text in written.items():
            (new / file).write_bytes(text.encode())
        verify(new)
        os.rename(folder, old)
        os.rename(new, folder)
    except OSError as error:
        raise ModelFileError(
            f"The report cannot be kept with the model {folder.name} ({error.strerror}). Free some space."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_reports(folder: Path) -> dict[str, Report]:
    """The reports of a version by name of their set; none where it has none. Raises ModelFileError where damaged."""
    path = folder / REPORT
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ModelFileError(
                f"{REPORT} of the model {folder.name} has format {content['format']}, this program reads {FORMAT}."
            )
        return dict(content["sets"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{REPORT} of the model {folder.name} cannot be read ({error}). Evaluate it again."
        ) from error


def compact(table: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers of a report that model.json holds."""
    found = {name: cell["value"] for name, cell in table["systems"][table["model"]]["measures"].items()}
    data = table["data"]
    return {
        "patients": data["patients"],
        "patients_bleeding": data["studies_bleeding"],
        "slices": data["slices"],
        "slices_bleeding": data["slices_bleeding"],
        **{
            level: {code: {"auc": found[f"{level}_auc_{code}"]} for code in SCORES}
            for level in ("study", "slice")
        },
        "dice": found["dice_any"],
        "dice_by_subtype": {code: found[f"dice_{code}"] for code in CODES},
        "slice_calibration_error": found["slice_ece_any"],
        "criterion": table.get("shifted", {}).get("criterion"),
    }


def main(argv: list[str]) -> int:
    """Attach a report that `pterion evaluate` wrote."""
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, name, path = argv
    try:
        attach(Path(folder), name, json.loads(Path(path).read_text(encoding="utf-8")))
    except (PterionError, OSError, ValueError, KeyError) as error:
        print(f"The report was not attached: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
