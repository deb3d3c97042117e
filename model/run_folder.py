"""A retraining as a folder: what was asked, what it reports, how to stop it. Read and written without torch.

```
runs/retrain.lock      held by the one training that runs; the system releases it when the process ends
runs/<name>/request.json   samples/*.npz   events.jsonl   log.txt   candidate/
            stop           end, keep the best so far      abandon      end, keep nothing     pause   wait
            training/      checkpoints to go on from      examples.npz, worst.npz            slices to show
```
"""

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from model.errors import PterionError
from model.file_lock import LOCKED_BYTE, try_lock, unlock
from model.labels import CODES

Event = dict[str, Any]

FORMAT = 1
LOCK = "retrain.lock"
REQUEST, EVENTS, SAMPLES, CANDIDATE = "request.json", "events.jsonl", "samples", "candidate"
STOP, ABANDON, PAUSE = "stop", "abandon", "pause"
TRAINING, EXAMPLES, WORST = "training", "examples.npz", "worst.npz"
TERMINAL = ("candidate", "failed", "cancelled", "probed")
"""The last event of every run is one of these."""

LOCK_TRIES, LOCK_RETRY_S = 10, 0.05
PAUSE_POLL_S = 0.1


@dataclass(frozen=True)
class Request:
    """What a run is asked for.

    base: version folder to start from, always the bundled one. incumbent: that in use, to compare with.
    cache: folder where simulated heads are kept from run to run. split: part of each patient, by pseudonym.
    subtypes: codes that the reader looked for; of the others nothing is known where none is drawn.
    steps: of the training; 0 takes what `minutes` allow. device: None takes a GPU where there is one.
    replay, watched, reference: simulated heads to train with, to stop by, to compare on. size, slices: of each.
    nice: how far the run stands back for other work. code: version of the program. left_out: what was not used, in
    sentences. probe: only time three steps.
    """

    base: str
    incumbent: str
    candidate_id: str
    cache: str
    split: dict[str, str] = field(default_factory=dict)
    subtypes: tuple[str, ...] = CODES
    seed: int = 0
    steps: int = 0
    minutes: float = 2.5
    threads: int = 2
    device: str | None = None
    learning_rate: float = 0.0
    replay: int = 24
    watched: int = 6
    reference: int = 12
    size: int = 224
    slices: int = 16
    nice: int = 10
    code: str = ""
    left_out: tuple[str, ...] = ()
    probe: bool = False

    def write(self, folder: Path) -> None:
        """Write request.json into `folder`, whole or not at all."""
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".request-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"format": FORMAT, **asdict(self)}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, folder / REQUEST)
        finally:
            Path(temporary).unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> "Request":
        """The request in `folder`. Raises PterionError where it cannot be used."""
        try:
            table = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
            if table.pop("format") != FORMAT:
                raise ValueError("another format")
            table["subtypes"], table["left_out"] = tuple(table["subtypes"]), tuple(table["left_out"])
            return cls(**table)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise PterionError(
                f"The training {folder.name} cannot be read ({error}). Start a new one."
            ) from error


class Control:
    """What the window asks of a run, as files in its folder."""

    def __init__(self, folder: Path, log: "EventLog") -> None:
        self._folder, self._log = folder, log

    def stopped(self) -> bool:
        """Whether to end the training; waits as long as the run is paused."""
        self._wait()
        return self._asked(STOP) or self.abandoned()

    def abandoned(self) -> bool:
        """Whether to end the run without a candidate."""
        return self._asked(ABANDON)

    def _wait(self) -> None:
        if not self._asked(PAUSE) or self._asked(STOP) or self.abandoned():
            return
        self._log("paused")
        while self._asked(PAUSE) and not (self._asked(STOP) or self.abandoned()):
            time.sleep(PAUSE_POLL_S)
        self._log("resumed")

    def _asked(self, name: str) -> bool:
        return (self._folder / name).exists()


class EventLog:
    """Appends events to a run's file, one JSON object a line, from any thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS
        self._lock = threading.Lock()

    def __call__(self, event: str, **facts: object) -> None:
        """Append one event."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **facts}) + "\n"
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line)

    def read(self) -> str:
        """All events so far, heartbeats left out, a line each."""
        return "".join(
            json.dumps(event) + "\n"
            for event in read_events(self._path.parent)[0]
            if event["event"] != "heartbeat"
        )

    @contextmanager
    def heartbeat(self, every_s: float = 2.0) -> Iterator[None]:
        """Append `heartbeat` events while the block runs, so that a window sees that the child lives."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(every_s):
                self("heartbeat")

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def read_events(folder: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Whole events from byte `offset` on, and the offset of the next. A damaged line is skipped."""
    try:
        with (folder / EVENTS).open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return [], offset
    whole = content[: content.rfind(b"\n") + 1]
    events = []
    for line in whole.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            events.append(event)
    return events, offset + len(whole)


@contextmanager
def running_lock(runs: Path, name: str) -> Iterator[None]:
    """Be the one training in `runs`. Raises PterionError where another one is."""
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / LOCK).open("a+", encoding="utf-8") as file:
        if not _lock_soon(file):
            raise PterionError("A training runs already. Wait for it, or stop it first.", code="BUSY")
        try:
            file.seek(0)
            file.truncate()
            json.dump({"pid": os.getpid(), "run": name}, file)
            file.flush()
            yield
        finally:
            file.seek(0)
            file.truncate()
            file.flush()
            unlock(file)


def _lock_soon(file: IO[str]) -> bool:
    """Whether the lock could be had; a window that asks `running` holds it for an instant."""
    for _ in range(LOCK_TRIES):
        if try_lock(file):
            return True
        time.sleep(LOCK_RETRY_S)
    return False


def running(runs: Path) -> str | None:
    """Name of the run that is training now, or None. A killed process holds no lock."""
    try:
        with (runs / LOCK).open("r+", encoding="utf-8") as file:
            if try_lock(file):
                unlock(file)
                return None
            file.seek(0)
            return str(json.loads(file.read(LOCKED_BYTE))["run"])
    except (OSError, ValueError, KeyError):
        return None
