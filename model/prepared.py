"""Samples on a network's grid, kept on disk: made and checked once, then read page by page while training.

```
<cache>/<digest>/   hu.bin   labels.bin   cases.json (written last: without it the folder is made again)
```
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from model.batches import Case
from model.datasets import ct_ich
from model.datasets.folder import INDEX, JOURNAL, open_data_set
from model.errors import Cancelled, PterionError
from model.networks.base import View
from model.sample import Sample, load_sample

FORMAT = 1
CASES = "cases.json"


@dataclass(frozen=True)
class Source:
    """A folder to train on.

    count: its samples. digest: of their names and sizes. stamp: changes also when a file is written again.
    """

    name: str
    count: int
    digest: str
    stamp: str
    samples: Callable[[], Iterator[Sample]]


def open_source(folder: Path) -> Source:
    """The CT-ICH folder, data set or plain folder of samples at `folder`. Raises PterionError where it is none."""
    if not folder.is_dir():
        raise PterionError(f"There is no folder {folder.name}. Name folders that hold samples or CT-ICH.")
    if (folder / ct_ich.TABLE).exists() or (folder / "Patients_CT").is_dir():
        numbers = ct_ich.patients(folder)
        ct_ich.bleeding(folder)  # raises where the table is missing or damaged
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
        return _source(folder, files, len(numbers), lambda: (ct_ich.read_patient(folder, n) for n in numbers))
    if (folder / INDEX).exists() or (folder / JOURNAL).exists():
        data_set = open_data_set(folder)
        files = [folder / entry.file for entry in data_set.entries]
        return _source(folder, files, len(data_set), data_set.samples)
    # A name with a dot in front is a file that is still being written.
    paths = sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))
    if not paths:
        raise PterionError(f"{folder.name} holds no sample. Name folders that hold samples or CT-ICH.")
    return _source(folder, paths, len(paths), lambda: (load_sample(path) for path in paths))


def _source(folder: Path, files: list[Path], count: int, samples: Callable[[], Iterator[Sample]]) -> Source:
    """Of names, sizes and times: contents are checked when they are read."""
    facts = [(path.relative_to(folder).as_posix(), path.stat()) for path in files]
    sizes = [(name, stat.st_size) for name, stat in facts]
    times = [stat.st_mtime_ns for _, stat in facts]
    digest, stamp = (sha256(json.dumps(table).encode()).hexdigest() for table in (sizes, [sizes, times]))
    return Source(folder.name, count, digest, stamp, samples)


def prepare(
    source: Source,
    view: View,
    cache: Path,
    tell: Callable[[int, int], None] = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Case]:
    """Every sample of `source` as `view` shows it, read from `cache` or made there; `tell` hears how many are done.

    Raises InvalidSampleError for the first sample that does not validate, PterionError where the disk is full,
    and Cancelled.
    """
    folder = cache / sha256(f"{FORMAT} {view.key} {source.stamp}".encode()).hexdigest()[:20]
    if not (folder / CASES).exists():
        temporary = _place(cache)
        try:
            _make(source, view, temporary, tell, cancelled)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(temporary, folder)
        except OSError as error:
            raise PterionError(
                f"The prepared samples of {source.name} cannot be written ({error.strerror}). Free some space."
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return _open(folder)


def _place(cache: Path) -> Path:
    """An empty folder in `cache`, which is made if need be."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=cache, prefix=".making-"))
    except OSError as error:
        raise PterionError(
            f"Nothing can be written to {cache.name} ({error.strerror}). Name another folder."
        ) from error


def _make(
    source: Source,
    view: View,
    folder: Path,
    tell: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> None:
    rows: list[dict[str, Any]] = []
    with (folder / "hu.bin").open("wb") as hu, (folder / "labels.bin").open("wb") as labels:
        for sample in source.samples():
            if cancelled():
                raise Cancelled
            case = view.look(sample)
            hu.write(np.ascontiguousarray(case.hu, np.int16).tobytes())
            labels.write(np.ascontiguousarray(case.labels, np.uint8).tobytes())
            rows.append(
                {
                    "patient": case.patient,
                    "source": case.source,
                    "size": case.hu.shape[-1],
                    "scores": case.scores.tolist(),
                    "gaps_mm": case.gaps_mm.tolist(),
                }
            )
            tell(len(rows), source.count)
        for file in (hu, labels):
            file.flush()
            os.fsync(file.fileno())
    (folder / CASES).write_text(json.dumps({"format": FORMAT, "cases": rows}), encoding="utf-8")


def _open(folder: Path) -> list[Case]:
    rows = json.loads((folder / CASES).read_text(encoding="utf-8"))["cases"]
    total = sum(len(row["scores"]) for row in rows)
    shape = (total, rows[0]["size"], rows[0]["size"])
    # Copy on write: the files stay as they are, and torch takes arrays that may be written to.
    hu = np.asarray(np.memmap(folder / "hu.bin", np.int16, "c", shape=shape))
    labels = np.asarray(np.memmap(folder / "labels.bin", np.uint8, "c", shape=shape))
    cases, start = [], 0
    for row in rows:
        part = slice(start, start + len(row["scores"]))
        start = part.stop
        cases.append(
            Case(
                hu[part],
                labels[part],
                np.array(row["scores"], np.int8),
                np.array(row["gaps_mm"], np.float32),
                row["patient"],
                row["source"],
            )
        )
    return cases
