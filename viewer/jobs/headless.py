"""Any number of studies scored without a window: `pterion score`. One that cannot be scored never stops the rest."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from model.errors import PterionError
from model.predict import Predictor
from model.registry import Registry, Version
from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.jobs.crew import Model, score_all
from viewer.jobs.outputs import NOTHING, Outputs
from viewer.jobs.score_log import Entry, ScoreLog
from viewer.jobs.study_score import Task, error_entry, score_study

Tell = Callable[[str], None]
Cancelled = Callable[[], bool]


def score_paths(
    paths: Sequence[Path],
    *,
    registry: Registry,
    model_id: str | None = None,
    series_uid: str | None = None,
    outputs: Outputs = NOTHING,
    lines: Path | None = None,
    table: Path | None = None,
    resume: bool = False,
    light: bool = False,
    workers: int = 0,
    threads: int = 2,
    on_progress: Tell | None = None,
    cancelled: Cancelled | None = None,
) -> dict[str, Any]:
    """The JSON of `pterion score`: {"studies": […], "notices": […]}, and an "error" where there is nothing to score.

    A study that cannot be scored carries an `error`; `failed` tells whether there is one. lines, table: files of
    JSON lines and CSV that grow with each study; resume: leave out those that are in `lines`. light: leave out the
    slices of what is returned (they are in `lines`). workers: processes; 0 scores in this one. Raises Cancelled.
    """
    try:
        version = registry.current() if model_id is None else registry.get(model_id)
        studies = _studies(paths, series_uid, cancelled)
        log = ScoreLog(lines, table, resume=resume, model_id=version.id)
    except PterionError as error:
        return {"studies": [], "notices": [], "error": error_entry(error)}
    with closing(log):
        tasks = [
            Task(study, series_uid, outputs) for study in studies if not log.done(study.study_uid, series_uid)
        ]
        here = {study.study_uid for study in studies}
        entries = [each for each in log.earlier if each["study_uid"] in here]
        notices = [version.notice] if version.notice else []
        if entries:
            notices.append(f"{len(entries)} of {len(studies)} studies were scored by an earlier run.")
        result: dict[str, Any] = {"studies": entries, "notices": notices}
        run = _in_crew if workers else _here
        try:
            for entry in run(tasks, version, workers, threads, _Pace(len(tasks), on_progress), cancelled):
                log.add(entry)
                entries.append({**entry, "slices": []} if light else entry)
        except PterionError as error:  # the model does not load, or the disk takes no more lines
            result["error"] = error_entry(error)
    return result


def failed(report: dict[str, Any]) -> bool:
    """Whether anything in a report of `score_paths` could not be scored (exit code 1)."""
    return "error" in report or any(entry.get("error") for entry in report["studies"])


class _Pace:
    """Says how far it is, and how fast."""

    def __init__(self, total: int, tell: Tell | None) -> None:
        self._total, self._tell = total, tell
        self._start, self._done, self._failed = time.monotonic(), 0, 0

    def slices(self, place: int, scored: int, total: int) -> None:
        """A study is so far."""
        if self._tell is not None:
            self._tell(f"study {place + 1} of {self._total}: slice {scored} of {total}{self._so_far()}")

    def study(self, entry: Entry) -> None:
        """A study is done."""
        self._done += 1
        self._failed += "error" in entry

    def _so_far(self) -> str:
        if not self._done:
            return ""
        minutes = (time.monotonic() - self._start) / 60
        left = (self._total - self._done) / max(self._done / minutes, 1e-9) if minutes else 0.0
        lost = f", {self._failed} not scored" if self._failed else ""
        return f"; {self._done} done{lost}, {self._done / minutes:.0f} a minute, {left:.0f} min left"


def _here(
    tasks: Sequence[Task], version: Version, _: int, threads: int, pace: _Pace, cancelled: Cancelled | None
) -> Iterator[Entry]:
    """Score in this process. Raises PterionError where the model does not load."""
    predictor = Predictor(version.path, threads)
    for place, task in enumerate(tasks):

        def tell(scored: int, total: int, place: int = place) -> None:
            pace.slices(place, scored, total)

        entry = score_study(task, predictor, on_progress=tell, cancelled=cancelled)
        pace.study(entry)
        yield entry


def _in_crew(
    tasks: Sequence[Task],
    version: Version,
    workers: int,
    threads: int,
    pace: _Pace,
    cancelled: Cancelled | None,
) -> Iterator[Entry]:
    """Score in processes of their own."""
    model = Model(version.path, version.id, threads)
    with closing(score_all(tasks, model, workers, on_progress=pace.slices, cancelled=cancelled)) as entries:
        for entry in entries:
            pace.study(entry)
            yield entry


def _studies(paths: Sequence[Path], series_uid: str | None, cancelled: Cancelled | None) -> tuple[Study, ...]:
    """The studies to score. Raises PterionError where there are none."""
    studies = scan(paths, cancelled=cancelled).studies
    if not studies:
        names = ", ".join(path.name or str(path) for path in paths)
        raise PterionError(
            f"No DICOM study was found in {names}. Choose a folder with a head CT.", code="NO_STUDY"
        )
    if series_uid is None:
        return studies
    chosen = tuple(s for s in studies if any(series.series_uid == series_uid for series in s.series))
    if not chosen:
        raise PterionError(
            f"There is no series {series_uid} here. `pterion index` lists those there are.",
            code="NO_SUCH_SERIES",
        )
    return chosen
