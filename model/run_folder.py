"""A retraining as a folder: what was asked, what it reports, how to stop it. Read and written without torch.

```
runs/retrain.lock      held by the one training that runs; the system releases it when the process ends
runs/<name>/request.json   samples/*.npz   events.jsonl   log.txt   stop   candidate/
```
"""

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from model.errors import PterionError
from model.file_lock import LOCKED_BYTE, try_lock, unlock

Event = dict[str, Any]

FORMAT = 1
LOCK = "retrain.lock"
REQUEST, EVENTS, STOP, SAMPLES, CANDIDATE = "request.json", "events.jsonl", "stop", "samples", "candidate"
TERMINAL = ("candidate", "failed", "cancelled")
"""The last event of every run is one of these."""

LOCK_TRIES, LOCK_RETRY_S = 10, 0.05


@dataclass(frozen=True)
class Request:
    """What a run is asked for.

    base: version folder to start from, always the bundled one. incumbent: that in use, to compare with.
    cache: folder where simulated heads are kept from run to run. minutes: time for the training itself.
    replay, regression: simulated heads to train with and to compare on. size, slices: of a simulated head.
    """

    base: str
    incumbent: str
    candidate_id: str
    cache: str
    seed: int = 0
    epochs: int = 16
    minutes: float = 3.0
    threads: int = 2
    learning_rate: float = 2e-4
    replay: int = 10
    regression: int = 8
    size: int = 224
    slices: int = 16

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
            return cls(**table)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise PterionError(
                f"The training {folder.name} cannot be read ({error}). Start a new one."
            ) from error


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
