"""The numbers of retraining: to the verdict, its memory, how soon it stops, how soon another version answers."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.errors import PterionError
from viewer.bench.rows import Promise

Answer = dict[str, float]
PATIENT_SLICES = 6
"""Slices that stay annotated or reviewed of each of the demo's eight patients: about 50 in all."""
POLL_S = 0.05
FEW_HEADS: dict[str, Any] = {"replay": 6, "watched": 3, "reference": 0}
"""Enough for a training that is only to go on meanwhile."""

PROMISES = (
    Promise(
        "G.verdict", "s", 300, "about 50 annotated slices of 8 patients: from the request to the verdict"
    ),
    Promise("G.memory", "MB", 2048, "of it the training process's memory at its peak"),
    Promise("G.stop", "s", 2, "from Stop to the end of the training, the best so far kept"),
    Promise("G.promote", "s", 1, "another version answers: promoted, its predictor loaded"),
    Promise("G.roll_back", "s", 1, "the one before answers again"),
    Promise("G.scroll_p99", "ms", 12, "a step through three linked views with masks while it trains"),
)
PROBES: tuple[tuple[str, tuple[str, ...], tuple[int, float] | str | None], ...] = (
    ("retrain", ("G.verdict", "G.memory", "G.promote", "G.roll_back"), (2, 5.0)),
    ("beside_training", ("G.scroll_p99", "G.stop"), (300, 0.5)),
)


def annotated_library(folder: Path) -> Path:
    """A library of eight simulated patients with `PATIENT_SLICES` slices each, bleeding ones first; made once."""
    from viewer.jobs.demo import write_demo_library
    from viewer.library.store import Library

    if (folder / "library").is_dir():
        return folder / "library"
    write_demo_library(folder / "patients", folder / "library")
    library = Library(folder / "library")
    try:
        for study_uid, series_uid in library.annotated_series():
            whole = library.load_document(study_uid, series_uid)
            drawn = list(dict.fromkeys(a.sop_uid for a in whole.annotations))[: PATIENT_SLICES - 2]
            quiet = sorted(whole.reviewed_slices)[: PATIENT_SLICES - len(drawn)]
            kept = tuple(a for a in whole.annotations if a.sop_uid in drawn)
            fewer = replace(whole, annotations=kept, reviewed_slices=frozenset(quiet))
            library.save_document(fewer, action="bench", reader="bench", previous=whole)
    finally:
        library.close()
    return folder / "library"


def retrain(folder: Path) -> Answer:
    """The whole of it without a window, then the change of versions."""
    from model.predict import Predictor, load_runtime
    from viewer.cli.work import registry
    from viewer.jobs.retrain_headless import retrain_headless

    library, store, peak = annotated_library(folder.parent / "teaching"), registry(), [0.0]

    def watch(event: dict[str, Any]) -> None:
        if "pid" in event:
            threading.Thread(target=_watch_memory, args=(int(event["pid"]), peak), daemon=True).start()

    start = time.perf_counter()
    result = retrain_headless(library, registry=store, on_event=watch)
    verdict = time.perf_counter() - start
    if result["outcome"] != "candidate":
        raise PterionError(f"the training ended with {result['outcome']}")
    load_runtime()  # as the window does once it is up
    times = []
    for change in (lambda: store.promote(result["candidate"]), store.roll_back):
        begun = time.perf_counter()
        Predictor(change().path, threads=2)
        times.append(time.perf_counter() - begun)
    return {"G.verdict": verdict, "G.memory": peak[0], "G.promote": times[0], "G.roll_back": times[1]}


def _watch_memory(pid: int, peak: list[float]) -> None:
    """Keep the peak of a process's memory in MB for as long as it runs; Linux only."""
    status = Path(f"/proc/{pid}/status")
    while True:
        try:
            lines = status.read_text(encoding="ascii").splitlines()
        except OSError:
            return
        for line in lines:
            if line.startswith("VmHWM:"):
                peak[0] = max(peak[0], int(line.split()[1]) / 1024)
        time.sleep(POLL_S)


@contextmanager
def training(folder: Path) -> Iterator[Path]:
    """A run that has begun to train and has something to keep; abandoned at the end."""
    from viewer.cli.work import registry
    from viewer.jobs import retrain as job
    from viewer.library.store import Library

    library = Library(annotated_library(folder.parent / "teaching"))
    run = job.prepare_run(library, registry(), **FEW_HEADS).folder
    library.close()
    job.launch(run)
    events = job.tail(run)
    if not any(event["event"] == "epoch" for event in events):
        raise PterionError("the training ended before it had begun")
    try:
        yield run
    finally:
        job.abandon(run)
        for _ in job.tail(run):
            pass


def beside_training(folder: Path) -> Answer:
    """Scroll as `A.scroll_p99` does while a training runs; then stop it: from the request to its word that it ends."""
    from model.run_folder import read_events
    from viewer.bench import screen
    from viewer.jobs import retrain as job

    if (os.cpu_count() or 1) < 2:
        raise PterionError("a training beside the window needs two cores")
    with training(folder) as run:
        steps = screen.scroll(folder)["A.scroll_p99"]
        if any(event["event"] == "comparing" for event in read_events(run)[0]):
            raise PterionError("the training ended before the scrolling did")
        start = time.perf_counter()
        job.stop(run)
        while not any(event["event"] == "comparing" for event in read_events(run)[0]):
            time.sleep(POLL_S)
        return {"G.scroll_p99": steps, "G.stop": time.perf_counter() - start}


CHILD: dict[str, Callable[[Path], Answer]] = {"retrain": retrain}
ON_SCREEN: dict[str, Callable[[Path], Answer]] = {"beside_training": beside_training}
