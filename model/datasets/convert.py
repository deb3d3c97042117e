"""From a source to a data set: item by item, in several processes if wanted, resumable, with an index at the end."""

import json
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from model.datasets.folder import (
    DAMAGED,
    INDEX,
    JOURNAL,
    DataSet,
    DataSetError,
    Entry,
    describe,
    entry_of,
    read_index,
)
from model.datasets.folder import write_index as write
from model.errors import Cancelled, PterionError
from model.file_lock import try_lock, unlock
from model.sample import Sample, save_sample

LOCK = ".lock"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class Source(Protocol):
    """Where samples come from. A copy of it goes to every worker process, so it can be pickled and is small."""

    @property
    def command(self) -> str:
        """The sub-command of `pterion data`, which also begins the names of the sample files."""

    @property
    def options(self) -> dict[str, Any]:
        """JSON-compatible options that decide what comes out; a folder made with others is not gone on with."""

    def items(self) -> Mapping[str, Any]:
        """What there is to convert: what `read` needs for an item, by the item's name. Raises PterionError."""

    def read(self, item: str, content: Any, /) -> Iterable[Sample]:
        """The samples of one item. PterionError skips it and is told; anything else ends the conversion."""


@dataclass(frozen=True)
class Progress:
    """How far a conversion is. left_s: seconds left, None while that is unknown."""

    done: int
    total: int
    skipped: int
    left_s: float | None


@dataclass(frozen=True)
class _Result:
    """What became of one item: its entries, or the reason why there is none."""

    item: str
    entries: tuple[Entry, ...] = ()
    skipped: str = ""


class _WriteError(PterionError):
    """The samples cannot be written; no other item would fare better."""

    code = "DISK"


def convert(
    source: Source,
    folder: Path,
    *,
    workers: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    renew: bool = False,
) -> DataSet:
    """Write the samples of `source` and their index to `folder`, and return the data set.

    Items that an earlier run wrote are kept, those that it skipped are tried again. renew: items that the source
    has no more are removed. Raises PterionError where nothing can be read or written, or where the folder holds
    something else; Cancelled. Then what is written stays, and another run goes on from there.
    """
    items = dict(source.items())
    made_by = {"command": source.command, "options": source.options}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            kept = _kept(folder, made_by, items if renew else None)
            # The journal starts anew with what is kept; from now on the data set is unfinished.
            _begin_journal(folder, made_by, kept)
            done = {result.item for result in kept}
            results = [*kept]
            waiting = {item: content for item, content in items.items() if item not in done}
            clock = _Clock(len(items), len(items) - len(waiting), on_progress)
            for result in _results(source, folder, waiting, workers, cancelled):
                _append(folder, result)
                results.append(result)
                clock.tick(bool(result.skipped))
            return _finish(folder, made_by, results)
    except OSError as error:
        raise _WriteError(
            f"The samples cannot be written to {folder.name} ({error.strerror}). Free some space or choose another "
            "folder, and run the command again; it goes on where it stopped."
        ) from error


def summary(data_set: DataSet) -> dict[str, Any]:
    """What a conversion made, for JSON."""
    return {
        "folder": str(data_set.folder),
        "made_by": data_set.made_by,
        "samples": len(data_set),
        "patients": len(data_set.patients()),
        "slices": sum(entry.shape[0] for entry in data_set.entries),
        "skipped": [{"item": item, "text": text} for item, text in data_set.skipped],
        "notes": [{"item": e.item, "text": text} for e in data_set.entries for text in e.notes],
    }


def file_stem(command: str, item: str) -> str:
    """A file name for an item: its own name where that is one everywhere, else a digest of it."""
    plain = (
        item if _PLAIN.fullmatch(item) and not item.endswith(".") else sha256(item.encode()).hexdigest()[:20]
    )
    return f"{command}-{plain}"


