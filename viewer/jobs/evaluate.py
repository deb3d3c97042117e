"""Judge a model on labelled cases beside plain systems and other models, and write the report."""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import PterionError
from model.registry import INFO, Registry
from viewer.resources import require_reports

if TYPE_CHECKING:
    from model.evaluation.answer import Scorer

FIRST_SEED = 9_000_000
"""Simulated heads of the shifted panel; no training takes seeds from here on."""
REPORT, PAGE = "report.json", "report.html"


@dataclass(frozen=True)
class Request:
    """What is asked for.

    model, beside: ids of models, folders of versions or of training runs. fold: of five, or None for all patients.
    shifted: also as other scanners would show them. heads: so many simulated heads of unseen scanners with them,
    kept in `cache`. out: folder for the report, or None.
    """

    model: str
    data: Path
    beside: tuple[str, ...] = ()
    fold: int | None = None
    shifted: bool = False
    heads: int = 24
    cache: Path | None = None
    out: Path | None = None
    threads: int = 2


def evaluate_model(
    request: Request, registry: Registry, on_progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Judge, write report.json and report.html where asked to, and give the report.

    Raises PterionError where the model, the data or the folder cannot be used, or in a package that cannot evaluate.
    """
    require_reports()
    from model.evaluation.baselines import AlwaysNegative, HuThreshold
    from model.evaluation.data import open_cases
    from model.evaluation.page import page
    from model.evaluation.report import evaluate
    from model.evaluation.scorers import open_model
    from model.evaluation.speed import measure_speed

    places = [find_model(name, registry) for name in (request.model, *request.beside)]
    systems: list[Scorer] = [open_model(place, request.threads) for place in places]
    cases = open_cases(request.data, request.fold)
    if request.out is not None:
        _prepare(request.out)
    evaluation = evaluate(
        [*systems, AlwaysNegative(), HuThreshold()], cases, data=cases.name, on_progress=on_progress
    )
    report = evaluation.table
    report["warnings"] = [*filter(None, (_seen(place, request.fold) for place in places))]
    if request.shifted:
        report["shifted"] = _panel(request, systems[0], on_progress)
    if (places[0] / INFO).is_file():
        on_progress("speed")
        report["speed"] = measure_speed(places[0], next(iter(cases)), request.threads)
    if request.out is not None:
        _write(request.out / REPORT, json.dumps(report, indent=1, allow_nan=False) + "\n")
        _write(request.out / PAGE, page(evaluation))
    return report


def find_model(name: str, registry: Registry) -> Path:
    """Folder or file of what the user calls `name`: a path that is there, else the id of a model."""
    path = Path(name)
    return path if path.exists() else registry.get(name).path


def _seen(place: Path, fold: int | None) -> str:
    """A sentence where the model at `place` is known to have learned from other patients than those of `fold`."""
    kept = _fold_kept(place)
    if kept == -1 or (kept is not None and kept == fold):
        return ""
    known = "No fold was" if kept is None else f"Only fold {kept} was"
    return (
        f"{known} kept from the training of {place.name}: patients judged here may be among those it learned from, "
        "and its numbers too good."
    )


def _fold_kept(place: Path) -> int | None:
    """The fold that a training kept back, None where it kept none, -1 where that is not known."""
    try:
        if (place / INFO).is_file():
            training = json.loads((place / INFO).read_text("utf-8"))["training"]
            return int(training["fold"]) if training["fold"] is not None else None
        kept = json.loads((place / "run.json").read_text("utf-8"))["fold"]
    except (OSError, ValueError, KeyError, TypeError):
        return -1
    return None if kept is None else int(kept)


def _panel(request: Request, scorer: "Scorer", on_progress: Callable[[str], None]) -> dict[str, Any]:
    from model.evaluation.data import open_cases
    from model.evaluation.panel import shifted_panel

    more = {}
    if request.heads:
        folder = simulated_heads(request.cache or Path(tempfile.mkdtemp()), request.heads, on_progress)
        more = {"simulated, unseen scanners": open_cases(folder).first(request.heads)}
    return shifted_panel(scorer, open_cases(request.data, request.fold), more, on_progress=on_progress)


def simulated_heads(folder: Path, count: int, on_progress: Callable[[str], None] = lambda _: None) -> Path:
    """`folder` with `count` simulated heads of scanners that training never had; those that are there stay."""
    from model.phantom.write import sample_path, write_one

    for number in range(count):
        if not sample_path(folder, FIRST_SEED + number).exists():
            on_progress(f"simulating head {number + 1} of {count}")
            write_one(folder, 256, 32, 5.0, "shifted", FIRST_SEED + number)
    return folder


def _prepare(folder: Path) -> None:
    """Make the folder now: an hour later is too late to learn that it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PterionError(
            f"The report cannot be written to {folder.name} ({error.strerror}). Name another folder."
        ) from error


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".report-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp lets nobody else read
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
