"""Hours in minutes: `python -m viewer.bench.soak [--minutes 60] [--studies 20] [--out FILE.csv]`.

A reader's day by script: open one of many studies, in one layout after another, scroll, let it be scored, draw, take
back. Beside it the model is retrained, its candidate answers for a while, and the model before comes back. After each
study memory, handles and threads are noted. It fails where they grow from the second quarter of the time to the last.
Linux, where /proc tells them. Everything happens in a folder that is deleted afterwards.
"""

import argparse
import csv
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from model.errors import PterionError
from viewer.bench import drive, memory, selftest

if TYPE_CHECKING:
    from viewer.app import Application

SIZE_PX, SLICES = 256, 20
SPELL = 20
"""Studies read with a candidate, and without one before the next retraining starts."""
LOOK_MS = 800
"""How long a reader looks at a study, beyond what the program takes."""
MORE_MB, MORE_HANDLES, MORE_THREADS = 24.0, 4.0, 2.0
"""What may be added between the second quarter and the last: caches fill, nothing grows."""


@dataclass(frozen=True)
class Reading:
    """What the process held after a study. memory_mb: physical memory, 2²⁰ bytes. candidates: of retrainings."""

    turn: int
    seconds: float
    memory_mb: float
    handles: int
    threads: int
    candidates: int = 0


def measured(turn: int, start: float, candidates: int) -> Reading:
    """As it is now, garbage collected."""
    gc.collect()
    handles = sum(1 for _ in Path("/proc/self/fd").iterdir())
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    return Reading(
        turn, round(time.monotonic() - start, 1), memory.resident() / 2**20, handles, threads, candidates
    )


def growth(readings: Sequence[Reading]) -> dict[str, float]:
    """Memory (MB), handles and threads of the last quarter over those of the second: medians."""
    if len(readings) < 8:
        raise PterionError(f"{len(readings)} studies are too few to tell; run it longer.", code="SOAK")
    quarter = len(readings) // 4
    early, late = readings[quarter : 2 * quarter], readings[-quarter:]

    def more(name: str) -> float:
        return float(
            median(getattr(each, name) for each in late) - median(getattr(each, name) for each in early)
        )

    return {name: round(more(name), 2) for name in ("memory_mb", "handles", "threads")}


def flat(more: dict[str, float]) -> bool:
    """Whether that is no growth."""
    limits = {"memory_mb": MORE_MB, "handles": MORE_HANDLES, "threads": MORE_THREADS}
    return all(more[name] <= limit for name, limit in limits.items())


def soak(minutes: float, studies: int, out: Path | None) -> dict[str, object]:
    """Read for so long; what was held on the way and whether it stayed flat. Raises PterionError."""
    drive.without_screen()
    made = tempfile.TemporaryDirectory(prefix="pterion-soak-", ignore_cleanup_errors=True)
    with made as data, selftest.environment("PTERION_DATA", data):
        folders = _studies(Path(data) / "heads", studies)
        readings = []
        for reading in _turns(folders, 60 * minutes):
            readings.append(reading)
            if out is not None:
                _note(out, reading)
    more = growth(readings)
    return {
        "studies": len(readings),
        "minutes": round(readings[-1].seconds / 60, 1),
        "candidates": readings[-1].candidates,
        "first": asdict(readings[0]),
        "last": asdict(readings[-1]),
        "growth": more,
        "flat": flat(more),
    }


def _studies(folder: Path, count: int) -> list[Path]:
    """Folders of simulated patients, the first of them annotated in the library."""
    from viewer.jobs.demo import ANNOTATED, write_demo_library
    from viewer.resources import data_dir

    patients = [
        replace(ANNOTATED[number % len(ANNOTATED)], size=SIZE_PX, slices=SLICES, seed=7000 + number)
        for number in range(count)
    ]
    write_demo_library(folder, data_dir(), patients=patients)
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _turns(folders: Sequence[Path], seconds: float) -> Iterator[Reading]:
    start = time.monotonic()
    application = drive.open_window(empty=True)
    learning = _Learning(application)
    try:
        with selftest.short_training():
            turn = 0
            while time.monotonic() - start < seconds:
                _read(application, folders[turn % len(folders)], turn)
                learning.go_on()
                turn += 1
                yield measured(turn, start, learning.candidates)
            learning.stop()
    finally:
        drive.close(application)


class _Learning:
    """Retrainings beside the reading: start one, promote its candidate, roll back, each after a spell of studies."""

    def __init__(self, application: "Application") -> None:
        self.candidates = 0
        self._application = application
        self._studies = 0

    def go_on(self) -> None:
        """After each study. Raises PterionError where a retraining failed."""
        session = self._application.session
        state = session.retraining
        self._studies += 1
        if state.state == "failed":
            raise PterionError(f"Retraining failed: {state.text}", code="SOAK")
        if state.state == "candidate":
            self.candidates += 1
            self._studies = 0
            session.promote_requested.emit(state.candidate_id)
            drive.wait(lambda: session.model_id == state.candidate_id, "Promoting the candidate")
        elif state.state == "idle" and self._studies == SPELL and self.candidates:
            answered = session.model_id
            session.roll_back_requested.emit()
            drive.wait(lambda: session.model_id != answered, "Rolling back")
        elif state.state == "idle" and self._studies >= 2 * SPELL:
            self._application.teaching.start()

    def stop(self) -> None:
        """Cancel a retraining that goes on: its process would outlive the window."""
        session = self._application.session
        if session.retraining.state not in ("idle", "candidate", "failed"):
            session.retrain_cancel_requested.emit()
            drive.wait(
                lambda: session.retraining.state in ("idle", "candidate"), "Cancelling", selftest.RETRAIN_S
            )


def _read(application: "Application", folder: Path, turn: int) -> None:
    """One study, as a reader would."""
    from viewer.imaging.layouts import LAYOUTS

    session = application.session
    before = session.volume
    session.request_open(folder)
    drive.wait(lambda: session.volume is not before and drive.loaded(application), f"Opening study {turn}")
    session.panes.set_layout(LAYOUTS[turn % len(LAYOUTS)])
    drive.pause(LOOK_MS)
    drive.wheel(application, 4)
    drive.wheel(application, -7)
    drive.wheel(application, 3)
    drive.wait(lambda: drive.scored(application), f"Scoring study {turn}")
    for _ in range(selftest.draw(application)):
        session.undo_requested.emit()
    drive.wait(lambda: session.save_state == "Saved", f"Keeping what was drawn in study {turn}")


def _note(out: Path, reading: Reading) -> None:
    new = not out.exists()
    with out.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow([each.name for each in fields(Reading)])
        writer.writerow([f"{value:.1f}" if isinstance(value, float) else value for value in astuple(reading)])


def main(argv: Sequence[str] | None = None) -> int:
    """Soak and print what came out as JSON; 1 where something grew."""
    parser = argparse.ArgumentParser(description="Read studies for a long time and watch memory.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--out", type=Path, help="CSV that grows with each study")
    arguments = parser.parse_args(argv)
    result = soak(arguments.minutes, arguments.studies, arguments.out)
    print(json.dumps(result, indent=1))
    return 0 if result["flat"] else 1


if __name__ == "__main__":
    sys.exit(main())