class _Clock:
    """Tells how far it is, and from the pace so far how long it will take."""

    def __init__(self, total: int, done: int, tell: Callable[[Progress], None] | None) -> None:
        self._total, self._start, self._done, self._skipped = total, done, done, 0
        self._tell, self._began = tell, time.monotonic()

    def tick(self, skipped: bool) -> None:
        """One more item is done."""
        self._done += 1
        self._skipped += skipped
        if self._tell is not None:
            pace = (time.monotonic() - self._began) / (self._done - self._start)
            left = pace * (self._total - self._done) if self._done - self._start >= 3 else None
            self._tell(Progress(self._done, self._total, self._skipped, left))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the one conversion that writes to `folder`. Raises DataSetError where another one does."""
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        if not try_lock(file):
            raise DataSetError(
                f"Another conversion writes to {folder.name} now. Wait for it, or choose another folder."
            )
        try:
            yield
        finally:
            unlock(file)


def _kept(folder: Path, made_by: dict[str, Any], wanted: Mapping[str, Any] | None) -> list[_Result]:
    """What an earlier run has written and still lies there; files of items not in `wanted` are removed."""
    for path in folder.glob(".sample-*.npz"):
        path.unlink()  # half a sample, of a run that was killed
    found: dict[str, list[Entry]] = {}
    for entry in _entries_before(folder, made_by):
        path = folder / entry.file
        if path.is_file() and path.stat().st_size == entry.size:
            found.setdefault(entry.item, []).append(entry)
    for item in [item for item in found if wanted is not None and item not in wanted]:
        for entry in found.pop(item):
            (folder / entry.file).unlink()
    return [_Result(item, tuple(entries)) for item, entries in found.items()]


def _entries_before(folder: Path, made_by: dict[str, Any]) -> Iterator[Entry]:
    """Entries of the index, or of the journal of a run that was interrupted. Raises DataSetError."""
    journal = folder / JOURNAL
    if not journal.exists():
        if (folder / INDEX).exists():
            data_set = read_index(folder)
            _require_same(folder, data_set.made_by, made_by)
            yield from data_set.entries
        elif any(not path.name.startswith(".") for path in folder.iterdir()):
            raise DataSetError(f"{folder.name} holds other files. Choose an empty folder for the data set.")
        return
    lines = journal.read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        try:
            content = json.loads(line)
            if number == 0:
                _require_same(folder, content["made_by"], made_by)
            else:
                yield from map(entry_of, content["entries"])
        except DAMAGED:
            continue  # the last line of a run that was killed; its item is made again


def _require_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    if before != json.loads(json.dumps(now)):
        raise DataSetError(
            f"{folder.name} holds a data set that `pterion data {before.get('command')}` made with other options or "
            "from other data. Choose another folder."
        )


def _begin_journal(folder: Path, made_by: dict[str, Any], kept: list[_Result]) -> None:
    work = folder / f"{JOURNAL}.new"
    lines = [json.dumps({"made_by": made_by}), *map(_line, kept)]
    work.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.replace(work, folder / JOURNAL)


def _line(result: _Result) -> str:
    return json.dumps({"item": result.item, "entries": [asdict(entry) for entry in result.entries]})


def _append(folder: Path, result: _Result) -> None:
    with (folder / JOURNAL).open("a", encoding="utf-8") as file:
        file.write(f"{_line(result)}\n")


def _finish(folder: Path, made_by: dict[str, Any], results: list[_Result]) -> DataSet:
    entries = tuple(sorted((e for result in results for e in result.entries), key=lambda entry: entry.file))
    skipped = tuple(sorted((result.item, result.skipped) for result in results if result.skipped))
    if not entries:
        reason = f" The first reason: {skipped[0][1]}" if skipped else ""
        raise DataSetError(f"No sample could be made of {len(skipped)} items.{reason}")
    data_set = DataSet(folder, entries, made_by, skipped)
    write(data_set)
    (folder / JOURNAL).unlink()
    return data_set


def _results(
    source: Source,
    folder: Path,
    items: Mapping[str, Any],
    workers: int,
    cancelled: Callable[[], bool] | None,
) -> Iterator[_Result]:
    """What becomes of each item, as it is done: here, or in `workers` processes. Raises PterionError, Cancelled."""
    if workers == 1 or len(items) < 2:
        for item, content in items.items():
            if cancelled is not None and cancelled():
                raise Cancelled
            yield _convert_one(source, folder, item, content)
        return
    # A process that is forked would take threads' locks along; small matrices need no threads of their own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(source, folder)) as pool:
        try:
            futures = [pool.submit(_convert_in_worker, item, content) for item, content in items.items()]
            for future in as_completed(futures):
                if cancelled is not None and cancelled():
                    raise Cancelled
                yield future.result()
        except BrokenProcessPool as error:
            raise DataSetError(
                "A worker process ended suddenly, perhaps for want of memory. Run the command again with fewer "
                "--workers; what is done is kept."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_job: tuple[Source, Path] | None = None


def _begin_worker(source: Source, folder: Path) -> None:
    """What a worker process needs for every item; stopping is its parent's business."""
    global _job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _job = (source, folder)


def _end_with_parent() -> None:
    """End when the parent does: a worker whose parent was killed would wait for its next item for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _convert_in_worker(item: str, content: Any) -> _Result:
    if _job is None:
        raise RuntimeError("the worker was not begun")
    return _convert_one(*_job, item, content)


def _convert_one(source: Source, folder: Path, item: str, content: Any) -> _Result:
    """Read one item and write its samples. Raises _WriteError where they cannot be written."""
    entries = []
    try:
        for number, sample in enumerate(source.read(item, content), 1):
            stem = file_stem(source.command, item) + (f"+{number}" if number > 1 else "")
            path = folder / f"{stem}.npz"
            try:
                save_sample(sample, path)
            except OSError as error:
                raise _WriteError(
                    f"{path.name} cannot be written to {folder.name} ({error.strerror}). Free some space and run the "
                    "command again; it goes on where it stopped."
                ) from error
            entries.append(describe(sample, path, item))
    except _WriteError:
        raise
    except PterionError as error:
        for entry in entries:
            (folder / entry.file).unlink(missing_ok=True)
        return _Result(item, skipped=str(error))
    return _Result(item, tuple(entries))
