"""Measure what is promised: every probe runs in a child process of its own, several times, and the median counts."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model.errors import PterionError
from viewer.bench import (
    annotating,
    inference,
    keeping,
    packaged,
    quality,
    reading,
    reading_room,
    rows,
    scoring,
    teaching,
)
from viewer.bench.rows import machine, row

TIMEOUT_S = 600

PROMISES = (
    *rows.PROMISES,
    *reading.PROMISES,
    *quality.PROMISES,
    *quality.SPEED,
    *reading_room.PROMISES,
    *annotating.PROMISES,
    *keeping.PROMISES,
    *inference.PROMISES,
    *scoring.PROMISES,
    *teaching.PROMISES,
    *packaged.PROMISES,
)
# Probe of `viewer.bench.child`, the rows it fills, and what it opens: slices and gap in mm, or a folder by name.
PROBES: tuple[tuple[str, tuple[str, ...], tuple[int, float] | str | None], ...] = (
    ("window", ("A.window_up", "A.window_imports"), None),
    ("open", ("A.first_slice", "A.all_slices", "A.load_memory"), (300, 0.5)),
    ("simpleitk", ("A.all_slices",), (300, 0.5)),
    ("read", ("A.read_all",), (300, 0.5)),
    ("pydicom", ("A.read_all",), (300, 0.5)),
    ("scroll", ("A.scroll_p99",), (300, 0.5)),
    ("score", ("A.score_40", "A.score_first"), (40, 5.0)),
    ("late", ("A.gui_late_p99",), (40, 5.0)),
    *reading.PROBES,
    *quality.PROBES,
    *reading_room.PROBES,
    *annotating.PROBES,
    *keeping.PROBES,
    *inference.PROBES,
    *scoring.PROBES,
    *teaching.PROBES,
    *packaged.PROBES,
)


def measure(
    *,
    only: Sequence[str] | None = None,
    repeat: int = 3,
    on_progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The report of `pterion bench`: `rows`, `machine`, and `problems` (row → why it could not be measured).

    only: names of rows, or how they begin; None takes all. Raises PterionError where none is called so.
    """
    wanted = {promise.name for promise in PROMISES if only is None or promise.name.startswith(tuple(only))}
    if not wanted:
        known = ", ".join(promise.name for promise in PROMISES)
        raise PterionError(
            f"No number begins with {' or '.join(only or ())}. There are {known}.", code="UNKNOWN_ROW"
        )
    values: dict[str, list[float]] = defaultdict(list)
    peers: dict[str, list[float]] = defaultdict(list)
    problems: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="pterion-bench-") as work:
        for turn in range(repeat):
            for probe, names, series in PROBES:
                if not wanted & set(names):
                    continue
                on_progress(f"run {turn + 1} of {repeat}: {', '.join(names)} ({probe})")
                try:
                    answer = run_probe(probe, Path(work), series)
                except PterionError as error:
                    problems |= dict.fromkeys(wanted & set(names), str(error))
                    continue
                for name in wanted & set(names):
                    if "peer" in answer:
                        peers[name].append(answer["peer"])
                    if name in answer:
                        values[name].append(answer[name])
    if wanted & set(quality.STORED):
        stored, missing = quality.stored()
        problems |= {name: text for name, text in missing.items() if name in wanted}
        for name in wanted & set(stored):
            values[name].append(stored[name])
    measured = [
        row(promise, values[promise.name], peers[promise.name])
        for promise in PROMISES
        if promise.name in wanted
    ]
    return {"rows": measured, "machine": machine(), "problems": problems}


def run_probe(probe: str, work: Path, series: tuple[int, float] | str | None) -> dict[str, float]:
    """What one probe measured. Raises PterionError where its process fails."""
    arguments = [probe]
    if isinstance(series, str):
        arguments.append(str(reading.prepare(series, work)))
    elif series is not None:
        slices, gap_mm = series
        folder = work / f"series-{slices}"
        if not folder.exists():
            from viewer.bench.series import write

            write(folder, slices, gap_mm)
            reading.settle()
        arguments.append(str(folder))
    checkout = str(Path(__file__).resolve().parents[2])  # where `viewer` was imported from, installed or not
    path = os.pathsep.join(filter(None, (checkout, os.environ.get("PYTHONPATH"))))
    data = tempfile.mkdtemp(prefix="data-", dir=work)  # a new library each time: no scores to be remembered
    environment = {**os.environ, "PTERION_DATA": data, "PYTHONPATH": path}
    # An installed program has its bytecode; a checkout has it from the second start on, unless it is forbidden.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    command = [sys.executable, "-P", "-m", "viewer.bench.child", *arguments, str(time.monotonic())]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PterionError(f"{probe} took more than {TIMEOUT_S} s", code="BENCH") from error
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PterionError(f"{probe} failed: {reason}", code="BENCH")
    answer: dict[str, float] = json.loads(lines[-1])
    return answer
