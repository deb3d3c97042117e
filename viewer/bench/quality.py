"""The model: how good it is, read from the report that is kept with it, and how fast and large it runs here."""

import time
from pathlib import Path
from typing import Any

from model.errors import PterionError
from model.evaluation.attach import read_reports
from model.evaluation.measures import lower_is_better
from model.labels import CODES
from viewer.bench import memory
from viewer.bench.rows import Promise
from viewer.cli.work import registry

PATIENTS, HEADS = "ct-ich-fold-4", "phantom-test"
"""Sets of the report: patients never trained on, and simulated heads of unseen seeds."""
_PHANTOM_DICE = {"IPH": 0.80, "IVH": 0.70, "EDH": 0.75, "SDH": 0.65, "SAH": 0.45}
_TRIVIAL = ("false_ml", "false_marks", "ece", "hausdorff95_mm")
"""Where a system that never answers yes is best, or has no value."""

# Row → set of the report, measure there.
_STORED: dict[str, tuple[str, str]] = {
    "C.dice": (PATIENTS, "dice_any"),
    "C.slice_auc": (PATIENTS, "slice_auc_any"),
    "C.study_auc": (PATIENTS, "study_auc_any"),
    "C.slice_ece": (PATIENTS, "slice_ece_any"),
    "C.phantom_auc": (HEADS, "slice_auc_any"),
    **{f"C.phantom_auc_{code}": (HEADS, f"slice_auc_{code}") for code in CODES},
    **{f"C.phantom_dice_{code}": (HEADS, f"dice_{code}") for code in CODES},
}

PROMISES = (
    Promise("C.dice", "", 0.60, "Dice over bleeding patients never trained on (stored report)", least=True),
    Promise("C.slice_auc", "", 0.95, "slice AUC of any bleeding on them", least=True),
    Promise("C.study_auc", "", 0.95, "study AUC of any bleeding on them", least=True),
    Promise("C.slice_ece", "", 0.05, "calibration error of the slice score on them"),
    Promise("C.behind", "rows", 0, "rows of their table in which another system is ahead"),
    Promise(
        "C.criterion", "", None, "mean over them as they are and as other scanners show them", least=True
    ),
    Promise("C.phantom_auc", "", 0.98, "slice AUC of any bleeding on unseen simulated heads", least=True),
    *(Promise(f"C.phantom_auc_{code}", "", 0.95, f"the same of {code}", least=True) for code in CODES),
    *(
        Promise(f"C.phantom_dice_{code}", "", least, f"Dice of {code} on unseen simulated heads", least=True)
        for code, least in _PHANTOM_DICE.items()
    ),
)

STORED = tuple(promise.name for promise in PROMISES)
"""Rows that are read, not measured."""
SPEED = (
    Promise("C.score_40", "s", 1.2, "40 slices: from HU to masks on their own grid, two threads"),
    Promise("C.score_first", "s", 0.1, "the first of them"),
    Promise("C.score_memory", "MB", 400, "memory beyond the runtime meanwhile"),
)
PROBES = (("answers", tuple(promise.name for promise in SPEED), (40, 5.0)),)


def answers(folder: Path) -> dict[str, float]:
    """Load the model and score a loaded volume, in the order of its slices."""
    from model.predict import Predictor, SliceResult, load_runtime
    from viewer.dicom.load import load_all
    from viewer.dicom.scan import scan
    from viewer.jobs.score import source_of

    volume = load_all(scan([folder]).studies[0].series[0])
    load_runtime()
    memory.reset_peak()
    before = memory.resident()
    predictor = Predictor(registry().bundled().path, threads=2)
    arrivals: list[float] = []

    def take(_: SliceResult) -> None:
        arrivals.append(time.perf_counter())

    start = time.perf_counter()
    predictor.score(source_of(volume, volume.spacing_mm), range(len(volume.hu)), take, lambda: False)
    return {
        "C.score_40": time.perf_counter() - start,
        "C.score_first": arrivals[0] - start,
        "C.score_memory": (memory.peak() - before) / 1e6,
    }


def stored() -> tuple[dict[str, float], dict[str, str]]:
    """Values of the rows as the bundled model's report has them, and why others have none."""
    version = registry().bundled()
    reports = read_reports(version.path)
    values: dict[str, float] = {}
    problems: dict[str, str] = {}
    for promise in PROMISES:
        place = _STORED.get(promise.name, (PATIENTS, ""))[0]
        try:
            if place not in reports:
                raise PterionError(f"the model {version.id} keeps no report on {place}")
            values[promise.name] = _value(promise.name, reports[place])
        except PterionError as error:
            problems[promise.name] = str(error)
    return values, problems


def behind(report: dict[str, Any]) -> list[str]:
    """Measures of a report in which another system is ahead of its model."""
    own = report["systems"][report["model"]]["measures"]
    others = [system["measures"] for name, system in report["systems"].items() if name != report["model"]]
    found = []
    for name, cell in own.items():
        if any(part in name for part in _TRIVIAL) or cell["value"] is None:
            continue
        sign = -1 if lower_is_better(name) else 1
        rivals = [other[name]["value"] for other in others if other[name]["value"] is not None]
        if any(sign * rival > sign * cell["value"] for rival in rivals):
            found.append(name)
    return found


def _value(row: str, report: dict[str, Any]) -> float:
    if row == "C.behind":
        return float(len(behind(report)))
    if row == "C.criterion":
        value = report.get("shifted", {}).get("criterion")
    else:
        value = report["systems"][report["model"]]["measures"][_STORED[row][1]]["value"]
    if value is None:
        raise PterionError(f"it is not defined on {report['data']['name']}")
    return float(value)
